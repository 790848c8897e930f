//! What became of the events: counted once each, when it is certain.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use crate::lock::Mutex;
use serde_json::{Map, Value, json};

/// Why an event was given up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cause {
    /// The queue was full, and these were the oldest.
    QueueFull,
    /// The server does not want them.
    Rejected,
    /// As many attempts as a batch gets have failed.
    Attempts,
    /// They waited on disk for too long.
    TooOld,
    /// The spool was full, and these were the oldest.
    SpoolFull,
    /// They could not be written as JSON, or not be read back from disk.
    Serialization,
    /// Shutdown ran out of time, and there is no spool.
    Shutdown,
}

impl Cause {
    const ALL: [(Cause, &'static str); 7] = [
        (Cause::QueueFull, "queue_full"),
        (Cause::Rejected, "rejected"),
        (Cause::Attempts, "attempts"),
        (Cause::TooOld, "too_old"),
        (Cause::SpoolFull, "spool_full"),
        (Cause::Serialization, "serialization"),
        (Cause::Shutdown, "shutdown"),
    ];
}

/// Counters of one client. Each is raised on its own, so a reading in motion may be off by a batch.
#[derive(Debug, Default)]
pub(super) struct Counters {
    pub(super) sent: AtomicU64,
    pub(super) batches_sent: AtomicU64,
    pub(super) retries: AtomicU64,
    /// Wall time of the last delivery.
    pub(super) last_delivery_ms: AtomicI64,
    /// Exposures that sampling left out; they were never accepted.
    pub(super) sampled_out: AtomicU64,
    dropped: [AtomicU64; Cause::ALL.len()],
    /// Dropped because a queue was full, and not reported to the service yet.
    unreported: AtomicU64,
    /// Events other processes left on disk.
    pub(super) recovered_sent: AtomicU64,
    pub(super) recovered_dropped: AtomicU64,
    pub(super) last_error: Mutex<Option<String>>,
}

impl Counters {
    /// Counts events of our own that were given up.
    pub(super) fn drop_events(&self, cause: Cause, events: u64) {
        if let Some(counter) = self.dropped.get(cause as usize) {
            counter.fetch_add(events, Ordering::Relaxed);
        }
        if matches!(
            cause,
            Cause::QueueFull | Cause::SpoolFull | Cause::TooOld | Cause::Shutdown
        ) {
            self.unreported.fetch_add(events, Ordering::Relaxed);
        }
    }

    /// Events given up so far.
    pub(super) fn dropped(&self) -> u64 {
        self.dropped
            .iter()
            .map(|counter| counter.load(Ordering::Relaxed))
            .sum()
    }

    /// Events given up by `cause`.
    pub(super) fn dropped_by(&self, cause: Cause) -> u64 {
        self.dropped
            .get(cause as usize)
            .map_or(0, |counter| counter.load(Ordering::Relaxed))
    }

    /// Takes the number of dropped events that the service was not told of.
    pub(super) fn take_unreported(&self) -> u64 {
        self.unreported.swap(0, Ordering::Relaxed)
    }

    /// The part of `stats` that says why events were dropped.
    pub(super) fn dropped_json(&self) -> Value {
        let mut json = Map::new();
        json.insert("total".to_owned(), json!(self.dropped()));
        for (cause, name) in Cause::ALL {
            json.insert(name.to_owned(), json!(self.dropped_by(cause)));
        }
        Value::Object(json)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn causes_are_told_apart_and_summed() {
        let counters = Counters::default();
        for (index, (cause, _)) in (1..).zip(Cause::ALL) {
            counters.drop_events(cause, index);
        }
        assert_eq!(
            counters.dropped_json(),
            json!({"total": 28, "queue_full": 1, "rejected": 2, "attempts": 3, "too_old": 4,
                   "spool_full": 5, "serialization": 6, "shutdown": 7})
        );
        assert_eq!(counters.take_unreported(), 1 + 4 + 5 + 7);
        assert_eq!(counters.take_unreported(), 0);
    }
}
