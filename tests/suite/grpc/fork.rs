//! A forked child has a stream of its own.

use serde_json::json;

use super::{beside, listening, proxied, wait_for_lcut};
use crate::support::forward_proxy::{ForwardProxy, accept, message};
use crate::support::scripted::{PATIENCE, wait_until};
use crate::support::service::lcut;

/// Runs `body` in a child; its end is the child's exit code.
#[expect(unsafe_code, reason = "forking is what is tested")]
fn forked(body: impl FnOnce() -> i32) -> libc::pid_t {
    // SAFETY: the child only runs `body` and then leaves without unwinding into the test harness.
    let pid = unsafe { libc::fork() };
    assert!(pid >= 0, "no child");
    if pid == 0 {
        let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(body));
        // SAFETY: ends the child at once, whatever its parent's threads held.
        unsafe { libc::_exit(outcome.unwrap_or(99)) };
    }
    pid
}

#[expect(unsafe_code, reason = "forking is what is tested")]
fn exit_code(pid: libc::pid_t) -> i32 {
    let mut status = 0;
    wait_until("the child ends", || {
        // SAFETY: `status` is writable; the process is our child.
        let done = unsafe { libc::waitpid(pid, &raw mut status, libc::WNOHANG) };
        done == pid
    });
    assert!(libc::WIFEXITED(status), "the child crashed: {status}");
    libc::WEXITSTATUS(status)
}

#[test]
fn a_child_opens_a_stream_and_the_parents_stays() {
    let (mut proxy, m) = (ForwardProxy::start(), beside());
    proxy.script(&[message(100)], &[accept(&[])]);
    let (client, _) = listening(&proxied(&proxy, &m, json!({}), json!({})));
    proxy.wait_for("stream", 1);
    let in_child = std::sync::Arc::clone(&client);
    let pid = forked(move || {
        in_child.after_fork_child();
        // The first use starts what the child needs.
        let _ = in_child.flush(0);
        let deadline = std::time::Instant::now() + PATIENCE;
        while lcut(&in_child) != 200 {
            if std::time::Instant::now() > deadline {
                return 1;
            }
            std::thread::park_timeout(std::time::Duration::from_millis(2));
        }
        0
    });
    let streams = proxy.wait_for("stream", 2);
    assert_eq!(streams[1]["since"], 100, "what the child has inherited");
    assert!(proxy.events("closed").is_empty());
    proxy.send(&message(200));
    wait_for_lcut(&client, 200);
    assert_eq!(exit_code(pid), 0);
    proxy.send(&message(300));
    wait_for_lcut(&client, 300);
}
