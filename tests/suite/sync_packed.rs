//! Specs large enough to stay packed as they came, and everyone who wants to see their text.

use std::path::PathBuf;
use std::sync::Arc;

use parking_lot::Mutex;
use serde_json::{Value, json};
use tidegate::error::Error;
use tidegate::host::{DataStore, Hooks};

use crate::support::packing::{brotli, gzip};
use crate::support::scripted::{Reply, Server};
use crate::support::service::{
    Heard, SPECS, Steps, client, merge, no_update, options, service, since,
};

/// Specs of several blocks, with text that does not compress well.
fn large(time: i64) -> String {
    let gates: serde_json::Map<String, Value> = (0..3000_u64)
        .map(|number| {
            let salt = number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
            let rule = json!({"id": "r", "salt": format!("{salt:x}"), "passPercentage": 50,
                "conditions": ["c"], "returnValue": true});
            let gate = json!({"salt": format!("\u{e9}{salt:x}"), "enabled": true, "rules": [rule]});
            (format!("gate {number}"), gate)
        })
        .collect();
    json!({"time": time, "has_updates": true, "feature_gates": gates, "dynamic_configs": {},
        "layer_configs": {}, "condition_map": {"c": {"type": "public"}}})
    .to_string()
}

type Pack = fn(&[u8]) -> Vec<u8>;
const PACKINGS: [(&str, Pack); 2] = [("gzip", gzip), ("br", brotli)];

fn packed((name, pack): (&'static str, Pack), text: &str) -> Reply {
    Reply::json(pack(text.as_bytes())).header("Content-Encoding", name)
}

fn gates(steps: &Steps) -> Value {
    let stats: Value = serde_json::from_str(&steps.client.stats()).expect("JSON");
    stats["specs"]["gates"].clone()
}

/// Remembers what was stored.
#[derive(Default)]
struct Store(Mutex<Vec<(String, i64)>>);

impl DataStore for Store {
    fn get(&self, _: &str) -> Result<Option<Vec<u8>>, Error> {
        Ok(None)
    }

    fn set(&self, key: &str, value: &[u8], time_ms: i64) -> Result<(), Error> {
        if key == "statsig.cache" {
            let text = String::from_utf8(value.to_vec()).expect("text");
            self.0.lock().push((text, time_ms));
        }
        Ok(())
    }

    fn supports_polling(&self, _: &str) -> bool {
        false
    }

    fn shutdown(&self) {}
}

#[test]
fn everyone_who_asks_gets_the_text() {
    for packing in PACKINGS {
        let (first, second) = (large(100), large(200));
        let m = service()
            .specs_in_turn(vec![
                packed(packing, &first),
                packed(packing, &first),
                packed(packing, &second),
            ])
            .start();
        let heard = Arc::new(Heard::default());
        let store = Arc::new(Store::default());
        let hooks = Hooks {
            data_store: Some(store.clone()),
            ..heard.hooks()
        };
        let steps = Steps::with_hooks(options(&m, json!({})), hooks, heard);
        let text = || steps.client.specs().expect("readable").expect("specs");
        assert_eq!(*text(), first);
        steps.polls(1);
        assert_eq!(steps.heard.update_times(), [100], "the same is no update");
        steps.polls(1);
        assert_eq!(*text(), second);
        assert_eq!(gates(&steps), 3000);
        let updates = steps.heard.updates.lock().clone();
        assert_eq!(updates, [(100, first.clone()), (200, second.clone())]);
        assert_eq!(*store.0.lock(), [(first, 100), (second, 200)]);
    }
}

#[test]
fn packed_or_not_the_same_text_is_the_same_document() {
    let text = large(100);
    let m = service()
        .specs_in_turn(vec![
            packed(PACKINGS[0], &text),
            Reply::json(text.clone()),
            packed(PACKINGS[1], &text),
            Reply::json(text.clone()),
        ])
        .start();
    let steps = Steps::new(options(&m, json!({})));
    steps.polls(3);
    assert_eq!(m.requests_to(SPECS).len(), 4);
    assert_eq!(steps.heard.update_times(), [100]);
}

#[test]
fn the_last_good_copy_is_the_text() {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR"))
        .join(format!("packed-copy-{}", std::process::id()));
    let _ = std::fs::remove_dir_all(&folder);
    let with_copy = |server: &Server| {
        let mut options = options(server, json!({"spec_cache_dir": folder}));
        merge(&mut options, json!({"init_timeout": 1}));
        options
    };
    let good = service()
        .specs(|_, _| packed(PACKINGS[1], &large(100)))
        .start();
    drop(Steps::new(with_copy(&good)));
    let broken = service().specs(|_, _| Reply::status(500)).start();
    let steps = Steps::new(with_copy(&broken));
    assert_eq!((steps.lcut(), gates(&steps)), (100, json!(3000)));
    assert_eq!(
        *steps.client.specs().expect("readable").expect("specs"),
        large(100)
    );
    drop(steps);
    std::fs::remove_dir_all(&folder).expect("removed");
}

/// What is found out only while reading is a failure like one that is found out at once.
#[test]
fn a_body_that_breaks_off_while_it_is_read_changes_nothing() {
    for (name, pack) in PACKINGS {
        let (first, second) = (large(100), large(200));
        let whole = pack(second.as_bytes());
        let mut answers = vec![packed((name, pack), &first)];
        for cut in [whole.len() / 2, whole.len() - 1] {
            let reply = Reply::json(whole[..cut].to_vec());
            answers.push(reply.header("Content-Encoding", name));
        }
        // What is no text, in the middle of one, and what is no JSON.
        let mut bytes = second.clone().into_bytes();
        bytes[200_000] = 0xff;
        for text in [&bytes[..], &second.as_bytes()[..200_000]] {
            answers.push(Reply::json(pack(text)).header("Content-Encoding", name));
        }
        answers.push(packed((name, pack), &second));
        answers.push(no_update());
        let count = answers.len() - 3;
        let m = service().specs_in_turn(answers).start();
        let steps = Steps::new(options(&m, json!({})));
        for failure in 1..=count {
            while m.requests_to(SPECS).len() < failure + 1 {
                steps.polls(1);
            }
            assert_eq!(steps.lcut(), 100, "{name}, failure {failure}");
            assert_eq!(gates(&steps), 3000);
        }
        assert_eq!(
            steps.heard.tags(),
            ["request:download_config_specs"; 2],
            "one of each kind"
        );
        while steps.lcut() == 100 {
            steps.polls(1);
        }
        assert_eq!(steps.lcut(), 200);
        let asked = since(&m.requests_to(SPECS));
        assert!(asked[1..=count + 1].iter().all(|since| *since == 100));
    }
}

#[test]
fn a_client_with_threads_keeps_packed_specs_too() {
    let m = service()
        .specs(|_, _| packed(PACKINGS[1], &large(100)))
        .start();
    let client = client(&options(&m, json!({})), Hooks::default());
    client.initialize(60_000).expect("initialized");
    let text = client.specs().expect("readable").expect("specs");
    assert_eq!(*text, large(100));
    client.shutdown(60_000).expect("shut down");
}
