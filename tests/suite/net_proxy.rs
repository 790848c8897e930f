//! Requests through HTTP and SOCKS proxies.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;

use parking_lot::Mutex;
use tidegate::net::Method;

use crate::net_http::{fetch, get, http};
use crate::support::scripted::{Recorded, Reply, Server};

/// A plain http request through an http proxy names the whole URL; no tunnel is asked for.
#[test]
fn an_http_proxy_gets_the_absolute_url() {
    let proxy = Server::start(|request: &Recorded| {
        Reply::json(format!("{} {}", request.method, request.target))
    });
    let options = format!(
        r#"{{"network_proxy": "http://user:p%40ss@{}"}}"#,
        proxy.address()
    );
    let client = http(&options);
    for path in ["/a?b=c", "/d"] {
        let url = format!("http://target.example:81{path}");
        let answer = fetch(&client, &url).expect("an answer");
        assert_eq!(answer.body, format!("GET {url}").as_bytes());
    }
    let url = "http://target.example:81/post";
    let mut request = get(url);
    request.method = Method::Post;
    let body = vec![b'x'; 200_000];
    request.body = Some(&body);
    client.send(request).expect("an answer");
    let seen = proxy.requests();
    // "user:p@ss"
    assert_eq!(
        seen[0].header("proxy-authorization"),
        Some("Basic dXNlcjpwQHNz")
    );
    assert_eq!(seen[0].header("host"), Some("target.example:81"));
    assert_eq!(seen[2].body, body);
    assert_eq!(
        proxy.connections(),
        1,
        "the connection to the proxy is kept"
    );
}

/// Answers one SOCKS5 or CONNECT handshake for any target, then pipes to `to`.
pub(crate) fn tunnel(to: SocketAddr, is_socks: bool) -> (SocketAddr, Arc<Mutex<Vec<u8>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    let asked = Arc::new(Mutex::new(Vec::new()));
    let record = Arc::clone(&asked);
    std::thread::spawn(move || {
        let (mut client, _) = listener.accept().expect("a connection");
        if is_socks {
            let mut greeting = [0; 2];
            client.read_exact(&mut greeting).expect("greeting");
            let mut methods = vec![0; greeting[1].into()];
            client.read_exact(&mut methods).expect("methods");
            client.write_all(&[5, 0]).expect("method");
            let mut head = [0; 5];
            client.read_exact(&mut head).expect("request");
            let rest = match head[3] {
                1 => 3 + 2,
                3 => usize::from(head[4]) + 2,
                _ => 15 + 2,
            };
            let mut target = vec![0; rest];
            client.read_exact(&mut target).expect("target");
            record.lock().extend_from_slice(&target);
            client
                .write_all(&[5, 0, 0, 1, 0, 0, 0, 0, 0, 0])
                .expect("reply");
        } else {
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") {
                let mut byte = [0];
                client.read_exact(&mut byte).expect("head");
                head.push(byte[0]);
            }
            record.lock().extend_from_slice(&head);
            client
                .write_all(b"HTTP/1.1 200 Connected\r\n\r\n")
                .expect("reply");
        }
        let mut server = TcpStream::connect(to).expect("the target");
        let (mut from, mut back) = (
            client.try_clone().expect("clone"),
            server.try_clone().expect("clone"),
        );
        std::thread::spawn(move || std::io::copy(&mut from, &mut back));
        let _ = std::io::copy(&mut server, &mut client);
    });
    (address, asked)
}

#[test]
fn a_socks_proxy_carries_requests() {
    let server = Server::start(|_| Reply::json("through"));
    let (proxy, asked) = tunnel(server.address(), true);
    let client = http(&format!(r#"{{"network_proxy": "socks5h://{proxy}"}}"#));
    let answer = fetch(&client, "http://target.example/").expect("an answer");
    assert_eq!(answer.body, b"through");
    assert!(asked.lock().starts_with(b"target.example"));
}
