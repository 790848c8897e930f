//! Which exposures are left out because the ruleset asks for a sample.

use serde_json::{Value, json};

use crate::support::c_events::*;

/// The names of the users that the cases are about, in order.
fn people() -> Vec<String> {
    let numbered = (0..20).map(|number| format!("user{number}"));
    std::iter::once("first".to_owned())
        .chain(numbered)
        .collect()
}

fn sampled(options: Value, configs: Value) -> Setup {
    Setup::with_rules(options, json!({"sdk_configs": configs}))
}

/// User and sampling metadata of each exposure received.
fn received(setup: &Setup) -> Vec<(String, Value)> {
    let events = setup.events();
    let part = |event: &Value| {
        let user = event["user"]["userID"].as_str().expect("an id").to_owned();
        (user, event["statsigMetadata"].clone())
    };
    events.iter().map(part).collect()
}

#[track_caller]
fn assert_received(setup: &Setup, expected: &[(&str, Value)]) {
    let expected: Vec<(String, Value)> = expected
        .iter()
        .map(|(user, metadata)| ((*user).to_owned(), metadata.clone()))
        .collect();
    assert_eq!(received(setup), expected);
}

fn hit(mode: &str, rate: u64) -> Value {
    json!({"samplingMode": mode, "samplingRate": rate, "shadowLogged": "logged"})
}

fn check(setup: &Setup, gate: &str, people: &[&str]) {
    for name in people {
        setup.gate(&id(name), gate);
    }
}

fn check_all(setup: &Setup, gate: &str) {
    for name in people() {
        setup.gate(&id(&name), gate);
    }
}

/// Everybody's exposure of the gate is logged, with nothing but the mode in its metadata.
#[track_caller]
fn all_are_logged(options: Value, configs: Value, gate: &str) {
    let mode = configs["sampling_mode"].clone();
    let setup = sampled(options, configs);
    check_all(&setup, gate);
    let with_mode = |name| (name, json!({"samplingMode": mode}));
    let expected: Vec<_> = people().into_iter().map(with_mode).collect();
    assert_eq!(received(&setup), expected);
}

fn on() -> Value {
    json!({"sampling_mode": "on"})
}

fn special(rate: u32) -> Value {
    json!({"sampling_mode": "on", "special_case_sampling_rate": rate})
}

fn first() -> (&'static str, Value) {
    ("first", json!({"samplingMode": "on"}))
}

#[test]
fn s1_mode_on_keeps_the_sample() {
    let setup = sampled(json!({}), json!({"sampling_mode": "on"}));
    check_all(&setup, "g_sampled");
    assert_received(
        &setup,
        &[
            ("first", json!({"samplingMode": "on"})),
            ("user12", hit("on", 10)),
            ("user19", hit("on", 10)),
        ],
    );
    assert_eq!(setup.stats()["sampled_out"], 18);
}

#[test]
fn s2_mode_shadow_keeps_all_and_tells() {
    let setup = sampled(json!({}), json!({"sampling_mode": "shadow"}));
    check(&setup, "g_sampled", &["first", "user1", "user12"]);
    let missed = json!({"samplingMode": "shadow", "samplingRate": 10, "shadowLogged": "dropped"});
    assert_received(
        &setup,
        &[
            ("first", json!({"samplingMode": "shadow"})),
            ("user1", missed),
            ("user12", hit("shadow", 10)),
        ],
    );
}

#[test]
fn s3_mode_none_keeps_all() {
    all_are_logged(json!({}), json!({"sampling_mode": "none"}), "g_sampled");
}

#[test]
fn s4_nothing_is_sampled_outside_of_production() {
    all_are_logged(json!({"tier": "development"}), on(), "g_sampled");
}

#[test]
fn s5_the_default_environment_does_not_turn_sampling_off() {
    let rules = json!({"sdk_configs": on(), "default_environment": "development"});
    let setup = Setup::with_rules(json!({}), rules);
    check(&setup, "g_sampled", &["first", "user0", "user1"]);
    assert_received(&setup, &[first()]);
}

#[test]
fn s6_a_gate_that_forwards_all() {
    all_are_logged(json!({}), on(), "g_fwd");
}

#[test]
fn s7_a_gate_that_depends_on_an_analytical_one() {
    all_are_logged(json!({}), on(), "g_analytic");
}

#[test]
fn s8_the_special_rate_is_for_what_matched_no_rule() {
    let setup = sampled(json!({}), special(5));
    check_all(&setup, "g_email");
    assert_received(
        &setup,
        &[
            first(),
            ("user6", hit("on", 5)),
            ("user12", hit("on", 5)),
            ("user14", hit("on", 5)),
        ],
    );
}

#[test]
fn s9_without_a_special_rate_what_matched_no_rule_is_logged() {
    all_are_logged(json!({}), on(), "g_email");
}

#[test]
fn s10_the_special_rate_of_an_unknown_gate() {
    let setup = sampled(json!({}), special(3));
    let people = ["first", "user0", "user1", "user2", "user3", "user4"];
    check(&setup, "nope", &people);
    assert_received(&setup, &[first(), ("user0", hit("on", 3))]);
}

#[test]
fn s11_configs() {
    let setup = sampled(json!({}), on());
    for name in people() {
        setup.config(&id(&name), "c_sampled");
    }
    assert_received(&setup, &[first(), ("user16", hit("on", 10))]);
}

#[test]
fn s12_parameters_of_a_layer() {
    let setup = sampled(json!({}), on());
    for name in people() {
        let layer = setup.layer(&id(&name), "layer_s");
        assert_eq!(layer.get_i64("p"), Some(1));
    }
    let expected = || Expected::layer("layer_s", "p", "r_exp_s", Some("exp_s"));
    assert_events(
        &setup.events(),
        [
            expected()
                .user(json!({"userID": "first"}))
                .sampling(on_only()),
            expected()
                .user(json!({"userID": "user5"}))
                .sampling(hit("on", 10)),
        ],
    );
}

fn on_only() -> Value {
    json!({"samplingMode": "on"})
}

#[test]
fn s13_the_special_rate_of_a_layer_without_rules() {
    let setup = sampled(json!({}), special(5));
    for name in people() {
        let layer = setup.layer(&id(&name), "layer_un");
        assert_eq!(layer.get_i64("an_int"), Some(99));
    }
    let sample = ["user0", "user8", "user11", "user12"].map(|name| (name, hit("on", 5)));
    let expected: Vec<_> = std::iter::once(first()).chain(sample).collect();
    assert_received(&setup, &expected);
}

/// As in the newer release of the legacy SDK: rules named as overrides are sampled like others.
#[test]
fn s14_override_rules_are_sampled() {
    let setup = sampled(json!({}), on());
    check(&setup, "g_override_rule", &["first", "user1"]);
    assert_received(&setup, &[first()]);
}

#[test]
fn s15_a_mode_that_nobody_knows_keeps_all() {
    all_are_logged(json!({}), json!({"sampling_mode": "weird"}), "g_sampled");
}

#[test]
fn s16_overrides_are_logged() {
    let setup = sampled(json!({}), special(2));
    setup
        .client
        .override_value(Kind::Gate, "g_on", "true", None)
        .expect("set");
    check_all(&setup, "g_on");
    let events = setup.events();
    assert_eq!(events.len(), 21);
    assert!(events.iter().all(|event| {
        event["metadata"]["ruleID"] == "override" && event["statsigMetadata"] == on_only()
    }));
}

#[test]
fn s17_repeated_exposures_are_one() {
    let setup = sampled(json!({}), json!({"sampling_mode": "shadow"}));
    check(&setup, "g_sampled", &["a"; 3]);
    assert_received(&setup, &[("a", json!({"samplingMode": "shadow"}))]);
}

#[test]
fn s18_a_special_rate_of_zero_keeps_all() {
    all_are_logged(json!({}), special(0), "g_email");
}

#[test]
fn s19_manual_exposures_are_sampled_too() {
    let setup = sampled(json!({}), on());
    for name in people() {
        setup.manual(Kind::Gate, &id(&name), "g_sampled", None);
    }
    let sample = [
        ("first", on_only()),
        ("user12", hit("on", 10)),
        ("user19", hit("on", 10)),
    ];
    let exposure = |(name, sampling): (&str, Value)| {
        Expected::gate("g_sampled", true, "r_sampled")
            .user(json!({"userID": name}))
            .sampling(sampling)
            .manual()
    };
    assert_events(&setup.events(), sample.map(exposure));
}

/// The server's settings are those of one client; the legacy SDK shares them.
#[test]
fn clients_sample_by_their_own_rules() {
    let (first, second) = (sampled(json!({}), on()), Setup::new(json!({})));
    check(&first, "g_sampled", &["first", "user1"]);
    check(&second, "g_sampled", &["first", "user1"]);
    assert_eq!(first.events().len(), 1);
    assert_eq!(second.events().len(), 2);
}
