//! Any text as events, overrides and a batch request: refused or taken, never more.
#![no_main]

mod shop;

use std::sync::{Arc, LazyLock};

use libfuzzer_sys::fuzz_target;
use tidegate::client::Client;

static CLIENT: LazyLock<Arc<Client>> = LazyLock::new(shop::client);

fuzz_target!(|text: &str| {
    let _ = CLIENT.log_event_json(text);
    let _ = CLIENT.evaluate_batch(text);
    let _ = CLIENT.load_overrides(text);
});
