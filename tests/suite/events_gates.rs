//! What gate checks leave on the server.

use std::sync::Arc;

use parking_lot::Mutex;
use serde_json::{Value, json};
use tidegate::host::Hooks;

use crate::support::c_events::*;

/// Checks one gate for one user; compares the answer and the only exposure.
#[track_caller]
fn gate_case(options: Value, user: &Person, name: &str, expected: (bool, Expected)) {
    let setup = Setup::new(options);
    assert_eq!(setup.gate(user, name), expected.0);
    assert_events(&setup.events(), [expected.1]);
}

/// A gate that user "a" does not pass, without options.
#[track_caller]
fn closed(name: &str, expected: Expected) {
    gate_case(json!({}), &a(), name, (false, expected));
}

fn on() -> Expected {
    Expected::gate("g_on", true, "r_on").version("7")
}

#[test]
fn a1_repeated_checks_leave_one_exposure() {
    let setup = Setup::new(json!({}));
    for _ in 0..3 {
        assert!(setup.gate(&a(), "g_on"));
    }
    assert_events(
        &setup.events(),
        [Expected::gate("g_on", true, "r_on").version("7")],
    );
}

#[test]
fn a2_a_disabled_gate() {
    closed("g_off", Expected::gate("g_off", false, "disabled"));
}

#[test]
fn a3_a_gate_without_a_matching_rule() {
    closed("g_email", Expected::gate("g_email", false, "default"));
}

#[test]
fn a4_an_unknown_gate() {
    let expected = Expected::gate("nope", false, "").reason("Network:Unrecognized");
    closed("nope", expected);
}

#[test]
fn a5_a_gate_that_cannot_be_evaluated() {
    let expected = Expected::gate("g_unsup", false, "").reason("Network:Unsupported");
    closed("g_unsup", expected);
}

/// The legacy SDK lets the version of a nested gate leak into the outer exposure; here it does not.
#[test]
fn a6_a_nested_gate_is_a_secondary_exposure_without_its_version() {
    let expected = Expected::gate("g_nested", true, "r_nested").secondary(&["g_on:true:r_on"]);
    gate_case(json!({}), &a(), "g_nested", (true, expected));
}

#[test]
fn a7_nested_gates_are_told_once_each_and_segments_are_not() {
    let expected = Expected::gate("g_many", true, "r_many").secondary(&[
        "g_on:true:r_on",
        "g_nested:true:r_nested",
        "g_off:false:disabled",
    ]);
    gate_case(json!({}), &a(), "g_many", (true, expected));
}

#[test]
fn a8_a_nested_gate_that_does_not_exist() {
    let expected = Expected::gate("g_missing_dep", false, "default").secondary(&["zzz:false:"]);
    closed("g_missing_dep", expected);
}

#[test]
fn a9_a_rule_whose_percentage_leaves_the_user_out() {
    closed("g_pct0", Expected::gate("g_pct0", false, "r_pct0"));
}

/// The legacy SDK fails on the comparison and logs rule and reason `error`; here text that is no
/// number does not compare, and the gate goes on to its default.
#[test]
fn a10_a_value_of_the_wrong_type_does_not_match() {
    let person = json!({"userID": "a", "custom": {"n": "abc"}});
    let expected = Expected::gate("g_err", false, "default").user(person.clone());
    gate_case(json!({}), &user(person), "g_err", (false, expected));
}

#[test]
fn a11_a_missing_user_agent_parser_is_the_reason() {
    let person = json!({"userID": "a", "userAgent": "Mozilla/5.0 Chrome/100"});
    let expected = Expected::gate("g_ua", false, "default")
        .reason("UAParserNotLoaded")
        .user(person.clone());
    gate_case(
        json!({"disable_ua_parser": true}),
        &user(person),
        "g_ua",
        (false, expected),
    );
}

#[test]
fn a12_a_mapped_gate_keeps_its_name_and_tells_the_other() {
    let setup = Setup::new(json!({}));
    assert!(setup.gate(&ax(), "g_old"));
    assert!(!setup.gate(&a(), "g_old"));
    assert_events(
        &setup.events(),
        [
            Expected::gate("g_old", true, "r_new")
                .version("2")
                .meta("overrideConfigName", "g_new")
                .user(json!({"userID": "a", "email": "q@x.com"})),
            Expected::gate("g_old", false, "default"),
        ],
    );
}

#[test]
fn a13_private_attributes_decide_but_are_not_logged() {
    let person = json!({"userID": "a", "privateAttributes": {"secret": "s3"}});
    let expected = Expected::gate("g_priv", true, "r_priv");
    gate_case(json!({}), &user(person), "g_priv", (true, expected));
}

#[test]
fn a14_global_fields_decide_but_are_not_logged() {
    let setup = Setup::new(json!({"global_custom_fields": {"plan": "pro"}}));
    let free = json!({"userID": "b", "custom": {"plan": "free"}});
    assert!(setup.gate(&a(), "g_custom"));
    assert!(!setup.gate(&user(free.clone()), "g_custom"));
    assert_events(
        &setup.events(),
        [
            Expected::gate("g_custom", true, "r_custom"),
            Expected::gate("g_custom", false, "default").user(free),
        ],
    );
}

#[test]
fn a15_the_tier_of_the_options_is_logged() {
    let expected = Expected::gate("g_env", true, "r_env")
        .user(json!({"userID": "a", "statsigEnvironment": {"tier": "development"}}));
    let options = json!({"tier": "development"});
    gate_case(options, &a(), "g_env", (true, expected));
}

#[test]
fn a16_without_a_tier_none_is_logged() {
    closed("g_env", Expected::gate("g_env", false, "default"));
}

/// Rules with a default environment, and the options.
#[track_caller]
fn environment_case(options: Value, (value, rule): (bool, &str), tier: &str) {
    let setup = Setup::with_rules(options, json!({"default_environment": "development"}));
    assert_eq!(setup.gate(&a(), "g_env"), value);
    let person = json!({"userID": "a", "statsigEnvironment": {"tier": tier}});
    assert_events(
        &setup.events(),
        [Expected::gate("g_env", value, rule).user(person)],
    );
}

#[test]
fn a17_the_default_environment_of_the_rules() {
    environment_case(json!({}), (true, "r_env"), "development");
}

#[test]
fn a18_the_default_environment_gives_way_to_the_options() {
    let options = json!({"tier": "staging"});
    environment_case(options, (false, "default"), "staging");
}

/// The user's own environment goes before the default one; only its tier is logged. An environment
/// without a tier is not logged (the legacy SDK loses such events).
#[test]
fn the_environment_of_the_user() {
    let rules = json!({"default_environment": "development"});
    let setup = Setup::with_rules(json!({}), rules);
    let own = json!({"tier": "qa", "foo": "bar"});
    setup.gate(
        &user(json!({"userID": "a", "statsigEnvironment": own})),
        "g_on",
    );
    let person = json!({"userID": "a", "statsigEnvironment": {"tier": "qa"}});
    assert_events(&setup.events(), [on().user(person)]);

    let without_tier = json!({"environment": {"region": "eu"}});
    gate_case(without_tier, &a(), "g_on", (true, on()));
}

#[test]
fn a19_all_fields_of_a_user() {
    let person = json!({
        "userID": 5, "email": "e", "ip": "i", "userAgent": "ua", "country": "c", "locale": "l",
        "appVersion": "1", "custom": {"k": [1]}, "privateAttributes": {"p": 1},
        "customIDs": {"companyID": 42},
    });
    let logged = json!({
        "userID": "5", "email": "e", "ip": "i", "userAgent": "ua", "country": "c", "locale": "l",
        "appVersion": "1", "custom": {"k": [1]}, "statsigEnvironment": {"tier": "qa"},
        "customIDs": {"companyID": "42"},
    });
    let expected = on().user(logged);
    gate_case(
        json!({"tier": "qa"}),
        &user(person),
        "g_on",
        (true, expected),
    );
}

#[test]
fn a_user_whose_id_is_zero() {
    let expected = on().user(json!({"userID": "0"}));
    let zero = user(json!({"userID": 0}));
    gate_case(json!({}), &zero, "g_on", (true, expected));
}

#[test]
fn a20_a_user_with_a_custom_id_only() {
    let person = json!({"customIDs": {"companyID": "c1"}});
    let expected = on().user(person.clone());
    gate_case(json!({}), &user(person), "g_on", (true, expected));
}

/// A setup that keeps what its evaluation callback is given.
fn called_back() -> (Setup, Arc<Mutex<Vec<Value>>>) {
    let called = Arc::new(Mutex::new(Vec::new()));
    let calls = Arc::clone(&called);
    let setup = Plan {
        hooks: Hooks {
            evaluation: Some(Arc::new(move |result: &str| {
                let result: Value = serde_json::from_str(result).expect("JSON");
                calls.lock().push(result);
            })),
            ..Hooks::default()
        },
        ..Plan::default()
    }
    .start();
    (setup, called)
}

#[test]
fn a21_an_empty_name_leaves_nothing_but_calls_back() {
    let (setup, called) = called_back();
    assert!(!setup.gate(&a(), ""));
    let called: Vec<_> = called.lock().drain(..).collect();
    assert_eq!(called.len(), 1);
    for (member, value) in [
        ("kind", json!("gate")),
        ("name", json!("")),
        ("value", json!(false)),
        ("rule_id", json!("")),
    ] {
        assert_eq!(called[0][member], value, "{member}");
    }
    assert_events(&setup.events(), []);
}

/// Once for each check and get, whatever becomes of the exposure; never for the rest.
#[test]
fn the_evaluation_callback_hears_of_checks_and_gets_only() {
    let (setup, called) = called_back();
    setup.gate(&a(), "g_on");
    setup.gate(&a(), "g_on");
    setup.quiet(Kind::Config, &a(), "c_one");
    let layer = setup.layer(&ax(), "layer_a");
    layer.get_str("p_exp");
    setup.manual(Kind::Gate, &a(), "g_off", None);
    let logged = setup.client.log_event(&a(), "e", Default::default(), None);
    logged.expect("accepted");
    let called = called.lock();
    let told: Vec<_> = called
        .iter()
        .map(|result| (result["kind"].as_str(), result["name"].as_str()))
        .collect();
    assert_eq!(
        told,
        [
            (Some("gate"), Some("g_on")),
            (Some("gate"), Some("g_on")),
            (Some("config"), Some("c_one")),
            (Some("layer"), Some("layer_a")),
        ]
    );
}

#[test]
fn a22_nobody_is_no_user() {
    for json in ["null", "{}", "", r#"{"userID":""}"#, r#"{"customIDs":{}}"#] {
        let error = Person::from_json(json).err().expect("refused");
        assert!(error.status < 0 && !error.message.is_empty(), "{json}");
    }
    let setup = Setup::new(json!({}));
    let nobody = setup.client.log_event_json(r#"{"event_name":"e"}"#);
    assert!(nobody.is_err());
    assert_events(&setup.events(), []);
}
