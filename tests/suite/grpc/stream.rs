//! What comes over the stream (T93 to T97).

use serde_json::json;

use super::{beside, listening, proxied, stream_stats, wait_for_lcut, wait_for_state};
use crate::support::forward_proxy::{
    ForwardProxy, UNAVAILABLE, accept, failure, heartbeat, message,
};
use crate::support::scripted::wait_until;
use crate::support::service::{SPECS, lcut, source};

#[test]
fn t93_a_stream_that_lags_behind_the_service_changes_nothing() {
    let (mut proxy, m) = (ForwardProxy::start(), beside());
    proxy.script(&[message(100)], &[failure(UNAVAILABLE)]);
    let entry = json!({"max_retry_attempt": 1000, "retry_backoff_max_ms": 50,
                       "push_worker_failover_threshold": 0});
    let (client, heard) = listening(&proxied(&proxy, &m, entry, json!({})));
    wait_for_lcut(&client, 500);
    proxy.script(&[], &[accept(&[message(400), message(501)])]);
    wait_for_lcut(&client, 501);
    heard.expect_updates(&[100, 500, 501]);
    assert_eq!(source(&client), "Network");
}

/// The legacy SDK does not notice until the next evaluation.
#[test]
fn t94_a_stream_that_ends_in_good_order_is_opened_again_at_once() {
    let (mut proxy, m) = (ForwardProxy::start(), beside());
    let ending = json!({"messages": [message(110)], "end": true});
    proxy.script(&[message(100)], &[ending, accept(&[])]);
    // Waiting for the base would be noticed.
    let entry = json!({"retry_backoff_base_ms": 600_000});
    let (client, heard) = listening(&proxied(&proxy, &m, entry, json!({})));
    let streams = proxy.wait_for("stream", 2);
    assert_eq!(
        (&streams[0]["since"], &streams[1]["since"]),
        (&json!(100), &json!(110))
    );
    assert_eq!(lcut(&client), 110);
    assert_eq!(heard.tags(), [] as [String; 0], "no error");
    assert_eq!(stream_stats(&client)["failures"], 0);
}

/// The legacy SDK loses the stream and the version.
#[test]
fn t95_a_malformed_message_costs_neither_the_stream_nor_the_version() {
    let (mut proxy, m) = (ForwardProxy::start(), beside());
    proxy.script(&[message(100)], &[accept(&[])]);
    let (client, heard) = listening(&proxied(&proxy, &m, json!({}), json!({})));
    proxy.wait_for("stream", 1);
    proxy.send(&message(110));
    proxy.send(&json!({"spec": "{\"time\": 130, ", "time": 130}));
    proxy.send(&json!({"spec": "{}", "time": 130, "broken": true}));
    proxy.send(&json!({"spec": "{\"no\": \"time\"}", "time": 130}));
    proxy.send(&message(130));
    wait_for_lcut(&client, 130);
    heard.expect_updates(&[100, 110, 130]);
    assert_eq!(
        heard.tags(),
        ["grpcWebSocket:listeners.onUpdate"],
        "reported once"
    );
    let stats = stream_stats(&client);
    assert_eq!(
        (&stats["opened"], &stats["rejected"]),
        (&json!(1), &json!(3))
    );
}

#[test]
fn t96_heartbeats_change_nothing_and_prove_that_the_stream_is_back() {
    let (mut proxy, m) = (ForwardProxy::start(), beside());
    proxy.script(&[message(600)], &[accept(&[heartbeat(600)])]);
    let entry = json!({"max_retry_attempt": 1000, "retry_backoff_max_ms": 50,
                       "push_worker_failover_threshold": 0});
    let (client, heard) = listening(&proxied(&proxy, &m, entry, json!({})));
    proxy.wait_for("stream", 1);
    for _ in 0..3 {
        proxy.send(&heartbeat(600));
    }
    wait_until("heartbeats", || stream_stats(&client)["heartbeats"] == 4);
    assert_eq!(lcut(&client), 600);
    heard.expect_updates(&[600]);

    proxy.script(&[], &[failure(UNAVAILABLE)]);
    proxy.fail(UNAVAILABLE);
    m.wait_for(SPECS, 2);
    assert_eq!(stream_stats(&client)["fallback_polling"], true);
    proxy.script(&[], &[accept(&[heartbeat(600)])]);
    wait_for_state(&client, "streaming");
    let stats = stream_stats(&client);
    assert_eq!(
        (&stats["fallback_polling"], &stats["reconnects"]),
        (&json!(false), &json!(1))
    );
    heard.expect_updates(&[600]);
}

/// The legacy SDK accepts 4 MiB.
#[test]
fn t97_large_specs_are_accepted() {
    let large = |time: i64| {
        let mut document: serde_json::Value =
            serde_json::from_str(&crate::support::service::specs(time)).expect("JSON");
        document["padding"] = json!("x".repeat(8 << 20));
        json!({"spec": document.to_string(), "time": time})
    };
    let (mut proxy, m) = (ForwardProxy::start(), beside());
    proxy.script(&[large(100)], &[accept(&[])]);
    let (client, _) = listening(&proxied(&proxy, &m, json!({}), json!({})));
    assert_eq!(lcut(&client), 100);
    proxy.wait_for("stream", 1);
    proxy.send(&large(110));
    wait_for_lcut(&client, 110);
}
