//! A client of the fixture's rules, and what the server received from it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::{Map, Value, json};
use tidegate::client::{Client, Flags};
use tidegate::clock::{Clock, ManualClock, SystemClock};
use tidegate::exposure::{EventValue, FlushInfo};
use tidegate::host::Hooks;
use tidegate::options::{Options, Settings};
use tidegate::user::User;

use super::setup::{Called, PATIENCE_MS};
pub use super::setup::{answer_deliveries, names, retries};
use crate::local_server::record::{Endpoint, Record};
use crate::local_server::state::Awaited;
use crate::local_server::{Config, Server};

pub const KEY: &str = "secret-0123456789abcdef";
/// Time of the fixture's rules.
pub const RULES_TIME: i64 = 1_700_000_000_000;
/// How long a test waits for something that must happen.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// The fixture's rules.
pub fn fixture() -> Value {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/specs/f1.json");
    let text = std::fs::read_to_string(path).expect("the fixture");
    serde_json::from_str(&text).expect("JSON")
}

/// The fixture's rules with some of its members replaced.
pub fn fixture_with(members: Value) -> Value {
    let mut rules = fixture();
    merge(&mut rules, members);
    rules
}

/// The fixture's rules with some of its members replaced, under which a client has no events of its
/// own to send.
pub fn silent_rules(members: Value) -> Value {
    let mut rules = fixture_with(json!({
        "diagnostics": {"initialize": 0, "dcs": 0, "idlist": 0, "api_call": 0, "logevent": 0},
    }));
    merge(&mut rules, members);
    rules
}

fn merge(into: &mut Value, members: Value) {
    let (Some(into), Value::Object(members)) = (into.as_object_mut(), members) else {
        panic!("two objects");
    };
    into.extend(members);
}

/// A server that serves `rules`.
pub fn serve(rules: &Value) -> Server {
    let server = Server::start(Config::default()).expect("a server");
    server.put_rules(None, rules.to_string());
    server
}

/// A client that is called from Rust, and its server.
pub type Setup = super::setup::Setup<Arc<Client>>;
pub type Plan = super::setup::Plan<Arc<Client>>;
pub type Manual = super::setup::Manual<Arc<Client>>;

impl Called for Arc<Client> {
    fn made(options: &Value, hooks: Hooks, clock: Option<Arc<ManualClock>>) -> Self {
        match clock {
            Some(clock) => rust_client(options, hooks, clock),
            None => rust_client(options, hooks, Arc::new(SystemClock::default())),
        }
    }

    fn initialize(&self) {
        Client::initialize(self, PATIENCE_MS).expect("initialized");
    }

    fn flush(&self) -> FlushInfo {
        Client::flush(self, PATIENCE_MS).expect("flushed")
    }

    fn shutdown(&self) -> FlushInfo {
        Client::shutdown(self, PATIENCE_MS).expect("shut down")
    }

    fn tick(&self) -> u32 {
        Client::tick(self, PATIENCE_MS).expect("ticked")
    }

    fn event_stats(&self) -> Value {
        let stats: Value = serde_json::from_str(&self.stats()).expect("JSON");
        stats["events"].clone()
    }

    fn log(&self, name: &str) {
        self.log_event(&a(), name, EventValue::None, None)
            .expect("accepted");
    }
}

impl Setup {
    pub fn gate(&self, user: &Arc<User>, name: &str) -> bool {
        self.client
            .check_gate(user, name, Flags::default())
            .expect("ready")
    }
}

/// Waits until a member of what `stats` gives has a value.
pub fn wait_for_stat(stats: impl Fn() -> Value, pointer: &str, value: u64) {
    let start = Instant::now();
    loop {
        let stats = stats();
        if stats.pointer(pointer).and_then(Value::as_u64) == Some(value) {
            return;
        }
        assert!(
            start.elapsed() < PATIENCE,
            "{pointer} is not {value}: {stats}"
        );
        std::thread::yield_now();
    }
}

/// Checks that every event is accounted for in the stats about events.
#[track_caller]
pub fn accounted(events: Value) -> Value {
    let number = |value: &Value| value.as_u64().expect("a number");
    assert_eq!(
        number(&events["accepted"]),
        number(&events["sent"])
            + number(&events["dropped"]["total"])
            + number(&events["spooled"])
            + number(&events["queued"]),
        "{events}"
    );
    events
}

/// Waits for so many error reports with this tag; gives them all.
pub fn wait_for_reports(server: &Server, tag: &str, count: usize) -> Vec<Value> {
    let found = || -> Vec<Value> {
        let reports = server.requests_to(Endpoint::SdkException);
        let bodies = reports.iter().map(|report| report.body.clone());
        bodies.filter(|body| body["tag"] == tag).collect()
    };
    for arrived in 1..1_000 {
        if found().len() >= count {
            break;
        }
        let awaited = Awaited::requests(Some(Endpoint::SdkException));
        assert!(
            server.wait_for(&awaited, arrived, PATIENCE),
            "no {count} reports {tag}"
        );
    }
    found()
}

/// Waits for so many requests to log events.
pub fn wait_for_batches(server: &Server, count: usize) -> Vec<Arc<Record>> {
    let awaited = Awaited::requests(Some(Endpoint::LogEvent));
    assert!(
        server.wait_for(&awaited, count, PATIENCE),
        "no {count} batches"
    );
    server.requests_to(Endpoint::LogEvent)
}

/// Waits until so many events were accepted.
pub fn wait_for_events(server: &Server, count: usize) -> Vec<Value> {
    assert!(
        server.wait_for(&Awaited::events(None), count, PATIENCE),
        "no {count} events"
    );
    server.events()
}

/// A client made in Rust.
pub fn rust_client(options: &Value, hooks: Hooks, clock: Arc<dyn Clock>) -> Arc<Client> {
    let (settings, _) = Settings::from_json(&options.to_string()).expect("options");
    Client::with_clock(KEY, Options { settings, hooks }, clock).expect("a client")
}

/// `options`, and those that all clients of `server` have.
pub fn all_options(server: &Server, options: Value) -> Value {
    let mut all = json!({
        "api": server.api(),
        "api_for_sdk_exception": format!("{}/v1/sdk_exception", server.url()),
        "disable_diagnostics": true,
        "rulesets_sync_interval": 3600,
        "idlists_sync_interval": 3600,
    });
    merge(&mut all, options);
    all
}

/// A user from JSON.
pub fn user(json: Value) -> Arc<User> {
    Arc::new(User::from_json(&json.to_string()).expect("a user"))
}

/// The user with this id and nothing else.
pub fn id(id: &str) -> Arc<User> {
    user(json!({"userID": id}))
}

/// User "a".
pub fn a() -> Arc<User> {
    id("a")
}

/// Events without diagnostics and, once checked, without times.
pub fn normal_form(events: Vec<Value>) -> Vec<Value> {
    let is_diagnostics = |event: &Value| event["eventName"] == "statsig::diagnostics";
    let events = events.into_iter().filter(|event| !is_diagnostics(event));
    events.map(without_times).collect()
}

fn without_times(mut event: Value) -> Value {
    let time = event.as_object_mut().and_then(|event| event.remove("time"));
    assert!(
        time.and_then(|time| time.as_u64()).is_some(),
        "time is no integer: {event}"
    );
    if event["eventName"]
        .as_str()
        .is_some_and(|name| name.ends_with("_exposure"))
    {
        let metadata = event["metadata"].as_object_mut().expect("metadata");
        let time = metadata.remove("serverTime").and_then(|time| time.as_u64());
        assert!(time.is_some(), "serverTime is no integer: {event}");
    }
    event
}

/// An exposure as the tests expect it; the methods add what is not usual.
#[derive(Debug, Clone)]
pub struct Expected(Value);

impl Expected {
    fn new(name: &str, metadata: Value) -> Self {
        let mut event = json!({
            "user": {"userID": "a"},
            "eventName": name,
            "metadata": {"reason": "Network", "configSyncTime": RULES_TIME, "initTime": RULES_TIME},
            "secondaryExposures": [],
            "statsigMetadata": {"samplingMode": null},
        });
        merge(&mut event["metadata"], metadata);
        Expected(event)
    }

    pub fn gate(gate: &str, value: bool, rule: &str) -> Self {
        let metadata = json!({"gate": gate, "gateValue": value.to_string(), "ruleID": rule});
        Expected::new("statsig::gate_exposure", metadata)
    }

    pub fn config(config: &str, passed: bool, rule: &str) -> Self {
        let metadata = json!({"config": config, "rulePassed": passed.to_string(), "ruleID": rule});
        Expected::new("statsig::config_exposure", metadata)
    }

    pub fn layer(layer: &str, parameter: &str, rule: &str, explicit_in: Option<&str>) -> Self {
        let metadata = json!({
            "config": layer,
            "parameterName": parameter,
            "ruleID": rule,
            "allocatedExperiment": explicit_in.unwrap_or_default(),
            "isExplicitParameter": explicit_in.is_some().to_string(),
        });
        Expected::new("statsig::layer_exposure", metadata)
    }

    pub fn meta(mut self, key: &str, value: impl Into<Value>) -> Self {
        self.0["metadata"][key] = value.into();
        self
    }

    pub fn version(self, version: &str) -> Self {
        self.meta("configVersion", version)
    }

    pub fn reason(self, reason: &str) -> Self {
        self.meta("reason", reason)
    }

    pub fn manual(self) -> Self {
        self.meta("isManualExposure", "true")
    }

    pub fn user(mut self, user: Value) -> Self {
        self.0["user"] = user;
        self
    }

    /// Nested gates as `gate:value:rule`.
    pub fn secondary(mut self, gates: &[&str]) -> Self {
        let gates = gates.iter().map(|text| {
            let parts: Vec<&str> = text.split(':').collect();
            json!({"gate": parts[0], "gateValue": parts[1], "ruleID": parts[2]})
        });
        self.0["secondaryExposures"] = gates.collect();
        self
    }

    pub fn sampling(mut self, metadata: Value) -> Self {
        self.0["statsigMetadata"] = metadata;
        self
    }

    pub fn into_value(self) -> Value {
        self.0
    }
}

/// Compares what was received with what was expected, in order.
#[track_caller]
pub fn assert_events(received: &[Value], expected: impl IntoIterator<Item = Expected>) {
    let expected: Vec<Value> = expected.into_iter().map(Expected::into_value).collect();
    assert_eq!(
        received.len(),
        expected.len(),
        "received {}\nexpected {}",
        Value::from(received),
        Value::from(expected)
    );
    for (received, expected) in received.iter().zip(&expected) {
        assert_eq!(sorted(received), sorted(expected));
    }
}

/// With members in order, so that a failed comparison is readable.
fn sorted(value: &Value) -> Value {
    match value {
        Value::Object(members) => {
            let mut keys: Vec<&String> = members.keys().collect();
            keys.sort();
            let members = keys
                .into_iter()
                .map(|key| (key.clone(), sorted(&members[key])));
            Value::Object(members.collect::<Map<_, _>>())
        }
        Value::Array(items) => items.iter().map(sorted).collect(),
        other => other.clone(),
    }
}
