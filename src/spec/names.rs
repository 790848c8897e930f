//! Names and their slots, stable over updates.

use std::hash::BuildHasher;
use std::sync::Arc;

use super::FastMap;
use crate::eval::bucket;

/// A name, and a hash of it that does not change while the process runs.
#[derive(Debug, Clone)]
struct Name {
    text: Arc<str>,
    hash: u64,
    djb2: Digits,
}

/// A number as text.
#[derive(Debug, Clone, Copy)]
struct Digits {
    bytes: [u8; DIGITS_MAX],
    len: u8,
}

/// Digits of the largest 32-bit number.
const DIGITS_MAX: usize = 10;

impl Digits {
    fn new(number: u32) -> Digits {
        let text = number.to_string();
        let mut digits = Digits {
            bytes: [0; DIGITS_MAX],
            len: 0,
        };
        for (place, digit) in digits.bytes.iter_mut().zip(text.bytes()) {
            *place = digit;
            digits.len += 1;
        }
        digits
    }

    fn as_bytes(&self) -> &[u8] {
        let digits = self.bytes.get(..usize::from(self.len));
        digits.unwrap_or_default()
    }
}

/// Gives each name a slot, once and for all.
#[derive(Debug, Clone, Default)]
pub struct Names {
    slots: FastMap<Arc<str>, u32>,
    names: Vec<Name>,
}

impl Names {
    /// The slot of `name`.
    #[must_use]
    pub fn slot_of(&self, name: &str) -> Option<u32> {
        self.slots.get(name).copied()
    }

    /// The name in `slot`; empty for a slot that does not exist.
    #[must_use]
    pub fn name(&self, slot: u32) -> &str {
        self.names.get(slot as usize).map_or("", |name| &name.text)
    }

    /// The hash of the name in `slot`.
    #[must_use]
    pub fn hash(&self, slot: u32) -> u64 {
        self.names.get(slot as usize).map_or(0, |name| name.hash)
    }

    /// The djb2 hash of the name in `slot`, as client initialize responses write it.
    #[must_use]
    pub fn djb2(&self, slot: u32) -> &[u8] {
        self.names
            .get(slot as usize)
            .map_or(&[], |name| name.djb2.as_bytes())
    }

    /// The name in `slot`, shared.
    pub(crate) fn shared(&self, slot: u32) -> Arc<str> {
        self.names
            .get(slot as usize)
            .map_or_else(|| Arc::from(""), |name| Arc::clone(&name.text))
    }

    /// How many names there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.names.len()
    }

    /// Whether there is no name.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.names.is_empty()
    }

    /// Gives up room that is not needed.
    pub(super) fn shrink(&mut self) {
        self.names.shrink_to_fit();
        self.slots.shrink_to_fit();
    }

    /// The slot of `name`, new if need be.
    pub(crate) fn intern(&mut self, name: &str) -> u32 {
        if let Some(slot) = self.slots.get(name) {
            return *slot;
        }
        let slot = index(self.names.len());
        let text: Arc<str> = Arc::from(name);
        self.names.push(Name {
            text: Arc::clone(&text),
            hash: hash_text(name),
            djb2: Digits::new(bucket::djb2(name)),
        });
        self.slots.insert(text, slot);
        slot
    }
}

/// The index of what comes after `len` others: four billion of anything do not fit into memory.
pub(super) fn index(len: usize) -> u32 {
    u32::try_from(len).unwrap_or(u32::MAX)
}

/// The share of a rule, or of one of the fixed words, in de-duplication keys.
#[must_use]
pub(crate) fn hash_decision(rule_id: &str, version: Option<i64>) -> u64 {
    let version = version.unwrap_or(i64::MIN).cast_unsigned();
    combine(hash_text(rule_id), version)
}

/// One hash of two numbers, in their order.
#[must_use]
pub(crate) fn combine(first: u64, second: u64) -> u64 {
    let product =
        u128::from(first ^ 0x2d35_8dcc_aa6c_78a5) * u128::from(second ^ 0x8bb8_4b93_962e_acc9);
    #[expect(clippy::cast_possible_truncation, reason = "the halves of the product")]
    {
        ((product >> u64::BITS) as u64) ^ (product as u64)
    }
}

/// The hash used for names, rule ids and parameters in de-duplication keys.
#[must_use]
pub(crate) fn hash_text(text: &str) -> u64 {
    foldhash::quality::FixedState::with_seed(0x6e61_6d65).hash_one(text)
}
