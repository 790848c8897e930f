//! What a ruleset says besides its specs and conditions: members that are read when all are there.

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::{FastMap, SdkConfigs, SdkFlags};
use crate::json_input::mend;

/// Members of the envelope that are read besides the entries.
const MEMBERS: &[&str] = &[
    "app_id",
    "default_environment",
    "diagnostics",
    "experiment_to_layer",
    "has_updates",
    "hashed_sdk_key_used",
    "hashed_sdk_keys_to_app_ids",
    "layers",
    "override_rules",
    "overrides",
    "sdk_configs",
    "sdk_flags",
    "sdk_keys_to_app_ids",
    "session_replay_info",
    "time",
];

/// The envelope but for its entries: text, to be read member by member.
#[derive(Default)]
pub(super) struct Envelope(FastMap<&'static str, String>);

impl Envelope {
    /// Takes in a member, unless nobody wants it. Of one name the last one counts.
    pub(super) fn add(&mut self, name: &str, json: &str) {
        if let Some(name) = MEMBERS.iter().find(|member| **member == name) {
            self.0.insert(name, mend(json).into_owned());
        }
    }

    /// The member called `name`, if it is a `T`: all are optional.
    pub(super) fn member<T: DeserializeOwned>(&self, name: &str) -> Option<T> {
        debug_assert!(MEMBERS.contains(&name), "{name} is not taken in");
        let text = self.0.get(name)?;
        serde_json::from_str::<Option<T>>(text).ok().flatten()
    }

    /// Whether the server says that nothing is newer.
    pub(super) fn has_no_updates(&self) -> bool {
        let said = self.member::<Value>("has_updates");
        said.is_some_and(|value| is_falsy(&value))
    }

    /// The time of the ruleset, ms.
    pub(super) fn time(&self) -> Option<i64> {
        integer(&self.member::<Value>("time")?)
    }

    /// A member that is an object of texts.
    pub(super) fn text_map(&self, name: &str) -> FastMap<Box<str>, Box<str>> {
        let map: Map<String, Value> = self.member(name).unwrap_or_default();
        map.into_iter()
            .filter_map(|(key, value)| Some((key.into_boxed_str(), value.as_str()?.into())))
            .collect()
    }

    pub(super) fn experiment_to_layer(&self) -> FastMap<Box<str>, Box<str>> {
        let mut map = self.text_map("experiment_to_layer");
        let layers: Map<String, Value> = self.member("layers").unwrap_or_default();
        for (layer, experiments) in &layers {
            let experiments = experiments.as_array().into_iter().flatten();
            for experiment in experiments.filter_map(Value::as_str) {
                map.insert(experiment.into(), layer.as_str().into());
            }
        }
        map
    }

    pub(super) fn sdk_flags(&self) -> SdkFlags {
        let map: Map<String, Value> = self.member("sdk_flags").unwrap_or_default();
        let is_on = |name: &str| map.get(name) == Some(&Value::Bool(true));
        SdkFlags {
            stop_log_event_compression: is_on("stop_log_event_compression"),
        }
    }

    pub(super) fn sdk_configs(&self) -> SdkConfigs {
        let map: Map<String, Value> = self.member("sdk_configs").unwrap_or_default();
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
