//! What an account shows and what it keeps to itself.

use serde_json::{Map, Value, json};

use super::explain;
use crate::eval::{Kind, World};
use crate::store::{Source, Store};
use crate::user::User;

const IPHONE: &str = "Mozilla/5.0 (iPhone; CPU iPhone OS 15_6_1 like Mac OS X) \
    AppleWebKit/605.1.15 (KHTML, like Gecko) Version/15.6.1 Mobile/15E148 Safari/604.1";

/// A gate of one rule with these conditions, explained.
fn account(conditions: &Value, user: &Value, with_private: bool) -> Value {
    let specs = json!({"time": 1, "feature_gates": [{
        "name": "g", "entity": "feature_gate", "salt": "s", "enabled": true, "defaultValue": false,
        "idType": "userID", "rules": [{"id": "r", "groupName": "everyone", "passPercentage": 0.5,
            "returnValue": true, "idType": "userID", "conditions": conditions}]}]});
    let store = Store::new("secret-key");
    store.apply(specs.to_string(), Source::Bootstrap).unwrap();
    let snapshot = store.load_full();
    let user = User::from_json(&user.to_string()).unwrap();
    let world = World {
        specs: &snapshot.specs,
        id_lists: &snapshot.id_lists,
        overrides: None,
        user: &user,
        environment: None,
        global_custom_fields: &Map::new(),
        app_id: None,
        user_agent_enabled: true,
        country_enabled: true,
        now_ms: &|| 1_800_000_000_000,
    };
    let explained = explain(&world, &snapshot, Kind::Gate, "g", with_private);
    serde_json::from_str(&explained.json).unwrap()
}

/// The values that the account shows, in the order of the conditions.
fn shown(fields: &[(&str, &str)], user: &Value, with_private: bool) -> Value {
    let conditions: Vec<Value> = fields
        .iter()
        .map(|(kind, field)| {
            json!({"type": kind, "field": field, "operator": "any", "targetValue": ["x"]})
        })
        .collect();
    let account = account(&json!(conditions), user, with_private);
    let conditions = account["steps"][0]["rules"][0]["conditions"]
        .as_array()
        .unwrap();
    conditions
        .iter()
        .map(|condition| condition["value"].clone())
        .collect()
}

const FIELDS: &[(&str, &str)] = &[
    ("user_field", "email"),
    ("user_field", "pin"),
    ("user_field", "nothing"),
    ("ua_based", "os_name"),
    ("ip_based", "country"),
];

#[test]
fn values_are_shown_unless_they_are_private() {
    let public = json!({"userID": "u", "email": "a@x.com", "ip": "24.18.183.148",
        "userAgent": IPHONE, "custom": {"pin": 5}});
    assert_eq!(
        shown(FIELDS, &public, false),
        json!(["a@x.com", 5, null, "iOS", "US"])
    );
    let private = json!({"userID": "u", "privateAttributes": {"email": "a@x.com",
        "ip": "24.18.183.148", "userAgent": IPHONE, "pin": 5}});
    let masked = "(private)";
    assert_eq!(
        shown(FIELDS, &private, false),
        json!([masked, masked, null, masked, masked])
    );
    assert_eq!(
        shown(FIELDS, &private, true),
        json!(["a@x.com", 5, null, "iOS", "US"])
    );
}

#[test]
fn private_values_do_not_hide_the_public_ones_that_count() {
    let both = json!({"userID": "u", "email": "a@x.com", "country": "NZ",
        "privateAttributes": {"email": "secret", "country": "secret", "ip": "24.18.183.148"}});
    assert_eq!(
        shown(FIELDS, &both, false),
        json!(["a@x.com", null, null, null, "NZ"])
    );
}

#[test]
fn nothing_private_is_in_the_text() {
    let user = json!({"userID": "u", "privateAttributes": {"pin": "hunter2"}});
    let conditions = json!([
        {"type": "user_field", "field": "pin", "operator": "any", "targetValue": ["x"]},
        {"type": "user_field", "field": "pin", "operator": "str_matches", "targetValue": "2"}]);
    assert!(
        !account(&conditions, &user, false)
            .to_string()
            .contains("hunter2")
    );
    assert!(
        account(&conditions, &user, true)
            .to_string()
            .contains("hunter2")
    );
}

#[test]
fn one_glance_tells_rule_group_and_roll() {
    let account = account(&json!([{"type": "public"}]), &json!({"userID": "u"}), false);
    let bucket = account["steps"][0]["rules"][0]["roll"]["bucket"]
        .as_u64()
        .unwrap();
    assert_eq!(
        account["why"],
        format!(
            "rule r (everyone) matched, but its roll did not pass: bucket {bucket} is not below 50"
        )
    );
    let text = account["text"].as_str().unwrap();
    assert!(text.contains("0.5 % pass: not passed"), "{text}");
}
