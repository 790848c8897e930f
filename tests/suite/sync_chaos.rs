//! A service that answers as it likes, and two clients that must not be impressed.
//!
//! What an answer is, is drawn by the number of the request from a seed: good, stale, garbage, cut
//! off, slow, refused, redirected, a bomb. Whatever comes, no evaluation gives a value that was
//! never published or goes back in time, nothing crashes or leaks, and a good answer is in use soon.
//! `CHAOS_SECONDS` says how long (`make chaos`), `CHAOS_SEED` repeats a run.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use serde_json::{Value, json};
use tidegate::client::{Client, Flags};
use tidegate::error::Error;
use tidegate::eval::Kind as Entity;
use tidegate::host::{DataStore, Hooks, Metrics};
use tidegate::user::User;

use crate::support::packing::gzip;
use crate::support::scripted::{Framing, Recorded, Reply, Server, wait_until};
use crate::support::service::{client, merge, options};

/// Of the first version of the rules.
const BASE_TIME: u64 = 1_000;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Good,
    Packed,
    NoUpdate,
    Stale,
    Garbage,
    /// Well-formed, with values that were never published, made for another key.
    Foreign,
    Truncated,
    BadGzip,
    Slow,
    Hanging,
    Silent,
    Refused,
    Redirect,
    RedirectAway,
    RedirectLoop,
    Bomb,
    Failing,
    Busy,
}

/// What is drawn, and how often.
const KINDS: &[(Kind, u32)] = &[
    (Kind::Good, 16),
    (Kind::Packed, 10),
    (Kind::NoUpdate, 4),
    (Kind::Stale, 8),
    (Kind::Garbage, 8),
    (Kind::Foreign, 5),
    (Kind::Truncated, 8),
    (Kind::BadGzip, 4),
    (Kind::Slow, 6),
    (Kind::Hanging, 2),
    (Kind::Silent, 6),
    (Kind::Refused, 6),
    (Kind::Redirect, 5),
    (Kind::RedirectAway, 3),
    (Kind::RedirectLoop, 2),
    (Kind::Bomb, 2),
    (Kind::Failing, 6),
    (Kind::Busy, 2),
];

/// What the servers and the observers share.
struct World {
    seed: u64,
    /// A new version of the rules and of the list is published this often.
    version_ms: u64,
    start: Instant,
    /// From here on every answer is good.
    is_over: AtomicBool,
    bomb: Vec<u8>,
    /// Nobody listens there.
    refused: String,
    /// Another host, which must never see the key.
    away: String,
    counts: Mutex<BTreeMap<String, u64>>,
    drawn: Mutex<BTreeMap<Kind, u64>>,
    /// The version in the answer that a client is about to get, if that is a good one. Its
    /// requests for specs follow one after the other.
    coming: Mutex<BTreeMap<String, Option<u64>>>,
    /// Good answers: who got them, which version, and when they were complete.
    good: Mutex<Vec<(&'static str, u64, Instant)>>,
}

/// Learns from a client's metrics that an answer has arrived: one that the client has given up on
/// was sent in vain.
struct Arrivals {
    who: &'static str,
    world: Arc<World>,
}

impl Metrics for Arrivals {
    fn increment(&self, _: &str, _: f64, _: &str) {}

    fn gauge(&self, _: &str, _: f64, _: &str) {}

    fn distribution(&self, name: &str, _: f64, tags: &str) {
        let is_answer = name == "statsig.sdk.network_request.latency"
            && tags.contains("download_config_specs")
            && tags.contains(r#""is_success":"true""#);
        if !is_answer {
            return;
        }
        let coming = self
            .world
            .coming
            .lock()
            .get_mut(self.who)
            .and_then(Option::take);
        if let Some(version) = coming {
            self.world
                .good
                .lock()
                .push((self.who, version, Instant::now()));
        }
    }
}

impl World {
    /// The version that is published now.
    fn version(&self) -> u64 {
        let elapsed_ms = u64::try_from(self.start.elapsed().as_millis()).expect("small");
        elapsed_ms / self.version_ms + 1
    }

    /// The next draw for one client and endpoint: a generator that a seed repeats.
    fn random(&self, stream: &str) -> fastrand::Rng {
        let mut counts = self.counts.lock();
        let count = counts.entry(stream.to_owned()).or_default();
        *count += 1;
        let name = stream
            .bytes()
            .fold(0, |sum: u64, byte| sum.wrapping_mul(31) ^ u64::from(byte));
        fastrand::Rng::with_seed(self.seed ^ (name << 20) ^ *count)
    }

    fn draw(&self, random: &mut fastrand::Rng) -> Kind {
        if self.is_over.load(Ordering::SeqCst) {
            return Kind::Good;
        }
        let total = KINDS.iter().map(|(_, share)| share).sum();
        let mut left = random.u32(0..total);
        let drawn = KINDS.iter().find(|(_, share)| {
            let is_here = left < *share;
            left = left.wrapping_sub(*share);
            is_here
        });
        let kind = drawn.expect("within the total").0;
        *self.drawn.lock().entry(kind).or_default() += 1;
        kind
    }
}

/// Rules whose two configs tell the version, of some kilobytes.
fn rules(version: u64, hashed_key: Option<&str>) -> String {
    let config = |name: &str, value: i64| {
        json!({
            "name": name, "type": "dynamic_config", "entity": "dynamic_config", "salt": "s",
            "enabled": true, "idType": "userID", "rules": [],
            "defaultValue": {"version": value, "twin": value},
        })
    };
    let value = match hashed_key {
        None => i64::try_from(version).expect("small"),
        Some(_) => -1,
    };
    let mut document = json!({
        "time": BASE_TIME + version, "has_updates": true, "feature_gates": [],
        "dynamic_configs": [config("first", value), config("second", value)],
        "layer_configs": [], "layers": {}, "padding": "x".repeat(20_000),
    });
    if let Some(hash) = hashed_key {
        document["hashed_sdk_key_used"] = json!(hash);
        document["time"] = json!(BASE_TIME + version + 1_000_000);
    }
    document.to_string()
}

/// The list's file: each version adds one id and takes away the one before it.
fn list_file(version: u64) -> String {
    let mut text = "+id000001\n".to_owned();
    for version in 2..=version {
        let _ = write!(text, "+id{version:06}\n-id{:06}\n", version - 1);
    }
    text
}

/// An answer of a kind, where a good one would be `good` and an older one `stale`.
fn reply(world: &World, kind: Kind, random: &mut fastrand::Rng, good: &str, stale: &str) -> Reply {
    match kind {
        Kind::Good => Reply::json(good),
        Kind::Packed => Reply::json(gzip(good.as_bytes())).header("Content-Encoding", "gzip"),
        Kind::NoUpdate => Reply::json(r#"{"has_updates":false}"#),
        Kind::Stale => Reply::json(stale),
        Kind::Garbage => {
            let garbage = [
                b"[]".to_vec(),
                b"{}".to_vec(),
                b"null".to_vec(),
                b"{\"time\":".to_vec(),
                b"<html>login</html>".to_vec(),
                vec![0xff; 2000],
                Vec::new(),
                (0..3000).map(|_| random.u8(..)).collect(),
            ];
            let body = garbage[random.usize(..garbage.len())].clone();
            Reply::json(body)
        }
        Kind::Foreign => Reply::json(rules(world.version(), Some("1"))),
        Kind::Truncated => {
            Reply::json(good).framing(Framing::CutAt(random.usize(..good.len().max(1))))
        }
        Kind::BadGzip => {
            let packed = gzip(good.as_bytes());
            let cut = packed[..random.usize(..packed.len())].to_vec();
            Reply::json(cut).header("Content-Encoding", "gzip")
        }
        Kind::Slow => Reply::json(good).delay(random.u64(50..300)),
        Kind::Hanging => Reply::json(good).delay(5_000),
        Kind::Silent => Reply::no_answer(),
        Kind::Refused => Reply::status(302).header("Location", &world.refused),
        Kind::Redirect => Reply::status(307).header("Location", "/moved"),
        Kind::RedirectAway => Reply::status(302).header("Location", &world.away),
        Kind::RedirectLoop => Reply::status(301).header("Location", "/loop"),
        Kind::Bomb => Reply::json(world.bomb.clone()).header("Content-Encoding", "gzip"),
        Kind::Failing => {
            let statuses = [400, 401, 403, 404, 500, 502, 503, 504];
            Reply::status(statuses[random.usize(..statuses.len())])
        }
        Kind::Busy => Reply::status(429).header("Retry-After", "1"),
    }
}

fn answer(world: &World, server: &str, request: &Recorded) -> Reply {
    let who = request
        .header("x-request-service")
        .unwrap_or("nobody")
        .to_owned();
    let path = request.path();
    let version = world.version();
    if path.contains("/download_config_specs/") || path == "/moved" {
        let mut random = world.random(&format!("{who} specs"));
        let kind = if path == "/moved" {
            Kind::Good
        } else {
            world.draw(&mut random)
        };
        let stale = rules(1 + random.u64(..version), None);
        let reply = reply(world, kind, &mut random, &rules(version, None), &stale);
        let is_good = matches!(kind, Kind::Good | Kind::Packed | Kind::Slow);
        world.coming.lock().insert(who, is_good.then_some(version));
        return reply;
    }
    if path == "/loop" {
        return Reply::status(302).header("Location", "/loop");
    }
    if path.contains("/get_id_lists") {
        let mut random = world.random(&format!("{who} lists"));
        let manifest = |version: u64| {
            json!({"l": {
                "name": "l", "size": list_file(version).len(), "fileID": "f1", "creationTime": 1,
                "url": format!("{server}/file/l"),
            }})
            .to_string()
        };
        let mut kind = world.draw(&mut random);
        if matches!(kind, Kind::Foreign | Kind::Redirect | Kind::NoUpdate) {
            kind = Kind::Good;
        }
        // An object without lists would rightly drop them.
        let reply = reply(world, kind, &mut random, &manifest(version), &manifest(1));
        return if kind == Kind::Garbage && reply.body == b"{}" {
            Reply::status(500)
        } else {
            reply
        };
    }
    if path == "/file/l" {
        return file(world, &who, version, request);
    }
    let mut random = world.random(&format!("{who} events"));
    Reply::status([202, 202, 400, 429, 500, 503][random.usize(..6)])
}

fn file(world: &World, who: &str, version: u64, request: &Recorded) -> Reply {
    let mut random = world.random(&format!("{who} file"));
    let whole = list_file(version);
    let start = request.header("range").and_then(|range| {
        range
            .strip_prefix("bytes=")?
            .strip_suffix('-')?
            .parse()
            .ok()
    });
    let start = start.filter(|start| *start < whole.len());
    let Some(start) = start else {
        return Reply::status(416);
    };
    let part = &whole[start..];
    let range = format!("bytes {start}-{}/{}", whole.len() - 1, whole.len());
    let good = Reply::new(206, part).header("Content-Range", &range);
    match world.draw(&mut random) {
        Kind::Stale => Reply::new(200, whole),
        Kind::Garbage => Reply::new(206, "garbage"),
        Kind::Foreign => Reply::new(206, "+wrong\n").header("Content-Range", "bytes 7-13/99"),
        Kind::Truncated => good.framing(Framing::CutAt(random.usize(..part.len()))),
        Kind::NoUpdate => Reply::status(416),
        Kind::Slow => good.delay(100),
        Kind::Packed => good.framing(Framing::Chunked),
        Kind::Good => good,
        kind => reply(world, kind, &mut random, "", ""),
    }
}

/// A store that is as reliable as the service.
struct Fickle {
    world: Arc<World>,
    value: Mutex<Option<Vec<u8>>>,
}

impl Fickle {
    fn draw(&self) -> u8 {
        if self.world.is_over.load(Ordering::SeqCst) {
            return 0;
        }
        self.world.random("store").u8(..8)
    }
}

impl DataStore for Fickle {
    fn get(&self, key: &str) -> Result<Option<Vec<u8>>, Error> {
        match self.draw() {
            // Without what a panic prints.
            1 => std::panic::resume_unwind(Box::new("the store's own defect")),
            2 => Err(Error::Network {
                detail: "away".to_owned(),
            }),
            3 => Ok(Some(vec![0xff; 100])),
            4 => Ok(None),
            _ => Ok(self.value.lock().clone().filter(|_| key == "statsig.cache")),
        }
    }

    fn set(&self, key: &str, value: &[u8], _: i64) -> Result<(), Error> {
        match self.draw() {
            // Without what a panic prints.
            1 => std::panic::resume_unwind(Box::new("the store's own defect")),
            2 => Err(Error::Network {
                detail: "full".to_owned(),
            }),
            _ => {
                if key == "statsig.cache" {
                    *self.value.lock() = Some(value.to_vec());
                }
                Ok(())
            }
        }
    }

    fn supports_polling(&self, _: &str) -> bool {
        self.draw() == 5
    }

    fn shutdown(&self) {}
}

/// Evaluates without pause and checks what comes out. Returns the longest time that a good answer
/// took to be in use.
fn observe(world: &World, client: &Arc<Client>, who: &str, until: &AtomicBool) -> Duration {
    let user = Arc::new(User::from_json(r#"{"userID": "u"}"#).expect("a user"));
    let (mut seen, mut checked, mut slowest) = (0, 0, Duration::ZERO);
    while !until.load(Ordering::SeqCst) {
        // Before looking, so that a pause of this thread is not taken for one of the client.
        let now = Instant::now();
        for config in ["first", "second"] {
            let found = client.evaluate(Entity::Config, &user, config, Flags::default());
            let found = found.expect("an evaluation");
            let (version, twin) = (found.get_i64("version"), found.get_i64("twin"));
            assert_eq!(version, twin, "torn");
            let version = u64::try_from(version.unwrap_or(0)).expect("made for another key");
            assert!(version >= seen, "{who} went back from {seen} to {version}");
            assert!(version <= world.version(), "{version} was never published");
            seen = version;
        }
        let snapshot = client.context().store.load_full();
        let list = snapshot.id_lists.get("l");
        assert!(list.is_none_or(|list| list.len() == 1), "half a list");
        let good = world.good.lock();
        for (whose, version, complete) in &good[checked..] {
            if *whose == who && seen < *version && now > *complete {
                slowest = slowest.max(now - *complete);
            }
        }
        // Those that were overtaken need no second look.
        while checked < good.len() && (good[checked].0 != who || good[checked].1 <= seen) {
            checked += 1;
        }
        drop(good);
        std::thread::park_timeout(Duration::from_millis(2));
    }
    slowest
}

/// Threads of the library, open files, and resident memory of this process.
fn resources() -> (usize, usize, usize) {
    let entries = |folder: &str| std::fs::read_dir(folder).map_or(0, Iterator::count);
    let threads = std::fs::read_dir("/proc/self/task").map_or(0, |tasks| {
        let names = tasks
            .flatten()
            .filter_map(|task| std::fs::read_to_string(task.path().join("comm")).ok());
        names.filter(|name| name.starts_with("tg-")).count()
    });
    let pages = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let resident = pages
        .split(' ')
        .nth(1)
        .and_then(|pages| pages.parse::<usize>().ok());
    (
        threads,
        entries("/proc/self/fd"),
        resident.unwrap_or(0) * 4096,
    )
}

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok().and_then(|text| text.parse().ok())
}

#[test]
fn chaos_harms_nobody() {
    let asked = number("CHAOS_SECONDS");
    let is_alone = asked.is_some();
    let seconds = asked.unwrap_or(5);
    let seed = number("CHAOS_SEED").unwrap_or_else(|| fastrand::u64(..1 << 32));
    println!("chaos for {seconds} s, CHAOS_SEED={seed}");
    let (threads, files, _) = resources();
    // Two of these are the time within which a good answer must be in use.
    let interval = Duration::from_millis(if is_alone { 500 } else { 100 });

    let refused = TcpListener::bind("127.0.0.1:0").expect("a port");
    let refused = format!("http://{}/x", refused.local_addr().expect("an address"));
    let away = Server::start(|_| Reply::json("{}"));
    let port = away.address().port();
    let world = Arc::new(World {
        seed,
        version_ms: if is_alone { 700 } else { 150 },
        start: Instant::now(),
        is_over: AtomicBool::new(false),
        // Over the limit of specs only in a run that has the time to unpack that much.
        bomb: gzip(&vec![b' '; if is_alone { 257 << 20 } else { 33 << 20 }]),
        refused,
        away: format!("http://localhost:{port}/v1/download_config_specs/secret-key.json"),
        counts: Mutex::default(),
        coming: Mutex::default(),
        drawn: Mutex::default(),
        good: Mutex::default(),
    });
    let (answering, address) = (Arc::clone(&world), Arc::new(Mutex::new(String::new())));
    let own = Arc::clone(&address);
    let server = Server::start(move |request| answer(&answering, &own.lock(), request));
    *address.lock() = server.url("");

    let folder = std::path::PathBuf::from(env!("CARGO_TARGET_TMPDIR"))
        .join(format!("chaos-{}", std::process::id()));
    let common = json!({
        "rulesets_sync_interval": interval.as_secs_f64(), "timeout": 1, "sync_jitter": 0.1,
        "idlists_sync_interval": interval.as_secs_f64(), "init_timeout": 1, "logging_interval": 1,
    });
    let with = |more: Value| {
        let mut all = options(&server, common.clone());
        merge(&mut all, more);
        all
    };
    let told = Arc::new(AtomicU64::new(0));
    let last_told = Arc::clone(&told);
    let arrivals = |who| -> Option<Arc<dyn Metrics>> {
        let world = Arc::clone(&world);
        Some(Arc::new(Arrivals { who, world }))
    };
    let plain = Hooks {
        metrics: arrivals("plain"),
        rules_updated: Some(Arc::new(move |time, _| {
            let time = u64::try_from(time).expect("a time");
            let before = last_told.swap(time, Ordering::SeqCst);
            assert!(time >= before, "told of {time} after {before}");
        })),
        ..Hooks::default()
    };
    let stored = Hooks {
        metrics: arrivals("stored"),
        data_store: Some(Arc::new(Fickle {
            world: Arc::clone(&world),
            value: Mutex::default(),
        })),
        ..Hooks::default()
    };
    let clients = [
        (
            "plain",
            client(&with(json!({"service_name": "plain"})), plain),
        ),
        (
            "stored",
            client(
                &with(json!({
                    "service_name": "stored", "spec_cache_dir": folder,
                    "fallback_to_statsig_api": true, "api_for_statsig_network": server.url("/c"),
                })),
                stored,
            ),
        ),
    ];
    for (_, client) in &clients {
        client.initialize(60_000).expect("initialized");
    }
    let until = Arc::new(AtomicBool::new(false));
    let observers: Vec<_> = clients
        .iter()
        .map(|(who, client)| {
            let (world, client, until) =
                (Arc::clone(&world), Arc::clone(client), Arc::clone(&until));
            let who = *who;
            std::thread::spawn(move || observe(&world, &client, who, &until))
        })
        .collect();
    let end = world.start + Duration::from_secs(seconds);
    // The least of a while: now and then a bomb goes off.
    let mut early = usize::MAX;
    while Instant::now() < end {
        std::thread::park_timeout(Duration::from_millis(100));
        if Instant::now() < world.start + Duration::from_secs(seconds / 4) {
            early = early.min(resources().2);
        }
    }

    world.is_over.store(true, Ordering::SeqCst);
    let published = world.version();
    for (who, client) in &clients {
        wait_until(&format!("{who} is fresh"), || {
            let snapshot = client.context().store.load_full();
            let list = snapshot.id_lists.get("l").cloned();
            let newest = (published..=world.version()).any(|version| {
                let id = format!("id{version:06}");
                let key = u64::from_le_bytes(id.as_bytes().try_into().expect("eight bytes"));
                list.as_ref().is_some_and(|list| list.contains(key))
            });
            snapshot.specs.lcut >= i64::try_from(BASE_TIME + published).expect("small") && newest
        });
    }
    until.store(true, Ordering::SeqCst);
    let slowest = observers
        .into_iter()
        .map(|observer| observer.join().expect("no wrong value"));
    let slowest = slowest.max().expect("two");
    for (_, client) in &clients {
        client.shutdown(30_000).expect("shut down");
    }
    drop(clients);
    let _ = std::fs::remove_dir_all(folder);

    let seen = format!("{:?}", away.requests());
    assert!(!seen.contains("secret-key"), "{seen}");
    let drawn = world.drawn.lock().clone();
    println!("answers: {drawn:?}");
    let arrived = world.good.lock().len();
    println!(
        "requests: {}, good answers that arrived: {arrived}, in use after at most {slowest:?}",
        server.requests().len()
    );
    assert!(arrived > 0, "no good answer has arrived");
    if is_alone {
        assert!(slowest <= 2 * interval, "a good answer took {slowest:?}");
        assert!(drawn.len() == KINDS.len(), "not everything was drawn");
        wait_until("threads and files are gone", || {
            drop(std::net::TcpStream::connect(server.address()));
            let (threads_now, files_now, _) = resources();
            // The servers' own: listeners, and connections that are about to end.
            threads_now <= threads && files_now <= files + 8
        });
        wait_until("memory is given back", || {
            resources().2 < early + (64 << 20)
        });
        println!("resident: {early} early on, {} at the end", resources().2);
    }
}
