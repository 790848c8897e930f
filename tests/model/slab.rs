//! The word of a slot of the id slab.

/// The model's atomics.
mod atomic {
    pub(super) use loom::sync::atomic::{AtomicU64, Ordering};
}

#[path = "../../src/ffi/slab/word.rs"]
mod word;

use loom::cell::UnsafeCell;
use loom::sync::Arc;
use loom::thread;

use word::{Alone, End, Word};

/// A slot as `Slab` uses it. The cell tells of an access that races with another.
struct Slot {
    word: Word,
    object: UnsafeCell<u32>,
}

// SAFETY: the model checks it.
unsafe impl Sync for Slot {}

const LIVE_OBJECT: u32 = 7;
const DROPPED: u32 = 0;

impl Slot {
    fn with_object() -> (Arc<Slot>, u64) {
        let slot = Arc::new(Slot {
            word: Word::at(1),
            object: UnsafeCell::new(DROPPED),
        });
        slot.object
            .with_mut(|object| unsafe { *object = LIVE_OBJECT });
        let generation = slot.word.publish();
        (slot, generation)
    }

    /// A call that uses the object; whether it was live.
    fn call(&self, generation: u64) -> bool {
        if !self.word.enter(generation) {
            return false;
        }
        let seen = self.object.with(|object| unsafe { *object });
        assert_eq!(seen, LIVE_OBJECT, "a call saw what is no object of its");
        if let Some(alone) = self.word.leave() {
            self.recycle(&alone);
        }
        true
    }

    fn release(&self, generation: u64) -> bool {
        match self.word.end(generation) {
            End::NotLive => false,
            End::InUse => true,
            End::Over(alone) => {
                self.recycle(&alone);
                true
            }
        }
    }

    fn recycle(&self, _: &Alone) {
        self.object.with_mut(|object| {
            let before = unsafe { object.replace(DROPPED) };
            assert_eq!(before, LIVE_OBJECT, "dropped twice");
        });
    }

    fn is_dropped(&self) -> bool {
        self.object.with(|object| unsafe { *object }) == DROPPED
    }
}

#[test]
fn an_object_is_dropped_once_after_its_last_use() {
    loom::model(|| {
        let (slot, generation) = Slot::with_object();
        let user = {
            let slot = Arc::clone(&slot);
            thread::spawn(move || slot.call(generation))
        };
        assert!(slot.release(generation));
        user.join().unwrap();
        assert!(slot.is_dropped());
        assert!(!slot.call(generation));
    });
}

#[test]
fn of_two_releases_one_counts() {
    loom::model(|| {
        let (slot, generation) = Slot::with_object();
        let other = {
            let slot = Arc::clone(&slot);
            thread::spawn(move || slot.release(generation))
        };
        let mine = slot.release(generation);
        assert!(mine ^ other.join().unwrap());
        assert!(slot.is_dropped());
    });
}

#[test]
fn an_id_of_an_earlier_object_never_reaches_a_later_one() {
    loom::model(|| {
        let (slot, earlier) = Slot::with_object();
        let late = {
            let slot = Arc::clone(&slot);
            thread::spawn(move || slot.call(earlier))
        };
        if let End::Over(Alone) = slot.word.end(earlier) {
            slot.object.with_mut(|object| unsafe { *object = 8 });
            let later = slot.word.publish();
            assert_ne!(later, earlier);
        }
        late.join().unwrap();
    });
}
