//! What was decided elsewhere: a ruleset, compiled once into an immutable [`SpecSet`].
//!
//! Two shapes for each fact: as sent (`wire`) and as used (this module). A `SpecSet` compares no
//! text to decide what to do: operators are enums, targets are typed and hashed, and nested gates
//! and delegates are slots of the same set. Names keep their slots over updates, so that a spec
//! that did not change is taken over as it is.

pub mod compile;
pub mod condition;
mod condition_compile;
pub mod id_list;
pub mod json;
mod key_set;
pub mod names;
mod operator_compile;
mod split;
mod table;
pub(crate) mod wire;

use std::sync::Arc;

use hashbrown::HashMap;
use once_cell::race::OnceBox;
use serde_json::{Map, Value};

pub use crate::eval::bucket::Salt;
pub use condition::{Condition, IdType};
pub use json::{JsonObject, Member, Terminated};
pub use names::Names;
pub(crate) use table::{Conditions, Piece};
pub use table::{Slot, Table};

/// Map with a fast hash; keys come from the ruleset, not from users.
pub(crate) type FastMap<K, V> = HashMap<K, V, foldhash::fast::FixedState>;

/// What a spec is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Entity {
    FeatureGate,
    Segment,
    Holdout,
    DynamicConfig,
    Experiment,
    Autotune,
    Layer,
}

/// One gate, config, experiment or layer.
#[derive(Debug)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a member of the wire"
)]
pub struct Spec {
    pub name: Arc<str>,
    pub entity: Entity,
    pub salt: Box<str>,
    pub enabled: bool,
    pub default: Returned,
    pub rules: Box<[Rule]>,
    pub id_type: Arc<str>,
    pub explicit_parameters: Option<Box<[Box<str>]>>,
    pub target_app_ids: Box<[Arc<str>]>,
    pub version: Option<i64>,
    pub is_active: bool,
    pub has_shared_params: bool,
    pub forward_all_exposures: bool,
    /// [`names::hash_decision`] of no rule that matched.
    pub(crate) default_hash: u64,
    /// Whether a condition is one that could not be compiled; a later ruleset may have it.
    pub(crate) has_unsupported: bool,
    sha256_name: OnceBox<Box<str>>,
}

/// The rule id of a result that no rule decided.
pub(crate) fn default_rule_id(enabled: bool) -> &'static str {
    if enabled { "default" } else { "disabled" }
}

impl Spec {
    /// The name as client initialize responses hash it with `sha256`.
    pub fn sha256_name(&self) -> &str {
        self.sha256_name
            .get_or_init(|| Box::new(crate::eval::bucket::sha256_base64(&self.name).into()))
    }
}

/// What a rule or a default gives.
#[derive(Debug, Clone)]
pub enum Returned {
    /// Of a gate.
    Bool(bool),
    /// Of anything else.
    Object(Arc<JsonObject>),
}

impl Returned {
    /// The object; an empty one for gates.
    #[must_use]
    pub fn object(&self) -> &Arc<JsonObject> {
        match self {
            Returned::Object(object) => object,
            Returned::Bool(_) => JsonObject::empty(),
        }
    }
}

/// A rule: conditions that must all hold, a roll, and what it gives.
#[derive(Debug)]
pub struct Rule {
    pub id: Box<str>,
    pub group_name: Option<Box<str>>,
    pub conditions: Box<[Arc<Condition>]>,
    pub share: Share,
    /// `specSalt.ruleSalt.`, ready to be followed by a unit id. Rules of a config mapping have no
    /// spec of their own: theirs is `.ruleSalt.`, to follow the salt of the spec asked for.
    pub salt: Salt,
    pub id_type: Arc<IdType>,
    pub returned: Returned,
    /// Slot in the configs.
    pub delegate: Option<u32>,
    pub is_experiment_group: bool,
    pub sampling_rate: Option<f64>,
    /// [`names::hash_decision`] of the rule and the version of its spec.
    pub(crate) hash: u64,
}

/// The share of units that pass a rule.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Share {
    All,
    Nobody,
    /// Passes when the bucket (0 to 9,999) is below this.
    Below(f64),
}

impl Share {
    pub(crate) fn from_percentage(percentage: f64) -> Share {
        let bound = percentage * 100.0;
        if bound >= 10_000.0 {
            Share::All
        } else if bound > 0.0 {
            Share::Below(bound)
        } else {
            Share::Nobody
        }
    }

    /// The percentage it was made from, 0 to 100.
    #[must_use]
    pub fn percentage(self) -> f64 {
        match self {
            Share::All => 100.0,
            Share::Nobody => 0.0,
            Share::Below(bound) => bound / 100.0,
        }
    }
}

/// One target of a config mapping and the rules of which one must pass.
#[derive(Debug)]
pub struct Mapping {
    /// Index into [`SpecSet::mapping_targets`].
    pub target: u32,
    /// Index into [`SpecSet::mapping_rules`] and the time (ms) from which the rule counts.
    pub rules: Box<[(u32, i64)]>,
}

/// Switches sent along with the specs.
#[derive(Debug, Clone, Default)]
pub struct SdkFlags {
    pub stop_log_event_compression: bool,
}

/// Settings sent along with the specs.
#[derive(Debug, Clone, Default)]
pub struct SdkConfigs {
    pub sampling_mode: Option<Box<str>>,
    pub special_case_sampling_rate: Option<f64>,
    pub event_queue_size: Option<f64>,
    pub event_logging_interval_seconds: Option<f64>,
}

/// One ruleset, immutable.
#[derive(Debug, Default)]
pub struct SpecSet {
    /// Last config update time, ms; 0 before any ruleset.
    pub lcut: i64,
    pub is_v2: bool,
    pub gates: Table,
    pub configs: Table,
    pub layers: Table,
    /// Experiment name to layer name.
    pub experiment_to_layer: FastMap<Box<str>, Box<str>>,
    pub mappings: FastMap<Box<str>, Box<[Mapping]>>,
    pub mapping_rules: Vec<Rule>,
    pub mapping_targets: Vec<Box<str>>,
    pub app_id: Option<Box<str>>,
    pub sdk_keys_to_app_ids: FastMap<Box<str>, Box<str>>,
    pub hashed_sdk_keys_to_app_ids: FastMap<Box<str>, Box<str>>,
    pub default_environment: Option<Map<String, Value>>,
    pub session_replay_info: Option<Value>,
    pub flags: SdkFlags,
    pub configs_for_sdk: SdkConfigs,
    pub diagnostics: Map<String, Value>,
    pub(crate) conditions: Conditions,
    /// The ruleset as received; `None` before any.
    pub document: Option<Arc<String>>,
    /// Whether any condition needs the user agent parser.
    pub uses_user_agent: bool,
}

impl SpecSet {
    /// The ruleset as received; empty before any.
    pub(crate) fn text(&self) -> &str {
        self.document.as_ref().map_or("", |document| document)
    }
}
