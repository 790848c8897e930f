//! The session recording part of a response.

use serde_json::{Map, Value};

use super::hash::Hash;
use crate::json_writer::ObjectWriter;

/// Writes what `info` says about recording. `draw` decides all rates of one response; `gate` gives
/// the value of a gate of the response.
pub(super) fn write(
    object: &mut ObjectWriter<'_>,
    info: &Value,
    hash: Hash,
    draw: f64,
    gate: impl Fn(&str) -> Option<bool>,
) {
    let blocked = info
        .get("recording_blocked")
        .and_then(Value::as_bool)
        .unwrap_or(false);
    let mut can_record = !blocked;
    object.bool("recording_blocked", blocked);
    if let Some(passes) = info
        .get("targeting_gate")
        .and_then(Value::as_str)
        .and_then(gate)
    {
        can_record &= passes;
        object.bool("passes_session_recording_targeting", passes);
    }
    if let Some(rate) = info.get("sampling_rate").and_then(Value::as_f64) {
        can_record &= draw <= rate;
        object.raw("session_recording_rate", &info["sampling_rate"].to_string());
    }
    object.bool("can_record_session", can_record);
    for (key, hashed) in [
        ("session_recording_event_triggers", false),
        ("session_recording_exposure_triggers", true),
    ] {
        if let Some(triggers) = info.get(key).and_then(Value::as_object) {
            let written: Map<String, Value> = triggers
                .iter()
                .map(|(name, trigger)| {
                    let name = if hashed {
                        hash.text(name).into_owned()
                    } else {
                        name.clone()
                    };
                    (name, trigger_entry(trigger, draw))
                })
                .collect();
            object.raw(key, &Value::Object(written).to_string());
        }
    }
}

fn trigger_entry(trigger: &Value, draw: f64) -> Value {
    let mut entry = Map::new();
    if let Some(values) = trigger.get("values").filter(|values| !values.is_null()) {
        entry.insert("values".to_owned(), values.clone());
    }
    if let Some(rate) = trigger.get("sampling_rate").and_then(Value::as_f64) {
        entry.insert("passes_sampling".to_owned(), Value::Bool(draw <= rate));
    }
    Value::Object(entry)
}
