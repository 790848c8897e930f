//! Telling the host of new rules: in order, one update at a time, and with no lock held.
//!
//! Rounds, the stream from a forward proxy and [`super::Sync::update_specs`] put documents in use
//! on different threads. Whoever comes while the host is being told leaves its news to the thread
//! that does it, so a slow callback holds up nobody but the thread it runs on.

use std::collections::VecDeque;

use crate::fork_cell::ForkCell;
use crate::lock::{Mutex, MutexGuard};
use crate::spec::Document;

/// Updates that wait for a slow callback at most; each holds a document. The oldest go.
const MAX_WAITING: usize = 4;

/// One document that was put in use, and its time.
pub(super) type Update = (i64, Document);

pub(super) struct Updates {
    /// Held while a document is put in use, so that updates wait in the order of their documents.
    turn: ForkCell<Mutex<()>>,
    state: ForkCell<Mutex<State>>,
}

#[derive(Default)]
struct State {
    waiting: VecDeque<Update>,
    is_telling: bool,
}

impl Updates {
    pub(super) fn new() -> Self {
        Updates {
            turn: ForkCell::new(Mutex::default),
            state: ForkCell::new(Mutex::default),
        }
    }

    /// Waits until nobody else puts a document in use.
    pub(super) fn turn(&self) -> MutexGuard<'_, ()> {
        self.turn.get().lock()
    }

    /// Adds an update; call it within the turn.
    pub(super) fn add(&self, update: Update) {
        let mut state = self.state.get().lock();
        if state.waiting.len() >= MAX_WAITING {
            state.waiting.pop_front();
        }
        state.waiting.push_back(update);
    }

    /// Hands what waits to `tell`, unless another thread (or this one, further up) is doing so;
    /// that one then takes the new updates, too. `tell` must not panic.
    pub(super) fn tell(&self, tell: impl Fn(Update)) {
        // A fork from within `tell` leaves the mark in the parent's state.
        let state = self.state.get();
        if std::mem::replace(&mut state.lock().is_telling, true) {
            return;
        }
        loop {
            let next = {
                let mut state = state.lock();
                let next = state.waiting.pop_front();
                state.is_telling = next.is_some();
                next
            };
            match next {
                Some(update) => tell(update),
                None => return,
            }
        }
    }

    /// In a forked child.
    pub(super) fn after_fork_child(&self) {
        self.turn.renew();
        self.state.renew();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn update(time: i64) -> Update {
        (time, Document::from(String::new()))
    }

    #[test]
    fn updates_are_told_in_order_and_never_within_each_other() {
        let updates = Updates::new();
        let told = Mutex::new(Vec::new());
        updates.add(update(1));
        updates.add(update(2));
        updates.tell(|(time, _)| {
            told.lock().push(time);
            if time < 5 {
                updates.add(update(time + 10));
                updates.tell(|_| panic!("one is being told"));
            }
        });
        assert_eq!(*told.lock(), [1, 2, 11, 12]);
        updates.add(update(3));
        updates.tell(|(time, _)| told.lock().push(time));
        assert_eq!(told.lock().last(), Some(&3));
    }

    #[test]
    fn a_callback_that_never_ends_costs_a_few_documents() {
        let updates = Updates::new();
        for time in 0..100 {
            updates.add(update(time));
        }
        let told = Mutex::new(Vec::new());
        updates.tell(|(time, _)| told.lock().push(time));
        assert_eq!(*told.lock(), [96, 97, 98, 99]);
    }
}
