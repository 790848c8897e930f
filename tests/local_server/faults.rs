//! Scripted faults: each does what it says, once per time, to whom it concerns.

use std::thread;
use std::time::Duration;

use serde_json::{Value, json};

use crate::client::{Connection, KEY, PATIENCE, ask, control, document, get, path_of, post, start};
use crate::server::Server;
use crate::server::encoding::Encoding;
use crate::server::fault::Fault;
use crate::server::record::Endpoint;
use crate::server::state::Awaited;

const SPECS: &str = "/v1/download_config_specs/secret-key.json";

fn script(server: &Server, faults: &Value) {
    control(server, "POST", "/control/faults", &faults.to_string());
}

fn event() -> Value {
    json!({"events": [{"eventName": "e"}]})
}

#[test]
fn faults_are_consumed_in_order_and_then_gone() {
    let server = start();
    script(
        &server,
        &json!([
            {"endpoint": "specs", "status": 500},
            {"endpoint": "specs", "status": 503, "times": 2, "headers": {"Retry-After": "7"}},
            {"endpoint": "log_event", "status": 429, "body": "slow down"},
            {"endpoint": "specs", "status": 404, "times": 0},
        ]),
    );
    let statuses: Vec<u16> = (0..4).map(|_| get(&server, SPECS).status).collect();
    assert_eq!(statuses, [500, 503, 503, 200]);
    let answer = post(&server, "/v1/log_event", &event()).unwrap();
    assert_eq!((answer.status, answer.text().as_str()), (429, "slow down"));
    assert_eq!(
        post(&server, "/v1/log_event", &event()).unwrap().status,
        202
    );
    let recorded: Vec<Option<u16>> = server
        .requests_to(Endpoint::Specs)
        .iter()
        .map(|record| record.answered.get().copied())
        .collect();
    assert_eq!(recorded, [500, 503, 503, 200].map(Some));
}

#[test]
fn a_fault_for_ever_lasts_until_the_reset() {
    let server = start();
    script(
        &server,
        &json!([
            {"endpoint": "specs", "status": 503, "times": -1, "headers": {"Retry-After": "7"}},
        ]),
    );
    for _ in 0..5 {
        let answer = get(&server, SPECS);
        assert_eq!(answer.status, 503);
        assert_eq!(answer.header("retry-after"), Some("7"));
    }
    control(&server, "POST", "/control/reset?what=faults", "");
    assert_eq!(get(&server, SPECS).status, 200);
    assert_eq!(server.requests().len(), 6, "the records stay");
}

#[test]
fn a_fault_concerns_its_key_and_its_list_only() {
    let server = start();
    control(
        &server,
        "PUT",
        "/control/lists",
        r#"{"a": ["1"], "b": ["1"]}"#,
    );
    script(
        &server,
        &json!([
            {"endpoint": "specs", "key": "secret-bad", "status": 500},
            {"endpoint": "id_list_file", "list": "b", "status": 500},
        ]),
    );
    assert_eq!(get(&server, SPECS).status, 200);
    let manifest = get(&server, &format!("/v1/get_id_lists/{KEY}.json")).json();
    for (list, status) in [("a", 206), ("b", 500), ("b", 206)] {
        let path = path_of(manifest[list]["url"].as_str().unwrap());
        let answer = ask(&server, "GET", path, &[("Range", "bytes=0-")], b"").unwrap();
        assert_eq!(answer.status, status, "{list}");
    }
    let bad = "/v1/download_config_specs/secret-bad.json";
    assert_eq!(get(&server, bad).status, 500);
    assert_eq!(get(&server, bad).status, 200);
}

#[test]
fn a_status_without_a_body_keeps_the_answer_only_where_it_fits() {
    let server = start();
    script(
        &server,
        &json!([
            {"endpoint": "specs", "status": 203},
            {"endpoint": "specs", "status": 204},
            {"endpoint": "specs", "status": 200, "body": ""},
            {"endpoint": "specs", "status": 302, "headers": {"Location": "/elsewhere"}},
        ]),
    );
    let mut connection = Connection::open(server.port());
    let mut next = || connection.ask("GET", SPECS, &[], b"").unwrap();
    assert_eq!(next().json()["time"], 100);
    let answer = next();
    assert_eq!(
        (answer.status, answer.header("content-length")),
        (204, None)
    );
    let answer = next();
    assert_eq!((answer.status, answer.body.len()), (200, 0));
    let answer = next();
    assert_eq!(answer.header("location"), Some("/elsewhere"));
    assert_eq!(next().text(), document(100), "the framing stayed intact");
}

#[test]
fn damaged_answers_are_damaged_as_asked() {
    let server = start();
    let gzip = [("Accept-Encoding", "gzip")];
    let ask = || ask(&server, "GET", SPECS, &gzip, b"").unwrap();
    script(
        &server,
        &json!([
            {"endpoint": "specs", "truncate": 10},
            {"endpoint": "specs", "truncate": 10, "chunked": true},
            {"endpoint": "specs", "cut": 10},
            {"endpoint": "specs", "garbage": true},
            {"endpoint": "specs", "encoding": "identity", "body": "{"},
        ]),
    );
    let answer = ask();
    assert_eq!((answer.complete, answer.body.len()), (false, 10));
    assert!(!ask().complete);
    let answer = ask();
    assert_eq!((answer.complete, answer.body.len()), (true, 10));
    assert!(Encoding::Gzip.decode(&answer.body, 1000).is_err());
    let answer = ask();
    assert_eq!(answer.header("content-encoding"), Some("gzip"));
    assert!(Encoding::Gzip.decode(&answer.body, 1000).is_err());
    let answer = ask();
    assert_eq!(answer.header("content-encoding"), None);
    assert_eq!(answer.text(), "{");
}

#[test]
fn framing_and_encoding_can_be_forced() {
    let server = start();
    script(
        &server,
        &json!([
            {"endpoint": "specs", "chunked": true},
            {"endpoint": "specs", "chunked": true, "body": ""},
            {"endpoint": "specs", "encoding": "br"},
            {"endpoint": "specs", "headers": {"Content-Encoding": "zstd"}},
            {"endpoint": "specs", "headers": {"Connection": "close"}},
        ]),
    );
    let mut connection = Connection::open(server.port());
    let mut next = || connection.ask("GET", SPECS, &[], b"");
    let answer = next().unwrap();
    assert_eq!(answer.header("content-length"), None);
    assert_eq!(answer.text(), document(100));
    let answer = next().unwrap();
    assert!(answer.complete && answer.body.is_empty());
    let answer = next().unwrap();
    let plain = Encoding::Br.decode(&answer.body, 1000).unwrap();
    assert_eq!(plain, document(100).into_bytes());
    assert_eq!(next().unwrap().header("content-encoding"), Some("zstd"));
    assert_eq!(next().unwrap().header("connection"), Some("close"));
    assert!(connection.answer().is_none(), "and closed it is");
}

#[test]
fn a_range_can_be_ignored() {
    let server = start();
    control(&server, "PUT", "/control/list_file?name=l", "+a\n+b\n");
    script(
        &server,
        &json!([{"endpoint": "id_list_file", "ignore_range": true}]),
    );
    let manifest = get(&server, &format!("/v1/get_id_lists/{KEY}.json")).json();
    let path = path_of(manifest["l"]["url"].as_str().unwrap());
    for (status, body) in [(200, "+a\n+b\n"), (206, "+b\n")] {
        let answer = ask(&server, "GET", path, &[("Range", "bytes=3-")], b"").unwrap();
        assert_eq!((answer.status, answer.text().as_str()), (status, body));
    }
}

#[test]
fn a_disconnect_answers_nothing_and_accepts_nothing() {
    let server = start();
    script(
        &server,
        &json!([{"endpoint": "log_event", "disconnect": true}]),
    );
    assert!(post(&server, "/v1/log_event", &event()).is_none());
    assert!(server.events().is_empty());
    let record = server.requests().pop().unwrap();
    assert_eq!((record.events().len(), record.answered.get()), (1, None));
    post(&server, "/v1/log_event", &event()).unwrap();
    assert_eq!(server.events().len(), 1);
}

#[test]
fn events_answered_with_an_error_are_not_accepted() {
    let server = start();
    server.fault(Fault::status(Endpoint::LogEvent, 503));
    post(&server, "/v1/log_event", &event()).unwrap();
    assert!(server.events().is_empty());
    let events = control(&server, "GET", "/control/events", "");
    assert_eq!(events, json!([]));
    assert_eq!(server.requests_to(Endpoint::LogEvent).len(), 1);
}

#[test]
fn a_held_answer_comes_when_it_is_released() {
    let server = start();
    script(
        &server,
        &json!([{"endpoint": "specs", "hold": "h", "times": 2}]),
    );
    thread::scope(|scope| {
        let held = scope.spawn(|| get(&server, SPECS));
        control(&server, "GET", "/control/wait?endpoint=specs&count=1", "");
        let record = server.requests_to(Endpoint::Specs).pop().unwrap();
        assert_eq!(record.answered.get(), None);
        // Others are served meanwhile, and the held answer is made when it leaves.
        assert_eq!(get(&server, "/v1/get_id_lists/k.json").status, 200);
        server.put_rules(None, document(200));
        control(&server, "POST", "/control/release?name=h", "");
        assert_eq!(held.join().unwrap().json()["time"], 200);
    });
    assert_eq!(get(&server, SPECS).status, 200, "a release is for good");
}

#[test]
fn a_reset_lets_go_what_is_held() {
    let server = start();
    server.fault(Fault {
        hold: Some("h".to_owned()),
        ..Fault::on(Endpoint::Specs)
    });
    thread::scope(|scope| {
        let held = scope.spawn(|| get(&server, SPECS));
        let arrived = Awaited::requests(Some(Endpoint::Specs));
        assert!(server.wait_for(&arrived, 1, PATIENCE));
        server.reset().unwrap();
        assert_eq!(held.join().unwrap().status, 200);
    });
}

#[test]
fn stopping_waits_for_nobody_and_answers_nobody() {
    let mut server = start();
    script(
        &server,
        &json!([
            {"endpoint": "specs", "hold": "never"},
            {"endpoint": "specs", "delay_ms": 3_600_000},
        ]),
    );
    let port = server.port();
    let ask = || Connection::open(port).ask("GET", SPECS, &[], b"");
    let mut idle = Connection::open(port);
    assert!(idle.ask("GET", "/idle", &[], b"").is_some());
    thread::scope(|scope| {
        let waiting = [scope.spawn(ask), scope.spawn(ask)];
        assert!(server.wait_for(&Awaited::requests(None), 3, PATIENCE));
        server.stop();
        for waiting in waiting {
            assert!(waiting.join().unwrap().is_none());
        }
    });
    assert!(idle.answer().is_none());
}

#[test]
fn a_delayed_answer_is_the_normal_one() {
    let server = start();
    server.fault(Fault {
        delay_ms: Some(1),
        ..Fault::on(Endpoint::Specs)
    });
    assert_eq!(get(&server, SPECS).text(), document(100));
}

#[test]
fn a_fault_that_makes_no_sense_is_refused_as_a_whole() {
    let server = start();
    for faults in [
        json!({"endpoint": "specs"}),
        json!([{"endpoint": "nowhere"}]),
        json!([{"status": 500}]),
        json!([{"endpoint": "specs", "staus": 500}]),
        json!([{"endpoint": "specs", "status": 100}]),
        json!([{"endpoint": "specs", "status": 999}]),
        json!([{"endpoint": "specs", "encoding": "lzma"}]),
        json!([{"endpoint": "specs", "status": 500}, {"endpoint": "specs", "times": "x"}]),
    ] {
        let body = faults.to_string();
        let answer = ask(&server, "POST", "/control/faults", &[], body.as_bytes()).unwrap();
        assert_eq!(answer.status, 400, "{body}");
    }
    assert_eq!(get(&server, SPECS).status, 200);
    let answer = ask(&server, "POST", "/control/release", &[], b"").unwrap();
    assert_eq!(answer.status, 400);
    let wait = Awaited::requests(None);
    assert!(!server.wait_for(&wait, 2, Duration::from_millis(1)));
}
