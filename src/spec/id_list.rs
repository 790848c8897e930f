//! Id lists: membership of hashed unit ids, and the files they are made from.
//!
//! A list is a large immutable base and a small change on top. Applying a file's next lines copies
//! the change, not the base, so a list of millions is updated without moving it; readers keep the
//! list they have. When the change outgrows a share of the base, both become a new base.

mod chunk;

use std::sync::Arc;

use base64::Engine;
use sha2::{Digest, Sha256};

use super::FastMap;
use super::key_set::KeySet;

pub use chunk::Chunk;

/// The change becomes part of the base when it is larger than the base divided by this.
const MERGE_SHARE: usize = 8;
/// Bytes of one file line: a sign, eight characters, a line end.
const LINE_BYTES: usize = 10;

/// First 8 characters of the base64 of SHA-256 of a unit id, packed.
#[must_use]
pub fn id_hash(unit_id: &str) -> u64 {
    let digest = Sha256::digest(unit_id.as_bytes());
    let text =
        base64::engine::general_purpose::STANDARD.encode(digest.get(..6).unwrap_or_default());
    text.as_bytes()
        .first_chunk()
        .map_or(0, |bytes| u64::from_le_bytes(*bytes))
}

/// One list.
#[derive(Debug, Clone, Default)]
pub struct IdList(Arc<Layers>);

#[derive(Debug, Clone, Default)]
struct Layers {
    base: Arc<KeySet>,
    /// Ids that are not in the base.
    added: KeySet,
    /// Ids of the base that are gone.
    removed: KeySet,
}

impl IdList {
    /// Whether the hash is in the list.
    #[must_use]
    pub fn contains(&self, hash: u64) -> bool {
        let layers = &*self.0;
        layers.added.contains(hash)
            || (layers.base.contains(hash) && !layers.removed.contains(hash))
    }

    /// Number of ids.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.base.len() + self.0.added.len() - self.0.removed.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Memory of the tables.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.0.base.bytes() + self.0.added.bytes() + self.0.removed.bytes()
    }

    /// This list after the lines of a file chunk: `+id` adds, `-id` removes, in order; other lines
    /// say nothing. `None` when the chunk is not one: empty, or beginning with another character.
    #[must_use]
    pub fn apply(&self, chunk: &[u8]) -> Option<IdList> {
        let mut lines = self.chunk(chunk.len());
        lines.feed(chunk);
        lines.finish()
    }

    /// Like [`IdList::apply`], for a chunk that arrives in parts; about `expected_bytes` will.
    #[must_use]
    pub fn chunk(&self, expected_bytes: usize) -> Chunk {
        Chunk::new(self, expected_bytes)
    }
}

impl Layers {
    fn add(&mut self, key: u64) {
        if self.base.contains(key) {
            self.removed.remove(key);
        } else {
            self.added.insert(key);
        }
    }

    fn remove(&mut self, key: u64) {
        if self.base.contains(key) {
            self.removed.insert(key);
        } else {
            self.added.remove(key);
        }
    }

    fn merge(&mut self) {
        if (self.added.len() + self.removed.len()) * MERGE_SHARE <= self.base.len() {
            return;
        }
        let mut base = if self.base.len() == 0 {
            std::mem::take(&mut self.added)
        } else {
            let len = self.base.len() + self.added.len() - self.removed.len();
            let mut base = KeySet::with_capacity(len);
            for key in self.base.iter().filter(|key| !self.removed.contains(*key)) {
                base.insert(key);
            }
            for key in self.added.iter() {
                base.insert(key);
            }
            base
        };
        base.tighten();
        *self = Layers {
            base: Arc::new(base),
            ..Layers::default()
        };
    }
}

/// An id as a key. Only ids of eight bytes are ever asked for; longer ones are dropped (as 0, which
/// is no key), shorter ones cost nothing to keep.
fn pack(id: &[u8]) -> u64 {
    let mut bytes = [0; 8];
    match bytes.get_mut(..id.len()) {
        Some(room) => room.copy_from_slice(id),
        None => return 0,
    }
    u64::from_le_bytes(bytes)
}

impl FromIterator<u64> for IdList {
    fn from_iter<I: IntoIterator<Item = u64>>(hashes: I) -> IdList {
        let mut layers = Layers::default();
        for hash in hashes {
            layers.add(hash);
        }
        layers.merge();
        IdList(Arc::new(layers))
    }
}

/// Lists by name.
#[derive(Debug, Clone, Default)]
pub struct IdLists(FastMap<Box<str>, IdList>);

impl IdLists {
    /// Whether `hash` is in the list called `list`.
    #[must_use]
    pub fn contains(&self, list: &str, hash: u64) -> bool {
        self.0.get(list).is_some_and(|list| list.contains(hash))
    }

    /// One list.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&IdList> {
        self.0.get(name)
    }

    /// Number of lists.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Names and lists, in no order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &IdList)> {
        self.0.iter().map(|(name, list)| (&**name, list))
    }

    /// These lists and one more, or one replaced.
    #[must_use]
    pub fn with(&self, name: &str, list: IdList) -> IdLists {
        let mut lists = self.clone();
        lists.0.insert(name.into(), list);
        lists
    }

    /// Those of these lists whose names are wanted.
    #[must_use]
    pub fn only(&self, is_wanted: impl Fn(&str) -> bool) -> IdLists {
        let mut lists = self.clone();
        lists.0.retain(|name, _| is_wanted(name));
        lists
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;
    use std::fmt::Write as _;

    use proptest::prelude::*;

    use super::*;

    fn ids(list: &IdList) -> HashSet<u64> {
        let layers = &*list.0;
        let kept = layers
            .base
            .iter()
            .filter(|key| !layers.removed.contains(*key));
        kept.chain(layers.added.iter()).collect()
    }

    fn keys(names: &[&str]) -> HashSet<u64> {
        names.iter().map(|name| pack(name.as_bytes())).collect()
    }

    fn list(chunk: &str) -> IdList {
        IdList::default().apply(chunk.as_bytes()).expect(chunk)
    }

    /// Lines for the ids 00000000, 00000001 and so on.
    fn numbered(sign: char, count: u32) -> String {
        let mut text = String::new();
        for number in 0..count {
            let _ = writeln!(text, "{sign}{number:08}");
        }
        text
    }

    #[test]
    fn known_hashes() {
        assert_eq!(id_hash("regular_user_id"), pack(b"7/rrkvF6"));
        assert_eq!(id_hash("Marcos"), pack(b"2Tv4fIVX"));
        assert!(list("+7/rrkvF6\n").contains(id_hash("regular_user_id")));
    }

    #[test]
    fn lines_apply_in_order_and_odd_ones_say_nothing() {
        for (chunk, expected) in [
            ("+a\n+b\n-a\n+c\n", &["b", "c"][..]),
            ("+a\r\n+b\r+ c \n\n+\n*z\n-b\n", &["a", "c"]),
            ("+a", &["a"]),
            ("-a\n+a\n-a", &[]),
            ("+a\n+ \n+\t\n-\n", &["a"]),
            ("+123456789\n+12345678\n", &["12345678"]),
            ("+a\n\u{2028}+b\n", &["a"]),
        ] {
            let list = list(chunk);
            assert_eq!(ids(&list), keys(expected), "{chunk:?}");
            assert_eq!(list.len(), expected.len(), "{chunk:?}");
        }
    }

    #[test]
    fn a_chunk_that_does_not_begin_with_a_line_is_refused() {
        for chunk in ["", "abc", "\n+a", " +a", "\u{feff}+a", "<html>"] {
            assert!(
                IdList::default().apply(chunk.as_bytes()).is_none(),
                "{chunk:?}"
            );
        }
    }

    #[test]
    fn an_increment_shares_the_base_and_leaves_the_old_list_alone() {
        let lines = numbered('+', 1000);
        let before = list(&lines);
        let after = before.apply(b"+new\n-00000001\n").expect("applied");
        assert!(Arc::ptr_eq(&before.0.base, &after.0.base));
        assert!(before.contains(pack(b"00000001")) && !before.contains(pack(b"new")));
        assert!(!after.contains(pack(b"00000001")) && after.contains(pack(b"new")));

        let many = numbered('-', 200);
        let merged = after.apply(many.as_bytes()).expect("applied");
        assert!(!Arc::ptr_eq(&after.0.base, &merged.0.base));
        assert_eq!((merged.len(), merged.0.removed.len()), (801, 0));
    }

    #[test]
    fn lists_by_name() {
        let lists = IdLists::default().with("l", list("+a\n"));
        assert!(lists.contains("l", pack(b"a")));
        assert!(!lists.contains("m", pack(b"a")));
        let without = lists.only(|name| name != "l");
        assert!(without.is_empty() && lists.len() == 1);
    }

    proptest! {
        #[test]
        fn chunks_give_what_a_hash_set_gives(
            chunks in prop::collection::vec(prop::collection::vec((any::<bool>(), 1_u32..300), 1..80), 1..12)
        ) {
            let (mut list, mut model) = (IdList::default(), HashSet::new());
            for chunk in chunks {
                let mut text = String::new();
                for (is_add, id) in chunk {
                    let _ = writeln!(text, "{}{id}", if is_add { '+' } else { '-' });
                    let key = pack(id.to_string().as_bytes());
                    if is_add { model.insert(key); } else { model.remove(&key); }
                }
                list = list.apply(text.as_bytes()).unwrap();
                prop_assert_eq!(list.len(), model.len());
                prop_assert_eq!(ids(&list), model.clone());
            }
            for id in 1_u32..300 {
                let key = pack(id.to_string().as_bytes());
                prop_assert_eq!(list.contains(key), model.contains(&key));
            }
        }

        #[test]
        fn no_chunk_panics(chunk: Vec<u8>) {
            let _ = IdList::default().apply(&chunk);
        }
    }

    /// Prints the memory and the time of a list of ten million ids, and of an increment to it.
    #[test]
    #[ignore = "a measurement, not a check: needs a release build and half a gigabyte"]
    fn measure_ten_million_ids() {
        use crate::clock::{Clock, SystemClock};
        const IDS: usize = 10_000_000;
        let mut text = Vec::with_capacity(IDS * LINE_BYTES);
        for n in 0..IDS {
            let hash = Sha256::digest(n.to_le_bytes());
            text.push(b'+');
            let id = base64::engine::general_purpose::STANDARD.encode(&hash[..6]);
            text.extend_from_slice(id.as_bytes());
            text.push(b'\n');
        }
        let clock = SystemClock::default();
        let start = clock.monotonic_ms();
        let list = IdList::default().apply(&text).unwrap();
        let loaded = clock.monotonic_ms();
        #[expect(clippy::cast_precision_loss, reason = "for people")]
        let per_id = list.bytes() as f64 / list.len() as f64;
        println!(
            "{} ids, {} bytes, {per_id:.2} bytes per id, loaded in {} ms",
            list.len(),
            list.bytes(),
            loaded - start
        );
        let next = list.apply(b"+increment\n+0000000A\n-0000000B\n").unwrap();
        println!("increment in {} ms", clock.monotonic_ms() - loaded);
        let before = clock.monotonic_ms();
        let found = (0..1_000_000_u64)
            .filter(|n| next.contains(n.wrapping_mul(0x9e37_79b9_7f4a_7c15)))
            .count();
        println!(
            "million lookups (absent) in {} ms, {found} found",
            clock.monotonic_ms() - before
        );
    }

    proptest! {
        #[test]
        fn a_chunk_may_come_in_any_parts(
            lines in prop::collection::vec("[+*-][ a-c]{0,3}(\n|\r\n|\r|)", 0..60),
            cuts in prop::collection::vec(0_usize..200, 0..20),
        ) {
            let text = lines.concat();
            let mut parts = Vec::new();
            let mut rest = text.as_bytes();
            for cut in cuts {
                let (part, later) = rest.split_at(cut.min(rest.len()));
                parts.push(part);
                rest = later;
            }
            parts.push(rest);
            let mut chunk = IdList::default().chunk(0);
            for part in parts {
                chunk.feed(part);
            }
            let whole = IdList::default().apply(text.as_bytes());
            prop_assert_eq!(chunk.finish().map(|list| ids(&list)), whole.map(|list| ids(&list)));
        }
    }

    #[test]
    fn a_line_without_end_costs_nothing() {
        let mut chunk = IdList::default().chunk(0);
        chunk.feed(b"+a\n+");
        for _ in 0..100_000 {
            chunk.feed(&[b'x'; 100]);
        }
        chunk.feed(b"\n+b\n");
        assert_eq!(ids(&chunk.finish().unwrap()), keys(&["a", "b"]));
    }
}
