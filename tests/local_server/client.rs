//! A client small enough to send exactly what a test means, right or wrong.

use std::io::{self, BufRead, BufReader, ErrorKind, Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use serde_json::{Value, json};

use crate::server::documents::Origin;
use crate::server::{Config, Server};

/// Far beyond what any answer takes: reached only when one never comes.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) const KEY: &str = "secret-key";

/// The smallest document of that time.
pub(crate) fn document(time: i64) -> String {
    json!({
        "has_updates": true,
        "time": time,
        "feature_gates": [],
        "dynamic_configs": [],
        "layer_configs": [],
    })
    .to_string()
}

/// A server whose every key has a document of time 100.
pub(crate) fn start() -> Server {
    let config = Config {
        rules: Origin::Text(document(100)),
        ..Config::default()
    };
    Server::start(config).unwrap()
}

#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// Lower-case names.
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
    /// Whether the body came in full, as its framing promised.
    pub(crate) complete: bool,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(header, _)| header == name)
            .map(|(_, value)| value.as_str())
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.body.clone()).unwrap()
    }
}

/// One connection, kept alive.
pub(crate) struct Connection(BufReader<TcpStream>);

impl Connection {
    pub(crate) fn open(port: u16) -> Connection {
        let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_nodelay(true).unwrap();
        Connection(BufReader::new(stream))
    }

    pub(crate) fn send(&mut self, bytes: &[u8]) {
        self.0.get_mut().write_all(bytes).unwrap();
    }

    /// For peers that may have hung up already.
    pub(crate) fn try_send(&mut self, bytes: &[u8]) -> bool {
        self.0.get_mut().write_all(bytes).is_ok()
    }

    pub(crate) fn finish_sending(&mut self) {
        self.0
            .get_mut()
            .shutdown(std::net::Shutdown::Write)
            .unwrap();
    }

    pub(crate) fn local_port(&self) -> u16 {
        self.0.get_ref().local_addr().unwrap().port()
    }

    /// The next answer, or `None` when the server hung up instead.
    pub(crate) fn answer(&mut self) -> Option<Answer> {
        let start = self.line()?;
        let status = start.split(' ').nth(1).unwrap().parse().unwrap();
        let mut headers = Vec::new();
        loop {
            let line = self.line()?;
            let Some((name, value)) = line.split_once(": ") else {
                assert_eq!(line, "");
                break;
            };
            headers.push((name.to_ascii_lowercase(), value.to_owned()));
        }
        let mut answer = Answer {
            status,
            headers,
            body: Vec::new(),
            complete: true,
        };
        if answer.header("transfer-encoding") == Some("chunked") {
            answer.complete = self.chunks(&mut answer.body).is_some();
        } else if let Some(length) = answer.header("content-length") {
            let length: usize = length.parse().unwrap();
            let mut body = vec![0; length];
            let mut read = 0;
            while read < length {
                match self.0.read(&mut body[read..]) {
                    Ok(0) => break,
                    Ok(more) => read += more,
                    Err(error) => {
                        assert_gone(&error);
                        break;
                    }
                }
            }
            answer.complete = read == length;
            body.truncate(read);
            answer.body = body;
        }
        Some(answer)
    }

    fn chunks(&mut self, body: &mut Vec<u8>) -> Option<()> {
        loop {
            let length = usize::from_str_radix(&self.line()?, 16).ok()?;
            let mut chunk = vec![0; length];
            self.0
                .read_exact(&mut chunk)
                .inspect_err(assert_gone)
                .ok()?;
            body.extend_from_slice(&chunk);
            self.line().filter(String::is_empty)?;
            if length == 0 {
                return Some(());
            }
        }
    }

    fn line(&mut self) -> Option<String> {
        let mut line = String::new();
        self.0.read_line(&mut line).inspect_err(assert_gone).ok()?;
        line.strip_suffix("\r\n").map(str::to_owned)
    }

    pub(crate) fn ask(
        &mut self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> Option<Answer> {
        let length = body.len().to_string();
        let mut lines = vec![format!("{method} {path} HTTP/1.1")];
        for (name, value) in headers.iter().chain(&[("Content-Length", length.as_str())]) {
            lines.push(format!("{name}: {value}"));
        }
        let message = lines.join("\r\n") + "\r\n\r\n";
        self.send(&[message.as_bytes(), body].concat());
        self.answer()
    }
}

/// A peer that hung up is an answer of its own; one that keeps silent is a failure.
fn assert_gone(error: &io::Error) {
    let kind = error.kind();
    assert!(
        !matches!(kind, ErrorKind::WouldBlock | ErrorKind::TimedOut),
        "the server neither answered nor hung up"
    );
}

/// One request on its own connection.
pub(crate) fn ask(
    server: &Server,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: &[u8],
) -> Option<Answer> {
    Connection::open(server.port()).ask(method, path, headers, body)
}

pub(crate) fn get(server: &Server, path: &str) -> Answer {
    ask(server, "GET", path, &[], b"").unwrap()
}

/// Posts as an SDK with that key does.
pub(crate) fn post(server: &Server, path: &str, body: &Value) -> Option<Answer> {
    ask(
        server,
        "POST",
        path,
        &[("STATSIG-API-KEY", KEY)],
        body.to_string().as_bytes(),
    )
}

/// A control that must succeed.
pub(crate) fn control(server: &Server, method: &str, path: &str, body: &str) -> Value {
    let answer = ask(server, method, path, &[], body.as_bytes()).unwrap();
    assert_eq!(answer.status, 200, "{method} {path}: {}", answer.text());
    answer.json()
}

/// The path and query of an absolute URL.
pub(crate) fn path_of(url: &str) -> &str {
    let rest = url.strip_prefix("http://").unwrap();
    &rest[rest.find('/').unwrap()..]
}

/// A folder of its own, removed when dropped.
pub(crate) struct Folder(pub(crate) PathBuf);

impl Folder {
    pub(crate) fn new() -> Folder {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("tidegate-local-server-{}-{number}", std::process::id());
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&path).unwrap();
        Folder(path)
    }

    pub(crate) fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.0.join(name);
        std::fs::write(&path, text).unwrap();
        path
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        drop(std::fs::remove_dir_all(&self.0));
    }
}
