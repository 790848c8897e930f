//! Any text as a ruleset: refused, or compiled and evaluated.
#![no_main]

use std::io::Read;
use std::sync::{Arc, LazyLock};

use libfuzzer_sys::fuzz_target;
use tidegate::client::{Client, Flags};
use tidegate::eval::Kind;
use tidegate::options::{Options, Settings};
use tidegate::spec::compile::{Compiled, compile};
use tidegate::spec::document::Packed;
use tidegate::spec::{Document, SpecSet};
use tidegate::user::User;

static USER: LazyLock<Arc<User>> = LazyLock::new(|| {
    let json = r#"{"userID":"u1","email":"a@x.com","ip":"24.18.183.148","custom":{"f":"1.2.3","n":[1,"a"]},
        "customIDs":{"companyID":"c1"},"userAgent":"Mozilla/5.0 (Windows NT 10.0) Chrome/104.0.0.0"}"#;
    Arc::new(User::from_json(json).expect("a user"))
});

fn client() -> Arc<Client> {
    let settings = Settings { local_mode: true, ..Settings::default() };
    Client::new("secret-fuzz", Options { settings, ..Options::default() }).expect("a client")
}

/// The text without a part of it: an update, of which much is still there.
fn without_a_part(text: &str) -> String {
    let seed = text.bytes().fold(text.len(), |seed, byte| {
        seed.wrapping_mul(31).wrapping_add(usize::from(byte))
    });
    let start = seed % text.len().max(1);
    let end = start + 1 + seed / 7 % 64;
    let is_in = |at: usize| (start..end).contains(&at);
    text.char_indices().filter(|(at, _)| !is_in(*at)).map(|(_, c)| c).collect()
}

/// A text that is unpacked part by part.
#[derive(Debug)]
struct Parts(String);

impl Packed for Parts {
    fn bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }

    fn reader(&self) -> Box<dyn Read + '_> {
        Box::new(self.0.as_bytes())
    }
}

/// What comes of a document, as text.
fn outcome(document: &Document) -> String {
    match compile(document, None, &SpecSet::default()) {
        Ok(Compiled::Specs(specs)) => {
            format!("{:?} {:?} {:?}", specs.gates, specs.configs, specs.layers)
        }
        other => format!("{other:?}"),
    }
}

fuzz_target!(|text: &str| {
    let whole = outcome(&text.to_owned().into());
    let parts = outcome(&Document::Packed(Arc::new(Parts(text.to_owned()))));
    assert_eq!(whole, parts, "parts make no difference");
    let client_of_text = client();
    if client_of_text.update_specs(text).is_err() || client_of_text.initialize(1000).is_err() {
        return;
    }
    let silent = Flags::from_bits(Flags::NO_EXPOSURE).expect("flags");
    let listed = client_of_text.list_entities(0).expect("names");
    let listed: serde_json::Value = serde_json::from_str(&listed).expect("JSON");
    for (kind, section) in [(Kind::Gate, "gates"), (Kind::Config, "configs"), (Kind::Layer, "layers")] {
        for name in listed[section].as_array().into_iter().flatten().take(20) {
            let name = name.as_str().unwrap_or_default();
            let result = client_of_text.evaluate(kind, &USER, name, silent).expect("a result");
            let _: serde_json::Value = serde_json::from_str(&result.to_json()).expect("JSON");
        }
    }
    let response = client_of_text.client_init_response(&USER, "").expect("a response");
    let _: serde_json::Value = serde_json::from_slice(&response).expect("JSON");

    let changed = without_a_part(text);
    let fresh = client();
    if client_of_text.update_specs(&changed).is_ok() && fresh.update_specs(&changed).is_ok() {
        fresh.initialize(1000).expect("initialized");
        for answer in [
            |client: &Client| client.list_entities(0).expect("names").into_bytes(),
            |client: &Client| client.client_init_response(&USER, "").expect("a response"),
        ] {
            assert_eq!(answer(&client_of_text), answer(&fresh), "an update is as good as a start");
        }
    }
});
