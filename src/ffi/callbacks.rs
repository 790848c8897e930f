//! The door through which every callback of one client passes.
//!
//! It knows which callbacks run on this thread, so that a host may call back into the library
//! without deadlock: shutdown and release of the same client wait until the callback has returned,
//! calls that would wait for the callback's own thread are refused, and an evaluation callback that
//! evaluates without end is stopped. Once closed, no callback starts.

use std::cell::Cell;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use crate::lock::Mutex;

use crate::client::Client;
use crate::clock::{Clock, SystemClock};
use crate::error::Error;
use crate::fork_cell::ForkCell;
use crate::options::Threads;
use crate::worker::{Signal, spawn_quiet};

/// Callbacks within callbacks on one thread; a deeper one is not started.
const DEPTH_MAX: usize = 8;

/// Evaluation callbacks of one client within each other, after which an evaluation is refused.
const EVALUATION_DEPTH_MAX: usize = 2;

const CLOSED: u64 = 1 << 63;

/// What kind of callback runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    /// After an evaluation, on the thread that evaluates.
    Evaluation,
    /// Anything else.
    Other,
}

/// What a callback asked for that has to wait until it has returned.
pub(super) enum Deferred {
    /// `tidegate_client_shutdown`.
    Shutdown {
        client: Arc<Client>,
        timeout_ms: u32,
    },
    /// `tidegate_client_release`.
    Release { client: Arc<Client> },
}

impl Deferred {
    fn run(self) {
        match self {
            // The caller has long returned: what went wrong shows in the client's stats and log.
            Deferred::Shutdown { client, timeout_ms } => drop(client.shutdown(timeout_ms)),
            Deferred::Release { client } => client.close(),
        }
    }
}

/// One client's door.
pub(super) struct Gate {
    /// The closed bit and the number of running callbacks.
    state: AtomicU64,
    threads: Threads,
    has_deferred: AtomicBool,
    waiting: ForkCell<Waiting>,
}

#[derive(Default)]
struct Waiting {
    /// Raised when a callback leaves a closed door.
    quiet: Signal,
    /// Locked for a push or a take, never while anything runs.
    deferred: Mutex<Vec<Deferred>>,
}

/// The callbacks that run on this thread, outermost first.
#[derive(Clone, Copy)]
struct Frames {
    len: usize,
    frames: [Option<Frame>; DEPTH_MAX],
}

#[derive(Clone, Copy, PartialEq, Eq)]
struct Frame {
    /// The address of the door: tells clients apart, is never followed.
    gate: usize,
    role: Role,
}

thread_local! {
    static FRAMES: Cell<Frames> =
        const { Cell::new(Frames { len: 0, frames: [None; DEPTH_MAX] }) };
}

impl Gate {
    pub(super) fn new(threads: Threads) -> Arc<Gate> {
        Arc::new(Gate {
            state: AtomicU64::new(0),
            threads,
            has_deferred: AtomicBool::new(false),
            waiting: ForkCell::new(Waiting::default),
        })
    }

    /// Starts a callback, unless the door is closed or callbacks are nested too deep.
    pub(super) fn enter(&self, role: Role) -> Option<Running<'_>> {
        if self.state.fetch_add(1, Ordering::AcqRel) & CLOSED != 0 {
            self.leave();
            return None;
        }
        let mut frames = FRAMES.get();
        let Some(frame) = frames.frames.get_mut(frames.len) else {
            self.leave();
            return None;
        };
        *frame = Some(self.frame(role));
        frames.len += 1;
        FRAMES.set(frames);
        Some(Running { gate: self })
    }

    fn frame(&self, role: Role) -> Frame {
        Frame {
            gate: std::ptr::from_ref(self).addr(),
            role,
        }
    }

    fn leave(&self) {
        if self.state.fetch_sub(1, Ordering::AcqRel) & CLOSED != 0 {
            self.waiting.get().quiet.notify();
        }
    }

    fn running_here(&self) -> usize {
        self.count_here(Role::Evaluation) + self.count_here(Role::Other)
    }

    fn count_here(&self, role: Role) -> usize {
        let wanted = Some(self.frame(role));
        let frames = FRAMES.get();
        let running = frames.frames.iter().take(frames.len);
        running.filter(|frame| **frame == wanted).count()
    }

    /// Whether this thread is inside a callback of this client.
    pub(super) fn is_inside(&self) -> bool {
        self.running_here() > 0
    }

    /// Refuses an evaluation that an evaluation callback made that an evaluation callback made.
    pub(super) fn check_recursion(&self) -> Result<(), Error> {
        match self.count_here(Role::Evaluation) {
            EVALUATION_DEPTH_MAX.. => Err(Error::State {
                detail: "evaluation callbacks call each other without end",
            }),
            _ => Ok(()),
        }
    }

    /// Refuses what would wait for the very callback it is called from.
    pub(super) fn check_outside(&self) -> Result<(), Error> {
        if self.is_inside() {
            return Err(Error::State {
                detail: "not from inside a callback of the same client",
            });
        }
        Ok(())
    }

    /// Lets no callback start any more and waits for those that run.
    pub(super) fn close(&self, timeout_ms: u32) -> Result<(), Error> {
        self.check_outside()?;
        self.state.fetch_or(CLOSED, Ordering::AcqRel);
        let quiet = &self.waiting.get().quiet;
        let clock = SystemClock::default();
        let deadline = clock.monotonic_ms() + i64::from(timeout_ms);
        loop {
            let seen = quiet.seen();
            if self.state.load(Ordering::Acquire) == CLOSED {
                return Ok(());
            }
            if !quiet.wait(&clock, seen, Some(deadline)) {
                return Err(Error::Timeout {
                    what: "waiting for callbacks",
                });
            }
        }
    }

    /// In a forked child, callbacks of other threads are gone.
    pub(super) fn after_fork_child(&self) {
        let closed = self.state.load(Ordering::Acquire) & CLOSED;
        let running = u64::try_from(self.running_here()).unwrap_or(0);
        self.state.store(closed | running, Ordering::Release);
        self.has_deferred.store(false, Ordering::Release);
        self.waiting.renew();
    }

    /// Keeps `what` until the outermost callback on this thread has returned.
    pub(super) fn defer(&self, what: Deferred) {
        self.waiting.get().deferred.lock().push(what);
        self.has_deferred.store(true, Ordering::Release);
    }

    /// At the end of a call from the host: does what callbacks within it asked for, if no thread of
    /// ours may do it.
    #[inline]
    pub(super) fn settle(&self) {
        if self.has_deferred.load(Ordering::Acquire) {
            self.run_deferred_here();
        }
    }

    #[cold]
    fn run_deferred_here(&self) {
        if self.threads == Threads::None && !self.is_inside() {
            self.take_deferred().into_iter().for_each(Deferred::run);
        }
    }

    fn run_deferred_elsewhere(&self) {
        if self.threads == Threads::None || self.is_inside() {
            return;
        }
        let work = Arc::new(Mutex::new(self.take_deferred()));
        let theirs = Arc::clone(&work);
        let run = |work: &Mutex<Vec<Deferred>>| {
            let work = std::mem::take(&mut *work.lock());
            work.into_iter().for_each(Deferred::run);
        };
        if spawn_quiet("tg-close", move || run(&theirs)).is_err() {
            run(&work);
        }
    }

    fn take_deferred(&self) -> Vec<Deferred> {
        let mut deferred = self.waiting.get().deferred.lock();
        self.has_deferred.store(false, Ordering::Release);
        std::mem::take(&mut *deferred)
    }
}

/// A callback in progress.
pub(super) struct Running<'a> {
    gate: &'a Gate,
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        let mut frames = FRAMES.get();
        frames.len = frames.len.saturating_sub(1);
        FRAMES.set(frames);
        self.gate.leave();
        if self.gate.has_deferred.load(Ordering::Acquire) {
            self.gate.run_deferred_elsewhere();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_closed_door_starts_nothing_and_close_waits_for_what_runs() {
        let gate = Gate::new(Threads::Own);
        let running = gate.enter(Role::Other).expect("open");
        assert!(matches!(gate.close(0), Err(Error::State { .. })));
        let elsewhere = std::thread::scope(|scope| {
            let closing = scope.spawn(|| gate.close(0));
            closing.join().expect("no panic")
        });
        assert!(matches!(elsewhere, Err(Error::Timeout { .. })));
        assert!(gate.enter(Role::Other).is_none());
        drop(running);
        assert!(gate.close(0).is_ok());
    }

    #[test]
    fn recursion_is_seen_per_client_and_nesting_is_bounded() {
        let gate = Gate::new(Threads::Own);
        let other = Gate::new(Threads::Own);
        let _first = gate.enter(Role::Evaluation).expect("open");
        assert!(gate.check_recursion().is_ok());
        let _second = gate.enter(Role::Evaluation).expect("open");
        assert!(gate.check_recursion().is_err());
        assert!(other.check_recursion().is_ok());
        assert!(gate.is_inside() && !other.is_inside());
        let deeper: Vec<_> = (2..DEPTH_MAX).map(|_| other.enter(Role::Other)).collect();
        assert!(deeper.iter().all(Option::is_some));
        assert!(other.enter(Role::Other).is_none());
    }

    #[test]
    fn a_forked_child_forgets_callbacks_of_other_threads() {
        let gate = Gate::new(Threads::Own);
        std::thread::scope(|scope| {
            scope.spawn(|| std::mem::forget(gate.enter(Role::Other)));
        });
        let _here = gate.enter(Role::Other).expect("open");
        gate.after_fork_child();
        assert_eq!(gate.state.load(Ordering::SeqCst), 1);
    }
}
