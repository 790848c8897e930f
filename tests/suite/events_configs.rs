//! What configs, experiments and layers leave on the server.

use serde_json::{Value, json};

use crate::support::c_events::*;

fn with_email() -> Value {
    json!({"userID": "a", "email": "q@x.com"})
}

/// Reads a number of one config for one user; compares it and the only exposure.
#[track_caller]
fn config_case(user: &Person, name: &str, expected: (Option<i64>, Expected)) {
    let setup = Setup::new(json!({}));
    assert_eq!(setup.config(user, name).get_i64("num"), expected.0);
    assert_events(&setup.events(), [expected.1]);
}

#[test]
fn b1_a_config_whose_rule_passes() {
    let expected = Expected::config("c_one", true, "r_c1").version("5");
    config_case(&ax(), "c_one", (Some(7), expected.user(with_email())));
}

#[test]
fn b2_a_config_without_a_matching_rule() {
    let expected = Expected::config("c_one", false, "default").version("5");
    config_case(&a(), "c_one", (Some(1), expected));
}

#[test]
fn b3_a_disabled_config() {
    let expected = Expected::config("c_off", false, "disabled");
    config_case(&a(), "c_off", (Some(0), expected));
}

#[test]
fn b4_an_unknown_config() {
    let expected = Expected::config("nope", false, "").reason("Network:Unrecognized");
    config_case(&a(), "nope", (None, expected));
    let setup = Setup::new(json!({}));
    assert_eq!(setup.config(&a(), "nope").value_json(), "{}");
}

#[test]
fn b5_an_experiment_is_exposed_as_a_config() {
    let setup = Setup::new(json!({}));
    let experiment = setup.get(Kind::Experiment, &ax(), "exp_a");
    let value: Value = serde_json::from_str(&experiment.value_json()).expect("JSON");
    assert_eq!(value, json!({"p_exp": "exp_val", "p_shared": 2}));
    let expected = Expected::config("exp_a", true, "r_exp").version("9");
    assert_events(&setup.events(), [expected.user(with_email())]);
}

#[test]
fn b6_config_and_experiment_of_a_name_are_one_exposure() {
    let setup = Setup::new(json!({}));
    assert_eq!(setup.config(&ax(), "exp_a").rule_id(), "r_exp");
    let experiment = setup.get(Kind::Experiment, &ax(), "exp_a");
    assert_eq!(experiment.rule_id(), "r_exp");
    let expected = Expected::config("exp_a", true, "r_exp").version("9");
    assert_events(&setup.events(), [expected.user(with_email())]);
}

#[test]
fn b7_an_empty_name() {
    let setup = Setup::new(json!({}));
    let config = setup.config(&a(), "");
    assert_eq!((&*config.rule_id(), &*config.value_json()), ("", "{}"));
    assert_events(&setup.events(), []);
}

fn layer_a(parameter: &str, explicit_in: Option<&str>) -> Expected {
    Expected::layer("layer_a", parameter, "r_exp", explicit_in)
        .version("9")
        .secondary(&["g_on:true:r_on"])
        .user(with_email())
}

#[test]
fn l1_getting_a_layer_is_no_exposure() {
    let setup = Setup::new(json!({}));
    setup.layer(&ax(), "layer_a");
    assert_events(&setup.events(), []);
}

#[test]
fn l2_a_layer_is_exposed_by_the_parameters_read() {
    let setup = Setup::new(json!({}));
    let layer = setup.layer(&ax(), "layer_a");
    assert_eq!(layer.get_str("p_exp").as_deref(), Some("exp_val"));
    assert_eq!(layer.get_i64("p_shared"), Some(2));
    assert_eq!(layer.get_str("p_exp").as_deref(), Some("exp_val"));
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
fn l5_an_unknown_layer() {
    let setup = Setup::new(json!({}));
    assert_eq!(setup.layer(&a(), "nope").get_str("x"), None);
    assert_events(&setup.events(), []);
}

#[test]
fn l6_a_layer_without_exposures() {
    let setup = Setup::new(json!({}));
    let quiet = setup.quiet(Kind::Layer, &ax(), "layer_a");
    assert_eq!(quiet.get_str("p_exp").as_deref(), Some("exp_val"));
    assert_events(&setup.events(), []);
}

#[test]
fn l7_the_whole_value_of_a_layer() {
    let setup = Setup::new(json!({}));
    let whole = setup.layer(&ax(), "layer_a").value_json();
    let value: Value = serde_json::from_str(&whole).expect("JSON");
    assert_eq!(value, json!({"p_exp": "exp_val", "p_shared": 2}));
    assert_events(&setup.events(), []);
}

/// The exposure is that of the result: the user of then, the time of the read.
#[test]
fn a_layer_read_after_its_user_is_gone() {
    let setup = Setup::new(json!({}));
    let layer = {
        let user = ax();
        setup.layer(&user, "layer_a")
    };
    assert_eq!(layer.get_str("p_exp").as_deref(), Some("exp_val"));
    assert_events(&setup.events(), [layer_a("p_exp", Some("exp_a"))]);
    setup.shutdown();
    assert_eq!(layer.get_i64("p_shared"), Some(2));
    assert_eq!(setup.batches().len(), 1, "nothing after shutdown");
}
