//! The events' part of a client's stats.

use std::sync::atomic::Ordering;

use serde_json::Value;

use super::queue::DeliveryQueue;
use super::state::State;
use super::{Events, FlushInfo};
use crate::json_writer::object;

impl State {
    /// Our own events that exist in memory only. `queue` is that of this state.
    fn queued(&self, queue: &DeliveryQueue) -> u64 {
        self.intake.not_shown() as u64
            + self.mirror.open_in_memory_only.load(Ordering::Relaxed)
            + queue.events_in_memory_only()
    }

    /// What became of the events so far. Those of attempts that end meanwhile are counted once.
    pub(super) fn tally(&self) -> FlushInfo {
        let counters = &self.counters;
        let queue = self.queue.lock();
        let recovered_sent = counters.recovered_sent.load(Ordering::Relaxed);
        let recovered_dropped = counters.recovered_dropped.load(Ordering::Relaxed);
        FlushInfo {
            sent: counters.sent.load(Ordering::Relaxed) + recovered_sent,
            spooled: self.mirror.spooled(),
            dropped: counters.dropped() + recovered_dropped,
            queued: self.queued(&queue),
        }
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
        let thread_alive = {
            let worker = state.worker.lock();
            worker.as_ref().is_some_and(crate::worker::Worker::is_alive)
        };
        let queue = state.queue.lock();
        let last_delivery_ms = counters.last_delivery_ms.load(Ordering::Relaxed);
        object!({
            "accepted": state.accepted(),
            "sent": counters.sent.load(Ordering::Relaxed),
            "dropped": counters.dropped_json(),
            "spooled": mirror.spooled(),
            "queued": state.queued(&queue),
            "sampled_out": counters.sampled_out.load(Ordering::Relaxed),
            "remembered_exposures": state.seen.len(),
            "batches": object!({
                "queued": queue.len(),
                "in_flight": queue.in_flight(),
                "sent": counters.batches_sent.load(Ordering::Relaxed),
            }),
            "retries": counters.retries.load(Ordering::Relaxed),
            "backoff_ms": u64::try_from(queue.backoff().as_millis()).unwrap_or(u64::MAX),
            "last_delivery_ms": (last_delivery_ms > 0).then_some(last_delivery_ms),
            "last_error": counters.last_error.lock().clone(),
            "recovered": object!({
                "waiting": mirror.recovered_waiting(),
                "sent": counters.recovered_sent.load(Ordering::Relaxed),
                "dropped": counters.recovered_dropped.load(Ordering::Relaxed),
            }),
            "spool": state.has_spool.then(|| object!({
                "bytes": mirror.spool_bytes.load(Ordering::Relaxed),
                "segments": mirror.spool_segments.load(Ordering::Relaxed),
                "failing": mirror.is_spool_failing.load(Ordering::Relaxed),
            })),
            "thread_alive": thread_alive,
        })
    }
}
