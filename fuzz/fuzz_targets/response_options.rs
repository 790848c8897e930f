//! Any text as the options of a client initialize response: refused, or answered with JSON.
#![no_main]

use std::sync::{Arc, LazyLock};

use libfuzzer_sys::fuzz_target;
use tidegate::client::Client;
use tidegate::options::{Options, Settings};
use tidegate::user::User;

const SPECS: &str = include_str!("../../examples/rules/shop.json");

static CLIENT: LazyLock<Arc<Client>> = LazyLock::new(|| {
    let settings = Settings { local_mode: true, ..Settings::default() };
    let client = Client::new("secret-fuzz", Options { settings, ..Options::default() }).expect("a client");
    client.initialize(1000).expect("initialized");
    client.update_specs(SPECS).expect("specs");
    client
});
static USER: LazyLock<Arc<User>> =
    LazyLock::new(|| Arc::new(User::from_json(r#"{"userID":"u1"}"#).expect("a user")));

fuzz_target!(|text: &str| {
    if let Ok(response) = CLIENT.client_init_response(&USER, text) {
        let response: serde_json::Value = serde_json::from_str(&response).expect("JSON");
        assert_eq!(response["has_updates"], true);
    }
});
