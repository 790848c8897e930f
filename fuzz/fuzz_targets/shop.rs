//! A client with the rules of the example shop, and without network.

use std::sync::Arc;

use tidegate::client::Client;
use tidegate::options::{Options, Settings};

const SPECS: &str = include_str!("../../examples/rules/shop.json");

pub fn client() -> Arc<Client> {
    let settings = Settings { local_mode: true, ..Settings::default() };
    let client = Client::new("secret-fuzz", Options { settings, ..Options::default() }).expect("a client");
    client.initialize(1000).expect("initialized");
    client.update_specs(SPECS).expect("specs");
    client
}
