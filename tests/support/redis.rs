//! Real Redis servers on loopback, which a test starts, kills and starts again.

use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use ::redis::{Commands, Connection, cmd};

use super::scripted::wait_until;

/// A server; it is killed when this is dropped.
pub struct RedisServer {
    child: Child,
    port: u16,
    folder: PathBuf,
    arguments: Vec<String>,
    url: String,
}

impl RedisServer {
    pub fn start() -> RedisServer {
        RedisServer::with(&[])
    }

    /// With further arguments of `redis-server`.
    pub fn with(arguments: &[&str]) -> RedisServer {
        let arguments: Vec<String> = arguments.iter().map(|text| (*text).to_owned()).collect();
        RedisServer::launch(arguments, "--port", |port| {
            format!("redis://127.0.0.1:{port}")
        })
    }

    /// Speaks TLS only.
    pub fn with_tls(certificate: &str, key: &str, authority: &str) -> RedisServer {
        let arguments = [
            "--port",
            "0",
            "--tls-auth-clients",
            "no",
            "--tls-cert-file",
            certificate,
            "--tls-key-file",
            key,
            "--tls-ca-cert-file",
            authority,
        ];
        let arguments = arguments.map(str::to_owned).to_vec();
        RedisServer::launch(arguments, "--tls-port", |port| {
            format!("rediss://127.0.0.1:{port}")
        })
    }

    fn launch(
        arguments: Vec<String>,
        port_argument: &str,
        url: impl Fn(u16) -> String,
    ) -> RedisServer {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        for _ in 0..20 {
            let number = COUNT.fetch_add(1, Ordering::SeqCst);
            let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR"))
                .join(format!("redis-{}-{number}", std::process::id()));
            std::fs::create_dir_all(&folder).expect("a folder");
            let port = free_port();
            let mut all = arguments.clone();
            all.extend([port_argument.to_owned(), port.to_string()]);
            if all.iter().any(|text| text == "--cluster-enabled") {
                all.extend(["--cluster-port".to_owned(), free_port().to_string()]);
            }
            let mut child = spawn(&all, &folder);
            // Somebody else may have taken the port in between.
            if is_listening(&mut child, port) {
                return RedisServer {
                    child,
                    port,
                    folder,
                    arguments: all,
                    url: url(port),
                };
            }
        }
        panic!("redis-server does not start");
    }

    pub fn url(&self) -> &str {
        &self.url
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    /// As the system does it: without a farewell, and without anything stored.
    pub fn kill(&mut self) {
        self.child.kill().expect("killed");
        self.child.wait().expect("gone");
    }

    /// At the same place, empty.
    pub fn restart(&mut self) {
        wait_until("the server is back", || {
            self.child = spawn(&self.arguments, &self.folder);
            is_listening(&mut self.child, self.port)
        });
    }

    /// Accepts and answers nothing, until it is let go.
    pub fn freeze(&self) {
        self.signal(libc::SIGSTOP);
    }

    pub fn thaw(&self) {
        self.signal(libc::SIGCONT);
    }

    fn signal(&self, signal: i32) {
        let pid = i32::try_from(self.child.id()).expect("a process id");
        // SAFETY: signals a child of ours that has not been waited for.
        assert_eq!(unsafe { libc::kill(pid, signal) }, 0);
    }

    /// A connection of the test's own.
    pub fn connection(&self) -> Connection {
        let client = ::redis::Client::open(self.url.as_str()).expect("a client");
        client.get_connection().expect("connected")
    }

    pub fn value(&self, key: &str) -> Option<String> {
        self.connection().get(key).expect("asked")
    }

    pub fn put(&self, key: &str, value: &str) {
        let _: () = self.connection().set(key, value).expect("stored");
    }
}

impl Drop for RedisServer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

/// Nodes of a cluster, each with its share of the slots.
pub fn cluster(count: u16) -> Vec<RedisServer> {
    let arguments = [
        "--cluster-enabled",
        "yes",
        "--cluster-config-file",
        "nodes.conf",
    ];
    let nodes: Vec<_> = (0..count).map(|_| RedisServer::with(&arguments)).collect();
    let share = 16384 / count;
    for (number, node) in (0..).zip(&nodes) {
        let first = number * share;
        let last = if number + 1 == count {
            16383
        } else {
            first + share - 1
        };
        let mut connection = node.connection();
        let mut command = cmd("CLUSTER");
        command.arg("ADDSLOTSRANGE").arg(first).arg(last);
        command.exec(&mut connection).expect("slots");
        if number > 0 {
            let first = &nodes[0];
            let bus = first
                .arguments
                .iter()
                .position(|text| text == "--cluster-port");
            let bus = &first.arguments[bus.expect("a cluster") + 1];
            let mut command = cmd("CLUSTER");
            command
                .arg("MEET")
                .arg("127.0.0.1")
                .arg(first.port)
                .arg(bus);
            command.exec(&mut connection).expect("met");
        }
    }
    for node in &nodes {
        wait_until("the cluster is up", || {
            let mut command = cmd("CLUSTER");
            let info: String = command
                .arg("INFO")
                .query(&mut node.connection())
                .expect("info");
            info.contains("cluster_state:ok")
                && info.contains(&format!("cluster_known_nodes:{count}"))
        });
    }
    nodes
}

fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.local_addr().expect("an address").port()
}

fn spawn(arguments: &[String], folder: &PathBuf) -> Child {
    let mut command = Command::new("redis-server");
    command
        .args([
            "--bind",
            "127.0.0.1",
            "--save",
            "",
            "--appendonly",
            "no",
            "--dir",
        ])
        .arg(folder)
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::null());
    command
        .spawn()
        .unwrap_or_else(|e| panic!("redis-server, of the Debian package redis-server: {e}"))
}

fn is_listening(child: &mut Child, port: u16) -> bool {
    for _ in 0..5000 {
        if child.try_wait().expect("a child").is_some() {
            return false;
        }
        if std::net::TcpStream::connect(("127.0.0.1", port)).is_ok() {
            // It may be another server's port, while ours is about to give up.
            std::thread::park_timeout(Duration::from_millis(5));
            return child.try_wait().expect("a child").is_none();
        }
        std::thread::park_timeout(Duration::from_millis(2));
    }
    false
}
