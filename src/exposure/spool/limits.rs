//! How much is kept: what is too old goes, then the oldest until the rest fits.

use super::super::batch::Origin;
use super::super::batch_id::BatchId;
use super::super::counters::Cause;
use super::Spool;
use super::index::Entry;

/// Bounds on what is kept.
#[derive(Debug, Clone, Copy)]
pub(in crate::exposure) struct Limits {
    pub(in crate::exposure) max_bytes: u64,
    pub(in crate::exposure) max_age_ms: i64,
}

impl Limits {
    /// Segments are small enough that dropping one, when space runs out, drops little.
    pub(super) fn segment_bytes(self) -> u64 {
        (self.max_bytes / 8).clamp(4 << 10, 4 << 20)
    }
}

/// A batch that is no longer on disk although it was not finished.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::exposure) struct Lost {
    pub(in crate::exposure) id: BatchId,
    pub(in crate::exposure) origin: Origin,
    pub(in crate::exposure) events: u32,
    /// The caller still has it in memory, so it is not lost altogether.
    pub(in crate::exposure) in_memory: bool,
    pub(in crate::exposure) cause: Cause,
}

impl Spool {
    /// Gives up a batch that could not be read or restored.
    pub(in crate::exposure) fn give_up(&mut self, id: BatchId, cause: Cause) -> Option<Lost> {
        let lost = self.lost(id, cause)?;
        // If the mark cannot be written, the batch is found and given up once more, later.
        let _ = self.finish(id);
        Some(lost)
    }

    fn lost(&self, id: BatchId, cause: Cause) -> Option<Lost> {
        let entry = self.index.entry(id)?;
        Some(Lost {
            id,
            origin: entry.origin,
            events: entry.events,
            in_memory: entry.in_memory && cause != Cause::Serialization,
            cause,
        })
    }

    /// Drops what is too old, then the oldest segments until the rest fits.
    pub(in crate::exposure) fn enforce_limits(&mut self, now_ms: i64) -> Vec<Lost> {
        let oldest_ms = now_ms.saturating_sub(self.limits.max_age_ms);
        let is_old = |entry: &&Entry| !entry.in_memory && entry.time_ms < oldest_ms;
        let old: Vec<BatchId> = self.index.entries().filter(is_old).map(|e| e.id).collect();
        let mut lost: Vec<Lost> = old
            .into_iter()
            .filter_map(|id| self.give_up(id, Cause::TooOld))
            .collect();
        while self.index.bytes() > self.limits.max_bytes {
            let Some(age) = self.index.segments.keys().next().copied() else {
                break;
            };
            if self.is_active(age) {
                self.active = None;
            }
            let is_in = |entry: &&Entry| entry.is_in(age);
            let ids: Vec<BatchId> = self.index.entries().filter(is_in).map(|e| e.id).collect();
            for id in ids {
                lost.extend(self.lost(id, Cause::SpoolFull));
                self.forget(id);
            }
            self.remove_if_finished(age);
            // Whatever happened to the file, it is not ours to count any more.
            self.index.segments.remove(&age);
        }
        lost
    }
}
