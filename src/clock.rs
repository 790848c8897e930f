//! The only reader of wall and monotonic time.
//!
//! Everything that needs to know the time takes a [`Clock`]; tests hand in a [`ManualClock`], which
//! moves only when told to and wakes whoever waits for it.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crate::lock::{Condvar, Mutex, MutexGuard};

/// Wall time and monotonic time.
pub trait Clock: Send + Sync + 'static {
    /// Milliseconds since the Unix epoch.
    fn now_ms(&self) -> i64;

    /// Milliseconds since an arbitrary start; never goes back.
    fn monotonic_ms(&self) -> i64;

    /// Waits on `condvar` until notified or until `monotonic_ms` reaches `deadline_ms`
    /// (`None` waits for a notification only). May wake early; the caller re-checks.
    fn wait_until<'a>(
        &self,
        condvar: &Arc<Condvar>,
        guard: MutexGuard<'a, WaitState>,
        deadline_ms: Option<i64>,
    ) -> MutexGuard<'a, WaitState>;
}

/// What a waiter's mutex guards: a counter that notifiers raise, so that no wake-up is lost.
#[derive(Debug, Default)]
pub struct WaitState {
    /// Raised by each notification.
    pub signals: u64,
}

/// The machine's clock.
#[derive(Debug)]
pub struct SystemClock {
    start: Instant,
}

impl Default for SystemClock {
    #[expect(
        clippy::disallowed_methods,
        reason = "this is the one reader of the machine's clock"
    )]
    fn default() -> Self {
        SystemClock {
            start: Instant::now(),
        }
    }
}

impl Clock for SystemClock {
    #[expect(
        clippy::disallowed_methods,
        reason = "this is the one reader of the machine's clock"
    )]
    fn now_ms(&self) -> i64 {
        match SystemTime::now().duration_since(UNIX_EPOCH) {
            Ok(elapsed) => i64::try_from(elapsed.as_millis()).unwrap_or(i64::MAX),
            Err(_) => 0,
        }
    }

    fn monotonic_ms(&self) -> i64 {
        i64::try_from(self.start.elapsed().as_millis()).unwrap_or(i64::MAX)
    }

    fn wait_until<'a>(
        &self,
        condvar: &Arc<Condvar>,
        guard: MutexGuard<'a, WaitState>,
        deadline_ms: Option<i64>,
    ) -> MutexGuard<'a, WaitState> {
        match deadline_ms {
            None => condvar.wait(guard),
            Some(deadline) => {
                let left = u64::try_from(deadline - self.monotonic_ms()).unwrap_or(0);
                condvar.wait_for(guard, Duration::from_millis(left))
            }
        }
    }
}

/// A clock that stands still until a test moves it.
#[derive(Debug)]
pub struct ManualClock {
    wall_ms: AtomicI64,
    monotonic_ms: AtomicI64,
    waiters: Mutex<Vec<Arc<Condvar>>>,
}

impl ManualClock {
    /// A clock that shows `wall_ms` and has run for no time.
    #[must_use]
    pub fn new(wall_ms: i64) -> Self {
        ManualClock {
            wall_ms: AtomicI64::new(wall_ms),
            monotonic_ms: AtomicI64::new(0),
            waiters: Mutex::new(Vec::new()),
        }
    }

    /// Moves both times forward and wakes every waiter, which then looks at its deadline.
    pub fn advance(&self, ms: i64) {
        self.wall_ms.fetch_add(ms, Ordering::SeqCst);
        self.monotonic_ms.fetch_add(ms, Ordering::SeqCst);
        for condvar in self.waiters.lock().iter() {
            condvar.notify_all();
        }
    }
}

impl Clock for ManualClock {
    fn now_ms(&self) -> i64 {
        self.wall_ms.load(Ordering::SeqCst)
    }

    fn monotonic_ms(&self) -> i64 {
        self.monotonic_ms.load(Ordering::SeqCst)
    }

    fn wait_until<'a>(
        &self,
        condvar: &Arc<Condvar>,
        guard: MutexGuard<'a, WaitState>,
        deadline_ms: Option<i64>,
    ) -> MutexGuard<'a, WaitState> {
        {
            let mut waiters = self.waiters.lock();
            if !waiters.iter().any(|known| Arc::ptr_eq(known, condvar)) {
                waiters.push(Arc::clone(condvar));
            }
        }
        if deadline_ms.is_some_and(|deadline| self.monotonic_ms() >= deadline) {
            return guard;
        }
        // A short real bound closes the race between the check above and an `advance` elsewhere.
        condvar.wait_for(guard, Duration::from_millis(20))
    }
}
