//! Locks that do not poison and that survive a fork.
//!
//! All state of a lock of the standard library is in the lock itself. Libraries that keep queues of
//! waiting threads in a common table (`parking_lot` is one) leave the queues of the parent's threads
//! behind in a forked child; a new thread of the child, which gets the memory of one of those,
//! then closes a queue to a ring, and whoever walks it never returns. Here a lock that was held or
//! waited for in the parent is abandoned with its [`crate::fork_cell::ForkCell`], and that is all.

use std::sync::PoisonError;
use std::time::Duration;

pub use std::sync::MutexGuard;

/// A mutex whose contents stay usable after a panic: every change under one is a single step.
#[derive(Debug, Default)]
pub struct Mutex<T: ?Sized>(std::sync::Mutex<T>);

impl<T> Mutex<T> {
    /// An open mutex.
    pub const fn new(value: T) -> Self {
        Mutex(std::sync::Mutex::new(value))
    }
}

impl<T: ?Sized> Mutex<T> {
    /// Waits until it is open.
    pub fn lock(&self) -> MutexGuard<'_, T> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until it is open, for about `patience`. For waits that are rare and not urgent: the
    /// lock is looked at every millisecond, as those of the standard library have no such wait.
    pub fn try_lock_for(&self, patience: Duration) -> Option<MutexGuard<'_, T>> {
        const LOOK: Duration = Duration::from_millis(1);
        let (nobody, never) = (Mutex::new(()), Condvar::new());
        let mut left = patience;
        loop {
            if let Some(guard) = self.try_lock() {
                return Some(guard);
            }
            left = left.checked_sub(LOOK)?;
            drop(never.wait_for(nobody.lock(), LOOK));
        }
    }

    /// Takes it if it is open.
    pub fn try_lock(&self) -> Option<MutexGuard<'_, T>> {
        match self.0.try_lock() {
            Ok(guard) => Some(guard),
            Err(std::sync::TryLockError::Poisoned(poisoned)) => Some(poisoned.into_inner()),
            Err(std::sync::TryLockError::WouldBlock) => None,
        }
    }
}

/// A condition to wait for with a [`MutexGuard`].
#[derive(Debug, Default)]
pub struct Condvar(std::sync::Condvar);

impl Condvar {
    /// A condition that nobody waits for.
    #[must_use]
    pub const fn new() -> Self {
        Condvar(std::sync::Condvar::new())
    }

    /// Waits until notified; may wake early.
    pub fn wait<'a, T>(&self, guard: MutexGuard<'a, T>) -> MutexGuard<'a, T> {
        self.0.wait(guard).unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until notified or for `timeout`; may wake early.
    pub fn wait_for<'a, T>(
        &self,
        guard: MutexGuard<'a, T>,
        timeout: Duration,
    ) -> MutexGuard<'a, T> {
        let waited = self.0.wait_timeout(guard, timeout);
        waited.unwrap_or_else(PoisonError::into_inner).0
    }

    /// Wakes all who wait.
    pub fn notify_all(&self) {
        self.0.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_under_the_lock_leaves_it_usable() {
        let mutex = Mutex::new(1);
        let panicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            let _guard = mutex.lock();
            panic!("while it is held");
        }));
        assert!(panicked.is_err());
        *mutex.lock() += 1;
        assert_eq!(mutex.try_lock().map(|value| *value), Some(2));
    }

    #[test]
    fn a_bounded_wait_ends_either_way() {
        let mutex = Mutex::new(());
        let guard = mutex.lock();
        assert!(mutex.try_lock_for(Duration::from_millis(3)).is_none());
        drop(guard);
        assert!(mutex.try_lock_for(Duration::ZERO).is_some());
    }
}
