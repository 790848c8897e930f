//! Protocol `grpc`: a call per round (T98), and options that make no sense.

use serde_json::json;
use tidegate::client::Client;
use tidegate::host::Hooks;
use tidegate::options::Options;

use super::{beside, listening, proxied, stream_stats, wait_for_lcut};
use crate::support::forward_proxy::{
    ForwardProxy, UNAVAILABLE, accept, failure, heartbeat, message,
};
use crate::support::service::{KEY, SPECS, Steps, details, lcut, settings, source};

/// The legacy SDK never gets specs that way.
#[test]
fn t98_plain_grpc_is_polled() {
    let (mut proxy, m) = (ForwardProxy::start(), beside());
    proxy.script(
        &[message(100), message(200), heartbeat(200)],
        &[accept(&[])],
    );
    let entry = json!({"protocol": "grpc"});
    let (client, heard) = listening(&proxied(&proxy, &m, entry, json!({})));
    assert_eq!(details(&client)["init_source_api"], proxy.address());
    wait_for_lcut(&client, 200);
    let calls = proxy.wait_for("unary", 4);
    let times: Vec<i64> = calls.iter().map(|c| c["since"].as_i64().unwrap()).collect();
    assert_eq!(times[..4], [0, 100, 200, 200]);
    heard.expect_updates(&[100, 200]);
    assert_eq!(source(&client), "Network");
    assert!(proxy.events("stream").is_empty() && m.requests_to(SPECS).is_empty());
    assert!(stream_stats(&client).is_null());
}

#[test]
fn plain_grpc_counts_failures_and_falls_back_as_polling_over_http_does() {
    let (mut proxy, m) = (ForwardProxy::start(), beside());
    proxy.script(&[message(100), failure(UNAVAILABLE)], &[]);
    let entry = json!({"protocol": "grpc"});
    let more = json!({"fallback_to_statsig_api": true});
    let steps = Steps::new(proxied(&proxy, &m, entry, more));
    assert_eq!(steps.lcut(), 100);
    steps.polls(4);
    assert_eq!((steps.lcut(), m.requests_to(SPECS).len()), (100, 0));
    steps.polls(1);
    assert_eq!(
        (steps.lcut(), m.requests_to(SPECS).len()),
        (500, 1),
        "the fifth failure"
    );
    assert!(
        steps
            .heard
            .tags()
            .contains(&"grpc:getConfigSpec".to_owned())
    );
}

#[test]
fn plain_grpc_needs_no_thread() {
    let (mut proxy, m) = (ForwardProxy::start(), beside());
    proxy.script(&[message(100), message(200)], &[]);
    let entry = json!({"protocol": "grpc"});
    let steps = Steps::new(proxied(&proxy, &m, entry, json!({})));
    assert_eq!(steps.lcut(), 100);
    steps.polls(1);
    assert_eq!(steps.lcut(), 200);
}

#[test]
fn a_proxy_that_returns_is_polled_again() {
    let (mut proxy, m) = (ForwardProxy::start(), beside());
    proxy.script(&[message(100)], &[]);
    let entry = json!({"protocol": "grpc"});
    let steps = Steps::new(proxied(&proxy, &m, entry, json!({})));
    proxy.kill();
    steps.polls(2);
    assert_eq!(steps.lcut(), 100);
    let mut proxy = ForwardProxy::start_at(proxy.port);
    proxy.script(&[message(200)], &[]);
    steps.polls(1);
    assert_eq!(steps.lcut(), 200);
}

fn refused(proxy_configs: &serde_json::Value, more: &serde_json::Value) -> String {
    let mut options = json!({"proxy_configs": proxy_configs});
    crate::support::service::merge(&mut options, more.clone());
    let options = Options {
        settings: settings(&options),
        hooks: Hooks::default(),
    };
    Client::new(KEY, options)
        .err()
        .expect("refused")
        .to_string()
}

#[test]
fn a_stream_without_threads_is_refused() {
    let entry = json!({"all": {"protocol": "grpc_websocket", "proxy_address": "h:1"}});
    let error = refused(&entry, &json!({"threads": "none"}));
    assert!(error.starts_with("proxy_configs.all.protocol"), "{error}");
}

#[test]
fn entries_that_make_no_sense_are_refused_by_name() {
    for (fields, key) in [
        (json!({"proxy_address": "no port"}), "proxy_address"),
        (
            json!({"retry_backoff_multiplier": -1}),
            "retry_backoff_multiplier",
        ),
        (json!({"authentication_mode": "tls"}), "tls_ca_cert_path"),
    ] {
        let mut entry = json!({"protocol": "grpc_websocket", "proxy_address": "h:1"});
        crate::support::service::merge(&mut entry, fields);
        let error = refused(&json!({"download_config_specs": entry}), &json!({}));
        let key = format!("proxy_configs.download_config_specs.{key}");
        assert!(error.starts_with(&key), "{error}");
    }
}

#[test]
fn local_mode_calls_nobody() {
    let (mut proxy, m) = (ForwardProxy::start(), beside());
    proxy.script(&[message(100)], &[accept(&[])]);
    let options = proxied(&proxy, &m, json!({}), json!({"local_mode": true}));
    let (client, _) = listening(&options);
    client.shutdown(30_000).expect("shut down");
    assert_eq!(lcut(&client), 0);
    assert!(proxy.events("unary").is_empty() && proxy.events("stream").is_empty());
    assert!(m.requests().is_empty());
}

#[test]
fn calls_go_through_the_network_proxy() {
    let (mut proxy, m) = (ForwardProxy::start(), beside());
    proxy.script(&[message(100)], &[]);
    let to = proxy.address().parse().expect("an address");
    let (way, asked) = crate::net_proxy::tunnel(to, false);
    // A name that only the network proxy knows.
    let entry = json!({"protocol": "grpc", "proxy_address": "forward.example:50051"});
    let more = json!({"network_proxy": format!("http://user:pass@{way}"),
                      "rulesets_sync_interval": 3600});
    let (client, _) = listening(&proxied(&proxy, &m, entry, more));
    assert_eq!(lcut(&client), 100);
    let head = String::from_utf8(asked.lock().clone()).expect("text");
    assert!(
        head.starts_with("CONNECT forward.example:50051 HTTP/1.1\r\n"),
        "{head}"
    );
    assert!(
        head.contains("Proxy-Authorization: Basic dXNlcjpwYXNz\r\n"),
        "{head}"
    );
    assert!(!head.contains(KEY), "{head}");
}

#[test]
fn a_network_proxy_that_is_no_http_proxy_is_not_bypassed() {
    let (mut proxy, m) = (ForwardProxy::start(), beside());
    proxy.script(&[message(100)], &[]);
    let (way, _) = crate::net_proxy::tunnel(m.address(), true);
    let entry = json!({"protocol": "grpc"});
    let more = json!({"network_proxy": format!("socks5://{way}"), "rulesets_sync_interval": 3600});
    let (client, heard) = listening(&proxied(&proxy, &m, entry, more));
    assert_eq!(lcut(&client), 0);
    let errors = heard.errors.lock().clone();
    assert!(
        errors
            .iter()
            .any(|(_, text)| text.contains("http:// proxies only")),
        "{errors:?}"
    );
    assert!(proxy.events("unary").is_empty());
}
