//! The library's own metrics, handed to the host's collector.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use serde_json::{Map, Value};

use crate::host::Metrics;

const PREFIX: &str = "statsig.sdk.";
/// Tags with as many values as there are rulesets; left out unless the collector asks for them.
const HIGH_CARDINALITY: &[&str] = &["lcut", "prev_lcut"];

/// Which of the collector's functions gets the value.
#[derive(Debug, Clone, Copy)]
pub(super) enum Shape {
    Increment,
    Gauge,
    Distribution,
}

/// Hands one value on. A collector that panics is contained.
pub(super) fn emit(
    collector: &Arc<dyn Metrics>,
    shape: Shape,
    name: &str,
    value: f64,
    tags: &[(&str, &str)],
) {
    let _ = catch_unwind(AssertUnwindSafe(|| {
        let wants_all = collector.wants_high_cardinality();
        let tags: Map<String, Value> = tags
            .iter()
            .filter(|(key, _)| wants_all || !HIGH_CARDINALITY.contains(key))
            .map(|(key, value)| ((*key).to_owned(), Value::from(*value)))
            .collect();
        let tags_json = Value::Object(tags).to_string();
        let name = format!("{PREFIX}{name}");
        match shape {
            Shape::Increment => collector.increment(&name, value, &tags_json),
            Shape::Gauge => collector.gauge(&name, value, &tags_json),
            Shape::Distribution => collector.distribution(&name, value, &tags_json),
        }
    }));
}
