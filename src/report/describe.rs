//! The effective options as an operator may see them: complete, without secrets.

use serde_json::{Value, json};

use super::redact;
use crate::options::Settings;

/// Options whose text is long or private: only its length is told.
const ONLY_LENGTH: &[&str] = &["bootstrap_values", "ca_pem"];

/// Every option with its value, and the names of the callbacks that are set.
#[must_use]
pub fn describe_options(settings: &Settings, callbacks: &[&str]) -> Value {
    let mut options = serde_json::to_value(settings).unwrap_or_default();
    if let Value::Object(members) = &mut options {
        for (key, value) in members.iter_mut() {
            match value {
                Value::String(text) if ONLY_LENGTH.contains(&key.as_str()) => {
                    *text = format!("<{} bytes>", text.len());
                }
                value => mask(value),
            }
        }
        members.insert("callbacks".to_owned(), json!(callbacks));
    }
    options
}

/// Masks secret keys and the passwords in URLs, at any depth.
fn mask(value: &mut Value) {
    match value {
        Value::String(text) => *text = without_password(&redact(text)),
        Value::Array(items) => items.iter_mut().for_each(mask),
        Value::Object(members) => members.values_mut().for_each(mask),
        _ => {}
    }
}

/// `scheme://user:password@host` without the password.
fn without_password(text: &str) -> String {
    let masked = text.split_once("://").and_then(|(scheme, rest)| {
        let authority = rest.split(['/', '?', '#']).next()?;
        let (login, _) = authority.rsplit_once('@')?;
        let (user, _) = login.split_once(':')?;
        let after = rest.get(login.len()..)?;
        Some(format!("{scheme}://{user}:*****{after}"))
    });
    masked.unwrap_or_else(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_masked_and_defaults_are_told() {
        let (settings, _) = Settings::from_json(
            r#"{"network_proxy": "http://ann:p%40ss@proxy:3128/x?y=a@b", "ca_pem": "PEM",
                "service_name": "secret-abcdefgh12345",
                "proxy_configs": {"all": {"protocol": "http",
                    "proxy_address": "http://bob:pw@host"}}}"#,
        )
        .expect("options");
        let described = describe_options(&settings, &["metrics"]);
        let text = described.to_string();
        for secret in ["p%40ss", "pw@", "PEM", "abcdefgh12345"] {
            assert!(!text.contains(secret), "{secret} in {text}");
        }
        assert_eq!(
            described["network_proxy"],
            "http://ann:*****@proxy:3128/x?y=a@b"
        );
        assert_eq!(described["ca_pem"], "<3 bytes>");
        assert_eq!(described["event_queue_size"], 500);
        assert_eq!(described["callbacks"], json!(["metrics"]));
    }
}
