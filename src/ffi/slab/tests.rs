use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::*;

/// Counts its drops.
struct Object(u32, Arc<AtomicUsize>);

impl Drop for Object {
    fn drop(&mut self) {
        self.1.fetch_add(1, Ordering::SeqCst);
    }
}

fn slab<T: Send + Sync>() -> &'static Slab<T> {
    Box::leak(Box::new(Slab::new(3, "thing")))
}

fn is_refused<T: Send + Sync>(result: &Result<T, Error>) -> bool {
    matches!(result, Err(Error::Handle { expected: "thing" }))
}

#[test]
fn an_id_is_good_until_released_and_never_again() {
    let drops = Arc::new(AtomicUsize::new(0));
    let slab = slab();
    let first = slab.insert(Object(1, Arc::clone(&drops))).expect("an id");
    assert_eq!(slab.get(first).map(|held| held.0).ok(), Some(1));
    assert!(slab.release(first).is_ok());
    assert_eq!(drops.load(Ordering::SeqCst), 1);
    assert!(is_refused(&slab.get(first).map(|_| ())));
    assert!(is_refused(&slab.release(first)));

    let second = slab.insert(Object(2, Arc::clone(&drops))).expect("an id");
    assert_eq!(Id::unpack(second).slot, Id::unpack(first).slot);
    assert_ne!(second, first);
    assert!(is_refused(&slab.get(first).map(|_| ())));
    assert_eq!(slab.get(second).map(|held| held.0).ok(), Some(2));
}

#[test]
fn ids_that_were_never_given_are_refused() {
    let slab = slab::<u32>();
    let id = Id::unpack(slab.insert(7).expect("an id"));
    for wrong in [
        0,
        1,
        u64::MAX,
        Id { kind: 4, ..id }.pack(),
        Id { slot: 1, ..id }.pack(),
        Id {
            slot: u32::MAX,
            ..id
        }
        .pack(),
        Id {
            generation: 0,
            ..id
        }
        .pack(),
        Id {
            generation: 2,
            ..id
        }
        .pack(),
    ] {
        assert!(is_refused(&slab.get(wrong).map(|_| ())), "{wrong:x}");
        assert!(wrong == 0 || is_refused(&slab.release(wrong)), "{wrong:x}");
    }
    assert!(slab.release(0).is_ok());
    assert!(slab.get(id.pack()).is_ok());
}

#[test]
fn an_object_in_use_outlives_its_release() {
    let drops = Arc::new(AtomicUsize::new(0));
    let slab = slab();
    let id = slab.insert(Object(1, Arc::clone(&drops))).expect("an id");
    let first = slab.get(id).expect("live");
    let second = slab.get(id).expect("live");
    assert!(slab.release(id).is_ok());
    assert!(is_refused(&slab.get(id).map(|_| ())));
    drop(first);
    assert_eq!(second.0, 1);
    assert_eq!(drops.load(Ordering::SeqCst), 0);
    drop(second);
    assert_eq!(drops.load(Ordering::SeqCst), 1);
}

#[test]
fn a_slot_whose_generation_would_wrap_is_retired() {
    let slab = slab::<u32>();
    let id = Id::unpack(slab.insert(7).expect("an id"));
    let slot = slab.slots.get(id.slot).expect("made by insert");
    let before_last = Word::at(GENERATION_MAX);
    before_last.publish();
    // SAFETY: all of a word is an atomic, and no other thread knows this slab.
    unsafe { std::ptr::from_ref(&slot.word).cast_mut().write(before_last) };
    let last = Id {
        generation: GENERATION_MAX,
        ..id
    };
    assert!(slab.release(last.pack()).is_ok());
    let next = slab.insert(8).expect("an id");
    assert_ne!(Id::unpack(next).slot, id.slot);
}

#[test]
fn threads_that_race_to_release_drop_the_object_once() {
    let drops = Arc::new(AtomicUsize::new(0));
    let slab = slab();
    for round in 0..200 {
        let id = slab
            .insert(Object(round, Arc::clone(&drops)))
            .expect("an id");
        let released = AtomicUsize::new(0);
        std::thread::scope(|scope| {
            for _ in 0..3 {
                scope.spawn(|| {
                    if let Ok(held) = slab.get(id) {
                        assert_eq!(held.0, round);
                    }
                    if slab.release(id).is_ok() {
                        released.fetch_add(1, Ordering::SeqCst);
                    }
                });
            }
        });
        assert_eq!(released.load(Ordering::SeqCst), 1);
    }
    assert_eq!(drops.load(Ordering::SeqCst), 200);
}
