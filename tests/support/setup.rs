//! A client of the fixture's rules, on either side of the C ABI, and the server it talks to.

use std::marker::PhantomData;
use std::ops::Range;
use std::sync::Arc;

use serde_json::{Value, json};
use tidegate::clock::ManualClock;
use tidegate::exposure::FlushInfo;
use tidegate::host::Hooks;

use super::events::{
    RULES_TIME, accounted, all_options, fixture, serve, silent_rules, wait_for_batches,
    wait_for_reports, wait_for_stat,
};
use crate::local_server::Server;
use crate::local_server::fault::Fault;
use crate::local_server::record::{Endpoint, Record};

pub const PATIENCE_MS: u32 = 30_000;

/// What a client does, called from Rust or through the C ABI.
pub trait Called {
    fn made(options: &Value, hooks: Hooks, clock: Option<Arc<ManualClock>>) -> Self;
    fn initialize(&self);
    fn flush(&self) -> FlushInfo;
    fn shutdown(&self) -> FlushInfo;
    fn tick(&self) -> u32;
    /// The part of the stats about events.
    fn event_stats(&self) -> Value;
    /// Logs an event of user "a" that has a name and nothing else.
    fn log(&self, name: &str);
}

/// A client and the server it talks to.
pub struct Setup<C> {
    pub client: C,
    pub server: Arc<Server>,
}

/// What a [`Setup`] is made from.
pub struct Plan<C> {
    pub options: Value,
    pub rules: Value,
    pub hooks: Hooks,
    pub clock: Option<Arc<ManualClock>>,
    pub side: PhantomData<C>,
}

impl<C> Default for Plan<C> {
    fn default() -> Self {
        Plan {
            options: json!({}),
            rules: fixture(),
            hooks: Hooks::default(),
            clock: None,
            side: PhantomData,
        }
    }
}

impl<C: Called> Plan<C> {
    /// Starts a server with the rules and an initialized client.
    pub fn start(self) -> Setup<C> {
        let server = Arc::new(serve(&self.rules));
        self.start_on(server)
    }

    /// Starts a client of a server that runs.
    pub fn start_on(self, server: Arc<Server>) -> Setup<C> {
        let client = self.client(&server);
        client.initialize();
        Setup { client, server }
    }

    /// Makes a client that is not initialized.
    pub fn client(self, server: &Server) -> C {
        C::made(&all_options(server, self.options), self.hooks, self.clock)
    }
}

impl<C: Called> Setup<C> {
    /// Under rules with which a client has no events of its own to send.
    pub fn silent(options: Value) -> Self {
        let rules = silent_rules(json!({}));
        Plan {
            options,
            rules,
            ..Plan::default()
        }
        .start()
    }

    /// Logs events whose names are these numbers.
    pub fn log(&self, numbers: Range<u32>) {
        for number in numbers {
            self.client.log(&format!("e{number}"));
        }
    }

    pub fn flush(&self) -> FlushInfo {
        self.client.flush()
    }

    pub fn shutdown(&self) -> FlushInfo {
        self.client.shutdown()
    }

    /// Does what is due; gives how many milliseconds later something will be.
    pub fn tick(&self) -> u32 {
        self.client.tick()
    }

    /// The part of the stats about events, which may be in motion.
    pub fn moving_stats(&self) -> Value {
        self.client.event_stats()
    }

    /// Waits until a member of the stats has a value.
    pub fn wait_for_stat(&self, pointer: &str, value: u64) {
        wait_for_stat(|| self.moving_stats(), pointer, value);
    }

    /// The part of the stats about events, when nothing moves; checks that every event is
    /// accounted for.
    #[track_caller]
    pub fn stats(&self) -> Value {
        accounted(self.moving_stats())
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

/// A client that does nothing by itself, on a clock that stands still, under silent rules.
pub struct Manual<C> {
    pub setup: Setup<C>,
    pub clock: Arc<ManualClock>,
}

impl<C: Called> Manual<C> {
    /// With some members of the rules replaced.
    pub fn new(mut options: Value, members: Value) -> Self {
        options["threads"] = json!("none");
        let clock = Arc::new(ManualClock::new(RULES_TIME));
        let setup = Plan {
            options,
            rules: silent_rules(members),
            clock: Some(Arc::clone(&clock)),
            ..Plan::default()
        }
        .start();
        Manual { setup, clock }
    }

    pub fn advance(&self, ms: i64) {
        self.clock.advance(ms);
        self.setup.tick();
    }
}

/// The names of the events of a batch.
pub fn names(batch: &Record) -> Vec<String> {
    let name = |event: &Value| event["eventName"].as_str().expect("a name").to_owned();
    batch.events().iter().map(name).collect()
}

/// How many attempts each batch says that there were before.
pub fn retries(batches: &[Arc<Record>]) -> Vec<&str> {
    batches
        .iter()
        .map(|batch| batch.header("statsig-retry").expect("a header"))
        .collect()
}

/// Lets the next deliveries be answered with these statuses.
pub fn answer_deliveries(server: &Server, statuses: &[u16]) {
    for status in statuses {
        server.fault(Fault::status(Endpoint::LogEvent, *status));
    }
}
