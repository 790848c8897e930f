//! Specs from a forward proxy that speaks gRPC (T80, T85 to T108).

mod failover;
mod fork;
mod init;
mod interop;
mod polling;
mod stream;
mod tls;

use std::sync::Arc;

use serde_json::{Value, json};
use tidegate::client::Client;

use crate::support::forward_proxy::{ForwardProxy, serve};
use crate::support::scripted::{Server, wait_until};
use crate::support::service::{Heard, lcut, merge, options, service, started};

/// Not a test: the forward proxy, which the tests start as a process of its own.
#[test]
#[ignore = "the other tests start it as a process"]
fn forward_proxy_process() {
    serve();
}

/// The service beside the proxy: id lists and events, and specs of time 500 for whoever falls
/// back to it.
fn beside() -> Server {
    use crate::support::scripted::Reply;
    use crate::support::service::{no_update, specs};
    service()
        .specs(|_, request| match request.target.contains("sinceTime=") {
            true if !request.target.ends_with("=500") => Reply::json(specs(500)),
            true => no_update(),
            false => Reply::json(specs(500)),
        })
        .start()
}

/// Options for specs from the proxy and everything else from `service`. `entry` goes into the
/// proxy's entry, `more` beside it.
fn proxied(proxy: &ForwardProxy, service: &Server, entry: Value, more: Value) -> Value {
    let mut ours = json!({
        "protocol": "grpc_websocket", "proxy_address": proxy.address(),
        "retry_backoff_base_ms": 50, "retry_backoff_multiplier": 2,
    });
    merge(&mut ours, entry);
    let mut all = json!({
        "proxy_configs": {"download_config_specs": ours},
        "api_for_statsig_network": service.url("/v1"),
    });
    merge(&mut all, more);
    options(service, all)
}

/// A client that has initialized, and what it was told.
fn listening(options: &Value) -> (Arc<Client>, Arc<Heard>) {
    let heard = Arc::new(Heard::default());
    let client = started(options, heard.hooks());
    (client, heard)
}

fn wait_for_lcut(client: &Client, time: i64) {
    wait_until(&format!("specs of {time}"), || lcut(client) == time);
}

/// What stats say of the stream.
fn stream_stats(client: &Client) -> Value {
    let stats: Value = serde_json::from_str(&client.stats()).expect("JSON");
    stats["sync"]["stream"].clone()
}

fn wait_for_state(client: &Client, state: &str) {
    wait_until(&format!("the stream is {state}"), || {
        stream_stats(client)["state"] == state
    });
}
