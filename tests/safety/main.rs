//! Forks, and the end of the process: C programs against a server that decides when to answer.
//!
//! `TIDEGATE_FORK_ROUNDS` and `TIDEGATE_EXIT_ROUNDS` say how often each scenario runs.
#![allow(clippy::pedantic, reason = "tests are read one at a time")]
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]
#![expect(unreachable_pub, reason = "a test binary has no outside")]
#![expect(
    clippy::disallowed_methods,
    reason = "tests run peers on threads and bound their waits by the real clock"
)]

#[expect(
    dead_code,
    reason = "shared with the tests of the boundary, which use all of it"
)]
#[path = "../abi/support.rs"]
mod building;
mod exits;
mod forks;
#[expect(dead_code, reason = "shared with other tests, which use all of it")]
#[path = "../support/scripted.rs"]
mod scripted;
mod stage;

use std::process::Command;

/// A lock with a queue in a table of the process leaves the queues of the parent's threads behind
/// in a forked child: see `src/lock.rs`.
#[test]
fn the_library_uses_no_lock_with_a_table_of_the_process() {
    let mut tree = Command::new(env!("CARGO"));
    tree.current_dir(building::project())
        .args(["tree", "--locked", "--offline", "--all-features"])
        .args(["--edges", "normal", "--prefix", "none"]);
    let output = building::succeed(&mut tree);
    let tree = String::from_utf8_lossy(&output.stdout);
    assert!(tree.contains("arc-swap "), "no list of crates:\n{tree}");
    for unfit in ["parking_lot", "spin ", "dashmap", "crossbeam-channel"] {
        assert!(!tree.contains(unfit), "{unfit} is linked into the library");
    }
}
