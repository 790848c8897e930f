//! The built-in data store: a Redis server or cluster, for machines of which one asks the service
//! and all read.
//!
//! Values are plain strings, as the adapters of the vendor's SDKs keep them. The schemas of the
//! forward proxy are its own: specs are then a hash with the fields that it writes, so that both
//! can share a server, and are only ever replaced by newer ones.
//!
//! A connection is made on first use and again after it broke. Every wait has a bound; whoever
//! calls counts a server that is away as a store that failed, and goes on.

use std::time::Duration;

use redis::cluster::ClusterClientBuilder;
use redis::{
    Client, Cmd, ConnectionAddr, ConnectionInfo, ConnectionLike, ErrorKind, FromRedisValue,
    IntoConnectionInfo, RedisError, RedisResult, ServerErrorKind, TlsCertificates, cmd,
};

use crate::error::Error;
use crate::fork_cell::ForkCell;
use crate::host::DataStore;
use crate::lock::Mutex;
use crate::net::{Authorities, Http};
use crate::options::Settings;

/// For connecting, and for each wait for an answer; less if the time-out of requests is shorter.
const LONGEST_WAIT: Duration = Duration::from_secs(5);
/// Repetitions within a cluster: it has moved a key, or a node.
const CLUSTER_RETRIES: u32 = 2;
const CLUSTER_RETRY_WAIT_MS: u64 = 200;
/// What keys of the forward proxy begin with, followed by a path.
const PROXY_KEYS: &str = "statsig|/";
const EXPECTED: &str = "expected redis://[user:password@]host:port[/db], rediss:// for TLS, or \
                        redis+cluster://host:port,host:port (rediss+cluster:// for TLS)";

/// The store of one client.
pub(super) struct RedisStore {
    nodes: Vec<ConnectionInfo>,
    is_tls: bool,
    limit: Duration,
    authorities: Authorities,
    /// A forked child must not use its parent's connection.
    link: ForkCell<Mutex<Link>>,
}

struct Link {
    /// The URL says so, or the server has answered that it is part of one.
    is_cluster: bool,
    connection: Option<Connection>,
}

type Connection = Box<dyn ConnectionLike + Send>;

impl RedisStore {
    /// Reads the URL. Opens nothing.
    ///
    /// # Errors
    /// [`Error::Argument`], without the URL, which may hold a password.
    pub(super) fn new(url: &str, settings: &Settings, http: &Http) -> Result<Self, Error> {
        let (urls, is_cluster) =
            node_urls(url).ok_or_else(|| Error::argument("redis_url", EXPECTED))?;
        let nodes: RedisResult<Vec<_>> = urls
            .iter()
            .map(|url| url.as_str().into_connection_info())
            .collect();
        let nodes = nodes.map_err(|_| Error::argument("redis_url", EXPECTED))?;
        Ok(RedisStore {
            is_tls: nodes
                .iter()
                .any(|node| matches!(node.addr(), ConnectionAddr::TcpTls { .. })),
            nodes,
            limit: settings.request_timeout().min(LONGEST_WAIT),
            authorities: http.authorities(),
            link: ForkCell::new(move || {
                Mutex::new(Link {
                    is_cluster,
                    connection: None,
                })
            }),
        })
    }

    fn connect(&self, is_cluster: bool) -> RedisResult<Connection> {
        // Read anew each time: the system's store may have changed.
        let certificates = self.is_tls.then(|| TlsCertificates {
            client_tls: None,
            root_cert: Some(self.authorities.pem().into_bytes()),
        });
        if is_cluster {
            let mut builder = ClusterClientBuilder::new(self.nodes.iter().cloned())
                .retries(CLUSTER_RETRIES)
                .max_retry_wait(CLUSTER_RETRY_WAIT_MS)
                .min_retry_wait(1)
                .connection_timeout(self.limit)
                .response_timeout(self.limit);
            if let Some(certificates) = certificates {
                builder = builder.certs(certificates);
            }
            return Ok(Box::new(builder.build()?.get_connection()?));
        }
        let Some(node) = self.nodes.first().cloned() else {
            return Err((ErrorKind::InvalidClientConfig, "no server").into());
        };
        let client = match certificates {
            Some(certificates) => Client::build_with_tls(node, certificates)?,
            None => Client::open(node)?,
        };
        let connection = client.get_connection_with_timeout(self.limit)?;
        connection.set_read_timeout(Some(self.limit))?;
        connection.set_write_timeout(Some(self.limit))?;
        Ok(Box::new(connection))
    }

    /// Sends one command, over a new connection if the one that was kept does not live any more.
    fn ask<T: FromRedisValue>(&self, command: &Cmd) -> RedisResult<T> {
        let mut link = self.link.get().lock();
        loop {
            let was_kept = link.connection.is_some();
            let mut connection = match link.connection.take() {
                Some(connection) => connection,
                None => self.connect(link.is_cluster)?,
            };
            let error = match command.query(&mut *connection) {
                Ok(answer) => {
                    link.connection = Some(connection);
                    return Ok(answer);
                }
                Err(error) => error,
            };
            if is_of_cluster(&error) && !link.is_cluster {
                link.is_cluster = true;
                continue;
            }
            if matches!(error.kind(), ErrorKind::Server(_)) {
                // The server has answered, so the connection is as good as it was.
                link.connection = Some(connection);
                return Err(error);
            }
            if !was_kept || error.is_timeout() {
                return Err(error);
            }
        }
    }

    /// Specs as the forward proxy keeps them.
    fn get_hashed(&self, key: &str) -> RedisResult<Option<Vec<u8>>> {
        match self.ask(cmd("HGET").arg(key).arg("config")) {
            Err(error) if is_of_another_type(&error) => self.ask(cmd("GET").arg(key)),
            outcome => outcome,
        }
    }

    /// Leaves alone what is newer: the forward proxy, too, writes here.
    fn set_hashed(&self, key: &str, value: &[u8], time_ms: i64) -> RedisResult<()> {
        let stored = match self.ask::<Option<i64>>(cmd("HGET").arg(key).arg("lcut")) {
            Err(error) if is_of_another_type(&error) => {
                self.ask::<()>(cmd("DEL").arg(key))?;
                None
            }
            outcome => outcome?,
        };
        if stored.is_some_and(|stored| stored > time_ms) {
            return Ok(());
        }
        let mut command = cmd("HSET");
        command.arg(key).arg("encoding").arg("plain_text");
        command.arg("lcut").arg(time_ms).arg("config").arg(value);
        self.ask(&command)
    }
}

impl DataStore for RedisStore {
    fn get(&self, key: &str) -> Result<Option<Vec<u8>>, Error> {
        let found = if key.starts_with(PROXY_KEYS) {
            self.get_hashed(key)
        } else {
            self.ask(cmd("GET").arg(key))
        };
        found.map_err(|error| failed(&error))
    }

    fn set(&self, key: &str, value: &[u8], time_ms: i64) -> Result<(), Error> {
        let written = if key.starts_with(PROXY_KEYS) {
            self.set_hashed(key, value, time_ms)
        } else {
            self.ask(cmd("SET").arg(key).arg(value))
        };
        written.map_err(|error| failed(&error))
    }

    /// Who reads and who fetches is said by `initialize_sources` and `config_sync_sources`.
    fn supports_polling(&self, _: &str) -> bool {
        false
    }

    fn shutdown(&self) {
        self.link.get().lock().connection = None;
    }

    fn after_fork_child(&self) {
        self.link.renew();
    }
}

/// The URL of each server, and whether they are a cluster.
fn node_urls(url: &str) -> Option<(Vec<String>, bool)> {
    let (scheme, rest) = url.trim().split_once("://")?;
    let (scheme, is_cluster) = match scheme {
        "redis" | "rediss" | "unix" | "redis+unix" => (scheme, false),
        "redis+cluster" | "redis-cluster" => ("redis", true),
        "rediss+cluster" | "rediss-cluster" => ("rediss", true),
        _ => return None,
    };
    if !is_cluster {
        return Some((vec![format!("{scheme}://{rest}")], false));
    }
    // One user for all: `user:password@` stands before the first host only.
    let (user, hosts) = match rest.rsplit_once('@') {
        Some((user, hosts)) => (format!("{user}@"), hosts),
        None => (String::new(), rest),
    };
    let hosts = hosts.trim_end_matches('/').split(',').map(str::trim);
    let urls: Vec<String> = hosts
        .map(|host| format!("{scheme}://{user}{host}"))
        .collect();
    Some((urls, true))
}

fn is_of_cluster(error: &RedisError) -> bool {
    matches!(
        error.kind(),
        ErrorKind::Server(ServerErrorKind::Moved | ServerErrorKind::Ask)
    )
}

fn is_of_another_type(error: &RedisError) -> bool {
    error.code() == Some("WRONGTYPE")
}

/// The library's errors tell no URL and no password.
fn failed(error: &RedisError) -> Error {
    Error::Network {
        detail: format!("redis: {error}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn store(url: &str) -> Result<RedisStore, Error> {
        let settings = Settings::default();
        RedisStore::new(url, &settings, &Http::new(&settings).unwrap())
    }

    #[test]
    fn urls_of_servers_and_clusters() {
        for (url, nodes, is_cluster) in [
            ("redis://h:1", 1, false),
            ("rediss://user:p%40ss@h/2", 1, false),
            ("redis+cluster://a:1,b:2, c:3/", 3, true),
            ("redis-cluster://:pw@a", 1, true),
            ("rediss+cluster://u:p@a:1,b:2", 2, true),
        ] {
            let store = store(url).unwrap_or_else(|e| panic!("{url}: {e}"));
            assert_eq!(store.nodes.len(), nodes, "{url}");
            assert_eq!(store.link.get().lock().is_cluster, is_cluster, "{url}");
            assert_eq!(store.is_tls, url.starts_with("rediss"), "{url}");
            let secret = store.nodes[nodes - 1].redis_settings().password();
            assert_eq!(secret.is_some(), url.contains('@'), "{url}");
        }
    }

    #[test]
    fn what_is_no_url_is_refused_without_being_shown() {
        for url in [
            "",
            "h:6379",
            "http://h",
            "redis://",
            "redis://user:hunter2@h/not-a-number",
            "redis+cluster://user:hunter2@a:1,:x",
        ] {
            let error = store(url)
                .err()
                .unwrap_or_else(|| panic!("{url}"))
                .to_string();
            assert!(error.starts_with("redis_url"), "{error}");
            assert!(!error.contains("hunter2"), "{error}");
        }
    }
}
