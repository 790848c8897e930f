//! The exit matrix: ways to end a process that has a client.

use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::json;

use crate::building::{Build, STRICT, compile, library, need, project, scratch, succeed};
use crate::stage::{Hold, Stage, assert_each_once, fresh_folder, play, rounds};

struct Case {
    scenario: &'static str,
    hold: Hold,
    /// Events that the program accepts.
    events: usize,
    signal: Option<i32>,
}

const fn case(scenario: &'static str) -> Case {
    Case {
        scenario,
        hold: Hold::Nothing,
        events: 3,
        signal: None,
    }
}

const CASES: &[Case] = &[
    case("return_from_main"),
    case("exit_early"),
    Case {
        events: 0,
        ..case("before_init")
    },
    Case {
        events: 0,
        hold: Hold::Specs(0),
        ..case("during_init")
    },
    Case {
        events: 6,
        hold: Hold::Events(0),
        ..case("during_flush")
    },
    case("from_a_thread"),
    case("from_a_callback"),
    case("while_threads_evaluate"),
    case("host_handler_last"),
    case("host_handler_first"),
    case("underscore_exit"),
    Case {
        signal: Some(libc::SIGTERM),
        ..case("sigterm")
    },
    case("sigterm_handled"),
    Case {
        events: 9,
        ..case("in_a_child")
    },
    case("released"),
    case("without_threads"),
];

fn program() -> PathBuf {
    let source = project().join("tests/safety/exit_matrix.c");
    compile(&source, library(), Build::Shared)
}

/// The server is in trouble until the program has ended; the next program delivers what is left.
fn run(program: &Path, case: &Case, has_spool: bool) {
    let stage = Stage::new(case.hold, true);
    let spool = fresh_folder(case.scenario);
    let more = if has_spool {
        json!({"event_spool_dir": spool, "event_spool_sync_ms": 5})
    } else {
        json!({})
    };
    let options = stage.options("127.0.0.1", more);
    let ended = play(&stage, program, case.scenario, &options);
    let status = ended.status;
    match case.signal {
        Some(signal) => assert_eq!(status.signal(), Some(signal), "{}", case.scenario),
        None => assert!(status.success(), "{} ended with {status}", case.scenario),
    }
    assert_eq!(ended.logged.len(), case.events, "{}", case.scenario);
    stage.open();
    if has_spool {
        assert!(play(&stage, program, "collect", &options).status.success());
        assert_each_once(case.scenario, &ended.logged, &stage.received_batches());
        let _ = std::fs::remove_dir_all(spool);
    }
}

#[test]
fn every_way_out_is_quiet_and_leaves_accepted_events_in_the_spool() {
    let program = program();
    for round in 0..rounds("TIDEGATE_EXIT_ROUNDS") {
        for case in CASES {
            eprintln!("round {round}: {}", case.scenario);
            run(&program, case, true);
        }
    }
}

/// Nothing is promised about events here, and they have no time to be delivered.
#[test]
fn every_way_out_is_quiet_without_a_spool() {
    let waits_for_the_spool = ["underscore_exit", "sigterm"];
    let cases = CASES
        .iter()
        .filter(|case| !waits_for_the_spool.contains(&case.scenario));
    let program = program();
    for case in cases {
        run(&program, case, false);
    }
}

#[test]
fn a_library_that_is_closed_stays_and_works_on() {
    need("gcc", "gcc");
    let program = scratch("safety").join("unload");
    let mut gcc = Command::new("gcc");
    gcc.args(["-std=c99", "-D_GNU_SOURCE"]).args(STRICT);
    gcc.arg("-I").arg(project().join("include"));
    // Not linked with the library, which would keep it loaded anyway.
    gcc.arg("-o")
        .arg(&program)
        .arg(project().join("tests/safety/unload.c"));
    gcc.args(["-ldl"]);
    succeed(&mut gcc);
    let stage = Stage::new(Hold::Nothing, false);
    let path = library().shared.to_str().expect("UTF-8");
    let ended = play(
        &stage,
        &program,
        path,
        &stage.options("127.0.0.1", json!({})),
    );
    assert!(ended.status.success(), "unload ended with {}", ended.status);
}
