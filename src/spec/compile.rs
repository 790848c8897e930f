//! Ruleset text to [`SpecSet`]. A spec that cannot be read is remembered as broken and spoils
//! nothing else; a document that is unusable as a whole is refused and changes nothing.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use once_cell::race::OnceBox;
use serde::de::IgnoredAny;
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use super::condition::{Field, IdType, UserBucket};
use super::conditions::{Conditions, Marks};
use super::fingerprint::Fingerprint;
use super::names::{hash_decision, index};
use super::rule::{Returned, Rule, RuleTexts, Share};
use super::scanner::{Cut, Entry, Halt, Reader, Scanner, Shape};
use super::table::TableBuilder;
use super::wire::Envelope;
use super::{
    Document, Entity, FastMap, JsonObject, Mapping, Salt, SdkConfigs, SdkFlags, Slot, Spec,
    SpecSet, wire,
};
use crate::error::Error;
use crate::json_input::Readable;

/// Largest accepted document.
pub const MAX_DOCUMENT_BYTES: usize = 512 << 20;

/// What came of a document.
#[derive(Debug)]
pub enum Compiled {
    /// The server says that nothing is newer.
    NoUpdate,
    /// Byte for byte the document of the previous ruleset.
    Identical,
    /// A ruleset.
    Specs(Box<SpecSet>),
}

/// Compiles `document`, taking over from `previous` what did not change.
///
/// # Errors
/// [`Error::Json`] or [`Error::Argument`] when the document is unusable as a whole: not a JSON
/// object, no `time`, or made for another key (`hashed_sdk_key_used` differs from `hashed_key`).
/// [`Error::Network`] when it cannot be unpacked.
pub fn compile(
    document: &Document,
    hashed_key: Option<&str>,
    previous: &SpecSet,
) -> Result<Compiled, Error> {
    if matches!(document, Document::Text(text) if text.len() > MAX_DOCUMENT_BYTES) {
        return Err(Error::argument("specs", "larger than 512 MiB"));
    }
    let is_known = |text: Fingerprint| previous.document.is_some() && previous.text == text;
    let mut scanner = Scanner::new(document);
    if is_known(scanner.fingerprint()) {
        return Ok(Compiled::Identical);
    }
    let mut compiler = Compiler::new(previous);
    match scanner.document(|scanner, name| compiler.member(scanner, name)) {
        Ok(()) => {}
        Err(Halt::Malformed) => return Err(refusal(document)),
        Err(Halt::Unreadable(error)) => {
            let detail = error.to_string();
            return Err(Error::Network { detail });
        }
    }
    let text = scanner.fingerprint();
    if is_known(text) {
        return Ok(Compiled::Identical);
    }
    let envelope = &compiler.envelope;
    let has_updates = envelope.member::<Value>("has_updates");
    if has_updates.is_some_and(|value| is_falsy(&value)) {
        return Ok(Compiled::NoUpdate);
    }
    let lcut = envelope
        .member::<Value>("time")
        .and_then(|time| integer(&time))
        .ok_or_else(|| Error::argument("specs.time", "missing or not an integer"))?;
    let used_key = envelope.member::<String>("hashed_sdk_key_used");
    if let (Some(used), Some(ours)) = (used_key.as_deref(), hashed_key)
        && used != ours
    {
        return Err(Error::argument(
            "specs.hashed_sdk_key_used",
            "made for another key",
        ));
    }
    for which in Which::ALL {
        if compiler.table(which).shape() == Some(Shape::Other) {
            let name = format!("specs.{}", which.member());
            return Err(Error::argument(name, "expected a list or an object"));
        }
    }
    let has_entries = |shape: Option<Shape>| shape.is_some_and(|shape| shape != Shape::Null);
    if !Which::ALL
        .iter()
        .any(|which| has_entries(compiler.table(*which).shape()))
    {
        return Err(Error::argument(
            "specs",
            "no feature_gates, dynamic_configs or layer_configs",
        ));
    }
    let mut specs = compiler.finish(lcut);
    specs.document = Some(document.clone());
    specs.text = text;
    Ok(Compiled::Specs(Box::new(specs)))
}

/// Why a document could not be cut.
fn refusal(document: &Document) -> Error {
    let text = match document.text() {
        Ok(text) => text,
        Err(error) => return not_json(error.to_string()),
    };
    match serde_json::from_str::<IgnoredAny>(&text) {
        Err(error) => not_json(error.to_string()),
        Ok(_) => Error::argument("specs", "expected a JSON object"),
    }
}

fn not_json(detail: String) -> Error {
    let what = "specs";
    Error::Json { what, detail }
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

fn text_map(envelope: &Envelope, name: &str) -> FastMap<Box<str>, Box<str>> {
    let map: Map<String, Value> = envelope.member(name).unwrap_or_default();
    map.into_iter()
        .filter_map(|(key, value)| Some((key.into_boxed_str(), value.as_str()?.into())))
        .collect()
}

/// What a document that keeps nothing starts from.
static NOTHING: OnceBox<SpecSet> = OnceBox::new();

/// More dead slots than this many times the live ones, and the tables start anew.
const DEAD_SLOTS_FACTOR: usize = 4;
const DEAD_SLOTS_MIN: usize = 1_000;

/// A ruleset in the making. It is told of members in the order in which they are sent, so nothing
/// that is compiled may depend on what comes later: what refers to others does so by slot.
pub(super) struct Compiler<'p> {
    previous: &'p SpecSet,
    envelope: Envelope,
    gates: TableBuilder<'p>,
    configs: TableBuilder<'p>,
    layers: TableBuilder<'p>,
    /// Conditions were sent under keys.
    has_condition_map: bool,
    pub(super) conditions: Cow<'p, Conditions>,
    /// Slots of conditions that were sent under their keys.
    pub(super) sent_conditions: Marks,
    /// Why a value of the spec that is being compiled cannot be read.
    unreadable: Option<Arc<str>>,
    objects: FastMap<Fingerprint, Arc<JsonObject>>,
    id_types: FastMap<Box<str>, Arc<str>>,
    units: FastMap<Box<str>, Arc<IdType>>,
    pub(super) fields: FastMap<Box<str>, Arc<Field>>,
    /// By salt; most of one salt are of one unit, too.
    pub(super) user_buckets: FastMap<Box<str>, Vec<Arc<UserBucket>>>,
    pub(super) uses_user_agent: bool,
}

impl<'p> Compiler<'p> {
    fn new(previous: &'p SpecSet) -> Compiler<'p> {
        let tables = [&previous.gates, &previous.configs, &previous.layers];
        let slots = tables.iter().map(|table| table.names.len()).sum::<usize>();
        let sent = tables.iter().map(|table| table.sent()).sum::<usize>();
        // Slots are kept from one document to the next, so that unchanged specs stay valid as they
        // are, unless most are dead.
        let is_full = |slots: usize, live: usize| slots > DEAD_SLOTS_MIN + DEAD_SLOTS_FACTOR * live;
        let conditions = &previous.conditions;
        let previous = if is_full(slots, sent) || is_full(conditions.len(), conditions.live()) {
            NOTHING.get_or_init(Box::default)
        } else {
            previous
        };
        Compiler {
            previous,
            envelope: Envelope::default(),
            gates: TableBuilder::new(&previous.gates),
            configs: TableBuilder::new(&previous.configs),
            layers: TableBuilder::new(&previous.layers),
            has_condition_map: false,
            conditions: Cow::Borrowed(&*previous.conditions),
            sent_conditions: Marks::default(),
            unreadable: None,
            objects: FastMap::default(),
            id_types: FastMap::default(),
            units: FastMap::default(),
            fields: FastMap::default(),
            user_buckets: FastMap::default(),
            uses_user_agent: false,
        }
    }

    /// Takes in the member of this name.
    fn member(&mut self, scanner: &mut Scanner<'_>, name: &str) -> Cut<()> {
        if let Some(which) = Which::ALL.into_iter().find(|which| which.member() == name) {
            return self.specs(scanner, which);
        }
        if name == "condition_map" {
            return self.condition_map(scanner);
        }
        let value = scanner.value()?;
        self.envelope.add(name, scanner.json(&value));
        Ok(())
    }

    fn specs(&mut self, scanner: &mut Scanner<'_>, which: Which) -> Cut<()> {
        let shape = scanner.shape()?;
        self.table(which).begin(shape);
        if !matches!(shape, Shape::List | Shape::Map) {
            return scanner.value().map(drop);
        }
        scanner.entries(|scanner, key| {
            let table = self.table(which);
            let known = match &key {
                Some(key) => table.known(&scanner.key(key)?),
                None => table.expected(),
            };
            if let Some((slot, text)) = known
                && scanner.skips(text)?
            {
                table.take_over(slot, text);
                return Ok(());
            }
            let compiler = &mut *self;
            scanner.entry(key.as_ref(), &mut SpecReader { compiler, which })
        })
    }

    fn condition_map(&mut self, scanner: &mut Scanner<'_>) -> Cut<()> {
        self.sent_conditions = Marks::default();
        self.has_condition_map = scanner.shape()? == Shape::Map;
        if !self.has_condition_map {
            return scanner.value().map(drop);
        }
        scanner.entries(|scanner, key| {
            if let Some(key) = &key {
                let slot = self.conditions.slot_of_key(&scanner.key(key)?);
                let known = slot.and_then(|slot| Some((slot, self.conditions.text(slot)?)));
                if let Some((slot, text)) = known
                    && scanner.skips(text)?
                {
                    self.sent_conditions.add(slot);
                    return Ok(());
                }
            }
            scanner.entry(key.as_ref(), &mut ConditionReader(self))
        })
    }

    /// Takes in a spec that may be new.
    fn put(&mut self, which: Which, entry: Entry<'_, wire::Spec<'_>>) {
        let Entry {
            key,
            value,
            json,
            text,
        } = entry;
        match value {
            Ok(wire) => {
                let Some(name) = key.as_deref().or(wire.name.as_deref()) else {
                    return;
                };
                let slot = self.intern(which, name);
                // In a list it may be known, and stand in another place.
                let table = self.table(which);
                if table.known(name) == Some((slot, text)) {
                    return table.take_over(slot, text);
                }
                let spec = Arc::new(self.spec(&wire, which, slot));
                let content = match self.unreadable.take() {
                    None => Slot::Spec(spec),
                    Some(why) => Slot::Broken(why),
                };
                self.table(which).put(slot, content, text);
            }
            Err(error) => {
                let named = serde_json::from_str::<wire::Named<'_>>(json).ok();
                let name = named.as_ref().and_then(|named| named.name.as_deref());
                if let Some(name) = key.as_deref().or(name) {
                    let slot = self.intern(which, name);
                    let broken = Slot::Broken(error.to_string().into());
                    self.table(which).put(slot, broken, text);
                }
            }
        }
    }

    fn finish(mut self, lcut: i64) -> SpecSet {
        let envelope = std::mem::take(&mut self.envelope);
        let mut specs = SpecSet {
            lcut,
            is_v2: self.has_condition_map || self.gates.shape() == Some(Shape::Map),
            experiment_to_layer: experiment_to_layer(&envelope),
            app_id: envelope
                .member::<String>("app_id")
                .map(String::into_boxed_str),
            sdk_keys_to_app_ids: text_map(&envelope, "sdk_keys_to_app_ids"),
            hashed_sdk_keys_to_app_ids: text_map(&envelope, "hashed_sdk_keys_to_app_ids"),
            default_environment: envelope
                .member::<String>("default_environment")
                .map(|tier| Map::from_iter([("tier".to_owned(), Value::String(tier))])),
            session_replay_info: envelope
                .member::<Value>("session_replay_info")
                .filter(Value::is_object),
            flags: sdk_flags(&envelope),
            configs_for_sdk: sdk_configs(&envelope),
            diagnostics: envelope.member("diagnostics").unwrap_or_default(),
            ..SpecSet::default()
        };
        self.compile_mappings(&envelope, &mut specs);
        // Specs that were taken over may use the parser without a condition compiled here.
        specs.uses_user_agent = self.uses_user_agent || self.previous.uses_user_agent;
        specs.gates = self.gates.finish();
        specs.configs = self.configs.finish();
        specs.layers = self.layers.finish();
        let mut used = Marks::default();
        if self.conditions.has_texts() {
            let rules = [&specs.gates, &specs.configs, &specs.layers]
                .into_iter()
                .flat_map(|table| table.specs().flat_map(|(_, spec)| &spec.rules))
                .chain(&specs.mapping_rules);
            for slot in rules.flat_map(|rule| &rule.conditions) {
                used.add(*slot);
            }
        }
        let dead = self.conditions.dead(&self.sent_conditions, &used);
        if !dead.is_empty() {
            self.conditions.to_mut().clear(&dead);
        }
        specs.conditions = match self.conditions {
            Cow::Borrowed(_) => Arc::clone(&self.previous.conditions),
            Cow::Owned(mut conditions) => {
                conditions.shrink();
                Arc::new(conditions)
            }
        };
        specs
    }

    fn table(&mut self, which: Which) -> &mut TableBuilder<'p> {
        match which {
            Which::Gates => &mut self.gates,
            Which::Configs => &mut self.configs,
            Which::Layers => &mut self.layers,
        }
    }

    pub(super) fn intern(&mut self, which: Which, name: &str) -> u32 {
        self.table(which).intern(name)
    }

    fn spec(&mut self, wire: &wire::Spec<'_>, which: Which, slot: u32) -> Spec {
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

    fn compile_mappings(&mut self, envelope: &Envelope, specs: &mut SpecSet) {
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

/// Reads the entries of a table.
struct SpecReader<'c, 'p> {
    compiler: &'c mut Compiler<'p>,
    which: Which,
}

impl Reader for SpecReader<'_, '_> {
    type Value<'a> = wire::Spec<'a>;

    fn read(&mut self, entry: Entry<'_, wire::Spec<'_>>) {
        self.compiler.put(self.which, entry);
    }
}

/// Reads the entries of the condition map.
struct ConditionReader<'c, 'p>(&'c mut Compiler<'p>);

impl Reader for ConditionReader<'_, '_> {
    type Value<'a> = wire::Condition<'a>;

    fn read(&mut self, entry: Entry<'_, wire::Condition<'_>>) {
        self.0.sent_condition(entry);
    }
}

/// The three kinds of tables.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Which {
    Gates,
    Configs,
    Layers,
}

impl Which {
    const ALL: [Which; 3] = [Which::Gates, Which::Configs, Which::Layers];

    /// The member that the table is sent as.
    fn member(self) -> &'static str {
        match self {
            Which::Gates => "feature_gates",
            Which::Configs => "dynamic_configs",
            Which::Layers => "layer_configs",
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

fn experiment_to_layer(envelope: &Envelope) -> FastMap<Box<str>, Box<str>> {
    let mut map = text_map(envelope, "experiment_to_layer");
    let layers: Map<String, Value> = envelope.member("layers").unwrap_or_default();
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

fn sdk_flags(envelope: &Envelope) -> SdkFlags {
    let map: Map<String, Value> = envelope.member("sdk_flags").unwrap_or_default();
    let is_on = |name: &str| map.get(name) == Some(&Value::Bool(true));
    SdkFlags {
        stop_log_event_compression: is_on("stop_log_event_compression"),
    }
}

fn sdk_configs(envelope: &Envelope) -> SdkConfigs {
    let map: Map<String, Value> = envelope.member("sdk_configs").unwrap_or_default();
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
