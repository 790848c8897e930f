//! What belongs to one process: its threads, its locks, its schedule.

use std::cell::Cell;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use crate::lock::Mutex;

use super::engine::Engine;
use super::schedule::Schedule;
use crate::clock::Clock;
use crate::context::Context;
use crate::error::Error;
use crate::random;
use crate::worker::{Signal, Worker, WorkerControl};

/// Locks are taken in the order of the fields and never across another wait.
pub(super) struct Running {
    /// Held by the caller that does the work, where there are no threads. The host's callbacks run
    /// under it; one that comes back finds its thread marked by [`Working`] and does not wait.
    pub(super) turn: Turn,
    pub(super) worker: Mutex<Option<Worker>>,
    pub(super) control: Arc<WorkerControl>,
    pub(super) schedule: Mutex<Schedule>,
    /// Notified when initialize, a refresh or a round of id lists has ended, and at shutdown.
    pub(super) changed: Signal,
    pub(super) has_lists_round: AtomicBool,
    pub(super) refresh: Mutex<Refresh>,
    users: Arc<AtomicUsize>,
}

/// One caller at a time.
#[derive(Default)]
pub(super) struct Turn {
    is_taken: AtomicBool,
    freed: Signal,
}

/// A turn, until dropped.
pub(super) struct Taken<'a>(&'a Turn);

impl Turn {
    /// Waits for the turn; `None` if it does not come before `until_ms`.
    pub(super) fn take(&self, clock: &dyn Clock, until_ms: Option<i64>) -> Option<Taken<'_>> {
        loop {
            let seen = self.freed.seen();
            if !self.is_taken.swap(true, Ordering::AcqRel) {
                return Some(Taken(self));
            }
            if !self.freed.wait(clock, seen, until_ms) {
                return None;
            }
        }
    }
}

impl Drop for Taken<'_> {
    fn drop(&mut self) {
        self.0.is_taken.store(false, Ordering::Release);
        self.0.freed.notify();
    }
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
        let mut random = random::generator();
        Running {
            turn: Turn::default(),
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

    pub(super) fn has_thread(&self) -> bool {
        self.worker.lock().as_ref().is_some_and(Worker::is_alive)
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

/// An engine by address, and a process: a child that was forked from a thread of ours is not one.
type Mark = (usize, u32);

fn mark(engine: &Arc<Engine>) -> Mark {
    (Arc::as_ptr(engine) as usize, std::process::id())
}

thread_local! {
    /// The engine whose work this thread does.
    static CURRENT: Cell<Mark> = const { Cell::new((0, 0)) };
}

/// Marks this thread as one of the engine's, for good.
pub(super) fn enter_thread(engine: &Arc<Engine>) {
    CURRENT.set(mark(engine));
}

/// Marks a caller's thread while it does work of the engine.
pub(super) struct Working(Mark);

impl Working {
    pub(super) fn begin(engine: &Arc<Engine>) -> Self {
        Working(CURRENT.replace(mark(engine)))
    }
}

impl Drop for Working {
    fn drop(&mut self) {
        CURRENT.set(self.0);
    }
}

/// Whether this thread works for `engine`, so that waiting for that work would never end.
pub(super) fn is_on_thread_of(engine: &Arc<Engine>) -> bool {
    CURRENT.get() == mark(engine)
}

pub(super) fn would_wait_for_itself() -> Error {
    Error::State {
        detail: "sync cannot be waited for from within one of its callbacks",
    }
}
