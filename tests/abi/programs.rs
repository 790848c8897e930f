//! The C programs in `tests/c`: as they are, under sanitizers, under Valgrind.

use std::path::PathBuf;
use std::process::Command;

use super::support::{Build, compile, library, limited, project, succeed, valgrind};

/// How long the programs go on: as they are, where every instruction is checked, and where a leak
/// of a few bytes has to show.
const ROUNDS: &str = "1000";
const ROUNDS_CHECKED: &str = "100";
const ROUNDS_FLAT: &str = "100000";

fn sources(folder: &str) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(project().join(folder)).expect("a folder");
    let paths = entries.map(|entry| entry.expect("an entry").path());
    let mut sources: Vec<PathBuf> = paths
        .filter(|path| path.extension().is_some_and(|extension| extension == "c"))
        .collect();
    sources.sort();
    assert!(sources.len() >= 3, "the programs are not there");
    sources
}

/// Adds what every program is given: the rules, and how long to go on.
fn given<'a>(command: &'a mut Command, rounds: &str) -> &'a mut Command {
    command
        .arg(project().join("examples/rules/shop.json"))
        .arg(rounds)
}

#[test]
fn programs_do_what_they_check() {
    for source in sources("tests/c") {
        let program = compile(&source, library(), Build::Shared);
        succeed(given(&mut limited(program), ROUNDS));
    }
}

#[test]
#[expect(
    clippy::disallowed_methods,
    reason = "whoever runs the tests says how long a long run is"
)]
fn calls_leave_the_heap_as_it_was() {
    let program = compile(
        &project().join("tests/c/memory.c"),
        library(),
        Build::Shared,
    );
    let rounds = std::env::var("TIDEGATE_FLAT_ROUNDS");
    let rounds = rounds.as_deref().unwrap_or(ROUNDS_FLAT);
    succeed(given(&mut limited(program), rounds));
}

#[test]
fn programs_are_clean_under_sanitizers() {
    for source in sources("tests/c") {
        let program = compile(&source, library(), Build::Sanitized);
        succeed(given(&mut limited(program), ROUNDS_CHECKED));
    }
}

#[test]
fn programs_are_clean_under_valgrind() {
    for source in sources("tests/c") {
        let program = compile(&source, library(), Build::Shared);
        succeed(given(&mut valgrind(&program), ROUNDS_CHECKED));
    }
}

/// Runs a program that has to be stopped by what checks it.
fn caught(command: &mut Command, by: &str) {
    let output = given(command, "1").output().expect("a program that starts");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success(), "{command:?} was not caught");
    assert!(
        said.contains(by),
        "{command:?} failed for another reason:\n{said}"
    );
}

#[test]
fn the_sanitizers_catch_what_they_should() {
    let expected = [
        ("leaks", "detected memory leaks"),
        ("overflows", "signed integer overflow"),
        ("reads_freed", "heap-use-after-free"),
    ];
    for (source, (name, by)) in sources("tests/c/bad").iter().zip(expected) {
        assert!(source.ends_with(format!("{name}.c")));
        caught(
            &mut limited(compile(source, library(), Build::Sanitized)),
            by,
        );
    }
}

#[test]
fn valgrind_catches_what_it_should() {
    for (name, by) in [
        ("leaks", "definitely lost"),
        ("reads_freed", "Invalid read"),
    ] {
        let source = project().join(format!("tests/c/bad/{name}.c"));
        caught(
            &mut valgrind(&compile(&source, library(), Build::Shared)),
            by,
        );
    }
}
