//! Which exposures are left out because the ruleset asks for a sample.

use std::sync::Arc;

use serde_json::{Value, json};
use tidegate::eval::Kind;
use tidegate::user::User;

use crate::support::events::*;

/// `first`, then `user0` to `user19`.
fn people() -> Vec<Arc<User>> {
    let numbered = (0..20).map(|number| id(&format!("user{number}")));
    std::iter::once(id("first")).chain(numbered).collect()
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

fn check_all(setup: &Setup, gate: &str) {
    for user in people() {
        setup.gate(&user, gate);
    }
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
    for name in ["first", "user1", "user12"] {
        setup.gate(&id(name), "g_sampled");
    }
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

/// Mode, options, gate, and further rules of the ruleset: everything is logged.
#[test]
fn s3_s4_s6_s7_s9_s15_s16_s18_cases_in_which_all_are_logged() {
    for (name, options, configs, gate) in [
        (
            "s3",
            json!({}),
            json!({"sampling_mode": "none"}),
            "g_sampled",
        ),
        (
            "s4",
            json!({"tier": "development"}),
            json!({"sampling_mode": "on"}),
            "g_sampled",
        ),
        ("s6", json!({}), json!({"sampling_mode": "on"}), "g_fwd"),
        (
            "s7",
            json!({}),
            json!({"sampling_mode": "on"}),
            "g_analytic",
        ),
        ("s9", json!({}), json!({"sampling_mode": "on"}), "g_email"),
        (
            "s15",
            json!({}),
            json!({"sampling_mode": "weird"}),
            "g_sampled",
        ),
        (
            "s18",
            json!({}),
            json!({"sampling_mode": "on", "special_case_sampling_rate": 0}),
            "g_email",
        ),
    ] {
        let mode = configs["sampling_mode"].clone();
        let setup = sampled(options, configs);
        check_all(&setup, gate);
        let expected: Vec<_> = people()
            .iter()
            .map(|user| {
                (
                    user.user_id().expect("an id").to_owned(),
                    json!({"samplingMode": mode}),
                )
            })
            .collect();
        assert_eq!(received(&setup), expected, "{name}");
    }

    let configs = json!({"sampling_mode": "on", "special_case_sampling_rate": 2});
    let setup = sampled(json!({}), configs);
    setup
        .client
        .override_value(Kind::Gate, "g_on", "true", None)
        .expect("set");
    check_all(&setup, "g_on");
    assert_eq!(received(&setup).len(), 21, "s16");
}

#[test]
fn s5_the_default_environment_does_not_turn_sampling_off() {
    let rules =
        json!({"sdk_configs": {"sampling_mode": "on"}, "default_environment": "development"});
    let setup = Setup::with_rules(json!({}), rules);
    for name in ["first", "user0", "user1"] {
        setup.gate(&id(name), "g_sampled");
    }
    assert_received(&setup, &[("first", json!({"samplingMode": "on"}))]);
}

#[test]
fn s8_and_s10_the_special_rate_is_for_what_matched_no_rule() {
    let configs = json!({"sampling_mode": "on", "special_case_sampling_rate": 5});
    let setup = sampled(json!({}), configs);
    check_all(&setup, "g_email");
    assert_received(
        &setup,
        &[
            ("first", json!({"samplingMode": "on"})),
            ("user6", hit("on", 5)),
            ("user12", hit("on", 5)),
            ("user14", hit("on", 5)),
        ],
    );

    let configs = json!({"sampling_mode": "on", "special_case_sampling_rate": 3});
    let setup = sampled(json!({}), configs);
    for name in ["first", "user0", "user1", "user2", "user3", "user4"] {
        setup.gate(&id(name), "nope");
    }
    assert_received(
        &setup,
        &[
            ("first", json!({"samplingMode": "on"})),
            ("user0", hit("on", 3)),
        ],
    );
}

#[test]
fn s11_to_s13_configs_and_layers() {
    let setup = sampled(json!({}), json!({"sampling_mode": "on"}));
    for user in people() {
        setup.config(&user, "c_sampled");
    }
    assert_received(
        &setup,
        &[
            ("first", json!({"samplingMode": "on"})),
            ("user16", hit("on", 10)),
        ],
    );

    let setup = sampled(json!({}), json!({"sampling_mode": "on"}));
    for user in people() {
        assert_eq!(setup.layer(&user, "layer_s").get_i64("p"), Some(1));
    }
    let events = setup.events();
    assert_eq!(events.len(), 2);
    let expected = Expected::layer("layer_s", "p", "r_exp_s", Some("exp_s"))
        .user(json!({"userID": "user5"}))
        .sampling(hit("on", 10));
    assert_events(&events[1..], [expected]);

    let configs = json!({"sampling_mode": "on", "special_case_sampling_rate": 5});
    let setup = sampled(json!({}), configs);
    for user in people() {
        assert_eq!(setup.layer(&user, "layer_un").get_i64("an_int"), Some(99));
    }
    let users: Vec<_> = received(&setup).into_iter().map(|(user, _)| user).collect();
    assert_eq!(users, ["first", "user0", "user8", "user11", "user12"]);
}

/// As in the newer release of the legacy SDK: rules named as overrides are sampled like others.
#[test]
fn s14_override_rules_are_sampled() {
    let setup = sampled(json!({}), json!({"sampling_mode": "on"}));
    for name in ["first", "user1"] {
        setup.gate(&id(name), "g_override_rule");
    }
    assert_received(&setup, &[("first", json!({"samplingMode": "on"}))]);
}

#[test]
fn s17_repeated_exposures_are_one() {
    let setup = sampled(json!({}), json!({"sampling_mode": "shadow"}));
    for _ in 0..3 {
        setup.gate(&a(), "g_sampled");
    }
    assert_received(&setup, &[("a", json!({"samplingMode": "shadow"}))]);
}

#[test]
fn s19_manual_exposures_are_sampled_too() {
    let setup = sampled(json!({}), json!({"sampling_mode": "on"}));
    for user in people() {
        setup.manual(Kind::Gate, &user, "g_sampled", None);
    }
    let events = setup.events();
    let users: Vec<_> = events
        .iter()
        .map(|event| event["user"]["userID"].clone())
        .collect();
    assert_eq!(users, ["first", "user12", "user19"]);
    assert!(
        events
            .iter()
            .all(|event| event["metadata"]["isManualExposure"] == "true")
    );
}
