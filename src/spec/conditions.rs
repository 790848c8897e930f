//! The conditions of a ruleset by slot.
//!
//! A rule refers to a condition by its slot, whether or not the condition has been read yet: in a
//! ruleset of version 2 conditions stand behind the rules, under keys. Slots stay what they are from
//! one ruleset to the next, so that a spec that did not change needs no look at its conditions.

use std::sync::Arc;

use hashbrown::HashTable;
use smallvec::SmallVec;

use super::condition::Condition;
use super::fingerprint::Fingerprint;
use super::names::{hash_text, index};

/// All conditions of a ruleset, and slots of those that earlier ones had.
#[derive(Debug, Default, Clone)]
pub(crate) struct Conditions {
    /// By slot; nothing where this ruleset has no such condition.
    all: Vec<Option<Arc<Condition>>>,
    entries: Vec<Entry>,
    /// Slots of conditions with a key, by key.
    by_key: HashTable<u32>,
    /// Slots of conditions that stand in their rules, by text: the same ones recur.
    by_text: HashTable<u32>,
}

#[derive(Debug, Clone)]
struct Entry {
    /// Bytes of the key; nothing for a condition that stands in its rules.
    key: Option<SmallVec<[u8; 16]>>,
    /// What the condition was made of.
    text: Fingerprint,
}

impl Entry {
    fn key(&self) -> &str {
        let key = self.key.as_deref().unwrap_or_default();
        std::str::from_utf8(key).unwrap_or_default()
    }
}

/// What `of` gives for the entry in `slot`.
fn read<T: Default>(entries: &[Entry], slot: u32, of: impl FnOnce(&Entry) -> T) -> T {
    entries.get(slot as usize).map(of).unwrap_or_default()
}

impl Conditions {
    /// All conditions by slot; nothing where one is missing.
    pub(crate) fn all(&self) -> &[Option<Arc<Condition>>] {
        &self.all
    }

    /// The key of a condition; empty for one that stands in its rules.
    pub(crate) fn key(&self, slot: u32) -> &str {
        self.entries.get(slot as usize).map_or("", Entry::key)
    }

    /// How many slots there are.
    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    /// How many of them are in use.
    pub(super) fn live(&self) -> usize {
        self.all.iter().flatten().count()
    }

    /// What the condition in `slot` was made of, unless it is missing.
    pub(super) fn text(&self, slot: u32) -> Option<Fingerprint> {
        self.all.get(slot as usize)?.as_ref()?;
        Some(self.entries.get(slot as usize)?.text)
    }

    /// Whether there are conditions that stand in their rules.
    pub(super) fn has_texts(&self) -> bool {
        !self.by_text.is_empty()
    }

    /// The slot of the condition with this key.
    pub(super) fn slot_of_key(&self, key: &str) -> Option<u32> {
        let is_it = |slot: &u32| self.key(*slot) == key;
        self.by_key.find(hash_text(key), is_it).copied()
    }

    /// The slot of the condition that stands in its rules as `text`.
    pub(super) fn slot_of_text(&self, text: Fingerprint) -> Option<u32> {
        let is_it = |slot: &u32| read(&self.entries, *slot, |entry| entry.text == text);
        self.by_text.find(text.short(), is_it).copied()
    }

    /// A new slot for the condition with this key.
    pub(super) fn add_key(&mut self, key: &str) -> u32 {
        let slot = self.push(
            Some(SmallVec::from_slice(key.as_bytes())),
            Fingerprint::default(),
        );
        let entries = &self.entries;
        let hash = |slot: &u32| read(entries, *slot, |entry| hash_text(entry.key()));
        self.by_key.insert_unique(hash_text(key), slot, hash);
        slot
    }

    /// A new slot for the condition that stands in its rules as `text`.
    pub(super) fn add_text(&mut self, text: Fingerprint) -> u32 {
        let slot = self.push(None, text);
        let entries = &self.entries;
        let hash = |slot: &u32| read(entries, *slot, |entry| entry.text.short());
        self.by_text.insert_unique(text.short(), slot, hash);
        slot
    }

    fn push(&mut self, key: Option<SmallVec<[u8; 16]>>, text: Fingerprint) -> u32 {
        let slot = index(self.entries.len());
        self.entries.push(Entry { key, text });
        self.all.push(None);
        slot
    }

    /// Says what `slot` holds.
    pub(super) fn define(&mut self, slot: u32, text: Fingerprint, condition: Condition) {
        let index = slot as usize;
        if let (Some(entry), Some(place)) = (self.entries.get_mut(index), self.all.get_mut(index)) {
            entry.text = text;
            *place = Some(Arc::new(condition));
        }
    }

    /// Slots that hold what this ruleset has not. `is_sent` and `is_used` are what is known of each
    /// slot: it was sent under its key, a rule refers to it.
    pub(super) fn dead(&self, is_sent: &Marks, is_used: &Marks) -> Vec<u32> {
        let slots = (0_u32..).zip(self.all.iter().zip(&self.entries));
        let dead = slots.filter(|(slot, (condition, entry))| {
            let marks = if entry.key.is_some() {
                is_sent
            } else {
                is_used
            };
            condition.is_some() && !marks.has(*slot)
        });
        dead.map(|(slot, _)| slot).collect()
    }

    /// Empties `slots`.
    pub(super) fn clear(&mut self, slots: &[u32]) {
        for slot in slots {
            if let Some(place) = self.all.get_mut(*slot as usize) {
                *place = None;
            }
        }
    }

    /// Gives up room that is not needed.
    pub(super) fn shrink(&mut self) {
        self.all.shrink_to_fit();
        self.entries.shrink_to_fit();
    }
}

/// A set of slots.
#[derive(Debug, Default)]
pub(super) struct Marks(Vec<bool>);

impl Marks {
    pub(super) fn has(&self, slot: u32) -> bool {
        self.0.get(slot as usize).copied().unwrap_or_default()
    }

    pub(super) fn add(&mut self, slot: u32) {
        let at = slot as usize;
        if at >= self.0.len() {
            self.0.resize(at + 1, false);
        }
        if let Some(mark) = self.0.get_mut(at) {
            *mark = true;
        }
    }
}
