//! A compact hash set of 64-bit keys: ten bytes per key at any size.
//!
//! One flat table, linear probing, zero for an empty slot. The place of a key is its hash scaled to
//! the table's length, so a table can have exactly the length its keys need.

/// Set of keys other than 0.
#[derive(Debug, Clone, Default)]
pub(super) struct KeySet {
    slots: Box<[u64]>,
    len: usize,
}

/// A table is at most this full: beyond it, probing for absent keys gets long.
const FULL_NUMERATOR: usize = 4;
const FULL_DENOMINATOR: usize = 5;
/// A table less full than this is worth rebuilding when it is kept.
const LOOSE_NUMERATOR: usize = 3;
const LOOSE_DENOMINATOR: usize = 5;
const MIN_SLOTS: usize = 8;

impl KeySet {
    /// An empty set with room for `keys` keys.
    pub(super) fn with_capacity(keys: usize) -> Self {
        let slots = if keys == 0 { 0 } else { slots_for(keys) };
        KeySet {
            slots: vec![0; slots].into_boxed_slice(),
            len: 0,
        }
    }

    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// Bytes of the table.
    pub(super) fn bytes(&self) -> usize {
        size_of_val(&*self.slots)
    }

    pub(super) fn contains(&self, key: u64) -> bool {
        self.len > 0 && key != 0 && self.find(key).is_ok()
    }

    /// Adds a key; returns whether it is new. 0 is not a key.
    pub(super) fn insert(&mut self, key: u64) -> bool {
        if key == 0 {
            return false;
        }
        if self.slots.is_empty()
            || (self.len + 1) * FULL_DENOMINATOR > self.slots.len() * FULL_NUMERATOR
        {
            self.rebuild((self.len + 1).max(self.len * 3 / 2));
        }
        let Err(at) = self.find(key) else {
            return false;
        };
        if let Some(slot) = self.slots.get_mut(at) {
            *slot = key;
            self.len += 1;
        }
        true
    }

    /// Removes a key; returns whether it was there.
    pub(super) fn remove(&mut self, key: u64) -> bool {
        if !self.contains(key) {
            return false;
        }
        let Ok(mut gap) = self.find(key) else {
            return false;
        };
        // Later keys of the same run move into the gap, so that no probe stops at it too early.
        let mut at = gap;
        loop {
            at = self.after(at);
            let moved = self.slots.get(at).copied().unwrap_or(0);
            if moved == 0 {
                break;
            }
            let home = self.home(moved);
            let stays = if gap <= at {
                gap < home && home <= at
            } else {
                gap < home || home <= at
            };
            if !stays {
                self.put(gap, moved);
                gap = at;
            }
        }
        self.put(gap, 0);
        self.len -= 1;
        true
    }

    /// Gives up room that is not needed.
    pub(super) fn tighten(&mut self) {
        if self.len * LOOSE_DENOMINATOR < self.slots.len() * LOOSE_NUMERATOR {
            self.rebuild(self.len);
        }
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = u64> + '_ {
        self.slots.iter().copied().filter(|key| *key != 0)
    }

    /// Where the key is, or where it would go. There is always an empty slot.
    fn find(&self, key: u64) -> Result<usize, usize> {
        let mut at = self.home(key);
        loop {
            match self.slots.get(at).copied() {
                Some(found) if found == key => return Ok(at),
                Some(0) | None => return Err(at),
                Some(_) => at = self.after(at),
            }
        }
    }

    fn rebuild(&mut self, keys: usize) {
        let mut next = KeySet::with_capacity(keys.max(self.len));
        for key in self.iter() {
            if let Err(at) = next.find(key) {
                next.put(at, key);
            }
        }
        next.len = self.len;
        *self = next;
    }

    fn put(&mut self, at: usize, key: u64) {
        if let Some(slot) = self.slots.get_mut(at) {
            *slot = key;
        }
    }

    fn after(&self, at: usize) -> usize {
        if at + 1 == self.slots.len() {
            0
        } else {
            at + 1
        }
    }

    fn home(&self, key: u64) -> usize {
        // Folded multiplication: every bit of the text in the key reaches the upper half.
        let product = u128::from(key ^ 0x2d35_8dcc_aa6c_78a5) * 0x8bb8_4b93_962e_acc9;
        #[expect(
            clippy::cast_possible_truncation,
            reason = "the halves of the product, and a product scaled to below the length"
        )]
        {
            let hash = (product as u64) ^ ((product >> 64) as u64);
            ((u128::from(hash) * self.slots.len() as u128) >> 64) as usize
        }
    }
}

fn slots_for(keys: usize) -> usize {
    (keys * FULL_DENOMINATOR / FULL_NUMERATOR + 1).max(MIN_SLOTS)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn behaves_like_a_hash_set(ops in prop::collection::vec((any::<bool>(), 0_u64..200), 0..600)) {
            let (mut set, mut model) = (KeySet::default(), HashSet::new());
            for (is_add, small) in ops {
                // Spread over the wgap range, 0 included.
                let key = small.wrapping_mul(0x9e37_79b9_7f4a_7c15);
                if is_add {
                    prop_assert_eq!(set.insert(key), key != 0 && model.insert(key));
                } else {
                    prop_assert_eq!(set.remove(key), model.remove(&key));
                }
                prop_assert_eq!(set.len(), model.len());
            }
            set.tighten();
            prop_assert_eq!(set.iter().collect::<HashSet<_>>(), model.clone());
            for small in 0..200_u64 {
                let key = small.wrapping_mul(0x9e37_79b9_7f4a_7c15);
                prop_assert_eq!(set.contains(key), model.contains(&key));
            }
        }
    }

    #[test]
    fn ten_bytes_per_key() {
        let mut set = KeySet::with_capacity(100_000);
        for key in 1..=100_000 {
            set.insert(key);
        }
        assert!(set.bytes() <= 100_000 * 10 + 64, "{}", set.bytes());
        for key in 1..=90_000 {
            set.remove(key);
        }
        set.tighten();
        assert!(set.bytes() <= 10_000 * 10 + 64, "{}", set.bytes());
        assert!(set.contains(90_001) && !set.contains(90_000));
    }
}
