//! The local server: the protocol of the real service on loopback, for development, the demo and
//! every test suite.
//!
//! This file and its neighbors form one module, so a test can run the server in its own process:
//! `#[path = "../examples/local_server/server.rs"] mod server;`. Everything goes through
//! [`Server`]; what it offers over HTTP under `/control/` it offers as methods, too.
#![allow(dead_code, reason = "the program and each test use different parts")]

pub(crate) mod connection;
pub(crate) mod control;
pub(crate) mod documents;
pub(crate) mod encoding;
pub(crate) mod fault;
pub(crate) mod id_lists;
pub(crate) mod record;
pub(crate) mod request;
pub(crate) mod response;
pub(crate) mod routes;
pub(crate) mod show;
pub(crate) mod state;
pub(crate) mod url;

use std::io;
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use serde_json::Value;

use self::documents::Origin;
use self::fault::Fault;
use self::id_lists::RawFile;
use self::record::{Endpoint, Record};
use self::response::{Response, Sent};
use self::state::{Awaited, Shared};

/// Each connection has a thread; further ones are turned away.
pub(crate) const MAX_CONNECTIONS: usize = 256;

#[derive(Clone, Debug, Default)]
pub(crate) struct Config {
    /// 0 takes a free port.
    pub(crate) port: u16,
    pub(crate) rules: Origin,
    pub(crate) lists: Origin,
    /// Added to every answer outside `/control/`.
    pub(crate) latency: Duration,
    /// Accepted events are appended here, one JSON line each.
    pub(crate) events_out: Option<PathBuf>,
    /// Print accepted events on standard error.
    pub(crate) show_events: bool,
}

/// A running server; stopped when dropped.
pub(crate) struct Server {
    shared: Arc<Shared>,
    accepting: Option<JoinHandle<()>>,
}

impl Server {
    pub(crate) fn start(config: Config) -> io::Result<Server> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, config.port))?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared::new(config, address)?);
        let accepting = {
            let shared = Arc::clone(&shared);
            spawn("tg-accept", move || accept(&listener, &shared))?
        };
        Ok(Server {
            shared,
            accepting: Some(accepting),
        })
    }

    pub(crate) fn port(&self) -> u16 {
        self.shared.address.port()
    }

    pub(crate) fn url(&self) -> String {
        self.shared.url()
    }

    /// What goes into the option `api`.
    pub(crate) fn api(&self) -> String {
        format!("{}/v1", self.url())
    }

    /// Closes every connection, releases what is held and joins all threads.
    pub(crate) fn stop(&mut self) {
        self.shared.state.lock().stopping = true;
        self.shared.changed.notify_all();
        // The connection wakes the accepting thread. Without one it cannot be joined.
        if let Some(accepting) = self.accepting.take()
            && TcpStream::connect(self.shared.address).is_ok()
        {
            drop(accepting.join());
        }
    }

    /// Replaces the document of one key, or of all keys without their own, byte for byte.
    pub(crate) fn put_rules(&self, key: Option<&str>, document: impl Into<Vec<u8>>) {
        let mut state = self.shared.state.lock();
        state.documents.put(key, document.into());
    }

    /// `{"list": ["unit id", ...]}`; clients get the difference to what they have.
    pub(crate) fn put_lists(&self, key: Option<&str>, lists: &Value) -> Result<(), String> {
        let mut state = self.shared.state.lock();
        let now = state.stamp();
        state.id_lists.put(key, lists.to_string().as_bytes(), now)
    }

    /// The raw file of one list.
    pub(crate) fn put_list_file(
        &self,
        key: Option<&str>,
        name: &str,
        raw: RawFile,
    ) -> Result<(), String> {
        let mut state = self.shared.state.lock();
        let now = state.stamp();
        state.id_lists.put_file(key, name, raw, now)
    }

    pub(crate) fn fault(&self, fault: Fault) {
        self.shared.state.lock().faults.script([fault]);
    }

    /// Lets through what is held by this name, now and later.
    pub(crate) fn release(&self, name: &str) {
        self.shared.release(name);
    }

    /// Forgets what was received, the faults and what was put; lets go what is held.
    pub(crate) fn reset(&self) -> Result<(), String> {
        self.shared.reset(state::Reset::ALL)
    }

    /// Every request outside `/control/`, in order of arrival.
    pub(crate) fn requests(&self) -> Vec<Arc<Record>> {
        self.shared.state.lock().records.all().cloned().collect()
    }

    pub(crate) fn requests_to(&self, endpoint: Endpoint) -> Vec<Arc<Record>> {
        let mut requests = self.requests();
        requests.retain(|record| record.endpoint == endpoint);
        requests
    }

    /// The accepted events, in order, without their envelopes.
    pub(crate) fn events(&self) -> Vec<Value> {
        self.requests()
            .iter()
            .filter(|record| record.is_accepted())
            .flat_map(|record| record.events().to_vec())
            .collect()
    }

    /// Waits until so many requests have arrived or events been accepted. False when they have not
    /// within `timeout`.
    #[must_use]
    pub(crate) fn wait_for(&self, awaited: &Awaited, count: usize, timeout: Duration) -> bool {
        self.shared.wait_for(awaited, count, timeout) >= count
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop();
    }
}

fn accept(listener: &TcpListener, shared: &Arc<Shared>) {
    let mut connections: Vec<(Arc<TcpStream>, JoinHandle<()>)> = Vec::new();
    while !shared.is_stopping() {
        let accepted = listener.accept();
        connections.retain(|(_, thread)| !thread.is_finished());
        match accepted {
            Ok((stream, peer)) if connections.len() < MAX_CONNECTIONS => {
                if let Ok(connection) = serve(stream, peer, shared) {
                    connections.push(connection);
                }
            }
            Ok((mut stream, _)) => {
                let busy = Response::error(503, "too many connections");
                drop(busy.write(&mut stream, false, &Sent::default()));
            }
            // Most likely out of file descriptors: let some connections end first.
            Err(_) => shared.pause(Duration::from_millis(20)),
        }
    }
    for (stream, _) in &connections {
        drop(stream.shutdown(Shutdown::Both));
    }
    for (_, thread) in connections {
        drop(thread.join());
    }
}

fn serve(
    stream: TcpStream,
    peer: SocketAddr,
    shared: &Arc<Shared>,
) -> io::Result<(Arc<TcpStream>, JoinHandle<()>)> {
    let stream = Arc::new(stream);
    let thread = {
        let (stream, shared) = (Arc::clone(&stream), Arc::clone(shared));
        spawn("tg-connection", move || {
            connection::serve(&stream, peer.port(), &shared);
        })?
    };
    Ok((stream, thread))
}

#[expect(
    clippy::disallowed_methods,
    reason = "a server of its own, not a part of the library with its workers"
)]
fn spawn(name: &str, body: impl FnOnce() + Send + 'static) -> io::Result<JoinHandle<()>> {
    std::thread::Builder::new()
        .name(name.to_owned())
        .spawn(body)
}
