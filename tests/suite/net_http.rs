//! The HTTP client: limits, redirects, connections, proxies, trust.

use std::net::TcpListener;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tidegate::net::{Http, Method, Request, Response, Timeout, TransportError, TransportErrorKind};
use tidegate::options::Settings;

use crate::support::packing::gzip;
use crate::support::scripted::{Framing, PATIENCE, Reply, Server, wait_until};

const KEY: &str = "secret-0123456789abcdef";

pub(crate) fn http(options: &str) -> Http {
    let (settings, _) = Settings::from_json(options).expect("options");
    Http::new(&settings).expect("a client")
}

pub(crate) fn get(url: &str) -> Request<'_> {
    Request {
        method: Method::Get,
        url,
        headers: vec![
            ("STATSIG-API-KEY", KEY.to_owned()),
            ("x-request-service", "unknown".to_owned()),
            ("Accept-Encoding", "gzip, deflate, br".to_owned()),
        ],
        body: None,
        timeout: Timeout::Inactivity(PATIENCE),
        max_body_bytes: 1 << 20,
        keep_alive: true,
        may_stay_packed: false,
    }
}

pub(crate) fn fetch(http: &Http, url: &str) -> Result<Response, TransportError> {
    http.send(get(url))
}

pub(crate) fn kind(result: Result<Response, TransportError>) -> TransportErrorKind {
    result.expect_err("no answer").kind
}

#[test]
fn every_framing_gives_the_body_and_a_cut_one_is_an_error() {
    for framing in [Framing::Length, Framing::Chunked, Framing::Close] {
        let server = Server::start(move |_| Reply::json("hello world").framing(framing));
        let response = fetch(&http(""), &server.url("/x")).expect("an answer");
        assert_eq!(response.body, b"hello world", "{framing:?}");
        assert_eq!(response.header("content-TYPE"), Some("application/json"));
    }
    let server = Server::start(|_| Reply::json("hello world").framing(Framing::CutAt(5)));
    assert_eq!(
        kind(fetch(&http(""), &server.url("/x"))),
        TransportErrorKind::Body
    );
}

#[test]
fn any_status_is_an_answer() {
    let server =
        Server::start(|request| Reply::new(request.target[1..].parse().expect("a status"), ""));
    for status in [200, 202, 204, 304, 400, 401, 416, 429, 500, 503] {
        let response = fetch(&http(""), &server.url(&format!("/{status}"))).expect("an answer");
        assert_eq!(response.status, status);
        assert_eq!(response.is_success(), status < 300);
    }
}

#[test]
fn connections_are_kept_only_when_asked() {
    let server = Server::start(|_| Reply::json("{}"));
    let client = http("");
    for _ in 0..3 {
        fetch(&client, &server.url("/kept")).expect("an answer");
    }
    assert_eq!(server.connections(), 1);
    for _ in 0..2 {
        let mut request = get("");
        let url = server.url("/closed");
        request.url = &url;
        request.keep_alive = false;
        client.send(request).expect("an answer");
    }
    assert_eq!(
        server.requests_to("/closed")[1].header("connection"),
        Some("close")
    );
    assert!(server.connections() >= 2);
}

/// The server closes right after reading the second request on a connection: exactly what a
/// keep-alive race looks like.
#[test]
fn a_kept_connection_that_died_is_replaced_once() {
    let server = Server::start(|request| {
        let is_second = request.target == "/second" && request.connection == 0;
        if is_second {
            Reply::no_answer()
        } else {
            Reply::json("{}")
        }
    });
    let client = http("");
    fetch(&client, &server.url("/first")).expect("an answer");
    fetch(&client, &server.url("/second")).expect("an answer on a fresh connection");
    assert_eq!(server.requests_to("/second").len(), 2);

    let dead = Server::start(|_| Reply::no_answer());
    assert_eq!(
        kind(fetch(&client, &dead.url("/x"))),
        TransportErrorKind::Protocol
    );
    assert_eq!(
        dead.requests().len(),
        1,
        "a fresh connection is not tried again"
    );
}

#[test]
fn redirects_are_followed_and_the_key_stays_at_home() {
    let other = Server::start(|_| Reply::json("far"));
    let far = other.url("/far");
    let home = Server::start(move |request| match request.target.as_str() {
        "/near" => Reply::status(302).header("Location", "/landed?x=%2F"),
        "/landed?x=%2F" => Reply::json("near"),
        "/away" => Reply::status(307).header("Location", &far),
        "/loop" => Reply::status(301).header("Location", "/loop"),
        _ => Reply::status(308).header("Location", "ftp://nowhere/"),
    });
    let client = http("");
    assert_eq!(
        fetch(&client, &home.url("/near")).expect("followed").body,
        b"near"
    );
    assert_eq!(
        home.requests_to("/landed")[0].header("statsig-api-key"),
        Some(KEY)
    );

    assert_eq!(
        fetch(&client, &home.url("/away")).expect("followed").body,
        b"far"
    );
    let seen = &other.requests()[0];
    assert_eq!(seen.header("statsig-api-key"), None);
    assert_eq!(seen.header("x-request-service"), None);
    assert_eq!(seen.header("accept-encoding"), Some("gzip, deflate, br"));
    assert!(!format!("{seen:?}").contains("secret-"));

    assert_eq!(
        kind(fetch(&client, &home.url("/loop"))),
        TransportErrorKind::Redirect
    );
    assert_eq!(
        home.requests_to("/loop").len(),
        6,
        "the request and five redirects"
    );
    assert_eq!(
        kind(fetch(&client, &home.url("/bad"))),
        TransportErrorKind::Redirect
    );
}

/// The URLs of some requests hold the key.
#[test]
fn a_redirect_whose_url_holds_the_key_ends_at_the_border() {
    let other = Server::start(|_| Reply::json("far"));
    // Another name for the same machine is another host.
    let far = format!(
        "http://localhost:{}/specs/{KEY}.json",
        other.address().port()
    );
    let same = other.url(&format!("/specs/{KEY}.json"));
    let home = Server::start(move |request| match request.target.as_str() {
        "/away" => Reply::status(302).header("Location", &far),
        "/twice" => Reply::status(302).header("Location", "/away"),
        _ => Reply::status(301).header("Location", &same),
    });
    let client = http("");
    for path in ["/away", "/twice"] {
        let error = fetch(&client, &home.url(path)).expect_err("refused");
        assert_eq!(error.kind, TransportErrorKind::Redirect, "{path}");
        assert!(!error.detail.contains(KEY), "{error}");
    }
    assert!(other.requests().is_empty());
    // Another port of the same host, as when http moves to https.
    fetch(&client, &home.url("/port")).expect("followed");
    assert_eq!(other.requests()[0].header("statsig-api-key"), None);
}

#[test]
fn a_redirected_post_keeps_its_body_only_by_307_and_308_and_only_at_home() {
    let other = Server::start(|_| Reply::json("{}"));
    let far = other.url("/far");
    let home = Server::start(move |request| match request.target.as_str() {
        "/keep" => Reply::status(307).header("Location", "/end"),
        "/drop" => Reply::status(302).header("Location", "/end"),
        "/away" => Reply::status(308).header("Location", &far),
        _ => Reply::json("{}"),
    });
    let client = http("");
    let post = |path: &str| {
        let url = home.url(path);
        let mut request = get(&url);
        request.method = Method::Post;
        request
            .headers
            .push(("Content-Encoding", "gzip".to_owned()));
        request.body = Some(b"events");
        client.send(request)
    };
    post("/keep").expect("followed");
    post("/drop").expect("followed");
    let ends = home.requests_to("/end");
    assert_eq!(
        (ends[0].method.as_str(), ends[0].body.as_slice()),
        ("POST", &b"events"[..])
    );
    assert_eq!(
        (ends[1].method.as_str(), ends[1].body.as_slice()),
        ("GET", &b""[..])
    );
    assert_eq!(ends[1].header("content-encoding"), None);
    assert_eq!(kind(post("/away")), TransportErrorKind::Redirect);
    assert!(other.requests().is_empty());
}

#[test]
fn bodies_are_bounded_on_the_wire_and_after_decoding() {
    let server = Server::start(|request| match request.target.as_str() {
        "/announced" => Reply::json(vec![b'x'; 2000]),
        "/chunked" => Reply::json(vec![b'x'; 2000]).framing(Framing::Chunked),
        _ => Reply::json(gzip(&vec![b'x'; 2000])).header("Content-Encoding", "GZIP"),
    });
    let client = http("");
    for path in ["/announced", "/chunked", "/bomb"] {
        let url = server.url(path);
        let limited = |limit| {
            let mut request = get(&url);
            request.max_body_bytes = limit;
            client.send(request)
        };
        assert_eq!(kind(limited(1999)), TransportErrorKind::TooLarge, "{path}");
        assert_eq!(limited(2000).expect("fits").body.len(), 2000, "{path}");
    }
}

#[test]
fn both_kinds_of_time_limit_end_a_request() {
    let server = Server::start(|request| match request.target.as_str() {
        "/silent" => Reply::json("{}").delay(60_000),
        _ => Reply::json("hello world").drip(40),
    });
    let client = http("");
    let with = |path: &str, timeout| {
        let url = server.url(path);
        let mut request = get(&url);
        request.timeout = timeout;
        client.send(request)
    };
    let short = Duration::from_millis(150);
    assert_eq!(
        kind(with("/silent", Timeout::Inactivity(short))),
        TransportErrorKind::Timeout
    );
    assert_eq!(
        kind(with("/silent", Timeout::Total(short))),
        TransportErrorKind::Timeout
    );
    assert_eq!(
        kind(with("/drip", Timeout::Total(short))),
        TransportErrorKind::Timeout
    );
    let dripped = with("/drip", Timeout::Inactivity(Duration::from_secs(5)));
    assert_eq!(dripped.expect("never idle for long").body, b"hello world");
}

#[test]
fn the_total_limit_covers_redirects() {
    let server = Server::start(|_| Reply::status(302).header("Location", "/").delay(100));
    let url = server.url("/");
    let mut request = get(&url);
    request.timeout = Timeout::Total(Duration::from_millis(250));
    assert_eq!(kind(http("").send(request)), TransportErrorKind::Timeout);
    assert!(server.requests().len() <= 3);
}

#[test]
fn canceling_interrupts_requests_and_refuses_new_ones_but_not_a_siblings() {
    let server = Server::start(|request| {
        let delay = if request.target == "/slow" { 60_000 } else { 0 };
        Reply::json("{}").delay(delay)
    });
    let client = Arc::new(http(""));
    let sibling = client.sibling();
    let url = server.url("/slow");
    let waiting = {
        let client = Arc::clone(&client);
        std::thread::spawn(move || fetch(&client, &url))
    };
    server.wait_for("/slow", 1);
    let before = Instant::now();
    client.cancel_all();
    assert_eq!(
        kind(waiting.join().expect("no panic")),
        TransportErrorKind::Canceled
    );
    assert!(before.elapsed() < PATIENCE);
    assert_eq!(
        kind(fetch(&client, &server.url("/new"))),
        TransportErrorKind::Canceled
    );
    fetch(&sibling, &server.url("/sibling")).expect("not canceled");
}

#[test]
fn after_a_fork_connections_are_new() {
    let server = Server::start(|_| Reply::json("{}"));
    let client = http("");
    fetch(&client, &server.url("/")).expect("an answer");
    client.reset_after_fork();
    fetch(&client, &server.url("/")).expect("an answer");
    fetch(&client, &server.url("/")).expect("an answer");
    assert_eq!(server.connections(), 2);
}

#[test]
fn no_error_text_contains_the_key() {
    let refused = {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        listener.local_addr().expect("an address")
    };
    let server = Server::start(|_| Reply::no_answer());
    let client = http(r#"{"timeout": 1}"#);
    for url in [
        format!("http://{refused}/v1/{KEY}.json"),
        format!("http://no-such-host.invalid/{KEY}"),
        format!("not a url {KEY}"),
        format!("http://h/{KEY} with space"),
        format!("ftp://{KEY}/"),
        server.url(&format!("/{KEY}")),
    ] {
        let error = fetch(&client, &url).expect_err("no answer").to_string();
        assert!(!error.contains("0123456789"), "{url}: {error}");
    }
}

#[test]
fn a_header_that_cannot_be_sent_is_made_sendable() {
    let server = Server::start(|_| Reply::json("{}"));
    let url = server.url("/");
    let mut request = get(&url);
    request.headers = vec![
        ("x-request-service", "check\r\nout: api".to_owned()),
        ("x-text", "caf\u{e9}!".to_owned()),
    ];
    http("").send(request).expect("an answer");
    let seen = &server.requests()[0];
    assert_eq!(seen.header("x-request-service"), Some("check--out: api"));
    assert_eq!(seen.header("out"), None);
}

#[test]
fn a_name_is_looked_up_within_the_limit() {
    let server = Server::start(|_| Reply::json("{}"));
    let url = format!("http://localhost:{}/", server.address().port());
    fetch(&http(""), &url).expect("localhost is known");
    wait_until("the request arrives", || server.requests().len() == 1);
}
