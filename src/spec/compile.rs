//! Ruleset text to [`SpecSet`]. A spec that cannot be read is remembered as broken and spoils
//! nothing else; a document that is unusable as a whole is refused and changes nothing.

use std::borrow::Cow;
use std::sync::Arc;

use once_cell::race::OnceBox;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use super::condition::{Condition, Field, GateRef, IdType, UserAgentField, ValueSource};
use super::names::{Names, hash_decision};
use super::{
    Entity, FastMap, JsonObject, Mapping, Returned, Rule, Salt, SdkConfigs, SdkFlags, Share, Slot,
    Spec, SpecSet, Table, operator_compile, wire,
};
use crate::error::Error;
use crate::json_input;

/// Largest accepted document.
pub const MAX_DOCUMENT_BYTES: usize = 512 << 20;

/// What came of a document.
#[derive(Debug)]
pub enum Compiled {
    /// The server says that nothing is newer.
    NoUpdate,
    /// A ruleset.
    Specs(Box<SpecSet>),
}

/// Compiles `document`, taking over from `previous` what did not change.
///
/// # Errors
/// [`Error::Json`] or [`Error::Argument`] when the document is unusable as a whole: not a JSON
/// object, no `time`, or made for another key (`hashed_sdk_key_used` differs from `hashed_key`).
pub fn compile(
    document: &str,
    hashed_key: Option<&str>,
    previous: &SpecSet,
) -> Result<Compiled, Error> {
    if document.len() > MAX_DOCUMENT_BYTES {
        return Err(Error::argument("specs", "larger than 512 MiB"));
    }
    let mended = json_input::mend(document);
    let document = &*mended;
    let wire: wire::Document<'_> = serde_json::from_str(document).map_err(|e| Error::Json {
        what: "specs",
        detail: e.to_string(),
    })?;
    if !document.trim_start().starts_with('{') {
        return Err(Error::argument("specs", "expected a JSON object"));
    }
    if wire
        .has_updates
        .and_then(lenient::<Value>)
        .is_some_and(|v| is_falsy(&v))
    {
        return Ok(Compiled::NoUpdate);
    }
    let lcut = wire
        .time
        .and_then(lenient::<Value>)
        .and_then(|time| integer(&time))
        .ok_or_else(|| Error::argument("specs.time", "missing or not an integer"))?;
    let used_key = wire.hashed_sdk_key_used.and_then(lenient::<String>);
    if let (Some(used), Some(ours)) = (used_key.as_deref(), hashed_key)
        && used != ours
    {
        return Err(Error::argument(
            "specs.hashed_sdk_key_used",
            "made for another key",
        ));
    }
    for (name, entries) in [
        ("specs.feature_gates", &wire.feature_gates),
        ("specs.dynamic_configs", &wire.dynamic_configs),
        ("specs.layer_configs", &wire.layer_configs),
    ] {
        if entries.as_ref().is_some_and(|entries| entries.unusable) {
            return Err(Error::argument(name, "expected a list or an object"));
        }
    }
    if wire.feature_gates.is_none()
        && wire.dynamic_configs.is_none()
        && wire.layer_configs.is_none()
    {
        return Err(Error::argument(
            "specs",
            "no feature_gates, dynamic_configs or layer_configs",
        ));
    }
    Ok(Compiled::Specs(Box::new(
        Compiler::new(&wire, previous).run(&wire, lcut),
    )))
}

fn is_falsy(value: &Value) -> bool {
    match value {
        Value::Bool(value) => !value,
        Value::Number(number) => number.as_f64() == Some(0.0),
        Value::String(text) => text.is_empty(),
        _ => false,
    }
}

fn integer(value: &Value) -> Option<i64> {
    #[expect(
        clippy::cast_possible_truncation,
        reason = "bounded to what f64 holds exactly"
    )]
    let from_float = |f: f64| (f.fract() == 0.0 && f.abs() < 9.0e15).then_some(f as i64);
    value
        .as_i64()
        .or_else(|| value.as_f64().and_then(from_float))
}

/// `raw` as a `T`, or nothing: members of the envelope are optional.
fn lenient<T: DeserializeOwned>(raw: &RawValue) -> Option<T> {
    serde_json::from_str::<Option<T>>(raw.get()).ok().flatten()
}

fn text_map(raw: Option<&RawValue>) -> FastMap<Box<str>, Box<str>> {
    let map: Map<String, Value> = raw.and_then(lenient).unwrap_or_default();
    map.into_iter()
        .filter_map(|(key, value)| Some((key.into_boxed_str(), value.as_str()?.into())))
        .collect()
}

/// A 128-bit hash of text, for "did this change?".
pub(crate) fn fingerprint(text: &str) -> u128 {
    use std::hash::BuildHasher;
    let half = |seed| foldhash::quality::FixedState::with_seed(seed).hash_one(text);
    (u128::from(half(1)) << 64) | u128::from(half(2))
}

/// What a document that keeps nothing starts from.
static NOTHING: OnceBox<SpecSet> = OnceBox::new();

struct Compiler<'p> {
    previous: &'p SpecSet,
    is_v2: bool,
    gates: Cow<'p, Names>,
    configs: Cow<'p, Names>,
    layers: Cow<'p, Names>,
    conditions: FastMap<Box<str>, (u128, Arc<Condition>)>,
    objects: FastMap<u128, Arc<JsonObject>>,
    /// Conditions that stand in their rules, by the hash of their text: the same ones recur.
    inline_conditions: FastMap<u128, Arc<Condition>>,
    id_types: FastMap<Box<str>, Arc<str>>,
    units: FastMap<Box<str>, Arc<IdType>>,
    uses_user_agent: bool,
}

/// More dead names than this many times the live ones, and the tables start anew.
const DEAD_NAMES_FACTOR: usize = 4;

impl<'p> Compiler<'p> {
    fn new(wire: &wire::Document<'_>, previous: &'p SpecSet) -> Compiler<'p> {
        let is_v2 = wire.condition_map.as_ref().is_some_and(|map| map.is_map)
            || wire
                .feature_gates
                .as_ref()
                .is_some_and(|gates| gates.is_map);
        let count = |entries: &Option<wire::Entries<'_>>| {
            entries.as_ref().map_or(0, |entries| entries.items.len())
        };
        let live =
            count(&wire.feature_gates) + count(&wire.dynamic_configs) + count(&wire.layer_configs);
        let known =
            previous.gates.names.len() + previous.configs.names.len() + previous.layers.names.len();
        // Slots are kept from one document to the next, so that unchanged specs stay valid as they
        // are; that needs the same format and tables that are not mostly dead names.
        let keep = is_v2 == previous.is_v2 && known <= 1000 + DEAD_NAMES_FACTOR * live;
        let previous = if keep {
            previous
        } else {
            NOTHING.get_or_init(Box::default)
        };
        Compiler {
            previous,
            is_v2,
            gates: Cow::Borrowed(&*previous.gates.names),
            configs: Cow::Borrowed(&*previous.configs.names),
            layers: Cow::Borrowed(&*previous.layers.names),
            conditions: FastMap::default(),
            objects: FastMap::default(),
            inline_conditions: FastMap::default(),
            id_types: FastMap::default(),
            units: FastMap::default(),
            uses_user_agent: false,
        }
    }

    fn run(mut self, wire: &wire::Document<'_>, lcut: i64) -> SpecSet {
        self.compile_condition_map(wire.condition_map.as_ref());
        let previous = self.previous;
        let gates = self.table(wire.feature_gates.as_ref(), &previous.gates, Which::Gates);
        let configs = self.table(
            wire.dynamic_configs.as_ref(),
            &previous.configs,
            Which::Configs,
        );
        let layers = self.table(wire.layer_configs.as_ref(), &previous.layers, Which::Layers);
        let mut specs = SpecSet {
            lcut,
            is_v2: self.is_v2,
            experiment_to_layer: experiment_to_layer(wire),
            app_id: wire
                .app_id
                .and_then(lenient::<String>)
                .map(String::into_boxed_str),
            sdk_keys_to_app_ids: text_map(wire.sdk_keys_to_app_ids),
            hashed_sdk_keys_to_app_ids: text_map(wire.hashed_sdk_keys_to_app_ids),
            default_environment: wire
                .default_environment
                .and_then(lenient::<String>)
                .map(|tier| Map::from_iter([("tier".to_owned(), Value::String(tier))])),
            session_replay_info: wire
                .session_replay_info
                .and_then(lenient::<Value>)
                .filter(Value::is_object),
            flags: sdk_flags(wire.sdk_flags),
            configs_for_sdk: sdk_configs(wire.sdk_configs),
            diagnostics: wire.diagnostics.and_then(lenient).unwrap_or_default(),
            ..SpecSet::default()
        };
        self.compile_mappings(wire, &mut specs);
        // Specs that were taken over may use the parser without a condition compiled here.
        specs.uses_user_agent = self.uses_user_agent || previous.uses_user_agent;
        specs.gates = finish_table(gates, self.gates, &previous.gates);
        specs.configs = finish_table(configs, self.configs, &previous.configs);
        specs.layers = finish_table(layers, self.layers, &previous.layers);
        specs.condition_hashes = self.conditions;
        specs
    }

    fn compile_condition_map(&mut self, entries: Option<&wire::Entries<'_>>) {
        for (key, raw) in entries.into_iter().flat_map(|entries| &entries.items) {
            let Some(key) = key else { continue };
            let hash = fingerprint(raw.get());
            let known = self.previous.condition_hashes.get(&**key);
            let condition = match known {
                Some((before, condition)) if *before == hash => Arc::clone(condition),
                _ => Arc::new(self.condition_from_raw(raw)),
            };
            self.conditions.insert((&**key).into(), (hash, condition));
        }
    }

    fn condition_from_raw(&mut self, raw: &RawValue) -> Condition {
        match serde_json::from_str::<wire::Condition<'_>>(raw.get()) {
            Ok(wire) => self.condition(&wire),
            Err(error) => Condition::Unsupported(format!("unreadable condition: {error}").into()),
        }
    }

    /// Compiles the entries of one kind into `(slot, content)` pairs, in order.
    fn table(
        &mut self,
        entries: Option<&wire::Entries<'_>>,
        previous: &Table,
        which: Which,
    ) -> Vec<(u32, Slot)> {
        let mut table = Vec::with_capacity(entries.map_or(0, |entries| entries.items.len()));
        let by_text: FastMap<u128, u32> = previous
            .specs()
            .map(|(slot, spec)| (spec.fingerprint, slot))
            .collect();
        for (key, raw) in entries.into_iter().flat_map(|entries| &entries.items) {
            let text_hash = fingerprint(raw.get());
            // The same text has another name, or none, where no key stands before it.
            let hash = if key.is_some() { !text_hash } else { text_hash };
            if let Some(slot) = by_text.get(&hash).copied()
                && let Some(spec) = previous.spec(slot)
                && key.as_ref().is_none_or(|key| **key == *spec.name)
                && self.is_unchanged(spec, hash)
            {
                table.push((slot, Slot::Spec(Arc::clone(spec))));
                continue;
            }
            match serde_json::from_str::<wire::Spec<'_>>(raw.get()) {
                Ok(wire) => {
                    let Some(name) = key.as_ref().or(wire.name.as_ref()) else {
                        continue;
                    };
                    let slot = self.intern(which, name);
                    let spec = Arc::new(self.spec(&wire, which, slot, hash));
                    table.push((slot, Slot::Spec(spec)));
                }
                Err(error) => {
                    let Some(name) = key.as_deref().map(str::to_owned).or_else(|| raw_name(raw))
                    else {
                        continue;
                    };
                    table.push((
                        self.intern(which, &name),
                        Slot::Broken(error.to_string().into()),
                    ));
                }
            }
        }
        table
    }

    /// Whether `spec` was compiled from text with this hash and from the same conditions.
    fn is_unchanged(&self, spec: &Spec, hash: u128) -> bool {
        spec.fingerprint == hash
            && spec.condition_keys.iter().all(|key| {
                let now = self.conditions.get(key).map(|(hash, _)| *hash);
                now == self
                    .previous
                    .condition_hashes
                    .get(key)
                    .map(|(hash, _)| *hash)
            })
    }

    fn intern(&mut self, which: Which, name: &str) -> u32 {
        let names = match which {
            Which::Gates => &mut self.gates,
            Which::Configs => &mut self.configs,
            Which::Layers => &mut self.layers,
        };
        match names.slot_of(name) {
            Some(slot) => slot,
            None => names.to_mut().intern(name),
        }
    }

    fn spec(&mut self, wire: &wire::Spec<'_>, which: Which, slot: u32, fingerprint: u128) -> Spec {
        let salt: Box<str> = wire.salt.as_deref().unwrap_or_default().into();
        let rules = wire.rules.as_deref().unwrap_or_default();
        let mut condition_keys: Vec<Box<str>> = Vec::new();
        for condition in rules
            .iter()
            .flat_map(|rule| rule.conditions.iter().flatten())
        {
            if let Some(key) = condition_key(condition) {
                condition_keys.push((&*key).into());
            }
        }
        let is_gate = which == Which::Gates;
        let enabled = wire.enabled.unwrap_or(false);
        let name = match which {
            Which::Gates => self.gates.shared(slot),
            Which::Configs => self.configs.shared(slot),
            Which::Layers => self.layers.shared(slot),
        };
        Spec {
            name,
            entity: entity(wire.entity.as_deref(), which),
            enabled,
            default_hash: hash_decision(super::default_rule_id(enabled), wire.version),
            default: self.returned(wire.default_value, is_gate, "true"),
            rules: rules
                .iter()
                .map(|rule| self.rule(rule, &salt, is_gate, wire.version))
                .collect(),
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
            fingerprint,
            condition_keys: condition_keys.into_boxed_slice(),
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
        let id: Box<str> = wire.id.as_deref().unwrap_or_default().into();
        // An absent salt is the rule's id; an empty one stays empty.
        let rule_salt = wire.salt.as_deref().unwrap_or(&id);
        let share = Share::from_percentage(wire.pass_percentage);
        let salt = [spec_salt, ".", rule_salt, "."].concat();
        Rule {
            group_name: wire.group_name.as_deref().map(Box::from),
            conditions: wire
                .conditions
                .iter()
                .flatten()
                .map(|condition| self.rule_condition(condition))
                .collect(),
            salt: match share {
                Share::Below(_) => Salt::new(salt),
                Share::All | Share::Nobody => Salt::unprepared(salt),
            },
            share,
            id_type: self.unit(wire.id_type.as_deref().unwrap_or("userID")),
            returned: self.returned(wire.return_value, is_gate, "not false"),
            delegate: wire
                .config_delegate
                .as_deref()
                .filter(|name| !name.is_empty())
                .map(|name| self.intern(Which::Configs, name)),
            is_experiment_group: wire.is_experiment_group.unwrap_or(false),
            sampling_rate: wire.sampling_rate,
            hash: hash_decision(&id, version),
            id,
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
        let object = self.objects.entry(fingerprint(text));
        let object = object.or_insert_with(|| Arc::new(JsonObject::from_raw(text)));
        Returned::Object(Arc::clone(object))
    }

    fn id_type(&mut self, name: &str) -> Arc<str> {
        if let Some(known) = self.id_types.get(name) {
            return Arc::clone(known);
        }
        let shared: Arc<str> = Arc::from(name);
        self.id_types.insert(name.into(), Arc::clone(&shared));
        shared
    }

    fn unit(&mut self, name: &str) -> Arc<IdType> {
        if let Some(known) = self.units.get(name) {
            return Arc::clone(known);
        }
        let unit = Arc::new(IdType::new(name));
        self.units.insert(name.into(), Arc::clone(&unit));
        unit
    }

    /// A condition in place (version 1), or the one whose key stands there (version 2).
    fn rule_condition(&mut self, raw: &RawValue) -> Arc<Condition> {
        if let Some(key) = condition_key(raw) {
            return match self.conditions.get(&*key) {
                Some((_, condition)) => Arc::clone(condition),
                None => Arc::new(Condition::Unsupported(
                    format!("condition {key} is not in condition_map").into(),
                )),
            };
        }
        let hash = fingerprint(raw.get());
        if let Some(known) = self.inline_conditions.get(&hash) {
            return Arc::clone(known);
        }
        let condition = Arc::new(self.condition_from_raw(raw));
        self.inline_conditions.insert(hash, Arc::clone(&condition));
        condition
    }

    fn condition(&mut self, wire: &wire::Condition<'_>) -> Condition {
        let kind = wire.kind.as_deref().unwrap_or_default().to_lowercase();
        let null = Value::Null;
        let target = wire.target_value.as_ref().unwrap_or(&null);
        let field = || Field::new(wire.field.as_deref().unwrap_or_default());
        let id_type = || IdType::new(wire.id_type.as_deref().unwrap_or("userID"));
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
                    id_type: id_type(),
                }
            }
            "unit_id" => ValueSource::UnitId(id_type()),
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

    fn compile_mappings(&mut self, wire: &wire::Document<'_>, specs: &mut SpecSet) {
        let mut rule_index: FastMap<String, u32> = FastMap::default();
        for (name, raw) in wire.override_rules.iter().flat_map(|rules| &rules.items) {
            let Some(name) = name else { continue };
            let Ok(rule) = serde_json::from_str::<wire::Rule<'_>>(raw.get()) else {
                continue;
            };
            let rule = self.rule(&rule, "", true, None);
            rule_index.insert(name.to_string(), index(specs.mapping_rules.len()));
            specs.mapping_rules.push(rule);
        }
        let sent: Map<String, Value> = wire.overrides.and_then(lenient).unwrap_or_default();
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

fn index(len: usize) -> u32 {
    u32::try_from(len).unwrap_or(u32::MAX)
}

/// The three kinds of tables.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Which {
    Gates,
    Configs,
    Layers,
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

/// The name of a spec that could not be read as a whole.
fn raw_name(raw: &RawValue) -> Option<String> {
    let value: Value = serde_json::from_str(raw.get()).ok()?;
    value.get("name")?.as_str().map(str::to_owned)
}

fn finish_table(entries: Vec<(u32, Slot)>, names: Cow<'_, Names>, previous: &Table) -> Table {
    let names = match names {
        Cow::Borrowed(_) => Arc::clone(&previous.names),
        Cow::Owned(names) => Arc::new(names),
    };
    let mut table = Table {
        slots: vec![Slot::Absent; names.len()],
        names,
        order: Vec::new(),
    };
    for (slot, content) in entries {
        if let Some(place) = table.slots.get_mut(slot as usize) {
            if matches!(place, Slot::Absent) {
                table.order.push(slot);
            }
            *place = content;
        }
    }
    table
}

fn experiment_to_layer(wire: &wire::Document<'_>) -> FastMap<Box<str>, Box<str>> {
    let mut map = text_map(wire.experiment_to_layer);
    let layers: Map<String, Value> = wire.layers.and_then(lenient).unwrap_or_default();
    for (layer, experiments) in &layers {
        for experiment in experiments
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
        {
            map.insert(experiment.into(), layer.as_str().into());
        }
    }
    map
}

fn sdk_flags(raw: Option<&RawValue>) -> SdkFlags {
    let map: Map<String, Value> = raw.and_then(lenient).unwrap_or_default();
    let is_on = |name: &str| map.get(name) == Some(&Value::Bool(true));
    SdkFlags {
        stop_log_event_compression: is_on("stop_log_event_compression"),
    }
}

fn sdk_configs(raw: Option<&RawValue>) -> SdkConfigs {
    let map: Map<String, Value> = raw.and_then(lenient).unwrap_or_default();
    let number = |name: &str| map.get(name).and_then(Value::as_f64);
    SdkConfigs {
        sampling_mode: map
            .get("sampling_mode")
            .and_then(Value::as_str)
            .map(Box::from),
        special_case_sampling_rate: number("special_case_sampling_rate"),
        event_queue_size: number("event_queue_size"),
        event_logging_interval_seconds: number("event_logging_interval_seconds"),
    }
}
