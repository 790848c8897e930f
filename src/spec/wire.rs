//! Rulesets as sent. Lenient: every entry is parsed alone and may fail alone.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

/// What is read of a spec to find out which one it is.
#[derive(Deserialize)]
pub(super) struct Named<'a> {
    #[serde(borrow, default)]
    pub(super) name: Option<Cow<'a, str>>,
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
