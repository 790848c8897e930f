//! With a forward proxy in between (T102 to T108).
//!
//! The proxy is a program of these tests, made after what has been observed of the vendor's.

use serde_json::{Value, json};
use std::sync::Arc;
use tidegate::exposure::EventValue;
use tidegate::user::User;

use super::{beside, listening, proxied, stream_stats, wait_for_lcut, wait_for_state};
use crate::support::forward_proxy::{ForwardProxy, Upstream};
use crate::support::scripted::{Server, wait_until};
use crate::support::service::{SPECS, details, lcut, options, service, since, source};

fn config(upstream: &Upstream, events: &Server, max_streams: u32) -> Value {
    json!({
        "upstream": upstream.address(), "events": events.address().to_string(), "poll_ms": 20,
        "max_streams": max_streams,
    })
}

/// Options for a proxy that is polled over HTTP, for all endpoints.
fn over_http(proxy: &ForwardProxy, beside: &Server) -> Value {
    let address = format!("http://127.0.0.1:{}", proxy.http_port);
    let all = json!({"proxy_configs": {"all": {"protocol": "http", "proxy_address": address}}});
    options(beside, all)
}

#[test]
fn t102_specs_through_the_proxy_over_http() {
    let (u, m) = (Upstream::start(100, true), beside());
    let proxy = ForwardProxy::relay(&config(&u, &m, 500));
    let (client, heard) = listening(&over_http(&proxy, &m));
    assert_eq!((lcut(&client), source(&client)), (100, "Network"));
    u.bump(200);
    wait_for_lcut(&client, 200);
    heard.expect_updates(&[100, 200]);
    assert!(m.requests_to(SPECS).is_empty());
    let targets = u.targets();
    assert!(
        targets[0].ends_with("/v1/download_config_specs/secret-key.json"),
        "{targets:?}"
    );
    assert!(
        targets
            .iter()
            .any(|target| target.ends_with("?sinceTime=100")),
        "{targets:?}"
    );
}

#[test]
fn t103_specs_through_the_proxy_over_a_stream() {
    let (u, m) = (Upstream::start(100, true), beside());
    let proxy = ForwardProxy::relay(&config(&u, &m, 500));
    let (client, heard) = listening(&proxied(&proxy, &m, json!({}), json!({})));
    wait_for_state(&client, "streaming");
    let stats = stream_stats(&client);
    assert_eq!(
        (&stats["messages"], &stats["heartbeats"]),
        (&json!(1), &json!(1)),
        "the first message says that there is nothing newer"
    );
    u.bump(200);
    wait_for_lcut(&client, 200);
    heard.expect_updates(&[100, 200]);
}

/// The legacy SDK gets nothing until it is called.
#[test]
fn t104_a_proxy_that_is_restarted_in_good_order_goes_on() {
    let (u, m) = (Upstream::start(100, true), beside());
    let mut proxy = ForwardProxy::relay(&config(&u, &m, 500));
    // Waiting for the base would be noticed.
    let entry = json!({"retry_backoff_base_ms": 1_000, "push_worker_failover_threshold": 9});
    let (client, heard) = listening(&proxied(&proxy, &m, entry, json!({})));
    wait_for_state(&client, "streaming");
    proxy.terminate();
    u.bump(200);
    let _proxy = ForwardProxy::relay_at(proxy.port, &config(&u, &m, 500));
    wait_for_lcut(&client, 200);
    heard.expect_updates(&[100, 200]);
    assert!(m.requests_to(SPECS).is_empty());
}

#[test]
fn t105_a_proxy_that_is_killed_is_replaced_until_it_returns() {
    let (u, m) = (Upstream::start(100, true), beside());
    let mut proxy = ForwardProxy::relay(&config(&u, &m, 500));
    let entry = json!({"max_retry_attempt": 1000, "push_worker_failover_threshold": 1,
                       "retry_backoff_max_ms": 100});
    let (client, heard) = listening(&proxied(&proxy, &m, entry, json!({})));
    wait_for_state(&client, "streaming");
    proxy.kill();
    wait_for_lcut(&client, 500);
    assert_eq!(source(&client), "StatsigNetwork");
    u.bump(600);
    let _proxy = ForwardProxy::relay_at(proxy.port, &config(&u, &m, 500));
    wait_for_lcut(&client, 600);
    wait_until("polling stops", || {
        stream_stats(&client)["fallback_polling"] == false
    });
    assert_eq!(
        (source(&client), since(&m.requests_to(SPECS))[0]),
        ("Network", 100)
    );
    heard.expect_updates(&[100, 500, 600]);
}

#[test]
fn t106_a_proxy_that_has_too_many_streams_is_tried_again() {
    let (u, m) = (Upstream::start(100, true), beside());
    let proxy = ForwardProxy::relay(&config(&u, &m, 1));
    let entry = json!({"max_retry_attempt": 1000, "push_worker_failover_threshold": 1000,
                       "retry_backoff_max_ms": 50});
    let options = proxied(&proxy, &m, entry, json!({}));
    let (first, _) = listening(&options);
    wait_for_state(&first, "streaming");
    let (second, heard) = listening(&options);
    assert_eq!(lcut(&second), 100, "the call succeeds");
    wait_until("its stream is refused", || {
        let told = stream_stats(&second)["last_error"].to_string();
        told.contains("Max concurrent streams reached")
    });
    assert!(
        heard
            .tags()
            .contains(&"grpcWebSocket:streaming_error".to_owned())
    );
    first.shutdown(30_000).expect("shut down");
    wait_for_state(&second, "streaming");
    u.bump(200);
    wait_for_lcut(&second, 200);
}

#[test]
fn t107_a_proxy_that_knows_no_time_refuses() {
    let (u, m) = (Upstream::start(100, false), beside());
    let proxy = ForwardProxy::relay(&config(&u, &m, 500));
    let (client, _) = listening(&over_http(&proxy, &m));
    assert_eq!(lcut(&client), 0);
    let error = details(&client)["error"].to_string();
    assert!(error.contains("401"), "{error}");
    let (client, heard) = listening(&proxied(&proxy, &m, json!({}), json!({})));
    assert_eq!(lcut(&client), 0);
    let errors = heard.errors.lock().clone();
    let refused = |(tag, text): &(String, String)| {
        tag == "grpcWebSocket:initialize" && text.contains("Unauthorized")
    };
    assert!(errors.iter().any(refused), "{errors:?}");
}

#[test]
fn t108_events_through_the_proxy() {
    let (u, m) = (Upstream::start(100, true), service().start());
    let proxy = ForwardProxy::relay(&config(&u, &m, 500));
    let (client, _) = listening(&over_http(&proxy, &m));
    let user = Arc::new(User::from_json(r#"{"userID": "u"}"#).expect("a user"));
    client
        .log_event(&user, "through the proxy", EventValue::None, None)
        .expect("logged");
    let flushed = client.flush(30_000).expect("flushed");
    assert!(flushed.sent >= 1 && flushed.queued == 0, "{flushed:?}");
    let forwarded = &m.wait_for("/log_event", 1)[0];
    assert_eq!(forwarded.header("statsig-api-key"), Some("secret-key"));
    assert_eq!(forwarded.header("content-encoding"), None);
    let body: Value = serde_json::from_slice(&forwarded.body).expect("JSON");
    assert!(
        body["events"].to_string().contains("through the proxy"),
        "{body}"
    );
}
