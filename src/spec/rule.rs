//! A compiled rule: conditions that must all hold, a roll, and what it gives.

use std::sync::Arc;

use smallvec::SmallVec;

use super::{IdType, JsonObject, Salt};

/// What a rule or a default gives.
#[derive(Debug, Clone)]
pub enum Returned {
    /// Of a gate.
    Bool(bool),
    /// Of anything else.
    Object(Arc<JsonObject>),
}

impl Returned {
    /// The object; an empty one for gates.
    #[must_use]
    pub fn object(&self) -> &Arc<JsonObject> {
        match self {
            Returned::Object(object) => object,
            Returned::Bool(_) => JsonObject::empty(),
        }
    }
}

/// A rule. There are tens of thousands of them, so what is rarely needed takes little room.
#[derive(Debug)]
pub struct Rule {
    pub(super) texts: RuleTexts,
    /// Slots of the conditions.
    pub(crate) conditions: SmallVec<[u32; 4]>,
    pub share: Share,
    pub id_type: Arc<IdType>,
    pub returned: Returned,
    /// Slot in the configs.
    pub delegate: Option<u32>,
    pub is_experiment_group: bool,
    pub sampling_rate: Option<f64>,
    /// [`super::names::hash_decision`] of the rule and the version of its spec.
    pub(crate) hash: u64,
}

impl Rule {
    #[must_use]
    pub fn id(&self) -> &str {
        self.texts.id()
    }

    #[must_use]
    pub fn group_name(&self) -> Option<&str> {
        self.texts.group_name()
    }

    /// What is hashed in front of a unit id, for a rule of the spec with `spec_salt`. That of the
    /// rule's own spec is prepared in its share.
    #[must_use]
    pub fn salt(&self, spec_salt: &str) -> Salt {
        Salt::unprepared([spec_salt, ".", self.texts.salt(), "."].concat())
    }
}

/// Id, group name and salt of a rule, one after the other.
#[derive(Debug)]
pub(super) struct RuleTexts {
    text: Box<str>,
    id_end: u32,
    group_end: Option<std::num::NonZeroU32>,
}

impl RuleTexts {
    pub(super) fn new(id: &str, group_name: Option<&str>, salt: &str) -> RuleTexts {
        let group = group_name.unwrap_or_default();
        let end = |len: usize| u32::try_from(len).unwrap_or(u32::MAX);
        RuleTexts {
            id_end: end(id.len()),
            // Counted from one, so that nothing is told from an end at the start.
            group_end: group_name.and_then(|group| {
                std::num::NonZeroU32::new(end(id.len() + group.len()).saturating_add(1))
            }),
            text: [id, group, salt].concat().into(),
        }
    }

    fn group_end(&self) -> Option<usize> {
        self.group_end.map(|end| end.get() as usize - 1)
    }

    fn id(&self) -> &str {
        self.text.get(..self.id_end as usize).unwrap_or_default()
    }

    fn group_name(&self) -> Option<&str> {
        self.text.get(self.id_end as usize..self.group_end()?)
    }

    fn salt(&self) -> &str {
        let start = self.group_end().unwrap_or(self.id_end as usize);
        self.text.get(start..).unwrap_or_default()
    }
}

/// The share of units that pass a rule.
#[derive(Debug)]
pub enum Share {
    All,
    Nobody,
    Below(Box<Portion>),
}

/// A share that a roll decides.
#[derive(Debug)]
pub struct Portion {
    /// Passes when the bucket (0 to 9,999) is below this.
    pub bound: f64,
    /// `specSalt.ruleSalt.`, ready to be followed by a unit id.
    pub salt: Salt,
}

impl Share {
    /// `salt` is what a roll hashes.
    pub(super) fn from_percentage(percentage: f64, salt: impl FnOnce() -> Salt) -> Share {
        let bound = percentage * 100.0;
        if bound >= 10_000.0 {
            Share::All
        } else if bound > 0.0 {
            let salt = salt();
            Share::Below(Box::new(Portion { bound, salt }))
        } else {
            Share::Nobody
        }
    }

    /// The percentage it was made from, 0 to 100.
    #[must_use]
    pub fn percentage(&self) -> f64 {
        match self {
            Share::All => 100.0,
            Share::Nobody => 0.0,
            Share::Below(portion) => portion.bound / 100.0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_come_out_as_they_went_in() {
        for id in ["", "id", "\u{e9}"] {
            for group in [None, Some(""), Some("g"), Some("\u{1f600}")] {
                for salt in ["", "salt"] {
                    let texts = RuleTexts::new(id, group, salt);
                    let read = (texts.id(), texts.group_name(), texts.salt());
                    assert_eq!(read, (id, group, salt));
                }
            }
        }
        assert_eq!(size_of::<RuleTexts>(), 24);
        assert_eq!(size_of::<Rule>(), 128);
    }
}
