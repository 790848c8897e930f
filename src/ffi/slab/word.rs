//! The one atomic word of a slot: `generation:24 | live:1 | calls:39`.
//!
//! Whoever is told that it is alone owns the slot's object until it gives the slot back. That holds
//! for every interleaving: `tests/model` compiles this file against a model of memory.

use super::atomic::{AtomicU64, Ordering};

/// Bits of a generation, here and in an id.
pub(super) const GENERATION_BITS: u32 = 24;
/// Generations wrap to 0, which is never given out.
pub(super) const GENERATION_MAX: u64 = (1 << GENERATION_BITS) - 1;
const GENERATION_SHIFT: u32 = u64::BITS - GENERATION_BITS;
const LIVE: u64 = 1 << (GENERATION_SHIFT - 1);
const CALLS: u64 = LIVE - 1;

/// Which object a slot holds, whether that is live, and how many calls use it.
pub(super) struct Word(AtomicU64);

/// Nobody uses the slot any more: the caller is alone with it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Alone;

/// What became of an attempt to end a life.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum End {
    /// There was no such life.
    NotLive,
    /// Calls are left over; the last of them will be alone.
    InUse,
    Over(Alone),
}

#[inline]
fn idle(generation: u64) -> u64 {
    generation << GENERATION_SHIFT
}

/// Whether the word is that of the live object of this generation.
#[inline]
fn is_live(word: u64, generation: u64) -> bool {
    word & !CALLS == idle(generation) | LIVE
}

impl Word {
    /// An empty slot whose next object is of this generation.
    pub(super) fn at(generation: u64) -> Self {
        Word(AtomicU64::new(idle(generation)))
    }

    /// The generation that the next object gets; 0 once the slot is used up.
    pub(super) fn generation(&self) -> u64 {
        self.0.load(Ordering::Relaxed) >> GENERATION_SHIFT
    }

    /// Shows the object that the caller, who is alone, has written. Gives its generation.
    pub(super) fn publish(&self) -> u64 {
        let generation = self.generation();
        self.0.store(idle(generation) | LIVE, Ordering::Release);
        generation
    }

    /// Counts a call that uses the object, if it is the live one of this generation.
    #[inline]
    pub(super) fn enter(&self, generation: u64) -> bool {
        let mut word = self.0.load(Ordering::Relaxed);
        while is_live(word, generation) {
            match self
                .0
                .compare_exchange_weak(word, word + 1, Ordering::Acquire, Ordering::Relaxed)
            {
                Ok(_) => return true,
                Err(current) => word = current,
            }
        }
        false
    }

    /// Ends a call that was counted.
    #[inline]
    pub(super) fn leave(&self) -> Option<Alone> {
        let before = self.0.fetch_sub(1, Ordering::AcqRel);
        (before & (CALLS | LIVE) == 1).then_some(Alone)
    }

    /// Ends the life of the object of this generation.
    pub(super) fn end(&self, generation: u64) -> End {
        let mut word = self.0.load(Ordering::Relaxed);
        while is_live(word, generation) {
            let ended = idle((generation + 1) & GENERATION_MAX) | (word & CALLS);
            match self
                .0
                .compare_exchange_weak(word, ended, Ordering::AcqRel, Ordering::Relaxed)
            {
                Ok(_) if word & CALLS == 0 => return End::Over(Alone),
                Ok(_) => return End::InUse,
                Err(current) => word = current,
            }
        }
        End::NotLive
    }
}
