//! What the environment says of proxies and trust. It belongs to a whole process, so each request
//! is made by one of its own.

use std::os::fd::AsRawFd;
use std::process::Command;
use std::time::Duration;

use serde_json::{Value, json};
use tidegate::net::{Timeout, TransportErrorKind};

use crate::net_http::{fetch, get, http, kind};
use crate::net_proxy::tunnel;
use crate::support::forward_proxy::tls::{Authority, Folder};
use crate::support::scripted::{Reply, Server};

const VARIABLES: [&str; 10] = [
    "HTTP_PROXY",
    "http_proxy",
    "HTTPS_PROXY",
    "https_proxy",
    "ALL_PROXY",
    "all_proxy",
    "NO_PROXY",
    "no_proxy",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
];

/// Not a test: one request, as the environment says.
#[test]
#[ignore = "the other tests start it as a process"]
fn request_process() {
    let url = std::env::var("TEST_URL").expect("a URL");
    let client = http(&std::env::var("TEST_OPTIONS").expect("options"));
    let outcome = match fetch(&client, &url) {
        Ok(response) => json!({"body": String::from_utf8_lossy(&response.body)}),
        Err(error) => json!({"error": error.to_string()}),
    };
    println!(
        "\n@{}",
        json!({"outcome": outcome, "problems": client.take_problems()})
    );
}

/// Asks in an environment of these variables only.
fn ask(url: &str, options: &Value, variables: &[(&str, &str)]) -> (Value, Vec<String>) {
    let mut command = Command::new(std::env::current_exe().expect("this binary"));
    command.args([
        "net_environment::request_process",
        "--exact",
        "--ignored",
        "--nocapture",
    ]);
    for name in VARIABLES {
        command.env_remove(name);
    }
    command
        .env("TEST_URL", url)
        .env("TEST_OPTIONS", options.to_string());
    command.envs(variables.iter().copied());
    let output = command.output().expect("a process");
    let text = String::from_utf8_lossy(&output.stdout);
    let line = text.lines().find_map(|line| line.strip_prefix('@'));
    let found: Value =
        serde_json::from_str(line.unwrap_or_else(|| panic!("{output:?}"))).expect("JSON");
    let problems = found["problems"].as_array().expect("a list");
    let problems = problems
        .iter()
        .map(|text| text.as_str().expect("text").to_owned());
    (found["outcome"].clone(), problems.collect())
}

fn body(text: &str) -> Value {
    json!({"body": text})
}

#[test]
fn proxies_of_the_environment_are_used() {
    let proxy = Server::start(|request| Reply::json(request.target.clone()));
    let through = format!("http://{}", proxy.address());
    let url = "http://target.example/x";
    for name in ["http_proxy", "HTTP_PROXY", "ALL_PROXY", "all_proxy"] {
        let (outcome, problems) = ask(url, &json!({}), &[(name, &through)]);
        assert_eq!((outcome, problems.len()), (body(url), 0), "{name}");
    }
    let server = Server::start(|_| Reply::json("direct"));
    let (outcome, _) = ask(&server.url("/"), &json!({}), &[("HTTP_PROXY", &through)]);
    assert_eq!(outcome, body("direct"), "loopback is never proxied");
    let option = json!({"network_proxy": through});
    let (outcome, _) = ask(url, &option, &[("HTTP_PROXY", "http://127.0.0.1:9")]);
    assert_eq!(outcome, body(url), "the option is stronger");
    // Inside CGI the variable may be a header of the request.
    let cgi = [("HTTP_PROXY", through.as_str()), ("REQUEST_METHOD", "GET")];
    assert!(ask("http://target.invalid/", &json!({}), &cgi).0["error"].is_string());
}

#[test]
fn a_socks_proxy_of_the_environment_is_used() {
    let server = Server::start(|_| Reply::json("through"));
    let (proxy, asked) = tunnel(server.address(), true);
    let variable = format!("socks5h://{proxy}");
    let (outcome, _) = ask(
        "http://target.example/",
        &json!({}),
        &[("ALL_PROXY", &variable)],
    );
    assert_eq!(outcome, body("through"));
    assert!(asked.lock().starts_with(b"target.example"));
}

#[test]
fn exceptions_of_the_environment_are_not_proxied() {
    let proxy = Server::start(|_| Reply::json("proxied"));
    let through = format!("http://{}", proxy.address());
    for exceptions in [
        "target.invalid",
        ".invalid",
        "*",
        "other, TARGET.invalid:80",
    ] {
        let variables = [("HTTP_PROXY", through.as_str()), ("NO_PROXY", exceptions)];
        let (outcome, _) = ask("http://target.invalid/", &json!({}), &variables);
        let error = outcome["error"].as_str().expect("nobody is there");
        assert!(error.starts_with("ConnectError"), "{exceptions}: {error}");
    }
    assert!(proxy.requests().is_empty());
    let variables = [
        ("HTTP_PROXY", through.as_str()),
        ("NO_PROXY", "other.invalid"),
    ];
    assert_eq!(
        ask("http://target.invalid/", &json!({}), &variables).0,
        body("proxied")
    );
}

#[test]
fn a_variable_that_is_no_proxy_is_told_by_name_and_ignored() {
    let server = Server::start(|_| Reply::json("direct"));
    let variables = [("HTTPS_PROXY", "nonsense://hunter2@x")];
    let (outcome, problems) = ask(&server.url("/"), &json!({}), &variables);
    assert_eq!(outcome, body("direct"));
    assert!(
        problems[0].contains("HTTPS_PROXY") && !problems[0].contains("hunter2"),
        "{problems:?}"
    );
}

fn secured(authority: &Authority, folder: &Folder, name: &str) -> Server {
    let (certificate, key) = authority.issue(name);
    let files = json!({
        "certificate": folder.file("server.pem", &certificate),
        "key": folder.file("server.key", &key),
    });
    let config = crate::support::forward_proxy::tls::server_config(&files);
    Server::start_with(config, |_| Reply::json("safe"))
}

#[test]
fn authorities_of_the_environment_are_trusted() {
    let (folder, authority) = (Folder::new(), Authority::root());
    let server = secured(&authority, &folder, "127.0.0.1");
    let file = folder.file("ca.pem", &authority.pem);
    let (outcome, _) = ask(&server.url("/"), &json!({}), &[("SSL_CERT_FILE", &file)]);
    assert_eq!(outcome, body("safe"));
    let (outcome, _) = ask(&server.url("/"), &json!({}), &[]);
    let error = outcome["error"].as_str().expect("not trusted");
    assert!(error.starts_with("TlsError"), "{error}");
    // A file that is not there is told; what the option names is trusted all the same.
    let missing = [("SSL_CERT_FILE", "/no/such/file.pem")];
    let (outcome, problems) = ask(
        &server.url("/"),
        &json!({"ca_pem": authority.pem}),
        &missing,
    );
    assert_eq!(outcome, body("safe"));
    assert!(problems[0].contains("system trust store"), "{problems:?}");
}

#[test]
fn https_goes_through_a_tunnel_of_the_environment() {
    let (folder, authority) = (Folder::new(), Authority::root());
    let server = secured(&authority, &folder, "target.example");
    let file = folder.file("ca.pem", &authority.pem);
    for name in ["HTTPS_PROXY", "https_proxy"] {
        let (proxy, asked) = tunnel(server.address(), false);
        let through = format!("http://{proxy}");
        let variables = [(name, through.as_str()), ("SSL_CERT_FILE", &file)];
        let (outcome, _) = ask("https://target.example/", &json!({}), &variables);
        assert_eq!(outcome, body("safe"), "{name}");
        assert!(
            asked.lock().starts_with(b"CONNECT target.example:443"),
            "{name}"
        );
    }
}

/// A listener whose queue is full drops what else wants to connect.
#[test]
fn connecting_has_a_limit_of_its_own() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    // SAFETY: shortens the queue of a listener that is open.
    assert_eq!(unsafe { libc::listen(listener.as_raw_fd(), 0) }, 0);
    let address = listener.local_addr().expect("an address");
    let filling: Vec<_> = (0..3)
        .map(|_| std::net::TcpStream::connect_timeout(&address, Duration::from_millis(100)))
        .collect();
    assert!(filling.iter().any(Result::is_err), "the queue is full");
    let url = format!("http://{address}/");
    let mut request = get(&url);
    request.timeout = Timeout::Inactivity(Duration::from_millis(150));
    assert_eq!(kind(http("").send(request)), TransportErrorKind::Timeout);
}

#[test]
fn a_handshake_that_is_not_answered_ends_in_time() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("https://{}/", listener.local_addr().expect("an address"));
    for timeout in [Timeout::Inactivity, Timeout::Total] {
        let mut request = get(&url);
        request.timeout = timeout(Duration::from_millis(150));
        assert_eq!(kind(http("").send(request)), TransportErrorKind::Timeout);
    }
}

#[test]
fn headers_without_end_are_refused() {
    let server = Server::start(|_| {
        let mut reply = Reply::json("{}");
        for number in 0..2000 {
            reply = reply.header(&format!("X-Filler-{number}"), &"x".repeat(100));
        }
        reply
    });
    assert_eq!(
        kind(fetch(&http(""), &server.url("/"))),
        TransportErrorKind::Protocol
    );
}
