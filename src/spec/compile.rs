//! Ruleset text to [`SpecSet`]. A spec that cannot be read is remembered as broken and spoils
//! nothing else; a document that is unusable as a whole is refused and changes nothing.

use std::borrow::Cow;
use std::sync::Arc;

use once_cell::race::OnceBox;
use serde::de::IgnoredAny;
use serde_json::{Map, Value};

use super::condition::{Field, IdType, UserBucket};
use super::conditions::{Conditions, Marks};
use super::envelope::Envelope;
use super::fingerprint::Fingerprint;
use super::scanner::{Cut, Entry, Halt, Reader, Scanner, Shape};
use super::table::TableBuilder;
use super::{Document, FastMap, JsonObject, Slot, SpecSet, wire};
use crate::error::Error;

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
    let known = previous.document.as_ref();
    if known.is_some_and(|known| known.is_same_packed(document)) {
        return Ok(Compiled::Identical);
    }
    let is_known = |text: Fingerprint| known.is_some() && previous.text == text;
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
    if envelope.has_no_updates() {
        return Ok(Compiled::NoUpdate);
    }
    let lcut = envelope
        .time()
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
    pub(super) unreadable: Option<Arc<str>>,
    pub(super) objects: FastMap<Fingerprint, Arc<JsonObject>>,
    pub(super) id_types: FastMap<Box<str>, Arc<str>>,
    pub(super) units: FastMap<Box<str>, Arc<IdType>>,
    pub(super) fields: FastMap<Box<str>, Arc<Field>>,
    /// By salt; most of one salt are of one unit, too.
    pub(super) user_buckets: FastMap<Box<str>, Vec<Arc<UserBucket>>>,
    pub(super) uses_user_agent: bool,
    pub(super) uses_country: bool,
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
            uses_country: false,
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
                if key.is_none() && table.known(name) == Some((slot, text)) {
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
            experiment_to_layer: envelope.experiment_to_layer(),
            app_id: envelope
                .member::<String>("app_id")
                .map(String::into_boxed_str),
            sdk_keys_to_app_ids: envelope.text_map("sdk_keys_to_app_ids"),
            hashed_sdk_keys_to_app_ids: envelope.text_map("hashed_sdk_keys_to_app_ids"),
            default_environment: envelope
                .member::<String>("default_environment")
                .map(|tier| Map::from_iter([("tier".to_owned(), Value::String(tier))])),
            session_replay_info: envelope
                .member::<Value>("session_replay_info")
                .filter(Value::is_object),
            flags: envelope.sdk_flags(),
            configs_for_sdk: envelope.sdk_configs(),
            diagnostics: envelope.member("diagnostics").unwrap_or_default(),
            ..SpecSet::default()
        };
        self.compile_mappings(&envelope, &mut specs);
        // Specs that were taken over may use them without a condition compiled here.
        specs.uses_user_agent = self.uses_user_agent || self.previous.uses_user_agent;
        specs.uses_country = self.uses_country || self.previous.uses_country;
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

    pub(super) fn table(&mut self, which: Which) -> &mut TableBuilder<'p> {
        match which {
            Which::Gates => &mut self.gates,
            Which::Configs => &mut self.configs,
            Which::Layers => &mut self.layers,
        }
    }

    pub(super) fn intern(&mut self, which: Which, name: &str) -> u32 {
        self.table(which).intern(name)
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
