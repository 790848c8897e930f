//! Any text as the options of a client initialize response: refused, or answered with JSON.
#![no_main]

mod shop;

use std::sync::{Arc, LazyLock};

use libfuzzer_sys::fuzz_target;
use tidegate::client::Client;
use tidegate::user::User;

static CLIENT: LazyLock<Arc<Client>> = LazyLock::new(shop::client);
static USER: LazyLock<Arc<User>> =
    LazyLock::new(|| Arc::new(User::from_json(r#"{"userID":"u1"}"#).expect("a user")));

fuzz_target!(|text: &str| {
    if let Ok(response) = CLIENT.client_init_response(&USER, text) {
        let response: serde_json::Value = serde_json::from_slice(&response).expect("JSON");
        assert_eq!(response["has_updates"], true);
    }
});
