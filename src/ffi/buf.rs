//! Text out: an owned buffer the host frees, and a reply a callback fills.

use std::ffi::c_char;

use super::guard::{guard, guard_or};
use super::status::Status;
use super::text::text;
use crate::error::Error;

/// An owned, immutable text. Read it with `tidegate_buf_data` and `tidegate_buf_len`, then free it
/// with `tidegate_buf_free`.
pub struct Buf {
    /// The text and one NUL after it.
    bytes: Vec<u8>,
}

impl Buf {
    /// Moves text, which is UTF-8, into a buffer that the host frees.
    pub(super) fn into_raw(mut bytes: Vec<u8>) -> *mut Buf {
        bytes.reserve_exact(1);
        bytes.push(0);
        Box::into_raw(Box::new(Buf { bytes }))
    }
}

/// Where a callback puts its answer. Valid during the callback only.
pub struct Reply {
    value: Option<Vec<u8>>,
}

impl Reply {
    pub(super) fn new() -> Self {
        Reply { value: None }
    }

    /// What the callback answered, if it did.
    pub(super) fn into_value(self) -> Option<Vec<u8>> {
        self.value
    }
}

/// The bytes of a buffer, with a NUL after the end; "" for NULL. Never NULL itself.
///
/// `buf` is only read; its bytes are borrowed until it is freed.
///
/// Blocks: no. Threads: any. In callbacks: yes. After shutdown: yes. After fork: yes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tidegate_buf_data(buf: *const Buf) -> *const c_char {
    guard_or("tidegate_buf_data", c"".as_ptr(), || {
        // SAFETY: NULL or a live buffer, by the contract of the ABI.
        let buf = unsafe { buf.as_ref() };
        Ok(buf.map_or(c"".as_ptr(), |buf| buf.bytes.as_ptr().cast()))
    })
}

/// The length of a buffer in bytes, without the NUL; 0 for NULL.
///
/// `buf` is only read.
///
/// Blocks: no. Threads: any. In callbacks: yes. After shutdown: yes. After fork: yes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tidegate_buf_len(buf: *const Buf) -> usize {
    guard_or("tidegate_buf_len", 0, || {
        // SAFETY: NULL or a live buffer, by the contract of the ABI.
        let buf = unsafe { buf.as_ref() };
        Ok(buf.map_or(0, |buf| buf.bytes.len().saturating_sub(1)))
    })
}

/// Frees a buffer.
///
/// `buf` may be NULL, and is freed once.
///
/// Blocks: no. Threads: any. In callbacks: yes. After shutdown: yes. After fork: yes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tidegate_buf_free(buf: *mut Buf) {
    guard_or("tidegate_buf_free", (), || {
        if !buf.is_null() {
            // SAFETY: made by `Buf::into_raw` and freed once, by the contract of the ABI.
            drop(unsafe { Box::from_raw(buf) });
        }
        Ok(())
    });
}

/// Inside a callback that was given a reply: copies the answer. A second call replaces the first.
///
/// `reply` is the one that the callback was given. `value` is copied before the call returns.
/// Without a call there is no answer ("not found").
///
/// Blocks: no. Threads: the one the callback runs on. In callbacks: only there. After shutdown:
/// yes. After fork: yes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tidegate_reply_set(
    reply: *mut Reply,
    value: *const c_char,
    value_len: usize,
) -> Status {
    guard("tidegate_reply_set", || {
        // SAFETY: NULL or the reply of the running callback, by the contract of the ABI.
        let reply = unsafe { reply.as_mut() }.ok_or(Error::Null { what: "reply" })?;
        // SAFETY: the caller's text, by the contract of the ABI.
        let value = unsafe { text("value", value, value_len) }?;
        reply.value = Some(value.as_bytes().to_vec());
        Ok(())
    })
}
