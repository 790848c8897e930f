//! Specs as sent to [`Spec`]s, and the rules of config mappings.

use std::collections::BTreeMap;
use std::sync::Arc;

use once_cell::race::OnceBox;
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use super::compile::{Compiler, Which};
use super::condition::IdType;
use super::envelope::Envelope;
use super::fingerprint::Fingerprint;
use super::names::{hash_decision, index};
use super::rule::{Returned, Rule, RuleTexts, Share};
use super::{Entity, FastMap, JsonObject, Mapping, Salt, Spec, SpecSet, wire};
use crate::json_input::Readable;

impl Compiler<'_> {
    pub(super) fn spec(&mut self, wire: &wire::Spec<'_>, which: Which, slot: u32) -> Spec {
        let salt: Box<str> = wire.salt.as_deref().unwrap_or_default().into();
        let rules = wire.rules.as_deref().unwrap_or_default();
        let is_gate = which == Which::Gates;
        let enabled = wire.enabled.unwrap_or(false);
        let rules: Box<[Rule]> = rules
            .iter()
            .map(|rule| self.rule(rule, &salt, is_gate, wire.version))
            .collect();
        Spec {
            name: self.table(which).name(slot),
            entity: entity(wire.entity.as_deref(), which),
            enabled,
            default_hash: hash_decision(super::default_rule_id(enabled), wire.version),
            default: self.returned(wire.default_value, is_gate, "true"),
            rules,
            id_type: self.id_type(wire.id_type.as_deref().unwrap_or_default()),
            explicit_parameters: wire.explicit_parameters.clone().map(Vec::into_boxed_slice),
            target_app_ids: wire
                .target_app_ids
                .iter()
                .flatten()
                .map(|id| self.id_type(id))
                .collect(),
            version: wire.version,
            is_active: wire.is_active.unwrap_or(false),
            has_shared_params: wire.has_shared_params.unwrap_or(false),
            forward_all_exposures: wire.forward_all_exposures.unwrap_or(false),
            sha256_name: OnceBox::new(),
            salt,
        }
    }

    fn rule(
        &mut self,
        wire: &wire::Rule<'_>,
        spec_salt: &str,
        is_gate: bool,
        version: Option<i64>,
    ) -> Rule {
        let id = wire.id.as_deref().unwrap_or_default();
        // An absent salt is the rule's id; an empty one stays empty.
        let salt = wire.salt.as_deref().unwrap_or(id);
        let roll_salt = || Salt::new([spec_salt, ".", salt, "."].concat());
        Rule {
            texts: RuleTexts::new(id, wire.group_name.as_deref(), salt),
            conditions: wire
                .conditions
                .iter()
                .flatten()
                .map(|condition| self.rule_condition(condition))
                .collect(),
            share: Share::from_percentage(wire.pass_percentage, roll_salt),
            id_type: self.unit(wire.id_type.as_deref()),
            returned: self.returned(wire.return_value, is_gate, "not false"),
            delegate: wire
                .config_delegate
                .as_deref()
                .filter(|name| !name.is_empty())
                .map(|name| self.intern(Which::Configs, name)),
            is_experiment_group: wire.is_experiment_group.unwrap_or(false),
            sampling_rate: wire.sampling_rate,
            hash: hash_decision(id, version),
        }
    }

    /// A returned value. For gates, a rule returns true unless it says false, and a default is
    /// false unless it says true.
    fn returned(&mut self, raw: Option<&RawValue>, is_gate: bool, rule: &str) -> Returned {
        let text = raw.map_or("null", RawValue::get);
        if is_gate {
            return Returned::Bool(if rule == "true" {
                text == "true"
            } else {
                text != "false"
            });
        }
        if !text.starts_with('{') {
            return Returned::Object(Arc::clone(JsonObject::empty()));
        }
        let hash = Fingerprint::of(text.as_bytes());
        if let Some(object) = self.objects.get(&hash) {
            return Returned::Object(Arc::clone(object));
        }
        let object = Arc::new(JsonObject::from_raw(text));
        match serde_json::from_str::<Readable>(text) {
            Ok(_) => {
                self.objects.insert(hash, Arc::clone(&object));
            }
            Err(error) => self.unreadable = Some(error.to_string().into()),
        }
        Returned::Object(object)
    }

    fn id_type(&mut self, name: &str) -> Arc<str> {
        if let Some(known) = self.id_types.get(name) {
            return Arc::clone(known);
        }
        let shared: Arc<str> = Arc::from(name);
        self.id_types.insert(name.into(), Arc::clone(&shared));
        shared
    }

    /// The unit of this name; `userID` where none is named.
    pub(super) fn unit(&mut self, name: Option<&str>) -> Arc<IdType> {
        let name = name.unwrap_or("userID");
        if let Some(known) = self.units.get(name) {
            return Arc::clone(known);
        }
        let unit = Arc::new(IdType::new(name));
        self.units.insert(name.into(), Arc::clone(&unit));
        unit
    }

    pub(super) fn compile_mappings(&mut self, envelope: &Envelope, specs: &mut SpecSet) {
        let mut rule_index: FastMap<String, u32> = FastMap::default();
        let rules: BTreeMap<String, Box<RawValue>> =
            envelope.member("override_rules").unwrap_or_default();
        for (name, raw) in rules {
            let Ok(rule) = serde_json::from_str::<wire::Rule<'_>>(raw.get()) else {
                continue;
            };
            let rule = self.rule(&rule, "", true, None);
            rule_index.insert(name, index(specs.mapping_rules.len()));
            specs.mapping_rules.push(rule);
        }
        let sent: Map<String, Value> = envelope.member("overrides").unwrap_or_default();
        for (name, list) in sent {
            let Ok(list) = serde_json::from_value::<Vec<wire::Mapping>>(list) else {
                continue;
            };
            let mut mappings = Vec::new();
            for mapping in list {
                let target = index(specs.mapping_targets.len());
                specs
                    .mapping_targets
                    .push(mapping.new_config_name.into_boxed_str());
                let rules = mapping.rules.iter().filter_map(|rule| {
                    #[expect(clippy::cast_possible_truncation, reason = "saturates")]
                    let start = rule.start_time.unwrap_or(0.0) as i64;
                    Some((*rule_index.get(&rule.rule_name)?, start))
                });
                mappings.push(Mapping {
                    target,
                    rules: rules.collect(),
                });
            }
            specs
                .mappings
                .insert(name.into_boxed_str(), mappings.into_boxed_slice());
        }
    }
}

fn entity(name: Option<&str>, which: Which) -> Entity {
    match (name, which) {
        (Some("segment"), _) => Entity::Segment,
        (Some("holdout"), _) => Entity::Holdout,
        (Some("experiment"), _) => Entity::Experiment,
        (Some("autotune"), _) => Entity::Autotune,
        (_, Which::Gates) => Entity::FeatureGate,
        (_, Which::Configs) => Entity::DynamicConfig,
        (_, Which::Layers) => Entity::Layer,
    }
}
