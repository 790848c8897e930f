//! A process that logs numbered events is killed at random moments, again and again: whatever was
//! promised arrives in the end, and what arrives twice comes under one id.

use std::collections::HashMap;
use std::fs::File;
use std::os::fd::AsRawFd;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use serde_json::{Value, json};
use tidegate::exposure::EventValue;
use tidegate::host::Hooks;

use crate::support::c_api::{Client, Person};
use crate::support::events::{KEY, PATIENCE, silent_rules};
use crate::support::sink::{Mood, Sink};
use crate::support::temp_dir::TempDir;

/// The option `event_spool_sync_ms` of the victims: its default.
const SYNC_MS: u64 = 50;
/// Numbers there is room for.
const NUMBERS_MAX: usize = 4 << 20;
const DIR: &str = "TIDEGATE_TEST_DIR";
const API: &str = "TIDEGATE_TEST_API";

/// Which events were promised to arrive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Promise {
    /// Those of which the stats said that they are not in memory only. Holds on any machine.
    Told,
    /// Those that were accepted as long before the kill as the option says, too. Holds if the
    /// machine lets threads run when they are due.
    InTime,
}

/// When each event was accepted, in memory that processes share, so that a killed one leaves it.
struct Ledger {
    times_ns: &'static [AtomicU64],
    /// How many of them are safe by what the stats said.
    told: &'static AtomicU64,
    /// How many were about to be logged. Who is killed in between may have logged the last.
    begun: &'static AtomicU64,
}

impl Ledger {
    fn open(dir: &Path) -> Ledger {
        let len = (NUMBERS_MAX + 2) * size_of::<AtomicU64>();
        let file = File::options()
            .create(true)
            .truncate(false)
            .read(true)
            .write(true)
            .open(dir.join("ledger"))
            .expect("a file");
        file.set_len(len as u64).expect("a sparse file");
        let access = libc::PROT_READ | libc::PROT_WRITE;
        let (shared, file) = (libc::MAP_SHARED, file.as_raw_fd());
        // SAFETY: a fresh mapping of a file of this length, which nobody ever unmaps.
        let start = unsafe { libc::mmap(std::ptr::null_mut(), len, access, shared, file, 0) };
        assert_ne!(start, libc::MAP_FAILED, "mapped");
        // SAFETY: as long as the mapping, aligned to a page, and any bits are a number.
        let cells = unsafe { std::slice::from_raw_parts(start.cast(), NUMBERS_MAX + 2) };
        let [told, begun, times_ns @ ..] = cells else {
            panic!("no cells");
        };
        Ledger {
            times_ns,
            told,
            begun,
        }
    }

    fn time_ns(&self, number: usize) -> u64 {
        self.times_ns[number].load(Ordering::Acquire)
    }

    /// The first number that nobody has tried to log.
    fn next(&self) -> usize {
        usize::try_from(self.begun.load(Ordering::Acquire)).expect("small")
    }

    fn accepted(&self, number: usize) {
        self.times_ns[number].store(now_ns(), Ordering::Release);
    }

    /// The first number at or after `from` that was not accepted.
    fn end(&self, from: usize) -> usize {
        (from..NUMBERS_MAX)
            .find(|number| self.time_ns(*number) == 0)
            .expect("room")
    }
}

/// Time of a clock that all processes share.
fn now_ns() -> u64 {
    let mut time = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    // SAFETY: the place is writable.
    let status = unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC, &raw mut time) };
    assert_eq!(status, 0);
    let (seconds, rest) = (time.tv_sec.unsigned_abs(), time.tv_nsec.unsigned_abs());
    seconds * 1_000_000_000 + rest
}

fn client(dir: &Path, api: &str) -> Client {
    let options = json!({
        "api": api, "event_spool_dir": dir.join("spool"), "event_spool_sync_ms": SYNC_MS,
        "event_queue_size": 50, "retry_queue_size": 4, "disable_diagnostics": true,
        "disable_error_reporting": true, "rulesets_sync_interval": 3600,
        "idlists_sync_interval": 3600, "timeout": 2,
        "bootstrap_values": silent_rules(json!({})).to_string(),
    });
    let client = Client::new(KEY, &options.to_string(), &Hooks::default()).expect("a client");
    client.initialize(60_000).expect("initialized");
    client
}

/// Logs one event after the other until it is killed.
#[test]
#[ignore = "runs in a process that another test starts, and kills"]
fn victim() {
    let dir = std::env::var(DIR).expect("started by a test");
    let api = std::env::var(API).expect("started by a test");
    let ledger = Ledger::open(Path::new(&dir));
    let client = client(Path::new(&dir), &api);
    let user = Person::from_json(r#"{"userID":"u"}"#).expect("a user");
    for number in ledger.next().. {
        ledger.begun.store(number as u64 + 1, Ordering::Release);
        let value = EventValue::Number(number as f64);
        client
            .log_event(&user, "numbered", value, None)
            .expect("accepted");
        ledger.accepted(number);
        if number % 16 == 0 {
            std::thread::sleep(Duration::from_millis(1));
            if client.stats()["events"]["queued"] == 0 {
                ledger.told.store(number as u64 + 1, Ordering::Release);
            }
        }
    }
}

fn start_victim(dir: &Path, api: &str) -> Child {
    Command::new(std::env::current_exe().expect("a path"))
        .args(["--exact", "events_crash::victim", "--ignored"])
        .env(DIR, dir)
        .env(API, api)
        .stdout(Stdio::null())
        .spawn()
        .expect("started")
}

/// What the server has of each number: the batches it came in.
type Received = Arc<Mutex<HashMap<usize, Vec<String>>>>;

fn server(received: &Received) -> Sink {
    let received = Arc::clone(received);
    Sink::start(silent_rules(json!({})).to_string(), move |batch| {
        let body: Value = serde_json::from_str(&batch.text()).expect("JSON");
        let id = body["statsigMetadata"]["batchID"].as_str().expect("an id");
        let mut received = received.lock();
        for event in body["events"].as_array().expect("events") {
            let number = event["value"].as_u64().expect("a number");
            let number = usize::try_from(number).expect("small");
            received.entry(number).or_default().push(id.to_owned());
        }
    })
}

fn crash(kills: u32, seed: u64, promise: Promise) {
    let dir = TempDir::new();
    let ledger = Ledger::open(&dir.0);
    let received = Received::default();
    let server = server(&received);
    let mut chance = fastrand::Rng::with_seed(seed);
    let (mut first, mut promised) = (0, Vec::new());
    let mut lives = Vec::new();
    for kill in 0..kills {
        let mood = *chance.choice(&Mood::ALL).expect("moods");
        server.set_mood(mood);
        let mut victim = start_victim(&dir.0, &server.api());
        // It is killed some time after its first event.
        let began = Instant::now();
        while ledger.time_ns(first) == 0 {
            let status = victim.try_wait().expect("a status");
            assert!(status.is_none(), "victim {kill} ended: {status:?}");
            assert!(began.elapsed() < PATIENCE, "victim {kill} logs nothing");
            std::thread::sleep(Duration::from_millis(1));
        }
        std::thread::sleep(Duration::from_micros(chance.u64(0..300_000)));
        let killed_ns = now_ns();
        victim.kill().expect("killed");
        victim.wait().expect("gone");
        let end = ledger.end(first);
        let in_time_ns = killed_ns - SYNC_MS * 1_000_000;
        let told = usize::try_from(ledger.told.load(Ordering::Acquire)).expect("small");
        let is_promised = |number: &usize| {
            let is_in_time = ledger.time_ns(*number) < in_time_ns;
            *number < told || (promise == Promise::InTime && is_in_time)
        };
        let life_ms = (killed_ns - ledger.time_ns(first)) / 1_000_000;
        lives.push((first, end, life_ms, mood));
        promised.extend((first..end).filter(is_promised));
        first = ledger.next();
    }

    server.set_mood(Mood::Healthy);
    let last = client(&dir.0, &server.api());
    let began = Instant::now();
    loop {
        last.flush(60_000).expect("flushed");
        let stats = last.stats();
        if stats["events"]["recovered"]["waiting"] == 0 {
            assert_eq!(stats["events"]["recovered"]["dropped"], 0, "{stats}");
            break;
        }
        assert!(began.elapsed() < PATIENCE, "{stats}");
    }
    last.shutdown(60_000).expect("shut down");
    let received = received.lock();
    let lost: Vec<_> = promised
        .iter()
        .filter(|number| !received.contains_key(*number))
        .collect();
    // What is lost of each life: which events, and how long they were in the victim's hands.
    let told: Vec<_> = lives
        .iter()
        .filter_map(|(first, end, life_ms, mood)| {
            let of_life = |number: &&&usize| (*first..*end).contains(**number);
            let mine: Vec<_> = lost.iter().filter(of_life).collect();
            let (from, to) = (mine.first()?, mine.last()?);
            let age = |number: usize| (ledger.time_ns(number) - ledger.time_ns(*first)) / 1_000_000;
            Some(format!(
                "{from}..={to} of {first}..{end}, accepted {} to {} ms into {life_ms} ms, {mood:?}",
                age(***from),
                age(***to)
            ))
        })
        .collect();
    assert!(lost.is_empty(), "{} events are lost: {told:#?}", lost.len());
    let mut repeated = 0;
    for (number, ids) in received.iter() {
        repeated += ids.len() - 1;
        let is_one = ids.iter().all(|id| *id == ids[0]);
        assert!(is_one, "event {number} came in batches {ids:?}");
    }
    assert!(promised.len() > kills as usize, "the victims had no time");
    println!(
        "{kills} kills: {first} events accepted, {} of them promised, {} received, {repeated} of \
         them once more under the same id",
        promised.len(),
        received.len(),
    );
    assert_eq!(dir.segments(), Vec::<std::path::PathBuf>::new());
}

#[test]
fn kill_nine_loses_nothing_that_was_on_disk() {
    crash(8, 7, Promise::Told);
}

#[test]
#[ignore = "takes minutes: make crash"]
fn at_length() {
    let number = |name: &str, default| {
        std::env::var(name).map_or(default, |text| text.parse().expect("a number"))
    };
    let seed = number("CRASH_SEED", fastrand::u64(..));
    println!("CRASH_SEED={seed}");
    let kills = number("CRASH_KILLS", 200);
    let kills = u32::try_from(kills).expect("a number of kills");
    crash(kills, seed, Promise::InTime);
}
