//! Rulesets over time: what is taken over, and that nothing else depends on what was there before.

use std::io::{self, Read};
use std::sync::Arc;

use serde_json::{Value, json};

use super::compile::{Compiled, compile};
use super::document::Packed;
use super::{Document, Spec, SpecSet};
use crate::error::Error;

fn outcome(document: impl Into<Document>, previous: &SpecSet) -> Result<Compiled, Error> {
    compile(&document.into(), None, previous)
}

fn loaded(document: impl Into<Document>, previous: &SpecSet) -> SpecSet {
    match outcome(document, previous).expect("a ruleset") {
        Compiled::Specs(specs) => *specs,
        other => panic!("no ruleset: {other:?}"),
    }
}

fn compiled(document: &Value, previous: &SpecSet) -> SpecSet {
    loaded(document.to_string(), previous)
}

/// Gives its text in parts of some size, and breaks after the last if it is told to.
#[derive(Debug)]
struct Parts {
    text: Vec<u8>,
    size: usize,
    breaks: bool,
}

impl Packed for Parts {
    fn bytes(&self) -> &[u8] {
        &self.text
    }

    fn reader(&self) -> Box<dyn Read + '_> {
        Box::new(PartReader {
            parts: self,
            rest: &self.text,
        })
    }
}

struct PartReader<'p> {
    parts: &'p Parts,
    rest: &'p [u8],
}

impl Read for PartReader<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.rest.is_empty() && self.parts.breaks {
            return Err(io::Error::other("it broke"));
        }
        let size = self.parts.size.min(buffer.len());
        self.rest.read(&mut buffer[..size])
    }
}

fn packed(text: impl Into<Vec<u8>>, size: usize) -> Document {
    let breaks = false;
    let text = text.into();
    Document::Packed(Arc::new(Parts { text, size, breaks }))
}

fn spec(salt: &str, conditions: &Value) -> Value {
    json!({"salt": salt, "enabled": true, "rules": [
        {"id": "r", "passPercentage": 100, "returnValue": true, "conditions": conditions}]})
}

fn listed(name: &str, salt: &str) -> Value {
    let mut spec = spec(salt, &json!([{"type": "public"}]));
    spec["name"] = json!(name);
    spec
}

fn list(gates: &[(&str, &str)]) -> Value {
    let gates: Vec<Value> = gates
        .iter()
        .map(|(name, salt)| listed(name, salt))
        .collect();
    json!({"time": 1, "feature_gates": gates})
}

/// Gates of name, salt and key of a condition.
fn map(gates: &[(&str, &str, &str)], conditions: &Value) -> Value {
    let gates = gates
        .iter()
        .map(|(name, salt, condition)| ((*name).to_owned(), spec(salt, &json!([condition]))));
    let gates: serde_json::Map<String, Value> = gates.collect();
    json!({"time": 1, "feature_gates": gates, "condition_map": conditions})
}

/// Names of the gates of `later` that were taken over from `earlier`, in the order sent.
fn kept<'a>(earlier: &SpecSet, later: &'a SpecSet) -> Vec<&'a str> {
    let is_kept = |spec: &&Arc<Spec>| {
        let before = earlier.gates.get(&spec.name);
        before.is_some_and(|before| Arc::ptr_eq(before, spec))
    };
    let specs = later.gates.specs().map(|(_, spec)| spec);
    specs.filter(is_kept).map(|spec| &*spec.name).collect()
}

/// The only condition of a gate, as text.
fn condition(specs: &SpecSet, gate: &str) -> String {
    let gate = specs.gates.get(gate).expect("a gate");
    let slot = gate.rules[0].conditions[0];
    format!("{:?}", specs.conditions.all()[slot as usize])
}

#[test]
fn of_a_list_what_is_the_same_is_kept_wherever_it_stands() {
    let first = list(&[("a", "1"), ("b", "1"), ("c", "1"), ("d", "1")]);
    let earlier = compiled(&first, &SpecSet::default());
    for (gates, expected) in [
        (
            vec![("a", "1"), ("b", "2"), ("c", "1"), ("d", "1")],
            vec!["a", "c", "d"],
        ),
        (
            vec![("new", "1"), ("a", "1"), ("b", "1"), ("d", "1")],
            vec!["a", "b", "d"],
        ),
        (
            vec![("d", "1"), ("c", "1"), ("b", "1"), ("a", "1")],
            vec!["d", "c", "b", "a"],
        ),
        (vec![("c", "2"), ("d", "2")], vec![]),
        (vec![("ab", "1"), ("b", "1")], vec!["b"]),
        (vec![], vec![]),
    ] {
        let later = compiled(&list(&gates), &earlier);
        assert_eq!(kept(&earlier, &later), expected);
        let names: Vec<_> = later.gates.specs().map(|(_, spec)| &*spec.name).collect();
        assert_eq!(
            names,
            gates.iter().map(|(name, _)| *name).collect::<Vec<_>>()
        );
        for (name, salt) in gates {
            assert_eq!(&*later.gates.get(name).expect("it").salt, salt);
        }
    }
}

#[test]
fn of_one_name_twice_the_last_counts_also_when_it_goes() {
    let earlier = compiled(&list(&[("a", "1"), ("a", "2")]), &SpecSet::default());
    assert_eq!(&*earlier.gates.get("a").expect("it").salt, "2");
    let later = compiled(&list(&[("a", "1")]), &earlier);
    assert_eq!(&*later.gates.get("a").expect("it").salt, "1");
    assert_eq!(kept(&earlier, &later), Vec::<&str>::new());
}

#[test]
fn of_one_member_twice_the_last_counts() {
    let twice = r#"{"time": 1, "feature_gates": [{"name": "a"}, {"name": "b"}], "time": 2,
        "condition_map": {}, "layer_configs": 5, "feature_gates": [{"name": "b"}],
        "layer_configs": [], "condition_map": null}"#;
    let specs = loaded(twice.to_owned(), &SpecSet::default());
    assert_eq!((specs.lcut, specs.is_v2), (2, false));
    assert_eq!(specs.gates.specs().count(), 1);
    assert!(specs.gates.get("a").is_none());
}

#[test]
fn a_spec_is_kept_whatever_becomes_of_its_conditions() {
    let public = json!({"type": "public"});
    let conditions = json!({"1": public, "2": {"type": "user_bucket", "operator": "lt",
        "targetValue": 5, "additionalValues": {"salt": "s"}}});
    let gates = [("a", "1", "1"), ("b", "1", "2"), ("c", "1", "3")];
    let first = map(&gates, &conditions);
    let earlier = compiled(&first, &SpecSet::default());
    assert_eq!(condition(&earlier, "a"), "Some(Public)");
    assert_eq!(condition(&earlier, "c"), "None");
    let mut more = first.clone();
    more["condition_map"]["3"] = public.clone();
    let more = compiled(&more, &earlier);
    assert_eq!(kept(&earlier, &more), ["a", "b", "c"]);
    assert_eq!(condition(&more, "c"), "Some(Public)");
    let mut other = first.clone();
    other["condition_map"]["2"] = public;
    let other = compiled(&other, &more);
    assert_eq!(kept(&more, &other), ["a", "b", "c"]);
    assert_eq!(condition(&other, "b"), "Some(Public)");
    assert_eq!(condition(&other, "c"), "None", "it is gone again");
    let moved = compiled(
        &map(
            &[("c", "1", "3"), ("b", "2", "2"), ("a", "1", "1")],
            &conditions,
        ),
        &other,
    );
    assert_eq!(kept(&other, &moved), ["c", "a"]);
    assert!(condition(&moved, "b").contains("UserBucket"));
    assert!(condition(&more, "b").contains("UserBucket"), "as it was");
    let none = compiled(&map(&gates, &json!(null)), &moved);
    assert_eq!(condition(&none, "a"), "None");
}

#[test]
fn conditions_that_stand_in_rules_go_with_the_last_of_them() {
    let gates = |types: &[&str]| {
        let gates = types.iter().map(|kind| {
            let mut spec = spec("s", &json!([{"type": kind}]));
            spec["name"] = json!(kind);
            spec
        });
        json!({"time": 1, "feature_gates": gates.collect::<Vec<_>>()})
    };
    let live = |specs: &SpecSet| (specs.conditions.len(), specs.conditions.live());
    let first = compiled(&gates(&["public", "x"]), &SpecSet::default());
    assert_eq!(live(&first), (2, 2));
    let second = compiled(&gates(&["x"]), &first);
    assert_eq!(live(&second), (2, 1));
    let third = compiled(&gates(&["public", "y", "x"]), &second);
    assert_eq!(live(&third), (3, 3));
    assert_eq!(condition(&third, "public"), "Some(Public)");
}

#[test]
fn dead_slots_do_not_pile_up() {
    let mut specs = SpecSet::default();
    for round in 0..30 {
        let gates: Vec<Value> = (0..200)
            .map(|n| {
                let name = format!("{round}-{n}");
                let mut spec = spec("s", &json!([{"type": "pass_gate", "targetValue": name}]));
                spec["name"] = json!(name);
                spec
            })
            .collect();
        specs = compiled(&json!({"time": 1, "feature_gates": gates}), &specs);
        assert_eq!(specs.gates.specs().count(), 200);
        assert!(specs.gates.names.len() <= 2_000 && specs.conditions.len() <= 2_000);
    }
}

#[test]
fn a_text_that_is_mended_is_known_again() {
    let first = list(&[("a", "\u{1}"), ("b", "1")]).to_string();
    let cut = |text: &str| text.replacen("\\u0001", "\\ud800", 1);
    let earlier = loaded(cut(&first), &SpecSet::default());
    assert_eq!(&*earlier.gates.get("a").expect("it").salt, "\u{fffd}");
    let later = loaded(
        cut(&first).replacen("\"time\":1", "\"time\":2", 1),
        &earlier,
    );
    assert_eq!(kept(&earlier, &later), ["a", "b"]);
    let plain = loaded(first, &later);
    assert_eq!(&*plain.gates.get("a").expect("it").salt, "\u{1}");
    assert_eq!(kept(&later, &plain), ["b"]);
}

#[test]
fn a_change_of_the_format_keeps_what_is_the_same_of_it() {
    let listed = compiled(&list(&[("a", "1")]), &SpecSet::default());
    let mapped = map(&[("a", "1", "1")], &json!({"1": {"type": "public"}}));
    let mapped = compiled(&mapped, &listed);
    assert!(mapped.is_v2 && !listed.is_v2);
    assert_eq!(condition(&mapped, "a"), "Some(Public)");
    let listed = compiled(&list(&[("a", "1")]), &mapped);
    assert!(!listed.is_v2);
    assert_eq!(condition(&listed, "a"), "Some(Public)");
}

#[test]
fn a_document_is_the_same_in_any_parts_and_packed_or_not() {
    let gates: Vec<(String, String)> = (0..900)
        .map(|n| (format!("gate \u{e9}{n}"), "s".repeat(n % 300)))
        .collect();
    let gates: Vec<(&str, &str)> = gates.iter().map(|(n, s)| (&**n, &**s)).collect();
    let text = serde_json::to_string_pretty(&list(&gates)).expect("text");
    let whole = loaded(text.clone(), &SpecSet::default());
    let changed = text.replacen("sss", "sst", 1);
    for size in [15, 16, 17, 1_000] {
        let specs = loaded(packed(text.clone(), size), &SpecSet::default());
        assert_eq!(format!("{:?}", specs.gates), format!("{:?}", whole.gates));
        let again = outcome(packed(text.clone(), size / 2), &whole);
        assert!(matches!(again, Ok(Compiled::Identical)));
        assert!(matches!(
            outcome(text.clone(), &specs),
            Ok(Compiled::Identical)
        ));
        let other = loaded(packed(changed.clone(), size), &specs);
        assert_eq!(kept(&specs, &other).len(), 899);
        assert_eq!(*specs.document.expect("it").text().expect("text"), text);
    }
}

#[test]
fn what_is_no_json_is_refused_wherever_it_goes_wrong() {
    let good = r#"{"time":1,"x":[{"a":1}],"feature_gates":{"g":{"salt":"s","rules":[]}},
        "condition_map":{"c":{"type":"public"}},"layer_configs":[{"name":"l"}]}"#;
    let earlier = loaded(good.to_owned(), &SpecSet::default());
    for at in 0..good.len() {
        for byte in [
            b'"', b'{', b'}', b'[', b']', b',', b':', b'\\', b' ', b'x', b'1', 0xff,
        ] {
            let mut bytes = good.as_bytes().to_vec();
            bytes[at] = byte;
            refuse_or_same(&bytes, &earlier);
            let mut bytes = good.as_bytes().to_vec();
            bytes.insert(at, byte);
            refuse_or_same(&bytes, &earlier);
        }
        refuse_or_same(&good.as_bytes()[..at], &earlier);
    }
}

/// Whether JSON is told from what is none, and parts from the whole make no difference.
fn refuse_or_same(bytes: &[u8], earlier: &SpecSet) {
    let is_json = serde_json::from_slice::<serde::de::IgnoredAny>(bytes).is_ok()
        && std::str::from_utf8(bytes).is_ok();
    for previous in [&SpecSet::default(), earlier] {
        let parts = outcome(packed(bytes, 7), previous);
        let shown = String::from_utf8_lossy(bytes);
        assert_eq!(
            matches!(parts, Err(Error::Json { .. })),
            !is_json,
            "{shown}"
        );
        let Ok(text) = std::str::from_utf8(bytes) else {
            continue;
        };
        match (outcome(text.to_owned(), previous), parts) {
            (Ok(Compiled::Specs(whole)), Ok(Compiled::Specs(parts))) => {
                assert_eq!(format!("{:?}", whole.gates), format!("{:?}", parts.gates));
                assert_eq!(whole.text, parts.text);
            }
            (whole, parts) => assert_eq!(format!("{whole:?}"), format!("{parts:?}"), "{shown}"),
        }
    }
}

#[test]
fn a_text_that_cannot_be_unpacked_is_refused() {
    let text = list(&[("a", "1")]).to_string().into_bytes();
    let breaks = true;
    let size = 10;
    let document = Document::Packed(Arc::new(Parts { text, size, breaks }));
    match compile(&document, None, &SpecSet::default()) {
        Err(Error::Network { detail }) => assert_eq!(detail, "it broke"),
        other => panic!("{other:?}"),
    }
}

/// What takes long to make ready is made ready before anybody waits for an evaluation.
#[test]
fn what_conditions_look_up_is_known_from_the_specs() {
    for (kind, expected) in [
        ("user_field", (false, false)),
        ("ua_based", (true, false)),
        ("ip_based", (false, true)),
    ] {
        let conditions =
            json!({"c": {"type": kind, "operator": "any", "field": "x", "targetValue": []}});
        let first = compiled(&map(&[("a", "1", "c")], &conditions), &SpecSet::default());
        assert_eq!(
            (first.uses_user_agent, first.uses_country),
            expected,
            "{kind}"
        );
        let more = map(&[("a", "1", "c"), ("b", "1", "c")], &conditions);
        let later = compiled(&more, &first);
        assert_eq!(
            (later.uses_user_agent, later.uses_country),
            expected,
            "{kind}"
        );
    }
}
