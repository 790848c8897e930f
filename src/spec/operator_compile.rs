//! Operator name and target as sent, to a typed [`Operator`].

use std::borrow::Cow;

use fancy_regex::RegexBuilder;
use serde_json::Value;

use super::condition::{
    Affix, Buckets, Operator, Ordering, Quantifier, TextSet, TimeOrdering, VersionTarget,
};
use crate::eval::time::to_epoch_ms;
use crate::eval::version;
use crate::user::ValueRef;

/// Steps after which a backtracking pattern gives up and does not match.
const BACKTRACK_LIMIT: usize = 100_000;
/// Bytes a compiled pattern may take.
const PATTERN_SIZE_LIMIT: usize = 1 << 20;

/// The operator called `name` (lower case) against `target`; `None` if there is no such operator.
pub(super) fn compile(name: &str, target: &Value, on_bucket: bool) -> Option<Operator> {
    let number = |ordering| Operator::Number {
        ordering,
        target: ValueRef::from(target).to_number().unwrap_or(f64::NAN),
    };
    let version = |ordering| Operator::Version {
        ordering,
        target: target.as_str().and_then(version_target),
    };
    let time = |ordering| Operator::Time {
        ordering,
        target: to_epoch_ms(ValueRef::from(target)),
    };
    let affix = |kind, negate| Operator::Affix {
        kind,
        needles: folded(texts(target)),
        negate,
    };
    let array = |quantifier| Operator::Array {
        quantifier,
        targets: target.is_array().then(|| texts(target).collect()),
    };
    let in_list = |negate| Operator::InList {
        list: target.as_str().map(Box::from),
        negate,
    };
    Some(match name {
        "gt" => number(Ordering::Greater),
        "gte" => number(Ordering::GreaterOrEqual),
        "lt" => number(Ordering::Less),
        "lte" => number(Ordering::LessOrEqual),
        "version_gt" => version(Ordering::Greater),
        "version_gte" => version(Ordering::GreaterOrEqual),
        "version_lt" => version(Ordering::Less),
        "version_lte" => version(Ordering::LessOrEqual),
        "version_eq" => version(Ordering::Equal),
        "version_neq" => version(Ordering::NotEqual),
        "any" | "any_case_sensitive" if on_bucket => bucket(target, false),
        "none" | "none_case_sensitive" if on_bucket => bucket(target, true),
        "any" => Operator::AnyOf {
            set: folded_set(target),
            negate: false,
        },
        "none" => Operator::AnyOf {
            set: folded_set(target),
            negate: true,
        },
        "any_case_sensitive" => Operator::AnyExact {
            set: exact_set(target),
            negate: false,
        },
        "none_case_sensitive" => Operator::AnyExact {
            set: exact_set(target),
            negate: true,
        },
        "str_starts_with_any" => affix(Affix::Start, false),
        "str_ends_with_any" => affix(Affix::End, false),
        "str_contains_any" => affix(Affix::Anywhere, false),
        "str_contains_none" => affix(Affix::Anywhere, true),
        "str_matches" => pattern(target),
        "eq" => Operator::Equals {
            target: Box::new(target.clone()),
            negate: false,
        },
        "neq" => Operator::Equals {
            target: Box::new(target.clone()),
            negate: true,
        },
        "before" => time(TimeOrdering::Before),
        "after" => time(TimeOrdering::After),
        "on" => time(TimeOrdering::On),
        "in_segment_list" => in_list(false),
        "not_in_segment_list" => in_list(true),
        "array_contains_any" => array(Quantifier::Any),
        "array_contains_none" => array(Quantifier::None),
        "array_contains_all" => array(Quantifier::All),
        "not_array_contains_all" => array(Quantifier::NotAll),
        _ => return None,
    })
}

/// Text forms of the elements of a list; nulls have none. Anything but a list has no elements.
fn texts(target: &Value) -> impl Iterator<Item = Box<str>> {
    let elements = target.as_array().map_or(&[][..], Vec::as_slice);
    elements
        .iter()
        .filter_map(|element| ValueRef::from(element).to_text().map(Cow::into_owned))
        .map(String::into_boxed_str)
}

/// The members of a list, or the keys of an object (as version 2 documents send sets).
fn members(target: &Value) -> Vec<Box<str>> {
    match target {
        Value::Object(map) => map.keys().map(|key| Box::from(key.as_str())).collect(),
        _ => texts(target).collect(),
    }
}

fn folded(texts: impl Iterator<Item = Box<str>>) -> Box<[Box<str>]> {
    texts
        .map(|text| text.to_lowercase().into_boxed_str())
        .collect()
}

fn folded_set(target: &Value) -> TextSet {
    TextSet::new(folded(members(target).into_iter()).into_vec())
}

fn exact_set(target: &Value) -> TextSet {
    TextSet::new(members(target))
}

fn bucket(target: &Value, negate: bool) -> Operator {
    let parsed = match target {
        Value::Object(map) => map.keys().filter_map(|key| key.parse().ok()).collect(),
        Value::Array(elements) => elements
            .iter()
            .filter_map(|element| ValueRef::from(element).to_text()?.parse().ok())
            .collect(),
        _ => Buckets::default(),
    };
    Operator::AnyBucket {
        members: Box::new(parsed),
        negate,
    }
}

fn pattern(target: &Value) -> Operator {
    let text = ValueRef::from(target).to_text();
    let built = text.and_then(|text| {
        RegexBuilder::new(&text)
            .backtrack_limit(BACKTRACK_LIMIT)
            .delegate_size_limit(PATTERN_SIZE_LIMIT)
            .build()
            .ok()
    });
    Operator::Matches(built.map(Box::new))
}

fn version_target(text: &str) -> Option<VersionTarget> {
    let stripped = version::strip(text)?;
    Some(VersionTarget(
        stripped.split('.').map(version::component).collect(),
    ))
}
