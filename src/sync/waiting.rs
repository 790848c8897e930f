//! Waiting for the sync thread, and giving it work beside its schedule.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use super::running::{is_on_thread_of, would_wait_for_itself};
use super::{Done, IDLE, INITIALIZED, InitDetails, NEVER_MS, Sync, not_initialized, shut_down};
use crate::error::Error;
use crate::options::LogLevel;
use crate::worker::spawn_quiet;

impl Sync {
    /// Waits until initialize has ended, up to `timeout` and up to `overall_init_timeout`, unless
    /// that `was_overdue` when the caller came.
    pub(super) fn wait(&self, timeout: Option<Duration>, was_overdue: bool) -> Result<(), Error> {
        let clock = &*self.engine.ctx.clock;
        let deadline_ms = timeout.map_or(NEVER_MS, |timeout| self.deadline_ms(timeout));
        loop {
            let changed = &self.running.get().changed;
            let seen = changed.seen();
            if self.engine.is_stopping() {
                return Err(shut_down());
            }
            match self.phase.load(Ordering::Acquire) {
                INITIALIZED if self.details.load().timed_out && !was_overdue => {
                    return Err(overdue());
                }
                INITIALIZED => return Ok(()),
                IDLE => return Err(not_initialized()),
                _ => {}
            }
            if self.check_overdue() {
                return if was_overdue { Ok(()) } else { Err(overdue()) };
            }
            if is_on_thread_of(&self.engine) {
                return Err(would_wait_for_itself());
            }
            if clock.monotonic_ms() >= deadline_ms {
                return Err(Error::Timeout { what: "initialize" });
            }
            let until_ms = deadline_ms.min(self.overdue_at_ms.load(Ordering::Acquire));
            changed.wait(clock, seen, (until_ms != NEVER_MS).then_some(until_ms));
        }
    }

    /// Notices that `overall_init_timeout` has run out, from whichever thread looks first.
    pub(super) fn check_overdue(&self) -> bool {
        let now_ms = self.engine.ctx.clock.monotonic_ms();
        if now_ms < self.overdue_at_ms.load(Ordering::Acquire) {
            return self.is_overdue.load(Ordering::Acquire);
        }
        if !self.is_overdue.swap(true, Ordering::AcqRel) {
            let text =
                "initialize takes longer than overall_init_timeout; it goes on in the background";
            self.engine.log(LogLevel::Warning, text);
        }
        true
    }

    /// The details as long as an overdue initialize goes on.
    pub(super) fn overdue_details(&self) -> InitDetails {
        let snapshot = self.engine.ctx.store.load();
        let started_ms = self.started_ms.load(Ordering::Acquire);
        InitDetails {
            duration_ms: self.overdue_at_ms.load(Ordering::Acquire) - started_ms,
            source: snapshot.source.as_str(),
            store_populated: snapshot.specs.lcut > 0,
            specs_time: snapshot.specs.lcut,
            id_list_count: snapshot.id_lists.len(),
            timed_out: true,
            ..InitDetails::default()
        }
    }

    /// Calls `done` on a short-lived thread once initialize has ended.
    pub(super) fn call_when_initialized(self: &Arc<Self>, done: Done) {
        let sync = Arc::clone(self);
        let slot = Arc::new(crate::lock::Mutex::new(Some(done)));
        let waiting = Arc::clone(&slot);
        let started = spawn_quiet("tg-init", move || {
            // Whether in time, too late or shut down is what the details say.
            let _ = sync.wait(None, false);
            let details = sync.init_details();
            if let Some(done) = waiting.lock().take() {
                // A callback that panics has ended; there is nothing to undo.
                let _ = catch_unwind(AssertUnwindSafe(|| done(&details)));
            }
        });
        if started.is_err()
            && let Some(done) = slot.lock().take()
        {
            let _ = self.wait(None, false);
            done(&self.init_details());
        }
    }

    /// Has the sync thread refresh specs and id lists, and waits.
    pub(super) fn refresh_on_thread(&self, timeout: Duration) -> Result<(), Error> {
        let clock = &*self.engine.ctx.clock;
        let deadline_ms = self.deadline_ms(timeout);
        let running = self.running.get();
        let ticket = {
            let mut refresh = running.refresh.lock();
            refresh.asked += 1;
            refresh.asked
        };
        running.control.signal.notify();
        loop {
            let seen = running.changed.seen();
            {
                let refresh = running.refresh.lock();
                if refresh.done >= ticket {
                    return outcome(refresh.failure.clone());
                }
            }
            if self.engine.is_stopping() {
                return Err(shut_down());
            }
            if !running.changed.wait(clock, seen, Some(deadline_ms)) {
                return Err(Error::Timeout { what: "sync_now" });
            }
        }
    }
}

pub(super) fn outcome(failure: Option<String>) -> Result<(), Error> {
    failure.map_or(Ok(()), |detail| Err(Error::Network { detail }))
}

fn overdue() -> Error {
    Error::Timeout {
        what: "initialize (overall_init_timeout)",
    }
}
