//! Received events as lines for a person to read.

use serde_json::Value;

/// Metadata that says when rather than what: left out, so that two runs print the same.
const TIMES: [&str; 3] = ["configSyncTime", "initTime", "serverTime"];

/// Diagnostics carry kilobytes of timings in one member.
const MAX_FIELD_CHARS: usize = 80;

/// Name, user, value and the metadata that tells something, on one line.
pub(crate) fn event(event: &Value) -> String {
    let name = event.get("eventName").map(plain).unwrap_or_default();
    let mut line = format!("event {name:<26} user={}", user(event));
    if let Some(value) = event.get("value").filter(|value| !value.is_null()) {
        line += &field("value", &plain(value));
    }
    let metadata = event.get("metadata").and_then(Value::as_object);
    for (key, value) in metadata.into_iter().flatten() {
        if !TIMES.contains(&key.as_str()) {
            line += &field(&printable(key), &plain(value));
        }
    }
    let secondary = event.get("secondaryExposures").and_then(Value::as_array);
    let via: Vec<String> = secondary
        .into_iter()
        .flatten()
        .filter_map(|exposure| exposure.get("gate").map(plain))
        .collect();
    if !via.is_empty() {
        line += &field("via", &via.join(","));
    }
    line.push('\n');
    line
}

fn field(name: &str, text: &str) -> String {
    match text.char_indices().nth(MAX_FIELD_CHARS) {
        Some((end, _)) => format!(" {name}={}...", text.get(..end).unwrap_or_default()),
        None => format!(" {name}={text}"),
    }
}

fn user(event: &Value) -> String {
    let user = event.get("user");
    let id = user
        .and_then(|user| user.get("userID"))
        .filter(|id| !id.is_null());
    if let Some(id) = id {
        return plain(id);
    }
    let custom = user
        .and_then(|user| user.get("customIDs"))
        .and_then(Value::as_object)
        .and_then(|ids| ids.iter().next());
    match custom {
        Some((kind, id)) => format!("{}:{}", printable(kind), plain(id)),
        None => "-".to_owned(),
    }
}

/// Text as it is where that stays one word on one line, JSON otherwise.
fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => printable(text),
        other => other.to_string(),
    }
}

fn printable(text: &str) -> String {
    let is_word = !text.is_empty() && !text.chars().any(|c| c.is_whitespace() || c.is_control());
    if is_word {
        text.to_owned()
    } else {
        Value::from(text).to_string()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_exposure_is_one_line_without_times() {
        let line = event(&json!({
            "user": {"userID": "alice"},
            "eventName": "statsig::gate_exposure",
            "metadata": {"gate": "new_checkout", "gateValue": "true", "initTime": 7},
            "secondaryExposures": [{"gate": "holdout_2026", "gateValue": "false", "ruleID": "r"}],
            "time": 5,
        }));
        assert_eq!(
            line,
            "event statsig::gate_exposure     user=alice gate=new_checkout gateValue=true \
             via=holdout_2026\n"
        );
    }

    #[test]
    fn text_that_would_break_the_line_is_quoted() {
        let line = event(&json!({
            "user": {"customIDs": {"companyID": "a\nb"}},
            "eventName": "purchase",
            "value": "two words",
            "metadata": null,
        }));
        assert_eq!(
            line,
            "event purchase                   user=companyID:\"a\\nb\" value=\"two words\"\n"
        );
        let line = event(&json!({"metadata": {"markers": "x".repeat(5000)}}));
        assert!(line.len() < 200, "{line}");
        assert_eq!(event(&json!(5)), format!("event {:<26} user=-\n", ""));
    }
}
