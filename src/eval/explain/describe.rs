//! Compiled conditions back into the words they were sent with, targets shortened.

use serde_json::{Map, Value, json};

use crate::json_writer::object;
use crate::spec::condition::{
    Affix, Field, Operator, Ordering, Quantifier, TextSet, TimeOrdering, ValueSource,
};
use crate::spec::{Condition, IdType, Names};
use crate::user::ValueRef;

/// Members of a target that are shown.
const SHOWN: usize = 8;
/// Characters of a text that are shown.
const SHOWN_CHARS: usize = 200;

pub(super) fn condition(
    condition: &Condition,
    gates: &Names,
    configs: &Names,
) -> Map<String, Value> {
    let step = match condition {
        Condition::Public => object!({"type": "public"}),
        Condition::NoGate { pass } => object!({"type": gate_type(*pass), "target": Value::Null}),
        Condition::Gate { gate, pass } => {
            object!({"type": gate_type(*pass), "target": gates.name(gate.slot)})
        }
        Condition::AnyGate {
            gates: targets,
            pass,
        } => {
            let names: Vec<&str> = targets
                .iter()
                .take(SHOWN)
                .map(|gate| gates.name(gate.slot))
                .collect();
            let kind = if *pass {
                "multi_pass_gate"
            } else {
                "multi_fail_gate"
            };
            object!({"type": kind, "target": names})
        }
        Condition::Test {
            source: from,
            operator: by,
        } => {
            let mut step = source(from, configs);
            let (name, target) = operator(by);
            step.insert("operator".to_owned(), Value::String(name.to_owned()));
            step.insert("target".to_owned(), target);
            return step;
        }
        Condition::Unsupported(what) => object!({"type": "unsupported", "what": &**what}),
    };
    match step {
        Value::Object(step) => step,
        _ => Map::new(),
    }
}

fn gate_type(pass: bool) -> &'static str {
    if pass { "pass_gate" } else { "fail_gate" }
}

fn source(source: &ValueSource, configs: &Names) -> Map<String, Value> {
    let with_field = |kind: &str, field: &Field| object!({"type": kind, "field": &*field.exact});
    let step = match source {
        ValueSource::Field(field) => with_field("user_field", field),
        ValueSource::Ip(field) => with_field("ip_based", field),
        ValueSource::UserAgent(field, _) => with_field("ua_based", field),
        ValueSource::Environment(field) => with_field("environment_field", field),
        ValueSource::CurrentTime => object!({"type": "current_time"}),
        ValueSource::UserBucket(bucket) => object!({
            "type": "user_bucket", "salt": bucket.salt.text().trim_end_matches('.'),
            "unit": id_type(&bucket.id_type), "of": crate::eval::bucket::USER_BUCKETS,
        }),
        ValueSource::UnitId(unit) => object!({"type": "unit_id", "unit": id_type(unit)}),
        ValueSource::TargetApp => object!({"type": "target_app"}),
        ValueSource::ExperimentGroup(slot) => {
            object!({"type": "experiment_group", "field": configs.name(*slot)})
        }
    };
    match step {
        Value::Object(step) => step,
        _ => Map::new(),
    }
}

pub(super) fn id_type(id_type: &IdType) -> &str {
    match id_type {
        IdType::UserId => "userID",
        IdType::Custom { exact, .. } => exact,
        IdType::Nothing => "",
    }
}

fn operator(operator: &Operator) -> (&'static str, Value) {
    let pick = |negate: bool, plain, negated| if negate { negated } else { plain };
    match operator {
        Operator::Number { ordering, target } => (ordering_name(*ordering, false), number(*target)),
        Operator::Version { ordering, target } => {
            let text = target.as_ref().map(|version| {
                let parts = version.0.iter();
                let parts =
                    parts.map(|part| part.map_or_else(|| "?".to_owned(), |n| n.to_string()));
                parts.collect::<Vec<_>>().join(".")
            });
            (ordering_name(*ordering, true), json!(text))
        }
        Operator::AnyOf { set, negate } => (pick(*negate, "any", "none"), text_set(set)),
        Operator::AnyExact { set, negate } => (
            pick(*negate, "any_case_sensitive", "none_case_sensitive"),
            text_set(set),
        ),
        Operator::AnyBucket { members, negate } => (
            pick(*negate, "any", "none"),
            json!(format!("{} buckets", members.len())),
        ),
        Operator::Affix {
            kind,
            needles,
            negate,
        } => {
            let name = match (kind, negate) {
                (Affix::Start, _) => "str_starts_with_any",
                (Affix::End, _) => "str_ends_with_any",
                (Affix::Anywhere, false) => "str_contains_any",
                (Affix::Anywhere, true) => "str_contains_none",
            };
            (
                name,
                list(needles.iter().map(|needle| &**needle), needles.len()),
            )
        }
        Operator::Matches(pattern) => {
            let text = pattern
                .as_ref()
                .map_or("(not a valid pattern)", |p| p.as_str());
            ("str_matches", shorten(text))
        }
        Operator::Equals { target, negate } => {
            (pick(*negate, "eq", "neq"), value(ValueRef::from(&**target)))
        }
        Operator::Time { ordering, target } => {
            let name = match ordering {
                TimeOrdering::Before => "before",
                TimeOrdering::After => "after",
                TimeOrdering::On => "on",
            };
            (name, json!(target))
        }
        Operator::InList { list, negate } => (
            pick(*negate, "in_segment_list", "not_in_segment_list"),
            json!(list.as_deref()),
        ),
        Operator::Array {
            quantifier,
            targets,
        } => {
            let name = match quantifier {
                Quantifier::Any => "array_contains_any",
                Quantifier::None => "array_contains_none",
                Quantifier::All => "array_contains_all",
                Quantifier::NotAll => "not_array_contains_all",
            };
            let targets = targets.as_deref().unwrap_or_default();
            (
                name,
                list(targets.iter().map(|target| &**target), targets.len()),
            )
        }
    }
}

fn ordering_name(ordering: Ordering, version: bool) -> &'static str {
    match (ordering, version) {
        (Ordering::Greater, false) => "gt",
        (Ordering::GreaterOrEqual, false) => "gte",
        (Ordering::Less, false) => "lt",
        (Ordering::LessOrEqual, false) => "lte",
        (Ordering::Equal, false) => "eq",
        (Ordering::NotEqual, false) => "neq",
        (Ordering::Greater, true) => "version_gt",
        (Ordering::GreaterOrEqual, true) => "version_gte",
        (Ordering::Less, true) => "version_lt",
        (Ordering::LessOrEqual, true) => "version_lte",
        (Ordering::Equal, true) => "version_eq",
        (Ordering::NotEqual, true) => "version_neq",
    }
}

/// A number, as a whole one if it is one.
pub(super) fn number(number: f64) -> Value {
    const EXACT: f64 = 9_007_199_254_740_992.0;
    #[expect(
        clippy::cast_possible_truncation,
        reason = "a whole number within the limits"
    )]
    if number.fract() == 0.0 && number.abs() < EXACT {
        json!(number as i64)
    } else {
        json!(number)
    }
}

fn text_set(set: &TextSet) -> Value {
    let mut texts: Vec<&str> = set.texts().collect();
    texts.sort_unstable();
    let count = texts.len();
    list(texts.into_iter(), count)
}

/// The first few of `count` texts, and how many more there are.
fn list<'t>(texts: impl Iterator<Item = &'t str>, count: usize) -> Value {
    let mut shown: Vec<Value> = texts.take(SHOWN).map(shorten).collect();
    if count > SHOWN {
        shown.push(Value::String(format!("... {} more", count - SHOWN)));
    }
    Value::Array(shown)
}

fn shorten(text: &str) -> Value {
    match text.char_indices().nth(SHOWN_CHARS) {
        Some((end, _)) => Value::String(format!("{}...", text.get(..end).unwrap_or_default())),
        None => Value::String(text.to_owned()),
    }
}

/// A value as JSON, shortened.
pub(super) fn value(value: ValueRef<'_>) -> Value {
    match value {
        ValueRef::Missing => Value::Null,
        ValueRef::Bool(value) => json!(value),
        ValueRef::Int(value) => json!(value),
        ValueRef::UInt(value) => json!(value),
        ValueRef::Float(value) => json!(value),
        ValueRef::Text(text) => shorten(text),
        ValueRef::Json(value) => match shorten(&value.to_string()) {
            Value::String(text) if text.ends_with("...") => Value::String(text),
            _ => value.clone(),
        },
    }
}
