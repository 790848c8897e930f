//! A slot of the table of clients, which is ended by several threads and given out again.

/// The model's atomics, and a stand-in for the arc-swap cell: each of its operations is one step.
mod shared {
    pub(super) use loom::sync::atomic::{AtomicU64, Ordering};

    use std::ops::Deref;
    use std::sync::Arc;

    use loom::sync::Mutex;

    pub(super) struct ArcSwapOption<T>(Mutex<Option<Arc<T>>>);

    pub(super) struct Guard<T>(T);

    impl<T> Deref for Guard<T> {
        type Target = T;

        fn deref(&self) -> &T {
            &self.0
        }
    }

    impl<T> ArcSwapOption<T> {
        pub(super) fn new(value: Option<Arc<T>>) -> Self {
            ArcSwapOption(Mutex::new(value))
        }

        pub(super) fn load(&self) -> Guard<Option<Arc<T>>> {
            Guard(self.0.lock().unwrap().clone())
        }

        pub(super) fn store(&self, value: Option<Arc<T>>) {
            *self.0.lock().unwrap() = value;
        }

        pub(super) fn compare_and_swap(
            &self,
            current: &Guard<Option<Arc<T>>>,
            new: Option<Arc<T>>,
        ) -> Guard<Option<Arc<T>>> {
            let mut value = self.0.lock().unwrap();
            let before = value.clone();
            if before.as_ref().map(Arc::as_ptr) == current.as_ref().map(Arc::as_ptr) {
                *value = new;
            }
            Guard(before)
        }
    }
}

#[path = "../../src/ffi/clients/slot.rs"]
mod slot;

use loom::sync::{Arc, Mutex};
use loom::thread;

use slot::Slot;

/// The only slot of a table, and whether it is free.
struct Table {
    slot: Slot<u64>,
    is_free: Mutex<bool>,
}

impl Table {
    /// With a client of generation 1, whose id and number are its generation.
    fn with_a_client() -> Arc<Table> {
        let table = Arc::new(Table {
            slot: Slot::at(1),
            is_free: Mutex::new(true),
        });
        assert_eq!(table.insert(), Some(1));
        table
    }

    fn insert(&self) -> Option<u64> {
        if !std::mem::take(&mut *self.is_free.lock().unwrap()) {
            return None;
        }
        let id = self.slot.generation();
        self.slot.publish(id, id);
        Some(id)
    }

    /// The number of the client that the id leads to.
    fn call(&self, id: u64) -> Option<u64> {
        self.slot.get(id).map(|held| *held)
    }

    fn release(&self, id: u64) -> bool {
        let Some(ended) = self.slot.end(id) else {
            return false;
        };
        assert_eq!(ended.object, id, "another client was ended");
        self.slot.set_generation(id + 1);
        let was_free = std::mem::replace(&mut *self.is_free.lock().unwrap(), true);
        assert!(!was_free, "offered twice");
        true
    }
}

#[test]
fn of_two_releases_one_counts_and_later_calls_are_refused() {
    loom::model(|| {
        let table = Table::with_a_client();
        let other = {
            let table = Arc::clone(&table);
            thread::spawn(move || {
                let is_mine = table.release(1);
                assert_eq!(table.call(1), None);
                is_mine
            })
        };
        let is_mine = table.release(1);
        assert_eq!(table.call(1), None);
        assert!(is_mine ^ other.join().unwrap());
    });
}

#[test]
fn an_earlier_id_neither_reaches_nor_ends_a_later_client() {
    loom::model(|| {
        let table = Table::with_a_client();
        let late = {
            let table = Arc::clone(&table);
            thread::spawn(move || {
                assert!(matches!(table.call(1), None | Some(1)));
                table.release(1)
            })
        };
        let is_mine = table.release(1);
        let next = table.insert();
        assert!(matches!(next, None | Some(2)));
        assert!(is_mine ^ late.join().unwrap());
        if next.is_some() {
            assert_eq!(table.call(2), Some(2));
        }
        assert_eq!(table.call(1), None);
    });
}

#[test]
fn a_slot_that_goes_from_thread_to_thread_never_repeats_an_id() {
    loom::model(|| {
        let table = Table::with_a_client();
        let other = {
            let table = Arc::clone(&table);
            thread::spawn(move || {
                table.release(1);
                table.insert()
            })
        };
        table.release(1);
        let mine = table.insert();
        let theirs = other.join().unwrap();
        assert!(mine.is_some() ^ theirs.is_some());
        assert_eq!(mine.or(theirs), Some(2));
        assert_eq!(table.slot.current().map(|held| *held), Some(2));
    });
}
