//! The set of exposures already recorded in the current window.
//!
//! Reading is what almost every evaluation does, so it takes no lock and writes nothing: an open
//! addressing table of atomic pairs per shard. Inserting locks one shard. The window ends when
//! somebody calls [`SeenSet::clear`]; nothing here knows the time.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use crate::lock::Mutex;

/// What identifies an exposure; two halves of which neither alone needs to be unique.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct SeenKey {
    high: u64,
    low: u64,
}

impl SeenKey {
    /// A key of two hashes. Both are mixed, so that equal inputs in one half do not cluster.
    #[must_use]
    pub(super) fn new(first: u64, second: u64) -> Self {
        // Zero marks an empty slot.
        SeenKey {
            high: mix(first ^ second.rotate_left(32)).max(1),
            low: second,
        }
    }
}

/// Finalizer of `SplitMix64`: a bijection that spreads every input bit over the result.
fn mix(mut x: u64) -> u64 {
    x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}

const SHARDS: usize = 64;
const SHARD_BITS: u32 = SHARDS.trailing_zeros();
/// A shard is emptied when it holds this many: 64 shards hold 100,000 keys at least, as the spread
/// over the shards stays within five standard deviations of even.
const SHARD_CAP: usize = 1_760;
/// Slots of the first table after the empty one; each further table has twice as many. The last
/// fits the cap with room to spare, so every probe ends at an empty slot.
const FIRST_SLOTS: usize = 16;
const TABLES: usize = 9;

/// A set of [`SeenKey`]s, bounded by the caps of its shards.
pub(super) struct SeenSet {
    shards: Vec<Shard>,
}

#[repr(align(128))]
struct Shard {
    /// Which table is in use; smaller ones are kept for readers that still look at them.
    current: AtomicUsize,
    tables: [OnceLock<Box<[Slot]>>; TABLES],
    /// Keys in the current table. Held by whoever writes.
    len: Mutex<usize>,
}

/// `low` is written before `high`, and `high` is what makes a slot count as taken.
struct Slot {
    high: AtomicU64,
    low: AtomicU64,
}

enum Probe<'a> {
    Found,
    Free(&'a Slot),
    Full,
}

impl SeenSet {
    /// An empty set. Tables are allocated as they fill.
    #[must_use]
    pub(super) fn new() -> Self {
        SeenSet {
            shards: std::iter::repeat_with(Shard::new).take(SHARDS).collect(),
        }
    }

    /// Whether `key` is in the set. May say no about a key that is being inserted right now.
    #[must_use]
    pub(super) fn contains(&self, key: SeenKey) -> bool {
        self.shard(key)
            .is_some_and(|shard| matches!(probe(shard.table(), key), Probe::Found))
    }

    /// Adds `key`; returns whether it was absent. Of several concurrent calls one gets `true`.
    pub(super) fn insert(&self, key: SeenKey) -> bool {
        let Some(shard) = self.shard(key) else {
            return true;
        };
        let mut len = shard.len.lock();
        if matches!(probe(shard.table(), key), Probe::Found) {
            return false;
        }
        if *len >= SHARD_CAP {
            shard.clear(&mut len);
        } else if (*len + 1) * 7 > shard.table().len() * 6 {
            shard.grow();
        }
        if let Probe::Free(slot) = probe(shard.table(), key) {
            slot.write(key);
            *len += 1;
        }
        true
    }

    /// Empties the set.
    pub(super) fn clear(&self) {
        for shard in &self.shards {
            let mut len = shard.len.lock();
            if *len > 0 {
                shard.clear(&mut len);
            }
        }
    }

    /// How many keys are in the set.
    #[must_use]
    pub(super) fn len(&self) -> usize {
        self.shards.iter().map(|shard| *shard.len.lock()).sum()
    }

    /// Keeps everyone from writing, for tests of what only reads.
    #[cfg(test)]
    pub(super) fn lock_all(&self) -> Vec<crate::lock::MutexGuard<'_, usize>> {
        self.shards.iter().map(|shard| shard.len.lock()).collect()
    }

    fn shard(&self, key: SeenKey) -> Option<&Shard> {
        self.shards
            .get((key.high >> (u64::BITS - SHARD_BITS)) as usize)
    }
}

impl Shard {
    fn new() -> Self {
        let shard = Shard {
            current: AtomicUsize::new(0),
            tables: std::array::from_fn(|_| OnceLock::new()),
            len: Mutex::new(0),
        };
        shard.tables.first().map(|table| table.set(Box::default()));
        shard
    }

    fn table(&self) -> &[Slot] {
        self.tables
            .get(self.current.load(Ordering::Acquire))
            .and_then(OnceLock::get)
            .map_or(&[], |table| table)
    }

    /// Copies everything to a table of twice the size. The caller holds the lock.
    fn grow(&self) {
        let next = self.current.load(Ordering::Relaxed) + 1;
        let Some(cell) = self.tables.get(next) else {
            return;
        };
        let table = cell.get_or_init(|| {
            std::iter::repeat_with(Slot::empty)
                .take(FIRST_SLOTS << (next - 1))
                .collect()
        });
        for slot in self.table() {
            let key = slot.read();
            if key.high != 0
                && let Probe::Free(free) = probe(table, key)
            {
                free.write(key);
            }
        }
        self.current.store(next, Ordering::Release);
    }

    /// Empties the current table in place. A reader that mixes halves of two keys in one slot began
    /// before the clearing, when the key it looks for was in the set. The caller holds the lock.
    fn clear(&self, len: &mut usize) {
        for slot in self.table() {
            slot.high.store(0, Ordering::Relaxed);
        }
        *len = 0;
    }
}

impl Slot {
    fn empty() -> Self {
        Slot {
            high: AtomicU64::new(0),
            low: AtomicU64::new(0),
        }
    }

    fn read(&self) -> SeenKey {
        SeenKey {
            high: self.high.load(Ordering::Acquire),
            low: self.low.load(Ordering::Relaxed),
        }
    }

    fn write(&self, key: SeenKey) {
        self.low.store(key.low, Ordering::Relaxed);
        self.high.store(key.high, Ordering::Release);
    }
}

/// Looks for `key` from its home slot on, up to the first empty one.
fn probe(table: &[Slot], key: SeenKey) -> Probe<'_> {
    let mask = table.len().wrapping_sub(1);
    #[expect(
        clippy::cast_possible_truncation,
        reason = "masked to the table's size"
    )]
    let home = key.high as usize;
    for step in 0..table.len() {
        let Some(slot) = table.get(home.wrapping_add(step) & mask) else {
            break;
        };
        let found = slot.high.load(Ordering::Acquire);
        if found == 0 {
            return Probe::Free(slot);
        }
        if found == key.high && slot.low.load(Ordering::Relaxed) == key.low {
            return Probe::Found;
        }
    }
    Probe::Full
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;
    use std::sync::atomic::AtomicUsize;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn agrees_with_a_hash_set(
            steps in prop::collection::vec((0_u64..40, 0_u64..4, 0_u8..20), 1..600)
        ) {
            let set = SeenSet::new();
            let mut reference = HashSet::new();
            for (first, second, action) in steps {
                let key = SeenKey::new(first, second);
                match action {
                    0 => {
                        set.clear();
                        reference.clear();
                    }
                    1..=9 => prop_assert_eq!(set.contains(key), reference.contains(&key)),
                    _ => prop_assert_eq!(set.insert(key), reference.insert(key)),
                }
                prop_assert_eq!(set.len(), reference.len());
            }
        }
    }

    #[test]
    fn looking_up_takes_no_lock_and_shards_share_no_cache_line() {
        let set = SeenSet::new();
        let (known, unknown) = (SeenKey::new(1, 2), SeenKey::new(3, 4));
        assert!(set.insert(known));
        let held = set.lock_all();
        assert!(set.contains(known));
        assert!(!set.contains(unknown));
        drop(held);
        assert_eq!(size_of::<Shard>() % 128, 0);
        assert_eq!(align_of::<Shard>() % 128, 0);
    }

    #[test]
    fn holds_a_hundred_thousand_keys_and_stays_bounded() {
        let set = SeenSet::new();
        let key = |index: u64| SeenKey::new(index, 7);
        for index in 0..100_000 {
            assert!(set.insert(key(index)), "{index} was taken for another key");
        }
        assert_eq!(set.len(), 100_000);
        for index in 0..100_000 {
            assert!(set.contains(key(index)) && !set.insert(key(index)));
        }
        for index in 100_000..500_000 {
            set.insert(key(index));
        }
        assert!(set.len() <= SHARDS * SHARD_CAP);
        set.clear();
        assert_eq!(set.len(), 0);
        assert!(!set.contains(key(3)) && set.insert(key(3)));
    }

    #[test]
    fn halves_that_are_zero_or_equal_do_not_confuse() {
        let set = SeenSet::new();
        for first in 0..3 {
            for second in 0..3 {
                assert!(!set.contains(SeenKey::new(first, second)));
                assert!(set.insert(SeenKey::new(first, second)));
            }
        }
        assert_eq!(set.len(), 9);
    }

    #[test]
    fn of_concurrent_inserts_of_a_key_one_wins() {
        let set = SeenSet::new();
        let wins = AtomicUsize::new(0);
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for index in 0..20_000 {
                        let key = SeenKey::new(index % 5_000, index / 5_000);
                        if set.insert(key) {
                            wins.fetch_add(1, Ordering::Relaxed);
                        }
                        assert!(set.contains(key));
                    }
                });
            }
        });
        assert_eq!(wins.load(Ordering::Relaxed), 20_000);
    }
}
