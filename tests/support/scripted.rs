//! A loopback HTTP/1.1 server whose every answer a test decides, and which records what it is asked.
//!
//! Slowness is simulated by waiting on a condition that ends when the server stops, so a test never
//! waits for a slow answer it no longer needs.

use std::fmt::Write as _;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};

/// How long a test waits for something that must happen.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// A request as received.
#[derive(Debug, Clone)]
pub struct Recorded {
    pub method: String,
    /// Path and query, as sent.
    pub target: String,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
    /// Number of the connection, from 0.
    pub connection: usize,
    /// When its head was complete, since the server started.
    pub at: Duration,
}

impl Recorded {
    /// The first value of a header.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(known, _)| known.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }

    /// The path without the query.
    pub fn path(&self) -> &str {
        self.target.split('?').next().unwrap_or_default()
    }
}

/// How the end of a body is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Framing {
    /// `Content-Length`.
    Length,
    /// `Transfer-Encoding: chunked`.
    Chunked,
    /// By closing the connection.
    Close,
    /// `Content-Length` of the whole body, but the connection closes after this many bytes.
    CutAt(usize),
    /// The connection closes before any answer.
    NoAnswer,
}

/// An answer.
#[derive(Debug, Clone)]
pub struct Reply {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
    pub framing: Framing,
    /// Before the first byte.
    pub delay: Duration,
    /// Between single bytes of the body.
    pub drip: Option<Duration>,
}

impl Reply {
    pub fn new(status: u16, body: impl Into<Vec<u8>>) -> Self {
        Reply {
            status,
            headers: Vec::new(),
            body: body.into(),
            framing: Framing::Length,
            delay: Duration::ZERO,
            drip: None,
        }
    }

    pub fn json(body: impl Into<Vec<u8>>) -> Self {
        Reply::new(200, body).header("Content-Type", "application/json")
    }

    pub fn status(status: u16) -> Self {
        Reply::new(status, "")
    }

    pub fn no_answer() -> Self {
        Reply::status(0).framing(Framing::NoAnswer)
    }

    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    pub fn framing(mut self, framing: Framing) -> Self {
        self.framing = framing;
        self
    }

    pub fn delay(mut self, ms: u64) -> Self {
        self.delay = Duration::from_millis(ms);
        self
    }

    pub fn drip(mut self, ms: u64) -> Self {
        self.drip = Some(Duration::from_millis(ms));
        self
    }
}

type Handler = dyn Fn(&Recorded) -> Reply + Send + Sync;

struct Shared {
    handler: Box<Handler>,
    start: Instant,
    requests: Mutex<Vec<Recorded>>,
    changed: Condvar,
    stopping: AtomicBool,
    connections: AtomicUsize,
    running: AtomicUsize,
    most_running: AtomicUsize,
    tls: Option<Arc<rustls::ServerConfig>>,
}

/// The server; it stops when dropped.
pub struct Server {
    address: SocketAddr,
    shared: Arc<Shared>,
}

impl Server {
    /// Starts on a free port.
    pub fn start(handler: impl Fn(&Recorded) -> Reply + Send + Sync + 'static) -> Server {
        Server::start_with(None, handler)
    }

    /// Starts with TLS if a configuration is given.
    pub fn start_with(
        tls: Option<Arc<rustls::ServerConfig>>,
        handler: impl Fn(&Recorded) -> Reply + Send + Sync + 'static,
    ) -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("an address");
        let shared = Arc::new(Shared {
            handler: Box::new(handler),
            start: Instant::now(),
            requests: Mutex::new(Vec::new()),
            changed: Condvar::new(),
            stopping: AtomicBool::new(false),
            connections: AtomicUsize::new(0),
            running: AtomicUsize::new(0),
            most_running: AtomicUsize::new(0),
            tls,
        });
        let accepting = Arc::clone(&shared);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                if accepting.stopping.load(Ordering::SeqCst) {
                    break;
                }
                let Ok(stream) = stream else { continue };
                let shared = Arc::clone(&accepting);
                std::thread::spawn(move || serve(&shared, stream));
            }
        });
        Server { address, shared }
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// `http://127.0.0.1:port` followed by `path`.
    pub fn url(&self, path: &str) -> String {
        let scheme = if self.shared.tls.is_some() {
            "https"
        } else {
            "http"
        };
        format!("{scheme}://{}{path}", self.address)
    }

    /// All requests so far.
    pub fn requests(&self) -> Vec<Recorded> {
        self.shared.requests.lock().clone()
    }

    /// Requests whose path contains `part`.
    pub fn requests_to(&self, part: &str) -> Vec<Recorded> {
        let mut requests = self.requests();
        requests.retain(|request| request.path().contains(part));
        requests
    }

    /// Waits until at least `count` requests to `part` were made.
    pub fn wait_for(&self, part: &str, count: usize) -> Vec<Recorded> {
        let deadline = Instant::now() + PATIENCE;
        let mut requests = self.shared.requests.lock();
        loop {
            let found: Vec<_> = requests
                .iter()
                .filter(|request| request.path().contains(part))
                .cloned()
                .collect();
            if found.len() >= count {
                return found;
            }
            let left = deadline.saturating_duration_since(Instant::now());
            assert!(
                !left.is_zero(),
                "only {} of {count} requests to {part}",
                found.len()
            );
            self.shared.changed.wait_for(&mut requests, left);
        }
    }

    /// Connections accepted so far.
    pub fn connections(&self) -> usize {
        self.shared.connections.load(Ordering::SeqCst)
    }

    /// The most requests that were being answered at one time.
    pub fn most_running(&self) -> usize {
        self.shared.most_running.load(Ordering::SeqCst)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.shared.stopping.store(true, Ordering::SeqCst);
        drop(self.shared.requests.lock());
        self.shared.changed.notify_all();
        // Wakes the accepting thread.
        let _ = TcpStream::connect(self.address);
    }
}

trait Stream: Read + Write + Send {}
impl<T: Read + Write + Send> Stream for T {}

fn serve(shared: &Shared, stream: TcpStream) {
    let number = shared.connections.fetch_add(1, Ordering::SeqCst);
    let _ = stream.set_read_timeout(Some(PATIENCE));
    let _ = stream.set_nodelay(true);
    let stream: Box<dyn Stream> = match &shared.tls {
        None => Box::new(stream),
        Some(config) => {
            let Ok(connection) = rustls::ServerConnection::new(Arc::clone(config)) else {
                return;
            };
            Box::new(rustls::StreamOwned::new(connection, stream))
        }
    };
    let mut reader = BufReader::new(stream);
    while let Some(mut request) = read_request(&mut reader) {
        request.connection = number;
        request.at = shared.start.elapsed();
        let running = shared.running.fetch_add(1, Ordering::SeqCst) + 1;
        shared.most_running.fetch_max(running, Ordering::SeqCst);
        let closes = request
            .header("connection")
            .is_some_and(|value| value.eq_ignore_ascii_case("close"));
        // Recorded before the answer is decided, so that handlers can be asked "how many so far".
        shared.requests.lock().push(request.clone());
        shared.changed.notify_all();
        let reply = (shared.handler)(&request);
        let keeps =
            pause(shared, reply.delay) && write_reply(shared, reader.get_mut(), &reply, closes);
        shared.running.fetch_sub(1, Ordering::SeqCst);
        if !keeps || closes {
            break;
        }
    }
}

/// Waits unless the server stops; returns whether it still runs.
fn pause(shared: &Shared, duration: Duration) -> bool {
    let deadline = Instant::now() + duration;
    let mut guard = shared.requests.lock();
    while !shared.stopping.load(Ordering::SeqCst) {
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return true;
        }
        shared.changed.wait_for(&mut guard, left);
    }
    false
}

fn read_request(reader: &mut impl BufRead) -> Option<Recorded> {
    let mut line = String::new();
    reader.read_line(&mut line).ok().filter(|read| *read > 0)?;
    let mut words = line.split_whitespace();
    let (method, target) = (words.next()?.to_owned(), words.next()?.to_owned());
    let mut headers = Vec::new();
    loop {
        line.clear();
        reader.read_line(&mut line).ok().filter(|read| *read > 0)?;
        let text = line.trim_end_matches(['\r', '\n']);
        if text.is_empty() {
            break;
        }
        let (name, value) = text.split_once(':')?;
        headers.push((name.to_owned(), value.trim().to_owned()));
    }
    let mut request = Recorded {
        method,
        target,
        headers,
        body: Vec::new(),
        connection: 0,
        at: Duration::ZERO,
    };
    let length: usize = match request.header("content-length") {
        Some(text) => text.parse().ok()?,
        None => 0,
    };
    request.body = vec![0; length];
    reader.read_exact(&mut request.body).ok()?;
    Some(request)
}

/// Returns whether the connection can serve another request.
fn write_reply(shared: &Shared, stream: &mut impl Write, reply: &Reply, closes: bool) -> bool {
    if reply.framing == Framing::NoAnswer {
        return false;
    }
    let mut head = format!("HTTP/1.1 {} Reply\r\n", reply.status);
    for (name, value) in &reply.headers {
        let _ = write!(head, "{name}: {value}\r\n");
    }
    if closes {
        head.push_str("Connection: close\r\n");
    }
    let mut body = reply.body.clone();
    let has_body = !matches!(reply.status, 204 | 304);
    match reply.framing {
        Framing::Length if has_body => {
            let _ = write!(head, "Content-Length: {}\r\n", body.len());
        }
        Framing::CutAt(count) => {
            let _ = write!(head, "Content-Length: {}\r\n", body.len());
            body.truncate(count);
        }
        Framing::Chunked => {
            head.push_str("Transfer-Encoding: chunked\r\n");
            let mut chunked = Vec::new();
            for part in body.chunks(5) {
                chunked.extend_from_slice(format!("{:x}\r\n", part.len()).as_bytes());
                chunked.extend_from_slice(part);
                chunked.extend_from_slice(b"\r\n");
            }
            chunked.extend_from_slice(b"0\r\n\r\n");
            body = chunked;
        }
        _ => {}
    }
    head.push_str("\r\n");
    let written = stream
        .write_all(head.as_bytes())
        .and_then(|()| stream.flush())
        .is_ok()
        && match reply.drip {
            None => stream.write_all(&body).is_ok(),
            Some(gap) => body.iter().all(|byte| {
                stream
                    .write_all(&[*byte])
                    .and_then(|()| stream.flush())
                    .is_ok()
                    && pause(shared, gap)
            }),
        };
    let _ = stream.flush();
    written && matches!(reply.framing, Framing::Length | Framing::Chunked)
}

/// Waits on a condition that another thread makes true.
pub fn wait_until(what: &str, mut condition: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !condition() {
        assert!(Instant::now() < deadline, "never happened: {what}");
        std::thread::park_timeout(Duration::from_millis(2));
    }
}
