//! Manual exposures, and which exposures are the same.

use serde_json::{Value, json};

use crate::support::c_events::*;

fn on() -> Expected {
    Expected::gate("g_on", true, "r_on").version("7")
}

fn with_email() -> Value {
    json!({"userID": "a", "email": "q@x.com"})
}

#[test]
fn m1_of_a_gate() {
    let setup = Setup::new(json!({}));
    setup.manual(Kind::Gate, &a(), "g_on", None);
    assert_events(&setup.events(), [on().manual()]);
}

#[test]
fn m2_of_a_config_and_an_experiment() {
    let setup = Setup::new(json!({}));
    setup.manual(Kind::Config, &ax(), "c_one", None);
    setup.manual(Kind::Experiment, &ax(), "exp_a", None);
    let expected = [
        Expected::config("c_one", true, "r_c1").version("5"),
        Expected::config("exp_a", true, "r_exp").version("9"),
    ];
    assert_events(
        &setup.events(),
        expected.map(|expected| expected.user(with_email()).manual()),
    );
}

#[test]
fn m3_of_parameters_of_a_layer() {
    let setup = Setup::new(json!({}));
    setup.manual(Kind::Layer, &ax(), "layer_a", Some("p_exp"));
    setup.manual(Kind::Layer, &ax(), "layer_a", Some("zzz"));
    let expected = [("p_exp", Some("exp_a")), ("zzz", None)].map(|(parameter, explicit_in)| {
        Expected::layer("layer_a", parameter, "r_exp", explicit_in)
            .version("9")
            .secondary(&["g_on:true:r_on"])
            .user(with_email())
            .manual()
    });
    assert_events(&setup.events(), expected);
}

#[test]
fn m4_of_unknown_names() {
    let setup = Setup::new(json!({}));
    setup.manual(Kind::Gate, &a(), "nope", None);
    setup.manual(Kind::Layer, &a(), "nope", Some("p"));
    let expected = [
        Expected::gate("nope", false, ""),
        Expected::layer("nope", "p", "", None),
    ];
    assert_events(
        &setup.events(),
        expected.map(|expected| expected.reason("Network:Unrecognized").manual()),
    );
}

/// The legacy SDK exposes an unrecognized gate without a name, and wants no parameter of a layer.
#[test]
fn manual_exposures_of_nothing_are_refused() {
    let setup = Setup::new(json!({}));
    let client = &setup.client;
    for (kind, name, parameter) in [
        (Kind::Gate, "", None),
        (Kind::Layer, "layer_a", None),
        (Kind::Layer, "layer_a", Some("")),
    ] {
        let error = client.log_exposure(&a(), kind, name, parameter);
        assert!(error.is_err(), "{kind:?} {name} {parameter:?}");
    }
    assert_events(&setup.events(), []);
}

#[test]
fn m5_of_a_result_that_was_kept() {
    let setup = Setup::new(json!({}));
    let config = setup.quiet(Kind::Config, &ax(), "c_one");
    let layer = setup.quiet(Kind::Layer, &ax(), "layer_a");
    assert_events(&setup.events(), []);
    // What is exposed is what was evaluated, whatever the rules say by now.
    let overrides = setup
        .client
        .override_value(Kind::Config, "c_one", "{}", None);
    overrides.expect("set");
    let client = &setup.client;
    client
        .log_exposure_for_result(&config, None)
        .expect("logged");
    client
        .log_exposure_for_result(&layer, Some("p_exp"))
        .expect("logged");
    assert!(client.log_exposure_for_result(&layer, None).is_err());
    let expected = [
        Expected::config("c_one", true, "r_c1").version("5"),
        Expected::layer("layer_a", "p_exp", "r_exp", Some("exp_a"))
            .version("9")
            .secondary(&["g_on:true:r_on"]),
    ];
    assert_events(
        &setup.events(),
        expected.map(|expected| expected.user(with_email()).manual()),
    );
}

#[test]
fn m6_an_automatic_exposure_suppresses_a_manual_one() {
    let setup = Setup::new(json!({}));
    setup.gate(&a(), "g_on");
    setup.manual(Kind::Gate, &a(), "g_on", None);
    assert_events(&setup.events(), [on()]);
}

#[test]
fn m7_a_manual_exposure_suppresses_an_automatic_one() {
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
    assert_events(&setup.events(), [on().user(first)]);
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
        setup.gate(&Person::from_json(person).expect("a user"), "g_on");
    }
    let logged = |ids| json!({"userID": "a", "customIDs": ids});
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
    assert_events(
        &setup.events(),
        [
            Expected::gate("g_email", false, "default"),
            Expected::gate("g_email", true, "r_email").user(with_email()),
        ],
    );
}

#[test]
fn d4_a_check_without_exposure_leaves_no_trace() {
    let setup = Setup::new(json!({}));
    let unexposed = setup.client.check_gate(&a(), "g_on", NO_EXPOSURE);
    assert_eq!(unexposed, Ok(true));
    setup.gate(&a(), "g_on");
    assert_events(&setup.events(), [on()]);
}

#[test]
fn d5_equal_events_are_two_events() {
    let setup = Setup::new(json!({}));
    for _ in 0..2 {
        let logged = setup.client.log_event(&a(), "e", Default::default(), None);
        logged.expect("accepted");
    }
    let event = json!({"user": {"userID": "a"}, "eventName": "e"});
    assert_eq!(setup.events(), [event.clone(), event]);
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
    let Manual { setup, clock } = Manual::new(json!({}), json!({}));
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
