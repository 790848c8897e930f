//! The conformance cases of `tests/cases`, straight against the evaluator.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test fails by panicking"
)]

use std::path::Path;
use std::sync::Arc;

use serde_json::{Map, Value};
use tidegate::client::EvalResult;
use tidegate::eval::explain::explain;
use tidegate::eval::trace::NoTrace;
use tidegate::eval::{Kind, Overrides, World, evaluate};
use tidegate::options::Settings;
use tidegate::spec::id_list::{IdList, IdLists, id_hash};
use tidegate::store::{Source, Store};
use tidegate::user::User;

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

fn id_lists(path: &Path) -> IdLists {
    let mut lists = IdLists::default();
    if path.exists() {
        let sent: Map<String, Value> = serde_json::from_str(&read(path)).expect("id lists");
        for (name, ids) in sent {
            let ids = ids.as_array().expect("a list").iter();
            let hashes: IdList = ids.map(|id| id_hash(id.as_str().expect("text"))).collect();
            lists = lists.with(&name, hashes);
        }
    }
    lists
}

/// Every member of `expected` that differs in `actual`.
fn differences(expected: &Value, actual: &Value) -> Vec<String> {
    let mut found = Vec::new();
    for (key, expected) in expected.as_object().expect("an object") {
        let actual = &actual[key];
        if key == "details" {
            found.extend(differences(expected, actual));
        } else if expected != actual {
            found.push(format!("{key}: expected {expected}, got {actual}"));
        }
    }
    found
}

fn run_file(path: &Path, failures: &mut Vec<String>) -> usize {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let file: Value = serde_json::from_str(&read(path)).expect("JSON");
    let specs = file["specs"].as_str().expect("specs");
    let (settings, _) = match file.get("options") {
        Some(options) => Settings::from_json(&options.to_string()).expect("options"),
        None => (Settings::default(), Vec::new()),
    };
    let store = Store::new(&format!("secret-{specs}"));
    let document = read(&root.join(format!("tests/specs/{specs}.json")));
    store.apply(document, Source::Network).expect("specs");
    let lists = id_lists(&root.join(format!("tests/specs/{specs}.id_lists.json")));
    store.replace_id_lists(Arc::new(lists));
    store.finish_initialize();
    let environment = settings.effective_environment();
    let cases = file["cases"].as_array().expect("cases");
    for case in cases {
        let overrides = match case.get("overrides") {
            Some(overrides) => Overrides::from_json(&overrides.to_string()).expect("overrides"),
            None => Overrides::default(),
        };
        store
            .change_overrides(|current| {
                *current = overrides;
                Ok(())
            })
            .expect("overrides");
        let snapshot = store.load_full();
        let user = Arc::new(User::from_json(&case["user"].to_string()).expect("user"));
        let world = World {
            specs: &snapshot.specs,
            id_lists: &snapshot.id_lists,
            overrides: Some(&snapshot.overrides),
            user: &user,
            environment: environment.as_ref(),
            global_custom_fields: &settings.global_custom_fields,
            app_id: snapshot.specs.app_id.as_deref(),
            user_agent_enabled: !settings.disable_ua_parser,
            country_enabled: !settings.disable_country_lookup,
            now_ms: &|| 1_800_000_000_000,
        };
        let kind = Kind::from_name(case["kind"].as_str().expect("kind")).expect("a kind");
        let name = case["name"].as_str().expect("name");
        let evaluation = evaluate(&world, kind, name, &mut NoTrace);
        let explained = explain(&world, &snapshot, kind, name, false);
        let account: Value = serde_json::from_str(&explained.json).expect("explanation JSON");
        assert_eq!(
            account["rule_id"],
            evaluation.rule_id(&snapshot),
            "{}",
            case["id"]
        );
        assert_eq!(account["passed"], evaluation.value(), "{}", case["id"]);
        assert!(!account["text"].as_str().expect("text").is_empty());
        let result = EvalResult::unlogged(Arc::clone(&snapshot), Arc::clone(&user), evaluation, 0);
        let actual: Value = serde_json::from_str(&result.to_json()).expect("result JSON");
        for difference in differences(&case["expect"], &actual) {
            failures.push(format!("{} ({specs}): {difference}", case["id"]));
        }
    }
    cases.len()
}

#[test]
fn every_case_evaluates_as_expected() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases");
    let mut files: Vec<_> = std::fs::read_dir(&folder)
        .expect("tests/cases")
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.extension().is_some_and(|ext| ext == "json"))
        .collect();
    files.sort();
    let mut failures = Vec::new();
    let count: usize = files.iter().map(|file| run_file(file, &mut failures)).sum();
    let expected: usize = read(&folder.join("COUNT"))
        .trim()
        .parse()
        .expect("a number");
    assert_eq!(count, expected, "cases read");
    assert!(
        failures.is_empty(),
        "{} failures:\n{}",
        failures.len(),
        failures.join("\n")
    );
}
