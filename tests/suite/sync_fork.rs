//! Real forks of a process whose client syncs.
//!
//! The servers of these tests live in the parent; the child talks to them over loopback, checks
//! what it sees, and ends without running anything of the test harness.

use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::json;
use tidegate::client::{Client, Flags};
use tidegate::host::Hooks;
use tidegate::user::User;

use crate::support::lists::{FILE, Lists, letters};
use crate::support::scripted::Reply;
use crate::support::service::{SPECS, client, lcut, options, service, since, specs, started};

/// Runs `child` in a forked process and returns whether it said yes in time.
fn in_child(child: impl FnOnce() -> bool) -> bool {
    // SAFETY: the child calls only the library under test and `_exit`.
    let pid = unsafe { libc::fork() };
    assert!(pid >= 0, "cannot fork");
    if pid == 0 {
        // SAFETY: ends the child by itself if it hangs.
        unsafe { libc::alarm(20) };
        let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(child));
        // SAFETY: ends the child without destructors and without the harness.
        unsafe { libc::_exit(i32::from(!matches!(outcome, Ok(true)))) };
    }
    let mut status = 0;
    // SAFETY: `status` is writable; the child ends by itself within its alarm.
    let waited = unsafe { libc::waitpid(pid, &raw mut status, 0) };
    waited == pid && libc::WIFEXITED(status) && libc::WEXITSTATUS(status) == 0
}

fn check(client: &Arc<Client>) -> bool {
    let user = Arc::new(User::from_json(r#"{"userID": "u"}"#).expect("a user"));
    client.check_gate(&user, "g", Flags::default()).is_ok()
}

/// Waits in the child, which must not use the helpers that panic.
fn comes_true(mut condition: impl FnMut() -> bool) -> bool {
    let deadline = Instant::now() + Duration::from_secs(15);
    while !condition() {
        if Instant::now() > deadline {
            return false;
        }
        std::thread::park_timeout(Duration::from_millis(2));
    }
    true
}

#[test]
fn a_child_evaluates_at_once_and_polls_by_itself() {
    let m = service()
        .specs(|_, request| {
            let is_child = since(std::slice::from_ref(request)) == [200];
            Reply::json(specs(if is_child { 300 } else { 200 }))
        })
        .start();
    let more = json!({"idlists_sync_interval": 3600, "rulesets_sync_interval": 3600});
    let client = started(&options(&m, more), Hooks::default());
    let session = client.context().session_id();
    let is_fine = in_child(|| {
        client.after_fork_child();
        let evaluates = check(&client) && lcut(&client) == 200;
        let refreshed = client.sync_now(15_000).is_ok() && lcut(&client) == 300;
        let is_someone_else = client.context().session_id() != session;
        let ends = client.shutdown(15_000).is_ok();
        evaluates && refreshed && is_someone_else && ends
    });
    assert!(is_fine);
    assert_eq!(lcut(&client), 200, "the parent is as it was");
    let sessions: Vec<_> = m
        .requests_to(SPECS)
        .iter()
        .map(|request| {
            request
                .header("statsig-server-session-id")
                .expect("a session")
                .to_owned()
        })
        .collect();
    assert_eq!(sessions.len(), 2);
    assert_ne!(sessions[0], sessions[1]);
    client
        .sync_now(30_000)
        .expect("the parent's thread is alive");
}

#[test]
fn a_child_goes_on_with_an_initialize_that_its_parent_has_begun() {
    let m = service().specs_with_delay(0).start();
    let client = client(&options(&m, json!({})), Hooks::default());
    client.initialize(0).expect("begun");
    m.wait_for(SPECS, 1);
    assert!(in_child(|| {
        client.after_fork_child();
        client.initialize(15_000).is_ok() && check(&client) && client.shutdown(15_000).is_ok()
    }));
    assert!(in_child(|| {
        client.after_fork_child();
        client.wait_initialized(15_000).is_ok() && check(&client)
    }));
    client.shutdown(10_000).expect("shut down");
}

#[test]
fn siblings_have_sessions_of_their_own() {
    let m = service().start();
    let more = json!({"idlists_sync_interval": 3600, "rulesets_sync_interval": 3600});
    let client = started(&options(&m, more), Hooks::default());
    for _ in 0..2 {
        assert!(in_child(|| {
            client.after_fork_child();
            check(&client) && client.sync_now(15_000).is_ok()
        }));
    }
    let sessions: std::collections::HashSet<_> = m
        .requests_to(SPECS)
        .iter()
        .map(|request| {
            request
                .header("statsig-server-session-id")
                .map(str::to_owned)
        })
        .collect();
    assert_eq!(sessions.len(), 3, "the parent and two children");
}

/// The thread of the parent is inside a request, with whatever it holds.
#[test]
fn a_fork_in_the_middle_of_a_request_does_not_hang_the_child() {
    let m = service().specs_with_delay(1).start();
    let client = started(&options(&m, json!({})), Hooks::default());
    m.wait_for(SPECS, 2);
    assert!(in_child(|| {
        client.after_fork_child();
        let asked_before = check(&client);
        asked_before && client.sync_now(15_000).is_ok() && client.shutdown(15_000).is_ok()
    }));
    client.shutdown(10_000).expect("shut down");
}

#[test]
fn a_child_of_an_initializing_parent_initializes_itself() {
    let m = service().specs_with_delay(0).start();
    let client = client(&options(&m, json!({})), Hooks::default());
    client.initialize(0).expect("begun");
    m.wait_for(SPECS, 1);
    assert!(in_child(|| {
        client.after_fork_child();
        let _ = check(&client);
        client.wait_initialized(15_000).is_ok() && lcut(&client) == 100
    }));
    client.shutdown(10_000).expect("shut down");
}

#[test]
fn a_child_keeps_its_parents_id_lists_and_continues_them() {
    let lists = Lists::new();
    lists.file("l", &FILE[..6]);
    lists.announce(&[("l", 6, "f1", 1)]);
    let more = json!({"idlists_sync_interval": 3600, "rulesets_sync_interval": 3600});
    let client = started(&options(&lists.server, more), Hooks::default());
    lists.file("l", FILE);
    lists.announce(&[("l", 12, "f1", 1)]);
    assert!(in_child(|| {
        client.after_fork_child();
        let before = check(&client) && letters(&client, "l").as_deref() == Some("ab");
        before
            && client.sync_now(15_000).is_ok()
            && comes_true(|| letters(&client, "l").as_deref() == Some("bc"))
    }));
    assert_eq!(
        lists.ranges(),
        ["bytes=0-", "bytes=6-"],
        "not from the start"
    );
}

#[test]
fn a_child_that_only_evaluates_asks_nobody() {
    let m = service().start();
    let more = json!({
        "on_fork": "evaluate_only", "idlists_sync_interval": 3600, "rulesets_sync_interval": 3600,
    });
    let client = started(&options(&m, more), Hooks::default());
    let asked = m.requests().len();
    assert!(in_child(|| {
        client.after_fork_child();
        check(&client) && client.sync_now(15_000).is_err() && client.shutdown(15_000).is_ok()
    }));
    assert_eq!(m.requests().len(), asked);
}

/// A new thread of a child gets the memory of a thread that only the parent has. Whatever still
/// points there (a queue of waiting threads, for one) shows sooner or later as a child that hangs.
#[test]
fn no_child_of_many_hangs() {
    let m = service().start();
    let more = json!({"idlists_sync_interval": 3600, "rulesets_sync_interval": 3600});
    let client = started(&options(&m, more), Hooks::default());
    for number in 0..30 {
        let is_fine = in_child(|| {
            client.after_fork_child();
            check(&client) && client.sync_now(15_000).is_ok() && client.shutdown(15_000).is_ok()
        });
        assert!(is_fine, "child {number}");
    }
}
