//! Id lists: membership of hashed unit ids.

use std::collections::HashSet;
use std::sync::Arc;

use base64::Engine;
use sha2::{Digest, Sha256};

use super::FastMap;

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
pub struct IdList(Arc<HashSet<u64>>);

impl IdList {
    /// Whether the hash is in the list.
    #[must_use]
    pub fn contains(&self, hash: u64) -> bool {
        self.0.contains(&hash)
    }
}

impl FromIterator<u64> for IdList {
    fn from_iter<I: IntoIterator<Item = u64>>(hashes: I) -> IdList {
        IdList(Arc::new(hashes.into_iter().collect()))
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

    /// How many lists there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// These lists and one more.
    #[must_use]
    pub fn with(&self, name: &str, list: IdList) -> IdLists {
        let mut lists = self.clone();
        lists.0.insert(name.into(), list);
        lists
    }
}
