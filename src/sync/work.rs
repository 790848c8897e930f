//! The work itself: on the sync thread, beside it, or on the caller's thread.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Weak};

use super::fetch::Bounds;
use super::pace::RoundEnd;
use super::rounds::Outcome;
use super::running::{Working, enter_thread, is_on_thread_of};
use super::waiting::outcome;
use super::{INITIALIZED, INITIALIZING, NEVER_MS, Sync, grpc};
use crate::error::Error;
use crate::options::{LogLevel, Threads};
use crate::worker::{Worker, spawn_quiet};

impl Sync {
    /// Runs work on the caller's thread, one caller at a time; `None` if the turn did not come
    /// before `until_ms`.
    pub(super) fn in_turn<T>(&self, until_ms: Option<i64>, work: impl FnOnce() -> T) -> Option<T> {
        let running = self.running.get();
        let _turn = running.turn.take(&*self.engine.ctx.clock, until_ms)?;
        let _working = Working::begin(&self.engine);
        Some(work())
    }

    /// Initializes on the caller's thread; whoever comes second finds it done.
    pub(super) fn initialize_inline(&self, until_ms: Option<i64>) {
        if !is_on_thread_of(&self.engine) {
            self.in_turn(until_ms, || self.initialize_here(until_ms));
        }
    }

    pub(super) fn start_thread(&self) -> Result<(), Error> {
        let running = self.running.get();
        let mut worker = running.worker.lock();
        if worker.as_ref().is_some_and(Worker::is_alive) {
            return Ok(());
        }
        let weak = Weak::clone(&self.weak);
        let in_use = running.begin_use(&self.engine);
        let clock = Arc::clone(&self.engine.ctx.clock);
        let control = Arc::clone(&running.control);
        *worker = Some(Worker::spawn("tg-sync", clock, control, move |control| {
            // Moves into the thread, which then counts as a user of the data store until it ends.
            let _ = &in_use;
            let Some(sync) = weak.upgrade() else {
                control.stop();
                return None;
            };
            enter_thread(&sync.engine);
            if sync.phase.load(Ordering::Acquire) == INITIALIZING {
                sync.initialize_here(None);
            }
            sync.refresh_if_asked();
            sync.work(None)
        })?);
        Ok(())
    }

    /// Initializes on this thread, unless it is done or being done.
    pub(super) fn initialize_here(&self, until_ms: Option<i64>) {
        if self.phase.load(Ordering::Acquire) != INITIALIZING {
            return;
        }
        let running = self.running.get();
        let engine = &self.engine;
        let _in_use = running.begin_use(engine);
        // A thread that does the work cannot be left waiting, so here the overall limit holds for
        // the requests.
        let overdue_at_ms = self.overdue_at_ms.load(Ordering::Acquire);
        let until_ms = if self.is_inline() && overdue_at_ms != NEVER_MS {
            Some(until_ms.map_or(overdue_at_ms, |until_ms| until_ms.min(overdue_at_ms)))
        } else {
            until_ms
        };
        let worked = catch_unwind(AssertUnwindSafe(|| engine.initialize(until_ms)));
        let now_ms = engine.ctx.clock.monotonic_ms();
        let outcome = if worked.is_err() {
            let text = "a defect was caught";
            engine
                .ctx
                .reporter
                .error("initialize", "InternalError", text, None);
            Outcome::Broken
        } else if self.check_overdue() {
            Outcome::TimedOut
        } else {
            Outcome::Complete
        };
        let duration_ms = now_ms - self.started_ms.load(Ordering::Acquire);
        let details = engine.conclude(duration_ms, outcome);
        self.details.store(Arc::new(details));
        let is_fast = engine.failures() > 0 && self.is_polling.load(Ordering::Acquire);
        running.schedule.lock().begin(now_ms, is_fast);
        self.phase.store(INITIALIZED, Ordering::Release);
        running.changed.notify();
        engine.save_copy();
    }

    /// Does what is due on this thread; returns when the next work is.
    pub(super) fn work(&self, until_ms: Option<i64>) -> Option<i64> {
        if self.phase.load(Ordering::Acquire) != INITIALIZED || self.engine.is_stopping() {
            return None;
        }
        if self.is_ending.load(Ordering::Acquire) {
            return None;
        }
        let running = self.running.get();
        let clock = &self.engine.ctx.clock;
        let stream = self.engine.forward_proxy.as_ref();
        let stream = stream.filter(|proxy| proxy.is_streaming());
        if stream.is_some() {
            self.start_stream();
        }
        let due = {
            let mut schedule = running.schedule.lock();
            schedule.ensure_begun(clock.monotonic_ms());
            if let Some(proxy) = stream {
                schedule.follow_stream(proxy.polling_since_ms());
            }
            schedule.take_due(clock.monotonic_ms())
        };
        if due.specs {
            let end = if stream.is_some() {
                let tag = "_streaming_fallback_sync";
                self.guarded(tag, || self.engine.sync_in_place_of_stream(until_ms).end)
            } else if self.is_polling.load(Ordering::Acquire) {
                self.guarded("_sync", || self.engine.sync_specs(until_ms).end)
            } else {
                None
            };
            let now_ms = clock.monotonic_ms();
            running
                .schedule
                .lock()
                .specs_ended(now_ms, end.unwrap_or_default());
            self.engine.log_network_problems();
        }
        // Besides what was just loaded, this may be news that came over the stream.
        self.engine.save_copy();
        if due.id_lists {
            self.start_id_lists(until_ms);
        }
        running.schedule.lock().next_ms()
    }

    /// Starts the stream from the forward proxy, once per process.
    fn start_stream(&self) {
        let weak = Weak::clone(&self.weak);
        let wake = move || {
            if let Some(sync) = weak.upgrade() {
                sync.running.get().control.signal.notify();
            }
        };
        if let Err(error) = grpc::start_stream(&self.engine, Box::new(wake)) {
            self.engine.log(LogLevel::Error, &error.to_string());
        }
    }

    /// Runs part of the work; a defect in it ends that part and nothing else.
    fn guarded<T>(&self, tag: &str, work: impl FnOnce() -> T) -> Option<T> {
        let running = self.running.get();
        let _in_use = running.begin_use(&self.engine);
        if let Ok(result) = catch_unwind(AssertUnwindSafe(work)) {
            return Some(result);
        }
        let text = "a defect was caught";
        self.engine
            .ctx
            .reporter
            .error(tag, "InternalError", text, None);
        None
    }

    /// On the sync thread: does the refreshes that were asked for, all at once.
    fn refresh_if_asked(&self) {
        let running = self.running.get();
        let (asked, is_asked) = {
            let refresh = running.refresh.lock();
            (refresh.asked, refresh.asked > refresh.done)
        };
        let is_initialized = self.phase.load(Ordering::Acquire) == INITIALIZED;
        if !is_asked || !is_initialized || self.engine.is_stopping() {
            return;
        }
        // Shutdown interrupts the round that is waited for here.
        running.wait_for_lists(&*self.engine.ctx.clock, NEVER_MS);
        let failure = self.refresh_here(None).err().map(|error| error.to_string());
        {
            let mut refresh = running.refresh.lock();
            refresh.done = asked;
            refresh.failure = failure;
        }
        running.changed.notify();
    }

    /// Refreshes on this thread.
    pub(super) fn refresh_here(&self, until_ms: Option<i64>) -> Result<(), Error> {
        let round = self.guarded("_sync", || self.engine.sync_specs(until_ms));
        self.engine.save_copy();
        let now_ms = || self.engine.ctx.clock.monotonic_ms();
        let running = self.running.get();
        let end = round.map(|round| round.end).unwrap_or_default();
        running.schedule.lock().specs_ended(now_ms(), end);
        let lists_end = self.sync_id_lists_here(until_ms);
        running.schedule.lock().id_lists_ended(now_ms(), lists_end);
        if round.is_some_and(|round| round.is_fresh) {
            return Ok(());
        }
        let failure = self.engine.notes().error;
        outcome(Some(
            failure.unwrap_or_else(|| "no source gave specs".to_owned()),
        ))
    }

    /// Starts a round of id lists beside the sync thread, or does it here without threads.
    fn start_id_lists(&self, until_ms: Option<i64>) {
        let running = self.running.get();
        let clock = Arc::clone(&self.engine.ctx.clock);
        let do_here = || {
            let end = self.sync_id_lists_here(until_ms);
            running
                .schedule
                .lock()
                .id_lists_ended(clock.monotonic_ms(), end);
        };
        if self.engine.ctx.settings.threads == Threads::None {
            return do_here();
        }
        let Some(sync) = self.weak.upgrade() else {
            return;
        };
        running.has_lists_round.store(true, Ordering::Release);
        let in_use = running.begin_use(&self.engine);
        let started = spawn_quiet("tg-idlist", move || {
            enter_thread(&sync.engine);
            let end = sync.sync_id_lists_here(None);
            let running = sync.running.get();
            let now_ms = sync.engine.ctx.clock.monotonic_ms();
            running.schedule.lock().id_lists_ended(now_ms, end);
            drop(in_use);
            running.has_lists_round.store(false, Ordering::Release);
            running.changed.notify();
            // The sync thread sleeps without knowing of the next round.
            running.control.signal.notify();
        });
        if started.is_err() {
            running.has_lists_round.store(false, Ordering::Release);
            do_here();
        }
    }

    fn sync_id_lists_here(&self, until_ms: Option<i64>) -> RoundEnd {
        let bounds = Bounds {
            is_init: false,
            until_ms,
        };
        let engine = &self.engine;
        let worked = catch_unwind(AssertUnwindSafe(|| engine.sync_id_lists(bounds)));
        let Ok(round) = worked else {
            let tag = "_download_id_lists_process";
            let reporter = &engine.ctx.reporter;
            reporter.error(tag, "InternalError", "a defect was caught", None);
            return RoundEnd::default();
        };
        let failure = round.failure.unwrap_or_default();
        RoundEnd {
            is_overload: failure.is_overload,
            retry_after: failure.retry_after,
        }
    }
}
