//! Rulesets as sent. Lenient: every entry is parsed alone and may fail alone.

use std::borrow::Cow;
use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

/// The envelope. Members that evaluation cannot do without are raw, to be parsed one by one.
#[derive(Deserialize, Default)]
#[serde(default)]
pub(crate) struct Document<'a> {
    #[serde(borrow)]
    pub(crate) has_updates: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(crate) time: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(crate) feature_gates: Option<Entries<'a>>,
    #[serde(borrow)]
    pub(crate) dynamic_configs: Option<Entries<'a>>,
    #[serde(borrow)]
    pub(crate) layer_configs: Option<Entries<'a>>,
    #[serde(borrow)]
    pub(crate) condition_map: Option<Entries<'a>>,
    #[serde(borrow)]
    pub(crate) layers: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(crate) experiment_to_layer: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(crate) overrides: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(crate) override_rules: Option<Entries<'a>>,
    #[serde(borrow)]
    pub(crate) app_id: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(crate) sdk_keys_to_app_ids: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(crate) hashed_sdk_keys_to_app_ids: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(crate) hashed_sdk_key_used: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(crate) default_environment: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(crate) session_replay_info: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(crate) sdk_flags: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(crate) sdk_configs: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(crate) diagnostics: Option<&'a RawValue>,
}

/// Entries of an array (version 1) or of an object by name (version 2), each still raw.
#[derive(Default)]
pub(crate) struct Entries<'a> {
    pub(crate) is_map: bool,
    pub(crate) items: Vec<(Option<Cow<'a, str>>, &'a RawValue)>,
    /// Set when it was neither a list nor an object.
    pub(crate) unusable: bool,
}

impl Entries<'_> {
    fn unusable() -> Self {
        Entries {
            unusable: true,
            ..Entries::default()
        }
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Entries<'a> {
    fn deserialize<D: Deserializer<'de>>(json: D) -> Result<Self, D::Error> {
        json.deserialize_any(EntriesVisitor)
    }
}

#[derive(Deserialize)]
struct Key<'a>(#[serde(borrow)] Cow<'a, str>);

struct EntriesVisitor;

impl<'de> Visitor<'de> for EntriesVisitor {
    type Value = Entries<'de>;
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list or an object")
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Entries<'de>, A::Error> {
        let mut entries = Entries::default();
        while let Some(raw) = seq.next_element::<&RawValue>()? {
            entries.items.push((None, raw));
        }
        Ok(entries)
    }
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Entries<'de>, A::Error> {
        let mut entries = Entries {
            is_map: true,
            ..Entries::default()
        };
        while let Some((Key(key), raw)) = map.next_entry::<Key<'de>, &RawValue>()? {
            entries.items.push((Some(key), raw));
        }
        Ok(entries)
    }
    fn visit_unit<E>(self) -> Result<Entries<'de>, E> {
        Ok(Entries::unusable())
    }
    fn visit_bool<E>(self, _: bool) -> Result<Entries<'de>, E> {
        Ok(Entries::unusable())
    }
    fn visit_i64<E>(self, _: i64) -> Result<Entries<'de>, E> {
        Ok(Entries::unusable())
    }
    fn visit_u64<E>(self, _: u64) -> Result<Entries<'de>, E> {
        Ok(Entries::unusable())
    }
    fn visit_f64<E>(self, _: f64) -> Result<Entries<'de>, E> {
        Ok(Entries::unusable())
    }
    fn visit_str<E>(self, _: &str) -> Result<Entries<'de>, E> {
        Ok(Entries::unusable())
    }
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
