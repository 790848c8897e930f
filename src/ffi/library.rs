//! What belongs to no client: versions, status names, the last error, the log sink, fork hooks.

use std::cell::Cell;
use std::ffi::c_char;
use std::sync::Arc;

use super::guard::{guard, guard_or};
use super::host::Registered;
use super::status::{self, Status};
use super::vtables::{self, LogVtable, Vtable};
use super::{fork, last_error};
use crate::error::Error;
use crate::options::LogLevel;
use crate::report::log::{LogSink, set_sink};

/// Raised when a program built against an older header would break.
pub const TIDEGATE_ABI_MAJOR: u32 = 1;
/// Raised when something was added.
pub const TIDEGATE_ABI_MINOR: u32 = 0;

/// Level of the output log: nothing.
pub const TIDEGATE_LOG_NONE: i32 = 0;
/// Level of the output log: errors.
pub const TIDEGATE_LOG_ERROR: i32 = 1;
/// Level of the output log: warnings too.
pub const TIDEGATE_LOG_WARNING: i32 = 2;
/// Level of the output log: events of note too.
pub const TIDEGATE_LOG_INFO: i32 = 3;
/// Level of the output log: everything.
pub const TIDEGATE_LOG_DEBUG: i32 = 4;

/// The ABI of the loaded library as `major << 16 | minor`. Compare it with `TIDEGATE_ABI_MAJOR`
/// and `TIDEGATE_ABI_MINOR` before anything else: majors must be equal, and the library's minor
/// must not be below that of the header.
///
/// Blocks: no. Threads: any. In callbacks: yes. After shutdown: yes. After fork: yes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tidegate_abi_version() -> u32 {
    guard_or("tidegate_abi_version", 0, || {
        Ok(TIDEGATE_ABI_MAJOR << 16 | TIDEGATE_ABI_MINOR)
    })
}

/// The release of the loaded library, for example "0.1.0". Static.
///
/// Blocks: no. Threads: any. In callbacks: yes. After shutdown: yes. After fork: yes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tidegate_version() -> *const c_char {
    guard_or("tidegate_version", c"".as_ptr(), || {
        Ok(concat!(env!("CARGO_PKG_VERSION"), "\0").as_ptr().cast())
    })
}

/// How the loaded library was built, as JSON: `version`, `abi_major`, `target`, `libc`, `profile`,
/// `features`, `tls`, `source_id` and, where the builder told it, `git`. Static.
///
/// Blocks: no. Threads: any. In callbacks: yes. After shutdown: yes. After fork: yes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tidegate_build_info() -> *const c_char {
    guard_or("tidegate_build_info", c"".as_ptr(), || {
        Ok(concat!(env!("TIDEGATE_BUILD_INFO"), "\0").as_ptr().cast())
    })
}

/// The name of a status, for example `TIDEGATE_E_HANDLE`. Static; never NULL.
///
/// Blocks: no. Threads: any. In callbacks: yes. After shutdown: yes. After fork: yes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tidegate_status_name(status: Status) -> *const c_char {
    guard_or("tidegate_status_name", c"".as_ptr(), || {
        Ok(status::name(status).as_ptr())
    })
}

/// Copies the message of this thread's last failed call and returns its length without the NUL.
/// A call that succeeds leaves the message alone.
///
/// `buf` receives at most `cap` bytes, the last one a NUL; it may be NULL if `cap` is 0. A result
/// of `cap` or more means that the message was cut.
///
/// Blocks: no. Threads: any. In callbacks: yes. After shutdown: yes. After fork: yes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tidegate_last_error(buf: *mut c_char, cap: usize) -> usize {
    guard_or("tidegate_last_error", 0, || {
        last_error::with(|message| {
            // SAFETY: the caller's buffer, by the contract of the ABI.
            unsafe { copy_cut(message, buf, cap) };
            Ok(message.len())
        })
    })
}

/// Copies as much of `message` as fits in front of a NUL, cut at a character boundary.
///
/// # Safety
/// `buf` is NULL or points to `cap` writable bytes.
unsafe fn copy_cut(message: &str, buf: *mut c_char, cap: usize) {
    let Some(room) = cap.checked_sub(1) else {
        return;
    };
    if buf.is_null() {
        return;
    }
    let mut fits = message.len().min(room);
    while !message.is_char_boundary(fits) {
        fits -= 1;
    }
    // SAFETY: `fits` is within the message and below `cap`.
    unsafe { std::ptr::copy_nonoverlapping(message.as_ptr().cast(), buf, fits) };
    // SAFETY: `fits` is below `cap`.
    let end = unsafe { buf.add(fits) };
    // SAFETY: `end` is the byte at `fits`.
    unsafe { end.write(0) };
}

/// Sends what the library logs to the host. For the whole process, all clients.
///
/// `vtable` is read during the call; its `user_data` is destroyed when the sink has been replaced
/// and is not in use any more, or at once if the call fails. NULL removes the sink: then only
/// clients whose options name a level write lines, to standard error.
/// The sink may be called on any thread. Nothing is logged from within the sink.
///
/// Blocks: no. Threads: any. In callbacks: yes. After shutdown: yes. After fork: yes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tidegate_set_log_sink(vtable: *const LogVtable) -> Status {
    guard("tidegate_set_log_sink", || {
        // SAFETY: the caller's struct, by the contract of the ABI.
        let sink = unsafe { HostLog::read(vtable) }?;
        set_sink(sink);
        Ok(())
    })
}

/// To be called right before `fork` by a host that does not go through the C library's `fork`.
/// Otherwise not needed: the library registers itself with `pthread_atfork`. Calling it anyway
/// does no harm.
///
/// Blocks: shortly. Threads: the one that forks. In callbacks: no. After shutdown: yes. After fork:
/// yes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tidegate_before_fork() -> Status {
    guard("tidegate_before_fork", || {
        fork::before();
        Ok(())
    })
}

/// To be called in the parent after `tidegate_before_fork` and `fork`.
///
/// Blocks: no. Threads: the one that forked. In callbacks: no. After shutdown: yes. After fork:
/// yes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tidegate_after_fork_parent() -> Status {
    guard("tidegate_after_fork_parent", || {
        fork::after_in_parent();
        Ok(())
    })
}

/// To be called first thing in the child after `fork`, by the same hosts. In a process that is not
/// a fresh child it does nothing.
///
/// Blocks: no. Threads: the one that forked. In callbacks: no. After shutdown: yes. After fork:
/// yes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tidegate_after_fork_child() -> Status {
    guard("tidegate_after_fork_child", || {
        fork::after_in_child();
        Ok(())
    })
}

/// The host's log function.
struct HostLog {
    host: Arc<Registered<LogVtable>>,
    level: LogLevel,
}

thread_local! {
    static IS_LOGGING: Cell<bool> = const { Cell::new(false) };
}

impl HostLog {
    /// # Safety
    /// `vtable` is NULL or points to a struct of the size that its first field says.
    unsafe fn read(vtable: *const LogVtable) -> Result<Option<Arc<dyn LogSink>>, Error> {
        if vtable.is_null() {
            return Ok(None);
        }
        // SAFETY: the same contract, passed on.
        let vtable = unsafe { vtables::read(vtable) }?;
        let host = Registered::new(vtable, vtable.host_data());
        let level = match vtable.level {
            TIDEGATE_LOG_NONE => LogLevel::None,
            TIDEGATE_LOG_ERROR => LogLevel::Error,
            TIDEGATE_LOG_WARNING => LogLevel::Warning,
            TIDEGATE_LOG_INFO => LogLevel::Info,
            TIDEGATE_LOG_DEBUG => LogLevel::Debug,
            _ => return Err(Error::argument("level", "expected 0 to 4")),
        };
        Ok(Some(Arc::new(HostLog { host, level })))
    }
}

impl LogSink for HostLog {
    fn log(&self, level: LogLevel, tag: &str, message: &str) {
        let Some(log) = self.host.function().log else {
            return;
        };
        if IS_LOGGING.replace(true) {
            return;
        }
        let (tag_len, len) = (tag.len(), message.len());
        let (tag, message) = (tag.as_ptr().cast(), message.as_ptr().cast());
        let user_data = self.host.user_data();
        // SAFETY: the host's function, with its own data and texts that outlive the call.
        unsafe { log(user_data, level as i32, tag, tag_len, message, len) };
        IS_LOGGING.set(false);
    }

    fn level(&self) -> LogLevel {
        self.level
    }
}

#[cfg(test)]
mod tests {
    use std::ffi::CStr;

    use super::*;

    #[test]
    fn the_last_error_is_cut_to_the_buffer() {
        last_error::set(format_args!("gr\u{fc}n"));
        let mut buf = [c_char::MAX; 8];
        for (cap, expected) in [
            (0, None),
            (1, Some(c"")),
            (4, Some(c"gr")),
            (8, Some(c"gr\u{fc}n")),
        ] {
            // SAFETY: the buffer is ours and at least `cap` long.
            let len = unsafe { tidegate_last_error(buf.as_mut_ptr(), cap) };
            assert_eq!(len, 5);
            if let Some(expected) = expected {
                // SAFETY: the call above wrote a NUL.
                let text = unsafe { CStr::from_ptr(buf.as_ptr()) };
                assert_eq!(text, expected);
            }
        }
        // SAFETY: NULL asks for the length only.
        assert_eq!(unsafe { tidegate_last_error(std::ptr::null_mut(), 9) }, 5);
    }
}
