//! A stream that is away (T90 to T92, T101), and a proxy that dies and returns.

use std::sync::Arc;

use parking_lot::Mutex;
use serde_json::{Value, json};
use tidegate::host::{Hooks, Metrics};

use super::{beside, listening, proxied, stream_stats, wait_for_lcut, wait_for_state};
use crate::support::forward_proxy::tls::Folder;
use crate::support::forward_proxy::{
    ForwardProxy, UNAVAILABLE, accept, failure, heartbeat, message,
};
use crate::support::scripted::{Reply, Server, wait_until};
use crate::support::service::{LISTS, SPECS, lcut, service, since, source, started};

/// Nobody to fall back to.
fn service_without_specs() -> Server {
    service().specs(|_, _| Reply::status(500)).start()
}

/// Waits until rounds of id lists show that several intervals have passed.
fn several_intervals(service: &Server) {
    let seen = service.requests_to(LISTS).len();
    service.wait_for(LISTS, seen + 4);
}

#[test]
fn t90_a_proxy_that_stays_away_is_replaced_and_tried_as_often_as_agreed() {
    let (mut proxy, m) = (ForwardProxy::start(), beside());
    proxy.script(&[message(100)], &[failure(UNAVAILABLE)]);
    let entry = json!({"max_retry_attempt": 4, "push_worker_failover_threshold": 1,
                       "retry_backoff_base_ms": 20});
    let (client, heard) = listening(&proxied(&proxy, &m, entry, json!({})));
    wait_for_state(&client, "exhausted");
    wait_for_lcut(&client, 500);
    assert_eq!(source(&client), "StatsigNetwork");
    // The service is polled on, with the time of its own specs.
    let polls = m.wait_for(SPECS, m.requests_to(SPECS).len() + 3);
    let times = since(&polls);
    assert_eq!((times[0], times[times.len() - 1]), (100, 500));
    assert_eq!(proxy.wait_for("stream", 5).len(), 5);
    let errors = heard.tags();
    let count = |tag: &str| errors.iter().filter(|known| *known == tag).count();
    assert_eq!(count("grpcWebSocket:streaming_error"), 1, "once per kind");
    assert_eq!(count("grpcWebSocket: retry exhausted"), 1);
    let stats = stream_stats(&client);
    assert_eq!(
        (&stats["failures"], &stats["fallback_polling"]),
        (&json!(5), &json!(true))
    );
}

#[test]
fn exhausted_retries_still_find_a_proxy_that_returns() {
    let (mut proxy, m) = (ForwardProxy::start(), beside());
    proxy.script(&[message(100)], &[failure(UNAVAILABLE)]);
    let entry = json!({"max_retry_attempt": 1, "push_worker_failover_threshold": 9,
                       "retry_backoff_base_ms": 50, "retry_backoff_max_ms": 60});
    let (client, _) = listening(&proxied(&proxy, &m, entry, json!({})));
    wait_for_lcut(&client, 500);
    proxy.wait_for("stream", 5);
    proxy.script(&[], &[accept(&[message(600)])]);
    wait_for_lcut(&client, 600);
    wait_for_state(&client, "streaming");
}

#[test]
fn t91_polling_bridges_the_time_until_the_stream_is_back() {
    let (mut proxy, m) = (ForwardProxy::start(), beside());
    proxy.script(&[message(100)], &[failure(UNAVAILABLE)]);
    let entry = json!({"max_retry_attempt": 1000, "push_worker_failover_threshold": 0,
                       "retry_backoff_max_ms": 50});
    let (client, heard) = listening(&proxied(&proxy, &m, entry, json!({})));
    wait_for_lcut(&client, 500);
    let failed = proxy.wait_for("stream", 3);
    assert_eq!(failed[0]["since"], 100);
    proxy.script(&[], &[accept(&[message(600)])]);
    wait_for_lcut(&client, 600);
    wait_until("polling stops", || {
        stream_stats(&client)["fallback_polling"] == false
    });
    wait_until("a stream with the time of the polled specs", || {
        proxy
            .events("stream")
            .iter()
            .any(|stream| stream["since"] == 500)
    });
    // A poll may have been under way.
    several_intervals(&m);
    let polls = m.requests_to(SPECS).len();
    several_intervals(&m);
    assert_eq!(m.requests_to(SPECS).len(), polls);
    assert_eq!(stream_stats(&client)["retries_used"], 0);
    heard.expect_updates(&[100, 500, 600]);
    assert!(
        heard
            .tags()
            .contains(&"grpcWebSocket: Reconnected".to_owned())
    );
}

/// The legacy SDK never polls then.
#[test]
fn t92_a_threshold_that_is_not_below_the_retries_counts() {
    let (mut proxy, m) = (ForwardProxy::start(), beside());
    proxy.script(&[message(100)], &[failure(UNAVAILABLE)]);
    let entry = json!({"max_retry_attempt": 2, "push_worker_failover_threshold": 2});
    let (client, _) = listening(&proxied(&proxy, &m, entry, json!({})));
    wait_for_lcut(&client, 500);
    assert_eq!(proxy.wait_for("stream", 3).len(), 3);
}

#[test]
fn polling_in_place_of_the_stream_keeps_to_the_sources_that_are_named() {
    let (mut proxy, m) = (ForwardProxy::start(), beside());
    proxy.script(&[message(100)], &[failure(UNAVAILABLE)]);
    let entry = json!({"max_retry_attempt": 1, "push_worker_failover_threshold": 0});
    let more = json!({"config_sync_sources": ["network"]});
    let (client, _) = listening(&proxied(&proxy, &m, entry, more));
    wait_for_state(&client, "exhausted");
    several_intervals(&m);
    assert!(m.requests_to(SPECS).is_empty());
    assert_eq!(lcut(&client), 100);
}

#[test]
fn pausing_does_not_stop_what_replaces_the_stream() {
    let (mut proxy, m) = (ForwardProxy::start(), beside());
    proxy.script(&[message(100)], &[accept(&[])]);
    let entry = json!({"max_retry_attempt": 9, "push_worker_failover_threshold": 0});
    let (client, _) = listening(&proxied(&proxy, &m, entry, json!({})));
    proxy.wait_for("stream", 1);
    client.set_polling(false).expect("paused");
    proxy.send(&message(110));
    wait_for_lcut(&client, 110);
    proxy.script(&[], &[failure(UNAVAILABLE)]);
    proxy.fail(UNAVAILABLE);
    wait_for_lcut(&client, 500);
}

#[test]
fn sync_now_asks_the_proxy() {
    let (mut proxy, m) = (ForwardProxy::start(), beside());
    proxy.script(&[message(100), message(200)], &[accept(&[])]);
    let (client, _) = listening(&proxied(&proxy, &m, json!({}), json!({})));
    client.sync_now(30_000).expect("refreshed");
    assert_eq!(lcut(&client), 200);
    assert_eq!(proxy.wait_for("unary", 2)[1]["since"], 100);
}

#[test]
fn t101_shutdown_does_not_wait_for_the_back_off() {
    let (mut proxy, m) = (ForwardProxy::start(), beside());
    proxy.script(&[message(100)], &[failure(UNAVAILABLE)]);
    let entry = json!({"retry_backoff_base_ms": 600_000});
    let (client, _) = listening(&proxied(&proxy, &m, entry, json!({})));
    wait_for_state(&client, "waiting");
    client.shutdown(30_000).expect("shut down");
    let stats = stream_stats(&client);
    assert_eq!(
        (&stats["thread_alive"], &stats["state"]),
        (&json!(false), &json!("idle"))
    );
}

#[test]
fn t101_shutdown_cancels_a_stream_that_is_idle() {
    let (mut proxy, m) = (ForwardProxy::start(), beside());
    proxy.script(&[message(100)], &[accept(&[heartbeat(100)])]);
    let (client, _) = listening(&proxied(&proxy, &m, json!({}), json!({})));
    wait_for_state(&client, "streaming");
    client.shutdown(30_000).expect("shut down");
    assert_eq!(stream_stats(&client)["thread_alive"], false);
    proxy.wait_for("closed", 1);
    assert_eq!(proxy.events("stream").len(), 1);
}

#[test]
fn shutdown_cancels_a_call_that_hangs() {
    let (mut proxy, m) = (ForwardProxy::start(), beside());
    proxy.script(&[json!({"hang": true})], &[accept(&[])]);
    let options = proxied(&proxy, &m, json!({}), json!({"timeout": 600}));
    let client = crate::support::service::client(&options, Hooks::default());
    client.initialize(0).expect("begun");
    proxy.wait_for("unary", 1);
    client.shutdown(30_000).expect("shut down");
    let stats: Value = serde_json::from_str(&client.stats()).expect("JSON");
    assert_eq!(stats["sync"]["thread_alive"], false);
    assert!(proxy.events("stream").is_empty());
}

#[test]
fn a_stream_that_is_not_answered_can_be_shut_down() {
    let (mut proxy, m) = (ForwardProxy::start(), beside());
    proxy.script(&[message(100)], &[json!({"hang": true})]);
    let (client, _) = listening(&proxied(&proxy, &m, json!({}), json!({})));
    proxy.wait_for("stream", 1);
    client.shutdown(30_000).expect("shut down");
    assert_eq!(stream_stats(&client)["thread_alive"], false);
}

#[test]
fn a_client_that_is_dropped_closes_its_stream() {
    let (mut proxy, m) = (ForwardProxy::start(), beside());
    proxy.script(&[message(100)], &[accept(&[])]);
    let (client, _) = listening(&proxied(&proxy, &m, json!({}), json!({})));
    proxy.wait_for("stream", 1);
    drop(client);
    proxy.wait_for("closed", 1);
}

#[test]
fn shutdown_from_within_a_callback_of_the_stream_does_not_wait_for_itself() {
    let (mut proxy, m) = (ForwardProxy::start(), beside());
    proxy.script(&[message(100)], &[accept(&[])]);
    let client = Arc::new(Mutex::new(None::<Arc<tidegate::client::Client>>));
    let inner = Arc::clone(&client);
    let hooks = Hooks {
        rules_updated: Some(Arc::new(move |time, _| {
            if time == 110 {
                let client = inner.lock().take().expect("a client");
                client.shutdown(600_000).expect("shut down");
            }
        })),
        ..Hooks::default()
    };
    let options = proxied(&proxy, &m, json!({}), json!({}));
    *client.lock() = Some(started(&options, hooks));
    proxy.wait_for("stream", 1);
    proxy.send(&message(110));
    proxy.wait_for("closed", 1);
}

/// Killed like that, the connection breaks without a word.
#[test]
fn a_proxy_that_is_killed_and_returns_with_news_is_found_again() {
    let (mut proxy, m) = (ForwardProxy::start(), beside());
    proxy.script(&[message(100)], &[accept(&[])]);
    let entry = json!({"max_retry_attempt": 1000, "push_worker_failover_threshold": 1,
                       "retry_backoff_max_ms": 100});
    let (client, heard) = listening(&proxied(&proxy, &m, entry, json!({})));
    proxy.wait_for("stream", 1);
    proxy.kill();
    wait_for_lcut(&client, 500);
    let mut proxy = ForwardProxy::start_at(proxy.port);
    proxy.script(&[], &[accept(&[message(600)])]);
    wait_for_lcut(&client, 600);
    wait_for_state(&client, "streaming");
    proxy.send(&message(610));
    wait_for_lcut(&client, 610);
    assert_eq!(stream_stats(&client)["fallback_polling"], false);
    heard.expect_updates(&[100, 500, 600, 610]);
}

#[test]
fn the_last_good_copy_holds_what_came_over_the_stream() {
    let (mut proxy, m) = (ForwardProxy::start(), service_without_specs());
    proxy.script(&[message(100)], &[accept(&[])]);
    let folder = Folder::new();
    let more = json!({"spec_cache_dir": folder.path()});
    let options = proxied(&proxy, &m, json!({"retry_backoff_base_ms": 600_000}), more);
    let (client, _) = listening(&options);
    proxy.wait_for("stream", 1);
    proxy.send(&message(110));
    wait_for_lcut(&client, 110);
    client.shutdown(30_000).expect("shut down");
    proxy.kill();
    let (client, _) = listening(&options);
    assert_eq!((lcut(&client), source(&client)), (110, "DiskCache"));
}

#[derive(Default)]
struct Recorder(Mutex<Vec<(String, f64, Value)>>);

impl Recorder {
    fn record(&self, name: &str, value: f64, tags_json: &str) {
        let tags = serde_json::from_str(tags_json).expect("JSON");
        self.0.lock().push((name.to_owned(), value, tags));
    }

    fn of(&self, name: &str) -> Vec<(f64, Value)> {
        let all = self.0.lock();
        let of_name = all.iter().filter(|(known, ..)| known == name);
        of_name
            .map(|(_, value, tags)| (*value, tags.clone()))
            .collect()
    }
}

impl Metrics for Recorder {
    fn increment(&self, name: &str, value: f64, tags_json: &str) {
        self.record(name, value, tags_json);
    }

    fn gauge(&self, _: &str, _: f64, _: &str) {}

    fn distribution(&self, name: &str, value: f64, tags_json: &str) {
        self.record(name, value, tags_json);
    }

    fn wants_high_cardinality(&self) -> bool {
        true
    }
}

#[test]
fn metrics_tell_of_messages_failures_and_returns() {
    let (mut proxy, m) = (ForwardProxy::start(), beside());
    let failing = failure(UNAVAILABLE);
    proxy.script(
        &[message(100)],
        &[failing.clone(), failing, accept(&[message(110)])],
    );
    let recorder = Arc::new(Recorder::default());
    let hooks = Hooks {
        metrics: Some(Arc::<Recorder>::clone(&recorder)),
        ..Hooks::default()
    };
    let options = proxied(&proxy, &m, json!({}), json!({}));
    let client = started(&options, hooks);
    wait_for_lcut(&client, 110);
    client.shutdown(30_000).expect("shut down");
    let messages = recorder.of("statsig.sdk.grpc_msg_received");
    assert_eq!(messages, [(1.0, json!({"lcut": "110"}))]);
    let failures = recorder.of("statsig.sdk.grpc_streaming_failed_with_retry_ct");
    let used: Vec<f64> = failures.iter().map(|(value, _)| *value).collect();
    assert_eq!(used, [0.0, 1.0]);
    let expected = json!({"retryAttempt": "2", "hostName": proxy.address(),
                          "sfpHostName": "proxy-1"});
    assert_eq!(
        recorder.of("statsig.sdk.grpc_reconnected"),
        [(1.0, expected)]
    );
    let propagated = recorder.of("statsig.sdk.config_propagation_diff");
    assert_eq!(propagated[0].1["source_api"], proxy.address());
}
