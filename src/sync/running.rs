//! What belongs to one process: its threads, its locks, its schedule.

use std::cell::Cell;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use parking_lot::Mutex;

use super::engine::Engine;
use super::schedule::Schedule;
use crate::clock::Clock;
use crate::context::Context;
use crate::error::Error;
use crate::worker::{Signal, Worker, WorkerControl};

/// Locks are taken in the order of the fields and never across another wait.
pub(super) struct Running {
    /// Held by the caller that does the work, where there are no threads. The host's callbacks run
    /// under it; one that comes back finds its thread marked by [`Working`] and does not wait.
    pub(super) turn: Mutex<()>,
    pub(super) worker: Mutex<Option<Worker>>,
    pub(super) control: Arc<WorkerControl>,
    pub(super) schedule: Mutex<Schedule>,
    /// Notified when initialize, a refresh or a round of id lists has ended, and at shutdown.
    pub(super) changed: Signal,
    pub(super) has_lists_round: AtomicBool,
    pub(super) refresh: Mutex<Refresh>,
    users: Arc<AtomicUsize>,
}

/// Refreshes asked for and done, by number.
#[derive(Debug, Default)]
pub(super) struct Refresh {
    pub(super) asked: u64,
    pub(super) done: u64,
    /// Why the last one gave nothing.
    pub(super) failure: Option<String>,
}

impl Running {
    pub(super) fn new(ctx: &Context) -> Self {
        // Children that fork from one process have the same state of the common generator; the
        // process id tells them apart.
        let seed = fastrand::u64(..)
            ^ u64::from(std::process::id()).wrapping_mul(0x9e37_79b9_7f4a_7c15)
            ^ ctx.clock.now_ms().unsigned_abs();
        let mut random = fastrand::Rng::with_seed(seed);
        Running {
            turn: Mutex::new(()),
            worker: Mutex::new(None),
            control: Arc::new(WorkerControl::default()),
            schedule: Mutex::new(Schedule::new(&ctx.settings, &mut random)),
            changed: Signal::default(),
            has_lists_round: AtomicBool::new(false),
            refresh: Mutex::default(),
            users: Arc::default(),
        }
    }

    /// Marks a user of the engine's data store; see [`InUse`].
    pub(super) fn begin_use(&self, engine: &Arc<Engine>) -> InUse {
        self.users.fetch_add(1, Ordering::AcqRel);
        InUse {
            users: Arc::clone(&self.users),
            engine: Arc::clone(engine),
        }
    }

    /// Waits for the round of id lists that may be running; returns whether none is.
    pub(super) fn wait_for_lists(&self, clock: &dyn Clock, deadline_ms: i64) -> bool {
        loop {
            let seen = self.changed.seen();
            if !self.has_lists_round.load(Ordering::Acquire) {
                return true;
            }
            let is_notified = self.changed.wait(clock, seen, Some(deadline_ms));
            if !is_notified && self.has_lists_round.load(Ordering::Acquire) {
                return false;
            }
        }
    }
}

/// A thread that may call the data store. The last one to go after shutdown tells the store.
pub(super) struct InUse {
    users: Arc<AtomicUsize>,
    engine: Arc<Engine>,
}

impl Drop for InUse {
    fn drop(&mut self) {
        let was_last = self.users.fetch_sub(1, Ordering::AcqRel) == 1;
        if let (true, Some(store)) = (
            was_last && self.engine.is_stopping(),
            &self.engine.data_store,
        ) {
            store.shutdown();
        }
    }
}

thread_local! {
    /// The engine whose work this thread does, by address.
    static CURRENT: Cell<usize> = const { Cell::new(0) };
}

/// Marks this thread as one of the engine's, for good.
pub(super) fn enter_thread(engine: &Arc<Engine>) {
    CURRENT.set(Arc::as_ptr(engine) as usize);
}

/// Marks a caller's thread while it does work of the engine.
pub(super) struct Working(usize);

impl Working {
    pub(super) fn begin(engine: &Arc<Engine>) -> Self {
        Working(CURRENT.replace(Arc::as_ptr(engine) as usize))
    }
}

impl Drop for Working {
    fn drop(&mut self) {
        CURRENT.set(self.0);
    }
}

/// Whether this thread works for `engine`, so that waiting for that work would never end.
pub(super) fn is_on_thread_of(engine: &Arc<Engine>) -> bool {
    CURRENT.get() == Arc::as_ptr(engine) as usize
}

pub(super) fn would_wait_for_itself() -> Error {
    Error::State {
        detail: "sync cannot be waited for from within one of its callbacks",
    }
}
