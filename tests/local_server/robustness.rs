//! Whatever arrives, the server answers or hangs up, and goes on serving others.

use proptest::prelude::*;

use crate::client::{Connection, KEY, document, get, start};
use crate::server::record::Endpoint;
use crate::server::{MAX_CONNECTIONS, Server};

const SPECS: &str = "/v1/download_config_specs/secret-key.json";

fn assert_alive(server: &Server) {
    assert_eq!(get(server, SPECS).text(), document(100));
}

#[test]
fn malformed_requests_are_refused_by_status() {
    let server = start();
    let long = "x".repeat(70_000);
    let many = "a: b\r\n".repeat(201);
    for (request, status) in [
        ("\r\n\r\n".to_owned(), 400),
        ("GET /\r\n\r\n".to_owned(), 400),
        ("GET  / HTTP/1.1\r\n\r\n".to_owned(), 400),
        ("GET / HTTP/1.1 x\r\n\r\n".to_owned(), 400),
        ("G=T / HTTP/1.1\r\n\r\n".to_owned(), 400),
        ("GET nowhere HTTP/1.1\r\n\r\n".to_owned(), 400),
        ("GET /\u{7} HTTP/1.1\r\n\r\n".to_owned(), 400),
        ("GET / HTTP/1.1\r\nno colon\r\n\r\n".to_owned(), 400),
        ("GET / HTTP/1.1\r\n: empty\r\n\r\n".to_owned(), 400),
        ("GET / HTTP/1.1\r\nbad name: x\r\n\r\n".to_owned(), 400),
        (
            "POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n".to_owned(),
            400,
        ),
        (
            "POST / HTTP/1.1\r\nContent-Length: 1e3\r\n\r\n".to_owned(),
            400,
        ),
        ("POST / HTTP/1.1\r\nContent-Length:\r\n\r\n".to_owned(), 400),
        (
            "POST / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n".to_owned(),
            400,
        ),
        (
            "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n".to_owned(),
            411,
        ),
        (
            "POST / HTTP/1.1\r\nContent-Length: 99999999999\r\n\r\n".to_owned(),
            413,
        ),
        (
            format!("POST / HTTP/1.1\r\nContent-Length: {}9\r\n\r\n", u64::MAX),
            413,
        ),
        (format!("GET /{long} HTTP/1.1\r\n\r\n"), 431),
        (format!("GET / HTTP/1.1\r\na: {long}\r\n\r\n"), 431),
        (format!("GET / HTTP/1.1\r\n{many}\r\n"), 431),
        ("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_owned(), 505),
    ] {
        let shown: String = request.chars().take(60).collect();
        let mut connection = Connection::open(server.port());
        connection.send(request.as_bytes());
        connection.finish_sending();
        let answer = connection.answer().unwrap_or_else(|| panic!("{shown:?}"));
        assert_eq!(answer.status, status, "{shown:?}");
        assert_eq!(answer.header("connection"), Some("close"));
        assert!(connection.answer().is_none(), "{shown:?}");
    }
    assert!(server.requests().is_empty());
    assert_alive(&server);
}

#[test]
fn a_refusal_arrives_though_the_client_is_still_sending() {
    let server = start();
    let mut connection = Connection::open(server.port());
    connection.send(b"POST /v1/log_event HTTP/1.1\r\nContent-Length: 99999999\r\n\r\n");
    connection.send(&vec![b'x'; 4 * 1024 * 1024]);
    assert_eq!(connection.answer().unwrap().status, 413);
}

#[test]
fn requests_cut_off_anywhere_are_dropped() {
    let server = start();
    let whole = b"POST /v1/log_event HTTP/1.1\r\nContent-Length: 9\r\n\r\n{\"a\": 12}";
    for end in 0..whole.len() {
        let mut connection = Connection::open(server.port());
        connection.send(&whole[..end]);
        connection.finish_sending();
        assert!(connection.answer().is_none(), "after {end} bytes");
    }
    assert!(server.requests().is_empty());
    assert_alive(&server);
}

#[test]
fn connections_are_kept_or_closed_as_asked() {
    let server = start();
    for (version, header, is_kept) in [
        ("HTTP/1.1", "", true),
        ("HTTP/1.1", "Connection: close\r\n", false),
        ("HTTP/1.1", "Connection: Keep-Alive\r\n", true),
        ("HTTP/1.0", "", false),
        ("HTTP/1.0", "Connection: keep-alive\r\n", true),
    ] {
        let mut connection = Connection::open(server.port());
        let request = format!("GET {SPECS} {version}\r\n{header}\r\n");
        connection.send(request.as_bytes());
        assert_eq!(connection.answer().unwrap().status, 200);
        let again = connection.try_send(request.as_bytes()) && connection.answer().is_some();
        assert_eq!(again, is_kept, "{version} {header}");
    }
}

#[test]
fn less_common_but_valid_requests_are_understood() {
    let server = start();
    let mut connection = Connection::open(server.port());
    let get = format!("GET {SPECS} HTTP/1.1\r\n\r\n");
    connection.send(format!("{get}{get}").as_bytes());
    assert_eq!(connection.answer().unwrap().status, 200);
    assert_eq!(connection.answer().unwrap().status, 200, "pipelined");

    connection.send(format!("GET {SPECS} HTTP/1.1\nHost: x\n\n").as_bytes());
    assert_eq!(connection.answer().unwrap().status, 200, "bare line feeds");

    connection.send(format!("GET http://proxied.example{SPECS} HTTP/1.1\r\n\r\n").as_bytes());
    assert_eq!(connection.answer().unwrap().status, 200, "as a proxy");

    connection.send(
        format!(
            "POST /v1/log_event HTTP/1.1\r\nstatsig-api-key:{KEY}\r\n\
             Expect: 100-continue\r\nContent-Length: 13\r\n\r\n"
        )
        .as_bytes(),
    );
    assert_eq!(connection.answer().unwrap().status, 100);
    connection.send(br#"{"events":[]}"#);
    assert_eq!(connection.answer().unwrap().status, 202);

    connection.send(format!("HEAD {SPECS} HTTP/1.1\r\n\r\n").as_bytes());
    let answer = connection.answer().unwrap();
    assert_eq!((answer.status, answer.body.len()), (405, 0));
    assert_eq!(server.requests_to(Endpoint::Specs).len(), 5);
}

#[test]
fn connections_beyond_the_limit_are_turned_away() {
    let server = start();
    let mut open: Vec<Connection> = Vec::new();
    for _ in 0..MAX_CONNECTIONS {
        let mut connection = Connection::open(server.port());
        assert_eq!(connection.ask("GET", SPECS, &[], b"").unwrap().status, 200);
        open.push(connection);
    }
    let turned_away = Connection::open(server.port()).answer().unwrap();
    assert_eq!(turned_away.status, 503);

    open.clear();
    // The threads of closed connections end in their own time; each attempt gives them some.
    let is_welcome = (0..100_000).any(|_| {
        let mut connection = Connection::open(server.port());
        let request = format!("GET {SPECS} HTTP/1.1\r\n\r\n");
        connection.try_send(request.as_bytes())
            && connection
                .answer()
                .is_some_and(|answer| answer.status == 200)
    });
    assert!(is_welcome);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn arbitrary_bytes_never_take_it_down(
        bytes in prop::collection::vec(any::<u8>(), 0..2000),
        start_line in any::<bool>(),
    ) {
        let server = start();
        let mut connection = Connection::open(server.port());
        if start_line {
            connection.send(b"POST /v1/log_event HTTP/1.1\r\nContent-Length: 500\r\n\r\n");
        }
        connection.try_send(&bytes);
        connection.finish_sending();
        while connection.answer().is_some() {}
        assert_alive(&server);
    }

    #[test]
    fn arbitrary_controls_never_take_it_down(
        command in "(events|batches|requests|wait|reset|faults|release|rules|lists|list_file)",
        method in "(GET|PUT|POST|DELETE)",
        query in "[a-z&=%0-9]{0,20}(&name=[a-z/]{0,3})?(&timeout_ms=1)?",
        body in ".{0,100}",
    ) {
        let server = start();
        // Waits are bounded by the appended timeout; the first of two counts.
        let path = format!("/control/{command}?timeout_ms=1&{query}");
        let answer = crate::client::ask(&server, &method, &path, &[], body.as_bytes()).unwrap();
        prop_assert!(answer.status >= 200);
        prop_assert_eq!(get(&server, "/v1/get_id_lists/k.json").status, 200);
    }
}
