//! A named background thread that ticks until told to stop, and the signal it sleeps on.
//!
//! The only file that starts threads. A worker blocks all signals (they belong to the host), waits
//! on a condition variable so that "stop" and "work now" are immediate, contains panics of its tick,
//! and is joined with a bound or left to end by itself.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::thread::JoinHandle;

use crate::lock::{Condvar, Mutex};

use crate::clock::{Clock, WaitState};
use crate::error::Error;

/// Something to sleep on and to wake.
#[derive(Debug, Default)]
pub struct Signal {
    state: Mutex<WaitState>,
    condvar: Arc<Condvar>,
}

impl Signal {
    /// How often [`Signal::notify`] was called. Read it before looking for work.
    pub fn seen(&self) -> u64 {
        self.state.lock().signals
    }

    /// Wakes all waiters.
    pub fn notify(&self) {
        self.state.lock().signals += 1;
        self.condvar.notify_all();
    }

    /// Waits until notified since `seen` was read, or until `deadline_ms` (monotonic).
    /// Returns whether it was notified.
    pub fn wait(&self, clock: &dyn Clock, seen: u64, deadline_ms: Option<i64>) -> bool {
        let mut state = self.state.lock();
        loop {
            if state.signals != seen {
                return true;
            }
            if deadline_ms.is_some_and(|deadline| clock.monotonic_ms() >= deadline) {
                return false;
            }
            state = clock.wait_until(&self.condvar, state, deadline_ms);
        }
    }
}

/// Shared between a worker's owner and its thread.
#[derive(Debug, Default)]
pub struct WorkerControl {
    /// Wakes the thread.
    pub signal: Signal,
    stop: AtomicBool,
    panics: AtomicU32,
    finished: AtomicBool,
    done: Signal,
}

impl WorkerControl {
    /// Whether the worker was told to stop.
    pub fn is_stopping(&self) -> bool {
        self.stop.load(Ordering::Acquire)
    }

    /// Tells the worker to stop, without waiting.
    pub fn stop(&self) {
        self.stop.store(true, Ordering::Release);
        self.signal.notify();
    }

    /// Panics caught so far.
    pub fn panics(&self) -> u32 {
        self.panics.load(Ordering::Relaxed)
    }
}

/// Panics within [`PANIC_WINDOW_MS`] after which a worker gives up.
const PANIC_LIMIT: usize = 3;
const PANIC_WINDOW_MS: i64 = 60_000;
/// Wait after a panic, so that a worker that always panics does not spin.
const PANIC_PAUSE_MS: i64 = 1_000;

/// A running background thread.
#[derive(Debug)]
pub struct Worker {
    control: Arc<WorkerControl>,
    thread: Option<JoinHandle<()>>,
    /// The process that has the thread.
    process: u32,
}

impl Worker {
    /// Starts a thread that calls `tick` again and again. `tick` does what is due and returns the
    /// monotonic time of the next work (`None` waits for a signal only).
    ///
    /// # Errors
    /// [`Error::Io`] when the system gives no thread.
    pub fn spawn(
        name: &str,
        clock: Arc<dyn Clock>,
        control: Arc<WorkerControl>,
        mut tick: impl FnMut(&WorkerControl) -> Option<i64> + Send + 'static,
    ) -> Result<Worker, Error> {
        let shared = Arc::clone(&control);
        let body = move || {
            let mut panics: Vec<i64> = Vec::new();
            while !shared.is_stopping() {
                let seen = shared.signal.seen();
                let next = if let Ok(next) = catch_unwind(AssertUnwindSafe(|| tick(&shared))) {
                    next
                } else {
                    shared.panics.fetch_add(1, Ordering::Relaxed);
                    let now = clock.monotonic_ms();
                    panics.retain(|at| now - at < PANIC_WINDOW_MS);
                    panics.push(now);
                    if panics.len() >= PANIC_LIMIT {
                        break;
                    }
                    Some(now + PANIC_PAUSE_MS)
                };
                if shared.is_stopping() {
                    break;
                }
                shared.signal.wait(&*clock, seen, next);
            }
            shared.finished.store(true, Ordering::Release);
            shared.done.notify();
        };
        let thread = spawn_quiet(name, body)?;
        Ok(Worker {
            control,
            thread: Some(thread),
            process: std::process::id(),
        })
    }

    /// What the owner shares with the thread.
    #[must_use]
    pub fn control(&self) -> &Arc<WorkerControl> {
        &self.control
    }

    /// Whether the thread still runs.
    #[must_use]
    pub fn is_alive(&self) -> bool {
        !self.control.finished.load(Ordering::Acquire)
    }

    /// Tells the worker to stop and waits until `deadline_ms` (monotonic). Returns whether it ended.
    pub fn stop_and_join(mut self, clock: &dyn Clock, deadline_ms: i64) -> bool {
        self.control.stop();
        loop {
            let seen = self.control.done.seen();
            if !self.is_alive() {
                if let Some(thread) = self.thread.take() {
                    let _ = thread.join();
                }
                return true;
            }
            if !self.control.done.wait(clock, seen, Some(deadline_ms)) && self.is_alive() {
                return false;
            }
        }
    }

    /// Forgets the thread without joining: in a forked child it does not exist.
    pub fn forget(mut self) {
        if let Some(thread) = self.thread.take() {
            std::mem::forget(thread);
        }
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        // Detaching a thread that only exists in the parent process is undefined.
        if self.process != std::process::id()
            && let Some(thread) = self.thread.take()
        {
            std::mem::forget(thread);
        }
    }
}

/// Starts a thread with a name, a small stack, and all signals blocked.
///
/// # Errors
/// [`Error::Io`] when the system gives no thread.
pub fn spawn_quiet(
    name: &str,
    body: impl FnOnce() + Send + 'static,
) -> Result<JoinHandle<()>, Error> {
    /// TLS handshakes and JSON of moderate depth fit; a megabyte of address space costs nothing.
    const STACK_BYTES: usize = 1 << 20;
    let builder = std::thread::Builder::new()
        .name(name.to_owned())
        .stack_size(STACK_BYTES);
    #[expect(
        clippy::disallowed_methods,
        reason = "this is the one place that starts threads"
    )]
    let started = with_signals_blocked(|| builder.spawn(body));
    started.map_err(|source| Error::Io {
        what: format!("cannot start thread {name}"),
        source,
    })
}

/// Runs `body` with every signal blocked; a thread it starts inherits that.
#[expect(unsafe_code, reason = "signal masks are set through libc")]
fn with_signals_blocked<T>(body: impl FnOnce() -> T) -> T {
    let mut all = std::mem::MaybeUninit::<libc::sigset_t>::uninit();
    let mut before = std::mem::MaybeUninit::<libc::sigset_t>::uninit();
    // SAFETY: `all` is writable memory of the right type, which sigfillset initializes.
    unsafe { libc::sigfillset(all.as_mut_ptr()) };
    // SAFETY: `all` is initialized by the line above; `before` is writable memory.
    unsafe { libc::pthread_sigmask(libc::SIG_SETMASK, all.as_ptr(), before.as_mut_ptr()) };
    let result = body();
    // SAFETY: `before` was initialized by the successful call above.
    unsafe { libc::pthread_sigmask(libc::SIG_SETMASK, before.as_ptr(), std::ptr::null_mut()) };
    result
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::SystemClock;

    #[test]
    fn a_worker_ticks_on_signal_survives_a_panic_and_stops() {
        let clock: Arc<dyn Clock> = Arc::new(crate::clock::ManualClock::new(0));
        let control = Arc::new(WorkerControl::default());
        let ticks = Arc::new(AtomicU32::new(0));
        let seen = Arc::clone(&ticks);
        let worker = Worker::spawn("tg-test", Arc::clone(&clock), control, move |_| {
            assert!(
                seen.fetch_add(1, Ordering::SeqCst) != 0,
                "the first tick panics"
            );
            None
        })
        .expect("a thread");
        while ticks.load(Ordering::SeqCst) < 2 {
            worker.control().signal.notify();
            std::thread::yield_now();
        }
        assert_eq!(worker.control().panics(), 1);
        assert!(worker.stop_and_join(&SystemClock::default(), 10_000));
    }
}
