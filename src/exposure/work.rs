//! The events thread's round: write what waits as JSON, seal batches, keep the spool.
//!
//! A round never sends; it leaves sealed batches in the delivery queue. Whoever holds the lock of
//! [`Work`] may run one: the events thread, `flush`, `shutdown` or `tick`.

use std::sync::atomic::Ordering;
use std::time::Duration;

use serde_json::json;

use super::batch::{Encoding, OpenBatch, Origin};
use super::counters::Cause;
use super::disk::{note_unsynced, read_mail};
use super::event::write_diagnostics;
use super::gzip::Gzip;
use super::queue::Displaced;
use super::state::{Mail, State, Work};
use super::{Events, batch_size};
use crate::options::{Settings, positive_seconds};
use crate::report::Repeat;
use crate::store::Snapshot;

/// How often the service is told how many events were dropped.
pub(super) const DROP_REPORT_INTERVAL_MS: i64 = 60_000;
/// How long a round looks at what other processes left: fresh events wait for it.
const SLICE_MS: i64 = 3;
/// A round without a spool takes less than this; even a call that is out of time waits as long.
const LOCK_PATIENCE_MIN_MS: u64 = 20;
const LOCK_PATIENCE_MAX_MS: u64 = 60_000;

/// Age at which a batch is sealed though it is not full.
pub(super) fn seal_interval_ms(settings: &Settings) -> i64 {
    const DEFAULT_MS: i64 = 60_000;
    positive_seconds(Some(settings.logging_interval))
        .and_then(|interval| i64::try_from(interval.as_millis()).ok())
        .map_or(DEFAULT_MS, |ms| ms.max(1))
}

/// What a round is to leave behind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Extent {
    /// What is due.
    Due,
    /// No event outside of sealed batches, and everything on disk if there is a spool.
    Everything,
}

impl Events {
    /// Does one round, unless somebody else is at it until `deadline_ms`: a disk may hang. What
    /// there is to say, and to sync, is said and synced after it, without the lock.
    pub(super) fn work(&self, state: &State, extent: Extent, deadline_ms: i64) {
        let now_ms = self.ctx.clock.monotonic_ms();
        state.end_window_if_due(now_ms);
        let (notes, reports_drops) = {
            let left_ms = u64::try_from(deadline_ms.saturating_sub(now_ms)).unwrap_or(0);
            let patience =
                Duration::from_millis(left_ms.clamp(LOCK_PATIENCE_MIN_MS, LOCK_PATIENCE_MAX_MS));
            let Some(mut work) = state.work.try_lock_for(patience) else {
                return;
            };
            self.round(state, &mut work, extent, now_ms);
            let reports_drops = extent == Extent::Everything || now_ms >= work.next_drop_report_ms;
            if reports_drops {
                work.next_drop_report_ms = now_ms + DROP_REPORT_INTERVAL_MS;
            }
            (std::mem::take(&mut work.notes), reports_drops)
        };
        for (level, text) in notes {
            self.ctx.reporter.log(level, "events", &text);
        }
        if reports_drops {
            self.report_drops(state);
        }
        self.make_durable(state, extent, deadline_ms);
    }

    pub(super) fn round(&self, state: &State, work: &mut Work, extent: Extent, now_ms: i64) {
        let snapshot = self.ctx.store.load_full();
        self.open_spool(work, now_ms);
        read_mail(state, work, now_ms);

        let seals = extent == Extent::Everything || now_ms >= work.next_seal_ms;
        if seals {
            let rates = &snapshot.specs.diagnostics;
            self.ctx.reporter.diagnostics().emit_at_batch(rates);
            work.next_seal_ms = now_ms + seal_interval_ms(&self.ctx.settings);
        }
        let batch_size = batch_size(&self.ctx.settings, &snapshot);
        let waiting = state.intake.waiting();
        let fills = waiting + state.open_events.load(Ordering::Relaxed) >= batch_size;
        let is_sync_due = self.is_sync_due(state, work, waiting, now_ms);
        let drains = seals || fills || is_sync_due;
        if drains {
            self.drain(state, work, &snapshot, batch_size);
        }
        if seals {
            self.seal(state, work);
        }
        // What filled batches is in the file already and gets durable when its time comes.
        if seals || is_sync_due {
            work.sync_due_ms = None;
            self.spool_open_batch(work);
            note_unsynced(state, work, now_ms);
        }
        // Fresh events are on disk by now; what others left can wait, and is taken in slices.
        let until_ms = self.ctx.clock.monotonic_ms().saturating_add(SLICE_MS);
        let has_found = self.adopt(work, until_ms);
        if drains || has_found {
            self.keep_spool_small(state, work);
        }
        work.has_more = self.load_stored(state, work, until_ms);
        work.writer.forget_user();
        update_mirror(state, work);
    }

    /// Whether accepted events have to go to disk now. Starts the time for those that just came.
    fn is_sync_due(&self, state: &State, work: &mut Work, waiting: usize, now_ms: i64) -> bool {
        if !state.has_spool {
            return false;
        }
        if waiting > 0 && work.sync_due_ms.is_none() {
            // Half of the time for waiting, the rest for waking up and for the disk.
            let wait_ms = self.ctx.settings.event_spool_sync_ms / 2;
            let wait_ms = i64::try_from(wait_ms).unwrap_or(i64::MAX);
            work.sync_due_ms = Some(now_ms.saturating_add(wait_ms));
        }
        work.sync_due_ms.is_some_and(|due_ms| now_ms >= due_ms)
    }

    /// When the next round is due, if nothing wakes the thread before.
    pub(super) fn next_round_ms(&self, state: &State) -> i64 {
        let work = state.work.lock();
        if work.has_more {
            return self.ctx.clock.monotonic_ms();
        }
        let mut next_ms = work
            .next_seal_ms
            .min(work.next_drop_report_ms)
            .min(state.window_end_ms());
        if let Some(due_ms) = work.sync_due_ms {
            next_ms = next_ms.min(due_ms);
        }
        if state.has_spool {
            let look_ms = match work.spool.spool {
                Some(_) => work.spool.next_adoption_ms,
                None => work.spool.retry_at_ms,
            };
            next_ms = next_ms.min(look_ms);
        }
        drop(work);
        match state
            .queue
            .lock()
            .opens_at_ms(self.ctx.clock.monotonic_ms())
        {
            Some(opens_ms) => next_ms.min(opens_ms),
            None => next_ms,
        }
    }

    /// Writes everything that waits into the open batch, sealing it as often as it gets full.
    fn drain(&self, state: &State, work: &mut Work, snapshot: &Snapshot, batch_size: usize) {
        for event in self.ctx.reporter.diagnostics().take_events() {
            state
                .mirror
                .diagnostics_accepted
                .fetch_add(1, Ordering::Relaxed);
            self.add(state, work, snapshot, batch_size, |_, out| {
                write_diagnostics(&event, out)
            });
        }
        let mut records = std::mem::take(&mut work.spare_records);
        state.intake.drain(&mut records, |record, made_with| {
            self.add(state, work, snapshot, batch_size, |writer, out| {
                writer.write(&record, made_with, out)
            });
        });
        work.spare_records = records;
        state.open_events.store(
            work.open.as_ref().map_or(0, |o| o.events() as usize),
            Ordering::Relaxed,
        );
    }

    fn add(
        &self,
        state: &State,
        work: &mut Work,
        snapshot: &Snapshot,
        batch_size: usize,
        write: impl FnOnce(&mut super::event::EventWriter, &mut Vec<u8>) -> Option<()>,
    ) {
        let gzip = work.gzip.get_or_insert_with(Gzip::new);
        let open = work.open.get_or_insert_with(|| {
            let encoding = if snapshot.specs.flags.stop_log_event_compression {
                Encoding::Plain
            } else {
                Encoding::Gzip
            };
            OpenBatch::new(encoding, gzip, std::mem::take(&mut work.spare))
        });
        if open.add(gzip, |out| write(&mut work.writer, out)).is_none() {
            state.counters.drop_events(Cause::Serialization, 1);
        }
        if open.is_full(batch_size) {
            self.seal(state, work);
        }
    }

    /// Moves the open batch to the delivery queue.
    fn seal(&self, state: &State, work: &mut Work) {
        if work.open.as_ref().is_none_or(|open| open.events() == 0) {
            return;
        }
        self.spool_open_batch(work);
        let (Some(open), Some(gzip)) = (work.open.take(), work.gzip.as_mut()) else {
            return;
        };
        if open.events_not_taken() > 0
            && let Some(spool) = &mut work.spool.spool
        {
            // Half a batch on disk is none: it is whole in memory, and counted there.
            let _ = spool.finish(open.id);
        }
        let metadata = self.batch_metadata(&open.id.to_string());
        let (batch, spare) = open.seal(gzip, &metadata);
        work.spare = spare;
        state.open_events.store(0, Ordering::Relaxed);
        let mut queue = state.queue.lock();
        if let Some(displaced) = queue.push(batch) {
            displace(state, &displaced);
        }
    }

    /// The object that follows the events in a body.
    pub(super) fn batch_metadata(&self, batch_id: &str) -> String {
        let mut metadata = self.ctx.statsig_metadata();
        if let Some(members) = metadata.as_object_mut() {
            members.insert("batchID".to_owned(), json!(batch_id));
        }
        metadata.to_string()
    }

    /// Tells the service how many events were dropped since it was told last.
    pub(super) fn report_drops(&self, state: &State) {
        let count = state.counters.take_unreported();
        if count == 0 {
            return;
        }
        let tag = "statsig::log_event_dropped_event_count";
        let text = format!("{count} events were dropped: the queue was full, or time ran out");
        let interval = state.queue.lock().backoff().as_secs_f64();
        let extra = json!({"eventCount": count, "loggingInterval": interval, "error": text});
        self.ctx
            .reporter
            .error_repeated(tag, tag, &text, Some(extra), Repeat::Always);
    }
}

/// Settles a batch for which the queue has no room. Called under the queue's lock.
pub(super) fn displace(state: &State, displaced: &Displaced) {
    if displaced.is_on_disk {
        state.post(Mail::Release(displaced.id));
    } else {
        count_dropped(state, displaced.origin, Cause::QueueFull, displaced.events);
        state.post(Mail::Finish(displaced.id));
    }
}

/// Counts events that were given up, apart from those that other processes accepted.
pub(super) fn count_dropped(state: &State, origin: Origin, cause: Cause, events: u32) {
    let events = u64::from(events);
    match origin {
        Origin::Own => state.counters.drop_events(cause, events),
        Origin::Recovered => {
            state
                .counters
                .recovered_dropped
                .fetch_add(events, Ordering::Relaxed);
        }
    }
}

/// Shows outside of the lock what changed under it.
pub(super) fn update_mirror(state: &State, work: &Work) {
    let mirror = &state.mirror;
    let in_memory_only = work.open.as_ref().map_or(0, OpenBatch::events_not_taken);
    mirror
        .open_in_memory_only
        .store(u64::from(in_memory_only), Ordering::Relaxed);
    mirror
        .is_spool_failing
        .store(work.spool.is_failing, Ordering::Relaxed);
    if let Some(spool) = &work.spool.spool {
        {
            let _settled = state.queue.lock();
            mirror.show_disk(spool, &state.mail.lock());
        }
        mirror.spool_bytes.store(spool.bytes(), Ordering::Relaxed);
        mirror
            .spool_segments
            .store(spool.segment_count() as u64, Ordering::Relaxed);
    }
    state.intake.shown();
}
