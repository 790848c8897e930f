//! Any text as events, overrides and a batch request: refused or taken, never more.
#![no_main]

use std::sync::{Arc, LazyLock};

use libfuzzer_sys::fuzz_target;
use tidegate::client::Client;
use tidegate::options::{Options, Settings};

static CLIENT: LazyLock<Arc<Client>> = LazyLock::new(|| {
    let settings = Settings { local_mode: true, ..Settings::default() };
    let client = Client::new("secret-fuzz", Options { settings, ..Options::default() }).expect("a client");
    client.initialize(1000).expect("initialized");
    client
});

fuzz_target!(|text: &str| {
    let _ = CLIENT.log_event_json(text);
    let _ = CLIENT.evaluate_batch(text);
    let _ = CLIENT.load_overrides(text);
});
