//! Host names to addresses, remembered for a short time.
//!
//! The system's lookup cannot be interrupted, so it runs on a thread of its own when a bound is
//! wanted; at most one per host, however many requests wait for it. Remembered addresses keep
//! polling off the resolver (which is not safe to be inside of while the process forks) and bridge
//! a resolver that is down.

use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use crate::lock::{Condvar, Mutex};
use arc_swap::ArcSwap;
use ureq::config::Config;
use ureq::http::Uri;
use ureq::unversioned::resolver::{ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::NextTimeout;

use crate::clock::{Clock, SystemClock};
use crate::worker::spawn_quiet;

/// Addresses are used without asking again for this long.
const FRESH_MS: i64 = 30_000;
/// Addresses are used after a failed lookup for this long.
const STALE_MS: i64 = 3_600_000;
/// Addresses kept of one host.
const MAX_ADDRESSES: usize = 8;
/// Hosts remembered; a client talks to a handful.
const MAX_HOSTS: usize = 64;

/// How long a fork waits for lookups to end. Most take less; one that waits for a name server holds
/// no lock of the system.
const FORK_PATIENCE: Duration = Duration::from_millis(50);

/// Threads inside the system's resolver.
static LOOKUPS: AtomicUsize = AtomicUsize::new(0);

/// Before a fork: gives lookups a moment to end, as the child would inherit the resolver's locks.
pub(crate) fn wait_for_lookups() {
    let clock = SystemClock::default();
    let (nobody, never) = (Mutex::new(()), Condvar::new());
    let patience_ms = i64::try_from(FORK_PATIENCE.as_millis()).unwrap_or(0);
    while LOOKUPS.load(Ordering::Acquire) > 0 && clock.monotonic_ms() < patience_ms {
        drop(never.wait_for(nobody.lock(), Duration::from_millis(1)));
    }
}

/// In a forked child, where the threads inside the resolver are gone.
pub(super) fn forget_lookups() {
    LOOKUPS.store(0, Ordering::Release);
}

fn look_up(host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
    LOOKUPS.fetch_add(1, Ordering::AcqRel);
    let found = (host, port).to_socket_addrs();
    // A fork may have set the count back meanwhile.
    let _ = LOOKUPS.fetch_update(Ordering::AcqRel, Ordering::Acquire, |n| n.checked_sub(1));
    found.map(Iterator::collect)
}

/// Who runs a lookup that has a bound.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum LookupThread {
    /// A short-lived thread, so that the bound holds.
    Own,
    /// The calling thread; the bound is the system resolver's own.
    Caller,
}

type Key = (String, u16);

/// Addresses by host, common to the pools of a client. Swapped, not locked: a forked child goes on
/// with what its parent knew, and so does not need the system's resolver, whose locks a thread of
/// the host may have held during the fork.
pub(super) struct Known {
    clock: SystemClock,
    hosts: ArcSwap<HashMap<Key, Found>>,
}

#[derive(Clone)]
struct Found {
    addresses: Vec<SocketAddr>,
    at_ms: i64,
}

impl Known {
    pub(super) fn new() -> Arc<Known> {
        Arc::new(Known {
            clock: SystemClock::default(),
            hosts: ArcSwap::default(),
        })
    }

    /// The addresses of a host, and how old they are.
    fn get(&self, key: &Key) -> Option<(Vec<SocketAddr>, i64)> {
        let hosts = self.hosts.load();
        let found = hosts.get(key)?;
        let age_ms = self.clock.monotonic_ms() - found.at_ms;
        Some((found.addresses.clone(), age_ms))
    }

    fn put(&self, key: &Key, addresses: &[SocketAddr]) {
        let found = Found {
            addresses: addresses.iter().copied().take(MAX_ADDRESSES).collect(),
            at_ms: self.clock.monotonic_ms(),
        };
        self.hosts.rcu(|hosts| {
            let mut next = HashMap::clone(hosts);
            if next.len() >= MAX_HOSTS && !next.contains_key(key) {
                next.clear();
            }
            next.insert(key.clone(), found.clone());
            next
        });
    }

    fn expire(&self, key: &Key) {
        let latest_ms = self.clock.monotonic_ms() - FRESH_MS;
        self.hosts.rcu(|hosts| {
            let mut next = HashMap::clone(hosts);
            if let Some(found) = next.get_mut(key) {
                found.at_ms = found.at_ms.min(latest_ms);
            }
            next
        });
    }
}

#[derive(Clone)]
pub(super) struct CachingResolver {
    shared: Arc<Shared>,
    thread: LookupThread,
}

struct Shared {
    clock: SystemClock,
    known: Arc<Known>,
    hosts: Mutex<HashMap<Key, Host>>,
    /// Notified when a lookup ends.
    ended: Condvar,
}

#[derive(Default)]
struct Host {
    is_running: bool,
    /// Lookups that ended, and how the last one did if it failed.
    ended: u64,
    failure: Option<String>,
}

impl CachingResolver {
    pub(super) fn new(thread: LookupThread, known: Arc<Known>) -> Self {
        CachingResolver {
            shared: Arc::new(Shared {
                clock: SystemClock::default(),
                known,
                hosts: Mutex::new(HashMap::new()),
                ended: Condvar::new(),
            }),
            thread,
        }
    }

    /// Makes the next request to `host` look it up again, because connecting did not work.
    pub(super) fn expire(&self, host: &str, port: u16) {
        self.shared.known.expire(&(host.to_owned(), port));
    }

    pub(super) fn addresses(
        &self,
        host: &str,
        port: u16,
        bound: Option<Duration>,
    ) -> Result<Vec<SocketAddr>, ureq::Error> {
        if let Ok(ip) = host.parse::<IpAddr>() {
            return Ok(vec![SocketAddr::new(ip, port)]);
        }
        let key = (host.to_owned(), port);
        let shared = &self.shared;
        let known = shared.known.get(&key);
        if let Some((addresses, age_ms)) = &known
            && *age_ms < FRESH_MS
        {
            return Ok(addresses.clone());
        }
        let mut hosts = shared.hosts.lock();
        if hosts.len() >= MAX_HOSTS && !hosts.contains_key(&key) {
            hosts.retain(|_, entry| entry.is_running);
        }
        let entry = hosts.entry(key.clone()).or_default();
        let now = shared.clock.monotonic_ms();
        let before = entry.ended;
        if entry.is_running {
            // It takes long, or will never end; old addresses are better than waiting for it.
            if let Some((addresses, _)) = known {
                return Ok(addresses);
            }
        } else {
            entry.is_running = true;
            drop(hosts);
            self.start(&key, bound);
            hosts = shared.hosts.lock();
        }
        let deadline =
            bound.map(|bound| now + i64::try_from(bound.as_millis()).unwrap_or(i64::MAX / 2));
        loop {
            let entry = hosts.entry(key.clone()).or_default();
            if entry.ended != before {
                break;
            }
            let Some(deadline) = deadline else {
                hosts = shared.ended.wait(hosts);
                continue;
            };
            let left = u64::try_from(deadline - shared.clock.monotonic_ms()).unwrap_or(0);
            if left == 0 {
                break;
            }
            hosts = shared.ended.wait_for(hosts, Duration::from_millis(left));
        }
        let entry = hosts.entry(key.clone()).or_default();
        if let Some((addresses, age_ms)) = shared.known.get(&key)
            && age_ms < STALE_MS
        {
            return Ok(addresses);
        }
        if entry.ended == before {
            return Err(ureq::Error::Timeout(ureq::Timeout::Resolve));
        }
        Err(match &entry.failure {
            Some(why) => {
                ureq::Error::Io(io::Error::new(io::ErrorKind::HostUnreachable, why.clone()))
            }
            None => ureq::Error::HostNotFound,
        })
    }

    fn start(&self, key: &(String, u16), bound: Option<Duration>) {
        let shared = Arc::clone(&self.shared);
        let (host, port) = key.clone();
        let lookup = move || {
            let found = look_up(&host, port);
            shared.finish((host, port), found);
        };
        if bound.is_none() || self.thread == LookupThread::Caller {
            lookup();
        } else if let Err(error) = spawn_quiet("tg-dns", lookup) {
            let failed = Err(io::Error::other(error.to_string()));
            self.shared.finish(key.clone(), failed);
        }
    }
}

impl Shared {
    fn finish(&self, key: Key, found: io::Result<Vec<SocketAddr>>) {
        if let Ok(addresses) = &found
            && !addresses.is_empty()
        {
            self.known.put(&key, addresses);
        }
        let mut hosts = self.hosts.lock();
        let entry = hosts.entry(key).or_default();
        entry.is_running = false;
        entry.ended += 1;
        entry.failure = found
            .err()
            .map(|error| format!("cannot look up the host: {error}"));
        drop(hosts);
        self.ended.notify_all();
    }
}

impl Resolver for CachingResolver {
    fn resolve(
        &self,
        uri: &Uri,
        _: &Config,
        timeout: NextTimeout,
    ) -> Result<ResolvedSocketAddrs, ureq::Error> {
        let host = uri.host().ok_or(ureq::Error::HostNotFound)?;
        let host = host.trim_start_matches('[').trim_end_matches(']');
        let port = uri.port_u16().unwrap_or(match uri.scheme_str() {
            Some("https") => 443,
            Some("http") => 80,
            _ => 1080,
        });
        let bound = (!timeout.after.is_not_happening()).then_some(*timeout.after);
        let mut out = self.empty();
        for address in self.addresses(&host.to_ascii_lowercase(), port, bound)? {
            out.push(address);
        }
        Ok(out)
    }
}

impl std::fmt::Debug for CachingResolver {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CachingResolver").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_need_no_lookup() {
        let resolver = CachingResolver::new(LookupThread::Own, Known::new());
        let found = resolver
            .addresses("::1", 9, Some(Duration::ZERO))
            .expect("no lookup");
        assert_eq!(found, ["[::1]:9".parse().unwrap()]);
        assert!(resolver.shared.hosts.lock().is_empty());
    }

    #[test]
    fn names_are_looked_up_once_and_remembered() {
        for thread in [LookupThread::Own, LookupThread::Caller] {
            let resolver = CachingResolver::new(thread, Known::new());
            let first = resolver
                .addresses("localhost", 9, Some(Duration::from_secs(30)))
                .expect("localhost resolves");
            assert!(first.iter().all(|address| address.ip().is_loopback()));
            resolver
                .addresses("localhost", 9, None)
                .expect("remembered");
            let key = ("localhost".to_owned(), 9);
            assert_eq!(resolver.shared.hosts.lock().get(&key).unwrap().ended, 1);
            resolver.expire("localhost", 9);
            resolver
                .addresses("localhost", 9, None)
                .expect("looked up again");
            assert_eq!(resolver.shared.hosts.lock().get(&key).unwrap().ended, 2);
        }
    }

    #[test]
    fn old_addresses_bridge_a_failing_lookup() {
        let resolver = CachingResolver::new(LookupThread::Caller, Known::new());
        let known: SocketAddr = "192.0.2.1:9".parse().unwrap();
        resolver
            .shared
            .known
            .put(&("no-such-host.invalid".to_owned(), 9), &[known]);
        resolver.expire("no-such-host.invalid", 9);
        let found = resolver
            .addresses("no-such-host.invalid", 9, None)
            .expect("stale");
        assert_eq!(found, [known]);
        assert!(resolver.addresses("other-host.invalid", 9, None).is_err());
    }

    #[test]
    fn a_lookup_that_never_ends_is_waited_for_once() {
        let known = Known::new();
        let parents: SocketAddr = "192.0.2.1:9".parse().unwrap();
        let key = ("a.test".to_owned(), 9);
        known.put(&key, &[parents]);
        // Another pool, such as that of a forked child, goes on with what is known.
        let resolver = CachingResolver::new(LookupThread::Own, known);
        assert_eq!(resolver.addresses("a.test", 9, None).unwrap(), [parents]);
        resolver.expire("a.test", 9);
        let stuck = Host {
            is_running: true,
            ..Host::default()
        };
        resolver.shared.hosts.lock().insert(key, stuck);
        assert_eq!(resolver.addresses("a.test", 9, None).unwrap(), [parents]);
    }
}
