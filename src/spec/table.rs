//! Gates, configs or layers by slot and by name.

use std::borrow::Cow;
use std::sync::Arc;

use super::Spec;
use super::fingerprint::Fingerprint;
use super::names::Names;
use super::scanner::Shape;

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
    slots: Vec<Slot>,
    /// Of the text of each slot's spec.
    texts: Vec<Fingerprint>,
    /// Slots of this document, in the order sent.
    order: Vec<u32>,
    /// Whether names stood before the specs (version 2), not in them.
    is_map: bool,
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

    /// How many specs were sent.
    pub(crate) fn sent(&self) -> usize {
        self.order.len()
    }

    /// What the spec in `slot` was made of.
    fn text(&self, slot: u32) -> Option<Fingerprint> {
        self.spec(slot)?;
        self.texts.get(slot as usize).copied()
    }
}

/// How far behind the expected entry of a list the next one that is still there may be.
const LOOK_AHEAD: usize = 64;

/// A table in the making, and the one before it.
pub(super) struct TableBuilder<'p> {
    names: Cow<'p, Names>,
    previous: &'p Table,
    slots: Vec<Slot>,
    texts: Vec<Fingerprint>,
    order: Vec<u32>,
    /// What was sent, if anything.
    shape: Option<Shape>,
    /// Slots in the order in which they are expected to come, in a list, where names are not known
    /// before the specs are read.
    expected: &'p [u32],
}

impl<'p> TableBuilder<'p> {
    pub(super) fn new(previous: &'p Table) -> TableBuilder<'p> {
        TableBuilder {
            names: Cow::Borrowed(&previous.names),
            previous,
            slots: Vec::with_capacity(previous.slots.len()),
            texts: Vec::with_capacity(previous.texts.len()),
            order: Vec::with_capacity(previous.order.len()),
            shape: None,
            expected: &[],
        }
    }

    /// Starts with entries. What was put here before does not count.
    pub(super) fn begin(&mut self, shape: Shape) {
        self.slots.clear();
        self.texts.clear();
        self.order.clear();
        self.shape = Some(shape);
        self.expected = &self.previous.order;
    }

    /// What was sent, if anything.
    pub(super) fn shape(&self) -> Option<Shape> {
        self.shape
    }

    fn is_map(&self) -> bool {
        self.shape == Some(Shape::Map)
    }

    /// The slot of `name`, new if need be.
    pub(super) fn intern(&mut self, name: &str) -> u32 {
        match self.names.slot_of(name) {
            Some(slot) => slot,
            None => self.names.to_mut().intern(name),
        }
    }

    /// The name in `slot`, shared.
    pub(super) fn name(&self, slot: u32) -> Arc<str> {
        self.names.shared(slot)
    }

    /// Slot and text of what the previous table had under this name, if it may be taken over.
    pub(super) fn known(&self, name: &str) -> Option<(u32, Fingerprint)> {
        self.known_slot(self.previous.slot_of(name)?)
    }

    /// The same of what is expected to stand next in a list.
    pub(super) fn expected(&self) -> Option<(u32, Fingerprint)> {
        self.known_slot(*self.expected.first()?)
    }

    fn known_slot(&self, slot: u32) -> Option<(u32, Fingerprint)> {
        // The same text has another name, or none, in the other shape.
        let is_alike = self.is_map() == self.previous.is_map;
        let text = is_alike.then(|| self.previous.text(slot));
        Some((slot, text.flatten()?))
    }

    /// Takes over what the previous table had in `slot`.
    pub(super) fn take_over(&mut self, slot: u32, text: Fingerprint) {
        if let Some(spec) = self.previous.spec(slot) {
            self.put(slot, Slot::Spec(Arc::clone(spec)), text);
        }
    }

    /// Fills `slot`; of entries of one name the last one counts.
    pub(super) fn put(&mut self, slot: u32, content: Slot, text: Fingerprint) {
        if !self.is_map() {
            // What followed last time is expected to follow again.
            let mut ahead = self.expected.iter().take(LOOK_AHEAD);
            if let Some(position) = ahead.position(|other| *other == slot) {
                self.expected = self.expected.get(position + 1..).unwrap_or_default();
            }
        }
        let index = slot as usize;
        if index >= self.slots.len() {
            self.slots.resize(index + 1, Slot::Absent);
            self.texts.resize(index + 1, Fingerprint::default());
        }
        if let (Some(place), Some(of)) = (self.slots.get_mut(index), self.texts.get_mut(index)) {
            if matches!(place, Slot::Absent) {
                self.order.push(slot);
            }
            *place = content;
            *of = text;
        }
    }

    pub(super) fn finish(mut self) -> Table {
        self.slots.shrink_to_fit();
        self.texts.shrink_to_fit();
        self.order.shrink_to_fit();
        let is_map = self.is_map();
        Table {
            names: match self.names {
                Cow::Borrowed(_) => Arc::clone(&self.previous.names),
                Cow::Owned(mut names) => {
                    names.shrink();
                    Arc::new(names)
                }
            },
            slots: self.slots,
            texts: self.texts,
            order: self.order,
            is_map,
        }
    }
}
