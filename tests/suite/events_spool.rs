//! Events on disk: they outlive the process, the server's absence and the client.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use serde_json::{Value, json};
use tidegate::client::Flags;
use tidegate::clock::ManualClock;
use tidegate::eval::Kind;
use tidegate::exposure::EventValue;

use crate::local_server::Server;
use crate::local_server::fault::Fault;
use crate::local_server::record::Endpoint;
use crate::support::c_api::HeardLog;
use crate::support::events::*;
use crate::support::temp_dir::TempDir;

fn rules() -> Value {
    silent_rules(json!({}))
}

/// A client with a spool; without threads unless the options say otherwise.
fn start(dir: &TempDir, server: &Arc<Server>, options: Value) -> (Setup, Arc<ManualClock>) {
    let mut all = json!({"threads": "none", "event_spool_dir": dir.0});
    for (key, value) in options.as_object().expect("an object") {
        all[key] = value.clone();
    }
    let clock = Arc::new(ManualClock::new(RULES_TIME));
    let setup = Plan {
        options: all,
        rules: rules(),
        clock: Some(Arc::clone(&clock)),
        ..Plan::default()
    }
    .start_on(Arc::clone(server));
    (setup, clock)
}

fn server() -> Arc<Server> {
    Arc::new(serve(&rules()))
}

fn received(server: &Server) -> BTreeSet<String> {
    let name = |event: &Value| event["eventName"].as_str().expect("a name").to_owned();
    server.events().iter().map(name).collect()
}

fn expected(numbers: std::ops::Range<u32>) -> BTreeSet<String> {
    numbers.map(|number| format!("e{number}")).collect()
}

/// What a process leaves that is killed: nothing is closed, its lock goes.
fn kill(setup: Setup) {
    let Setup { client, server } = setup;
    drop(client);
    drop(server);
}

#[test]
fn accepted_events_are_on_disk_within_the_time_and_survive_a_kill() {
    let (dir, server) = (TempDir::new(), server());
    let (setup, clock) = start(&dir, &server, json!({}));
    setup.log(0..3);
    setup.tick();
    assert_eq!(setup.stats()["queued"], 3, "their time is not up");
    clock.advance(50);
    setup.tick();
    let stats = setup.stats();
    assert_eq!(
        (&stats["queued"], &stats["spooled"]),
        (&json!(0), &json!(3))
    );
    setup.log(3..5);
    setup.tick();
    clock.advance(50);
    setup.tick();
    assert_eq!(setup.stats()["spooled"], 5);
    assert!(setup.batches().is_empty(), "nothing was sent");
    kill(setup);

    let (next, _) = start(&dir, &server, json!({}));
    next.tick();
    assert_eq!(received(&server), expected(0..5));
    let stats = next.stats();
    assert_eq!(
        stats["recovered"],
        json!({"waiting": 0, "sent": 5, "dropped": 0})
    );
    assert_eq!(stats["accepted"], 0);
    next.shutdown();
    assert_eq!(dir.segments(), Vec::<PathBuf>::new());
}

#[test]
fn what_was_delivered_is_not_sent_again() {
    let (dir, server) = (TempDir::new(), server());
    let (setup, clock) = start(&dir, &server, json!({"event_queue_size": 2}));
    setup.log(0..5);
    setup.tick();
    clock.advance(50);
    setup.tick();
    assert_eq!(received(&server), expected(0..4));
    assert_eq!(setup.stats()["spooled"], 1);
    kill(setup);

    let (next, _) = start(&dir, &server, json!({}));
    next.tick();
    let batches = next.batches();
    assert_eq!(received(&server), expected(0..5));
    assert_eq!(server.events().len(), 5, "no event came twice");
    let ids: BTreeSet<String> = batches
        .iter()
        .map(|batch| batch.body["statsigMetadata"]["batchID"].to_string())
        .collect();
    assert_eq!(ids.len(), batches.len());
}

/// A batch that reached the server although its sender never learned so comes again under the same
/// id, by which the receiver can tell.
#[test]
fn a_replayed_batch_keeps_its_id_and_its_events() {
    let (dir, server) = (TempDir::new(), server());
    server.fault(Fault::status(Endpoint::LogEvent, 500));
    let (setup, _) = start(&dir, &server, json!({}));
    setup.log(0..3);
    let info = setup.flush();
    assert_eq!(
        (info.sent, info.spooled, info.dropped, info.queued),
        (0, 3, 0, 0)
    );
    kill(setup);

    let (next, _) = start(&dir, &server, json!({}));
    next.tick();
    let batches = next.batches();
    assert_eq!(batches.len(), 2);
    let id = |index: usize| batches[index].body["statsigMetadata"]["batchID"].clone();
    assert_eq!(id(0), id(1));
    assert_eq!(batches[0].body["events"], batches[1].body["events"]);
    assert_eq!(batches[1].header("statsig-event-count"), Some("3"));
    assert_eq!(batches[1].header("statsig-retry"), Some("0"));
}

#[test]
fn shutdown_without_a_server_leaves_everything_for_the_next_process() {
    let (dir, server) = (TempDir::new(), server());
    server.fault(Fault {
        times: 2,
        ..Fault::status(Endpoint::LogEvent, 503)
    });
    let (setup, _) = start(&dir, &server, json!({"event_queue_size": 2}));
    setup.log(0..3);
    let info = setup.shutdown();
    assert_eq!(
        (info.sent, info.spooled, info.dropped, info.queued),
        (0, 3, 0, 0)
    );
    assert_eq!(setup.stats()["spooled"], 3);

    let (next, _) = start(&dir, &server, json!({}));
    assert_eq!(next.flush().sent, 3);
    assert_eq!(received(&server), expected(0..3));
}

#[test]
fn a_release_spools() {
    let (dir, server) = (TempDir::new(), server());
    let (setup, _) = start(&dir, &server, json!({}));
    setup.log(0..3);
    setup.client.close();
    assert_eq!(setup.stats()["spooled"], 3);
    let (next, _) = start(&dir, &server, json!({}));
    assert_eq!(next.flush().sent, 3);
}

#[test]
fn an_outage_that_exceeds_memory_loses_nothing() {
    let (dir, server) = (TempDir::new(), server());
    server.fault(Fault {
        times: -1,
        ..Fault::status(Endpoint::LogEvent, 503)
    });
    let options = json!({"event_queue_size": 5, "retry_queue_size": 2});
    let (setup, clock) = start(&dir, &server, options);
    for round in 0..40 {
        setup.log(round * 5..round * 5 + 5);
        clock.advance(60_000);
        setup.tick();
    }
    let stats = setup.stats();
    assert_eq!(
        (&stats["spooled"], &stats["dropped"]["total"]),
        (&json!(200), &json!(0))
    );
    assert!(stats["batches"]["queued"].as_u64() <= Some(2));

    server.reset().expect("reset");
    server.put_rules(None, rules().to_string());
    clock.advance(120_000);
    let info = setup.flush();
    assert_eq!((info.sent, info.spooled), (200, 0));
    assert_eq!(received(&server), expected(0..200));
    assert_eq!(server.events().len(), 200);
    let first = &server.events()[0]["eventName"];
    assert!(
        first == "e0" || first == "e5",
        "the oldest come first, not {first}"
    );
}

#[test]
fn the_background_drains_what_is_on_disk() {
    let (dir, server) = (TempDir::new(), server());
    server.fault(Fault {
        times: -1,
        ..Fault::status(Endpoint::LogEvent, 503)
    });
    let setup = Plan {
        options: json!({"threads": "none", "event_spool_dir": dir.0, "event_queue_size": 1}),
        rules: rules(),
        ..Plan::default()
    }
    .start_on(Arc::clone(&server));
    setup.log(0..30);
    setup.client.close();
    server.reset().expect("reset");
    server.put_rules(None, rules().to_string());

    let setup = Plan {
        options: json!({"event_spool_dir": dir.0, "retry_queue_size": 4}),
        rules: rules(),
        ..Plan::default()
    }
    .start_on(Arc::clone(&server));
    wait_for_events(&server, 30);
    setup.wait_for_stat("/recovered/sent", 30);
    setup.shutdown();
    assert_eq!(dir.segments(), Vec::<PathBuf>::new());
}

#[test]
fn what_is_too_old_is_not_sent_any_more() {
    let (dir, server) = (TempDir::new(), server());
    let (setup, _) = start(&dir, &server, json!({}));
    setup.log(0..3);
    setup.client.close();
    // Years later by the clock of the machine.
    let next = Plan {
        options: json!({"threads": "none", "event_spool_dir": dir.0}),
        rules: rules(),
        ..Plan::default()
    }
    .start_on(Arc::clone(&server));
    next.tick();
    assert!(next.batches().is_empty());
    assert_eq!(
        next.stats()["recovered"],
        json!({"waiting": 0, "sent": 0, "dropped": 3})
    );
}

#[test]
fn rejected_batches_are_not_kept() {
    let (dir, server) = (TempDir::new(), server());
    server.fault(Fault::status(Endpoint::LogEvent, 400));
    let (setup, _) = start(&dir, &server, json!({}));
    setup.log(0..3);
    let info = setup.flush();
    assert_eq!((info.dropped, info.spooled), (3, 0));
    setup.shutdown();
    assert_eq!(dir.segments(), Vec::<PathBuf>::new());
}

#[test]
fn size_and_age_are_bounded_and_counted() {
    let (dir, server) = (TempDir::new(), server());
    server.fault(Fault {
        times: -1,
        ..Fault::status(Endpoint::LogEvent, 503)
    });
    let options = json!({
        "event_queue_size": 10, "retry_queue_size": 1, "event_spool_max_bytes": 20_000,
        "event_spool_max_age_ms": 600_000,
    });
    let (setup, clock) = start(&dir, &server, options);
    for number in 0..2_000 {
        // Text that does not compress well.
        let metadata = json!({"x": fastrand::u128(..).to_string()}).to_string();
        let name = format!("e{number}");
        setup
            .client
            .log_event(&a(), &name, EventValue::None, Some(&metadata))
            .expect("accepted");
        if number % 100 == 99 {
            setup.tick();
        }
    }
    let stats = setup.stats();
    assert!(stats["dropped"]["spool_full"].as_u64() > Some(0), "{stats}");
    assert!(stats["spool"]["bytes"].as_u64() <= Some(20_000), "{stats}");
    let on_disk: u64 = dir
        .segments()
        .iter()
        .map(|path| fs::metadata(path).expect("a file").len())
        .sum();
    assert!(on_disk <= 21_000, "{on_disk}");

    clock.advance(700_000);
    setup.flush();
    let stats = setup.stats();
    assert!(stats["dropped"]["too_old"].as_u64() > Some(0), "{stats}");
}

#[test]
fn a_folder_that_cannot_be_written_degrades_to_memory() {
    let (dir, server) = (TempDir::new(), server());
    let blocked = TempDir(dir.0.join("file"));
    fs::write(&blocked.0, "no folder").expect("written");
    let (setup, clock) = start(&blocked, &server, json!({}));
    setup.log(0..2);
    setup.tick();
    clock.advance(50);
    setup.tick();
    let stats = setup.stats();
    assert_eq!(
        (&stats["queued"], &stats["spool"]["failing"]),
        (&json!(2), &json!(true))
    );
    assert_eq!(setup.flush().sent, 2);

    fs::remove_file(&blocked.0).expect("removed");
    fs::create_dir(&blocked.0).expect("a folder");
    clock.advance(30_000);
    setup.log(2..3);
    setup.tick();
    clock.advance(50);
    setup.tick();
    let stats = setup.stats();
    assert_eq!(
        (&stats["spooled"], &stats["spool"]["failing"]),
        (&json!(1), &json!(false))
    );
}

#[test]
fn several_processes_share_a_folder() {
    let (dir, server) = (TempDir::new(), server());
    let clients: Vec<_> = (0..3).map(|_| start(&dir, &server, json!({}))).collect();
    for (index, (setup, clock)) in (0..).zip(&clients) {
        setup.log(index * 10..index * 10 + 5);
        setup.tick();
        clock.advance(50);
        setup.tick();
        assert_eq!(setup.stats()["spooled"], 5);
        assert_eq!(setup.stats()["recovered"]["waiting"], 0);
    }
    for (setup, _) in &clients {
        setup.shutdown();
    }
    assert_eq!(server.events().len(), 15);
}

#[test]
fn what_a_neighbor_left_is_found_while_running() {
    let (dir, server) = (TempDir::new(), server());
    let (survivor, clock) = start(&dir, &server, json!({}));
    survivor.tick();
    let (victim, victim_clock) = start(&dir, &server, json!({}));
    victim.log(0..4);
    victim.tick();
    victim_clock.advance(50);
    victim.tick();
    kill(victim);
    clock.advance(60_000);
    survivor.tick();
    assert_eq!(received(&server), expected(0..4));
}

#[test]
fn a_forked_child_has_a_spool_of_its_own() {
    let (dir, server) = (TempDir::new(), server());
    let (setup, clock) = start(&dir, &server, json!({}));
    setup.log(0..3);
    setup.tick();
    clock.advance(50);
    setup.tick();
    // What the parent wrote stays where it is; here, the parent is as good as dead.
    setup.client.after_fork_child();
    setup.log(10..12);
    setup.tick();
    clock.advance(50);
    setup.tick();
    let stats = setup.stats();
    assert_eq!(
        (&stats["accepted"], &stats["spooled"]),
        (&json!(2), &json!(2))
    );
    setup.shutdown();
    let names = received(&server);
    assert!(expected(10..12).is_subset(&names), "{names:?}");
}

#[test]
fn the_events_thread_writes_to_disk_by_itself() {
    let (dir, server) = (TempDir::new(), server());
    let setup = Plan {
        options: json!({"event_spool_dir": dir.0, "event_spool_sync_ms": 5}),
        rules: rules(),
        ..Plan::default()
    }
    .start_on(Arc::clone(&server));
    setup.log(0..3);
    setup.wait_for_stat("/spooled", 3);
    assert!(setup.batches().is_empty());
    kill(setup);
    // Its last thread may still be on its way out.
    let (next, clock) = start(&dir, &server, json!({}));
    let began = std::time::Instant::now();
    while server.events().is_empty() {
        assert!(began.elapsed() < PATIENCE, "the folder stays locked");
        clock.advance(60_000);
        next.tick();
    }
    assert_eq!(received(&server), expected(0..3));
}

#[test]
fn without_compression_the_spool_works_alike() {
    let dir = TempDir::new();
    let mut plain = rules();
    plain["sdk_flags"] = json!({"stop_log_event_compression": true});
    let server = Arc::new(serve(&plain));
    let run = |server: &Arc<Server>| {
        let clock = Arc::new(ManualClock::new(RULES_TIME));
        Plan {
            options: json!({"threads": "none", "event_spool_dir": dir.0}),
            rules: plain.clone(),
            clock: Some(clock),
            ..Plan::default()
        }
        .start_on(Arc::clone(server))
    };
    let setup = run(&server);
    setup.log(0..3);
    setup.client.close();
    let next = run(&server);
    assert_eq!(next.flush().sent, 3);
    assert_eq!(next.batches()[0].header("content-encoding"), None);
    assert_eq!(received(&server), expected(0..3));
}

#[test]
fn bringing_batches_back_leaves_the_batch_that_is_filled_alone() {
    let (dir, server) = (TempDir::new(), server());
    let (dead, clock_of_dead) = start(&dir, &server, json!({}));
    let (setup, clock) = start(&dir, &server, json!({"logging_interval": 3600}));
    for (setup, clock, numbers) in [(&dead, &clock_of_dead, 0..3), (&setup, &clock, 3..5)] {
        setup.log(numbers);
        setup.tick();
        clock.advance(50);
        setup.tick();
    }
    kill(dead);
    // The time to look for what dead processes left.
    clock.advance(60_000);
    setup.tick();
    assert_eq!(received(&server), expected(0..3));
    setup.log(5..7);
    setup.tick();
    clock.advance(50);
    setup.tick();
    setup.client.flush(30_000).expect("flushed");
    assert_eq!(received(&server), expected(0..7));
}

/// What decides but must not be told: in no body, in no file, in no stats.
#[test]
fn private_attributes_never_leave_memory() {
    const SECRET: &str = "private-4711";
    let dir = TempDir::new();
    // Plain text, so that it can be searched.
    let plain = fixture_with(json!({"sdk_flags": {"stop_log_event_compression": true}}));
    let server = Arc::new(serve(&plain));
    let clock = Arc::new(ManualClock::new(RULES_TIME));
    let setup = Plan {
        options: json!({
            "threads": "none", "event_spool_dir": dir.0, "disable_diagnostics": false,
        }),
        rules: plain,
        clock: Some(Arc::clone(&clock)),
        ..Plan::default()
    }
    .start_on(Arc::clone(&server));
    let client = &setup.client;
    let person = json!({
        "userID": "a", "email": "q@x.com",
        "privateAttributes": {"secret": "s3", "ssn": SECRET, "deep": {"list": [SECRET]}},
    });
    let private = user(person.clone());
    assert!(setup.gate(&private, "g_priv"));
    for kind in [Kind::Config, Kind::Experiment, Kind::Layer] {
        let name = match kind {
            Kind::Layer => "layer_a",
            _ => "exp_a",
        };
        let result = client.evaluate(kind, &private, name, Flags::default());
        assert_eq!(result.expect("ready").get_str("p_exp"), Some("exp_val"));
    }
    client
        .log_event(&private, "e", EventValue::None, None)
        .expect("accepted");
    client
        .log_event_json(&json!({"user": person, "event_name": "f"}).to_string())
        .expect("accepted");
    client
        .log_exposure(&private, Kind::Gate, "g_email", None)
        .expect("accepted");
    setup.tick();
    clock.advance(50);
    setup.tick();
    assert!(setup.stats()["spooled"].as_u64() >= Some(6));

    let mut texts = vec![client.stats()];
    for path in dir.segments() {
        let bytes = fs::read(&path).expect("read");
        texts.push(String::from_utf8_lossy(&bytes).into_owned());
    }
    let written = texts.concat();
    assert!(written.contains("q@x.com"), "the files can be searched");
    setup.flush();
    assert!(setup.stats()["sent"].as_u64() >= Some(6));
    let bodies = server.requests().into_iter();
    texts.extend(bodies.map(|request| request.body.to_string()));
    for text in &texts {
        assert!(!text.contains(SECRET), "{text}");
        assert!(!text.contains("privateAttributes"), "{text}");
    }
}

const FULL_DISK_DIR: &str = "TIDEGATE_TEST_FULL_DISK_DIR";

/// Lets this process write no file beyond so many bytes; more is an error, as on a full disk.
fn limit_files(bytes: libc::rlim_t) {
    let mut limit = libc::rlimit {
        rlim_cur: 0,
        rlim_max: 0,
    };
    // SAFETY: the struct is writable.
    let got = unsafe { libc::getrlimit(libc::RLIMIT_FSIZE, &raw mut limit) };
    limit.rlim_cur = bytes.min(limit.rlim_max);
    // SAFETY: the struct is readable; only the soft limit changes.
    let set = unsafe { libc::setrlimit(libc::RLIMIT_FSIZE, &raw const limit) };
    assert_eq!((got, set), (0, 0));
}

#[test]
#[ignore = "runs in a process of its own, which another test starts"]
fn on_a_full_disk() {
    const ERROR: i32 = 1;
    let dir = std::env::var(FULL_DISK_DIR).expect("started by a test");
    let dir = std::mem::ManuallyDrop::new(TempDir(dir.into()));
    // SAFETY: without this, the limit is announced by a signal that ends the process.
    unsafe { libc::signal(libc::SIGXFSZ, libc::SIG_IGN) };
    let log_of_process = HeardLog::start(ERROR);
    let errors = || {
        let lines = log_of_process.lines();
        assert!(
            lines.iter().all(|(_, line)| line.contains("spool")),
            "{lines:?}"
        );
        lines.len()
    };
    let server = server();
    let (setup, clock) = start(&dir, &server, json!({"event_queue_size": 100}));
    let spool = |member: &str| setup.stats()["spool"][member].clone();
    let pass = || {
        setup.tick();
        clock.advance(50);
        setup.tick();
    };
    let mut logged = 0;
    let mut log_some = || {
        setup.log(logged..logged + 10);
        logged += 10;
        pass();
    };
    log_some();
    assert_eq!(setup.stats()["spooled"], 10);
    // No room for another record in the segment, nor for anything in another one.
    limit_files(60);
    for _ in 0..8 {
        log_some();
    }
    assert_eq!(spool("failing"), true);
    assert_eq!(errors(), 1, "one line");
    let stats = setup.stats();
    assert_eq!(
        (&stats["accepted"], &stats["dropped"]["total"]),
        (&json!(90), &json!(0))
    );
    assert!(stats["queued"].as_u64() > Some(0));
    let segments = dir.segments().len();
    limit_files(20);
    for _ in 0..5 {
        clock.advance(30_000);
        log_some();
    }
    assert!(dir.segments().len() <= segments, "no empty files pile up");
    assert_eq!(errors(), 1, "still one line");
    setup.flush();
    assert_eq!(setup.stats()["sent"], 140, "memory is as good as disk");

    limit_files(libc::RLIM_INFINITY);
    clock.advance(30_000);
    log_some();
    let stats = setup.stats();
    assert_eq!(
        (&stats["spooled"], &stats["spool"]["failing"]),
        (&json!(10), &json!(false))
    );
    setup.shutdown();
    assert_eq!(received(&server), expected(0..150));
    assert_eq!(server.events().len(), 150, "no event came twice");
    assert_eq!(dir.segments(), Vec::<PathBuf>::new());
}

#[test]
fn a_full_disk_degrades_to_memory() {
    let dir = TempDir::new();
    let output = std::process::Command::new(std::env::current_exe().expect("a path"))
        .args(["--exact", "events_spool::on_a_full_disk", "--ignored"])
        .env(FULL_DISK_DIR, &dir.0)
        .output()
        .expect("started");
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success() && text.contains("1 passed"),
        "{text}"
    );
}
