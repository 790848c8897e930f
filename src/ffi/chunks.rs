//! An array that grows without moving: elements are looked up without a lock and live for ever.

use std::sync::atomic::{AtomicPtr, Ordering};

use crate::error::Error;

/// Elements of the first chunk; each further chunk doubles the array.
const FIRST_BITS: u32 = 6;

/// Enough chunks for every 32-bit index.
const CHUNKS: usize = (u32::BITS - FIRST_BITS + 1) as usize;

/// A growing array of default values.
pub(super) struct Chunks<T> {
    heads: [AtomicPtr<T>; CHUNKS],
}

/// The chunk of an element, its place there, and the chunk's length.
struct Place {
    chunk: usize,
    offset: usize,
    len: usize,
}

fn place(index: u32) -> Place {
    let shifted = u64::from(index) + (1 << FIRST_BITS);
    let top = shifted.ilog2();
    // Chunk 0 covers the indices below 2^FIRST_BITS; its elements are shifted to one power above.
    let start = 1_u64 << top;
    Place {
        chunk: (top - FIRST_BITS) as usize,
        offset: usize::try_from(shifted - start).unwrap_or(usize::MAX),
        len: usize::try_from(start).unwrap_or(usize::MAX),
    }
}

impl<T: Default + Sync> Chunks<T> {
    pub(super) const fn new() -> Self {
        Chunks {
            heads: [const { AtomicPtr::new(std::ptr::null_mut()) }; CHUNKS],
        }
    }

    /// The element, if its chunk exists.
    #[inline]
    pub(super) fn get(&self, index: u32) -> Option<&T> {
        let place = place(index);
        let head = self.heads.get(place.chunk)?.load(Ordering::Acquire);
        if head.is_null() {
            return None;
        }
        // SAFETY: a chunk that is published has `place.len` elements, and the offset is below that.
        let element = unsafe { head.add(place.offset) };
        // SAFETY: elements are initialized before their chunk is published and are never freed.
        Some(unsafe { &*element })
    }

    /// The element, whose chunk is made if it is not there. One caller at a time.
    pub(super) fn get_or_grow(&self, index: u32) -> Result<&T, Error> {
        let exhausted = Error::Memory { what: "an id" };
        if let Some(element) = self.get(index) {
            return Ok(element);
        }
        let place = place(index);
        let mut chunk: Vec<T> = Vec::new();
        if chunk.try_reserve_exact(place.len).is_err() {
            return Err(exhausted);
        }
        chunk.resize_with(place.len, T::default);
        let Some(head) = self.heads.get(place.chunk) else {
            return Err(exhausted);
        };
        head.store(chunk.leak().as_mut_ptr(), Ordering::Release);
        self.get(index).ok_or(exhausted)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::AtomicU32;

    #[test]
    fn every_index_has_its_own_place() {
        let array: Chunks<AtomicU32> = Chunks::new();
        assert!(array.get(0).is_none());
        for index in 0..1000 {
            array
                .get_or_grow(index)
                .expect("memory")
                .store(index + 1, Ordering::Relaxed);
        }
        for index in 0..1000 {
            let value = array.get(index).expect("made above");
            assert_eq!(value.load(Ordering::Relaxed), index + 1);
        }
        assert!(array.get(u32::MAX).is_none());
        assert_eq!(place(u32::MAX).chunk, CHUNKS - 1);
    }
}
