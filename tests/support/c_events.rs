//! A client of the fixture's rules behind the C ABI, and what the server received from it.

use std::sync::Arc;

use serde_json::{Value, json};
use tidegate::clock::ManualClock;
use tidegate::exposure::FlushInfo;
use tidegate::host::Hooks;

use crate::local_server::Server;
use crate::local_server::record::{Endpoint, Record};

pub use super::c_api::{Client, Kind, NO_EXPOSURE, Outcome, Person};
pub use super::events::{
    Expected, KEY, PATIENCE, RULES_TIME, assert_events, fixture, fixture_with, normal_form, serve,
    silent_rules, wait_for_batches, wait_for_reports,
};
use super::events::{accounted, all_options, rust_client, wait_for_stat};

const PATIENCE_MS: u32 = 30_000;

/// A client and the server it talks to.
pub struct Setup {
    pub client: Client,
    pub server: Arc<Server>,
}

/// What a [`Setup`] is made from. On a clock of its own, the client is made in Rust and reached
/// from C; its hooks are called without crossing the boundary.
pub struct Plan {
    pub options: Value,
    pub rules: Value,
    pub hooks: Hooks,
    pub clock: Option<Arc<ManualClock>>,
}

impl Default for Plan {
    fn default() -> Self {
        Plan {
            options: json!({}),
            rules: fixture(),
            hooks: Hooks::default(),
            clock: None,
        }
    }
}

impl Plan {
    /// Starts a server with the rules and an initialized client.
    pub fn start(self) -> Setup {
        let server = Arc::new(serve(&self.rules));
        self.start_on(server)
    }

    /// Starts a client of a server that runs.
    pub fn start_on(self, server: Arc<Server>) -> Setup {
        let client = self.client(&server);
        client.initialize(PATIENCE_MS).expect("initialized");
        Setup { client, server }
    }

    /// Makes a client that is not initialized.
    pub fn client(self, server: &Server) -> Client {
        let options = all_options(server, self.options);
        match self.clock {
            Some(clock) => Client::of(&rust_client(&options, self.hooks, clock)),
            None => Client::new(KEY, &options.to_string(), &self.hooks).expect("a client"),
        }
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

    pub fn flush(&self) -> FlushInfo {
        self.client.flush(PATIENCE_MS).expect("flushed")
    }

    pub fn shutdown(&self) -> FlushInfo {
        self.client.shutdown(PATIENCE_MS).expect("shut down")
    }

    /// Waits until a member of the stats has a value.
    pub fn wait_for_stat(&self, pointer: &str, value: u64) {
        wait_for_stat(|| self.client.stats()["events"].clone(), pointer, value);
    }

    /// The part of the stats about events, when nothing moves; checks that every event is
    /// accounted for.
    pub fn stats(&self) -> Value {
        accounted(self.client.stats()["events"].clone())
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

    /// Waits for so many requests to log events.
    pub fn wait_for_batches(&self, count: usize) -> Vec<Arc<Record>> {
        wait_for_batches(&self.server, count)
    }

    /// The requests to log events so far.
    pub fn batches(&self) -> Vec<Arc<Record>> {
        self.server.requests_to(Endpoint::LogEvent)
    }

    /// Waits for so many error reports with this tag; gives them all.
    pub fn wait_for_reports(&self, tag: &str, count: usize) -> Vec<Value> {
        wait_for_reports(&self.server, tag, count)
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
