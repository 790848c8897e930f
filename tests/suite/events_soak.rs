//! Events at the highest rate the machine gives, with a server that is healthy, slow, erroring and
//! dead in turn: at every flush each event is accounted for, and memory stays flat.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Barrier};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tidegate::exposure::{EventValue, FlushInfo};
use tidegate::host::Hooks;

use crate::support::c_api::{Client, Person};
use crate::support::events::{KEY, accounted, silent_rules};
use crate::support::sink::{Mood, Sink};
use crate::support::temp_dir::TempDir;

const PRODUCERS: usize = 2;
/// People in whose name the producers log.
const PEOPLE: usize = 2_000;
const SPOOL_MAX_BYTES: u64 = 8 << 20;
/// Growth after the first turn of moods that is not called growth.
const SLACK_KIB: u64 = 24 << 10;
const FLUSH_MS: u32 = 2_000;
const NEVER_MS: u32 = 60_000;

/// A client under load, and what its host and its server know of it.
struct Subject {
    client: Client,
    sink: Sink,
    /// Events that calls have accepted; exposures are not among them.
    logged: AtomicU64,
    /// Events in batches that the server has accepted.
    received: Arc<AtomicU64>,
    exposes: bool,
    has_spool: bool,
}

impl Subject {
    fn new(options: Value, exposes: bool) -> Subject {
        let received = Arc::<AtomicU64>::default();
        let counted = Arc::clone(&received);
        let sink = Sink::start(silent_rules(json!({})).to_string(), move |batch| {
            let before = counted.fetch_add(batch.events, Ordering::Relaxed);
            // The header is believed; one body in some thousands is looked at.
            if before.is_multiple_of(64) {
                let body: Value = serde_json::from_str(&batch.text()).expect("JSON");
                let events = body["events"].as_array().expect("events");
                assert_eq!(events.len() as u64, batch.events);
            }
        });
        let mut all = json!({
            "api": sink.api(), "disable_diagnostics": true, "disable_error_reporting": true,
            "rulesets_sync_interval": 3600, "idlists_sync_interval": 3600,
        });
        let has_spool = options.get("event_spool_dir").is_some();
        for (name, value) in options.as_object().expect("an object") {
            all[name] = value.clone();
        }
        let client = Client::new(KEY, &all.to_string(), &Hooks::default()).expect("a client");
        client.initialize(NEVER_MS).expect("initialized");
        Subject {
            client,
            sink,
            logged: AtomicU64::new(0),
            received,
            exposes,
            has_spool,
        }
    }

    fn act(&self, person: &Person, turn: usize) {
        let value = EventValue::Number(1.5);
        let metadata = Some(r#"{"sku":"a-17","price":"9.99"}"#);
        let accepted = self.client.log_event(person, "purchase", value, metadata);
        accepted.expect("accepted");
        self.logged.fetch_add(1, Ordering::Relaxed);
        if self.exposes && turn.is_multiple_of(4) {
            self.client
                .check_gate(person, "g_nested", 0)
                .expect("ready");
        }
    }

    /// Flushes while nobody logs, and checks the books.
    fn audit(&self, mood: Mood) -> FlushInfo {
        let info = self.client.flush(FLUSH_MS).expect("flushed");
        let stats = accounted(self.client.stats()["events"].clone());
        let number = |name: &str| stats[name].as_u64().expect("a number");
        let (accepted, logged) = (number("accepted"), self.logged.load(Ordering::Relaxed));
        if self.exposes {
            assert!(accepted >= logged, "{mood:?}: {logged} logged, {stats}");
        } else {
            assert_eq!(accepted, logged, "{mood:?}: {stats}");
        }
        let received = self.received.load(Ordering::Relaxed);
        assert!(
            received >= number("sent"),
            "{mood:?}: {received} received, {stats}"
        );
        if self.has_spool {
            let bytes = stats["spool"]["bytes"].as_u64().expect("a number");
            assert!(bytes <= SPOOL_MAX_BYTES, "{mood:?}: {stats}");
        }
        info
    }

    /// Ends it: what is left is delivered, and everybody agrees on the number.
    fn settle(&self) -> Value {
        self.sink.set_mood(Mood::Healthy);
        let began = Instant::now();
        loop {
            self.client.flush(NEVER_MS).expect("flushed");
            let stats = accounted(self.client.stats()["events"].clone());
            if stats["queued"] == 0 && stats["spooled"] == 0 {
                let received = self.received.load(Ordering::Relaxed);
                assert_eq!(stats["sent"], received, "{stats}");
                self.client.shutdown(NEVER_MS).expect("shut down");
                return stats;
            }
            assert!(began.elapsed() < Duration::from_secs(120), "{stats}");
        }
    }
}

/// Memory of this process that is in RAM.
fn resident_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("Linux");
    let line = status.lines().find(|line| line.starts_with("VmRSS:"));
    let kib = line.and_then(|line| line.split_whitespace().nth(1));
    kib.and_then(|kib| kib.parse().ok()).expect("a number")
}

fn soak(length: Duration, mood_length: Duration, memory_is_flat: bool) {
    let dir = TempDir::new();
    let subjects = [
        Subject::new(json!({}), false),
        Subject::new(
            json!({"event_spool_dir": dir.0, "event_spool_max_bytes": SPOOL_MAX_BYTES}),
            true,
        ),
    ];
    let (is_over, is_paused) = (AtomicBool::new(false), AtomicBool::new(false));
    // Producers and the auditor meet twice for each audit.
    let meeting = Barrier::new(PRODUCERS + 1);
    let began = Instant::now();
    let (mut first_turn_kib, mut peak_kib, mut audits) = (0, 0, 0);
    std::thread::scope(|scope| {
        for _ in 0..PRODUCERS {
            scope.spawn(|| {
                let json = |number| format!(r#"{{"userID":"user-{number}","country":"DE"}}"#);
                let people: Vec<_> = (0..PEOPLE)
                    .map(|number| Person::from_json(&json(number)).expect("a user"))
                    .collect();
                let mut turn = 0;
                while !is_over.load(Ordering::Relaxed) {
                    for _ in 0..64 {
                        let person = &people[turn % PEOPLE];
                        turn += 1;
                        for subject in &subjects {
                            subject.act(person, turn);
                        }
                    }
                    if is_paused.load(Ordering::Acquire) {
                        meeting.wait();
                        meeting.wait();
                    }
                }
            });
        }
        let is_last = || began.elapsed() >= length;
        for turn in 0.. {
            for mood in Mood::ALL {
                for subject in &subjects {
                    subject.sink.set_mood(mood);
                }
                let until = Instant::now() + mood_length;
                while Instant::now() < until {
                    std::thread::sleep(Duration::from_millis(20));
                    peak_kib = peak_kib.max(resident_kib());
                }
                is_paused.store(true, Ordering::Release);
                meeting.wait();
                for subject in &subjects {
                    subject.audit(mood);
                }
                audits += 1;
                let ends = is_last() && mood == Mood::Dead;
                is_paused.store(false, Ordering::Release);
                is_over.store(ends, Ordering::Relaxed);
                meeting.wait();
            }
            if turn == 0 {
                first_turn_kib = peak_kib;
            }
            if is_over.load(Ordering::Relaxed) {
                break;
            }
        }
    });
    for subject in &subjects {
        let stats = subject.settle();
        println!("spool: {}; {stats}", subject.has_spool);
    }
    let logged: u64 = subjects
        .iter()
        .map(|subject| subject.logged.load(Ordering::Relaxed))
        .sum();
    println!(
        "{logged} events logged in {:.0?}, {audits} audits; resident at most {first_turn_kib} KiB \
         in the first turn, {peak_kib} KiB in all",
        began.elapsed()
    );
    if memory_is_flat {
        assert!(
            peak_kib <= first_turn_kib + SLACK_KIB,
            "memory grows: {first_turn_kib} KiB, then {peak_kib} KiB"
        );
    }
    assert!(logged > 0);
}

/// One turn of moods. Tests that run beside this one share the process, so memory is not looked at.
#[test]
fn every_event_is_accounted_for_whatever_the_server_does() {
    let mood_length = Duration::from_millis(400);
    soak(Duration::ZERO, mood_length, false);
}

#[test]
#[ignore = "runs for SOAK_SECONDS, alone: make soak"]
fn at_length() {
    let seconds = std::env::var("SOAK_SECONDS").map_or(600, |text| text.parse().expect("seconds"));
    // Enough of each mood to fill every queue, and at least four turns.
    let mood_length = Duration::from_millis((seconds * 1_000 / 16).min(8_000));
    soak(Duration::from_secs(seconds), mood_length, true);
}
