//! Ruleset text to [`SpecSet`]. A spec that cannot be read is remembered as broken and spoils
//! nothing else; a document that is unusable as a whole is refused and changes nothing.

use std::borrow::Cow;
use std::sync::Arc;

use foldhash::fast::FixedState;
use hashbrown::HashSet;
use once_cell::race::OnceBox;
use serde::de::IgnoredAny;
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use super::condition::{Condition, IdType};
use super::names::{Names, hash_decision, index};
use super::split::{Named, split};
use super::table::TableEntries;
use super::{
    Conditions, Entity, FastMap, JsonObject, Mapping, Piece, Returned, Rule, Salt, SdkConfigs,
    SdkFlags, Share, Slot, Spec, SpecSet, Table, wire,
};
use crate::error::Error;
use crate::json_input::{self, Readable};

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
    document: &Arc<String>,
    hashed_key: Option<&str>,
    previous: &SpecSet,
) -> Result<Compiled, Error> {
    if document.len() > MAX_DOCUMENT_BYTES {
        return Err(Error::argument("specs", "larger than 512 MiB"));
    }
    let text = json_input::mend(document);
    let wire = split(&text, previous).map_err(|_| refusal(&text))?;
    if wire
        .member::<Value>("has_updates")
        .is_some_and(|v| is_falsy(&v))
    {
        return Ok(Compiled::NoUpdate);
    }
    let lcut = wire
        .member::<Value>("time")
        .and_then(|time| integer(&time))
        .ok_or_else(|| Error::argument("specs.time", "missing or not an integer"))?;
    let used_key = wire.member::<String>("hashed_sdk_key_used");
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
    // The pieces of a text that had to be mended do not stand in the document.
    let text = match &text {
        Cow::Borrowed(text) => Some(*text),
        Cow::Owned(_) => None,
    };
    let mut specs = Compiler::new(&wire, previous, text).run(&wire, lcut);
    specs.document = Some(Arc::clone(document));
    Ok(Compiled::Specs(Box::new(specs)))
}

/// Why a document could not be split.
fn refusal(text: &str) -> Error {
    match serde_json::from_str::<IgnoredAny>(text) {
        Err(error) => Error::Json {
            what: "specs",
            detail: error.to_string(),
        },
        Ok(_) => Error::argument("specs", "expected a JSON object"),
    }
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

fn text_map(wire: &wire::Document<'_>, name: &str) -> FastMap<Box<str>, Box<str>> {
    let map: Map<String, Value> = wire.member(name).unwrap_or_default();
    map.into_iter()
        .filter_map(|(key, value)| Some((key.into_boxed_str(), value.as_str()?.into())))
        .collect()
}

/// A 128-bit hash of text, which stands for it.
pub(super) fn fingerprint(text: &str) -> u128 {
    use std::hash::BuildHasher;
    let half = |seed| foldhash::quality::FixedState::with_seed(seed).hash_one(text);
    (u128::from(half(1)) << 64) | u128::from(half(2))
}

/// What a document that keeps nothing starts from.
static NOTHING: OnceBox<SpecSet> = OnceBox::new();

pub(super) struct Compiler<'p> {
    pub(super) previous: &'p SpecSet,
    /// What pieces are part of.
    text: Option<&'p str>,
    is_v2: bool,
    gates: Cow<'p, Names>,
    configs: Cow<'p, Names>,
    layers: Cow<'p, Names>,
    pub(super) conditions: Conditions,
    /// Addresses of conditions that the previous ruleset had and this one has not.
    pub(super) dropped: HashSet<usize, FixedState>,
    objects: FastMap<u128, Arc<JsonObject>>,
    /// Why a value of the spec that is being compiled cannot be read.
    unreadable: Option<Arc<str>>,
    /// Conditions that stand in their rules, by the hash of their text: the same ones recur.
    pub(super) inline_conditions: FastMap<u128, Arc<Condition>>,
    id_types: FastMap<Box<str>, Arc<str>>,
    units: FastMap<Box<str>, Arc<IdType>>,
    pub(super) uses_user_agent: bool,
}

/// More dead names than this many times the live ones, and the tables start anew.
const DEAD_NAMES_FACTOR: usize = 4;

impl<'p> Compiler<'p> {
    fn new(
        wire: &wire::Document<'_>,
        previous: &'p SpecSet,
        text: Option<&'p str>,
    ) -> Compiler<'p> {
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
            text,
            is_v2,
            gates: Cow::Borrowed(&*previous.gates.names),
            configs: Cow::Borrowed(&*previous.configs.names),
            layers: Cow::Borrowed(&*previous.layers.names),
            conditions: Conditions::default(),
            dropped: HashSet::default(),
            objects: FastMap::default(),
            unreadable: None,
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
            app_id: wire.member::<String>("app_id").map(String::into_boxed_str),
            sdk_keys_to_app_ids: text_map(wire, "sdk_keys_to_app_ids"),
            hashed_sdk_keys_to_app_ids: text_map(wire, "hashed_sdk_keys_to_app_ids"),
            default_environment: wire
                .member::<String>("default_environment")
                .map(|tier| Map::from_iter([("tier".to_owned(), Value::String(tier))])),
            session_replay_info: wire
                .member::<Value>("session_replay_info")
                .filter(Value::is_object),
            flags: sdk_flags(wire),
            configs_for_sdk: sdk_configs(wire),
            diagnostics: wire.member("diagnostics").unwrap_or_default(),
            ..SpecSet::default()
        };
        self.compile_mappings(wire, &mut specs);
        // Specs that were taken over may use the parser without a condition compiled here.
        specs.uses_user_agent = self.uses_user_agent || previous.uses_user_agent;
        specs.gates = gates.finish(self.gates, &previous.gates);
        specs.configs = configs.finish(self.configs, &previous.configs);
        specs.layers = layers.finish(self.layers, &previous.layers);
        specs.conditions = self.conditions;
        specs
    }

    pub(super) fn piece(&self, entry: &wire::Entry<'_>) -> Piece {
        self.text
            .map_or_else(Piece::default, |text| Piece::new(text, entry.raw))
    }

    /// Compiles the entries of one kind, in order.
    fn table(
        &mut self,
        entries: Option<&wire::Entries<'_>>,
        previous: &Table,
        which: Which,
    ) -> TableEntries {
        let mut table = TableEntries::new(entries);
        for entry in entries.into_iter().flat_map(|entries| &entries.items) {
            let piece = self.piece(entry);
            if let Some(slot) = entry.same
                && let Some(spec) = previous.spec(slot)
                && self.still_holds(spec)
            {
                table
                    .items
                    .push((slot, Slot::Spec(Arc::clone(spec)), piece));
                continue;
            }
            match serde_json::from_str::<wire::Spec<'_>>(entry.raw) {
                Ok(wire) => {
                    let Some(name) = entry.key.as_ref().or(wire.name.as_ref()) else {
                        continue;
                    };
                    let slot = self.intern(which, name);
                    let spec = Arc::new(self.spec(&wire, which, slot));
                    table.items.push(match self.unreadable.take() {
                        None => (slot, Slot::Spec(spec), piece),
                        Some(why) => (slot, Slot::Broken(why), Piece::default()),
                    });
                }
                Err(error) => {
                    let name = entry.key.clone();
                    let Some(name) = name.or_else(|| raw_name(entry.raw)) else {
                        continue;
                    };
                    let slot = self.intern(which, &name);
                    let broken = Slot::Broken(error.to_string().into());
                    table.items.push((slot, broken, Piece::default()));
                }
            }
        }
        table
    }

    pub(super) fn intern(&mut self, which: Which, name: &str) -> u32 {
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

    fn spec(&mut self, wire: &wire::Spec<'_>, which: Which, slot: u32) -> Spec {
        let salt: Box<str> = wire.salt.as_deref().unwrap_or_default().into();
        let rules = wire.rules.as_deref().unwrap_or_default();
        let is_gate = which == Which::Gates;
        let enabled = wire.enabled.unwrap_or(false);
        let name = match which {
            Which::Gates => self.gates.shared(slot),
            Which::Configs => self.configs.shared(slot),
            Which::Layers => self.layers.shared(slot),
        };
        let rules: Box<[Rule]> = rules
            .iter()
            .map(|rule| self.rule(rule, &salt, is_gate, wire.version))
            .collect();
        let conditions = rules.iter().flat_map(|rule| &rule.conditions);
        Spec {
            has_unsupported: conditions
                .into_iter()
                .any(|condition| matches!(**condition, Condition::Unsupported(_))),
            name,
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
            id_type: self.unit(wire.id_type.as_deref()),
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
        let hash = fingerprint(text);
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

    fn compile_mappings(&mut self, wire: &wire::Document<'_>, specs: &mut SpecSet) {
        let mut rule_index: FastMap<String, u32> = FastMap::default();
        for entry in wire.override_rules.iter().flat_map(|rules| &rules.items) {
            let Some(name) = &entry.key else { continue };
            let Ok(rule) = serde_json::from_str::<wire::Rule<'_>>(entry.raw) else {
                continue;
            };
            let rule = self.rule(&rule, "", true, None);
            rule_index.insert(name.to_string(), index(specs.mapping_rules.len()));
            specs.mapping_rules.push(rule);
        }
        let sent: Map<String, Value> = wire.member("overrides").unwrap_or_default();
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

/// The three kinds of tables.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Which {
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

/// The name of a spec that could not be read as a whole.
fn raw_name(raw: &str) -> Option<Cow<'_, str>> {
    serde_json::from_str::<Named<'_>>(raw).ok()?.name
}

fn experiment_to_layer(wire: &wire::Document<'_>) -> FastMap<Box<str>, Box<str>> {
    let mut map = text_map(wire, "experiment_to_layer");
    let layers: Map<String, Value> = wire.member("layers").unwrap_or_default();
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

fn sdk_flags(wire: &wire::Document<'_>) -> SdkFlags {
    let map: Map<String, Value> = wire.member("sdk_flags").unwrap_or_default();
    let is_on = |name: &str| map.get(name) == Some(&Value::Bool(true));
    SdkFlags {
        stop_log_event_compression: is_on("stop_log_event_compression"),
    }
}

fn sdk_configs(wire: &wire::Document<'_>) -> SdkConfigs {
    let map: Map<String, Value> = wire.member("sdk_configs").unwrap_or_default();
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
