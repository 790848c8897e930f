//! Ids for options, users and results: `kind:8 | generation:24 | slot:32`.
//!
//! Each slot has one atomic word that holds its generation, whether it is live, and how many calls
//! use it, so that "is this still the same object?" and "keep it for this call" are one
//! compare-and-swap. `release` ends the generation: every later use of the id is an error, never a
//! wild read. The object is dropped by whoever leaves last. A slot whose generation would wrap is
//! not used again.

use std::cell::UnsafeCell;
use std::mem::MaybeUninit;
use std::ops::Deref;

use super::slots::Slots;
use crate::error::Error;
use word::{Alone, End, GENERATION_BITS, GENERATION_MAX, Word};

mod word;

/// What the word is made of; a model of it in `tests/model`.
mod atomic {
    pub(super) use std::sync::atomic::{AtomicU64, Ordering};
}

/// What an id stands for: its top byte. Below 128, so that an id is positive in signed 64 bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Kind {
    pub(super) code: u8,
    pub(super) noun: &'static str,
}

const SLOT_BITS: u32 = 32;
pub(super) const FIRST_GENERATION: u64 = 1;
pub(super) const LAST_GENERATION: u64 = GENERATION_MAX;

/// An id in its parts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Id {
    pub(super) kind: u8,
    pub(super) generation: u64,
    pub(super) slot: u32,
}

impl Id {
    #[inline]
    pub(super) fn unpack(id: u64) -> Id {
        Id {
            kind: (id >> (SLOT_BITS + GENERATION_BITS)) as u8,
            generation: (id >> SLOT_BITS) & GENERATION_MAX,
            #[expect(
                clippy::cast_possible_truncation,
                reason = "the low 32 bits are the slot"
            )]
            slot: id as u32,
        }
    }

    pub(super) fn pack(self) -> u64 {
        (u64::from(self.kind) << (SLOT_BITS + GENERATION_BITS))
            | (self.generation << SLOT_BITS)
            | u64::from(self.slot)
    }

    /// The generation after this one, unless there is none left.
    pub(super) fn next_generation(self) -> Option<u64> {
        (self.generation < LAST_GENERATION).then_some(self.generation + 1)
    }
}

/// One place for an object. Alone on its cache line: users and results are each used by one thread
/// most of the time, and neighbors must not slow each other down.
#[repr(align(64))]
struct Slot<T> {
    word: Word,
    object: UnsafeCell<MaybeUninit<T>>,
}

// SAFETY: the object is written before its word says "live", shared as `&T` while it is live or in
// use, and taken out once, by the one thread that sees the last use end.
unsafe impl<T: Send + Sync> Sync for Slot<T> {}

impl<T> Default for Slot<T> {
    fn default() -> Self {
        Slot {
            word: Word::at(FIRST_GENERATION),
            object: UnsafeCell::new(MaybeUninit::uninit()),
        }
    }
}

/// All objects of one kind.
pub(super) struct Slab<T: Send + Sync + 'static> {
    kind: Kind,
    slots: Slots<Slot<T>>,
}

impl<T: Send + Sync + 'static> Slab<T> {
    pub(super) const fn new(code: u8, noun: &'static str) -> Self {
        Slab {
            kind: Kind { code, noun },
            slots: Slots::new(),
        }
    }

    /// Gives an id to `object`.
    pub(super) fn insert(&self, object: T) -> Result<u64, Error> {
        let (index, slot) = self.slots.reserve()?;
        // SAFETY: a reserved slot is neither live nor in use, so nobody else looks at its object.
        unsafe { (*slot.object.get()).write(object) };
        let generation = slot.word.publish();
        Ok(Id {
            kind: self.kind.code,
            generation,
            slot: index,
        }
        .pack())
    }

    /// Holds the object for as long as the result lives.
    #[inline]
    pub(super) fn get(&'static self, id: u64) -> Result<Held<T>, Error> {
        #[cfg(feature = "test-panics")]
        super::test_panics::point(super::test_panics::LOOKUP);
        let (id, slot) = self.find(id)?;
        if !slot.word.enter(id.generation) {
            return Err(self.not_live());
        }
        Ok(Held {
            slab: self,
            slot,
            index: id.slot,
        })
    }

    /// Ends the life of an id; 0 is allowed. Calls that use the object finish with it.
    pub(super) fn release(&'static self, id: u64) -> Result<(), Error> {
        if id == 0 {
            return Ok(());
        }
        let (id, slot) = self.find(id)?;
        match slot.word.end(id.generation) {
            End::NotLive => return Err(self.not_live()),
            End::InUse => {}
            End::Over(alone) => self.recycle(id.slot, slot, &alone),
        }
        Ok(())
    }

    #[inline]
    fn find(&'static self, id: u64) -> Result<(Id, &'static Slot<T>), Error> {
        let id = Id::unpack(id);
        if id.kind != self.kind.code {
            return Err(self.not_live());
        }
        match self.slots.get(id.slot) {
            Some(slot) => Ok((id, slot)),
            None => Err(self.not_live()),
        }
    }

    #[cold]
    fn not_live(&self) -> Error {
        Error::Handle {
            expected: self.kind.noun,
        }
    }

    /// Drops the object of a slot that is neither live nor in use, and offers the slot again.
    fn recycle(&self, index: u32, slot: &Slot<T>, _: &Alone) {
        // SAFETY: the slot is not live and the last call has ended, so this thread is alone here.
        let place = unsafe { &mut *slot.object.get() };
        // SAFETY: the slot was live, so the object was written, and only this line takes it out.
        unsafe { place.assume_init_drop() };
        if slot.word.generation() != 0 {
            self.slots.offer(index);
        }
    }

    /// Before a fork: keeps the list of free slots whole in the child.
    pub(super) fn lock_for_fork(&'static self) {
        self.slots.lock_for_fork();
    }

    /// After a fork, on both sides.
    pub(super) fn unlock_after_fork(&'static self) {
        self.slots.unlock_after_fork();
    }
}

/// An object that stays alive while a call uses it.
pub(super) struct Held<T: Send + Sync + 'static> {
    slab: &'static Slab<T>,
    slot: &'static Slot<T>,
    index: u32,
}

impl<T: Send + Sync + 'static> Deref for Held<T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        // SAFETY: this `Held` is counted in the slot's word, so nobody takes the object out.
        let place = unsafe { &*self.slot.object.get() };
        // SAFETY: the slot was live when this `Held` was counted, so the object was written.
        unsafe { place.assume_init_ref() }
    }
}

impl<T: Send + Sync + 'static> Drop for Held<T> {
    #[inline]
    fn drop(&mut self) {
        if let Some(alone) = self.slot.word.leave() {
            self.slab.recycle(self.index, self.slot, &alone);
        }
    }
}

#[cfg(test)]
mod tests;
