//! Background sync of specs (T34 to T48).

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

use serde_json::{Value, json};
use tidegate::client::Client;
use tidegate::error::Error;
use tidegate::exposure::EventValue;
use tidegate::host::Hooks;
use tidegate::user::User;

use crate::support::c_api::HeardLog;
use crate::support::scripted::{Recorded, Reply, Server, wait_until};
use crate::support::service::{
    Heard, LISTS, NOW_MS, SPECS, Steps, client, details, in_turn, lcut, merge, no_update, options,
    service, since, source, specs, started,
};

fn serving(time: i64) -> Server {
    service()
        .specs(move |_, _| Reply::json(specs(time)))
        .start()
}

fn broken() -> Server {
    service().specs(|_, _| Reply::status(500)).start()
}

fn with_fallback(m: &Server, c: &Server, more: Value) -> Value {
    let mut options = options(
        m,
        json!({
            "api_for_statsig_network": c.url("/v1"), "fallback_to_statsig_api": true,
        }),
    );
    merge(&mut options, more);
    options
}

fn stats(client: &Client) -> Value {
    serde_json::from_str(&client.stats()).expect("JSON")
}

#[test]
fn t34_lcut_never_goes_back() {
    let m = service().specs_of(&[100, 200, 150]).start();
    let steps = Steps::new(options(&m, json!({})));
    let mut seen = vec![steps.lcut()];
    for _ in 0..3 {
        steps.polls(1);
        seen.push(steps.lcut());
    }
    assert_eq!(seen, [100, 200, 200, 200]);
    assert_eq!(since(&m.requests_to(SPECS)), [0, 100, 200, 200]);
    assert_eq!(steps.heard.update_times(), [100, 200]);
    let document: Value = serde_json::from_str(&steps.heard.updates.lock()[1].1).expect("JSON");
    assert_eq!(document["time"], 200);
}

/// The legacy SDK applies the same document again and calls back each time; we do not.
#[test]
fn t35_the_same_document_again_is_no_update() {
    let m = serving(100);
    let steps = Steps::new(options(&m, json!({})));
    steps.polls(3);
    assert_eq!(m.requests_to(SPECS).len(), 4);
    assert_eq!(steps.heard.update_times(), [100]);

    let other = specs(100).replace("\"layers\":{}", "\"layers\":{},\"x\":1");
    let m = service()
        .specs_in_turn(vec![Reply::json(specs(100)), Reply::json(other)])
        .start();
    let steps = Steps::new(options(&m, json!({})));
    steps.polls(2);
    assert_eq!(
        steps.heard.update_times(),
        [100, 100],
        "another document of the same time is one"
    );
}

#[test]
fn t36_the_fallback_is_asked_at_every_fifth_failure() {
    let (m, c) = (broken(), serving(100));
    let steps = Steps::new(with_fallback(&m, &c, json!({})));
    let mut asked = vec![c.requests_to(SPECS).len()];
    steps.step(0);
    asked.push(c.requests_to(SPECS).len());
    for _ in 2..=14 {
        steps.polls(1);
        asked.push(c.requests_to(SPECS).len());
    }
    // The failure of initialize is the first one, so poll n ends with n + 1 failures.
    assert_eq!(asked, [1, 1, 1, 1, 2, 2, 2, 2, 2, 3, 3, 3, 3, 3, 4]);
    assert_eq!(m.requests_to(SPECS).len(), 15);
}

#[test]
fn t37_one_failure_does_not_bring_the_fallback_back() {
    let m = service()
        .specs_in_turn(vec![Reply::status(500), Reply::json(specs(100))])
        .start();
    let c = serving(100);
    let steps = Steps::new(with_fallback(&m, &c, json!({})));
    steps.step(0);
    steps.polls(5);
    assert_eq!(
        (m.requests_to(SPECS).len(), c.requests_to(SPECS).len()),
        (7, 1)
    );
}

#[test]
fn t38_rules_that_are_too_old_are_looked_for_elsewhere() {
    let (m, c) = (serving(100), serving(200));
    let steps = Steps::new(with_fallback(
        &m,
        &c,
        json!({"out_of_sync_threshold_in_s": 1}),
    ));
    assert!(c.requests_to(SPECS).is_empty());
    steps.polls(1);
    assert_eq!(steps.lcut(), 200);
    assert_eq!(since(&m.requests_to(SPECS)), [0, 100]);
    assert_eq!(since(&c.requests_to(SPECS)), [100]);
    steps.polls(4);
    assert_eq!(
        c.requests_to(SPECS).len(),
        1,
        "four failures: older specs from the first source"
    );
    steps.polls(1);
    assert_eq!(since(&c.requests_to(SPECS)), [100, 200]);
    assert_eq!(
        (steps.lcut(), source(&steps.client)),
        (200, "StatsigNetwork")
    );
}

#[test]
fn t39_rules_that_are_young_enough_are_not() {
    let (m, c) = (serving(NOW_MS - 1000), serving(NOW_MS));
    let steps = Steps::new(with_fallback(
        &m,
        &c,
        json!({"out_of_sync_threshold_in_s": 3600}),
    ));
    steps.polls(5);
    assert!(c.requests_to(SPECS).is_empty());
}

#[test]
fn t40_sync_sources_can_differ_from_those_of_initialize() {
    let (m, c) = (serving(100), serving(200));
    let more = json!({
        "api_for_statsig_network": c.url("/v1"), "config_sync_sources": ["statsig_network"],
    });
    let steps = Steps::new(options(&m, more));
    steps.polls(3);
    assert_eq!(
        (m.requests_to(SPECS).len(), c.requests_to(SPECS).len()),
        (1, 3)
    );
    assert_eq!(
        (steps.lcut(), source(&steps.client)),
        (200, "StatsigNetwork")
    );
}

#[test]
fn t41_slow_rounds_do_not_overlap() {
    let m = service()
        .specs(|number, _| Reply::json(specs(100)).delay(if number == 0 { 0 } else { 120 }))
        .start();
    // Nothing but polls, so that what overlaps is polls.
    let more = json!({"idlists_sync_interval": 3600, "disable_all_logging": true});
    let client = started(&options(&m, more), Hooks::default());
    m.wait_for(SPECS, 4);
    client.shutdown(10_000).expect("shut down");
    assert_eq!(m.most_running(), 1);
}

#[test]
fn t42_pausing_skips_specs_and_nothing_else() {
    let m = service().start();
    let steps = Steps::new(options(&m, json!({})));
    steps.client.set_polling(false).expect("paused");
    steps.polls(5);
    steps.step(60_000);
    assert_eq!(
        (m.requests_to(SPECS).len(), m.requests_to(LISTS).len()),
        (1, 2)
    );
    steps.client.set_polling(true).expect("resumed");
    steps.step(0);
    assert_eq!(m.requests_to(SPECS).len(), 1, "not at once");
    steps.polls(1);
    assert_eq!(m.requests_to(SPECS).len(), 2);
}

#[test]
fn t43_an_update_on_its_way_survives_a_pause() {
    let slot: Arc<OnceLock<Arc<Client>>> = Arc::default();
    let pause = Arc::clone(&slot);
    let m = service()
        .specs(move |number, _| {
            if let (1.., Some(client)) = (number, pause.get()) {
                let _ = client.set_polling(false);
                return Reply::json(specs(200));
            }
            Reply::json(specs(100))
        })
        .start();
    let client = started(&options(&m, json!({})), Hooks::default());
    slot.set(Arc::clone(&client)).ok().expect("set once");
    wait_until("the update is in use", || lcut(&client) == 200);
}

#[test]
fn t44_shutdown_ends_the_wait_between_polls() {
    let m = service().start();
    let more = json!({"rulesets_sync_interval": 3600, "idlists_sync_interval": 3600});
    let client = started(&options(&m, more), Hooks::default());
    client.shutdown(20_000).expect("shut down");
    assert_eq!(stats(&client)["sync"]["thread_alive"], false);
    let user = Arc::new(User::from_json(r#"{"userID": "u"}"#).expect("a user"));
    let error = client.check_gate(&user, "g", tidegate::client::Flags::default());
    assert!(matches!(error, Err(Error::State { .. })), "{error:?}");
    client.shutdown(20_000).expect("again");
    assert_eq!(m.requests_to(SPECS).len(), 1);
}

/// A request that the end of the client cuts off is nothing to warn of.
#[test]
fn what_shutdown_cuts_off_is_no_warning() {
    const WARNING: i32 = 2;
    const DEBUG: i32 = 4;
    let log = HeardLog::start(DEBUG);
    let m = service()
        .specs_in_turn(vec![
            Reply::json(specs(100)),
            Reply::json(specs(200)).delay(60_000),
        ])
        .start();
    let more = json!({"rulesets_sync_interval": 0.01, "output_logger_level": "debug"});
    let client = started(&options(&m, more), Hooks::default());
    m.wait_for(SPECS, 2);
    client.shutdown(20_000).expect("shut down");
    let lines = log.lines();
    let of_the_request = lines.iter().filter(|(_, line)| line.contains(&m.url("")));
    let canceled: Vec<_> = of_the_request
        .filter(|(_, line)| line.contains("CanceledError"))
        .collect();
    assert_eq!(canceled.len(), 1, "{lines:?}");
    assert!(canceled[0].0 > WARNING, "{lines:?}");
}

#[test]
fn t45_a_callback_that_panics_harms_nothing() {
    let m = service().specs_of(&[100, 200]).start();
    let heard = Arc::new(Heard::default());
    let hooks = Hooks {
        rules_updated: Some(Arc::new(|_, _| panic!("a callback's own defect"))),
        ..heard.hooks()
    };
    let steps = Steps::with_hooks(options(&m, json!({})), hooks, Arc::clone(&heard));
    assert_eq!(steps.lcut(), 100);
    steps.polls(2);
    assert_eq!((steps.lcut(), m.requests_to(SPECS).len()), (200, 3));
    assert_eq!(heard.tags(), ["rules_updated_callback"]);
}

/// The legacy SDK holds its lock during the call and waits for the thread that makes it.
#[test]
fn t46_a_callback_may_shut_the_client_down() {
    let m = service()
        .specs(|number, _| Reply::json(specs(100 + i64::try_from(number).expect("small"))))
        .start();
    let slot: Arc<OnceLock<Arc<Client>>> = Arc::default();
    let (calls, from_callback) = (Arc::new(AtomicUsize::new(0)), Arc::clone(&slot));
    let counted = Arc::clone(&calls);
    let hooks = Hooks {
        rules_updated: Some(Arc::new(move |_, _| {
            if counted.fetch_add(1, Ordering::SeqCst) == 1 {
                let client = from_callback.get().expect("set before the first poll");
                client.shutdown(60_000).expect("shut down");
            }
        })),
        ..Hooks::default()
    };
    let client = client(&options(&m, json!({})), hooks);
    slot.set(Arc::clone(&client)).ok().expect("set once");
    client.initialize(60_000).expect("initialized");
    wait_until("the thread has ended", || {
        calls.load(Ordering::SeqCst) == 2 && stats(&client)["sync"]["thread_alive"] == false
    });
    assert_eq!(m.requests_to(SPECS).len(), 2);
    assert_eq!(lcut(&client), 101, "what was applied stays");
}

#[test]
fn a_callback_that_waits_for_sync_is_told_so() {
    for threads in ["own", "none"] {
        let m = service()
            .specs(|number, _| Reply::json(specs(100 + i64::try_from(number).expect("small"))))
            .start();
        let slot: Arc<OnceLock<Arc<Client>>> = Arc::default();
        let outcomes: Arc<parking_lot::Mutex<Vec<String>>> = Arc::default();
        let (told, from_callback) = (Arc::clone(&outcomes), Arc::clone(&slot));
        let hooks = Hooks {
            rules_updated: Some(Arc::new(move |_, _| {
                let Some(client) = from_callback.get() else {
                    return;
                };
                let waited = client.initialize(60_000).err().map(|e| e.to_string());
                let synced = client.sync_now(60_000).err().map(|e| e.to_string());
                told.lock().extend(waited.into_iter().chain(synced));
                let _ = client.tick(1000);
            })),
            ..Hooks::default()
        };
        let client = client(&options(&m, json!({"threads": threads})), hooks);
        slot.set(Arc::clone(&client)).ok().expect("set once");
        client.initialize(60_000).expect("initialized");
        let said = outcomes.lock().clone();
        assert!(
            said.iter().any(|text| text.contains("callback")),
            "{threads}: {said:?}"
        );
    }
}

fn with_flag(time: i64, flag: bool) -> String {
    let mut document: Value = serde_json::from_str(&specs(time)).expect("JSON");
    if flag {
        document["sdk_flags"] = json!({"stop_log_event_compression": true});
    }
    document.to_string()
}

fn deliver(client: &Client, server: &Server) -> Recorded {
    let user = Arc::new(User::from_json(r#"{"userID": "u"}"#).expect("a user"));
    client
        .log_event(&user, "event", EventValue::None, None)
        .expect("logged");
    client.flush(30_000).expect("flushed");
    let sent = server.wait_for("/log_event", 1);
    sent.last().expect("one at least").clone()
}

#[test]
fn t47_the_service_can_turn_compression_of_events_off_and_on() {
    let m = service()
        .specs_in_turn(vec![
            Reply::json(with_flag(100, true)),
            Reply::json(with_flag(200, false)),
        ])
        .start();
    let steps = Steps::new(options(&m, json!({})));
    let plain = deliver(&steps.client, &m);
    assert_eq!(plain.header("content-encoding"), None);
    assert!(serde_json::from_slice::<Value>(&plain.body).is_ok());
    steps.polls(1);
    assert_eq!(steps.lcut(), 200);
    let packed = deliver(&steps.client, &m);
    assert_eq!(packed.header("content-encoding"), Some("gzip"));
}

/// One switch for the whole process in the legacy SDK.
#[test]
fn t48_a_flag_is_for_the_client_that_received_it() {
    let flagged = service()
        .specs(|_, _| Reply::json(with_flag(100, true)))
        .start();
    let plain = service().start();
    let first = Steps::new(options(&flagged, json!({})));
    let second = Steps::new(options(&plain, json!({})));
    assert_eq!(
        deliver(&first.client, &flagged).header("content-encoding"),
        None
    );
    assert_eq!(
        deliver(&second.client, &plain).header("content-encoding"),
        Some("gzip")
    );
}

#[test]
fn a_service_in_trouble_is_asked_less_and_less() {
    let m = service()
        .specs(|number, _| {
            if number < 13 {
                Reply::status(503)
            } else {
                Reply::json(specs(100))
            }
        })
        .start();
    let steps = Steps::new(options(&m, json!({})));
    steps.step(0);
    steps.polls(9);
    assert_eq!(
        m.requests_to(SPECS).len(),
        11,
        "ten failures at the ordinary pace"
    );
    steps.polls(1);
    assert_eq!(m.requests_to(SPECS).len(), 12);
    steps.polls(1);
    assert_eq!(m.requests_to(SPECS).len(), 12, "two seconds from now on");
    steps.polls(1);
    assert_eq!(m.requests_to(SPECS).len(), 13);
    steps.step(4000);
    assert_eq!((m.requests_to(SPECS).len(), steps.lcut()), (14, 100));
    steps.polls(1);
    assert_eq!(m.requests_to(SPECS).len(), 15, "back at the ordinary pace");
}

#[test]
fn retry_after_is_honored() {
    let busy = Reply::status(429).header("Retry-After", "7");
    let m = service()
        .specs_in_turn(vec![Reply::json(specs(100)), busy, Reply::json(specs(200))])
        .start();
    let steps = Steps::new(options(&m, json!({})));
    steps.polls(1);
    steps.polls(6);
    assert_eq!(m.requests_to(SPECS).len(), 2);
    steps.polls(1);
    assert_eq!(steps.lcut(), 200);
}

#[test]
fn sync_now_brings_what_is_new_at_once() {
    for threads in ["own", "none"] {
        let m = service()
            .specs(in_turn(vec![
                Reply::json(specs(100)),
                Reply::json(specs(200)),
                no_update(),
            ]))
            .start();
        let more = json!({
            "threads": threads, "rulesets_sync_interval": 3600, "idlists_sync_interval": 3600,
        });
        let client = started(&options(&m, more), Hooks::default());
        client.sync_now(30_000).expect("refreshed");
        assert_eq!(lcut(&client), 200, "{threads}");
        assert_eq!(m.requests_to(LISTS).len(), 2, "{threads}");
        client.sync_now(30_000).expect("nothing new is fine");
        client.shutdown(10_000).expect("shut down");
        assert!(client.sync_now(30_000).is_err());
    }
}

#[test]
fn sync_now_is_bounded() {
    let m = service()
        .specs(|number, _| Reply::json(specs(100)).delay(if number == 0 { 0 } else { 60_000 }))
        .start();
    for threads in ["own", "none"] {
        let more = json!({"threads": threads, "rulesets_sync_interval": 3600});
        let m = if threads == "own" {
            &m
        } else {
            &serving_then_slow()
        };
        let client = started(&options(m, more), Hooks::default());
        let before = client.context().clock.monotonic_ms();
        let error = client.sync_now(100).expect_err("too slow");
        assert!(
            matches!(error, Error::Timeout { .. } | Error::Network { .. }),
            "{error}"
        );
        let took = client.context().clock.monotonic_ms() - before;
        assert!(took < 30_000, "{threads}: {took}");
    }
}

fn serving_then_slow() -> Server {
    service()
        .specs(|number, _| Reply::json(specs(100)).delay(if number == 0 { 0 } else { 60_000 }))
        .start()
}

/// A large list must not hold up a new rule.
#[test]
fn id_lists_are_fetched_beside_the_specs() {
    let m = service()
        .specs(|number, _| Reply::json(specs(100 + i64::try_from(number).expect("small"))))
        .lists(|number, _| Reply::json("{}").delay(if number == 0 { 0 } else { 60_000 }))
        .start();
    let client = started(&options(&m, json!({})), Hooks::default());
    m.wait_for(LISTS, 2);
    let now = m.requests_to(SPECS).len();
    m.wait_for(SPECS, now + 3);
    client.shutdown(20_000).expect("shut down");
}

#[test]
fn a_forked_child_goes_on_by_itself() {
    let m = service().start();
    let more = json!({"idlists_sync_interval": 3600});
    let client = started(&options(&m, more), Hooks::default());
    let session = client.context().session_id();
    // What the fork handlers call; this process plays the child, with a parent's thread too many.
    client.after_fork_child();
    assert_eq!(stats(&client)["sync"]["thread_alive"], false);
    let user = Arc::new(User::from_json(r#"{"userID": "u"}"#).expect("a user"));
    let _ = client.check_gate(&user, "g", tidegate::client::Flags::default());
    assert_eq!(stats(&client)["sync"]["thread_alive"], true);
    let asked = m.requests_to(SPECS).len();
    m.wait_for(SPECS, asked + 2);
    assert_ne!(client.context().session_id(), session);
    assert_eq!(details(&client)["source"], "Network");
    client.shutdown(10_000).expect("shut down");
}

#[test]
fn rounds_that_fail_for_long_are_in_the_stats() {
    let m = service()
        .specs_in_turn(vec![Reply::json(specs(100)), Reply::status(500)])
        .start();
    let steps = Steps::new(options(&m, json!({})));
    steps.polls(3);
    let sync = &stats(&steps.client)["sync"];
    assert_eq!(
        (&sync["failures"], &sync["specs_failing_ms"]),
        (&json!(3), &json!(2000))
    );
    assert!(sync["last_error"].as_str().expect("text").contains("500"));
    assert!(!sync.to_string().contains("secret-key"));
}
