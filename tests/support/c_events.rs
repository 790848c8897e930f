//! A client of the fixture's rules behind the C ABI, and what the server received from it.

use std::sync::Arc;

use serde_json::{Value, json};
use tidegate::clock::ManualClock;
use tidegate::exposure::{EventValue, FlushInfo};
use tidegate::host::Hooks;

pub use super::c_api::{Client, Kind, NO_EXPOSURE, Outcome, Person};
use super::events::rust_client;
pub use super::events::{
    Expected, KEY, PATIENCE, RULES_TIME, assert_events, fixture, fixture_with, normal_form, serve,
    silent_rules,
};
use super::setup::{Called, PATIENCE_MS};
pub use super::setup::{answer_deliveries, names, retries};

/// A client that is called through the C ABI, and its server. On a clock of its own, the client is
/// made in Rust and reached from C; its hooks are called without crossing the boundary.
pub type Setup = super::setup::Setup<Client>;
pub type Plan = super::setup::Plan<Client>;
pub type Manual = super::setup::Manual<Client>;

impl Called for Client {
    fn made(options: &Value, hooks: Hooks, clock: Option<Arc<ManualClock>>) -> Self {
        match clock {
            Some(clock) => Client::of(&rust_client(options, hooks, clock)),
            None => Client::new(KEY, &options.to_string(), &hooks).expect("a client"),
        }
    }

    fn initialize(&self) {
        self.initialize(PATIENCE_MS).expect("initialized");
    }

    fn flush(&self) -> FlushInfo {
        self.flush(PATIENCE_MS).expect("flushed")
    }

    fn shutdown(&self) -> FlushInfo {
        self.shutdown(PATIENCE_MS).expect("shut down")
    }

    fn tick(&self) -> u32 {
        self.tick(PATIENCE_MS).expect("ticked")
    }

    fn event_stats(&self) -> Value {
        self.stats()["events"].clone()
    }

    fn log(&self, name: &str) {
        self.log_event(&a(), name, EventValue::None, None)
            .expect("accepted");
    }
}

impl Setup {
    pub fn new(options: Value) -> Setup {
        Plan {
            options,
            ..Plan::default()
        }
        .start()
    }

    pub fn with_rules(options: Value, members: Value) -> Setup {
        Plan {
            options,
            rules: fixture_with(members),
            ..Plan::default()
        }
        .start()
    }

    pub fn gate(&self, user: &Person, name: &str) -> bool {
        self.client.check_gate(user, name, 0).expect("ready")
    }

    pub fn config(&self, user: &Person, name: &str) -> Outcome {
        self.get(Kind::Config, user, name)
    }

    pub fn layer(&self, user: &Person, name: &str) -> Outcome {
        self.get(Kind::Layer, user, name)
    }

    pub fn get(&self, kind: Kind, user: &Person, name: &str) -> Outcome {
        self.client.evaluate(kind, user, name, 0).expect("ready")
    }

    pub fn quiet(&self, kind: Kind, user: &Person, name: &str) -> Outcome {
        let result = self.client.evaluate(kind, user, name, NO_EXPOSURE);
        result.expect("ready")
    }

    pub fn manual(&self, kind: Kind, user: &Person, name: &str, parameter: Option<&str>) {
        let logged = self.client.log_exposure(user, kind, name, parameter);
        logged.expect("ready");
    }

    /// Flushes; gives the events received so far, without diagnostics, in a form that can be
    /// compared with [`Expected`].
    pub fn events(&self) -> Vec<Value> {
        self.flush();
        self.stats();
        normal_form(self.server.events())
    }

    /// Flushes; gives the diagnostics events received so far.
    pub fn diagnostics(&self) -> Vec<Value> {
        self.flush();
        let events = self.server.events().into_iter();
        events
            .filter(|event| event["eventName"] == "statsig::diagnostics")
            .collect()
    }
}

/// A user from JSON.
pub fn user(json: Value) -> Person {
    Person::from_json(&json.to_string()).expect("a user")
}

/// The user with this id and nothing else.
pub fn id(id: &str) -> Person {
    user(json!({"userID": id}))
}

/// User "a".
pub fn a() -> Person {
    id("a")
}

/// User "a" with an address that some rules ask for.
pub fn ax() -> Person {
    user(json!({"userID": "a", "email": "q@x.com"}))
}
