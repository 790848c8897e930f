//! Any text as a ruleset: refused, or compiled and evaluated.
#![no_main]

use std::sync::{Arc, LazyLock};

use libfuzzer_sys::fuzz_target;
use tidegate::client::{Client, Flags};
use tidegate::eval::Kind;
use tidegate::options::{Options, Settings};
use tidegate::user::User;

static USER: LazyLock<Arc<User>> = LazyLock::new(|| {
    let json = r#"{"userID":"u1","email":"a@x.com","ip":"24.18.183.148","custom":{"f":"1.2.3","n":[1,"a"]},
        "customIDs":{"companyID":"c1"},"userAgent":"Mozilla/5.0 (Windows NT 10.0) Chrome/104.0.0.0"}"#;
    Arc::new(User::from_json(json).expect("a user"))
});

fuzz_target!(|text: &str| {
    let settings = Settings { local_mode: true, ..Settings::default() };
    let client = Client::new("secret-fuzz", Options { settings, ..Options::default() }).expect("a client");
    if client.update_specs(text).is_err() || client.initialize(1000).is_err() {
        return;
    }
    let silent = Flags::from_bits(Flags::NO_EXPOSURE).expect("flags");
    let listed = client.list_entities(0).expect("names");
    let listed: serde_json::Value = serde_json::from_str(&listed).expect("JSON");
    for (kind, section) in [(Kind::Gate, "gates"), (Kind::Config, "configs"), (Kind::Layer, "layers")] {
        for name in listed[section].as_array().into_iter().flatten().take(20) {
            let name = name.as_str().unwrap_or_default();
            let result = client.evaluate(kind, &USER, name, silent).expect("a result");
            let _: serde_json::Value = serde_json::from_str(&result.to_json()).expect("JSON");
        }
    }
    let response = client.client_init_response(&USER, "").expect("a response");
    let _: serde_json::Value = serde_json::from_str(&response).expect("JSON");
});
