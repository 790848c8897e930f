//! The barrier: a panic in any family of calls becomes a status, and the process goes on.

use std::process::Command;

use super::support::{Build, compile, limited, panicking_library, project, succeed};

#[test]
fn a_panic_becomes_a_status() {
    let source = project().join("tests/c/panics/panics.c");
    let library = panicking_library();
    for build in [Build::Shared, Build::Sanitized] {
        let program = compile(&source, &library, build);
        let output = succeed(limited(program).arg(project().join("examples/rules/shop.json")));
        // The process's own panic hook reports them: proof that panics happened at all.
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(said.contains("asked for by a test"), "{said}");
    }
}

#[test]
fn a_released_library_has_no_panics_on_demand() {
    let manifest = std::fs::read_to_string(project().join("Cargo.toml")).expect("a manifest");
    let default = manifest.lines().find(|line| line.starts_with("default = "));
    assert!(!default.expect("default features").contains("test-panics"));
    let mut nm = Command::new("nm");
    nm.args(["-D", "--defined-only"])
        .arg(&super::support::library().shared);
    let symbols = String::from_utf8(succeed(&mut nm).stdout).expect("ASCII");
    assert!(!symbols.contains("tidegate_test_panic"));
}
