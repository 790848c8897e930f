//! A value that a forked child replaces instead of repairing.
//!
//! After `fork` only the forking thread exists in the child, so a lock that another thread held
//! stays locked for ever. Whatever guards short-lived state (queues, sets, counters) therefore sits
//! in a [`ForkCell`]: the child raises a counter, and its next access makes a fresh value. The
//! inherited value is neither used nor dropped while the cell lives.

use std::sync::atomic::{AtomicU32, Ordering};

use once_cell::race::OnceBox;

/// Holds one `T` per fork generation; [`ForkCell::get`] gives the current one.
pub struct ForkCell<T> {
    first: Link<T>,
    forks: AtomicU32,
    make: Box<dyn Fn() -> T + Send + Sync>,
}

struct Link<T> {
    value: T,
    /// Set without a lock, which a fork could leave held.
    next: OnceBox<Link<T>>,
}

impl<T> ForkCell<T> {
    /// Makes the first value now; `make` is called again after a fork, on first use.
    pub fn new(make: impl Fn() -> T + Send + Sync + 'static) -> Self {
        ForkCell {
            first: Link {
                value: make(),
                next: OnceBox::new(),
            },
            forks: AtomicU32::new(0),
            make: Box::new(make),
        }
    }

    /// The value of this process.
    pub fn get(&self) -> &T {
        let mut link = &self.first;
        for _ in 0..self.forks.load(Ordering::Acquire) {
            link = link.next.get_or_init(|| {
                Box::new(Link {
                    value: (self.make)(),
                    next: OnceBox::new(),
                })
            });
        }
        &link.value
    }

    /// Abandons the current value. Only stores one number, so it may run in a fork handler.
    pub fn renew(&self) {
        self.forks.fetch_add(1, Ordering::AcqRel);
    }

    /// The values that forks left behind, oldest first. Locks in them may be held for ever.
    pub fn abandoned(&self) -> impl Iterator<Item = &T> {
        let mut link = Some(&self.first);
        (0..self.forks.load(Ordering::Acquire)).map_while(move |_| {
            let current = link?;
            link = current.next.get();
            Some(&current.value)
        })
    }

    /// How often the value was abandoned: forks between the first owner and this process.
    pub fn generation(&self) -> u32 {
        self.forks.load(Ordering::Acquire)
    }
}

#[cfg(test)]
mod tests {
    use crate::lock::Mutex;

    use super::*;

    #[test]
    fn a_lock_held_during_renewal_does_not_matter() {
        let cell = ForkCell::new(|| Mutex::new(0));
        let held = cell.get().lock();
        cell.renew();
        *cell.get().lock() += 5;
        assert_eq!(*held, 0);
        assert_eq!(*cell.get().lock(), 5);
        cell.renew();
        cell.renew();
        assert_eq!(*cell.get().lock(), 0);
        assert_eq!(cell.generation(), 3);
        assert_eq!(cell.abandoned().count(), 3);
        assert!(
            cell.abandoned()
                .next()
                .is_some_and(|first| first.try_lock().is_none())
        );
    }
}
