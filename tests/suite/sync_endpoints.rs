//! Where requests go and what they carry (T01 to T13).

use std::sync::Arc;

use serde_json::json;
use tidegate::client::Client;
use tidegate::exposure::EventValue;
use tidegate::host::Hooks;
use tidegate::options::Options;
use tidegate::user::User;

use crate::support::packing::{brotli, gzip, zlib};
use crate::support::scripted::{Framing, Reply, Server, wait_until};
use crate::support::service::{
    Heard, KEY, LISTS, SPECS, Steps, details, lcut, options, service, settings, since, specs,
    started,
};

#[test]
fn t01_specs_and_lists_are_asked_for_as_expected() {
    let m = service().start();
    let client = started(
        &options(&m, json!({"idlists_sync_interval": 60})),
        Hooks::default(),
    );
    let asked = m.wait_for(SPECS, 3);
    assert_eq!(asked[0].method, "GET");
    assert_eq!(asked[0].target, "/v1/download_config_specs/secret-key.json");
    assert_eq!(
        asked[1].target,
        "/v1/download_config_specs/secret-key.json?sinceTime=100"
    );
    assert_eq!(asked[2].target, asked[1].target);

    let lists = m.requests_to(LISTS);
    assert_eq!(lists.len(), 1);
    assert_eq!(
        (lists[0].method.as_str(), lists[0].target.as_str()),
        ("POST", "/v1/get_id_lists")
    );
    let body: serde_json::Value = serde_json::from_slice(&lists[0].body).expect("JSON");
    let metadata = body["statsigMetadata"].as_object().expect("metadata");
    let mut keys: Vec<_> = metadata.keys().map(String::as_str).collect();
    keys.sort_unstable();
    assert_eq!(
        keys,
        ["languageVersion", "sdkType", "sdkVersion", "sessionID"]
    );
    assert_eq!(lcut(&client), 100);
}

#[test]
fn t02_a_slash_at_the_end_of_a_base_changes_nothing() {
    let m = service().start();
    let client = started(
        &options(&m, json!({"api": m.url("/v1/")})),
        Hooks::default(),
    );
    drop(client);
    let targets: Vec<_> = m.requests().into_iter().map(|r| r.target).collect();
    assert_eq!(
        targets[..2],
        [
            "/v1/download_config_specs/secret-key.json",
            "/v1/get_id_lists"
        ]
    );
}

#[test]
fn t03_without_options_the_content_network_is_asked() {
    let c = service().start();
    let mut options = options(&c, json!({"api_for_statsig_network": c.url("/v1")}));
    options.as_object_mut().expect("object").remove("api");
    drop(started(&options, Hooks::default()));
    let asked = c.requests();
    assert_eq!(asked[0].target, "/v1/download_config_specs/secret-key.json");
    assert_eq!(asked[1].target, "/v1/get_id_lists/secret-key.json");
    assert!(asked.iter().all(|request| request.method == "GET"));
    assert_eq!(asked[0].header("connection"), None);
    assert_eq!(
        asked[0].connection, asked[1].connection,
        "the connection is kept"
    );
}

#[test]
fn t04_each_endpoint_can_have_its_own_base() {
    let [a, d, l, v] = [(); 4].map(|()| service().start());
    let options = options(
        &a,
        json!({
            "api_for_download_config_specs": d.url("/v1"),
            "api_for_get_id_lists": l.url("/v1"),
            "api_for_log_event": v.url("/v1"),
        }),
    );
    let client = started(&options, Hooks::default());
    log_one(&client);
    let found = details(&client);
    assert_eq!(found["init_source_api"], json!(d.url("/v1/")));
    assert_eq!(found["init_source_api_id_lists"], json!(l.url("/v1/")));
    client.shutdown(10_000).expect("shut down");
    assert!(a.requests_to(SPECS).is_empty() && a.requests_to(LISTS).is_empty());
    assert!(d.requests_to(LISTS).is_empty() && l.requests_to(SPECS).is_empty());
    assert_eq!(l.requests_to(LISTS)[0].method, "POST");
    assert!(a.requests().is_empty(), "{:?}", a.requests());
    let sent = v.requests();
    assert!(!sent.is_empty() && sent.iter().all(|sent| sent.target == "/v1/log_event"));
}

fn log_one(client: &Client) {
    let user = Arc::new(User::from_json(r#"{"userID": "u"}"#).expect("a user"));
    client
        .log_event(&user, "one", EventValue::None, None)
        .expect("logged");
    client.flush(30_000).expect("flushed");
}

#[test]
fn t05_proxies_beat_bases() {
    let [a, p1, p2, p3] = [(); 4].map(|()| service().start());
    let options = options(
        &a,
        json!({
            "api_for_download_config_specs": a.url("/v1"),
            "api_for_get_id_lists": a.url("/v1"),
            "api_for_log_event": a.url("/v1"),
            "proxy_configs": {
                "download_config_specs": {"protocol": "http", "proxy_address": p1.url("")},
                "get_id_lists": {"protocol": "http", "proxy_address": p2.url("")},
                "log_event": {"protocol": "http", "proxy_address": p3.url("")},
            },
        }),
    );
    let client = started(&options, Hooks::default());
    log_one(&client);
    drop(client);
    assert_eq!(
        p1.requests()[0].target,
        "/v1/download_config_specs/secret-key.json"
    );
    assert_eq!(p2.requests()[0].target, "/v1/get_id_lists");
    assert_eq!(p3.requests()[0].target, "/v1/log_event");
    assert!(a.requests().is_empty(), "{:?}", a.requests());
}

/// The legacy SDK asks for `//v1/...` here.
#[test]
fn t06_a_slash_at_the_end_of_a_proxy_address_changes_nothing() {
    let m = service().start();
    let options = options(
        &m,
        json!({"proxy_configs": {
            "download_config_specs": {"protocol": "http", "proxy_address": m.url("/")},
        }}),
    );
    drop(started(&options, Hooks::default()));
    assert_eq!(
        m.requests()[0].target,
        "/v1/download_config_specs/secret-key.json"
    );
}

/// The legacy SDK ignores the entry.
#[test]
fn t07_a_proxy_for_all_endpoints_is_used_by_all() {
    let [a, p] = [service().start(), service().start()];
    let options = options(
        &a,
        json!({"proxy_configs": {
            "all": {"protocol": "http", "proxy_address": p.url("")},
        }}),
    );
    drop(started(&options, Hooks::default()));
    assert_eq!(
        p.requests()[0].target,
        "/v1/download_config_specs/secret-key.json"
    );
    assert_eq!(p.requests()[1].target, "/v1/get_id_lists");
    assert!(a.requests_to(SPECS).is_empty() && a.requests_to(LISTS).is_empty());
}

#[test]
fn t08_every_request_carries_the_common_headers() {
    let m = service().start();
    let client = started(&options(&m, json!({})), Hooks::default());
    let asked = m.wait_for(SPECS, 2);
    let first = &asked[0];
    for (name, value) in [
        ("content-type", "application/json"),
        ("statsig-api-key", KEY),
        ("statsig-retry", "0"),
        ("statsig-sdk-type", "tidegate"),
        ("statsig-sdk-version", env!("CARGO_PKG_VERSION")),
        ("accept-encoding", "gzip, deflate, br"),
        ("x-request-service", "unknown"),
        ("connection", "close"),
    ] {
        assert_eq!(first.header(name), Some(value), "{name}");
    }
    let user_agent = first.header("user-agent").expect("a user agent");
    for part in [
        "statsig-sdk-type/tidegate",
        "statsig-sdk-version/",
        "statsig-service/unknown",
    ] {
        assert!(user_agent.contains(part), "{user_agent}");
    }
    let session = first
        .header("statsig-server-session-id")
        .expect("a session");
    assert_eq!(session.len(), 36);
    let requests = m.requests();
    assert!(
        requests
            .iter()
            .all(|r| r.header("statsig-server-session-id") == Some(session))
    );
    let time: i64 = first
        .header("statsig-client-time")
        .expect("a time")
        .parse()
        .expect("ms");
    let now = client.context().clock.now_ms();
    assert!((0..=60_000).contains(&(now - time)), "{time} {now}");
}

#[test]
fn t09_the_service_name_is_sent_as_it_is_and_as_a_token() {
    let m = service().start();
    drop(started(
        &options(&m, json!({"service_name": "checkout api!"})),
        Hooks::default(),
    ));
    let first = &m.requests()[0];
    assert_eq!(first.header("x-request-service"), Some("checkout api!"));
    let user_agent = first.header("user-agent").expect("a user agent");
    assert!(
        user_agent.contains("statsig-service/checkout-api"),
        "{user_agent}"
    );
}

#[test]
fn t10_compressed_specs_are_read() {
    for (encoding, body) in [
        ("gzip", gzip(specs(100).as_bytes())),
        ("deflate", zlib(specs(100).as_bytes())),
        ("br", brotli(specs(100).as_bytes())),
    ] {
        let m = service()
            .specs(move |_, _| Reply::json(body.clone()).header("Content-Encoding", encoding))
            .start();
        let client = started(&options(&m, json!({})), Hooks::default());
        assert_eq!(lcut(&client), 100, "{encoding}");
        assert_eq!(details(&client)["source"], "Network");
    }
}

#[test]
fn t11_broken_bodies_are_failures_that_are_reported() {
    let garbage = Reply::json("no gzip at all").header("Content-Encoding", "gzip");
    let full = gzip(specs(100).as_bytes());
    let cut = Reply::json(full[..full.len() - 9].to_vec()).header("Content-Encoding", "gzip");
    let short = Reply::json(specs(100)).framing(Framing::CutAt(20));
    let text = Reply::json(r#"{"time": 100, "#);
    for (name, reply) in [
        ("garbage", garbage),
        ("cut", cut),
        ("short", short),
        ("text", text),
    ] {
        let m = service().specs_in_turn(vec![reply]).start();
        let heard = Arc::new(Heard::default());
        let client = started(&options(&m, json!({})), heard.hooks());
        assert_eq!(details(&client)["store_populated"], false, "{name}");
        assert!(client.is_initialized(), "{name}");
        assert!(
            heard
                .tags()
                .contains(&"request:download_config_specs".to_owned()),
            "{name}"
        );
    }
}

#[test]
fn t12_redirects_of_specs_are_followed() {
    let m = service()
        .specs(|_, _| Reply::status(302).header("Location", "/elsewhere"))
        .files(|_, _| Reply::json(specs(100)))
        .start();
    let steps = Steps::new(options(&m, json!({})));
    assert_eq!(steps.lcut(), 100);
    assert_eq!(
        m.requests_to("/elsewhere")[0].header("statsig-api-key"),
        Some(KEY)
    );
}

#[test]
fn t13_the_key_is_sent_verbatim() {
    let key = "secret-a.b_c~d-e!f";
    let m = service().start();
    let options = Options {
        settings: settings(&options(&m, json!({}))),
        hooks: Hooks::default(),
    };
    let client = Client::new(key, options).expect("a client");
    client.initialize(60_000).expect("initialized");
    let first = &m.requests()[0];
    assert_eq!(
        first.target,
        format!("/v1/download_config_specs/{key}.json")
    );
    assert_eq!(first.header("statsig-api-key"), Some(key));
}

/// A base of the second version is asked as it is, and its shape of specs is understood.
#[test]
fn a_base_of_version_two_delivers_its_own_shape() {
    let v2 = json!({
        "time": 7, "has_updates": true, "response_format": "dcs-v2",
        "feature_gates": {}, "dynamic_configs": {}, "layer_configs": {}, "condition_map": {},
    })
    .to_string();
    let m = Server::start(move |request| {
        if request.path().starts_with("/v2/download") {
            Reply::json(v2.clone())
        } else {
            Reply::json("{}")
        }
    });
    let client = started(&options(&m, json!({"api": m.url("/v2")})), Hooks::default());
    assert_eq!(lcut(&client), 7);
    wait_until("a poll", || since(&m.requests_to(SPECS)).contains(&7));
}
