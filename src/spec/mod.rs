//! What was decided elsewhere: a ruleset, compiled once into an immutable [`SpecSet`].
//!
//! Two shapes for each fact: as sent (`wire`) and as used (this module). A `SpecSet` compares no
//! text to decide what to do: operators are enums, targets are typed and hashed, and nested gates
//! and delegates are slots of the same set. Names keep their slots over updates, so that a spec
//! that did not change is taken over as it is. So do conditions, which rules name before they are sent.

pub mod compile;
pub mod condition;
mod condition_compile;
mod conditions;
pub mod document;
mod envelope;
mod fingerprint;
pub mod id_list;
pub mod json;
mod key_set;
pub mod names;
mod operator_compile;
mod rule;
mod scanner;
mod spec_compile;
mod table;
pub(crate) mod wire;

use std::sync::Arc;

use hashbrown::HashMap;
use once_cell::race::OnceBox;
use serde_json::{Map, Value};

pub use crate::eval::bucket::Salt;
pub use condition::{Condition, IdType};
pub(crate) use conditions::Conditions;
pub use document::Document;
pub use json::{JsonObject, Member, Terminated};
pub use names::Names;
pub use rule::{Returned, Rule, Share};
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
    pub(crate) conditions: Arc<Conditions>,
    /// The ruleset as received; `None` before any.
    pub document: Option<Document>,
    /// Of the text of the document.
    text: fingerprint::Fingerprint,
    /// Whether any condition needs the user agent parser.
    pub uses_user_agent: bool,
    /// Whether any condition may look up the country of an address.
    pub uses_country: bool,
}

#[cfg(test)]
mod tests;
