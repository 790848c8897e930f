//! The service as the sync tests script it, and clients that use it.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use parking_lot::Mutex;
use serde_json::{Value, json};
use tidegate::client::Client;
use tidegate::clock::ManualClock;
use tidegate::host::Hooks;
use tidegate::options::{Options, Settings};

use super::scripted::{Recorded, Reply, Server, wait_until};

pub const KEY: &str = "secret-key";
/// Paths of the endpoints, as parts of recorded paths.
pub const SPECS: &str = "/download_config_specs/";
pub const LISTS: &str = "/get_id_lists";
pub const FILES: &str = "/file/";
/// Between polls, where tests run on the real clock.
pub const INTERVAL_MS: u32 = 40;
/// What a manual clock shows at first.
pub const NOW_MS: i64 = 1_700_000_000_000;

/// The smallest specs of a time.
pub fn specs(time: i64) -> String {
    json!({
        "time": time, "has_updates": true,
        "feature_gates": [], "dynamic_configs": [], "layer_configs": [], "layers": {},
    })
    .to_string()
}

pub fn no_update() -> Reply {
    Reply::json(r#"{"has_updates":false}"#)
}

type Answer = Box<dyn Fn(usize, &Recorded) -> Reply + Send + Sync>;

/// Answers by endpoint; each gets the number of the request to that endpoint, from 0.
pub struct Service {
    specs: Answer,
    lists: Answer,
    files: Answer,
    events: Answer,
}

/// Everything is there and never changes: specs of time 100, no id lists.
pub fn service() -> Service {
    Service {
        specs: Box::new(|_, request| {
            if request.target.contains("sinceTime=") {
                no_update()
            } else {
                Reply::json(specs(100))
            }
        }),
        lists: Box::new(|_, _| Reply::json("{}")),
        files: Box::new(|_, _| Reply::status(404)),
        events: Box::new(|_, _| Reply::new(202, r#"{"success":true}"#)),
    }
}

impl Service {
    pub fn specs(
        mut self,
        answer: impl Fn(usize, &Recorded) -> Reply + Send + Sync + 'static,
    ) -> Self {
        self.specs = Box::new(answer);
        self
    }

    /// Specs of time 100; the answer to one request, by its number, takes a minute.
    pub fn specs_with_delay(self, delayed: usize) -> Self {
        self.specs(move |number, _| {
            let delay_ms = if number == delayed { 60_000 } else { 0 };
            Reply::json(specs(100)).delay(delay_ms)
        })
    }

    /// Specs of these times in order, and no update after them.
    pub fn specs_of(self, times: &[i64]) -> Self {
        let answers = times.iter().map(|time| Reply::json(specs(*time)));
        self.specs_in_turn(answers.chain([no_update()]).collect())
    }

    /// The answers in order, the last one again and again.
    pub fn specs_in_turn(self, answers: Vec<Reply>) -> Self {
        self.specs(in_turn(answers))
    }

    pub fn lists(
        mut self,
        answer: impl Fn(usize, &Recorded) -> Reply + Send + Sync + 'static,
    ) -> Self {
        self.lists = Box::new(answer);
        self
    }

    pub fn files(
        mut self,
        answer: impl Fn(usize, &Recorded) -> Reply + Send + Sync + 'static,
    ) -> Self {
        self.files = Box::new(answer);
        self
    }

    pub fn events(
        mut self,
        answer: impl Fn(usize, &Recorded) -> Reply + Send + Sync + 'static,
    ) -> Self {
        self.events = Box::new(answer);
        self
    }

    pub fn start(self) -> Server {
        let counts: [AtomicUsize; 4] = Default::default();
        Server::start(move |request| {
            let path = request.path();
            let [specs, lists, files, events] = &counts;
            let (answer, count) = if path.contains(SPECS) {
                (&self.specs, specs)
            } else if path.contains(LISTS) {
                (&self.lists, lists)
            } else if path.ends_with("/log_event") || path.ends_with("/sdk_exception") {
                (&self.events, events)
            } else {
                (&self.files, files)
            };
            answer(count.fetch_add(1, Ordering::SeqCst), request)
        })
    }
}

/// The answers in order, the last one again and again.
pub fn in_turn(answers: Vec<Reply>) -> impl Fn(usize, &Recorded) -> Reply + Send + Sync {
    move |number, _| answers[number.min(answers.len() - 1)].clone()
}

/// What the hooks of a client were told.
#[derive(Default)]
pub struct Heard {
    pub updates: Mutex<Vec<(i64, String)>>,
    pub errors: Mutex<Vec<(String, String)>>,
}

impl Heard {
    pub fn update_times(&self) -> Vec<i64> {
        self.updates.lock().iter().map(|(time, _)| *time).collect()
    }

    /// Waits for that many updates, which the host hears of after they are in use, and compares.
    #[track_caller]
    pub fn expect_updates(&self, times: &[i64]) {
        let is_told = || self.update_times().len() >= times.len();
        wait_until("the host is told", is_told);
        assert_eq!(self.update_times(), times);
    }

    /// Tags of the reported errors.
    pub fn tags(&self) -> Vec<String> {
        self.errors
            .lock()
            .iter()
            .map(|(tag, _)| tag.clone())
            .collect()
    }

    pub fn hooks(self: &Arc<Self>) -> Hooks {
        let (updates, errors) = (Arc::clone(self), Arc::clone(self));
        Hooks {
            rules_updated: Some(Arc::new(move |time, specs| {
                let specs = specs().expect("specs");
                updates.updates.lock().push((time, specs.to_string()));
            })),
            error: Some(Arc::new(move |tag, _, text| {
                errors.errors.lock().push((tag.to_owned(), text.to_owned()));
            })),
            ..Hooks::default()
        }
    }
}

pub fn settings(options: &Value) -> Settings {
    let (settings, _) = Settings::from_json(&options.to_string()).expect("options");
    settings
}

/// Options for `server`, fast polling without jitter, and `more`.
pub fn options(server: &Server, more: Value) -> Value {
    let mut options = json!({
        "api": server.url("/v1"),
        "api_for_sdk_exception": server.url("/v1/sdk_exception"),
        "api_for_statsig_network": server.url("/unexpected/v1"),
        "rulesets_sync_interval": f64::from(INTERVAL_MS) / 1000.0,
        "idlists_sync_interval": f64::from(INTERVAL_MS) / 1000.0,
        "sync_jitter": 0,
        "output_logger_level": "none",
    });
    merge(&mut options, more);
    options
}

pub fn merge(options: &mut Value, more: Value) {
    if let (Some(options), Value::Object(more)) = (options.as_object_mut(), more) {
        options.extend(more);
    }
}

/// A client with threads, on the real clock.
pub fn client(options: &Value, hooks: Hooks) -> Arc<Client> {
    let settings = settings(options);
    Client::new(KEY, Options { settings, hooks }).expect("a client")
}

/// A client that has initialized.
pub fn started(options: &Value, hooks: Hooks) -> Arc<Client> {
    let client = client(options, hooks);
    client.initialize(60_000).expect("initialized");
    client
}

pub fn details(client: &Client) -> Value {
    serde_json::from_str(&client.init_details()).expect("JSON")
}

pub fn lcut(client: &Client) -> i64 {
    client.context().store.lcut()
}

pub fn source(client: &Client) -> &'static str {
    client.context().store.load().source.as_str()
}

/// A client without threads on a clock that only the test moves: every round happens in
/// [`Steps::step`], and nowhere else.
pub struct Steps {
    pub client: Arc<Client>,
    pub clock: Arc<ManualClock>,
    pub heard: Arc<Heard>,
}

impl Steps {
    /// Initialized. Specs every second, id lists every minute.
    pub fn new(options: Value) -> Steps {
        let heard = Arc::new(Heard::default());
        let hooks = heard.hooks();
        Steps::with_hooks(options, hooks, heard)
    }

    pub fn with_hooks(mut options: Value, hooks: Hooks, heard: Arc<Heard>) -> Steps {
        let steps = json!({
            "threads": "none", "rulesets_sync_interval": 1, "idlists_sync_interval": 60,
        });
        merge(&mut options, steps);
        let clock = Arc::new(ManualClock::new(NOW_MS));
        let settings = settings(&options);
        let options = Options { settings, hooks };
        let client = Client::with_clock(KEY, options, clock.clone()).expect("a client");
        client.initialize(60_000).expect("initialized");
        Steps {
            client,
            clock,
            heard,
        }
    }

    /// Moves the clock and does what is due then.
    pub fn step(&self, ms: i64) {
        self.clock.advance(ms);
        self.client.tick(60_000).expect("a tick");
    }

    /// One interval of the specs, `count` times.
    pub fn polls(&self, count: usize) {
        for _ in 0..count {
            self.step(1000);
        }
    }

    pub fn lcut(&self) -> i64 {
        lcut(&self.client)
    }
}

/// The query of each request, as `sinceTime`'s value; 0 without.
pub fn since(requests: &[Recorded]) -> Vec<i64> {
    requests
        .iter()
        .map(|request| {
            let value = request
                .target
                .split_once("sinceTime=")
                .map(|(_, value)| value);
            value.map_or(0, |value| value.parse().expect("a time"))
        })
        .collect()
}
