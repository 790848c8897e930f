//! Conditions as sent to [`Condition`]s, each distinct one once.

use std::borrow::Cow;
use std::sync::Arc;

use serde_json::Value;
use serde_json::value::RawValue;

use super::compile::{Compiler, Which, fingerprint};
use super::condition::{Condition, Field, GateRef, UserAgentField, ValueSource};
use super::table::ConditionEntry;
use super::{Salt, Spec, operator_compile, wire};

impl Compiler<'_> {
    pub(super) fn compile_condition_map(&mut self, entries: Option<&wire::Entries<'_>>) {
        let previous = &self.previous.conditions;
        for entry in entries.into_iter().flat_map(|entries| &entries.items) {
            let Some(key) = &entry.key else { continue };
            let known = entry.same.and_then(|slot| previous.get(slot));
            let (key, condition) = match known {
                Some(known) => (Arc::clone(&known.key), Arc::clone(&known.condition)),
                None => (
                    Arc::from(&**key),
                    Arc::new(self.condition_from_raw(entry.raw)),
                ),
            };
            let piece = self.piece(entry);
            self.conditions.insert(ConditionEntry {
                key,
                piece,
                condition,
            });
        }
        let kept = |old: &ConditionEntry| {
            let now = self.conditions.named(&old.key);
            now.is_some_and(|now| Arc::ptr_eq(&now.condition, &old.condition))
        };
        let dropped = previous.iter().filter(|old| !kept(old));
        self.dropped = dropped.map(|old| address(&old.condition)).collect();
    }

    /// Whether what `spec` was compiled to refer to is still there.
    pub(super) fn still_holds(&self, spec: &Spec) -> bool {
        let mut conditions = spec.rules.iter().flat_map(|rule| &rule.conditions);
        !spec.has_unsupported
            && (self.dropped.is_empty()
                || conditions.all(|condition| !self.dropped.contains(&address(condition))))
    }

    fn condition_from_raw(&mut self, raw: &str) -> Condition {
        match serde_json::from_str::<wire::Condition<'_>>(raw) {
            Ok(wire) => self.condition(&wire),
            Err(error) => Condition::Unsupported(format!("unreadable condition: {error}").into()),
        }
    }

    /// A condition in place (version 1), or the one whose key stands there (version 2).
    pub(super) fn rule_condition(&mut self, raw: &RawValue) -> Arc<Condition> {
        if let Some(key) = condition_key(raw) {
            return match self.conditions.named(&key) {
                Some(entry) => Arc::clone(&entry.condition),
                None => Arc::new(Condition::Unsupported(
                    format!("condition {key} is not in condition_map").into(),
                )),
            };
        }
        let hash = fingerprint(raw.get());
        if let Some(known) = self.inline_conditions.get(&hash) {
            return Arc::clone(known);
        }
        let condition = Arc::new(self.condition_from_raw(raw.get()));
        self.inline_conditions.insert(hash, Arc::clone(&condition));
        condition
    }

    fn condition(&mut self, wire: &wire::Condition<'_>) -> Condition {
        let kind = wire.kind.as_deref().unwrap_or_default().to_lowercase();
        let null = Value::Null;
        let target = wire.target_value.as_ref().unwrap_or(&null);
        let field = || Field::new(wire.field.as_deref().unwrap_or_default());
        let source = match kind.as_str() {
            "public" => return Condition::Public,
            "pass_gate" | "fail_gate" => return self.gate_condition(target, kind == "pass_gate"),
            "multi_pass_gate" | "multi_fail_gate" => {
                return self.any_gate_condition(target, kind == "multi_pass_gate");
            }
            "user_field" => ValueSource::Field(field()),
            "ip_based" => ValueSource::Ip(field()),
            "ua_based" => {
                self.uses_user_agent = true;
                let field = field();
                let derived = user_agent_field(&field);
                ValueSource::UserAgent(field, derived)
            }
            "environment_field" => {
                let exact = wire.field.as_deref().unwrap_or_default();
                ValueSource::Environment {
                    exact: exact.into(),
                    lower: exact.to_lowercase().into(),
                }
            }
            "current_time" => ValueSource::CurrentTime,
            "user_bucket" => {
                let salt = wire.additional_values.as_ref().and_then(|v| v.get("salt"));
                let salt = salt.and_then(Value::as_str).unwrap_or_default();
                ValueSource::UserBucket {
                    salt: Salt::new(format!("{salt}.")),
                    id_type: self.unit(wire.id_type.as_deref()),
                }
            }
            "unit_id" => ValueSource::UnitId(self.unit(wire.id_type.as_deref())),
            "target_app" => ValueSource::TargetApp,
            "experiment_group" => {
                let name = wire.field.as_deref().unwrap_or_default().to_owned();
                ValueSource::ExperimentGroup(self.intern(Which::Configs, &name))
            }
            _ => return Condition::Unsupported(format!("condition type {kind:?}").into()),
        };
        let name = wire.operator.as_deref().unwrap_or_default().to_lowercase();
        let on_bucket = matches!(source, ValueSource::UserBucket { .. });
        match operator_compile::compile(&name, target, on_bucket) {
            Some(operator) => Condition::Test { source, operator },
            None => Condition::Unsupported(format!("operator {name:?}").into()),
        }
    }

    fn gate_ref(&mut self, name: &str) -> GateRef {
        let is_segment = name.starts_with("segment:");
        GateRef {
            slot: self.intern(Which::Gates, name),
            is_segment,
        }
    }

    fn gate_condition(&mut self, target: &Value, pass: bool) -> Condition {
        match target.as_str() {
            None | Some("") => Condition::NoGate { pass },
            Some(name) => Condition::Gate {
                gate: self.gate_ref(name),
                pass,
            },
        }
    }

    fn any_gate_condition(&mut self, target: &Value, pass: bool) -> Condition {
        let names = target.as_array().map_or(&[][..], Vec::as_slice);
        let gates = names
            .iter()
            .filter_map(Value::as_str)
            .filter(|name| !name.is_empty());
        Condition::AnyGate {
            gates: gates.map(|name| self.gate_ref(name)).collect(),
            pass,
        }
    }
}

/// The key that stands for a condition, if it is not the condition itself.
fn condition_key(raw: &RawValue) -> Option<Cow<'_, str>> {
    let text = raw.get();
    if !text.starts_with('"') {
        return None;
    }
    match text.get(1..text.len() - 1) {
        Some(plain) if !plain.contains('\\') => Some(Cow::Borrowed(plain)),
        _ => serde_json::from_str(text).ok().map(Cow::Owned),
    }
}

fn address(condition: &Arc<Condition>) -> usize {
    Arc::as_ptr(condition).addr()
}

fn user_agent_field(field: &Field) -> Option<UserAgentField> {
    let lower = field.lower.as_deref().unwrap_or(&field.exact);
    Some(match lower {
        "os_name" | "osname" => UserAgentField::OsName,
        "os_version" | "osversion" => UserAgentField::OsVersion,
        "browser_name" | "browsername" => UserAgentField::BrowserName,
        "browser_version" | "browserversion" => UserAgentField::BrowserVersion,
        _ => return None,
    })
}
