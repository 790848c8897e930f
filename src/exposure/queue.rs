//! Sealed batches on their way to the server: first in, first out, bounded, retried with a wait
//! that all share. Pure: it neither sends nor waits, and time and chance are passed in.

use std::collections::VecDeque;
use std::time::Duration;

use super::backoff::Backoff;
use super::batch::{Batch, Origin};
use super::batch_id::BatchId;
use super::counters::Cause;

/// Attempts a batch gets, the first included. Batches in the spool get as many as it takes.
const ATTEMPTS_MAX: u32 = 11;

/// How an attempt ended, as the queue sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    Sent,
    /// Worth another attempt; the server may have said when.
    Retry {
        after: Option<Duration>,
    },
    /// Not worth another attempt.
    Rejected,
}

/// What is to be done about a batch.
#[derive(Debug)]
pub(super) enum Fate {
    Sent,
    WillRetry,
    /// It is given up.
    Dropped(Cause),
    /// There is no room for it in memory; it is on disk.
    LeftOnDisk,
    /// It was counted already, when the queue was closed.
    Late,
}

/// Where time stands when an attempt ends.
#[derive(Debug, Clone, Copy)]
pub(super) struct Now {
    pub(super) ms: i64,
    /// Interval between attempts that the ruleset asks for.
    pub(super) interval: Option<Duration>,
    /// From 0 to 1.
    pub(super) chance: f64,
}

struct Waiting {
    sequence: u64,
    batch: Batch,
    /// Somebody waits for it to be tried, so it does not wait its turn.
    is_urgent: bool,
}

/// What is known of a batch while its body is with a sender.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Ticket {
    sequence: u64,
    id: BatchId,
    events: u32,
    origin: Origin,
    is_on_disk: bool,
}

/// A batch that fell out of the queue.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Displaced {
    pub(super) id: BatchId,
    pub(super) events: u32,
    pub(super) origin: Origin,
    pub(super) is_on_disk: bool,
}

impl Displaced {
    fn of(batch: &Batch) -> Self {
        Displaced {
            id: batch.id,
            events: batch.events,
            origin: batch.origin,
            is_on_disk: batch.is_on_disk,
        }
    }
}

/// The queue of one client.
pub(super) struct DeliveryQueue {
    waiting: VecDeque<Waiting>,
    in_flight: Vec<Ticket>,
    capacity: usize,
    next_sequence: u64,
    backoff: Backoff,
    not_before_ms: i64,
    is_closed: bool,
    senders: usize,
}

/// Senders at a time; more than one only when batches come faster than the server answers.
const SENDERS_MAX: usize = 4;

impl DeliveryQueue {
    /// A queue for `capacity` batches, those in flight not counted.
    pub(super) fn new(capacity: usize) -> Self {
        DeliveryQueue {
            waiting: VecDeque::new(),
            in_flight: Vec::new(),
            capacity: capacity.max(1),
            next_sequence: 0,
            backoff: Backoff::default(),
            not_before_ms: i64::MIN,
            is_closed: false,
            senders: 0,
        }
    }

    /// Adds a batch at the end. When the queue is full, one falls out: this one if it is on disk,
    /// from where it will come back in turn, else the oldest.
    pub(super) fn push(&mut self, batch: Batch) -> Option<Displaced> {
        let mut displaced = None;
        if self.is_closed || self.waiting.len() >= self.capacity {
            if self.is_closed || batch.is_on_disk {
                return Some(Displaced::of(&batch));
            }
            displaced = self
                .waiting
                .pop_front()
                .map(|oldest| Displaced::of(&oldest.batch));
        }
        let sequence = self.next_sequence;
        self.next_sequence += 1;
        self.waiting.push_back(Waiting {
            sequence,
            batch,
            is_urgent: false,
        });
        displaced
    }

    /// Takes the batch to try next, if any may be tried now.
    pub(super) fn next(&mut self, now_ms: i64) -> Option<(Ticket, Batch)> {
        let is_open = now_ms >= self.not_before_ms;
        let position = self
            .waiting
            .iter()
            .position(|waiting| is_open || waiting.is_urgent)?;
        let Waiting {
            sequence, batch, ..
        } = self.waiting.remove(position)?;
        let ticket = Ticket {
            sequence,
            id: batch.id,
            events: batch.events,
            origin: batch.origin,
            is_on_disk: batch.is_on_disk,
        };
        self.in_flight.push(ticket);
        Some((ticket, batch))
    }

    /// How many batches may be tried now.
    pub(super) fn due(&self, now_ms: i64) -> usize {
        if now_ms >= self.not_before_ms {
            self.waiting.len()
        } else {
            self.waiting
                .iter()
                .filter(|waiting| waiting.is_urgent)
                .count()
        }
    }

    /// How many senders to start now. Each must call [`DeliveryQueue::next_or_leave`] until that
    /// says `None`.
    pub(super) fn hire(&mut self, now_ms: i64) -> usize {
        let wanted = SENDERS_MAX.min(self.due(now_ms) + self.in_flight.len());
        let hired = wanted.saturating_sub(self.senders);
        self.senders += hired;
        hired
    }

    /// Like [`DeliveryQueue::next`]; a sender that gets `None` is done.
    pub(super) fn next_or_leave(&mut self, now_ms: i64) -> Option<(Ticket, Batch)> {
        let next = self.next(now_ms);
        if next.is_none() {
            self.leave();
        }
        next
    }

    /// A sender is done.
    pub(super) fn leave(&mut self) {
        self.senders = self.senders.saturating_sub(1);
    }

    /// When the pause ends that something waits for; `None` if there is no such pause.
    pub(super) fn opens_at_ms(&self, now_ms: i64) -> Option<i64> {
        (!self.waiting.is_empty() && now_ms < self.not_before_ms).then_some(self.not_before_ms)
    }

    /// Whether the batch of `ticket` is still on disk, as far as the spool has told.
    pub(super) fn is_on_disk(&self, ticket: Ticket) -> bool {
        let mut in_flight = self.in_flight.iter();
        in_flight.any(|t| t.sequence == ticket.sequence && t.is_on_disk)
    }

    /// Ends the attempt of `ticket`.
    pub(super) fn finish(
        &mut self,
        ticket: Ticket,
        mut batch: Batch,
        outcome: Outcome,
        now: Now,
    ) -> (Fate, Option<Displaced>) {
        let Some(position) = self
            .in_flight
            .iter()
            .position(|t| t.sequence == ticket.sequence)
        else {
            return (Fate::Late, None);
        };
        // The spool may have lost the batch meanwhile.
        batch.is_on_disk = self.in_flight.swap_remove(position).is_on_disk;
        batch.attempts += 1;
        let pause = |wait: Duration| {
            now.ms
                .saturating_add(i64::try_from(wait.as_millis()).unwrap_or(i64::MAX))
        };
        match outcome {
            Outcome::Sent => {
                self.backoff.success();
                self.not_before_ms = now.interval.map_or(i64::MIN, pause);
                (Fate::Sent, None)
            }
            Outcome::Rejected => (Fate::Dropped(Cause::Rejected), None),
            Outcome::Retry { after } => {
                let wait = self.backoff.failure(after, now.interval, now.chance);
                self.not_before_ms = pause(wait);
                if batch.attempts >= ATTEMPTS_MAX && !batch.is_on_disk {
                    return (Fate::Dropped(Cause::Attempts), None);
                }
                let id = batch.id;
                match self.push(batch) {
                    Some(out) if out.id == id => (Fate::LeftOnDisk, None),
                    displaced => (Fate::WillRetry, displaced),
                }
            }
        }
    }

    /// Lets every waiting batch be tried once without waiting its turn. Gives the mark that
    /// [`DeliveryQueue::is_settled`] takes.
    pub(super) fn urge(&mut self) -> u64 {
        for waiting in &mut self.waiting {
            waiting.is_urgent = true;
        }
        self.next_sequence
    }

    /// Whether everything that was here at `mark` has been tried, or is gone.
    pub(super) fn is_settled(&self, mark: u64) -> bool {
        self.in_flight.iter().all(|ticket| ticket.sequence >= mark)
            && self
                .waiting
                .iter()
                .all(|waiting| !waiting.is_urgent || waiting.sequence >= mark)
    }

    /// Says that a batch is no longer on disk.
    pub(super) fn forget_disk(&mut self, id: BatchId) {
        for ticket in self.in_flight.iter_mut().filter(|ticket| ticket.id == id) {
            ticket.is_on_disk = false;
        }
        for waiting in self
            .waiting
            .iter_mut()
            .filter(|waiting| waiting.batch.id == id)
        {
            waiting.batch.is_on_disk = false;
        }
    }

    /// Takes everything out for good: attempts that end later are ignored.
    pub(super) fn close(&mut self) -> Vec<Displaced> {
        self.is_closed = true;
        let in_flight = self.in_flight.drain(..).map(|ticket| Displaced {
            id: ticket.id,
            events: ticket.events,
            origin: ticket.origin,
            is_on_disk: ticket.is_on_disk,
        });
        let waiting = self
            .waiting
            .drain(..)
            .map(|waiting| Displaced::of(&waiting.batch));
        in_flight.chain(waiting).collect()
    }

    /// Our own events that exist in memory only.
    pub(super) fn events_in_memory_only(&self) -> u64 {
        let waiting = self.waiting.iter().map(|waiting| &waiting.batch);
        let waiting = waiting
            .filter(|batch| batch.origin == Origin::Own && !batch.is_on_disk)
            .map(|batch| u64::from(batch.events));
        let in_flight = self.in_flight.iter();
        let in_flight = in_flight
            .filter(|ticket| ticket.origin == Origin::Own && !ticket.is_on_disk)
            .map(|ticket| u64::from(ticket.events));
        waiting.sum::<u64>() + in_flight.sum::<u64>()
    }

    /// Batches that wait.
    pub(super) fn len(&self) -> usize {
        self.waiting.len()
    }

    /// Batches whose attempt is under way.
    pub(super) fn in_flight(&self) -> usize {
        self.in_flight.len()
    }

    /// Whether there is room for batches read back from disk, with some left for fresh ones.
    pub(super) fn has_room_for_stored(&self) -> bool {
        !self.is_closed && self.waiting.len() < self.capacity.div_ceil(2)
    }

    /// The wait after the next failure.
    pub(super) fn backoff(&self) -> Duration {
        self.backoff.next()
    }
}

#[cfg(test)]
mod tests;
