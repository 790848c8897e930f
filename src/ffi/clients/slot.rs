//! One place for a client after another, each with its id.
//!
//! Whoever is told that it ended an id is the only one, and owns the slot until it offers the slot
//! again. That holds for every interleaving: `tests/model` compiles this file against a model of
//! memory.

use std::sync::Arc;

use super::shared::{ArcSwapOption, AtomicU64, Guard, Ordering};

/// An object and the id that leads to it. Lives as long as the id and the calls that use it.
pub(super) struct Named<T> {
    id: u64,
    pub(super) object: T,
}

/// One place for an object.
pub(super) struct Slot<T> {
    /// Empty while no id leads here.
    entry: ArcSwapOption<Named<T>>,
    /// What tells the next id from the earlier ones. Only the owner of the slot looks here.
    generation: AtomicU64,
}

/// An entry in use.
pub(super) struct Held<T> {
    entry: Guard<Option<Arc<Named<T>>>>,
}

impl<T> Slot<T> {
    /// An empty slot whose next object is of this generation.
    pub(super) fn at(generation: u64) -> Self {
        Slot {
            entry: ArcSwapOption::new(None),
            generation: AtomicU64::new(generation),
        }
    }

    /// For the owner: the generation that the next object gets.
    pub(super) fn generation(&self) -> u64 {
        self.generation.load(Ordering::Relaxed)
    }

    /// For the owner: the next object is of this generation.
    pub(super) fn set_generation(&self, generation: u64) {
        self.generation.store(generation, Ordering::Relaxed);
    }

    /// For the owner: makes the id lead to the object.
    pub(super) fn publish(&self, id: u64, object: T) {
        self.entry.store(Some(Arc::new(Named { id, object })));
    }

    /// What the id leads to, if it is live.
    #[inline]
    pub(super) fn get(&self, id: u64) -> Option<Held<T>> {
        self.current_if(|found| found == id)
    }

    /// What is here, if anything.
    pub(super) fn current(&self) -> Option<Held<T>> {
        self.current_if(|_| true)
    }

    #[inline]
    fn current_if(&self, is_wanted: impl FnOnce(u64) -> bool) -> Option<Held<T>> {
        let entry = self.entry.load();
        match entry.as_ref() {
            Some(found) if is_wanted(found.id) => Some(Held { entry }),
            _ => None,
        }
    }

    /// Ends the id, if it is live: of several threads one is given the entry.
    pub(super) fn end(&self, id: u64) -> Option<Arc<Named<T>>> {
        let held = self.get(id)?;
        // What is held keeps its address to itself, so this cannot take a later entry out.
        let before = self.entry.compare_and_swap(&held.entry, None);
        let ended = Arc::clone(before.as_ref()?);
        (ended.id == id).then_some(ended)
    }
}

impl<T> std::ops::Deref for Held<T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        // SAFETY: `get` made this only after it had seen the entry, and a guard does not change.
        unsafe { &self.entry.as_ref().unwrap_unchecked().object }
    }
}
