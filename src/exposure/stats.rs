//! The events' part of a client's stats.

use std::sync::atomic::Ordering;

use serde_json::{Value, json};

use super::Events;
use super::state::State;

impl State {
    /// Our own events that exist in memory only.
    pub(super) fn queued(&self) -> u64 {
        self.intake.waiting() as u64
            + self.mirror.open_in_memory_only.load(Ordering::Relaxed)
            + self.queue.lock().events_in_memory_only()
    }

    /// Events accepted by this client.
    pub(super) fn accepted(&self) -> u64 {
        self.intake.accepted() + self.mirror.diagnostics_accepted.load(Ordering::Relaxed)
    }
}

impl Events {
    /// Counters and queue lengths. When nothing moves,
    /// `accepted == sent + dropped.total + spooled + queued`. Events that other processes left on
    /// disk are counted apart, under `recovered`.
    #[must_use]
    pub fn stats(&self) -> Value {
        let state = self.state.get();
        let (counters, mirror) = (&state.counters, &state.mirror);
        let (batches_queued, batches_in_flight, backoff) = {
            let queue = state.queue.lock();
            (queue.len(), queue.in_flight(), queue.backoff())
        };
        let last_delivery_ms = counters.last_delivery_ms.load(Ordering::Relaxed);
        json!({
            "accepted": state.accepted(),
            "sent": counters.sent.load(Ordering::Relaxed),
            "dropped": counters.dropped_json(),
            "spooled": mirror.spooled.load(Ordering::Relaxed),
            "queued": state.queued(),
            "sampled_out": counters.sampled_out.load(Ordering::Relaxed),
            "remembered_exposures": state.seen.len(),
            "batches": {
                "queued": batches_queued,
                "in_flight": batches_in_flight,
                "sent": counters.batches_sent.load(Ordering::Relaxed),
            },
            "retries": counters.retries.load(Ordering::Relaxed),
            "backoff_ms": u64::try_from(backoff.as_millis()).unwrap_or(u64::MAX),
            "last_delivery_ms": (last_delivery_ms > 0).then_some(last_delivery_ms),
            "last_error": counters.last_error.lock().clone(),
            "recovered": {
                "waiting": mirror.recovered_waiting.load(Ordering::Relaxed),
                "sent": counters.recovered_sent.load(Ordering::Relaxed),
                "dropped": counters.recovered_dropped.load(Ordering::Relaxed),
            },
            "spool": state.has_spool.then(|| json!({
                "bytes": mirror.spool_bytes.load(Ordering::Relaxed),
                "segments": mirror.spool_segments.load(Ordering::Relaxed),
                "failing": mirror.is_spool_failing.load(Ordering::Relaxed),
            })),
            "thread_alive": state.worker.lock().as_ref().is_some_and(crate::worker::Worker::is_alive),
        })
    }
}
