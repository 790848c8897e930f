//! Initialize: sources, time limits, details (T14 to T33).

use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tidegate::client::Client;
use tidegate::error::Error;
use tidegate::host::Hooks;
use tidegate::options::Options;

use crate::support::scripted::{PATIENCE, Reply, Server, wait_until};
use crate::support::service::{
    Heard, KEY, LISTS, SPECS, Steps, client, details, in_turn, lcut, merge, no_update, options,
    service, settings, since, source, specs, started,
};

fn error() -> Reply {
    Reply::status(500)
}

/// `more`, with the service itself at `c`.
fn with_fallback(c: &Server, more: Value) -> Value {
    let mut options = json!({"api_for_statsig_network": c.url("/v1")});
    merge(&mut options, more);
    options
}

fn serving(time: i64) -> Server {
    service()
        .specs(move |_, _| Reply::json(specs(time)))
        .start()
}

fn broken() -> Server {
    service().specs(|_, _| error()).start()
}

/// The legacy SDK gives details with `init_success` false; here the client is not even made.
#[test]
fn t14_a_key_that_is_no_server_key_is_refused() {
    let m = service().start();
    for key in ["client-abc", "", "secret"] {
        let options = Options {
            settings: settings(&options(&m, json!({}))),
            hooks: Hooks::default(),
        };
        let error = Client::new(key, options).err().expect(key);
        assert!(error.to_string().contains("secret-"), "{key}: {error}");
    }
    assert!(m.requests().is_empty());
}

/// The legacy SDK reports errors to the service even then.
#[test]
fn t15_local_mode_accepts_any_key_and_asks_nobody() {
    let m = service().start();
    let options = Options {
        settings: settings(&options(&m, json!({"local_mode": true}))),
        hooks: Hooks::default(),
    };
    let client = Client::new("client-abc", options).expect("a client");
    client.initialize(60_000).expect("initialized");
    client.sync_now(60_000).expect("nothing to do");
    let found = details(&client);
    assert_eq!(
        (&found["init_success"], &found["store_populated"]),
        (&json!(true), &json!(false))
    );
    assert_eq!(found["source"], "Uninitialized");
    client.shutdown(10_000).expect("shut down");
    assert!(m.requests().is_empty());
}

#[test]
fn t16_local_mode_takes_bootstrap_values() {
    let m = service().start();
    let options = options(
        &m,
        json!({"local_mode": true, "bootstrap_values": specs(100)}),
    );
    let client = started(&options, Hooks::default());
    let found = details(&client);
    assert_eq!(
        (&found["source"], &found["store_populated"]),
        (&json!("Bootstrap"), &json!(true))
    );
    drop(client);
    assert!(m.requests().is_empty());
}

#[test]
fn t17_a_second_initialize_does_nothing() {
    let m = service().start();
    let client = started(
        &options(&m, json!({"rulesets_sync_interval": 60})),
        Hooks::default(),
    );
    let before = details(&client);
    client.initialize(60_000).expect("initialized already");
    client.wait_initialized(0).expect("initialized already");
    assert_eq!(details(&client), before);
    assert_eq!(m.requests_to(SPECS).len(), 1);
}

/// The legacy SDK initializes twice.
#[test]
fn t18_concurrent_calls_share_one_initialization() {
    let m = service()
        .specs(|_, _| Reply::json(specs(100)).delay(50))
        .start();
    let client = client(
        &options(
            &m,
            json!({"rulesets_sync_interval": 60, "idlists_sync_interval": 60}),
        ),
        Hooks::default(),
    );
    let threads: Vec<_> = (0..8)
        .map(|_| {
            let client = Arc::clone(&client);
            std::thread::spawn(move || {
                client.initialize(60_000).expect("initialized");
                lcut(&client)
            })
        })
        .collect();
    for thread in threads {
        assert_eq!(thread.join().expect("no panic"), 100);
    }
    assert_eq!(
        (m.requests_to(SPECS).len(), m.requests_to(LISTS).len()),
        (1, 1)
    );
}

#[test]
fn t19_a_failing_service_leaves_an_initialized_client_that_asks_again_at_once() {
    let m = broken();
    let steps = Steps::new(options(&m, json!({})));
    let found = details(&steps.client);
    assert_eq!(found["init_success"], true);
    assert_eq!(found["store_populated"], false);
    assert_eq!(found["source"], "Uninitialized");
    assert!(
        found["error"].as_str().expect("an error").contains("500"),
        "{found}"
    );
    assert_eq!(m.requests_to(SPECS).len(), 1);
    steps.step(0);
    assert_eq!(
        m.requests_to(SPECS).len(),
        2,
        "no waiting after a failed start"
    );
    steps.step(999);
    assert_eq!(m.requests_to(SPECS).len(), 2);
    steps.step(1);
    assert_eq!(m.requests_to(SPECS).len(), 3);
    assert_eq!(since(&m.requests_to(SPECS)), [0, 0, 0]);
}

#[test]
fn t20_the_fallback_helps_out() {
    let (m, c) = (broken(), serving(100));
    let more = with_fallback(&c, json!({"fallback_to_statsig_api": true}));
    let steps = Steps::new(options(&m, more));
    let found = details(&steps.client);
    assert_eq!(found["source"], "StatsigNetwork");
    assert_eq!(found["fallback_spec_used"], true);
    assert_eq!(found["init_source_api"], json!(c.url("/v1/")));
    assert!(
        found["error"]
            .as_str()
            .expect("still there")
            .contains("500"),
        "{found}"
    );
    assert_eq!(
        c.requests_to(SPECS)[0].target,
        "/v1/download_config_specs/secret-key.json"
    );
    assert_eq!(
        (m.requests_to(SPECS).len(), c.requests_to(SPECS).len()),
        (1, 1)
    );
}

#[test]
fn t21_a_fallback_of_initialize_alone_is_not_one_of_sync() {
    let (m, c) = (broken(), serving(100));
    let more = json!({"initialize_sources": ["network", "statsig_network"]});
    let steps = Steps::new(options(&m, with_fallback(&c, more)));
    assert_eq!(details(&steps.client)["source"], "StatsigNetwork");
    steps.step(0);
    steps.polls(6);
    assert_eq!(c.requests_to(SPECS).len(), 1);
    assert_eq!(m.requests_to(SPECS).len(), 8);
}

#[test]
fn t22_bootstrap_values_start_and_the_network_goes_on() {
    let m = service().specs_of(&[50, 150]).start();
    let steps = Steps::new(options(&m, json!({"bootstrap_values": specs(100)})));
    assert!(m.requests_to(SPECS).is_empty());
    assert_eq!((source(&steps.client), steps.lcut()), ("Bootstrap", 100));
    assert_eq!(details(&steps.client)["init_source_api"], "Bootstrap");
    assert_eq!(m.requests_to(LISTS).len(), 1);
    steps.polls(1);
    assert_eq!(
        (source(&steps.client), steps.lcut()),
        ("Bootstrap", 100),
        "50 is older"
    );
    steps.polls(1);
    assert_eq!((source(&steps.client), steps.lcut()), ("Network", 150));
    assert_eq!(since(&m.requests_to(SPECS)), [100, 100]);
}

#[test]
fn t23_unusable_bootstrap_values_are_passed_over() {
    for values in ["{bad", "{}", "[1]", "null"] {
        let m = service().start();
        let steps = Steps::new(options(&m, json!({"bootstrap_values": values})));
        assert_eq!(
            (source(&steps.client), steps.lcut()),
            ("Network", 100),
            "{values}"
        );
    }
}

#[test]
fn t24_specs_made_for_another_key_are_refused() {
    let made_for = |hash: &str| {
        let mut document: Value = serde_json::from_str(&specs(100)).expect("JSON");
        document["hashed_sdk_key_used"] = json!(hash);
        document.to_string()
    };
    let ours = made_for("2842331586");
    let m = service()
        .specs(move |_, _| Reply::json(ours.clone()))
        .start();
    let steps = Steps::new(options(&m, json!({"bootstrap_values": made_for("123")})));
    assert_eq!((source(&steps.client), steps.lcut()), ("Network", 100));
}

#[test]
fn t25_no_content_as_the_first_answer_is_a_failure() {
    for reply in [Reply::status(204), Reply::status(200)] {
        let m = service().specs_in_turn(vec![reply]).start();
        let steps = Steps::new(options(&m, json!({})));
        assert_eq!(details(&steps.client)["store_populated"], false);
        steps.step(0);
        assert_eq!(m.requests_to(SPECS).len(), 2, "a failure was counted");
    }
}

/// A failure to the legacy SDK.
#[test]
fn t26_no_content_later_means_no_update() {
    for reply in [Reply::status(204), Reply::status(200)] {
        let m = service()
            .specs_in_turn(vec![Reply::json(specs(100)), reply])
            .start();
        let c = serving(500);
        let more = with_fallback(&c, json!({"fallback_to_statsig_api": true}));
        let steps = Steps::new(options(&m, more));
        steps.polls(11);
        assert_eq!(m.requests_to(SPECS).len(), 12);
        assert!(c.requests_to(SPECS).is_empty());
        assert_eq!(steps.lcut(), 100);
    }
}

#[test]
fn t27_no_update_at_initialize_tries_the_next_source() {
    let m = service().specs(|_, _| no_update()).start();
    let more =
        json!({"initialize_sources": ["NETWORK", "BOOTSTRAP"], "bootstrap_values": specs(7)});
    let steps = Steps::new(options(&m, more));
    assert_eq!((source(&steps.client), steps.lcut()), ("Bootstrap", 7));
}

#[test]
fn t28_specs_of_time_zero_are_used_but_count_as_none() {
    let m = serving(0);
    let steps = Steps::new(options(&m, json!({})));
    assert_eq!(source(&steps.client), "Network");
    assert_eq!(details(&steps.client)["store_populated"], false);
    assert_eq!(steps.heard.update_times(), [0]);
    steps.polls(2);
    assert_eq!(since(&m.requests_to(SPECS)), [0, 0, 0]);
}

#[test]
fn t29_documents_that_are_no_specs_are_refused() {
    for body in [
        r#"{"has_updates":true,"feature_gates":[]}"#,
        "[]",
        r#""x""#,
        "5",
        "null",
    ] {
        let m = service().specs_in_turn(vec![Reply::json(body)]).start();
        let steps = Steps::new(options(&m, json!({})));
        assert_eq!(details(&steps.client)["store_populated"], false, "{body}");
        assert!(steps.client.is_initialized(), "{body}");
    }
}

#[test]
fn t30_init_timeout_bounds_a_request_and_not_the_polls_after_it() {
    let m = service().specs_with_delay(0).start();
    let before = Instant::now();
    let client = started(&options(&m, json!({"init_timeout": 0.2})), Hooks::default());
    assert!(before.elapsed() < PATIENCE);
    let found = details(&client);
    assert_eq!(
        (&found["timed_out"], &found["init_success"]),
        (&json!(false), &json!(true))
    );
    assert_eq!(found["store_populated"], false);
    wait_until("a poll succeeds", || lcut(&client) == 100);
}

/// The legacy SDK starts a second initialization beside the first.
#[test]
fn t31_overall_init_timeout_lets_the_one_initialization_go_on() {
    let m = service()
        .specs(|number, _| Reply::json(specs(100)).delay(if number == 0 { 400 } else { 0 }))
        .start();
    let heard = Arc::new(Heard::default());
    let more = json!({
        "overall_init_timeout": 0.1, "rulesets_sync_interval": 60, "idlists_sync_interval": 60,
    });
    let client = client(&options(&m, more), heard.hooks());
    let error = client.initialize(60_000).expect_err("too late");
    assert!(matches!(error, Error::Timeout { .. }), "{error}");
    assert!(client.is_initialized());
    let found = details(&client);
    assert_eq!(
        (&found["timed_out"], &found["init_success"]),
        (&json!(true), &json!(false))
    );
    assert_eq!(
        (&found["error"], &found["store_populated"]),
        (&json!(null), &json!(false))
    );
    client.wait_initialized(0).expect("counts as initialized");

    wait_until("specs arrive", || lcut(&client) == 100);
    m.wait_for(LISTS, 1);
    wait_until("it ends", || details(&client)["store_populated"] == true);
    assert_eq!(details(&client)["timed_out"], true);
    client.shutdown(10_000).expect("shut down");
    assert_eq!(
        (m.requests_to(SPECS).len(), m.requests_to(LISTS).len()),
        (1, 1)
    );
    assert_eq!(heard.update_times(), [100]);
}

#[test]
fn t32_init_timeout_is_for_each_request_anew() {
    let m = service()
        .specs(|_, _| Reply::json(specs(100)).delay(300))
        .lists(|_, _| Reply::json("{}").delay(300))
        .start();
    let more =
        json!({"init_timeout": 0.5, "rulesets_sync_interval": 60, "idlists_sync_interval": 60});
    let client = started(&options(&m, more), Hooks::default());
    let found = details(&client);
    assert_eq!(
        (&found["store_populated"], &found["error"]),
        (&json!(true), &json!(null))
    );
}

#[test]
fn t33_a_refused_connection_is_reported_with_what_was_tried() {
    let sink = service().start();
    let refused = {
        let gone = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
        gone.local_addr().expect("an address")
    };
    let more = json!({"api": format!("http://{refused}/v1"), "timeout": 7});
    let steps = Steps::new(options(&sink, more));
    assert_eq!(details(&steps.client)["source"], "Uninitialized");
    assert_eq!(steps.heard.tags(), ["request:download_config_specs"]);
    let shown = details(&steps.client).to_string();
    assert!(!shown.contains(KEY), "{shown}");
}

#[test]
fn zero_does_not_wait_and_the_work_goes_on() {
    let m = service()
        .specs(|_, _| Reply::json(specs(100)).delay(100))
        .start();
    let client = client(&options(&m, json!({})), Hooks::default());
    client.initialize(0).expect("started");
    assert!(!client.is_initialized());
    assert!(matches!(
        client.wait_initialized(1),
        Err(Error::Timeout { .. })
    ));
    client.wait_initialized(60_000).expect("initialized");
    assert_eq!(lcut(&client), 100);
}

#[test]
fn a_callers_own_bound_leaves_the_client_uninitialized_for_now() {
    let m = service()
        .specs(|_, _| Reply::json(specs(100)).delay(300))
        .start();
    let client = client(&options(&m, json!({})), Hooks::default());
    assert!(matches!(client.initialize(20), Err(Error::Timeout { .. })));
    assert!(!client.is_initialized());
    client.initialize(60_000).expect("the same initialization");
    assert_eq!(lcut(&client), 100);
}

/// Initializes in the background; what the callback is given comes out here.
fn begin(client: &Arc<Client>) -> mpsc::Receiver<String> {
    let (sender, receiver) = mpsc::channel();
    let done = move |details: &str| sender.send(details.to_owned()).expect("kept");
    client.initialize_async(Box::new(done)).expect("started");
    receiver
}

#[test]
fn initialize_async_calls_back_once_with_the_details() {
    let m = service().start();
    for more in [
        json!({}),
        json!({"threads": "none"}),
        json!({"local_mode": true}),
    ] {
        let client = client(&options(&m, more.clone()), Hooks::default());
        let receiver = begin(&client);
        let details = receiver.recv_timeout(PATIENCE).expect("called");
        assert!(
            details.contains("\"init_success\":true"),
            "{more}: {details}"
        );
        assert!(
            receiver.recv_timeout(PATIENCE).is_err(),
            "called once, then dropped"
        );
    }
}

#[test]
fn initialize_async_calls_back_at_the_overall_timeout() {
    let m = service()
        .specs(|_, _| Reply::json(specs(100)).delay(60_000))
        .start();
    let client = client(
        &options(&m, json!({"overall_init_timeout": 0.05})),
        Hooks::default(),
    );
    let receiver = begin(&client);
    let details = receiver.recv_timeout(PATIENCE).expect("called");
    assert!(details.contains("\"timed_out\":true"), "{details}");
    client.shutdown(10_000).expect("shut down");
}

#[test]
fn shutdown_ends_an_initialize_that_is_waited_for() {
    let m = service()
        .specs(|_, _| Reply::json(specs(100)).delay(60_000))
        .start();
    let client = client(&options(&m, json!({})), Hooks::default());
    let waiting = {
        let client = Arc::clone(&client);
        std::thread::spawn(move || client.initialize(60_000))
    };
    m.wait_for(SPECS, 1);
    let before = Instant::now();
    client.shutdown(20_000).expect("shut down");
    assert!(matches!(
        waiting.join().expect("no panic"),
        Err(Error::State { .. })
    ));
    assert!(before.elapsed() < Duration::from_secs(15));
    assert!(
        client.initialize(0).is_err(),
        "a client that was shut down stays so"
    );
}

#[test]
fn an_empty_list_of_sources_tries_nothing() {
    let m = service().start();
    let steps = Steps::new(options(&m, json!({"initialize_sources": []})));
    assert!(m.requests_to(SPECS).is_empty());
    assert_eq!(details(&steps.client)["source"], "Uninitialized");
    steps.polls(1);
    assert_eq!(steps.lcut(), 100);
}

#[cfg(not(feature = "grpc"))]
#[test]
fn grpc_for_specs_is_refused_by_name() {
    let m = service().start();
    let options = options(
        &m,
        json!({"proxy_configs": {
            "download_config_specs": {"protocol": "grpc_websocket", "proxy_address": "h:50051"},
        }}),
    );
    let options = Options {
        settings: settings(&options),
        hooks: Hooks::default(),
    };
    let error = Client::new(KEY, options).err().expect("refused");
    assert!(matches!(error, Error::Unsupported { .. }), "{error}");
    for part in [
        "proxy_configs.download_config_specs",
        "cargo feature `grpc`",
    ] {
        assert!(error.to_string().contains(part), "{error}");
    }
}

/// Runs on threads what the stepped tests run without: the first poll follows a failed start.
#[test]
fn a_thread_polls_at_once_after_a_failed_start() {
    let m = service()
        .specs(|number, request| {
            let answers = vec![error(), Reply::json(specs(100)), no_update()];
            in_turn(answers)(number, request)
        })
        .start();
    let client = started(
        &options(&m, json!({"rulesets_sync_interval": 3600})),
        Hooks::default(),
    );
    wait_until("specs arrive long before the interval", || {
        lcut(&client) == 100
    });
    assert_eq!(m.requests_to(SPECS).len(), 2);
}
