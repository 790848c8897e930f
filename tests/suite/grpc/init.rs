//! Initialize: one call, then the stream (T85 to T89, T99).

use std::sync::Arc;

use parking_lot::Mutex;
use serde_json::{Value, json};
use tidegate::error::Error;
use tidegate::host::{DataStore, Hooks};

use super::{beside, listening, proxied, stream_stats, wait_for_lcut};
use crate::support::forward_proxy::{ForwardProxy, accept, failure, heartbeat, hex, message};
use crate::support::scripted::wait_until;
use crate::support::service::{KEY, LISTS, SPECS, details, lcut, source, specs, started};

const PERMISSION_DENIED: i32 = 7;

/// The key in field 1, the time in field 12, nothing else.
fn wire(time: u8) -> String {
    let length = u8::try_from(KEY.len()).expect("a short key");
    hex(&[&[0x0a, length], KEY.as_bytes(), &[0x60, time]].concat())
}

#[test]
fn t85_one_call_then_a_stream_of_updates() {
    let (mut proxy, m) = (ForwardProxy::start(), beside());
    proxy.script(&[message(100)], &[accept(&[])]);
    let (client, heard) = listening(&proxied(&proxy, &m, json!({}), json!({})));
    assert_eq!((lcut(&client), source(&client)), (100, "Network"));
    assert_eq!(details(&client)["init_source_api"], proxy.address());

    let stream = proxy.wait_for("stream", 1).remove(0);
    for message in [message(110), message(105), heartbeat(110), message(120)] {
        proxy.send(&message);
    }
    wait_for_lcut(&client, 120);
    heard.expect_updates(&[100, 110, 120]);

    let unary = proxy.events("unary").remove(0);
    assert_eq!(
        (&unary["wire"], &stream["wire"]),
        (&json!(wire(0)), &json!(wire(100)))
    );
    let agent = unary["user_agent"].as_str().expect("a user agent");
    assert!(agent.starts_with("tidegate/"), "{agent}");
    assert_eq!(stream["timeout"], Value::Null, "streams have no deadline");
    m.wait_for(LISTS, 1);
    assert!(m.requests_to(SPECS).is_empty());
    let stats = stream_stats(&client);
    assert_eq!(
        (
            &stats["messages"],
            &stats["heartbeats"],
            &stats["proxy_host"]
        ),
        (&json!(4), &json!(2), &json!("proxy-1"))
    );
}

#[test]
fn t86_the_call_has_the_time_limit_of_initialize() {
    let (mut proxy, m) = (ForwardProxy::start(), beside());
    proxy.script(&[json!({"hang": true})], &[accept(&[message(100)])]);
    let options = proxied(&proxy, &m, json!({}), json!({"init_timeout": 0.3}));
    let (client, heard) = listening(&options);
    let unary = proxy.wait_for("unary", 1).remove(0);
    assert!(
        unary["timeout"].is_string(),
        "the proxy knows the limit too"
    );
    assert!(
        heard
            .tags()
            .contains(&"grpcWebSocket:initialize".to_owned())
    );
    wait_for_lcut(&client, 100);
    assert_eq!(proxy.wait_for("stream", 1)[0]["since"], 0);
}

#[test]
fn t87_a_call_that_is_refused_leaves_it_to_the_stream() {
    let (mut proxy, m) = (ForwardProxy::start(), beside());
    proxy.script(&[failure(PERMISSION_DENIED)], &[accept(&[])]);
    let (client, heard) = listening(&proxied(&proxy, &m, json!({}), json!({})));
    let found = details(&client);
    assert_eq!(
        (&found["init_success"], &found["store_populated"]),
        (&json!(true), &json!(false))
    );
    let errors = heard.errors.lock().clone();
    assert!(
        errors
            .iter()
            .any(|(tag, _)| tag == "grpcWebSocket:initialize"),
        "{errors:?}"
    );
    let stream = proxy.wait_for("stream", 1).remove(0);
    assert_eq!(stream["since"], 0);
    proxy.send(&message(100));
    wait_for_lcut(&client, 100);
}

/// The legacy SDK opens the stream with 0.
#[test]
fn t88_the_stream_is_opened_with_the_time_of_whatever_source_it_was() {
    let (mut proxy, m) = (ForwardProxy::start(), beside());
    proxy.script(&[failure(PERMISSION_DENIED)], &[accept(&[])]);
    let flag = json!({"fallback_to_statsig_api": true});
    let (client, heard) = listening(&proxied(&proxy, &m, json!({}), flag));
    assert_eq!((lcut(&client), source(&client)), (500, "StatsigNetwork"));
    assert_eq!(proxy.wait_for("stream", 1)[0]["since"], 500);
    proxy.send(&message(120));
    proxy.send(&message(510));
    wait_for_lcut(&client, 510);
    heard.expect_updates(&[500, 510]);
}

/// A store that records what is written.
#[derive(Default)]
struct Recording {
    content: Mutex<Option<Vec<u8>>>,
    writes: Mutex<Vec<i64>>,
}

impl DataStore for Recording {
    fn get(&self, key: &str) -> Result<Option<Vec<u8>>, Error> {
        Ok(self
            .content
            .lock()
            .clone()
            .filter(|_| key == "statsig.cache"))
    }

    fn set(&self, _: &str, value: &[u8], time_ms: i64) -> Result<(), Error> {
        *self.content.lock() = Some(value.to_vec());
        self.writes.lock().push(time_ms);
        Ok(())
    }

    fn supports_polling(&self, _: &str) -> bool {
        false
    }

    fn shutdown(&self) {}
}

fn with_store(store: &Arc<Recording>) -> Hooks {
    Hooks {
        data_store: Some(Arc::<Recording>::clone(store)),
        ..Hooks::default()
    }
}

#[test]
fn t80_what_comes_over_the_stream_is_not_written_to_the_data_store() {
    let (mut proxy, m) = (ForwardProxy::start(), beside());
    proxy.script(&[message(100)], &[accept(&[message(110)])]);
    let store = Arc::new(Recording::default());
    let options = proxied(&proxy, &m, json!({}), json!({}));
    let client = started(&options, with_store(&store));
    wait_for_lcut(&client, 110);
    client.shutdown(30_000).expect("shut down");
    assert_eq!(*store.writes.lock(), [100], "that of the call is");
}

/// The legacy SDK opens the stream with 0.
#[test]
fn t89_specs_of_the_data_store_need_no_call() {
    let (mut proxy, m) = (ForwardProxy::start(), beside());
    proxy.script(&[message(900)], &[accept(&[])]);
    let store = Arc::new(Recording::default());
    *store.content.lock() = Some(specs(100).into_bytes());
    let options = proxied(&proxy, &m, json!({}), json!({}));
    let client = started(&options, with_store(&store));
    assert_eq!((lcut(&client), source(&client)), (100, "DataAdapter"));
    assert_eq!(proxy.wait_for("stream", 1)[0]["since"], 100);
    assert!(proxy.events("unary").is_empty());
}

/// The legacy SDK cannot fetch id lists and send events then.
#[test]
fn t99_a_proxy_for_all_gives_specs_and_the_rest_goes_over_http() {
    let (mut proxy, m) = (ForwardProxy::start(), beside());
    proxy.script(&[message(100)], &[accept(&[])]);
    let mut options = proxied(&proxy, &m, json!({}), json!({}));
    let entry = options["proxy_configs"]["download_config_specs"].take();
    options["proxy_configs"] = json!({"all": entry});
    let (client, _) = listening(&options);
    assert_eq!(details(&client)["init_success"], true);
    assert_eq!((lcut(&client), source(&client)), (100, "Network"));
    m.wait_for(LISTS, 1);
    assert!(m.requests_to(SPECS).is_empty());
    wait_until("the stream", || !proxy.events("stream").is_empty());
}
