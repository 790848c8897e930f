//! What the conformance cases cannot reach: the options of a response.

use serde_json::{Value, json};

use super::{Identity, ResponseOptions, respond};
use crate::eval::overrides::Overrides;
use crate::eval::trace::NoTrace;
use crate::eval::{Kind, MAX_DEPTH, Reason, World, evaluate};
use crate::store::{Snapshot, Source, Store};
use crate::user::User;

/// A server key of app `own`, a client key of app `other`, and a gate for each value a condition
/// on the app can see. All gates belong to both apps.
const SPECS: &str = r#"{
  "has_updates": true, "time": 1, "app_id": "own", "sdk_keys_to_app_ids": {"client-other": "other"},
  "dynamic_configs": [], "layer_configs": [],
  "feature_gates": [
    {"name": "own", "type": "feature_gate", "entity": "feature_gate", "salt": "", "enabled": true,
     "defaultValue": false, "idType": "userID", "targetAppIDs": ["own", "other"], "rules": [
       {"id": "r", "passPercentage": 100, "returnValue": true, "idType": "userID",
        "conditions": [{"type": "target_app", "operator": "eq", "targetValue": "own"}]}]},
    {"name": "other", "type": "feature_gate", "entity": "feature_gate", "salt": "", "enabled": true,
     "defaultValue": false, "idType": "userID", "targetAppIDs": ["own", "other"], "rules": [
       {"id": "r", "passPercentage": 100, "returnValue": true, "idType": "userID",
        "conditions": [{"type": "target_app", "operator": "eq", "targetValue": "other"}]}]},
    {"name": "none", "type": "feature_gate", "entity": "feature_gate", "salt": "", "enabled": true,
     "defaultValue": false, "idType": "userID", "targetAppIDs": ["own", "other"], "rules": [
       {"id": "r", "passPercentage": 100, "returnValue": true, "idType": "userID",
        "conditions": [{"type": "target_app", "operator": "eq", "targetValue": null}]}]}
  ]
}"#;

/// Asks `ask` about a user of `specs`.
fn with_world<R>(specs: &str, ask: impl FnOnce(&World<'_>, &Snapshot) -> R) -> R {
    let store = Store::new("secret-key");
    store.apply(specs.to_owned(), Source::Bootstrap).unwrap();
    let snapshot = store.load_full();
    let user = User::from_json(r#"{"userID": "u"}"#).unwrap();
    let world = World {
        specs: &snapshot.specs,
        id_lists: &snapshot.id_lists,
        overrides: None,
        user: &user,
        environment: None,
        global_custom_fields: &serde_json::Map::new(),
        app_id: snapshot.specs.app_id.as_deref(),
        user_agent_enabled: false,
        country_enabled: false,
        now_ms: &|| 0,
    };
    ask(&world, &snapshot)
}

fn response(world: &World<'_>, options: &str) -> Value {
    let identity = Identity {
        sdk_type: "test",
        sdk_version: "0",
    };
    let options = ResponseOptions::from_json(options).unwrap();
    serde_json::from_slice(&respond(world, &options, &identity, 0.5)).unwrap()
}

/// The gates that pass in a response with `options`.
fn passing(options: &str) -> Vec<String> {
    let response = with_world(SPECS, |world, _| response(world, options));
    let gates = response["feature_gates"].as_object().unwrap();
    gates
        .iter()
        .filter(|(_, gate)| gate["value"] == true)
        .map(|(name, _)| name.clone())
        .collect()
}

#[test]
fn conditions_see_the_app_of_the_client_key_and_none_for_an_unknown_key() {
    assert_eq!(passing(r#"{"hash": "none"}"#), ["own"]);
    assert_eq!(
        passing(r#"{"hash": "none", "client_sdk_key": "client-other"}"#),
        ["other"]
    );
    assert_eq!(
        passing(r#"{"hash": "none", "client_sdk_key": "client-unknown"}"#),
        ["none"]
    );
}

#[test]
fn a_target_app_filters_without_being_seen_by_conditions() {
    assert_eq!(
        passing(r#"{"hash": "none", "target_app_id": "other"}"#),
        ["own"]
    );
    assert_eq!(
        passing(r#"{"hash": "none", "target_app_id": "nobody"}"#),
        [""; 0]
    );
    // Of both, the target app filters and the key is seen.
    assert_eq!(
        passing(r#"{"hash": "none", "target_app_id": "own", "client_sdk_key": "client-other"}"#),
        ["other"]
    );
}

#[test]
fn an_override_of_an_experiment_does_not_reach_the_layer_that_delegates_to_it() {
    let rule = json!({"id": "all", "passPercentage": 100, "conditions": [], "groupName": "Control",
                      "isExperimentGroup": true, "returnValue": {"color": "red"}});
    let delegates = json!({"id": "to", "passPercentage": 100, "conditions": [], "returnValue": {},
                           "configDelegate": "experiment"});
    let spec = |name: &str, entity: &str, rule: &Value| {
        json!({"name": name, "type": "dynamic_config", "entity": entity, "salt": "",
               "enabled": true, "isActive": true, "defaultValue": {}, "idType": "userID",
               "rules": [rule]})
    };
    let specs = json!({"has_updates": true, "time": 1, "feature_gates": [],
                       "dynamic_configs": [spec("experiment", "experiment", &rule)],
                       "layer_configs": [spec("layer", "layer", &delegates)]});
    with_world(&specs.to_string(), |world, _| {
        let options = r#"{"hash": "none", "include_local_overrides": true}"#;
        let untouched = response(world, options);
        let layer = &untouched["layer_configs"]["layer"];
        assert_eq!(layer["allocated_experiment_name"], "experiment");
        assert_eq!(layer["is_user_in_experiment"], true);
        assert_eq!(layer["group_name"], "Control");

        let mut overrides = Overrides::default();
        overrides
            .set(Kind::Experiment, "experiment", r#"{"color": "blue"}"#, "")
            .unwrap();
        let overridden = World {
            overrides: Some(&overrides),
            ..*world
        };
        let response = response(&overridden, options);
        assert_eq!(response["layer_configs"]["layer"], *layer);
        let experiment = &response["dynamic_configs"]["experiment"];
        assert_eq!(experiment["value"], json!({"color": "blue"}));
        assert_eq!(experiment["is_user_in_experiment"], false);
    });
}

/// Gates of which each needs the one before, ten more than may be nested, and two in a circle.
fn deep_gates() -> Vec<Value> {
    let gate = |name: String, needs: Option<String>| {
        let conditions = match needs {
            Some(needs) => json!([{"type": "pass_gate", "targetValue": needs}]),
            None => json!([]),
        };
        json!({"name": name, "entity": "feature_gate", "salt": "", "enabled": true,
               "defaultValue": false, "idType": "userID", "rules": [
                   {"id": "r", "passPercentage": 100, "returnValue": true, "conditions": conditions}]})
    };
    let chain = (0..MAX_DEPTH + 10).map(|at| {
        gate(
            format!("g{at}"),
            at.checked_sub(1).map(|below| format!("g{below}")),
        )
    });
    let circle = [("a", "b"), ("b", "a")];
    let circle = circle.map(|(name, needs)| gate(name.to_owned(), Some(needs.to_owned())));
    chain.chain(circle).collect()
}

#[test]
fn what_is_remembered_is_not_deeper_or_less_deep_than_asked_alone() {
    let mut reversed = deep_gates();
    reversed.reverse();
    for gates in [deep_gates(), reversed] {
        let specs = json!({"has_updates": true, "time": 1, "feature_gates": gates});
        with_world(&specs.to_string(), |world, snapshot| {
            let response = response(world, r#"{"hash": "none"}"#);
            let mut too_deep = 0;
            for (name, entry) in response["feature_gates"].as_object().unwrap() {
                let alone = evaluate(world, Kind::Gate, name, &mut NoTrace);
                assert_eq!(entry["value"], alone.value(), "{name}");
                assert_eq!(entry["rule_id"], alone.rule_id(snapshot), "{name}");
                too_deep += u32::from(alone.reason() == Reason::Error);
            }
            assert_eq!(too_deep, 12);
        });
    }
}
