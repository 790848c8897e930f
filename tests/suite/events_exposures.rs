//! What each kind of evaluation leaves on the server.

use std::sync::Arc;

use parking_lot::Mutex;
use serde_json::{Value, json};
use tidegate::client::Flags;
use tidegate::eval::Kind;
use tidegate::host::Hooks;
use tidegate::user::User;

use crate::support::events::*;

/// Checks one gate for one user; compares the answer and the only exposure.
#[track_caller]
fn gate_case(options: Value, user: &Arc<User>, name: &str, expected: (bool, Expected)) {
    let setup = Setup::new(options);
    assert_eq!(setup.gate(user, name), expected.0);
    assert_events(&setup.events(), [expected.1]);
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
fn a2_to_a5_and_a9_gates_that_do_not_pass() {
    let setup = Setup::new(json!({}));
    for name in ["g_off", "g_email", "nope", "g_unsup", "g_pct0"] {
        assert!(!setup.gate(&a(), name), "{name}");
    }
    assert_events(
        &setup.events(),
        [
            Expected::gate("g_off", false, "disabled"),
            Expected::gate("g_email", false, "default"),
            Expected::gate("nope", false, "").reason("Network:Unrecognized"),
            Expected::gate("g_unsup", false, "").reason("Network:Unsupported"),
            Expected::gate("g_pct0", false, "r_pct0"),
        ],
    );
}

/// The legacy SDK lets the version of a nested gate leak into the outer exposure; here it does not.
#[test]
fn a6_to_a8_nested_gates_are_secondary_exposures_without_their_version() {
    let setup = Setup::new(json!({}));
    assert!(setup.gate(&a(), "g_nested"));
    assert!(setup.gate(&a(), "g_many"));
    assert!(!setup.gate(&a(), "g_missing_dep"));
    assert_events(
        &setup.events(),
        [
            Expected::gate("g_nested", true, "r_nested").secondary(&["g_on:true:r_on"]),
            Expected::gate("g_many", true, "r_many").secondary(&[
                "g_on:true:r_on",
                "g_nested:true:r_nested",
                "g_off:false:disabled",
            ]),
            Expected::gate("g_missing_dep", false, "default").secondary(&["zzz:false:"]),
        ],
    );
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
fn a15_and_a16_the_tier_of_the_options_is_logged() {
    let expected = Expected::gate("g_env", true, "r_env")
        .user(json!({"userID": "a", "statsigEnvironment": {"tier": "development"}}));
    gate_case(
        json!({"tier": "development"}),
        &a(),
        "g_env",
        (true, expected),
    );
    let expected = Expected::gate("g_env", false, "default");
    gate_case(json!({}), &a(), "g_env", (false, expected));
}

#[test]
fn a17_and_a18_the_default_environment_gives_way_to_the_options() {
    let rules = json!({"default_environment": "development"});
    for (options, value, rule, tier) in [
        (json!({}), true, "r_env", "development"),
        (json!({"tier": "staging"}), false, "default", "staging"),
    ] {
        let setup = Setup::with_rules(options, rules.clone());
        assert_eq!(setup.gate(&a(), "g_env"), value);
        let person = json!({"userID": "a", "statsigEnvironment": {"tier": tier}});
        assert_events(
            &setup.events(),
            [Expected::gate("g_env", value, rule).user(person)],
        );
    }
}

/// The user's own environment goes before the default one; only its tier is logged. An environment
/// without a tier is not logged (the legacy SDK loses such events).
#[test]
fn a18_the_environment_of_the_user() {
    let rules = json!({"default_environment": "development"});
    let setup = Setup::with_rules(json!({}), rules);
    let own = json!({"tier": "qa", "foo": "bar"});
    setup.gate(
        &user(json!({"userID": "a", "statsigEnvironment": own})),
        "g_on",
    );
    let person = json!({"userID": "a", "statsigEnvironment": {"tier": "qa"}});
    let expected = || Expected::gate("g_on", true, "r_on").version("7");
    assert_events(&setup.events(), [expected().user(person)]);

    let without_tier = json!({"environment": {"region": "eu"}});
    gate_case(without_tier, &a(), "g_on", (true, expected()));
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
    let expected = Expected::gate("g_on", true, "r_on")
        .version("7")
        .user(logged);
    gate_case(
        json!({"tier": "qa"}),
        &user(person),
        "g_on",
        (true, expected),
    );
}

#[test]
fn a20_a_user_with_a_custom_id_only() {
    let person = json!({"customIDs": {"companyID": "c1"}});
    let expected = Expected::gate("g_on", true, "r_on")
        .version("7")
        .user(person.clone());
    gate_case(json!({}), &user(person), "g_on", (true, expected));
}

#[test]
fn a21_and_b7_an_empty_name_leaves_nothing_but_calls_back() {
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
    assert!(!setup.gate(&a(), ""));
    let config = setup.config(&a(), "");
    assert_eq!((config.rule_id(), config.value_json()), ("", "{}"));
    let called: Vec<_> = called.lock().drain(..).collect();
    assert_eq!(called.len(), 2);
    assert_eq!(
        (&called[0]["name"], &called[0]["value"]),
        (&json!(""), &json!(false))
    );
    assert_events(&setup.events(), []);
}

#[test]
fn a22_nobody_is_no_user() {
    assert!(User::from_json("null").is_err());
    assert!(User::from_json("{}").is_err());
}

#[test]
fn b1_to_b4_configs() {
    let setup = Setup::new(json!({}));
    for (user, name, value) in [
        (ax(), "c_one", Some(7)),
        (a(), "c_one", Some(1)),
        (a(), "c_off", Some(0)),
        (a(), "nope", None),
    ] {
        assert_eq!(setup.config(&user, name).get_i64("num"), value, "{name}");
    }
    let with_email = json!({"userID": "a", "email": "q@x.com"});
    assert_events(
        &setup.events(),
        [
            Expected::config("c_one", true, "r_c1")
                .version("5")
                .user(with_email),
            Expected::config("c_one", false, "default").version("5"),
            Expected::config("c_off", false, "disabled"),
            Expected::config("nope", false, "").reason("Network:Unrecognized"),
        ],
    );
}

#[test]
fn b5_and_b6_an_experiment_is_exposed_as_a_config_once() {
    let setup = Setup::new(json!({}));
    let experiment = setup.get(Kind::Experiment, &ax(), "exp_a");
    let value: Value = serde_json::from_str(experiment.value_json()).expect("JSON");
    assert_eq!(value, json!({"p_exp": "exp_val", "p_shared": 2}));
    assert_eq!(setup.config(&ax(), "exp_a").rule_id(), "r_exp");
    let with_email = json!({"userID": "a", "email": "q@x.com"});
    assert_events(
        &setup.events(),
        [Expected::config("exp_a", true, "r_exp")
            .version("9")
            .user(with_email)],
    );
}

fn layer_a(parameter: &str, explicit_in: Option<&str>) -> Expected {
    Expected::layer("layer_a", parameter, "r_exp", explicit_in)
        .version("9")
        .secondary(&["g_on:true:r_on"])
        .user(json!({"userID": "a", "email": "q@x.com"}))
}

#[test]
fn l1_and_l2_a_layer_is_exposed_by_the_parameters_read() {
    let setup = Setup::new(json!({}));
    let layer = setup.layer(&ax(), "layer_a");
    assert_events(&setup.events(), []);
    assert_eq!(layer.get_str("p_exp"), Some("exp_val"));
    assert_eq!(layer.get_i64("p_shared"), Some(2));
    assert_eq!(layer.get_str("p_exp"), Some("exp_val"));
    assert_eq!(layer.get_str("missing"), None);
    assert_events(
        &setup.events(),
        [layer_a("p_exp", Some("exp_a")), layer_a("p_shared", None)],
    );
}

#[test]
fn l3_null_is_not_exposed_but_other_empty_values_are() {
    let setup = Setup::new(json!({}));
    let layer = setup.layer(&a(), "layer_un");
    assert_eq!(layer.get_i64("an_int"), Some(99));
    assert_eq!(layer.get_str("nul"), None);
    assert_eq!(layer.get_i64("zero"), Some(0));
    assert_eq!(layer.get_bool("no"), Some(false));
    let exposed = |parameter| Expected::layer("layer_un", parameter, "default", None);
    assert_events(&setup.events(), ["an_int", "zero", "no"].map(exposed));
}

/// A whole number read as a float is a number to a typed getter, so it is exposed, too; the legacy
/// SDK compares Python types.
#[test]
fn l4_a_read_of_another_type_is_not_exposed() {
    let setup = Setup::new(json!({}));
    let layer = setup.layer(&a(), "layer_un");
    assert_eq!(layer.get_str("an_int"), None);
    assert_eq!(layer.get_i64("f"), None);
    assert_eq!(layer.get_i64("an_int"), Some(99));
    assert_eq!(layer.get_json("arr").as_deref(), Some("[]"));
    assert_eq!(layer.get_bool("nul"), None);
    let exposed = |parameter| Expected::layer("layer_un", parameter, "default", None);
    assert_events(&setup.events(), ["an_int", "arr"].map(exposed));
}

#[test]
fn l5_to_l7_reads_that_are_not_exposed() {
    let setup = Setup::new(json!({}));
    assert_eq!(setup.layer(&a(), "nope").get_str("x"), None);
    let quiet = setup.quiet(Kind::Layer, &ax(), "layer_a");
    assert_eq!(quiet.get_str("p_exp"), Some("exp_val"));
    let whole = setup.layer(&ax(), "layer_a");
    assert!(whole.value_json().contains("exp_val"));
    assert_events(&setup.events(), []);
}

#[test]
fn m1_to_m4_manual_exposures() {
    let setup = Setup::new(json!({}));
    setup.manual(Kind::Gate, &a(), "g_on", None);
    setup.manual(Kind::Config, &ax(), "c_one", None);
    setup.manual(Kind::Experiment, &ax(), "exp_a", None);
    setup.manual(Kind::Layer, &ax(), "layer_a", Some("p_exp"));
    setup.manual(Kind::Layer, &ax(), "layer_a", Some("zzz"));
    setup.manual(Kind::Gate, &a(), "nope", None);
    setup.manual(Kind::Layer, &a(), "nope", Some("p"));
    let with_email = || json!({"userID": "a", "email": "q@x.com"});
    let unknown = "Network:Unrecognized";
    let expected = [
        Expected::gate("g_on", true, "r_on").version("7"),
        Expected::config("c_one", true, "r_c1")
            .version("5")
            .user(with_email()),
        Expected::config("exp_a", true, "r_exp")
            .version("9")
            .user(with_email()),
        layer_a("p_exp", Some("exp_a")),
        layer_a("zzz", None),
        Expected::gate("nope", false, "").reason(unknown),
        Expected::layer("nope", "p", "", None).reason(unknown),
    ];
    assert_events(&setup.events(), expected.map(Expected::manual));
}

#[test]
fn m5_the_exposure_of_a_result_is_logged_later() {
    let setup = Setup::new(json!({}));
    let config = setup.quiet(Kind::Config, &ax(), "c_one");
    assert_events(&setup.events(), []);
    setup
        .client
        .log_exposure_for_result(&config, None)
        .expect("logged");
    let expected = Expected::config("c_one", true, "r_c1")
        .version("5")
        .user(json!({"userID": "a", "email": "q@x.com"}));
    assert_events(&setup.events(), [expected.manual()]);
}

#[test]
fn m6_and_m7_manual_and_automatic_exposures_suppress_each_other() {
    let on = || Expected::gate("g_on", true, "r_on").version("7");
    let setup = Setup::new(json!({}));
    setup.gate(&a(), "g_on");
    setup.manual(Kind::Gate, &a(), "g_on", None);
    assert_events(&setup.events(), [on()]);

    let setup = Setup::new(json!({}));
    setup.manual(Kind::Gate, &a(), "g_on", None);
    setup.gate(&a(), "g_on");
    assert_events(&setup.events(), [on().manual()]);
}

#[test]
fn d1_attributes_do_not_make_a_user_another() {
    let setup = Setup::new(json!({}));
    let first = json!({"userID": "a", "email": "1@y.com"});
    setup.gate(&user(first.clone()), "g_on");
    setup.gate(&user(json!({"userID": "a", "email": "2@y.com"})), "g_on");
    assert_events(
        &setup.events(),
        [Expected::gate("g_on", true, "r_on")
            .version("7")
            .user(first)],
    );
}

#[test]
fn d2_values_and_order_of_custom_ids_count_their_names_do_not() {
    let setup = Setup::new(json!({}));
    let people = [
        r#"{"userID":"a","customIDs":{"x":"1","y":"2"}}"#,
        r#"{"userID":"a","customIDs":{"y":"1","x":"2"}}"#,
        r#"{"userID":"a","customIDs":{"x":"2","y":"1"}}"#,
    ];
    for person in people {
        setup.gate(&Arc::new(User::from_json(person).expect("a user")), "g_on");
    }
    let logged = |ids| json!({"userID": "a", "customIDs": ids});
    let on = || Expected::gate("g_on", true, "r_on").version("7");
    assert_events(
        &setup.events(),
        [
            on().user(logged(json!({"x": "1", "y": "2"}))),
            on().user(logged(json!({"x": "2", "y": "1"}))),
        ],
    );
}

#[test]
fn d3_another_value_is_another_exposure() {
    let setup = Setup::new(json!({}));
    for user in [a(), ax(), a()] {
        setup.gate(&user, "g_email");
    }
    let with_email = json!({"userID": "a", "email": "q@x.com"});
    assert_events(
        &setup.events(),
        [
            Expected::gate("g_email", false, "default"),
            Expected::gate("g_email", true, "r_email").user(with_email),
        ],
    );
}

#[test]
fn d4_a_check_without_exposure_leaves_no_trace() {
    let setup = Setup::new(json!({}));
    let flags = Flags::from_bits(Flags::NO_EXPOSURE).expect("a flag");
    setup.client.check_gate(&a(), "g_on", flags).expect("ready");
    setup.gate(&a(), "g_on");
    assert_events(
        &setup.events(),
        [Expected::gate("g_on", true, "r_on").version("7")],
    );
}

/// The legacy SDK forgets all exposures once it has 10,000; here a hundred thousand fit in a window.
#[test]
fn d6_ten_thousand_users_are_remembered() {
    let setup = Setup::new(json!({"retry_queue_size": 100}));
    for number in 0..=10_000 {
        setup.gate(&id(&number.to_string()), "g_on");
    }
    setup.gate(&id("0"), "g_on");
    setup.gate(&id("0"), "g_on");
    setup.gate(&id("new"), "g_on");
    let events = setup.events();
    let mut people: Vec<&str> = events
        .iter()
        .map(|event| event["user"]["userID"].as_str().expect("an id"))
        .collect();
    assert_eq!(people.len(), 10_002);
    people.sort_unstable();
    people.dedup();
    assert_eq!(people.len(), 10_002);
}

#[test]
fn d7_the_window_ends_after_a_minute() {
    let clock = Arc::new(tidegate::clock::ManualClock::new(RULES_TIME));
    let setup = Plan {
        options: json!({"threads": "none"}),
        clock: Some(Arc::clone(&clock)),
        ..Plan::default()
    }
    .start();
    for (advance_ms, exposures) in [
        (0, 1),
        (59_999, 1),
        (1, 2),
        (59_999, 2),
        (1, 3),
        (600_000, 4),
    ] {
        clock.advance(advance_ms);
        // Without a thread of ours, it is the next tick or the next new exposure that notices.
        setup.client.tick(0).expect("ticked");
        for _ in 0..2 {
            setup.gate(&a(), "g_on");
        }
        assert_eq!(setup.events().len(), exposures, "{advance_ms}");
    }
}

#[test]
fn o1_overrides_of_gates() {
    let setup = Setup::new(json!({}));
    let client = &setup.client;
    client
        .override_value(Kind::Gate, "g_off", "true", Some("a"))
        .expect("set");
    assert!(setup.gate(&a(), "g_off"));
    assert!(!setup.gate(&id("b"), "g_off"));
    client
        .override_value(Kind::Gate, "g_off", "true", None)
        .expect("set");
    assert!(setup.gate(&id("c"), "g_off"));
    let overridden = || Expected::gate("g_off", true, "override").reason("Network:LocalOverride");
    assert_events(
        &setup.events(),
        [
            overridden(),
            Expected::gate("g_off", false, "disabled").user(json!({"userID": "b"})),
            overridden().user(json!({"userID": "c"})),
        ],
    );
}

#[test]
fn o2_overrides_of_configs_layers_and_experiments() {
    let setup = Setup::new(json!({}));
    let client = &setup.client;
    client
        .override_value(Kind::Config, "c_one", r#"{"z":1}"#, None)
        .expect("set");
    client
        .override_value(Kind::Layer, "layer_a", r#"{"p_exp":"OV"}"#, None)
        .expect("set");
    client
        .override_value(Kind::Experiment, "exp_a", r#"{"k":2}"#, Some("cid1"))
        .expect("set");
    assert_eq!(setup.config(&a(), "c_one").get_i64("z"), Some(1));
    assert_eq!(setup.layer(&a(), "layer_a").get_str("p_exp"), Some("OV"));
    let q = json!({"userID": "q", "customIDs": {"k": "cid1"}});
    let experiment = setup.get(Kind::Experiment, &user(q.clone()), "exp_a");
    assert_eq!(experiment.get_i64("k"), Some(2));
    let reason = "Network:LocalOverride";
    assert_events(
        &setup.events(),
        [
            Expected::config("c_one", false, "override").reason(reason),
            Expected::layer("layer_a", "p_exp", "override", None).reason(reason),
            Expected::config("exp_a", false, "override")
                .reason(reason)
                .user(q),
        ],
    );
}

#[test]
fn o3_an_override_of_an_unknown_gate_comes_and_goes() {
    let setup = Setup::new(json!({}));
    setup
        .client
        .override_value(Kind::Gate, "zzz", "true", None)
        .expect("set");
    assert!(setup.gate(&a(), "zzz"));
    setup
        .client
        .remove_override(Kind::Gate, "zzz", None)
        .expect("removed");
    assert!(!setup.gate(&a(), "zzz"));
    assert_events(
        &setup.events(),
        [
            Expected::gate("zzz", true, "override").reason("Network:LocalOverride"),
            Expected::gate("zzz", false, "").reason("Network:Unrecognized"),
        ],
    );
}

/// In the legacy SDK the override for everybody beats the one for a custom id if the user has no
/// user id; here the more specific one wins always.
#[test]
fn o4_an_override_for_a_custom_id_goes_before_the_one_for_all() {
    let setup = Setup::new(json!({}));
    setup
        .client
        .override_value(Kind::Gate, "g_off", "true", Some("cid"))
        .expect("set");
    setup
        .client
        .override_value(Kind::Gate, "g_off", "false", None)
        .expect("set");
    for person in [
        json!({"customIDs": {"k": "cid"}}),
        json!({"userID": "zz", "customIDs": {"k": "cid"}}),
    ] {
        assert!(setup.gate(&user(person), "g_off"));
    }
}
