//! A forward proxy that speaks gRPC, as a process that tests start, script and kill.

mod relay;
mod server;
pub mod tls;
mod upstream;

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::Arc;
use std::time::Instant;

use parking_lot::{Condvar, Mutex};
use serde_json::{Value, json};

use super::scripted::PATIENCE;

pub use server::serve;
pub use upstream::Upstream;

/// The test of this binary that is the server.
const PROCESS: &str = "grpc::forward_proxy_process";

/// The process; it is killed when this is dropped.
pub struct ForwardProxy {
    child: Child,
    input: ChildStdin,
    log: Arc<Log>,
    pub port: u16,
    /// Of the HTTP/1.1 side, if it has one.
    pub http_port: u16,
}

#[derive(Default)]
struct Log {
    events: Mutex<Vec<Value>>,
    changed: Condvar,
}

impl ForwardProxy {
    /// Starts on a free port.
    pub fn start() -> ForwardProxy {
        ForwardProxy::start_with(&json!({"port": 0}))
    }

    /// Starts again where another one was.
    pub fn start_at(port: u16) -> ForwardProxy {
        ForwardProxy::start_with(&json!({"port": port}))
    }

    /// Stands between clients and an upstream.
    pub fn relay(config: &Value) -> ForwardProxy {
        ForwardProxy::relay_at(0, config)
    }

    pub fn relay_at(port: u16, config: &Value) -> ForwardProxy {
        ForwardProxy::start_with(&json!({"port": port, "relay": config}))
    }

    pub fn start_with(listen: &Value) -> ForwardProxy {
        let mut child = Command::new(std::env::current_exe().expect("this binary"))
            .args([PROCESS, "--exact", "--ignored", "--nocapture"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("a process");
        let mut input = child.stdin.take().expect("its input");
        writeln!(input, "{listen}").expect("written");
        let output = BufReader::new(child.stdout.take().expect("its output"));
        let log = Arc::new(Log::default());
        let writer = Arc::clone(&log);
        std::thread::spawn(move || {
            for line in output.lines().map_while(Result::ok) {
                if let Some(event) = line.strip_prefix('@') {
                    let event = serde_json::from_str(event).expect("JSON");
                    writer.events.lock().push(event);
                    writer.changed.notify_all();
                }
            }
        });
        let mut proxy = ForwardProxy {
            child,
            input,
            log,
            port: 0,
            http_port: 0,
        };
        let ready = proxy.wait_for("ready", 1).remove(0);
        let port = |key: &str| u16::try_from(ready[key].as_u64().unwrap_or(0)).expect("a port");
        proxy.port = port("port");
        proxy.http_port = port("http_port");
        proxy
    }

    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// Returns when the process has done it.
    pub fn tell(&mut self, command: &Value) {
        let done = self.events("done").len();
        writeln!(self.input, "{command}").expect("written");
        self.wait_for("done", done + 1);
    }

    /// Answers of unary calls and of streams that are opened, in order; the last of each stays.
    pub fn script(&mut self, unary: &[Value], streams: &[Value]) {
        self.tell(&json!({"unary": unary, "streams": streams}));
    }

    /// To all streams that are open.
    pub fn send(&mut self, message: &Value) {
        self.tell(&json!({"send": message}));
    }

    /// Ends all streams with a status.
    pub fn fail(&mut self, code: i32) {
        self.tell(&json!({"fail": code}));
    }

    /// As an operator does it: streams end in good order, then the process does.
    pub fn terminate(&mut self) {
        writeln!(self.input, "{}", json!({"terminate": true})).expect("written");
        self.child.wait().expect("gone");
    }

    /// As the system does it: no farewell.
    pub fn kill(&mut self) {
        self.child.kill().expect("killed");
        self.child.wait().expect("gone");
    }

    /// What has happened, by kind: `unary`, `stream`, `closed`, `no_handshake`.
    pub fn events(&self, kind: &str) -> Vec<Value> {
        let mut events = self.log.events.lock().clone();
        events.retain(|event| event["event"] == kind);
        events
    }

    /// Waits until at least `count` of a kind have happened.
    pub fn wait_for(&self, kind: &str, count: usize) -> Vec<Value> {
        let deadline = Instant::now() + PATIENCE;
        let mut events = self.log.events.lock();
        loop {
            let found: Vec<Value> = events
                .iter()
                .filter(|event| event["event"] == kind)
                .cloned()
                .collect();
            if found.len() >= count {
                return found;
            }
            let left = deadline.saturating_duration_since(Instant::now());
            assert!(!left.is_zero(), "only {} of {count} {kind}", found.len());
            self.log.changed.wait_for(&mut events, left);
        }
    }
}

impl Drop for ForwardProxy {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Bytes as text.
pub fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// A message with specs of a time.
pub fn message(time: i64) -> Value {
    json!({"spec": super::service::specs(time), "time": time})
}

/// A message that says there is nothing newer than what is of this time.
pub fn heartbeat(time: i64) -> Value {
    json!({"spec": r#"{"has_updates":false}"#, "time": time})
}

/// A stream that opens with these messages and stays open.
pub fn accept(messages: &[Value]) -> Value {
    json!({"messages": messages})
}

pub const UNAVAILABLE: i32 = 14;

/// A call that fails.
pub fn failure(code: i32) -> Value {
    json!({"error": code})
}
