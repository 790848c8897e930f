//! Start, flush, tick, shutdown, fork.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use super::Events;
use super::counters::Cause;
use super::disk::sync_noted;
use super::state::State;
use super::work::{Extent, count_dropped, update_mirror};
use crate::error::Error;
use crate::options::LogLevel;
use crate::worker::Worker;

/// What became of events during a call.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct FlushInfo {
    /// Delivered during the call.
    pub sent: u64,
    /// On disk at its end, to be delivered later.
    pub spooled: u64,
    /// Given up during the call.
    pub dropped: u64,
    /// In memory only at its end.
    pub queued: u64,
}

/// How long shutdown waits for the last round of the events thread before it goes without it.
const CLOSE_PATIENCE: Duration = Duration::from_millis(100);
/// How long the end of the process waits for that round.
const EXIT_PATIENCE: Duration = Duration::from_secs(1);
/// How long to wait after the system gave no thread.
const START_RETRY_MS: i64 = 1_000;
/// What one report of dropped events may cost a shutdown without threads.
const LAST_REPORTS_MS: i64 = 1_000;

impl Events {
    /// Starts the events thread, unless the options say that there is none.
    ///
    /// # Errors
    /// [`Error::Io`] when the system gives no thread.
    pub fn start(&self) -> Result<(), Error> {
        self.is_wanted.store(true, Ordering::Relaxed);
        self.start_thread(self.state.get())
    }

    /// Starts the thread again in a forked child. Costs little when it runs.
    pub fn ensure_running(&self) {
        if !self.is_wanted.load(Ordering::Relaxed) {
            return;
        }
        let state = self.state.get();
        if let Err(error) = self.start_thread(state) {
            self.ctx
                .reporter
                .log(LogLevel::Error, "events", &error.to_string());
        }
    }

    fn start_thread(&self, state: &State) -> Result<(), Error> {
        if !state.is_enabled || state.is_started.swap(true, Ordering::AcqRel) {
            return Ok(());
        }
        self.release_inherited();
        if self.runs_inline() || state.is_shut.load(Ordering::Acquire) {
            return Ok(());
        }
        let now_ms = self.ctx.clock.monotonic_ms();
        if now_ms < state.next_start_ms.load(Ordering::Relaxed) {
            state.is_started.store(false, Ordering::Release);
            return Ok(());
        }
        let me = self.me.clone();
        let started = Worker::spawn(
            "tg-events",
            Arc::clone(&self.ctx.clock),
            Arc::clone(&state.control),
            move |_| me.upgrade().map(|events| events.run_once()),
        );
        match started {
            Ok(worker) => {
                *state.worker.lock() = Some(worker);
                Ok(())
            }
            Err(error) => {
                // An event that comes later tries again.
                let next_ms = now_ms + START_RETRY_MS;
                state.next_start_ms.store(next_ms, Ordering::Relaxed);
                state.is_started.store(false, Ordering::Release);
                Err(error)
            }
        }
    }

    /// One turn of the events thread; gives the time of the next.
    fn run_once(&self) -> i64 {
        let state = self.state.get();
        state.looks();
        self.work(state, Extent::Due, i64::MAX);
        self.dispatch(state, i64::MAX);
        self.next_round_ms(state)
    }

    /// Delivers what was accepted before the call: each batch is tried once, whatever the back-off
    /// says. Returns when all were tried, at the latest after `timeout`.
    pub fn flush(&self, timeout: Duration) -> FlushInfo {
        let state = self.state.get();
        if !state.is_enabled || state.is_shut.load(Ordering::Acquire) {
            return FlushInfo::default();
        }
        let timeout_ms = i64::try_from(timeout.as_millis()).unwrap_or(i64::MAX);
        let deadline_ms = self.ctx.clock.monotonic_ms().saturating_add(timeout_ms);
        let before = state.tally();
        let backlog = before.spooled + state.mirror.recovered_waiting();
        let mut sent = 0;
        loop {
            self.work(state, Extent::Everything, deadline_ms);
            self.try_all_once(state, deadline_ms);
            self.work(state, Extent::Due, deadline_ms);
            let sent_before = std::mem::replace(&mut sent, state.tally().since(before).sent);
            // What comes back from disk is tried, too, as long as that leads somewhere.
            let goes_on = sent < backlog && sent > sent_before;
            if !goes_on || self.ctx.clock.monotonic_ms() >= deadline_ms {
                break;
            }
        }
        self.dispatch(state, deadline_ms);
        state.tally().since(before)
    }

    /// Tries every batch in the queue once, until `deadline_ms`.
    fn try_all_once(&self, state: &State, deadline_ms: i64) {
        let mark = state.queue.lock().urge();
        if self.runs_inline() {
            self.send_inline(state, deadline_ms);
            return;
        }
        self.dispatch(state, deadline_ms);
        loop {
            let seen = state.changed.seen();
            if state.queue.lock().is_settled(mark) {
                return;
            }
            if !state
                .changed
                .wait(&*self.ctx.clock, seen, Some(deadline_ms))
                && self.ctx.clock.monotonic_ms() >= deadline_ms
            {
                return;
            }
        }
    }

    /// Without threads: does what is due, sending for about `budget`. Gives the time of the next
    /// work (monotonic); `None` with threads, or when there will be none.
    pub fn tick(&self, budget: Duration) -> Option<i64> {
        let state = self.state.get();
        if !self.runs_inline() || !state.is_enabled || state.is_shut.load(Ordering::Acquire) {
            return None;
        }
        let now_ms = self.ctx.clock.monotonic_ms();
        let deadline_ms = now_ms.saturating_add(i64::try_from(budget.as_millis()).unwrap_or(0));
        state.looks();
        self.work(state, Extent::Due, deadline_ms);
        self.send_inline(state, deadline_ms);
        self.work(state, Extent::Due, deadline_ms);
        self.send_reports(deadline_ms);
        let now_ms = self.ctx.clock.monotonic_ms();
        if state.queue.lock().due(now_ms) > 0 {
            return Some(now_ms);
        }
        Some(self.next_round_ms(state))
    }

    /// Stops: accepts nothing more, delivers what it can until `deadline_ms` (monotonic), leaves
    /// the rest on disk or counts it as dropped. A second call does nothing.
    pub fn shutdown(&self, deadline_ms: i64) -> FlushInfo {
        let state = self.state.get();
        if !state.is_enabled || state.is_shut.swap(true, Ordering::AcqRel) {
            return FlushInfo::default();
        }
        let before = state.tally();
        state.deadline_ms.store(deadline_ms, Ordering::Relaxed);
        state.intake.close();
        state.control.stop();
        self.work(state, Extent::Everything, deadline_ms);
        if self.ctx.clock.monotonic_ms() < deadline_ms {
            self.try_all_once(state, deadline_ms);
        }
        {
            let mut queue = state.queue.lock();
            let left = queue.close();
            for batch in left.iter().filter(|batch| !batch.is_on_disk) {
                count_dropped(state, batch.origin, Cause::Shutdown, batch.events);
            }
        }
        self.http.cancel_all();
        self.work(state, Extent::Due, deadline_ms);
        self.close_spool(state, deadline_ms);
        self.report_drops(state);
        if self.runs_inline() {
            let limit_ms = self.ctx.clock.monotonic_ms() + LAST_REPORTS_MS;
            self.send_reports(deadline_ms.min(limit_ms));
        } else {
            self.dispatch_reports(state);
        }
        let worker = state.worker.lock().take();
        if let Some(worker) = worker {
            worker.stop_and_join(&*self.ctx.clock, deadline_ms);
        }
        state.tally().since(before)
    }

    fn close_spool(&self, state: &State, deadline_ms: i64) {
        // Whoever holds this lock for long waits for the disk; what is there stays there.
        let Some(mut work) = state.work.try_lock_for(CLOSE_PATIENCE) else {
            return;
        };
        update_mirror(state, &work);
        let closed = work.spool.spool.take().map(super::spool::Spool::close);
        work.spool.dir = None;
        drop(work);
        match closed {
            Some(Ok(unsynced)) => state.unsynced.lock().extend(unsynced),
            Some(Err(error)) => {
                let text = format!("the event spool could not be closed: {error}");
                self.ctx.reporter.log(LogLevel::Error, "events", &text);
            }
            None => {}
        }
        self.make_durable(state, Extent::Everything, deadline_ms);
    }

    /// At the end of a process that does not shut down: what waits in memory goes to the spool, if
    /// there is one. Calls nothing of the host, which may be half gone.
    pub fn spool_at_exit(&self) {
        let state = self.state.get();
        // What a round of the events thread has taken is in no count: its end is waited for.
        let is_needed = state.is_enabled && state.has_spool && state.accepted() > 0;
        if !is_needed || state.is_shut.load(Ordering::Acquire) {
            return;
        }
        let Some(mut work) = state.work.try_lock_for(EXIT_PATIENCE) else {
            return;
        };
        let now_ms = self.ctx.clock.monotonic_ms();
        self.round(state, &mut work, Extent::Everything, now_ms);
        work.notes.clear();
        drop(work);
        sync_noted(state);
    }

    /// In a forked child: leaves everything that waits to the parent. Touches memory only; the
    /// next call that has something to do starts afresh.
    pub fn after_fork_child(&self) {
        self.is_child.store(true, Ordering::Relaxed);
        self.state.renew();
        self.http.reset_after_fork();
        self.report_http.reset_after_fork();
    }

    /// Lets go of what a fork copied: threads that do not exist here, and the parent's spool, which
    /// would stay locked for as long as this process has it open.
    fn release_inherited(&self) {
        for inherited in self.state.abandoned() {
            if let Some(worker) = inherited
                .worker
                .try_lock()
                .and_then(|mut worker| worker.take())
            {
                worker.forget();
            }
            if let Some(mut work) = inherited.work.try_lock() {
                work.spool.spool = None;
            }
        }
    }
}

impl FlushInfo {
    /// What changed since `before`; what is a state rather than a change is as now.
    fn since(self, before: FlushInfo) -> FlushInfo {
        FlushInfo {
            sent: self.sent - before.sent,
            dropped: self.dropped - before.dropped,
            ..self
        }
    }
}

impl Drop for Events {
    fn drop(&mut self) {
        self.release_inherited();
        self.state.get().control.stop();
    }
}
