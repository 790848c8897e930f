//! Any text as a batch request: refused, or a row for each user and a cell for each entity.
#![no_main]

mod shop;

use std::sync::{Arc, LazyLock};

use libfuzzer_sys::fuzz_target;
use serde_json::Value;
use tidegate::client::Client;

static CLIENT: LazyLock<Arc<Client>> = LazyLock::new(shop::client);

fuzz_target!(|text: &str| {
    let Ok(answer) = CLIENT.evaluate_batch(text) else { return };
    // A user with a number beyond all numbers is refused for itself, and the request is taken. To
    // this reader it is not JSON.
    let Ok(request) = serde_json::from_str::<Value>(text) else { return };
    let answer: Value = serde_json::from_str(&answer).expect("JSON");
    let rows = answer["results"].as_array().expect("rows");
    assert_eq!(rows.len(), request["users"].as_array().expect("users").len());
    let entities = request["entities"].as_array().expect("entities").len();
    assert!(rows.iter().all(|row| row.as_array().expect("a row").len() == entities));
});
