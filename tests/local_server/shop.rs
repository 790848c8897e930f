//! The example shop: both formats describe one project, and its users are about what is in it.

use serde_json::{Map, Value};

const V1: &str = include_str!("../../examples/rules/shop.json");
const V2: &str = include_str!("../../examples/rules/shop_v2.json");
const LISTS: &str = include_str!("../../examples/rules/shop.id_lists.json");
const USERS: &str = include_str!("../../examples/rules/shop.users.json");

const SECTIONS: [&str; 3] = ["feature_gates", "dynamic_configs", "layer_configs"];

fn parse(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

/// The v2 form of a v1 spec, with its conditions written out.
fn as_v2(spec: &Value) -> Value {
    let mut spec = spec.clone();
    let is_gate = spec["type"] == "feature_gate";
    if spec["enabled"] == false {
        spec["rules"] = Value::Array(Vec::new());
    }
    for rule in spec["rules"].as_array_mut().unwrap() {
        // A rule that keeps its users out never passes in v1, and passes with false in v2.
        if is_gate && rule["passPercentage"] == 0 {
            rule["passPercentage"] = 100.into();
            rule["returnValue"] = false.into();
        }
    }
    spec.as_object_mut().unwrap().remove("name");
    spec
}

fn written_out(spec: &Value, conditions: &Value) -> Value {
    let mut spec = spec.clone();
    for rule in spec["rules"].as_array_mut().unwrap() {
        for condition in rule["conditions"].as_array_mut().unwrap() {
            let key = condition.as_str().unwrap();
            *condition = conditions[key].clone();
        }
    }
    spec
}

#[test]
fn both_formats_describe_the_same_project() {
    let (v1, v2) = (parse(V1), parse(V2));
    for section in SECTIONS {
        let expected: Map<String, Value> = v1[section]
            .as_array()
            .unwrap()
            .iter()
            .map(|spec| (spec["name"].as_str().unwrap().to_owned(), as_v2(spec)))
            .collect();
        let actual: Map<String, Value> = v2[section]
            .as_object()
            .unwrap()
            .iter()
            .map(|(name, spec)| (name.clone(), written_out(spec, &v2["condition_map"])))
            .collect();
        assert!(!expected.is_empty());
        assert_eq!(expected, actual, "{section}");
    }
    for (layer, experiments) in v1["layers"].as_object().unwrap() {
        for experiment in experiments.as_array().unwrap() {
            let name = experiment.as_str().unwrap();
            assert_eq!(v2["experiment_to_layer"][name], layer.as_str());
        }
    }
    for member in ["time", "id_lists", "has_updates"] {
        assert_eq!(v1[member], v2[member], "{member}");
    }
}

#[test]
fn the_id_lists_in_use_are_there() {
    let lists = parse(LISTS);
    let used = parse(V1)["id_lists"].clone();
    assert_eq!(
        lists.as_object().unwrap().keys().collect::<Vec<_>>(),
        used.as_object().unwrap().keys().collect::<Vec<_>>()
    );
}

#[test]
fn every_user_says_what_each_entity_gives_and_no_two_get_the_same() {
    let v1 = parse(V1);
    let users = parse(USERS);
    let names = |section: &str, entities: &[&str]| {
        let mut names: Vec<String> = v1[section]
            .as_array()
            .unwrap()
            .iter()
            .filter(|spec| entities.contains(&spec["entity"].as_str().unwrap()))
            .map(|spec| spec["name"].as_str().unwrap().to_owned())
            .collect();
        names.sort();
        names
    };
    let mut seen = Vec::new();
    for (name, user) in users.as_object().unwrap() {
        assert_eq!(user["user"]["userID"], name.as_str());
        for (answers, expected) in [
            (
                "gates",
                names("feature_gates", &["feature_gate", "holdout"]),
            ),
            ("configs", names("dynamic_configs", &["dynamic_config"])),
            ("experiments", names("dynamic_configs", &["experiment"])),
            ("layers", names("layer_configs", &["layer"])),
        ] {
            let mut answered: Vec<String> =
                user[answers].as_object().unwrap().keys().cloned().collect();
            answered.sort();
            assert_eq!(answered, expected, "{name} {answers}");
        }
        let mut answers = user.clone();
        answers.as_object_mut().unwrap().remove("user");
        assert!(!seen.contains(&answers), "{name}");
        seen.push(answers);
    }
    assert_eq!(seen.len(), 6);
}
