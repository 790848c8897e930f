//! Batches on their way: size, retries, back-off, flush and shutdown.

use std::collections::BTreeSet;
use std::sync::Arc;

use parking_lot::Mutex;
use serde_json::{Value, json};
use tidegate::clock::ManualClock;
use tidegate::exposure::{EventValue, FlushInfo};
use tidegate::host::{Delivery, Hooks};

use crate::local_server::fault::Fault;
use crate::local_server::record::{Endpoint, Record};
use crate::support::c_events::*;

fn sizes(batches: &[Arc<Record>]) -> Vec<usize> {
    let mut sizes: Vec<usize> = batches.iter().map(|batch| batch.events().len()).collect();
    sizes.sort_unstable();
    sizes
}

#[test]
fn q1_full_batches_leave_at_once_and_the_rest_waits() {
    let setup = Setup::silent(json!({"event_queue_size": 10}));
    setup.log(0..25);
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
    manual.setup.log(0..25);
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
    manual.setup.log(0..100);
    manual.setup.tick();
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
    manual.setup.log(0..7);
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

/// Eleven events under a batch size of the rules, and the sizes of the batches.
#[track_caller]
fn batch_size_case(of_rules: Value, of_options: u32, expected: &[usize]) {
    let rules = json!({"sdk_configs": {"event_queue_size": of_rules}});
    let manual = Manual::new(json!({"event_queue_size": of_options}), rules);
    manual.setup.log(0..11);
    manual.setup.flush();
    assert_eq!(sizes(&manual.setup.batches()), expected);
}

#[test]
fn q5_the_batch_size_of_the_rules() {
    batch_size_case(json!(4), 10, &[3, 4, 4]);
    batch_size_case(json!(4.9), 10, &[3, 4, 4]);
}

/// The service's default, and what is no size, leave the option in force.
#[test]
fn q6_no_batch_size_of_the_rules() {
    batch_size_case(json!(1000), 3, &[2, 3, 3, 3]);
    batch_size_case(json!(-5), 10, &[1, 10]);
    batch_size_case(json!("4"), 10, &[1, 10]);
}

/// What a host is told of deliveries.
#[derive(Default)]
struct Told(Arc<Mutex<Vec<Delivery>>>);

impl Told {
    fn hooks(&self) -> Hooks {
        let deliveries = Arc::clone(&self.0);
        Hooks {
            flushed: Some(Arc::new(move |delivery: &Delivery| {
                deliveries.lock().push(delivery.clone())
            })),
            ..Hooks::default()
        }
    }

    /// Of each: success, events, status, and whether there is an error.
    fn in_short(&self) -> Vec<(bool, u64, Option<u16>, bool)> {
        let deliveries = self.0.lock();
        let in_short = |d: &Delivery| (d.success, d.events, d.status, d.error.is_some());
        deliveries.iter().map(in_short).collect()
    }
}

#[test]
fn q7_a_failed_flush_is_retried_after_a_second() {
    let told = Told::default();
    let clock = Arc::new(ManualClock::new(RULES_TIME));
    let setup = Plan {
        options: json!({"threads": "none"}),
        rules: silent_rules(json!({})),
        clock: Some(Arc::clone(&clock)),
        hooks: told.hooks(),
        ..Plan::default()
    }
    .start();
    answer_deliveries(&setup.server, &[500]);
    setup.log(0..1);
    let info = setup.flush();
    assert_eq!((info.sent, info.dropped, info.queued), (0, 0, 1));
    setup.tick();
    assert_eq!(setup.batches().len(), 1, "not before the pause is over");
    clock.advance(1_000);
    setup.tick();
    let batches = setup.batches();
    assert_eq!(retries(&batches), ["0", "1"]);
    assert_eq!(
        batches[0].body, batches[1].body,
        "a retry is the same batch"
    );
    assert_eq!(
        told.in_short(),
        [(false, 1, Some(500), true), (true, 1, Some(202), false)]
    );
    assert_eq!(setup.stats()["retries"], 1);
}

/// On threads of its own and the real clock.
#[test]
fn q7_a_failed_flush_is_retried_by_itself() {
    let told = Told::default();
    let setup = Plan {
        rules: silent_rules(json!({})),
        hooks: told.hooks(),
        ..Plan::default()
    }
    .start();
    answer_deliveries(&setup.server, &[500]);
    setup.log(0..1);
    assert_eq!(setup.flush().queued, 1);
    assert_eq!(retries(&setup.wait_for_batches(2)), ["0", "1"]);
    setup.wait_for_stat("/sent", 1);
    assert_eq!(
        told.in_short(),
        [(false, 1, Some(500), true), (true, 1, Some(202), false)]
    );
}

#[test]
fn q8_statuses_that_are_retried() {
    let manual = Manual::new(json!({}), json!({}));
    let statuses = [408, 429, 500, 502, 503, 504, 522, 524, 599];
    answer_deliveries(&manual.setup.server, &statuses);
    manual.setup.log(0..1);
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
    answer_deliveries(&manual.setup.server, &statuses);
    for number in 0..7 {
        manual.setup.log(number..number + 1);
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

/// Whatever the body of an answer is, the batch was accepted.
#[track_caller]
fn accepted_case(status: u16, body: Option<&str>) {
    let manual = Manual::new(json!({}), json!({}));
    manual.setup.server.fault(Fault {
        body: body.map(str::to_owned),
        ..Fault::status(Endpoint::LogEvent, status)
    });
    manual.setup.log(0..1);
    let info = manual.setup.flush();
    assert_eq!((info.sent, info.dropped, info.queued), (1, 0, 0));
    manual.advance(120_000);
    assert_eq!(manual.setup.batches().len(), 1);
    let reports = manual.setup.server.requests_to(Endpoint::SdkException);
    assert!(reports.is_empty());
}

#[test]
fn q10_the_body_of_an_answer_does_not_matter() {
    for body in [r#"{"success":false}"#, "[]", "null"] {
        accepted_case(202, Some(body));
    }
}

/// The legacy SDK drops batches whose answer is empty or no JSON; here the status decides.
#[test]
fn q11_an_answer_without_json_is_an_acceptance() {
    accepted_case(202, Some(""));
    accepted_case(204, None);
    accepted_case(202, Some("OK"));
    accepted_case(200, Some("<html>"));
}

/// The legacy SDK drops batches whose connection breaks; here they are retried.
#[test]
fn q12_a_broken_connection_is_retried() {
    let manual = Manual::new(json!({}), json!({}));
    manual.setup.server.fault(Fault {
        disconnect: true,
        ..Fault::on(Endpoint::LogEvent)
    });
    manual.setup.log(0..1);
    let info = manual.setup.flush();
    assert_eq!((info.sent, info.dropped, info.queued), (0, 0, 1));
    manual.advance(120_000);
    assert_eq!(retries(&manual.setup.batches()), ["0", "1"]);
    let stats = manual.setup.stats();
    assert_eq!(
        (&stats["sent"], &stats["dropped"]["total"]),
        (&json!(1), &json!(0))
    );
    let report = manual.setup.wait_for_reports("request:log_event", 1);
    assert_eq!(report[0]["extra"]["httpMethod"], "POST");
}

#[test]
fn q13_a_time_out_is_retried() {
    let manual = Manual::new(json!({"timeout": 0.3}), json!({}));
    manual.setup.server.fault(Fault {
        hold: Some("held".to_owned()),
        ..Fault::on(Endpoint::LogEvent)
    });
    manual.setup.log(0..1);
    let info = manual.setup.flush();
    assert_eq!((info.sent, info.dropped, info.queued), (0, 0, 1));
    let error = manual.setup.stats()["last_error"].clone();
    let error = error.as_str().expect("an error");
    assert!(error.starts_with("TimeoutError"), "{error}");
    manual.setup.server.release("held");
    manual.advance(120_000);
    assert_eq!(retries(&manual.setup.batches()), ["0", "1"]);
    assert_eq!(manual.setup.stats()["sent"], 1);
    let report = manual
        .setup
        .wait_for_reports("request:log_event", 1)
        .remove(0);
    assert_eq!(
        report["extra"],
        json!({"timeoutMs": 300, "httpMethod": "POST"})
    );
}

#[test]
fn q14_an_interval_from_the_rules_paces_deliveries() {
    let rules = json!({"sdk_configs": {"event_logging_interval_seconds": 3}});
    let manual = Manual::new(json!({"event_queue_size": 1}), rules);
    manual.setup.log(0..3);
    manual.setup.tick();
    for (advance_ms, batches) in [(0, 1), (2_999, 1), (1, 2), (2_999, 2), (1, 3)] {
        manual.advance(advance_ms);
        assert_eq!(manual.setup.batches().len(), batches);
    }
}

#[test]
fn q15_under_an_interval_from_the_rules_pauses_do_not_grow() {
    let rules = json!({"sdk_configs": {"event_logging_interval_seconds": 0.2}});
    let manual = Manual::new(json!({}), rules);
    answer_deliveries(&manual.setup.server, &[500; 5]);
    manual.setup.log(0..1);
    manual.setup.flush();
    for attempts in 2..=6 {
        manual.advance(199);
        assert_eq!(manual.setup.batches().len(), attempts - 1);
        manual.advance(1);
        assert_eq!(manual.setup.batches().len(), attempts);
    }
    assert_eq!(manual.setup.stats()["sent"], 1);
}

#[test]
fn q16_the_rules_can_stop_compression() {
    let rules = json!({"sdk_flags": {"stop_log_event_compression": true}});
    let manual = Manual::new(json!({}), rules);
    manual.setup.log(0..2);
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
            manual.setup.log(number..number + 1);
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
fn q18_shutdown_delivers_everything() {
    let setup = Setup::silent(json!({"event_queue_size": 10}));
    setup.log(0..25);
    let info = setup.shutdown();
    assert_eq!((info.dropped, info.queued), (0, 0));
    assert_eq!(setup.stats()["sent"], 25);
    assert_eq!(sizes(&setup.batches()), [5, 10, 10]);
    assert_eq!(setup.stats()["thread_alive"], false);
}

/// The legacy SDK loses these events silently.
#[test]
fn q19_what_shutdown_cannot_deliver_is_counted() {
    let setup = Setup::silent(json!({"event_queue_size": 10}));
    setup.server.fault(Fault {
        times: -1,
        ..Fault::status(Endpoint::LogEvent, 500)
    });
    setup.log(0..25);
    let info = setup.shutdown();
    assert_eq!((info.sent, info.dropped, info.queued), (0, 25, 0));
    let mut ids = BTreeSet::new();
    for batch in setup.batches() {
        ids.insert(batch.body["statsigMetadata"]["batchID"].to_string());
    }
    assert_eq!(ids.len(), 3, "each was tried");
    assert_eq!(setup.stats()["dropped"]["shutdown"], 25);
    let tag = "statsig::log_event_dropped_event_count";
    assert_eq!(setup.wait_for_reports(tag, 1)[0]["extra"]["eventCount"], 25);
}

/// The legacy SDK sends everything again.
#[test]
fn q20_a_second_shutdown_sends_nothing() {
    let setup = Setup::silent(json!({"event_queue_size": 10}));
    setup.log(0..25);
    setup.shutdown();
    assert_eq!(setup.shutdown(), FlushInfo::default());
    assert_eq!(setup.flush(), FlushInfo::default());
    assert_eq!(setup.batches().len(), 3);
    assert_eq!(setup.stats()["sent"], 25);
}

#[test]
fn q21_a_flush_of_nothing_sends_nothing() {
    let setup = Setup::silent(json!({}));
    assert_eq!(setup.flush(), Default::default());
    assert!(setup.batches().is_empty());
}

/// Text that is no JSON is refused when it is logged, so it cannot spoil a batch.
#[test]
fn q22_a_bad_event_does_not_spoil_a_good_one() {
    let setup = Setup::silent(json!({}));
    assert!(
        setup
            .client
            .log_event(&a(), "bad", EventValue::None, Some("{\"x\":}"))
            .is_err()
    );
    setup.log(0..1);
    assert_eq!(setup.flush().sent, 1);
    assert_eq!(names(&setup.batches()[0]), ["e0"]);
}

#[test]
fn q23_clients_share_nothing() {
    let first = Setup::silent(json!({}));
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

#[test]
fn q24_pauses_double_with_failures_and_halve_with_successes() {
    let manual = Manual::new(json!({}), json!({}));
    answer_deliveries(&manual.setup.server, &[503; 10]);
    let pause_s = || {
        manual.setup.stats()["backoff_ms"]
            .as_f64()
            .expect("a number")
            / 1e3
    };
    manual.setup.log(0..1);
    let mut pauses = Vec::new();
    for _ in 0..10 {
        pauses.push(pause_s());
        manual.setup.flush();
    }
    assert_eq!(pauses, [1., 2., 4., 8., 16., 32., 64., 120., 120., 120.]);
    pauses.clear();
    for _ in 0..10 {
        pauses.push(pause_s());
        manual.setup.log(0..1);
        manual.setup.flush();
    }
    let expected = [120., 30., 15., 7.5, 3.75, 1.875, 1., 1., 1., 1.];
    assert_eq!(pauses, expected, "the first flush delivers two batches");
}

/// The legacy SDK drops the oldest thousand of these, as it only looks once a second.
#[test]
fn q25_a_burst_loses_nothing() {
    let options = json!({"event_queue_size": 1000, "retry_queue_size": 10});
    let setup = Setup::silent(options);
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

/// The legacy SDK takes every status below 400 for an acceptance.
#[test]
fn a_redirect_to_nowhere_is_no_delivery() {
    for status in [301, 304] {
        let manual = Manual::new(json!({}), json!({}));
        answer_deliveries(&manual.setup.server, &[status]);
        manual.setup.log(0..1);
        let info = manual.setup.flush();
        assert_eq!((info.sent, info.dropped), (0, 1), "{status}");
    }
}

/// No room is room for one; the legacy SDK fails on each event.
#[test]
fn sizes_are_clamped() {
    let manual = Manual::new(json!({"retry_queue_size": 0}), json!({}));
    manual.setup.log(0..3);
    assert_eq!(manual.setup.flush().sent, 3);

    for (size, count, batches) in [
        (0, 3, vec![1, 1, 1]),
        (1, 2, vec![1, 1]),
        (9_999, 2_001, vec![1, 2_000]),
    ] {
        let manual = Manual::new(json!({"event_queue_size": size}), json!({}));
        manual.setup.log(0..count);
        manual.setup.flush();
        assert_eq!(sizes(&manual.setup.batches()), batches, "{size}");
    }
}
