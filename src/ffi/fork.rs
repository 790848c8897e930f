//! What happens around `fork`, by itself and when a host with hooks of its own says so.
//!
//! Before: clients come to a safe point, and the locks of this folder are taken, so that the child
//! inherits nothing half done. After: the parent goes on; the child makes its locks afresh (threads
//! that waited for them do not exist there) and tells its clients. Handlers only touch memory.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Once;
use std::sync::atomic::{AtomicBool, AtomicI32, Ordering};

use parking_lot::lock_api::RawMutex as _;
use parking_lot::{Mutex, RawMutex};

use super::clients;
use super::evaluate::RESULTS;
use super::options::OPTIONS;
use super::user::USERS;

/// Clients are at a safe point.
static IS_QUIET: AtomicBool = AtomicBool::new(false);
/// The process whose clients know that they live in it.
static PROCESS: AtomicI32 = AtomicI32::new(0);

/// Asks the system, once, to be told of forks.
pub(super) fn register() {
    static REGISTERED: Once = Once::new();
    REGISTERED.call_once(|| {
        PROCESS.store(process(), Ordering::Release);
        // SAFETY: the handlers are functions of this library, which is linked to stay loaded.
        unsafe { libc::pthread_atfork(Some(prepare), Some(parent), Some(child)) };
    });
}

fn process() -> i32 {
    // SAFETY: getpid cannot fail and touches nothing.
    unsafe { libc::getpid() }
}

/// Brings clients to a safe point, if they are not at one.
pub(super) fn before() {
    if !IS_QUIET.swap(true, Ordering::AcqRel) {
        clients::for_each(|client, _| client.before_fork());
    }
}

/// Lets the clients of the parent go on, if they wait.
pub(super) fn after_in_parent() {
    if IS_QUIET.swap(false, Ordering::AcqRel) {
        clients::for_each(|client, _| client.after_fork_parent());
    }
}

/// Tells clients that they live in another process now, if they do not know.
pub(super) fn after_in_child() {
    let process = process();
    if PROCESS.swap(process, Ordering::AcqRel) != process {
        IS_QUIET.store(false, Ordering::Release);
        clients::for_each(|client, gate| {
            gate.after_fork_child();
            client.after_fork_child();
        });
    }
}

extern "C" fn prepare() {
    contained(|| {
        clients::lock_for_fork();
        before();
        OPTIONS.lock_for_fork();
        USERS.lock_for_fork();
        RESULTS.lock_for_fork();
    });
}

extern "C" fn parent() {
    contained(|| {
        RESULTS.unlock_in_parent();
        USERS.unlock_in_parent();
        OPTIONS.unlock_in_parent();
        after_in_parent();
        clients::unlock_in_parent();
    });
}

extern "C" fn child() {
    contained(|| {
        RESULTS.unlock_in_child();
        USERS.unlock_in_child();
        OPTIONS.unlock_in_child();
        clients::unlock_in_child();
        after_in_child();
    });
}

/// The system calls the handlers: nothing may unwind out of them.
fn contained(body: impl FnOnce()) {
    let _ = catch_unwind(AssertUnwindSafe(body));
}

/// Makes a lock afresh that this thread, the only one of a forked child, holds.
pub(super) fn reset<T>(lock: &Mutex<T>) {
    // SAFETY: the raw lock is only overwritten, while no guard and no other thread exists.
    let raw = unsafe { lock.raw() };
    let raw = std::ptr::from_ref(raw).cast_mut();
    // SAFETY: a raw lock is one atomic word, so writing it through a shared place is allowed.
    unsafe { raw.write(RawMutex::INIT) };
}
