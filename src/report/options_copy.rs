//! The options as telemetry shows them: only what differs from the defaults, nothing private.

use serde_json::{Map, Value};

use super::redact;
use crate::host::Hooks;
use crate::options::Settings;

/// Options whose value may hold data, secrets or paths: only the fact that they are set is told.
const ONLY_SET: &[&str] = &[
    "bootstrap_values",
    "initialize_sources",
    "config_sync_sources",
    "global_custom_fields",
    "network_proxy",
    "ca_pem",
    "redis_url",
    "spec_cache_dir",
    "event_spool_dir",
];

/// Options that are never told, or told under another name below.
const LEFT_OUT: &[&str] = &[
    "proxy_configs",
    "output_logger_level",
    "tier",
    "environment",
];

/// Makes the copy.
#[must_use]
pub fn options_copy(settings: &Settings, hooks: &Hooks) -> Map<String, Value> {
    let mut copy = Map::new();
    let (Ok(Value::Object(ours)), Ok(Value::Object(defaults))) = (
        serde_json::to_value(settings),
        serde_json::to_value(Settings::default()),
    ) else {
        return copy;
    };
    for (key, value) in ours {
        if LEFT_OUT.contains(&key.as_str()) || defaults.get(&key) == Some(&value) {
            continue;
        }
        let value = match value {
            _ if ONLY_SET.contains(&key.as_str()) => Value::from("SET"),
            Value::String(text) => Value::from(redact(&text)),
            other => other,
        };
        let key = match key.as_str() {
            "idlists_thread_limit" => "idlist_threadpool_size".to_owned(),
            _ => key,
        };
        copy.insert(key, value);
    }
    if let Some(environment) = settings.effective_environment() {
        copy.insert("environment".to_owned(), Value::Object(environment));
    }
    for (key, is_set) in [
        ("data_store", hooks.data_store.is_some()),
        ("observability_client", hooks.metrics.is_some()),
        (
            "sdk_error_callback",
            (hooks.error.is_some() && !hooks.error_is_internal),
        ),
    ] {
        if is_set {
            copy.insert(key.to_owned(), Value::from("SET"));
        }
    }
    copy
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use serde_json::json;

    use super::*;

    #[test]
    fn only_differences_are_told_and_nothing_private() {
        assert!(options_copy(&Settings::default(), &Hooks::default()).is_empty());
        let (settings, _) = Settings::from_json(
            r#"{"api": "http://h/v1/secret-0123456789", "tier": "dev", "event_queue_size": 2,
                "bootstrap_values": "{}", "network_proxy": "http://u:p@h:1",
                "proxy_configs": {"all": {"protocol": "http", "proxy_address": "http://p"}}}"#,
        )
        .expect("options");
        let hooks = Hooks {
            error: Some(Arc::new(|_, _, _| {})),
            ..Hooks::default()
        };
        assert_eq!(
            Value::Object(options_copy(&settings, &hooks)),
            json!({"api": "http://h/v1/secret-01234*****", "event_queue_size": 2,
                   "bootstrap_values": "SET", "network_proxy": "SET",
                   "environment": {"tier": "dev"}, "sdk_error_callback": "SET"})
        );
    }
}
