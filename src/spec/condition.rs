//! A compiled condition: where its value comes from and what it is held against.

use std::sync::Arc;

use fancy_regex::Regex;
use hashbrown::HashSet;
use serde_json::Value;

use super::Salt;
use crate::user::TopLevel;

/// A condition. Compared with by `eval`, which never looks at the text it came from.
#[derive(Debug)]
pub enum Condition {
    /// Always true.
    Public,
    /// The gate's value is `pass`.
    Gate { gate: GateRef, pass: bool },
    /// A gate condition without a usable gate name: the gate counts as false.
    NoGate { pass: bool },
    /// Some gate's value is `pass`; looked at in order, up to the first.
    AnyGate { gates: Box<[GateRef]>, pass: bool },
    /// A value held against a target.
    Test {
        source: ValueSource,
        operator: Operator,
    },
    /// A type or operator this version does not know; says which.
    Unsupported(Box<str>),
}

/// A gate that a condition refers to.
#[derive(Debug, Clone, Copy)]
pub struct GateRef {
    /// Slot in the gates.
    pub slot: u32,
    /// Segments are evaluated but never reported as exposures.
    pub is_segment: bool,
}

/// Where a condition's value comes from.
#[derive(Debug)]
pub enum ValueSource {
    Field(Arc<Field>),
    /// A field; for `country` the address is looked up if the user has none.
    Ip(Arc<Field>),
    /// A field; if the user has none, derived from the user agent.
    UserAgent(Arc<Field>, Option<UserAgentField>),
    Environment(Arc<Field>),
    CurrentTime,
    UserBucket(Arc<UserBucket>),
    UnitId(Arc<IdType>),
    TargetApp,
    /// Group name of an experiment; slot in the configs.
    ExperimentGroup(u32),
}

/// One of the thousand buckets of a unit. The groups of an experiment share it.
#[derive(Debug)]
pub struct UserBucket {
    /// `salt.` to be followed by the unit id.
    pub salt: Salt,
    pub id_type: Arc<IdType>,
}

/// A user field by name, with what the lookup needs prepared.
#[derive(Debug)]
pub struct Field {
    pub top: Option<TopLevel>,
    pub exact: Box<str>,
    /// Present when it differs from `exact`.
    pub lower: Option<Box<str>>,
    /// Where an evaluation remembers the value. The fields of a ruleset take turns.
    pub(crate) seat: u8,
}

impl Field {
    pub(crate) fn new(name: &str, seat: u8) -> Field {
        let lower = name.to_lowercase();
        Field {
            top: TopLevel::from_lowercase(&lower),
            exact: name.into(),
            lower: (lower != name).then(|| lower.into_boxed_str()),
            seat,
        }
    }
}

/// What can be read from a user agent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UserAgentField {
    OsName,
    OsVersion,
    BrowserName,
    BrowserVersion,
}

/// The unit that is bucketed.
#[derive(Debug)]
pub enum IdType {
    UserId,
    Custom {
        exact: Box<str>,
        lower: Option<Box<str>>,
    },
    /// The empty type: no unit.
    Nothing,
}

impl IdType {
    pub(crate) fn new(name: &str) -> IdType {
        let lower = name.to_lowercase();
        match lower.as_str() {
            "userid" => IdType::UserId,
            "" => IdType::Nothing,
            _ => IdType::Custom {
                exact: name.into(),
                lower: (lower != name).then(|| lower.clone().into_boxed_str()),
            },
        }
    }
}

/// How a value is held against a target; the target is part of it, typed.
#[derive(Debug)]
pub enum Operator {
    /// Numbers. A target that is not a number is NaN and never matches.
    Number {
        ordering: Ordering,
        target: f64,
    },
    Version {
        ordering: Ordering,
        target: Option<VersionTarget>,
    },
    /// Membership after lower-casing.
    AnyOf {
        set: TextSet,
        negate: bool,
    },
    AnyExact {
        set: TextSet,
        negate: bool,
    },
    /// Membership of a bucket number.
    AnyBucket {
        members: Box<Buckets>,
        negate: bool,
    },
    Affix {
        kind: Affix,
        needles: Box<[Box<str>]>,
        negate: bool,
    },
    /// A pattern that could not be built never matches.
    Matches(Option<Box<Regex>>),
    Equals {
        target: Box<Value>,
        negate: bool,
    },
    Time {
        ordering: TimeOrdering,
        target: Option<i64>,
    },
    InList {
        list: Option<Box<str>>,
        negate: bool,
    },
    Array {
        quantifier: Quantifier,
        targets: Option<Box<[Box<str>]>>,
    },
}

/// A set of the 1,000 user buckets, one bit each.
#[derive(Debug, Default)]
pub struct Buckets([u64; 16]);

impl Buckets {
    /// Whether `bucket` is in the set.
    #[must_use]
    pub fn contains(&self, bucket: u64) -> bool {
        let word = usize::try_from(bucket / 64)
            .ok()
            .and_then(|index| self.0.get(index));
        word.is_some_and(|word| word & (1 << (bucket % 64)) != 0)
    }
}

impl Buckets {
    /// How many buckets are in the set.
    #[must_use]
    pub fn len(&self) -> u32 {
        self.0.iter().map(|word| word.count_ones()).sum()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl FromIterator<u64> for Buckets {
    fn from_iter<I: IntoIterator<Item = u64>>(buckets: I) -> Buckets {
        let mut set = Buckets::default();
        for bucket in buckets {
            if let Some(word) = usize::try_from(bucket / 64)
                .ok()
                .and_then(|i| set.0.get_mut(i))
            {
                *word |= 1 << (bucket % 64);
            }
        }
        set
    }
}

/// Comparisons of numbers and versions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ordering {
    Greater,
    GreaterOrEqual,
    Less,
    LessOrEqual,
    Equal,
    NotEqual,
}

impl Ordering {
    /// Whether `found` satisfies this comparison.
    #[must_use]
    pub fn accepts(self, found: std::cmp::Ordering) -> bool {
        match self {
            Ordering::Greater => found.is_gt(),
            Ordering::GreaterOrEqual => found.is_ge(),
            Ordering::Less => found.is_lt(),
            Ordering::LessOrEqual => found.is_le(),
            Ordering::Equal => found.is_eq(),
            Ordering::NotEqual => found.is_ne(),
        }
    }
}

/// Comparisons of times.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TimeOrdering {
    Before,
    After,
    /// The same day in UTC.
    On,
}

/// Where a needle must stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Affix {
    Start,
    End,
    Anywhere,
}

/// How many of the targets must be in a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Quantifier {
    Any,
    None,
    All,
    NotAll,
}

/// Components of a target version; `None` for one that is not an integer.
#[derive(Debug)]
pub struct VersionTarget(pub Box<[Option<i128>]>);

/// A set of texts. Small ones are scanned, large ones hashed.
#[derive(Debug)]
pub enum TextSet {
    Few(TextRow),
    Many(Box<HashSet<Box<str>, foldhash::fast::FixedState>>),
}

/// Up to this many texts, comparing each is faster than hashing.
const SCAN_LIMIT: usize = 6;

impl TextSet {
    pub(crate) fn new(texts: Vec<Box<str>>) -> TextSet {
        if texts.len() <= SCAN_LIMIT {
            TextSet::Few(TextRow::new(&texts))
        } else {
            TextSet::Many(Box::new(texts.into_iter().collect()))
        }
    }

    /// Whether `text` is in the set.
    #[must_use]
    pub fn contains(&self, text: &str) -> bool {
        match self {
            TextSet::Few(texts) => texts.iter().any(|member| member == text.as_bytes()),
            TextSet::Many(texts) => texts.contains(text),
        }
    }

    /// The texts, in no particular order when there are many.
    #[must_use]
    pub fn texts(&self) -> Box<dyn Iterator<Item = &str> + '_> {
        match self {
            TextSet::Few(texts) => {
                let texts = texts.iter().map(std::str::from_utf8);
                Box::new(texts.map(Result::unwrap_or_default))
            }
            TextSet::Many(texts) => Box::new(texts.iter().map(|text| &**text)),
        }
    }
}

/// A few texts in one piece of memory, each behind its length.
#[derive(Debug)]
pub struct TextRow(Box<[u8]>);

impl TextRow {
    fn new(texts: &[Box<str>]) -> TextRow {
        let mut row = Vec::new();
        for text in texts {
            let len = u32::try_from(text.len()).unwrap_or(u32::MAX);
            row.extend_from_slice(&len.to_le_bytes());
            row.extend_from_slice(text.as_bytes());
        }
        TextRow(row.into_boxed_slice())
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &[u8]> {
        let mut rest = &*self.0;
        std::iter::from_fn(move || {
            let (len, after) = rest.split_first_chunk()?;
            let (text, after) = after.split_at_checked(u32::from_le_bytes(*len) as usize)?;
            rest = after;
            Some(text)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sets_of_any_size_hold_what_they_were_made_of() {
        let texts = ["", "a", "\u{0}", "ab", "\u{1f600}", "b", "ba", "abc"];
        for count in 0..=texts.len() {
            let (given, others) = texts.split_at(count);
            let set = TextSet::new(given.iter().map(|text| Box::from(*text)).collect());
            assert_eq!(matches!(set, TextSet::Few(_)), count <= SCAN_LIMIT);
            assert!(given.iter().all(|text| set.contains(text)));
            assert!(!others.iter().any(|text| set.contains(text)));
            let mut shown: Vec<_> = set.texts().collect();
            let mut expected = given.to_vec();
            shown.sort_unstable();
            expected.sort_unstable();
            assert_eq!(shown, expected);
        }
    }
}
