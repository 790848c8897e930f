//! What happens around `fork`, by itself and when a host with hooks of its own says so.
//!
//! Before: clients come to a safe point, and the locks of this folder are taken, so that the child
//! inherits nothing half done. After: both sides give the locks back, and the child tells its
//! clients. Handlers only touch memory.

use std::cell::UnsafeCell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicI32, AtomicPtr, Ordering};

use crate::lock::{Mutex, MutexGuard};

use super::clients;
use super::evaluate::RESULTS;
use super::options::OPTIONS;
use super::user::USERS;

/// Clients are at a safe point.
static IS_QUIET: AtomicBool = AtomicBool::new(false);
/// The process whose clients know that they live in it.
static PROCESS: AtomicI32 = AtomicI32::new(0);
/// Says that this is that process, on a page which the system empties in a child. Asking the system
/// for the process takes longer than logging an event. NULL where there is no such page.
static IS_KNOWN: AtomicPtr<AtomicBool> = AtomicPtr::new(std::ptr::null_mut());

/// Asks the system, once, to be told of forks and of the end of the process. Nobody waits for
/// whoever is at it: a fork in between would leave the child waiting for ever.
pub(super) fn register() {
    static IS_REGISTERED: AtomicBool = AtomicBool::new(false);
    if IS_REGISTERED.swap(true, Ordering::AcqRel) {
        return;
    }
    PROCESS.store(process(), Ordering::Release);
    IS_KNOWN.store(page_wiped_by_fork(), Ordering::Release);
    know_process();
    // SAFETY: the handlers are functions of this library, which is linked to stay loaded.
    unsafe { libc::pthread_atfork(Some(prepare), Some(parent), Some(child)) };
    // SAFETY: as above.
    unsafe { libc::atexit(at_exit) };
}

fn process() -> i32 {
    // SAFETY: getpid cannot fail and touches nothing.
    unsafe { libc::getpid() }
}

/// A page of zeros that is one of zeros again in each child; NULL if the system has none to give.
#[cfg(target_os = "linux")]
fn page_wiped_by_fork() -> *mut AtomicBool {
    const BYTES: usize = size_of::<AtomicBool>();
    let (rights, kind) = (
        libc::PROT_READ | libc::PROT_WRITE,
        libc::MAP_PRIVATE | libc::MAP_ANONYMOUS,
    );
    // SAFETY: maps new memory, which nobody else has.
    let page = unsafe { libc::mmap(std::ptr::null_mut(), BYTES, rights, kind, -1, 0) };
    if page == libc::MAP_FAILED {
        return std::ptr::null_mut();
    }
    // SAFETY: the page was mapped above.
    if unsafe { libc::madvise(page, BYTES, libc::MADV_WIPEONFORK) } == 0 {
        return page.cast();
    }
    // SAFETY: the page was mapped above, and nobody has it.
    unsafe { libc::munmap(page, BYTES) };
    std::ptr::null_mut()
}

#[cfg(not(target_os = "linux"))]
fn page_wiped_by_fork() -> *mut AtomicBool {
    std::ptr::null_mut()
}

/// The mark of a process that is known.
fn known() -> Option<&'static AtomicBool> {
    let page = IS_KNOWN.load(Ordering::Acquire);
    // SAFETY: NULL, or a page of zeros or of this mark that stays mapped.
    unsafe { page.as_ref() }
}

fn know_process() {
    if let Some(known) = known() {
        known.store(true, Ordering::Release);
    }
}

/// Brings clients to a safe point, if they are not at one.
pub(super) fn before() {
    if !IS_QUIET.swap(true, Ordering::AcqRel) {
        crate::client::before_fork();
    }
}

/// In the parent: the next fork has to wait for a safe point again.
pub(super) fn after_in_parent() {
    IS_QUIET.store(false, Ordering::Release);
}

/// Notices a fork that went past the C library's `fork` and of which the host did not tell, before
/// a call that delivers, waits or starts threads.
pub(super) fn notice() {
    let is_known = known().is_some_and(|known| known.load(Ordering::Acquire));
    if !is_known && PROCESS.load(Ordering::Acquire) != process() {
        after_in_child();
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
    know_process();
}

extern "C" fn prepare() {
    contained(|| {
        before();
        clients::lock_for_fork();
        OPTIONS.lock_for_fork();
        USERS.lock_for_fork();
        RESULTS.lock_for_fork();
    });
}

extern "C" fn parent() {
    contained(|| {
        RESULTS.unlock_after_fork();
        USERS.unlock_after_fork();
        OPTIONS.unlock_after_fork();
        clients::unlock_after_fork();
        after_in_parent();
    });
}

extern "C" fn child() {
    contained(|| {
        RESULTS.unlock_after_fork();
        USERS.unlock_after_fork();
        OPTIONS.unlock_after_fork();
        clients::unlock_after_fork();
        after_in_child();
    });
}

/// The end of the process by `exit` or a return from `main`: accepted events go to the spool.
extern "C" fn at_exit() {
    contained(|| {
        notice();
        clients::for_each(|client, _| client.spool_at_exit());
    });
}

/// The system calls the handlers: nothing may unwind out of them.
fn contained(body: impl FnOnce()) {
    let _ = catch_unwind(AssertUnwindSafe(body));
}

/// A mutex that can be held from before a fork until after it, on both sides.
pub(super) struct ForkMutex<T: 'static> {
    mutex: Mutex<T>,
    /// The guard during a fork; only whoever has it looks here.
    held: UnsafeCell<Option<MutexGuard<'static, T>>>,
}

// SAFETY: `held` is only touched by the thread that holds `mutex`.
unsafe impl<T: Send> Sync for ForkMutex<T> {}

impl<T> ForkMutex<T> {
    pub(super) const fn new(value: T) -> Self {
        ForkMutex {
            mutex: Mutex::new(value),
            held: UnsafeCell::new(None),
        }
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, T> {
        self.mutex.lock()
    }

    /// Before a fork: keeps what it guards whole in the child.
    pub(super) fn lock_for_fork(&'static self) {
        let guard = self.mutex.lock();
        // SAFETY: this thread holds the mutex.
        unsafe { *self.held.get() = Some(guard) };
    }

    /// After a fork. In the child this thread is the copy of the one that locked.
    pub(super) fn unlock_after_fork(&'static self) {
        // SAFETY: this thread holds the mutex since `lock_for_fork`.
        let guard = unsafe { (*self.held.get()).take() };
        drop(guard);
    }
}
