//! What goes to the error sink and how events travel (T33, T109 to T116).

use std::sync::Arc;
use std::time::Instant;

use parking_lot::Mutex;
use serde_json::{Value, json};
use tidegate::client::Client;
use tidegate::exposure::EventValue;
use tidegate::host::{Hooks, Metrics};
use tidegate::user::User;

use crate::support::lists::{FILE, Lists};
use crate::support::scripted::{PATIENCE, Recorded, Reply, Server, wait_until};
use crate::support::service::{Heard, KEY, SPECS, Steps, client, options, service, specs, started};

const EVENTS: &str = "/log_event";
const ERRORS: &str = "/sdk_exception";

fn log(client: &Client, name: &str) {
    let user = Arc::new(User::from_json(r#"{"userID": "u"}"#).expect("a user"));
    client
        .log_event(&user, name, EventValue::None, None)
        .expect("logged");
}

fn json_body(request: &Recorded) -> Value {
    if request.header("content-encoding") != Some("gzip") {
        return serde_json::from_slice(&request.body).expect("JSON");
    }
    serde_json::from_reader(flate2::read::GzDecoder::new(&request.body[..])).expect("JSON")
}

/// A service whose events and error reports are answered by `answer`; specs come with diagnostics
/// off, so that the only events are those of the test.
fn with_events(answer: impl Fn(usize, &Recorded) -> Reply + Send + Sync + 'static) -> Server {
    let mut quiet: Value = serde_json::from_str(&specs(100)).expect("JSON");
    quiet["diagnostics"] =
        json!({"initialize": 0, "dcs": 0, "idlist": 0, "logevent": 0, "api_call": 0});
    service()
        .specs(move |_, _| Reply::json(quiet.to_string()))
        .events(answer)
        .start()
}

#[test]
fn t33_a_report_says_what_was_tried() {
    let refused = {
        let gone = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
        gone.local_addr().expect("an address")
    };
    let e = service().start();
    let more = json!({
        "api": format!("http://{refused}/v1"), "init_timeout": 7, "rulesets_sync_interval": 3600,
    });
    let _client = started(&options(&e, more), Hooks::default());
    let report = &e.wait_for(ERRORS, 1)[0];
    let body = json_body(report);
    assert_eq!(body["tag"], "request:download_config_specs");
    assert_eq!(
        body["extra"],
        json!({"timeoutMs": 7000, "httpMethod": "GET"})
    );
    assert_eq!(
        body["statsigOptions"]["api"],
        json!(format!("http://{refused}/v1"))
    );
    assert_eq!(report.header("statsig-api-key"), Some(KEY));
}

#[test]
fn t109_a_batch_is_tried_again_until_it_is_accepted() {
    let m = with_events(|number, _| match number {
        0 | 1 => Reply::status(503),
        _ => Reply::new(202, r#"{"success":true}"#),
    });
    let client = started(
        &options(&m, json!({"logging_interval": 0.05})),
        Hooks::default(),
    );
    log(&client, "one");
    let sent = m.wait_for(EVENTS, 3);
    let retries: Vec<_> = sent.iter().map(|r| r.header("statsig-retry")).collect();
    assert_eq!(retries, [Some("0"), Some("1"), Some("2")]);
    assert!(
        sent.iter()
            .all(|r| r.header("statsig-event-count") == Some("1"))
    );
    assert_eq!(json_body(&sent[0])["events"], json_body(&sent[2])["events"]);
}

/// A failure to the legacy SDK.
#[test]
fn t110_an_empty_answer_is_an_acceptance() {
    let m = with_events(|_, _| Reply::status(202));
    let heard = Arc::new(Heard::default());
    let client = started(&options(&m, json!({})), heard.hooks());
    log(&client, "one");
    client.shutdown(30_000).expect("shut down");
    assert_eq!(m.requests_to(EVENTS).len(), 1);
    assert!(m.requests_to(ERRORS).is_empty() && heard.tags().is_empty());
}

/// Dropped by the legacy SDK.
#[test]
fn t111_a_batch_survives_a_broken_connection() {
    let m = with_events(|number, _| {
        if number == 0 {
            Reply::no_answer()
        } else {
            Reply::new(202, "{}")
        }
    });
    let client = started(
        &options(&m, json!({"logging_interval": 0.05})),
        Hooks::default(),
    );
    log(&client, "one");
    let sent = m.wait_for(EVENTS, 2);
    assert_eq!(json_body(&sent[1])["events"], json_body(&sent[0])["events"]);
}

#[test]
fn t112_a_refused_batch_is_dropped_and_reported_each_time() {
    let m = with_events(|_, request| {
        Reply::status(if request.path().ends_with(EVENTS) {
            400
        } else {
            202
        })
    });
    let client = started(
        &options(&m, json!({"logging_interval": 0.05})),
        Hooks::default(),
    );
    for count in 1..=2 {
        log(&client, "one");
        m.wait_for(EVENTS, count);
        let reports = m.wait_for(ERRORS, count);
        let body = json_body(&reports[count - 1]);
        assert_eq!(body["tag"], "statsig::log_event_failed");
        assert_eq!(body["extra"]["eventCount"], 1);
    }
}

#[test]
fn t113_errors_of_one_kind_are_reported_once() {
    let m = service().specs(|_, _| Reply::no_answer()).start();
    let heard = Arc::new(Heard::default());
    let client = started(&options(&m, json!({})), heard.hooks());
    m.wait_for(SPECS, 4);
    m.wait_for(ERRORS, 1);
    client.shutdown(30_000).expect("shut down");
    assert_eq!(m.requests_to(ERRORS).len(), 1);
    assert_eq!(heard.tags(), ["request:download_config_specs"]);
}

#[test]
fn t114_nothing_is_sent_when_all_logging_is_off() {
    let m = service().specs(|_, _| Reply::no_answer()).start();
    let client = started(
        &options(&m, json!({"disable_all_logging": true})),
        Hooks::default(),
    );
    log(&client, "one");
    m.wait_for(SPECS, 3);
    client.shutdown(30_000).expect("shut down");
    assert!(m.requests_to(ERRORS).is_empty() && m.requests_to(EVENTS).is_empty());
}

#[test]
fn t115_a_sink_that_hangs_or_fails_holds_nothing_up() {
    for (name, status, delay) in [("fails", 500, 0), ("hangs", 202, 120_000)] {
        let e = service()
            .events(move |_, _| Reply::status(status).delay(delay))
            .start();
        let m = service().specs(|_, _| Reply::no_answer()).start();
        let mut all = options(
            &m,
            json!({"api_for_sdk_exception": e.url("/v1/sdk_exception")}),
        );
        all["disable_all_logging"] = json!(false);
        let client = client(&all, Hooks::default());
        client.initialize(60_000).expect("initialized");
        e.wait_for(ERRORS, 1);
        m.wait_for(SPECS, 3);
        let before = Instant::now();
        client.shutdown(15_000).expect("shut down");
        assert!(before.elapsed() < PATIENCE, "{name}");
    }
}

/// The legacy SDK shows it in both.
#[test]
fn t116_no_report_and_no_diagnostics_show_the_key() {
    let m = service()
        .specs(|number, _| {
            if number < 2 {
                Reply::no_answer()
            } else {
                Reply::json(specs(100))
            }
        })
        .start();
    let client = started(&options(&m, json!({})), Hooks::default());
    wait_until("specs arrive", || client.context().store.lcut() == 100);
    log(&client, "one");
    client.shutdown(30_000).expect("shut down");
    let mut bodies = m.requests_to(EVENTS);
    bodies.extend(m.wait_for(ERRORS, 1));
    assert!(bodies.len() >= 2);
    for request in &bodies {
        let body = json_body(request).to_string();
        assert!(!body.contains(KEY), "{body}");
    }
}

/// Numbers and their tags, by name.
#[derive(Default)]
struct Recorder(Mutex<Vec<(String, f64, Value)>>);

impl Metrics for Recorder {
    fn increment(&self, name: &str, value: f64, tags: &str) {
        self.distribution(name, value, tags);
    }

    fn gauge(&self, name: &str, value: f64, tags: &str) {
        self.distribution(name, value, tags);
    }

    fn distribution(&self, name: &str, value: f64, tags: &str) {
        let tags = serde_json::from_str(tags).expect("JSON");
        self.0.lock().push((name.to_owned(), value, tags));
    }

    fn wants_high_cardinality(&self) -> bool {
        true
    }
}

impl Recorder {
    fn tags(&self, name: &str) -> Vec<Value> {
        let full = format!("statsig.sdk.{name}");
        let all = self.0.lock();
        let named = all.iter().filter(|(name, _, _)| *name == full);
        named.map(|(_, _, tags)| tags.clone()).collect()
    }
}

#[test]
fn sync_is_measured() {
    let lists = Lists::new();
    lists.file("l", FILE);
    lists.announce(&[("l", 12, "f1", 1)]);
    let m = service().specs_of(&[100, 200]).start();
    let recorder = Arc::new(Recorder::default());
    let heard = Arc::new(Heard::default());
    let hooks = Hooks {
        metrics: Some(Arc::clone(&recorder) as Arc<dyn Metrics>),
        ..heard.hooks()
    };
    let more = json!({"api_for_get_id_lists": lists.server.url("/v1")});
    let steps = Steps::with_hooks(options(&m, more), hooks, heard);
    steps.polls(2);
    steps.step(60_000);

    let begun = &recorder.tags("initialization")[0];
    assert_eq!(begun["source"], "Network");
    assert_eq!(begun["store_populated"], "true");
    assert_eq!(begun["id_list_count"], "1");
    assert_eq!(begun["sdk_key"], "secret-key");
    assert_eq!(begun["init_source_api"], json!(m.url("/v1/")));

    let requests = recorder.tags("network_request.latency");
    let of = |path: &str| {
        requests
            .iter()
            .filter(|tags| tags["request_path"] == path)
            .collect::<Vec<_>>()
    };
    let specs_requests = of("/v1/download_config_specs");
    assert_eq!(specs_requests[0]["context"], "initialize");
    assert_eq!(specs_requests[1]["context"], "background_sync");
    assert_eq!(specs_requests[0]["status_code"], "200");
    assert_eq!(specs_requests[0]["is_success"], "true");
    assert_eq!(specs_requests[0]["source_service"], json!(m.url("")));
    assert_eq!(of("/v1/get_id_lists").len(), 2);
    assert_eq!(of("/file/l")[0]["id_list_file_id"], "f1");

    let moved = recorder.tags("config_propagation_diff");
    assert_eq!(moved.len(), 1, "after initialize only");
    assert_eq!(
        (&moved[0]["lcut"], &moved[0]["prev_lcut"]),
        (&json!("200"), &json!("100"))
    );
    assert_eq!(recorder.tags("config_no_update")[0]["source"], "Network");
    let overall = recorder.tags("config_sync_overall.latency");
    assert_eq!(overall[0]["format"], "json");
    assert_eq!(overall[0]["process_success"], "true");
    let rounds = recorder.tags("id_lists_sync_overall.latency");
    assert_eq!(rounds[0]["id_list_manifest_success"], "true");
    assert_eq!(rounds[0]["succeed_single_id_list_number"], "1");
    let text = format!("{:?}", recorder.0.lock());
    assert!(
        !text.contains(".json"),
        "no whole path, which holds the key"
    );
}

#[test]
fn initialize_leaves_its_markers_in_order() {
    let lists = Lists::new();
    lists.file("l", FILE);
    lists.announce(&[("l", 12, "f1", 1)]);
    let steps = Steps::new(options(&lists.server, json!({})));
    steps.client.flush(30_000).expect("flushed");
    let body = json_body(&lists.server.wait_for(EVENTS, 1)[0]);
    let event = &body["events"][0];
    assert_eq!(event["eventName"], "statsig::diagnostics");
    assert_eq!(event["metadata"]["context"], "initialize");
    let markers = event["metadata"]["markers"].as_array().expect("markers");
    let named: Vec<String> = markers
        .iter()
        .map(|marker| {
            let step = marker["step"].as_str().unwrap_or("-");
            let (key, action) = (marker["key"].as_str(), marker["action"].as_str());
            format!(
                "{} {step} {}",
                key.expect("a key"),
                action.expect("an action")
            )
        })
        .collect();
    assert_eq!(
        named,
        [
            "overall - start",
            "download_config_specs network_request start",
            "download_config_specs network_request end",
            "download_config_specs process start",
            "download_config_specs process end",
            "get_id_list_sources network_request start",
            "get_id_list_sources network_request end",
            "get_id_list_sources process start",
            "get_id_list network_request start",
            "get_id_list network_request end",
            "get_id_list process start",
            "get_id_list process end",
            "get_id_list_sources process end",
            "overall - end",
        ]
    );
    assert_eq!(markers[2]["statusCode"], 200);
    assert_eq!(markers[7]["idListCount"], 1);
    assert_eq!(markers[13]["success"], true);
}
