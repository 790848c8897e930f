//! Keeping specs and id lists fresh.
//!
//! [`Sync`] decides when and on which thread; the engine behind it does the work. With threads of
//! its own a client does everything on `tg-sync`, except that id lists are fetched beside it, so
//! that a large list never delays new rules. Without threads the work is done in
//! [`Sync::initialize`] and [`Sync::tick`], within the bounds of the caller.

mod data_store;
mod details;
mod disk_cache;
mod engine;
mod fetch;
#[cfg(test)]
mod fleet_tests;
#[cfg_attr(not(feature = "grpc"), path = "no_grpc.rs")]
mod grpc;
mod id_list_file;
mod id_lists;
mod pace;
mod packed_specs;
mod preload;
#[cfg(feature = "redis")]
mod redis_store;
mod rounds;
mod running;
mod schedule;
mod source;
mod updates;
mod waiting;
mod work;

#[cfg(fuzzing)]
pub use disk_cache::fuzz_disk_cache;
#[cfg(all(fuzzing, feature = "grpc"))]
pub use grpc::fuzz_answer;

use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU8, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;

use arc_swap::ArcSwap;
use serde_json::Value;

use crate::context::Context;
use crate::error::Error;
use crate::fork_cell::ForkCell;
use crate::json_writer::object;
use crate::net::Http;
use crate::options::{LogLevel, Threads, positive_seconds};
use crate::store::Source;

pub use details::InitDetails;

use engine::Engine;
use running::Running;

/// Initialize was not asked for.
const IDLE: u8 = 0;
/// It was, and has not ended.
const INITIALIZING: u8 = 1;
const INITIALIZED: u8 = 2;

/// No `overall_init_timeout`.
const NEVER_MS: i64 = i64::MAX;

/// Called once with the details when initialize has ended.
type Done = Box<dyn FnOnce(&InitDetails) + Send>;

/// The lifecycle of specs and id lists of one client.
pub struct Sync {
    /// For the threads that outlive a call.
    weak: Weak<Sync>,
    engine: Arc<Engine>,
    phase: AtomicU8,
    /// `overall_init_timeout` ran out first: the client counts as initialized.
    is_overdue: AtomicBool,
    started_ms: AtomicI64,
    overdue_at_ms: AtomicI64,
    details: ArcSwap<InitDetails>,
    is_polling: AtomicBool,
    /// Shutdown is about to come.
    is_ending: AtomicBool,
    /// What belongs to this process and its threads.
    running: ForkCell<Running>,
}

impl Sync {
    /// Checks the options that concern sync. No I/O, no thread.
    ///
    /// # Errors
    /// [`Error::Argument`] or [`Error::Unsupported`] naming the option.
    pub fn new(ctx: Arc<Context>, http: &Http) -> Result<Arc<Sync>, Error> {
        let engine = Arc::new(Engine::new(ctx, http)?);
        let details = InitDetails {
            source: engine.ctx.store.load().source.as_str(),
            ..InitDetails::default()
        };
        let ctx = Arc::clone(&engine.ctx);
        Ok(Arc::new_cyclic(|weak| Sync {
            weak: Weak::clone(weak),
            engine,
            phase: AtomicU8::new(IDLE),
            is_overdue: AtomicBool::new(false),
            started_ms: AtomicI64::new(0),
            overdue_at_ms: AtomicI64::new(NEVER_MS),
            details: ArcSwap::from_pointee(details),
            is_polling: AtomicBool::new(true),
            is_ending: AtomicBool::new(false),
            running: ForkCell::new(move || Running::new(&ctx)),
        }))
    }

    /// Starts to initialize, unless that has happened, and waits up to `timeout` (`None`: as long
    /// as it takes; zero: not at all). Concurrent calls share one initialization.
    ///
    /// Without threads, or in local mode, the work is done by the caller; a bound then also bounds
    /// the requests, and with zero the work is left to [`Sync::tick`].
    ///
    /// # Errors
    /// [`Error::Timeout`] when `timeout` or `overall_init_timeout` ran out, while the work goes on;
    /// [`Error::State`] after shutdown. A network that fails is no error.
    pub fn initialize(self: &Arc<Self>, timeout: Option<Duration>) -> Result<(), Error> {
        let was_overdue = self.is_overdue.load(Ordering::Acquire);
        self.begin()?;
        let is_local = self.engine.ctx.is_local();
        if timeout == Some(Duration::ZERO) && !is_local {
            return Ok(());
        }
        if self.is_inline() {
            let bound = timeout.filter(|_| !is_local);
            self.initialize_inline(bound.map(|bound| self.deadline_ms(bound)));
        }
        self.wait(timeout, was_overdue)
    }

    /// Like [`Sync::initialize`], without waiting: `done` is called exactly once, on a thread of
    /// the client (without threads: on the caller's).
    pub fn initialize_async(self: &Arc<Self>, done: Done) {
        if let Err(error) = self.begin() {
            self.engine.log(LogLevel::Warning, &error.to_string());
            return done(&self.init_details());
        }
        if self.is_inline() {
            self.initialize_inline(None);
            return done(&self.init_details());
        }
        self.call_when_initialized(done);
    }

    /// Waits until initialized.
    ///
    /// # Errors
    /// [`Error::Timeout`]; [`Error::State`] after shutdown.
    pub fn wait_initialized(&self, timeout: Duration) -> Result<(), Error> {
        self.wait(Some(timeout), self.is_overdue.load(Ordering::Acquire))
    }

    /// Whether initialize has ended, or `overall_init_timeout` has.
    #[must_use]
    pub fn is_initialized(&self) -> bool {
        match self.phase.load(Ordering::Acquire) {
            INITIALIZED => true,
            INITIALIZING => self.check_overdue(),
            _ => false,
        }
    }

    /// How initialize went.
    #[must_use]
    pub fn init_details(&self) -> InitDetails {
        if self.phase.load(Ordering::Acquire) == INITIALIZING && self.check_overdue() {
            return self.overdue_details();
        }
        InitDetails::clone(&self.details.load())
    }

    /// Refreshes specs and id lists now, and waits for it up to `timeout`.
    ///
    /// # Errors
    /// [`Error::Timeout`]; [`Error::State`] when not initialized, after shutdown, or from within a
    /// callback of sync; [`Error::Network`] when no source gave anything.
    pub fn sync_now(&self, timeout: Duration) -> Result<(), Error> {
        if !self.is_initialized() {
            return Err(not_initialized());
        }
        if self.engine.ctx.is_local() {
            return Ok(());
        }
        if running::is_on_thread_of(&self.engine) {
            return Err(running::would_wait_for_itself());
        }
        if self.is_inline() || !self.running.get().has_thread() {
            let until_ms = self.deadline_ms(timeout);
            let refreshed = self.in_turn(Some(until_ms), || {
                // One round of id lists at a time, and a thread that has ended may have left one.
                let clock = &*self.engine.ctx.clock;
                if !self.running.get().wait_for_lists(clock, until_ms) {
                    return Err(Error::Timeout { what: "sync_now" });
                }
                self.refresh_here(Some(until_ms))
            });
            return refreshed.unwrap_or(Err(Error::Timeout { what: "sync_now" }));
        }
        self.refresh_on_thread(timeout)
    }

    /// Puts specs in use that came by other means than sync, and tells the host.
    ///
    /// # Errors
    /// Why they were refused; the specs in use stay.
    pub fn update_specs(&self, document: String) -> Result<(), Error> {
        self.engine
            .apply(document.into(), Source::Bootstrap)
            .map(drop)
    }

    /// Pauses or resumes the polling of specs. Id lists go on; resuming asks at the next turn.
    pub fn set_polling(&self, on: bool) {
        self.is_polling.store(on, Ordering::Release);
    }

    /// Begins no round any more; what runs goes on.
    pub fn end_rounds(&self) {
        self.is_ending.store(true, Ordering::Release);
    }

    /// Without threads: does what is due, up to about `budget`, requests included. Returns the
    /// monotonic time of the next work.
    pub fn tick(&self, budget: Duration) -> Option<i64> {
        if !self.is_inline() || self.engine.ctx.is_local() || self.engine.is_stopping() {
            return None;
        }
        if running::is_on_thread_of(&self.engine) {
            return None;
        }
        let until_ms = Some(self.deadline_ms(budget));
        let next_ms = self.in_turn(until_ms, || match self.phase.load(Ordering::Acquire) {
            IDLE => None,
            INITIALIZING => {
                self.initialize_here(until_ms);
                self.work(until_ms)
            }
            _ => self.work(until_ms),
        });
        next_ms.flatten()
    }

    /// Stops all work, interrupting requests, and waits for the threads until `deadline_ms`
    /// (monotonic). Tells the data store when nothing uses it any more. Idempotent; may be called
    /// from within a callback of sync, which then returns without waiting for itself.
    pub fn shutdown(&self, deadline_ms: i64) {
        if self.engine.is_stopping.swap(true, Ordering::AcqRel) {
            return;
        }
        let running = self.running.get();
        let own_use = running.begin_use(&self.engine);
        self.engine.http.cancel_all();
        if let Some(proxy) = &self.engine.forward_proxy {
            proxy.stop();
        }
        running.control.stop();
        running.changed.notify();
        if !running::is_on_thread_of(&self.engine) {
            let clock = &*self.engine.ctx.clock;
            let worker = running.worker.lock().take();
            let ended = worker.is_none_or(|worker| worker.stop_and_join(clock, deadline_ms));
            let stream = self.engine.forward_proxy.as_ref();
            let stream_ended = stream.is_none_or(|proxy| proxy.join(clock, deadline_ms));
            if !(ended && stream_ended && running.wait_for_lists(clock, deadline_ms)) {
                let text = "sync was still busy at the end of shutdown; it ends by itself";
                self.engine.log(LogLevel::Info, text);
            }
            if ended && stream_ended {
                // The stream may have brought news that the sync thread did not come to save.
                self.engine.save_copy();
            }
        }
        drop(own_use);
    }

    /// In a forked child: forgets the parent's threads and sockets. Touches memory only.
    pub fn after_fork_child(&self) {
        self.running.renew();
        self.engine.after_fork_child();
    }

    /// Starts the thread again in a forked child, if there was one. Cheap when there is nothing
    /// to do.
    pub fn ensure_running(self: &Arc<Self>) {
        let is_started = self.phase.load(Ordering::Acquire) != IDLE;
        if !is_started || self.is_inline() || self.engine.is_stopping() {
            return;
        }
        if let Err(error) = self.start_thread() {
            self.engine.log(LogLevel::Error, &error.to_string());
        }
    }

    /// Health: what was synced when, and what is wrong.
    #[must_use]
    pub fn stats(&self) -> Value {
        let engine = &self.engine;
        let now_ms = engine.ctx.clock.monotonic_ms();
        let notes = engine.notes();
        let age = |at: Option<i64>| at.map(|at| now_ms - at);
        let lists = engine.lists.load();
        let bytes: usize = lists.values().map(|list| list.ids.bytes()).sum();
        let ids: usize = lists.values().map(|list| list.ids.len()).sum();
        let running = self.running.get();
        object!({
            "initialized": self.is_initialized(),
            "polling": self.is_polling.load(Ordering::Acquire),
            "thread_alive": running.has_thread(),
            "failures": engine.failures(),
            "specs_source": notes.specs_source,
            "specs_checked_ms_ago": age(notes.specs_synced_ms),
            "specs_failing_ms": age(notes.failing_since_ms),
            "id_lists_checked_ms_ago": age(notes.id_lists_synced_ms),
            "id_lists": object!({"count": lists.len(), "ids": ids, "bytes": bytes}),
            "stream": engine.forward_proxy.as_ref().and_then(|proxy| proxy.stats(now_ms)),
            "last_error": notes.error,
        })
    }

    /// Whether the caller's thread does the work.
    fn is_inline(&self) -> bool {
        let ctx = &self.engine.ctx;
        ctx.settings.threads == Threads::None || ctx.is_local()
    }

    fn deadline_ms(&self, timeout: Duration) -> i64 {
        let timeout_ms = i64::try_from(timeout.as_millis()).unwrap_or(NEVER_MS);
        self.engine
            .ctx
            .clock
            .monotonic_ms()
            .saturating_add(timeout_ms)
    }

    /// The first call of initialize starts the work; the others find it started.
    fn begin(self: &Arc<Self>) -> Result<(), Error> {
        if self.engine.is_stopping() {
            return Err(shut_down());
        }
        let first =
            self.phase
                .compare_exchange(IDLE, INITIALIZING, Ordering::AcqRel, Ordering::Acquire);
        if first.is_err() {
            return Ok(());
        }
        let settings = &self.engine.ctx.settings;
        let now_ms = self.engine.ctx.clock.monotonic_ms();
        self.started_ms.store(now_ms, Ordering::Release);
        if let Some(overall) = positive_seconds(settings.overall_init_timeout) {
            self.overdue_at_ms
                .store(self.deadline_ms(overall), Ordering::Release);
        }
        let ignored = self.engine.endpoints.ignored_proxies();
        if !ignored.is_empty() {
            let text = format!(
                "proxy_configs: {} ignored, only specs can come over gRPC",
                ignored.join(", ")
            );
            self.engine.log(LogLevel::Warning, &text);
        }
        if self.is_inline() {
            return Ok(());
        }
        if let Err(error) = self.start_thread() {
            // Better late than never: without a thread there will be no updates, but specs.
            self.engine.log(LogLevel::Error, &error.to_string());
            self.initialize_inline(None);
        }
        Ok(())
    }
}

impl Drop for Sync {
    fn drop(&mut self) {
        // Threads hold no more than a weak reference; they see the mark and end.
        self.shutdown(0);
    }
}

fn shut_down() -> Error {
    Error::State {
        detail: "the client is shut down",
    }
}

fn not_initialized() -> Error {
    Error::State {
        detail: "the client is not initialized",
    }
}
