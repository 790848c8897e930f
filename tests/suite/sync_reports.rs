//! What goes to the error sink and how events travel (T33, T109 to T116).

use std::sync::Arc;
use std::time::Instant;

use serde_json::{Value, json};
use tidegate::client::Client;
use tidegate::exposure::EventValue;
use tidegate::host::Hooks;
use tidegate::user::User;

use crate::support::scripted::{PATIENCE, Recorded, Reply, Server, wait_until};
use crate::support::service::{Heard, KEY, SPECS, client, options, service, specs, started};

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
