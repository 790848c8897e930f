//! Numbered places for objects: looked up without a lock, and given out again.

use super::chunks::Chunks;
use super::fork::ForkMutex;
use crate::error::Error;

/// Places of one kind. They are made as they are needed and live for ever; a free one is given out
/// before another is made.
pub(super) struct Slots<T: 'static> {
    slots: Chunks<T>,
    free: ForkMutex<Free>,
}

/// Slots that wait for an object.
struct Free {
    slots: Vec<u32>,
    /// Slots from here on were never given out.
    next: u32,
}

impl<T: Default + Sync> Slots<T> {
    pub(super) const fn new() -> Self {
        Slots {
            slots: Chunks::new(),
            free: ForkMutex::new(Free {
                slots: Vec::new(),
                next: 0,
            }),
        }
    }

    /// The slot of a number, if it was ever made.
    #[inline]
    pub(super) fn get(&self, index: u32) -> Option<&T> {
        self.slots.get(index)
    }

    /// All slots that were ever made, and some that wait to be given out for the first time.
    pub(super) fn iter(&self) -> impl Iterator<Item = &T> {
        (0..=u32::MAX).map_while(|index| self.get(index))
    }

    /// Gives a slot out: it is the caller's until it is offered.
    pub(super) fn reserve(&self) -> Result<(u32, &T), Error> {
        let mut free = self.free.lock();
        if let Some(index) = free.slots.pop() {
            return Ok((index, self.slots.get_or_grow(index)?));
        }
        let index = free.next;
        let slot = self.slots.get_or_grow(index)?;
        free.next = index.checked_add(1).ok_or(Error::Busy {
            detail: "too many ids",
        })?;
        Ok((index, slot))
    }

    /// Takes a slot back, to be given out again. What its owner wrote is seen by the next owner.
    pub(super) fn offer(&self, index: u32) {
        self.free.lock().slots.push(index);
    }

    /// Before a fork: keeps the list of free slots whole in the child.
    pub(super) fn lock_for_fork(&'static self) {
        self.free.lock_for_fork();
    }

    /// After a fork, on both sides.
    pub(super) fn unlock_after_fork(&'static self) {
        self.free.unlock_after_fork();
    }
}
