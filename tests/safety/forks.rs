//! The fork matrix: a fork in each phase of a client's life.

use std::path::Path;

use serde_json::json;

use crate::building::{Build, compile, library, project};
use crate::stage::{Hold, Stage, assert_each_once, play, rounds};

struct Case {
    scenario: &'static str,
    hold: Hold,
    host: &'static str,
    /// Sessions that ask for specs: the parent's, and one for each process that syncs.
    sessions: usize,
}

const fn case(scenario: &'static str, sessions: usize) -> Case {
    Case {
        scenario,
        hold: Hold::Nothing,
        host: "127.0.0.1",
        sessions,
    }
}

const CASES: &[Case] = &[
    case("idle", 3),
    case("before_any_client", 3),
    case("before_init", 2),
    Case {
        hold: Hold::Specs(0),
        ..case("during_init", 4)
    },
    Case {
        hold: Hold::Specs(1),
        ..case("mid_sync", 2)
    },
    Case {
        host: "slow.test",
        ..case("mid_dns", 3)
    },
    Case {
        hold: Hold::Events(0),
        ..case("mid_flush", 2)
    },
    case("nested", 4),
    case("parent_threads", 9),
    // Three clients of the parent, and the child of one.
    case("on_fork", 4),
    case("explicit_hooks", 3),
    case("raw_fork", 3),
    case("without_threads", 2),
    case("then_exec", 1),
    Case {
        host: "localhost",
        ..case("busy_resolver", 9)
    },
];

fn run(program: &Path, case: &Case) {
    let stage = Stage::new(case.hold, false);
    let options = stage.options(case.host, json!({}));
    let ended = play(&stage, program, case.scenario, &options);
    assert!(
        ended.status.success(),
        "{} ended with {}",
        case.scenario,
        ended.status
    );
    assert!(ended.logged.len() >= 6, "{} logged little", case.scenario);
    assert_each_once(case.scenario, &ended.logged, &stage.received());
    assert_eq!(
        stage.sessions(),
        case.sessions,
        "sessions of {}",
        case.scenario
    );
}

#[test]
fn a_fork_in_any_phase_disturbs_nobody_and_loses_nothing() {
    let program = project().join("tests/safety/fork_matrix.c");
    let program = compile(&program, library(), Build::Shared);
    for round in 0..rounds("TIDEGATE_FORK_ROUNDS") {
        for case in CASES {
            eprintln!("round {round}: {}", case.scenario);
            run(&program, case);
        }
    }
}
