//! Whether a value satisfies an operator. Anything missing or of the wrong kind does not match,
//! and the negated operators are the exact opposite of their positive twins, except on lists.

use std::cmp::Ordering;

use serde_json::Value;

use super::{time, version};
use crate::spec::condition::{Affix, Operator, Quantifier, TextSet, TimeOrdering};
use crate::user::ValueRef;

pub(super) fn matches(operator: &Operator, value: ValueRef<'_>) -> bool {
    match operator {
        Operator::Number { ordering, target } => value
            .to_number()
            .and_then(|number| number.partial_cmp(target))
            .is_some_and(|found| ordering.accepts(found)),
        Operator::Version { ordering, target } => value
            .to_text()
            .and_then(|text| version::compare(&text, target.as_ref()?))
            .is_some_and(|found| ordering.accepts(found)),
        Operator::AnyOf { set, negate } => contains_folded(set, value) != *negate,
        Operator::AnyExact { set, negate } => {
            value.to_text().is_some_and(|text| set.contains(&text)) != *negate
        }
        Operator::AnyBucket { members, negate } => match value {
            ValueRef::UInt(bucket) => members.contains(bucket) != *negate,
            _ => *negate,
        },
        Operator::Affix {
            kind,
            needles,
            negate,
        } => has_affix(*kind, needles, value) != *negate,
        Operator::Matches(pattern) => match (pattern, value.to_text()) {
            // A pattern that exceeds its step limit does not match.
            (Some(pattern), Some(text)) => pattern.is_match(&*text).unwrap_or(false),
            _ => false,
        },
        Operator::Equals { target, negate } => equals(target, value) != *negate,
        Operator::Time { ordering, target } => match (time::to_epoch_ms(value), target) {
            (Some(time), Some(target)) => match ordering {
                TimeOrdering::Before => time < *target,
                TimeOrdering::After => time > *target,
                TimeOrdering::On => {
                    time.div_euclid(time::DAY_MS) == target.div_euclid(time::DAY_MS)
                }
            },
            _ => false,
        },
        Operator::Array {
            quantifier,
            targets,
        } => match (value, targets) {
            (ValueRef::Json(Value::Array(elements)), Some(targets)) => {
                quantified(*quantifier, targets, elements)
            }
            _ => false,
        },
        // Needs the id lists; see `Evaluator::in_list`.
        Operator::InList { negate, .. } => *negate,
    }
}

/// Lower-cases into a buffer on the stack when the text is ASCII and short.
fn with_folded<R>(text: &str, use_folded: impl FnOnce(&str) -> R) -> R {
    const SHORT: usize = 128;
    let mut buffer = [0; SHORT];
    if text.is_ascii()
        && let Some(space) = buffer.get_mut(..text.len())
    {
        space.copy_from_slice(text.as_bytes());
        space.make_ascii_lowercase();
        if let Ok(folded) = std::str::from_utf8(space) {
            return use_folded(folded);
        }
    }
    use_folded(&text.to_lowercase())
}

/// Members are lower-case already, so for ASCII text no copy has to be made.
fn contains_folded(set: &TextSet, value: ValueRef<'_>) -> bool {
    if let (ValueRef::Text(text), TextSet::Few(members)) = (value, set) {
        let is_member = members
            .iter()
            .any(|member| member.eq_ignore_ascii_case(text.as_bytes()));
        // Lower-casing changes nothing more in a text that is a member by this measure.
        if is_member || text.is_ascii() {
            return is_member;
        }
    }
    value
        .to_text()
        .is_some_and(|text| with_folded(&text, |folded| set.contains(folded)))
}

/// Needles are lower-case already.
fn has_affix(kind: Affix, needles: &[Box<str>], value: ValueRef<'_>) -> bool {
    let Some(text) = value.to_text() else {
        return false;
    };
    let same = |part: Option<&[u8]>, needle: &str| {
        part.is_some_and(|part| part.eq_ignore_ascii_case(needle.as_bytes()))
    };
    let bytes = text.as_bytes();
    match kind {
        Affix::Start if text.is_ascii() => needles
            .iter()
            .any(|needle| same(bytes.get(..needle.len()), needle)),
        Affix::End if text.is_ascii() => needles.iter().any(|needle| {
            let start = bytes.len().checked_sub(needle.len());
            same(start.and_then(|start| bytes.get(start..)), needle)
        }),
        _ => with_folded(&text, |folded| {
            needles.iter().any(|needle| match kind {
                Affix::Start => folded.starts_with(&**needle),
                Affix::End => folded.ends_with(&**needle),
                Affix::Anywhere => folded.contains(&**needle),
            })
        }),
    }
}

/// Equality, decided by the type of the target.
fn equals(target: &Value, value: ValueRef<'_>) -> bool {
    match target {
        Value::Null => matches!(value, ValueRef::Missing),
        Value::Bool(target) => matches!(value, ValueRef::Bool(value) if value == *target),
        Value::Number(_) => match (ValueRef::from(target), value) {
            (_, ValueRef::Bool(_)) => false,
            (target, value) => match (target.to_number(), value.to_number()) {
                (Some(target), Some(value)) => target.partial_cmp(&value) == Some(Ordering::Equal),
                _ => false,
            },
        },
        Value::String(target) => value.to_text().is_some_and(|text| text == *target),
        Value::Array(targets) => match value {
            ValueRef::Json(Value::Array(elements)) => {
                targets.len() == elements.len()
                    && targets.iter().zip(elements).all(|(a, b)| same_text(a, b))
            }
            _ => false,
        },
        Value::Object(targets) => match value {
            ValueRef::Json(Value::Object(members)) => {
                targets.len() == members.len()
                    && targets
                        .iter()
                        .all(|(key, a)| members.get(key).is_some_and(|b| same_text(a, b)))
            }
            _ => false,
        },
    }
}

fn same_text(a: &Value, b: &Value) -> bool {
    ValueRef::from(a).to_text() == ValueRef::from(b).to_text()
}

fn quantified(quantifier: Quantifier, targets: &[Box<str>], elements: &[Value]) -> bool {
    let is_element = |target: &str| {
        elements
            .iter()
            .any(|element| ValueRef::from(element).to_text().as_deref() == Some(target))
    };
    match quantifier {
        Quantifier::Any => targets.iter().any(|target| is_element(target)),
        Quantifier::None => !targets.iter().any(|target| is_element(target)),
        Quantifier::All => targets.iter().all(|target| is_element(target)),
        Quantifier::NotAll => !targets.iter().all(|target| is_element(target)),
    }
}
