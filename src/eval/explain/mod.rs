//! Why a user gets a value: the ordered steps of an evaluation as JSON, and as text for people.
//!
//! The same evaluator runs with a [`Trace`] that writes everything down. Private attributes are
//! masked unless asked for; nothing is exposed.

mod describe;
#[cfg(test)]
mod tests;
mod text;

use serde_json::{Map, Value, json};

use super::condition::Check;
use super::overrides::Overridden;
use super::trace::Trace;
use super::{Evaluation, Kind, Namespace, Reason, Verdict, World, evaluate, result};
use crate::json_writer::object;
use crate::spec::{Condition, Rule, Salt, Spec};
use crate::store::Snapshot;
use crate::user::ValueRef;

/// Steps written down at most; a ruleset with more is cut with a note.
const MAX_STEPS: usize = 20_000;
/// Specs nested deeper than this are named without their rules, so that every JSON parser can read
/// the account.
const MAX_NESTING: usize = 16;

/// An evaluation and the account of it.
pub struct Explanation {
    pub evaluation: Evaluation,
    pub json: String,
}

/// Evaluates `name` and accounts for every step.
#[must_use]
pub fn explain(
    world: &World<'_>,
    snapshot: &Snapshot,
    kind: Kind,
    name: &str,
    with_private: bool,
) -> Explanation {
    let mut account = Account {
        world: *world,
        with_private,
        frames: vec![Frame::default()],
        steps: 0,
    };
    let evaluation = evaluate(world, kind, name, &mut account);
    let steps = account
        .frames
        .pop()
        .map(|root| root.pending)
        .unwrap_or_default();
    let details = evaluation.details(snapshot, (world.now_ms)());
    let value: Value = match kind {
        Kind::Gate => Value::Bool(evaluation.value()),
        _ => Value::Object(evaluation.object(snapshot).to_map()),
    };
    let explanation = object!({
        "kind": kind.as_str(),
        "name": name,
        "user": object!({
            "userID": world.user.user_id(),
            "customIDs": world.user.custom_ids().collect::<std::collections::BTreeMap<_, _>>(),
        }),
        "value": value,
        "passed": evaluation.value(),
        "rule_id": evaluation.rule_id(snapshot),
        "group_name": evaluation.group_name(snapshot),
        "allocated_experiment": evaluation.allocated_experiment(snapshot),
        "override_config_name": evaluation.override_config_name(snapshot),
        "reason": details.combined(),
        "config_sync_time": details.config_sync_time,
        "steps": steps,
    });
    let broken = kind
        .namespace()
        .table(&snapshot.specs)
        .broken()
        .find(|(broken, _)| *broken == name);
    let Value::Object(mut explanation) = explanation else {
        return Explanation {
            evaluation,
            json: String::new(),
        };
    };
    if let Some((_, why)) = broken {
        explanation.insert("spec_error".to_owned(), Value::String(why.to_owned()));
    }
    let why = text::why(&explanation);
    explanation.insert("why".to_owned(), Value::String(why));
    let rendered = text::render(&explanation);
    explanation.insert("text".to_owned(), Value::String(rendered));
    Explanation {
        evaluation,
        json: Value::Object(explanation).to_string(),
    }
}

/// A spec being evaluated.
#[derive(Default)]
struct Frame {
    rules: Vec<Value>,
    /// Nested specs that are done and belong to the condition that caused them.
    pending: Vec<Value>,
}

struct Account<'a> {
    world: World<'a>,
    with_private: bool,
    frames: Vec<Frame>,
    steps: usize,
}

impl Account<'_> {
    fn frame(&mut self) -> Option<&mut Frame> {
        self.frames.last_mut()
    }

    fn add(&mut self, step: Value) {
        self.steps += 1;
        if self.steps <= MAX_STEPS
            && let Some(frame) = self.frame()
        {
            frame.pending.push(step);
        }
    }

    fn shown(&self, condition: &Condition, value: ValueRef<'_>) -> Value {
        if matches!(value, ValueRef::Missing) {
            return Value::Null;
        }
        let is_private = match condition {
            Condition::Test { source, .. } => super::condition::is_private(&self.world, source),
            _ => false,
        };
        if is_private && !self.with_private {
            return Value::String("(private)".to_owned());
        }
        describe::value(value)
    }
}

fn namespace_name(namespace: Namespace) -> &'static str {
    match namespace {
        Namespace::Gates => "gate",
        Namespace::Configs => "config",
        Namespace::Layers => "layer",
    }
}

impl Trace for Account<'_> {
    const ON: bool = true;

    fn overridden(&mut self, name: &str, value: &Overridden) {
        let value = match value {
            Overridden::Gate(value) => Value::Bool(*value),
            Overridden::Object(object) => Value::Object(object.to_map()),
        };
        self.add(object!({"step": "override", "name": name, "value": value}));
    }

    fn mapping(&mut self, name: &str, target: &str, rule: &Rule, passes: bool) {
        self.add(object!({
            "step": "mapping", "name": name, "target": target, "rule_id": rule.id(),
            "passes": passes,
        }));
    }

    fn unrecognized(&mut self, namespace: Namespace, name: &str) {
        self.add(
            object!({"step": "unrecognized", "kind": namespace_name(namespace), "name": name}),
        );
    }

    fn enter(&mut self, _namespace: Namespace, _spec: &Spec, _depth: u32) {
        self.frames.push(Frame::default());
    }

    fn rule(&mut self, _spec: &Spec, rule: &Rule, _depth: u32) {
        self.steps += 1;
        let rule = object!({
            "rule_id": rule.id(),
            "group_name": rule.group_name(),
            "pass_percentage": describe::number(rule.share.percentage()),
            "conditions": Value::Array(Vec::new()),
            "matched": true,
        });
        if self.steps <= MAX_STEPS
            && let Some(frame) = self.frame()
        {
            frame.rules.push(rule);
        }
    }

    fn condition(&mut self, condition: &Condition, value: ValueRef<'_>, check: Check, _depth: u32) {
        self.steps += 1;
        let shown = self.shown(condition, value);
        let within_limit = self.steps <= MAX_STEPS;
        let names = &self.world.specs.gates.names;
        let mut step = describe::condition(condition, names, &self.world.specs.configs.names);
        let Some(frame) = self.frames.last_mut() else {
            return;
        };
        let nested = std::mem::take(&mut frame.pending);
        let Some(rule) = frame.rules.last_mut().and_then(Value::as_object_mut) else {
            return;
        };
        if check != Check::True {
            rule.insert("matched".to_owned(), Value::Bool(false));
        }
        if !within_limit {
            rule.insert("cut".to_owned(), Value::Bool(true));
            return;
        }
        step.insert("value".to_owned(), shown);
        step.insert("outcome".to_owned(), outcome(check));
        if !nested.is_empty() {
            step.insert("nested".to_owned(), Value::Array(nested));
        }
        if let Some(conditions) = rule.get_mut("conditions").and_then(Value::as_array_mut) {
            conditions.push(Value::Object(step));
        }
    }

    fn roll(&mut self, rule: &Rule, salt: &Salt, bucket: u64, passed: bool, _depth: u32) {
        let roll = object!({
            "salt": salt.text().trim_end_matches('.'),
            "unit": describe::id_type(&rule.id_type),
            "bucket": bucket,
            "of": super::bucket::SHARE_BUCKETS,
            "passes_below": describe::number(rule.share.percentage() * 100.0),
            "passed": passed,
        });
        if let Some(Value::Object(rule)) = self.frame().and_then(|frame| frame.rules.last_mut()) {
            rule.insert("roll".to_owned(), roll);
        }
    }

    fn leave(&mut self, namespace: Namespace, spec: &Spec, verdict: &Verdict, _depth: u32) {
        let frame = self.frames.pop().unwrap_or_default();
        let mut step = Map::new();
        step.insert("step".to_owned(), json!(namespace_name(namespace)));
        step.insert("name".to_owned(), json!(&*spec.name));
        step.insert("enabled".to_owned(), json!(spec.enabled));
        if self.frames.len() > MAX_NESTING {
            step.insert("cut".to_owned(), Value::Bool(true));
        } else {
            step.insert("rules".to_owned(), Value::Array(frame.rules));
        }
        if verdict.delegate.is_some() {
            step.insert("delegate".to_owned(), Value::Array(frame.pending));
        }
        step.insert("value".to_owned(), json!(verdict.value));
        let rule_id = result::rule_id(self.world.specs, verdict.origin);
        step.insert("rule_id".to_owned(), json!(rule_id));
        if verdict.reason != Reason::None {
            step.insert("reason".to_owned(), json!(verdict.reason.as_str()));
        }
        self.add(Value::Object(step));
    }
}

fn outcome(check: Check) -> Value {
    match check {
        Check::True => Value::Bool(true),
        Check::False => Value::Bool(false),
        Check::Unsupported => json!("unsupported"),
        Check::TooDeep => json!("nested too deep"),
    }
}
