//! The parts of a ruleset by slot and by name, and where in its text each stands.

use std::borrow::Cow;
use std::sync::Arc;

use hashbrown::HashTable;
use hashbrown::hash_table::Entry as HashEntry;

use super::Spec;
use super::condition::Condition;
use super::names::{self, Names, index};
use super::wire::Entries;

/// What stands in a slot of a table.
#[derive(Debug, Clone, Default)]
pub enum Slot {
    /// The name is only referred to.
    #[default]
    Absent,
    Spec(Arc<Spec>),
    /// The spec was sent but could not be read; says why.
    Broken(Arc<str>),
}

/// Gates, configs or layers by slot and by name.
#[derive(Debug, Default)]
pub struct Table {
    pub(crate) names: Arc<Names>,
    pub(crate) slots: Vec<Slot>,
    /// Where the text of each slot's spec stands.
    pub(crate) pieces: Vec<Piece>,
    /// Slots of this document, in the order sent.
    pub(crate) order: Vec<u32>,
    /// Whether names stood before the specs (version 2), not in them.
    pub(crate) is_map: bool,
}

impl Table {
    /// The slot of `name`.
    #[must_use]
    pub fn slot_of(&self, name: &str) -> Option<u32> {
        self.names.slot_of(name)
    }

    /// The spec in `slot`.
    #[must_use]
    pub fn spec(&self, slot: u32) -> Option<&Arc<Spec>> {
        match self.slots.get(slot as usize) {
            Some(Slot::Spec(spec)) => Some(spec),
            _ => None,
        }
    }

    /// The spec called `name`.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Arc<Spec>> {
        self.slot_of(name).and_then(|slot| self.spec(slot))
    }

    /// The specs, in the order sent.
    pub fn specs(&self) -> impl Iterator<Item = (u32, &Arc<Spec>)> {
        self.order
            .iter()
            .filter_map(|slot| Some((*slot, self.spec(*slot)?)))
    }

    /// Names and reasons of specs that could not be read.
    pub fn broken(&self) -> impl Iterator<Item = (&str, &str)> {
        self.order
            .iter()
            .filter_map(|slot| match self.slots.get(*slot as usize) {
                Some(Slot::Broken(why)) => Some((self.names.name(*slot), &**why)),
                _ => None,
            })
    }
}

/// Where in a document something stands; nowhere by default.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Piece {
    start: u32,
    end: u32,
}

impl Piece {
    /// Where `part` stands in `text`, which it is part of.
    pub(super) fn new(text: &str, part: &str) -> Piece {
        let start = part.as_ptr().addr() - text.as_ptr().addr();
        // The largest document that is accepted is smaller than four gigabytes.
        let offset = |at| u32::try_from(at).unwrap_or_default();
        Piece {
            start: offset(start),
            end: offset(start + part.len()),
        }
    }

    pub(super) fn of(self, document: &str) -> Option<&str> {
        let text = document.get(self.start as usize..self.end as usize)?;
        (!text.is_empty()).then_some(text)
    }
}

/// The conditions of a version 2 ruleset by key.
#[derive(Debug, Default)]
pub(crate) struct Conditions {
    entries: Vec<ConditionEntry>,
    by_key: HashTable<u32>,
}

#[derive(Debug)]
pub(crate) struct ConditionEntry {
    pub(crate) key: Arc<str>,
    pub(crate) piece: Piece,
    pub(crate) condition: Arc<Condition>,
}

impl Conditions {
    pub(crate) fn slot_of(&self, key: &str) -> Option<u32> {
        let is_it = |slot: &u32| self.get(*slot).is_some_and(|entry| *entry.key == *key);
        self.by_key.find(names::hash_text(key), is_it).copied()
    }

    pub(crate) fn get(&self, slot: u32) -> Option<&ConditionEntry> {
        self.entries.get(slot as usize)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &ConditionEntry> {
        self.entries.iter()
    }

    pub(crate) fn named(&self, key: &str) -> Option<&ConditionEntry> {
        self.get(self.slot_of(key)?)
    }

    /// Adds a condition, or replaces that of the same key.
    pub(crate) fn insert(&mut self, entry: ConditionEntry) {
        let entries = &mut self.entries;
        let key_of = |slot: &u32| entries.get(*slot as usize).map_or("", |known| &*known.key);
        let place = self.by_key.entry(
            names::hash_text(&entry.key),
            |slot| key_of(slot) == &*entry.key,
            |slot| names::hash_text(key_of(slot)),
        );
        match place {
            HashEntry::Occupied(slot) => {
                if let Some(known) = entries.get_mut(*slot.get() as usize) {
                    *known = entry;
                }
            }
            HashEntry::Vacant(place) => {
                place.insert(index(entries.len()));
                entries.push(entry);
            }
        }
    }
}

/// What the entries of one kind were compiled to, in order: slot, content, and where it stands.
pub(super) struct TableEntries {
    pub(super) items: Vec<(u32, Slot, Piece)>,
    is_map: bool,
}

impl TableEntries {
    pub(super) fn new(entries: Option<&Entries<'_>>) -> TableEntries {
        TableEntries {
            items: Vec::with_capacity(entries.map_or(0, |entries| entries.items.len())),
            is_map: entries.is_some_and(|entries| entries.is_map),
        }
    }

    /// The table; of entries of one name the last one counts.
    pub(super) fn finish(self, names: Cow<'_, Names>, previous: &Table) -> Table {
        let names = match names {
            Cow::Borrowed(_) => Arc::clone(&previous.names),
            Cow::Owned(names) => Arc::new(names),
        };
        let mut table = Table {
            slots: vec![Slot::Absent; names.len()],
            pieces: vec![Piece::default(); names.len()],
            order: Vec::with_capacity(self.items.len()),
            names,
            is_map: self.is_map,
        };
        for (slot, content, piece) in self.items {
            let index = slot as usize;
            if let (Some(place), Some(at)) =
                (table.slots.get_mut(index), table.pieces.get_mut(index))
            {
                if matches!(place, Slot::Absent) {
                    table.order.push(slot);
                }
                *place = content;
                *at = piece;
            }
        }
        table
    }
}
