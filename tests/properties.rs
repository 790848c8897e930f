//! Properties of evaluation that hold for every input.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test fails by panicking"
)]

use std::cmp::Ordering;

use proptest::prelude::*;
use serde_json::{Map, Value, json};
use tidegate::client_init::{Identity, ResponseOptions, respond};
use tidegate::eval::explain::explain;
use tidegate::eval::trace::NoTrace;
use tidegate::eval::{Kind, Overrides, World, evaluate};
use tidegate::spec::id_list::IdLists;
use tidegate::store::{Snapshot, Source, Store};
use tidegate::user::User;

const KINDS: [Kind; 4] = [Kind::Gate, Kind::Config, Kind::Experiment, Kind::Layer];
const SECTIONS: &[(&str, Kind)] = &[
    ("feature_gates", Kind::Gate),
    ("dynamic_configs", Kind::Config),
    ("layer_configs", Kind::Layer),
];
const NOW_MS: i64 = 1_800_000_000_000;

fn with_world<R>(snapshot: &Snapshot, user: &User, ask: impl FnOnce(&World<'_>) -> R) -> R {
    let (lists, overrides, global) = (IdLists::default(), Overrides::default(), Map::new());
    ask(&World {
        specs: &snapshot.specs,
        id_lists: &lists,
        overrides: Some(&overrides),
        user,
        environment: None,
        global_custom_fields: &global,
        app_id: None,
        user_agent_enabled: true,
        country_enabled: true,
        now_ms: &|| NOW_MS,
    })
}

fn loaded(document: &Value) -> Option<std::sync::Arc<Snapshot>> {
    let store = Store::new("secret-key");
    store.apply(document.to_string(), Source::Network).ok()?;
    Some(store.load_full())
}

fn gate(snapshot: &Snapshot, user: &User, name: &str) -> bool {
    with_world(snapshot, user, |world| {
        evaluate(world, Kind::Gate, name, &mut NoTrace).value()
    })
}

/// Small JSON of every shape.
fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(|f| json!(f)),
        "[a-c.:0-9 -]{0,6}".prop_map(Value::from),
        ".{0,3}".prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 16, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec(("[a-c]{0,2}", inner), 0..4)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

/// `usual` most of the time, anything now and then.
fn mostly(usual: impl Strategy<Value = Value> + 'static) -> impl Strategy<Value = Value> {
    prop_oneof![9 => usual, 1 => any_json()]
}

fn text_of(names: &'static [&'static str]) -> impl Strategy<Value = Value> {
    mostly(prop::sample::select(names).prop_map(Value::from))
}

const TYPES: &[&str] = &[
    "public",
    "pass_gate",
    "fail_gate",
    "multi_pass_gate",
    "multi_fail_gate",
    "user_field",
    "ip_based",
    "ua_based",
    "environment_field",
    "current_time",
    "user_bucket",
    "unit_id",
    "target_app",
    "experiment_group",
    "unknown_type",
];
const OPERATORS: &[&str] = &[
    "gt",
    "gte",
    "lt",
    "lte",
    "version_gt",
    "version_lt",
    "version_eq",
    "version_neq",
    "any",
    "none",
    "any_case_sensitive",
    "none_case_sensitive",
    "str_starts_with_any",
    "str_ends_with_any",
    "str_contains_any",
    "str_contains_none",
    "str_matches",
    "eq",
    "neq",
    "before",
    "after",
    "on",
    "in_segment_list",
    "not_in_segment_list",
    "array_contains_any",
    "array_contains_none",
    "array_contains_all",
    "not_array_contains_all",
    "unknown_operator",
];
const NAMES: &[&str] = &["a", "b", "c", "segment:d", "e"];

fn condition() -> impl Strategy<Value = Value> {
    let target = prop_oneof![text_of(NAMES), any_json()];
    (
        text_of(TYPES),
        text_of(OPERATORS),
        text_of(&["a", "email", "ip", "os_name", "tier"]),
        target,
    )
        .prop_map(|(kind, operator, field, target)| {
            json!({"type": kind, "operator": operator, "field": field, "targetValue": target,
                   "additionalValues": {"salt": "s"}, "idType": "userID"})
        })
}

fn spec() -> impl Strategy<Value = Value> {
    let rule = (
        prop::collection::vec(condition(), 0..3),
        mostly((0.0..=100.0f64).prop_map(|p| json!(p))),
        prop_oneof![Just(Value::Null), text_of(NAMES)],
        any_json(),
    )
        .prop_map(|(conditions, percentage, delegate, value)| {
            json!({"id": "r", "salt": "rs", "passPercentage": percentage, "conditions": conditions,
                   "configDelegate": delegate, "returnValue": value, "idType": "userID"})
        });
    (
        text_of(NAMES),
        prop::collection::vec(rule, 0..3),
        mostly(any::<bool>().prop_map(Value::from)),
        any_json(),
    )
        .prop_map(|(name, rules, enabled, default)| {
            json!({"name": name, "salt": "ss", "enabled": enabled, "rules": rules,
                   "defaultValue": default, "entity": "experiment", "idType": "userID"})
        })
}

fn document() -> impl Strategy<Value = Value> {
    let specs = || mostly(prop::collection::vec(spec(), 0..5).prop_map(Value::from));
    let mapping = json!([{"new_config_name": "b", "rules": [{"rule_name": "m"}]}]);
    (
        specs(),
        specs(),
        specs(),
        mostly(Just(json!({"a": mapping}))),
        any_json(),
    )
        .prop_map(|(gates, configs, layers, overrides, other)| {
            json!({"has_updates": true, "time": 1, "feature_gates": gates,
                   "dynamic_configs": configs, "layer_configs": layers, "overrides": overrides,
                   "override_rules": {"m": {"id": "m", "passPercentage": 100}},
                   "diagnostics": other, "session_replay_info": other})
        })
}

fn user_json() -> impl Strategy<Value = Value> {
    (any_json(), any_json(), any_json()).prop_map(|(custom, email, ip)| {
        json!({"userID": "u", "email": email, "ip": ip, "custom": {"a": custom.clone()},
               "privateAttributes": {"b": custom}, "customIDs": {"companyID": "c"}})
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn no_document_and_no_user_makes_it_panic(document in document(), user in user_json()) {
        if let (Some(snapshot), Ok(user)) = (loaded(&document), User::from_json(&user.to_string())) {
            with_world(&snapshot, &user, |world| {
                for kind in KINDS {
                    for name in NAMES {
                        let evaluation = evaluate(world, kind, name, &mut NoTrace);
                        let explained = explain(world, &snapshot, kind, name, false);
                        assert_eq!(explained.evaluation.value(), evaluation.value());
                        assert_eq!(explained.evaluation.rule_id(&snapshot), evaluation.rule_id(&snapshot));
                    }
                }
                let identity = Identity { sdk_type: "t", sdk_version: "1" };
                let options = ResponseOptions::from_json(r#"{"hash": "none"}"#).expect("options");
                let response = respond(world, &options, &identity, 0.5);
                let response: Value = serde_json::from_slice(&response).expect("JSON");
                for (section, kind) in SECTIONS {
                    for (name, entry) in response[section].as_object().into_iter().flatten() {
                        let alone = evaluate(world, *kind, name, &mut NoTrace);
                        assert_eq!(entry["rule_id"], alone.rule_id(&snapshot), "{name}");
                        let value = if *kind == Kind::Gate { "value" } else { "passed" };
                        assert_eq!(entry[value], alone.value(), "{name}");
                    }
                }
            });
        }
    }

    #[test]
    fn any_text_is_refused_or_read(text in ".{0,60}") {
        let _ = User::from_json(&text);
        let _ = tidegate::options::Settings::from_json(&text);
        let _ = Overrides::from_json(&text);
        let _ = Store::new("k").apply(text, Source::Network);
    }

    #[test]
    fn compiling_is_deterministic_also_over_updates(first in document(), second in document(), user in user_json()) {
        let mut later = second.clone();
        later["time"] = json!(2);
        let fresh = loaded(&later);
        let store = Store::new("secret-key");
        let _ = store.apply(first.to_string(), Source::Network);
        let updated = store.apply(later.to_string(), Source::Network).is_ok();
        prop_assert_eq!(updated, fresh.is_some());
        if let (Some(fresh), Ok(user)) = (fresh, User::from_json(&user.to_string())) {
            let reused = store.load_full();
            let answers = |snapshot: &Snapshot| with_world(snapshot, &user, |world| {
                let mut answers = Vec::new();
                for kind in KINDS {
                    for name in NAMES {
                        let evaluation = evaluate(world, kind, name, &mut NoTrace);
                        let nested: Vec<_> = evaluation
                            .secondary(snapshot)
                            .map(|gate| (gate.gate.to_owned(), gate.value, gate.rule_id.to_owned()))
                            .collect();
                        answers.push((evaluation.value(), evaluation.rule_id(snapshot).to_owned(),
                                      evaluation.object(snapshot).text().to_owned(), nested));
                    }
                }
                answers
            });
            prop_assert_eq!(answers(&fresh), answers(&reused));
        }
    }
}

#[test]
fn a_spec_is_not_taken_over_by_its_text_where_it_has_no_name() {
    let store = Store::new("secret-key");
    for (time, gates) in [
        (1, json!({"a": {"enabled": true}})),
        (2, json!([{"enabled": true}])),
    ] {
        let document = json!({"has_updates": true, "time": time, "feature_gates": [],
                              "dynamic_configs": gates, "layer_configs": []});
        store
            .apply(document.to_string(), Source::Network)
            .expect("a ruleset");
        assert_eq!(store.load().specs.configs.get("a").is_some(), time == 1);
    }
}

/// How `left` compares with `right`, asked through gates; `None` if they cannot be compared.
fn compare_versions(left: &str, right: &str) -> Option<Ordering> {
    let rule = |operator: &str| {
        json!({"name": operator, "salt": "", "enabled": true, "defaultValue": false, "idType": "userID",
               "rules": [{"id": "r", "passPercentage": 100, "returnValue": true, "conditions": [
                   {"type": "user_field", "operator": operator, "field": "v", "targetValue": right}]}]})
    };
    let operators = ["version_lt", "version_eq", "version_gt"];
    let gates: Vec<Value> = operators.iter().map(|operator| rule(operator)).collect();
    let snapshot = loaded(&json!({"time": 1, "feature_gates": gates})).expect("specs");
    let user = json!({"userID": "u", "custom": {"v": left}}).to_string();
    let user = User::from_json(&user).expect("user");
    let answers = operators.map(|operator| gate(&snapshot, &user, operator));
    match answers {
        [true, false, false] => Some(Ordering::Less),
        [false, true, false] => Some(Ordering::Equal),
        [false, false, true] => Some(Ordering::Greater),
        [false, false, false] => None,
        _ => panic!("{left} and {right} compare in two ways: {answers:?}"),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    #[test]
    fn versions_are_a_total_preorder(
        a in "[0-3](\\.[0-3]){0,3}(-b)?", b in "[0-3](\\.[0-3]){0,3}", c in "[0-3](\\.[0-3]){0,3}"
    ) {
        let (ab, bc, ac) = (compare_versions(&a, &b), compare_versions(&b, &c), compare_versions(&a, &c));
        prop_assert!(ab.is_some());
        prop_assert_eq!(ab, compare_versions(&b, &a).map(Ordering::reverse));
        if ab != Some(Ordering::Greater) && bc != Some(Ordering::Greater) {
            prop_assert_ne!(ac, Some(Ordering::Greater), "{} {} {}", a, b, c);
        }
    }
}

#[test]
fn percentages_split_users_as_they_say() {
    for percentage in [0.0, 0.5, 1.0, 25.0, 50.0, 99.0, 100.0] {
        let snapshot = loaded(&json!({"time": 1, "feature_gates": [{
            "name": "g", "salt": format!("spec {percentage}"), "enabled": true, "defaultValue": false,
            "rules": [{"id": "r", "salt": "rule", "passPercentage": percentage, "returnValue": true,
                       "conditions": [{"type": "public"}], "idType": "userID"}]}]}))
        .expect("specs");
        let users = 100_000;
        let passed = (0..users)
            .filter(|n| {
                let user = User::from_json(&format!(r#"{{"userID":"user-{n}"}}"#)).expect("user");
                gate(&snapshot, &user, "g")
            })
            .count();
        let share = f64::from(u32::try_from(passed).expect("small")) / f64::from(users) * 100.0;
        // Four standard deviations of a share of 100,000 draws.
        let tolerance = 4.0 * (percentage * (100.0 - percentage) / f64::from(users)).sqrt();
        assert!(
            (share - percentage).abs() <= tolerance,
            "{percentage} %: {share} %"
        );
    }
}

#[test]
fn patterns_that_would_explode_give_up() {
    let snapshot = loaded(&json!({"time": 1, "feature_gates": [{
        "name": "g", "salt": "", "enabled": true, "defaultValue": false,
        "rules": [{"id": "r", "passPercentage": 100, "returnValue": true, "conditions": [
            {"type": "user_field", "operator": "str_matches", "field": "f",
             "targetValue": "^(?=(a+)+$)(a|a)*\\1b$"}]}]}]}))
    .expect("specs");
    let user = json!({"userID": "u", "custom": {"f": "a".repeat(5000)}}).to_string();
    let user = User::from_json(&user).expect("user");
    assert!(!gate(&snapshot, &user, "g"));
}
