//! Rulesets as sent. Lenient: every entry is parsed alone and may fail alone.

use std::borrow::Cow;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;

use super::FastMap;

/// The envelope. Members that evaluation cannot do without are raw, to be parsed one by one.
#[derive(Default)]
pub(crate) struct Document<'a> {
    pub(crate) feature_gates: Option<Entries<'a>>,
    pub(crate) dynamic_configs: Option<Entries<'a>>,
    pub(crate) layer_configs: Option<Entries<'a>>,
    pub(crate) condition_map: Option<Entries<'a>>,
    pub(crate) override_rules: Option<Entries<'a>>,
    /// Everything else.
    pub(crate) members: FastMap<Cow<'a, str>, &'a RawValue>,
}

impl Document<'_> {
    /// The member called `name`, if it is a `T`: members of the envelope are optional.
    pub(crate) fn member<T: DeserializeOwned>(&self, name: &str) -> Option<T> {
        let raw = self.members.get(name)?;
        serde_json::from_str::<Option<T>>(raw.get()).ok().flatten()
    }
}

/// Entries of an array (version 1) or of an object by name (version 2), each still text.
#[derive(Default)]
pub(crate) struct Entries<'a> {
    pub(crate) is_map: bool,
    pub(crate) items: Vec<Entry<'a>>,
    /// Set when it was neither a list nor an object.
    pub(crate) unusable: bool,
}

/// One of them.
pub(crate) struct Entry<'a> {
    pub(crate) key: Option<Cow<'a, str>>,
    pub(crate) raw: &'a str,
    /// Where the previous ruleset has what it made of the same text under the same name.
    pub(crate) same: Option<u32>,
}

/// A gate, config or layer.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Spec<'a> {
    #[serde(borrow, default)]
    pub(crate) name: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    pub(crate) entity: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    pub(crate) salt: Option<Cow<'a, str>>,
    #[serde(default)]
    pub(crate) enabled: Option<bool>,
    #[serde(borrow, default)]
    pub(crate) default_value: Option<&'a RawValue>,
    #[serde(borrow, default)]
    pub(crate) rules: Option<Vec<Rule<'a>>>,
    #[serde(borrow, default)]
    pub(crate) id_type: Option<Cow<'a, str>>,
    #[serde(default)]
    pub(crate) explicit_parameters: Option<Vec<Box<str>>>,
    #[serde(borrow, default, rename = "targetAppIDs")]
    pub(crate) target_app_ids: Option<Vec<Cow<'a, str>>>,
    #[serde(default)]
    pub(crate) version: Option<i64>,
    #[serde(default)]
    pub(crate) is_active: Option<bool>,
    #[serde(default)]
    pub(crate) has_shared_params: Option<bool>,
    #[serde(default)]
    pub(crate) forward_all_exposures: Option<bool>,
}

/// A rule. Without a pass percentage it is not a rule: the spec is dropped.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Rule<'a> {
    #[serde(borrow, default)]
    pub(crate) id: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    pub(crate) group_name: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    pub(crate) salt: Option<Cow<'a, str>>,
    pub(crate) pass_percentage: f64,
    /// Each is a condition (version 1) or the key of one (version 2).
    #[serde(borrow, default)]
    pub(crate) conditions: Option<Vec<&'a RawValue>>,
    #[serde(borrow, default)]
    pub(crate) return_value: Option<&'a RawValue>,
    #[serde(borrow, default)]
    pub(crate) id_type: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    pub(crate) config_delegate: Option<Cow<'a, str>>,
    #[serde(default)]
    pub(crate) is_experiment_group: Option<bool>,
    #[serde(default)]
    pub(crate) sampling_rate: Option<f64>,
}

/// A condition.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Condition<'a> {
    #[serde(rename = "type", borrow, default)]
    pub(crate) kind: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    pub(crate) operator: Option<Cow<'a, str>>,
    #[serde(default)]
    pub(crate) target_value: Option<serde_json::Value>,
    #[serde(borrow, default)]
    pub(crate) field: Option<Cow<'a, str>>,
    #[serde(default)]
    pub(crate) additional_values: Option<serde_json::Value>,
    #[serde(borrow, default)]
    pub(crate) id_type: Option<Cow<'a, str>>,
}

/// One config mapping.
#[derive(Deserialize)]
pub(crate) struct Mapping {
    pub(crate) new_config_name: String,
    #[serde(default)]
    pub(crate) rules: Vec<MappingRule>,
}

/// One rule of a config mapping, by name.
#[derive(Deserialize)]
pub(crate) struct MappingRule {
    pub(crate) rule_name: String,
    #[serde(default)]
    pub(crate) start_time: Option<f64>,
}
