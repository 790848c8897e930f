//! Deliveries beyond the numbered cases: protocol, age, limits, faults, callbacks, forks, threads.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use serde_json::{Value, json};
use tidegate::clock::ManualClock;
use tidegate::host::{Delivery, Hooks, Metrics};

use crate::local_server::fault::Fault;
use crate::local_server::record::Endpoint;
use crate::local_server::state::Awaited;
use crate::support::events::*;

#[test]
fn requests_carry_the_headers_and_the_metadata_of_the_protocol() {
    let manual = Manual::new(
        json!({"service_name": "a b/\u{fc}@1", "wrapper": {"name": "python", "version": "1.2"}}),
        json!({}),
    );
    manual.setup.log(0..3);
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
    manual.setup.log(0..20);
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
        manual.setup.log(0..3);
        manual.advance(interval_ms - 1);
        assert!(manual.setup.batches().is_empty());
        assert!(manual.setup.tick() <= 1);
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
    answer_deliveries(&setup.server, &[503, 503]);
    setup.log(0..1);
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
    manual.setup.log(0..1);
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
    manual.setup.log(0..2);
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
    let setup = Setup::silent(json!({"event_queue_size": 10, "retry_queue_size": 20}));
    let held = Some("held".to_owned());
    setup.server.fault(Fault {
        times: -1,
        hold: held,
        ..Fault::on(Endpoint::LogEvent)
    });
    setup.log(0..100);
    assert_eq!(setup.wait_for_batches(4).len(), 4, "four at a time");
    setup.log(100..105);
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
    manual.setup.log(0..3);
    let info = manual.setup.client.flush(0).expect("flushed");
    assert_eq!((info.sent, info.queued), (0, 3));
    assert!(manual.setup.batches().is_empty());
    assert_eq!(manual.setup.flush().sent, 3);
}

#[test]
fn a_release_does_not_wait() {
    let setup = Setup::silent(json!({}));
    setup.log(0..3);
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
    setup.log(0..7);
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
    setup.log(0..3);
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
    setup.log(0..1);
    setup.flush();
    assert!(setup.batches().is_empty());
    assert_eq!(setup.stats()["accepted"], 0);
}

#[test]
fn many_threads_lose_nothing() {
    let setup = Arc::new(Setup::silent(
        json!({"event_queue_size": 100, "retry_queue_size": 100}),
    ));
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let setup = Arc::clone(&setup);
            scope.spawn(move || {
                for number in 0..500 {
                    setup.gate(&id(&format!("{thread}-{number}")), "g_on");
                    setup.log(number..number + 1);
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
    let setup = Setup::silent(json!({"event_queue_size": 1, "retry_queue_size": 50}));
    let held = Some("held".to_owned());
    setup.server.fault(Fault {
        times: 4,
        hold: held,
        ..Fault::on(Endpoint::LogEvent)
    });
    setup.log(0..20);
    let awaited = Awaited::requests(Some(Endpoint::LogEvent));
    assert!(setup.server.wait_for(&awaited, 4, PATIENCE));
    assert!(!setup.server.wait_for(&awaited, 5, Duration::ZERO));
    setup.server.release("held");
    wait_for_events(&setup.server, 20);
    setup.flush();
    assert_eq!(setup.stats()["sent"], 20);
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
        setup.log(0..3);
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
