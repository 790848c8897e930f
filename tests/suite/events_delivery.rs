//! Batches on their way: size, age, retries, back-off, flush and shutdown.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use serde_json::{Value, json};
use tidegate::clock::ManualClock;
use tidegate::exposure::EventValue;
use tidegate::host::{Delivery, Hooks, Metrics};

use crate::local_server::fault::Fault;
use crate::local_server::record::{Endpoint, Record};
use crate::local_server::state::Awaited;
use crate::support::events::*;

/// Rules under which the client has no events of its own to send.
fn silent_rules(members: Value) -> Value {
    let mut rules = fixture_with(json!({
        "diagnostics": {"initialize": 0, "dcs": 0, "idlist": 0, "api_call": 0, "logevent": 0},
    }));
    for (key, value) in members.as_object().expect("an object") {
        rules[key] = value.clone();
    }
    rules
}

fn own_threads(options: Value) -> Setup {
    Plan {
        options,
        rules: silent_rules(json!({})),
        ..Plan::default()
    }
    .start()
}

/// A client that does nothing by itself, on a clock that stands still.
struct Manual {
    setup: Setup,
    clock: Arc<ManualClock>,
}

impl Manual {
    fn new(mut options: Value, members: Value) -> Manual {
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

    /// Does what is due; gives how many milliseconds later something will be.
    fn tick(&self) -> u32 {
        self.setup.client.tick(30_000).expect("ticked")
    }

    fn advance(&self, ms: i64) {
        self.clock.advance(ms);
        self.tick();
    }
}

fn log(setup: &Setup, numbers: std::ops::Range<u32>) {
    for number in numbers {
        let name = format!("e{number}");
        setup
            .client
            .log_event(&a(), &name, EventValue::None, None)
            .expect("accepted");
    }
}

fn names(batch: &Record) -> Vec<String> {
    let name = |event: &Value| event["eventName"].as_str().expect("a name").to_owned();
    batch.events().iter().map(name).collect()
}

fn sizes(batches: &[Arc<Record>]) -> Vec<usize> {
    let mut sizes: Vec<usize> = batches.iter().map(|batch| batch.events().len()).collect();
    sizes.sort_unstable();
    sizes
}

fn retries(batches: &[Arc<Record>]) -> Vec<&str> {
    batches
        .iter()
        .map(|batch| batch.header("statsig-retry").expect("a header"))
        .collect()
}

fn answers(server: &crate::local_server::Server, statuses: &[u16]) {
    for status in statuses {
        server.fault(Fault::status(Endpoint::LogEvent, *status));
    }
}

#[test]
fn q1_full_batches_leave_at_once_and_the_rest_waits() {
    let setup = own_threads(json!({"event_queue_size": 10}));
    log(&setup, 0..25);
    let batches = setup.wait_for_batches(2);
    assert_eq!(sizes(&batches), [10, 10]);
    setup.wait_for_stat("/sent", 20);
    assert_eq!(setup.stats()["queued"], 5);
    let info = setup.flush();
    assert_eq!(
        (info.sent, info.dropped, info.queued, info.spooled),
        (5, 0, 0, 0)
    );
    assert_eq!(
        names(&setup.batches()[2]),
        ["e20", "e21", "e22", "e23", "e24"]
    );
    setup.stats();
}

/// The legacy SDK flushes the last five only and leaves the full batches to its workers; here a
/// flush delivers everything that was accepted before it.
#[test]
fn q2_a_flush_delivers_everything() {
    let manual = Manual::new(json!({"event_queue_size": 10}), json!({}));
    log(&manual.setup, 0..25);
    let info = manual.setup.flush();
    assert_eq!((info.sent, info.queued), (25, 0));
    let batches = manual.setup.batches();
    let names: Vec<String> = batches.iter().flat_map(|batch| names(batch)).collect();
    assert_eq!(
        names,
        (0..25)
            .map(|number| format!("e{number}"))
            .collect::<Vec<_>>()
    );
    assert_eq!(sizes(&batches), [5, 10, 10]);
}

#[test]
fn q3_a_full_queue_drops_the_oldest_batches_and_reports_them() {
    let manual = Manual::new(
        json!({"event_queue_size": 10, "retry_queue_size": 3}),
        json!({}),
    );
    log(&manual.setup, 0..100);
    manual.tick();
    let batches = manual.setup.batches();
    let delivered: Vec<String> = batches.iter().flat_map(|batch| names(batch)).collect();
    assert_eq!(
        delivered,
        (70..100)
            .map(|number| format!("e{number}"))
            .collect::<Vec<_>>()
    );
    let stats = manual.setup.stats();
    assert_eq!(stats["dropped"]["queue_full"], 70);
    manual.setup.shutdown();
    let tag = "statsig::log_event_dropped_event_count";
    let reports = manual.setup.wait_for_reports(tag, 1);
    assert_eq!(reports[0]["extra"]["eventCount"], 70);
}

#[test]
fn q4_drops_during_shutdown_are_reported() {
    let manual = Manual::new(
        json!({"event_queue_size": 2, "retry_queue_size": 1}),
        json!({}),
    );
    log(&manual.setup, 0..7);
    let info = manual.setup.shutdown();
    assert_eq!((info.sent, info.dropped), (1, 6));
    assert_eq!(names(&manual.setup.batches()[0]), ["e6"]);
    let tag = "statsig::log_event_dropped_event_count";
    let report = manual.setup.wait_for_reports(tag, 1).remove(0);
    assert_eq!(report["exception"], tag);
    assert_eq!(report["extra"]["eventCount"], 6);
    assert_eq!(report["extra"]["loggingInterval"], 1.0);
    assert!(report["extra"]["error"].is_string());
    assert_eq!(report["statsigOptions"]["event_queue_size"], 2);
    manual.setup.stats();
}

#[test]
fn q5_and_q6_the_batch_size_of_the_rules() {
    for (size, option, expected) in [
        (json!(4), 10, vec![3, 4, 4]),
        (json!(1000), 3, vec![2, 3, 3, 3]),
        (json!(-5), 10, vec![1, 10]),
    ] {
        let rules = json!({"sdk_configs": {"event_queue_size": size}});
        let manual = Manual::new(json!({"event_queue_size": option}), rules);
        log(&manual.setup, 0..11);
        manual.setup.flush();
        assert_eq!(
            sizes(&manual.setup.batches()),
            expected,
            "{size} over {option}"
        );
    }
}

#[test]
fn the_flush_callback_gets_the_events_if_asked_for() {
    for (option, flags) in [
        (json!({}), json!({})),
        (json!({"events_in_flush_callback": true}), json!({})),
        (
            json!({"events_in_flush_callback": true}),
            json!({"sdk_flags": {"stop_log_event_compression": true}}),
        ),
    ] {
        let told: Arc<Mutex<Vec<Delivery>>> = Arc::default();
        let tell = Arc::clone(&told);
        let setup = Plan {
            options: option.clone(),
            rules: silent_rules(flags),
            hooks: Hooks {
                flushed: Some(Arc::new(move |delivery: &Delivery| {
                    tell.lock().push(delivery.clone())
                })),
                ..Hooks::default()
            },
            ..Plan::default()
        }
        .start();
        log(&setup, 0..3);
        assert_eq!(setup.flush().sent, 3);
        let bodies: Vec<_> = told.lock().iter().map(|d| d.body.clone()).collect();
        if option == json!({}) {
            assert_eq!(bodies, [None]);
            continue;
        }
        let body = bodies[0].as_deref().expect("the body");
        let body: Value = serde_json::from_str(body).expect("JSON");
        assert_eq!(body, setup.batches()[0].body);
        assert_eq!(body["events"].as_array().map(Vec::len), Some(3));
    }
}

#[test]
fn q7_a_failed_flush_is_retried_after_a_second() {
    let told: Arc<Mutex<Vec<Delivery>>> = Arc::default();
    let clock = Arc::new(ManualClock::new(RULES_TIME));
    let tell = Arc::clone(&told);
    let setup = Plan {
        options: json!({"threads": "none"}),
        rules: silent_rules(json!({})),
        clock: Some(Arc::clone(&clock)),
        hooks: Hooks {
            flushed: Some(Arc::new(move |delivery: &Delivery| {
                tell.lock().push(delivery.clone())
            })),
            ..Hooks::default()
        },
    }
    .start();
    answers(&setup.server, &[500]);
    log(&setup, 0..1);
    let info = setup.flush();
    assert_eq!((info.sent, info.dropped, info.queued), (0, 0, 1));
    setup.client.tick(30_000).expect("ticked");
    assert_eq!(setup.batches().len(), 1, "not before the pause is over");
    clock.advance(1_000);
    setup.client.tick(30_000).expect("ticked");
    let batches = setup.batches();
    assert_eq!(retries(&batches), ["0", "1"]);
    assert_eq!(
        batches[0].body, batches[1].body,
        "a retry is the same batch"
    );
    let told: Vec<_> = told
        .lock()
        .iter()
        .map(|d| (d.success, d.events, d.status, d.error.is_some()))
        .collect();
    assert_eq!(
        told,
        [(false, 1, Some(500), true), (true, 1, Some(202), false)]
    );
    assert_eq!(setup.stats()["retries"], 1);
}

#[test]
fn q8_statuses_that_are_retried() {
    let manual = Manual::new(json!({}), json!({}));
    let statuses = [408, 429, 500, 502, 503, 504, 522, 524, 599];
    answers(&manual.setup.server, &statuses);
    log(&manual.setup, 0..1);
    manual.setup.flush();
    for _ in 0..statuses.len() {
        manual.advance(120_000);
    }
    let batches = manual.setup.batches();
    assert_eq!(
        retries(&batches),
        ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"]
    );
    assert!(
        batches
            .iter()
            .all(|batch| batch.header("statsig-event-count") == Some("1"))
    );
    let stats = manual.setup.stats();
    assert_eq!((&stats["sent"], &stats["retries"]), (&json!(1), &json!(9)));
}

/// As in the legacy SDK, apart from 429, which is retried here.
#[test]
fn q9_statuses_that_drop_a_batch() {
    let manual = Manual::new(json!({}), json!({}));
    let statuses = [400, 401, 403, 404, 413, 501, 520];
    answers(&manual.setup.server, &statuses);
    for number in 0..7 {
        log(&manual.setup, number..number + 1);
        let info = manual.setup.flush();
        assert_eq!((info.sent, info.dropped, info.queued), (0, 1, 0));
    }
    manual.advance(120_000);
    assert_eq!(manual.setup.batches().len(), statuses.len(), "no retry");
    assert_eq!(manual.setup.stats()["dropped"]["rejected"], 7);
    let reports = manual
        .setup
        .wait_for_reports("statsig::log_event_failed", 7);
    assert!(
        reports
            .iter()
            .all(|report| report["extra"]["eventCount"] == 1)
    );
}

/// The legacy SDK drops batches whose answer is empty or no JSON; here the status decides.
#[test]
fn q10_and_q11_the_body_of_an_answer_does_not_matter() {
    let manual = Manual::new(json!({}), json!({}));
    for (status, body) in [
        (202, Some(r#"{"success":false}"#)),
        (202, Some("[]")),
        (202, Some("null")),
        (202, Some("")),
        (202, Some("OK")),
        (204, None),
        (200, Some("<html>")),
    ] {
        let server = &manual.setup.server;
        let body = body.map(str::to_owned);
        server.fault(Fault {
            body: body.clone(),
            ..Fault::status(Endpoint::LogEvent, status)
        });
        log(&manual.setup, 0..1);
        let info = manual.setup.flush();
        assert_eq!(
            (info.sent, info.dropped, info.queued),
            (1, 0, 0),
            "{status} {body:?}"
        );
    }
    assert_eq!(manual.setup.batches().len(), 7);
}

/// The legacy SDK drops batches when a connection breaks or times out; here they are retried.
#[test]
fn q12_and_q13_transport_errors_are_retried() {
    let manual = Manual::new(json!({"timeout": 0.3}), json!({}));
    manual.setup.server.fault(Fault {
        disconnect: true,
        ..Fault::on(Endpoint::LogEvent)
    });
    manual.setup.server.fault(Fault {
        disconnect: true,
        ..Fault::on(Endpoint::LogEvent)
    });
    let held = Some("held".to_owned());
    manual.setup.server.fault(Fault {
        hold: held,
        ..Fault::on(Endpoint::LogEvent)
    });
    log(&manual.setup, 0..1);
    let mut kinds = BTreeSet::new();
    let mut rounds = 0;
    while manual.setup.stats()["sent"] == 0 {
        rounds += 1;
        assert!(rounds < 10, "never sent: {}", manual.setup.stats());
        manual.setup.flush();
        kinds.extend(
            manual.setup.stats()["last_error"]
                .as_str()
                .map(str::to_owned),
        );
        manual.clock.advance(120_000);
    }
    manual.setup.server.release("held");
    assert!(
        kinds.iter().any(|kind| kind.starts_with("TimeoutError")),
        "{kinds:?}"
    );
    assert!(
        kinds.iter().any(|kind| !kind.starts_with("TimeoutError")),
        "{kinds:?}"
    );
    manual.tick();
    let report = manual
        .setup
        .wait_for_reports("request:log_event", 2)
        .remove(0);
    assert_eq!(
        report["extra"],
        json!({"timeoutMs": 300, "httpMethod": "POST"})
    );
    assert_eq!(manual.setup.stats()["dropped"]["total"], 0);
}

#[test]
fn q14_and_q15_an_interval_from_the_rules_paces_deliveries() {
    let rules = json!({"sdk_configs": {"event_logging_interval_seconds": 3}});
    let manual = Manual::new(json!({"event_queue_size": 1}), rules);
    log(&manual.setup, 0..3);
    manual.tick();
    for (advance_ms, batches) in [(0, 1), (2_999, 1), (1, 2), (2_999, 2), (1, 3)] {
        manual.advance(advance_ms);
        assert_eq!(manual.setup.batches().len(), batches);
    }

    let rules = json!({"sdk_configs": {"event_logging_interval_seconds": 0.2}});
    let manual = Manual::new(json!({}), rules);
    answers(&manual.setup.server, &[500; 5]);
    log(&manual.setup, 0..1);
    manual.setup.flush();
    for attempts in 2..=6 {
        manual.advance(200);
        assert_eq!(manual.setup.batches().len(), attempts);
    }
}

#[test]
fn q16_the_rules_can_stop_compression() {
    let rules = json!({"sdk_flags": {"stop_log_event_compression": true}});
    let manual = Manual::new(json!({}), rules);
    log(&manual.setup, 0..2);
    manual.setup.flush();
    let batch = manual.setup.batches().remove(0);
    assert_eq!(batch.header("content-encoding"), None);
    assert_eq!(names(&batch), ["e0", "e1"]);
}

#[test]
fn q17_connections_are_reused_if_the_options_say_so() {
    for (reuse, connection) in [(true, None), (false, Some("close"))] {
        let manual = Manual::new(json!({"log_event_connection_reuse": reuse}), json!({}));
        for number in 0..3 {
            log(&manual.setup, number..number + 1);
            manual.setup.flush();
        }
        let batches = manual.setup.batches();
        let ports: BTreeSet<u16> = batches.iter().map(|batch| batch.client_port).collect();
        assert_eq!(ports.len(), if reuse { 1 } else { 3 });
        for batch in &batches {
            let sent = batch
                .header("connection")
                .filter(|value| *value != "keep-alive");
            assert_eq!(sent, connection);
        }
    }
}

#[test]
fn q18_and_q20_shutdown_delivers_everything_once() {
    let setup = own_threads(json!({"event_queue_size": 10}));
    log(&setup, 0..25);
    let info = setup.shutdown();
    assert_eq!((info.dropped, info.queued), (0, 0));
    assert_eq!(setup.stats()["sent"], 25);
    assert_eq!(sizes(&setup.batches()), [5, 10, 10]);
    assert_eq!(setup.shutdown(), Default::default());
    assert_eq!(setup.flush(), Default::default());
    assert_eq!(setup.batches().len(), 3, "nothing is sent twice");
    assert_eq!(setup.stats()["thread_alive"], false);
}

/// The legacy SDK loses these events silently.
#[test]
fn q19_what_shutdown_cannot_deliver_is_counted() {
    let setup = own_threads(json!({"event_queue_size": 10}));
    setup.server.fault(Fault {
        times: -1,
        ..Fault::status(Endpoint::LogEvent, 500)
    });
    log(&setup, 0..25);
    let info = setup.shutdown();
    assert_eq!((info.sent, info.dropped, info.queued), (0, 25, 0));
    assert_eq!(setup.stats()["dropped"]["shutdown"], 25);
    let tag = "statsig::log_event_dropped_event_count";
    assert_eq!(setup.wait_for_reports(tag, 1)[0]["extra"]["eventCount"], 25);
}

#[test]
fn q21_a_flush_of_nothing_sends_nothing() {
    let setup = own_threads(json!({}));
    assert_eq!(setup.flush(), Default::default());
    assert!(setup.batches().is_empty());
}

/// Text that is no JSON is refused when it is logged, so it cannot spoil a batch.
#[test]
fn q22_a_bad_event_does_not_spoil_a_good_one() {
    let setup = own_threads(json!({}));
    assert!(
        setup
            .client
            .log_event(&a(), "bad", EventValue::None, Some("{\"x\":}"))
            .is_err()
    );
    log(&setup, 0..1);
    assert_eq!(setup.flush().sent, 1);
    assert_eq!(names(&setup.batches()[0]), ["e0"]);
}

#[test]
fn q23_clients_share_nothing() {
    let first = own_threads(json!({}));
    let second = Plan {
        rules: silent_rules(json!({})),
        ..Plan::default()
    }
    .start_on(Arc::clone(&first.server));
    for setup in [&first, &second] {
        setup.gate(&a(), "g_on");
        assert_eq!(setup.flush().sent, 1);
    }
    let mut sessions = BTreeSet::new();
    for batch in first.batches() {
        let session = batch
            .header("statsig-server-session-id")
            .expect("a session")
            .to_owned();
        assert_eq!(batch.body["statsigMetadata"]["sessionID"], session);
        sessions.insert(session);
    }
    assert_eq!(sessions.len(), 2);
}

/// The legacy SDK drops the oldest thousand of these, as it only looks once a second.
#[test]
fn q25_a_burst_loses_nothing() {
    let options = json!({"event_queue_size": 1000, "retry_queue_size": 10});
    let setup = own_threads(options);
    let users: Vec<_> = (0..10_003).map(|number| id(&number.to_string())).collect();
    for user in &users {
        setup.gate(user, "g_on");
    }
    setup.shutdown();
    let stats = setup.stats();
    assert_eq!(
        (&stats["sent"], &stats["dropped"]["total"]),
        (&json!(10_003), &json!(0))
    );
}

#[test]
fn requests_carry_the_headers_and_the_metadata_of_the_protocol() {
    let manual = Manual::new(
        json!({"service_name": "a b/\u{fc}@1", "wrapper": {"name": "python", "version": "1.2"}}),
        json!({}),
    );
    log(&manual.setup, 0..3);
    manual.setup.flush();
    let batch = manual.setup.batches().remove(0);
    let session = batch
        .header("statsig-server-session-id")
        .expect("a session");
    for (name, value) in [
        ("content-type", "application/json"),
        ("content-encoding", "gzip"),
        ("statsig-api-key", KEY),
        ("statsig-client-time", &RULES_TIME.to_string()),
        ("statsig-sdk-type", "tidegate-python"),
        ("statsig-sdk-version", "1.2"),
        ("statsig-retry", "0"),
        ("statsig-event-count", "3"),
    ] {
        assert_eq!(batch.header(name), Some(value), "{name}");
    }
    let agent = batch.header("user-agent").expect("an agent");
    assert!(
        agent.ends_with(
            "statsig-sdk-type/tidegate-python statsig-sdk-version/1.2 statsig-service/a-b---1"
        ),
        "{agent}"
    );
    let body = batch.body.as_object().expect("an object");
    assert_eq!(
        body.keys().collect::<Vec<_>>(),
        ["events", "statsigMetadata"]
    );
    let metadata = &body["statsigMetadata"];
    assert_eq!(metadata["sdkType"], "tidegate-python");
    assert_eq!(metadata["sdkVersion"], "1.2");
    assert_eq!(metadata["sessionID"], session);
    assert!(metadata["languageVersion"].is_string());
    assert_eq!(metadata["batchID"].as_str().map(str::len), Some(36));
}

#[test]
fn batches_have_ids_of_their_own() {
    let options = json!({"event_queue_size": 1, "retry_queue_size": 20});
    let manual = Manual::new(options, json!({}));
    log(&manual.setup, 0..20);
    manual.setup.flush();
    let batches = manual.setup.batches();
    let ids: BTreeSet<String> = batches
        .iter()
        .map(|batch| batch.body["statsigMetadata"]["batchID"].to_string())
        .collect();
    assert_eq!((batches.len(), ids.len()), (20, 20));
}

#[test]
fn a_batch_is_sealed_by_age() {
    for (options, interval_ms) in [(json!({}), 60_000), (json!({"logging_interval": 5}), 5_000)] {
        let manual = Manual::new(options, json!({}));
        log(&manual.setup, 0..3);
        manual.advance(interval_ms - 1);
        assert!(manual.setup.batches().is_empty());
        assert!(manual.tick() <= 1);
        manual.advance(1);
        assert_eq!(names(&manual.setup.batches()[0]), ["e0", "e1", "e2"]);
    }
}

#[test]
fn the_events_thread_keeps_time_by_itself() {
    let clock = Arc::new(ManualClock::new(RULES_TIME));
    let setup = Plan {
        rules: silent_rules(json!({})),
        clock: Some(Arc::clone(&clock)),
        ..Plan::default()
    }
    .start();
    answers(&setup.server, &[503, 503]);
    log(&setup, 0..1);
    clock.advance(60_000);
    setup.wait_for_batches(1);
    // Each further attempt needs its pause to end; the clock stands still in between.
    let pauses = [1_000, 2_000];
    for (attempts, pause_ms) in (1..).zip(pauses) {
        setup.wait_for_stat("/retries", attempts);
        clock.advance(pause_ms);
    }
    assert_eq!(retries(&setup.wait_for_batches(3)), ["0", "1", "2"]);
    wait_for_events(&setup.server, 1);
}

#[test]
fn the_server_can_say_when_to_come_back() {
    let manual = Manual::new(json!({}), json!({}));
    manual.setup.server.fault(Fault {
        headers: [("retry-after".to_owned(), "30".to_owned())].into(),
        ..Fault::status(Endpoint::LogEvent, 429)
    });
    log(&manual.setup, 0..1);
    manual.setup.flush();
    manual.advance(29_999);
    assert_eq!(manual.setup.batches().len(), 1);
    manual.advance(1);
    assert_eq!(manual.setup.batches().len(), 2);
    assert_eq!(manual.setup.stats()["sent"], 1);
}

#[test]
fn a_batch_gets_eleven_attempts() {
    let manual = Manual::new(json!({}), json!({}));
    manual.setup.server.fault(Fault {
        times: -1,
        ..Fault::status(Endpoint::LogEvent, 503)
    });
    log(&manual.setup, 0..2);
    manual.setup.flush();
    for _ in 0..20 {
        manual.advance(120_000);
    }
    assert_eq!(manual.setup.batches().len(), 11);
    assert_eq!(manual.setup.stats()["dropped"]["attempts"], 2);
    let report = manual
        .setup
        .wait_for_reports("statsig::log_event_failed", 1)
        .remove(0);
    assert_eq!(report["extra"]["eventCount"], 2);
}

#[test]
fn a_server_that_hangs_blocks_neither_callers_nor_flush_nor_shutdown() {
    let setup = own_threads(json!({"event_queue_size": 10, "retry_queue_size": 20}));
    let held = Some("held".to_owned());
    setup.server.fault(Fault {
        times: -1,
        hold: held,
        ..Fault::on(Endpoint::LogEvent)
    });
    log(&setup, 0..100);
    assert_eq!(setup.wait_for_batches(4).len(), 4, "four at a time");
    log(&setup, 100..105);
    let info = setup.client.flush(50).expect("flushed");
    assert_eq!((info.sent, info.dropped, info.queued), (0, 0, 105));
    let info = setup.client.shutdown(50).expect("shut down");
    assert_eq!((info.sent, info.dropped, info.queued), (0, 105, 0));
    assert_eq!(setup.stats()["dropped"]["shutdown"], 105);
    setup.server.release("held");
}

#[test]
fn a_flush_without_time_queues() {
    let manual = Manual::new(json!({}), json!({}));
    log(&manual.setup, 0..3);
    let info = manual.setup.client.flush(0).expect("flushed");
    assert_eq!((info.sent, info.queued), (0, 3));
    assert!(manual.setup.batches().is_empty());
    assert_eq!(manual.setup.flush().sent, 3);
}

#[test]
fn a_release_does_not_wait() {
    let setup = own_threads(json!({}));
    log(&setup, 0..3);
    setup.client.close();
    assert_eq!(setup.stats()["dropped"]["shutdown"], 3);
    assert!(setup.batches().is_empty());
}

#[derive(Default)]
struct Collected(Mutex<Vec<(String, f64, String)>>);

impl Metrics for Collected {
    fn increment(&self, name: &str, value: f64, tags: &str) {
        self.0
            .lock()
            .push((name.to_owned(), value, tags.to_owned()));
    }
    fn gauge(&self, _: &str, _: f64, _: &str) {}
    fn distribution(&self, _: &str, _: f64, _: &str) {}
}

#[test]
fn hooks_are_told_and_cannot_do_harm() {
    let collected = Arc::new(Collected::default());
    let setup = Plan {
        options: json!({"event_queue_size": 5}),
        rules: silent_rules(json!({})),
        hooks: Hooks {
            metrics: Some(Arc::clone(&collected) as Arc<dyn Metrics>),
            flushed: Some(Arc::new(|_: &Delivery| panic!("a broken callback"))),
            ..Hooks::default()
        },
        ..Plan::default()
    }
    .start();
    log(&setup, 0..7);
    setup.flush();
    let stats = setup.stats();
    assert_eq!((&stats["sent"], &stats["queued"]), (&json!(7), &json!(0)));
    let name = "statsig.sdk.events_successfully_sent_count";
    let counted = collected.0.lock();
    let sent: Vec<_> = counted.iter().filter(|(known, ..)| known == name).collect();
    assert_eq!(sent.iter().map(|(_, value, _)| value).sum::<f64>(), 7.0);
    assert!(sent.iter().all(|(_, _, tags)| tags == "{}"));
    setup.wait_for_reports("events_flushed_callback", 1);
}

#[test]
fn a_forked_child_leaves_the_events_of_its_parent_alone() {
    let manual = Manual::new(json!({}), json!({}));
    let setup = &manual.setup;
    log(setup, 0..3);
    setup.gate(&a(), "g_on");
    let session = setup.client.context().session_id();
    // As the child sees it; the parent's memory is gone with this process.
    setup.client.after_fork_child();
    assert_eq!(setup.stats()["queued"], 0);
    setup.gate(&a(), "g_on");
    assert_eq!(setup.flush().sent, 1, "its exposures are its own");
    let batch = setup.batches().remove(0);
    assert_eq!(batch.events()[0]["eventName"], "statsig::gate_exposure");
    assert_ne!(batch.body["statsigMetadata"]["sessionID"], *session);
}

#[test]
fn a_child_that_only_evaluates_sends_nothing() {
    let manual = Manual::new(json!({"on_fork": "evaluate_only"}), json!({}));
    let setup = &manual.setup;
    setup.client.after_fork_child();
    assert!(setup.gate(&a(), "g_on"));
    log(setup, 0..1);
    setup.flush();
    assert!(setup.batches().is_empty());
    assert_eq!(setup.stats()["accepted"], 0);
}

#[test]
fn many_threads_lose_nothing() {
    let setup = Arc::new(own_threads(
        json!({"event_queue_size": 100, "retry_queue_size": 100}),
    ));
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let setup = Arc::clone(&setup);
            scope.spawn(move || {
                for number in 0..500 {
                    setup.gate(&id(&format!("{thread}-{number}")), "g_on");
                    log(&setup, number..number + 1);
                }
            });
        }
    });
    setup.flush();
    let stats = setup.stats();
    assert_eq!(
        (&stats["sent"], &stats["accepted"]),
        (&json!(4_000), &json!(4_000))
    );
    let events = normal_form(wait_for_events(&setup.server, 4_000));
    let people: BTreeSet<&str> = events
        .iter()
        .filter(|event| event["eventName"] == "statsig::gate_exposure")
        .filter_map(|event| event["user"]["userID"].as_str())
        .collect();
    assert_eq!(people.len(), 2_000);
}

#[test]
fn a_slow_server_is_sent_to_by_several_at_once() {
    let setup = own_threads(json!({"event_queue_size": 1, "retry_queue_size": 50}));
    let held = Some("held".to_owned());
    setup.server.fault(Fault {
        times: 4,
        hold: held,
        ..Fault::on(Endpoint::LogEvent)
    });
    log(&setup, 0..20);
    let awaited = Awaited::requests(Some(Endpoint::LogEvent));
    assert!(setup.server.wait_for(&awaited, 4, PATIENCE));
    assert!(!setup.server.wait_for(&awaited, 5, Duration::ZERO));
    setup.server.release("held");
    wait_for_events(&setup.server, 20);
    setup.flush();
    assert_eq!(setup.stats()["sent"], 20);
}
