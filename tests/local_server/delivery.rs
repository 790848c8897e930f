//! Events and error reports: what is accepted, what is kept, and waiting for it.

use std::thread;
use std::time::Duration;

use serde_json::{Value, json};

use crate::client::{Connection, Folder, KEY, PATIENCE, ask, control, document, get, post, start};
use crate::server::documents::Origin;
use crate::server::encoding::Encoding;
use crate::server::record::Endpoint;
use crate::server::state::Awaited;
use crate::server::{Config, Server};

fn batch(names: &[&str]) -> Value {
    let events: Vec<Value> = names
        .iter()
        .map(|name| json!({"eventName": name, "user": {"userID": "u"}}))
        .collect();
    json!({"events": events, "statsigMetadata": {"sdkType": "test"}})
}

fn names(events: &Value) -> Vec<&str> {
    let names = events.as_array().unwrap().iter();
    names
        .map(|entry| entry["event"]["eventName"].as_str().unwrap())
        .collect()
}

#[test]
fn events_are_kept_in_order_with_their_envelope() {
    let server = start();
    for encoding in [
        Encoding::Identity,
        Encoding::Gzip,
        Encoding::Deflate,
        Encoding::Br,
    ] {
        let name = format!("{encoding:?}");
        let body = batch(&[&name, "second"]).to_string();
        let body = encoding.encode(body.as_bytes()).unwrap();
        let mut headers = vec![("STATSIG-API-KEY", KEY), ("Statsig-Event-Count", "2")];
        headers.extend(encoding.name().map(|name| ("Content-Encoding", name)));
        let answer = ask(&server, "POST", "/v1/log_event", &headers, &body).unwrap();
        assert_eq!(
            (answer.status, answer.json()),
            (202, json!({"success": true}))
        );
    }
    let events = control(&server, "GET", "/control/events", "");
    assert_eq!(
        names(&events),
        [
            "Identity", "second", "Gzip", "second", "Deflate", "second", "Br", "second"
        ]
    );
    assert_eq!(events[3]["headers"]["statsig-event-count"], "2");
    assert_eq!(events[3]["headers"]["content-encoding"], "gzip");
    assert_eq!(events[3]["statsigMetadata"], json!({"sdkType": "test"}));
    assert_eq!(events[3]["key"], KEY);
    assert_eq!(server.events().len(), 8);

    let named = control(&server, "GET", "/control/events?name=Gzip", "");
    assert_eq!(names(&named), ["Gzip"]);
    let batches = control(&server, "GET", "/control/batches", "");
    assert_eq!(batches.as_array().unwrap().len(), 4);
    assert_eq!(batches[0]["body"], batch(&["Identity", "second"]));
    assert_eq!(batches[0]["status"], 202);
}

#[test]
fn recordings_can_be_told_apart_by_key() {
    let server = start();
    for key in ["secret-a", "secret-b"] {
        let body = batch(&[key]).to_string();
        let headers = [("STATSIG-API-KEY", key)];
        ask(&server, "POST", "/v1/log_event", &headers, body.as_bytes()).unwrap();
        get(&server, &format!("/v1/download_config_specs/{key}.json"));
    }
    let events = control(&server, "GET", "/control/events?key=secret-b", "");
    assert_eq!(names(&events), ["secret-b"]);
    let requests = control(&server, "GET", "/control/requests?key=secret-a", "");
    let paths: Vec<&Value> = requests
        .as_array()
        .unwrap()
        .iter()
        .map(|r| &r["path"])
        .collect();
    assert_eq!(
        paths,
        ["/v1/log_event", "/v1/download_config_specs/secret-a.json"]
    );
    let specs = control(&server, "GET", "/control/requests?endpoint=specs", "");
    assert_eq!(specs.as_array().unwrap().len(), 2);
    let both = Awaited::events(None);
    assert!(server.wait_for(&both.clone(), 2, PATIENCE));
    let one = both.of_key(Some("secret-a"));
    assert!(!server.wait_for(&one, 2, Duration::from_millis(1)));
}

#[test]
fn bodies_that_are_no_batch_are_refused_and_recorded() {
    let server = start();
    let gzip = ("Content-Encoding", "gzip");
    for (header, body, status) in [
        (None, &b""[..], 400),
        (None, b"{", 400),
        (None, b"[]", 400),
        (None, br#"{"events": {}}"#, 400),
        (Some(gzip), b"not gzip", 400),
        (Some(("Content-Encoding", "zstd")), b"\x28\xb5\x2f\xfd", 415),
        (None, br#"{"events": []}"#, 202),
    ] {
        let mut headers = vec![("STATSIG-API-KEY", KEY)];
        headers.extend(header);
        let answer = ask(&server, "POST", "/v1/log_event", &headers, body).unwrap();
        assert_eq!(answer.status, status, "{:?}", String::from_utf8_lossy(body));
    }
    assert_eq!(server.requests_to(Endpoint::LogEvent).len(), 7);
    assert!(server.events().is_empty());
    let batches = control(&server, "GET", "/control/batches", "");
    assert_eq!(batches[1]["body"], "{", "kept as text");
}

#[test]
fn error_reports_are_recorded() {
    let server = start();
    let report = json!({"exception": "E", "tag": "t"});
    assert_eq!(
        post(&server, "/v1/sdk_exception", &report).unwrap().status,
        202
    );
    let exceptions = control(&server, "GET", "/control/exceptions", "");
    assert_eq!(exceptions[0]["body"], report);
    assert_eq!(exceptions[0]["headers"]["statsig-api-key"], KEY);
}

#[test]
fn requests_say_in_which_order_and_on_which_connection_they_came() {
    let server = start();
    let mut connection = Connection::open(server.port());
    for path in ["/a?x=1", "/b"] {
        connection.ask("GET", path, &[("X-Twice", "1"), ("x-twice", "2")], b"");
    }
    get(&server, "/c");
    get(&server, "/control/requests");
    let requests = control(&server, "GET", "/control/requests", "");
    let requests = requests.as_array().unwrap();
    assert_eq!(requests.len(), 3, "controls are not recorded");
    assert_eq!(requests[0]["query"], "x=1");
    assert_eq!(requests[0]["headers"]["x-twice"], "1, 2");
    let ports: Vec<u64> = requests
        .iter()
        .map(|request| request["client_port"].as_u64().unwrap())
        .collect();
    assert_eq!(ports[0], u64::from(connection.local_port()));
    assert_eq!(ports[0], ports[1]);
    assert_ne!(ports[1], ports[2]);
    let sequences: Vec<&Value> = requests.iter().map(|r| &r["sequence"]).collect();
    assert_eq!(sequences, [1, 2, 3]);
}

#[test]
fn waiting_ends_when_the_last_awaited_event_arrives() {
    let server = start();
    let reached = thread::scope(|scope| {
        let path = "/control/wait?endpoint=events&count=3&timeout_ms=60000";
        let waiting = scope.spawn(|| control(&server, "GET", path, ""));
        post(&server, "/v1/log_event", &batch(&["a"])).unwrap();
        post(&server, "/v1/log_event", &batch(&["b", "c"])).unwrap();
        waiting.join().unwrap()
    });
    assert_eq!(reached, json!({"reached": true, "count": 3}));
}

#[test]
fn a_wait_in_vain_is_not_a_success() {
    let server = start();
    for (query, status) in [
        ("endpoint=events&count=1&timeout_ms=1", 504),
        ("endpoint=log_event&timeout_ms=1", 504),
        ("endpoint=requests&count=0", 200),
        ("endpoint=nothing", 400),
        ("endpoint=events&count=many", 400),
        ("", 400),
    ] {
        let answer = get(&server, &format!("/control/wait?{query}"));
        assert_eq!(answer.status, status, "{query}");
    }
}

#[test]
fn a_reset_forgets_what_it_is_told_to() {
    let server = start();
    post(&server, "/v1/log_event", &batch(&["a"])).unwrap();
    control(&server, "PUT", "/control/rules", &document(200));
    control(&server, "POST", "/control/reset?what=records", "");
    assert!(server.requests().is_empty());
    let path = format!("/v1/download_config_specs/{KEY}.json");
    assert_eq!(get(&server, &path).json()["time"], 200);
    control(&server, "POST", "/control/reset", "");
    assert!(server.requests().is_empty());
    assert_eq!(get(&server, &path).json()["time"], 100);
    let answer = ask(&server, "POST", "/control/reset?what=everything", &[], b"").unwrap();
    assert_eq!(answer.status, 400);
}

#[test]
fn accepted_events_are_written_to_a_file() {
    let folder = Folder::new();
    let path = folder.0.join("events.jsonl");
    let server = Server::start(Config {
        rules: Origin::Text(document(1)),
        events_out: Some(path.clone()),
        ..Config::default()
    })
    .unwrap();
    post(&server, "/v1/log_event", &batch(&["a", "b"])).unwrap();
    post(&server, "/v1/log_event", &json!({"events": "none"})).unwrap();
    post(&server, "/v1/log_event", &batch(&["c"])).unwrap();
    let text = std::fs::read_to_string(path).unwrap();
    let written: Vec<Value> = text
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(names(&Value::from(written)), ["a", "b", "c"]);
}
