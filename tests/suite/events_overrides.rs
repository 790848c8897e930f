//! What overrides leave on the server.

use serde_json::json;

use crate::support::c_events::*;

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
    assert_eq!(
        setup.layer(&a(), "layer_a").get_str("p_exp").as_deref(),
        Some("OV")
    );
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
