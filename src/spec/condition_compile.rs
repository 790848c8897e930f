//! Conditions as sent to [`Condition`]s, each distinct one once.

use std::borrow::Cow;
use std::sync::Arc;

use serde_json::Value;
use serde_json::value::RawValue;

use super::compile::{Compiler, Which};
use super::condition::{Condition, Field, GateRef, UserAgentField, UserBucket, ValueSource};
use super::fingerprint::Fingerprint;
use super::scanner::Entry;
use super::{Salt, operator_compile, wire};

impl Compiler<'_> {
    /// Takes in a condition that was sent under its key and may be new.
    pub(super) fn sent_condition(&mut self, entry: Entry<'_, wire::Condition<'_>>) {
        let Some(key) = &entry.key else { return };
        let slot = self.slot_of_key(key);
        self.sent_conditions.add(slot);
        let condition = self.condition(entry.value);
        self.conditions.to_mut().define(slot, entry.text, condition);
    }

    /// The slot of a condition of a rule: one that stands there (version 1), or the one whose key
    /// stands there (version 2).
    pub(super) fn rule_condition(&mut self, raw: &RawValue) -> u32 {
        if let Some(key) = condition_key(raw) {
            return self.slot_of_key(&key);
        }
        let text = Fingerprint::of(raw.get().as_bytes());
        let slot = match self.conditions.slot_of_text(text) {
            Some(slot) => slot,
            None => self.conditions.to_mut().add_text(text),
        };
        if self.conditions.text(slot).is_none() {
            let condition = self.condition(serde_json::from_str(raw.get()));
            self.conditions.to_mut().define(slot, text, condition);
        }
        slot
    }

    fn slot_of_key(&mut self, key: &str) -> u32 {
        match self.conditions.slot_of_key(key) {
            Some(slot) => slot,
            None => self.conditions.to_mut().add_key(key),
        }
    }

    fn condition(&mut self, sent: serde_json::Result<wire::Condition<'_>>) -> Condition {
        match sent {
            Ok(wire) => self.read_condition(&wire),
            Err(error) => Condition::Unsupported(format!("unreadable condition: {error}").into()),
        }
    }

    fn field(&mut self, wire: &wire::Condition<'_>) -> Arc<Field> {
        let name = wire.field.as_deref().unwrap_or_default();
        if let Some(known) = self.fields.get(name) {
            return Arc::clone(known);
        }
        let seat = self.fields.len().to_le_bytes().first().copied();
        let field = Arc::new(Field::new(name, seat.unwrap_or_default()));
        self.fields.insert(name.into(), Arc::clone(&field));
        field
    }

    fn user_bucket(&mut self, wire: &wire::Condition<'_>) -> Arc<UserBucket> {
        let salt = wire.additional_values.as_ref().and_then(|v| v.get("salt"));
        let salt = salt.and_then(Value::as_str).unwrap_or_default();
        let id_type = self.unit(wire.id_type.as_deref());
        let of_salt = self.user_buckets.entry_ref(salt).or_default();
        let mut known = of_salt.iter();
        if let Some(known) = known.find(|known| Arc::ptr_eq(&known.id_type, &id_type)) {
            return Arc::clone(known);
        }
        let salt = Salt::new(format!("{salt}."));
        let bucket = Arc::new(UserBucket { salt, id_type });
        of_salt.push(Arc::clone(&bucket));
        bucket
    }

    fn read_condition(&mut self, wire: &wire::Condition<'_>) -> Condition {
        let kind = wire.kind.as_deref().unwrap_or_default().to_lowercase();
        let null = Value::Null;
        let target = wire.target_value.as_ref().unwrap_or(&null);
        let source = match kind.as_str() {
            "public" => return Condition::Public,
            "pass_gate" | "fail_gate" => return self.gate_condition(target, kind == "pass_gate"),
            "multi_pass_gate" | "multi_fail_gate" => {
                return self.any_gate_condition(target, kind == "multi_pass_gate");
            }
            "user_field" => ValueSource::Field(self.field(wire)),
            "ip_based" => {
                self.uses_country = true;
                ValueSource::Ip(self.field(wire))
            }
            "ua_based" => {
                self.uses_user_agent = true;
                let field = self.field(wire);
                let derived = user_agent_field(&field);
                ValueSource::UserAgent(field, derived)
            }
            "environment_field" => ValueSource::Environment(self.field(wire)),
            "current_time" => ValueSource::CurrentTime,
            "user_bucket" => ValueSource::UserBucket(self.user_bucket(wire)),
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
