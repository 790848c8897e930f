//! Out-parameters: written at once with a safe default, again on success, never read.

use std::ffi::c_char;

use super::buf::Buf;
use super::evaluate::RESULTS;
use super::result::{Evaluated, ResultId};
use crate::client::EvalResult;
use crate::error::Error;

/// Where a result goes. NULL means that the caller does not want it.
pub(super) struct Out<T>(*mut T);

impl<T> Out<T> {
    /// Claims the place and writes `default`.
    ///
    /// # Safety
    /// `pointer` is NULL or points to writable memory for a `T` that outlives the `Out`.
    pub(super) unsafe fn new(pointer: *mut T, default: T) -> Self {
        let out = Out(pointer);
        out.set(default);
        out
    }

    /// The same for a result that would be lost for ever if it were not taken.
    ///
    /// # Safety
    /// As for [`Out::new`].
    pub(super) unsafe fn required(
        what: &'static str,
        pointer: *mut T,
        default: T,
    ) -> Result<Self, Error> {
        if pointer.is_null() {
            return Err(Error::Null { what });
        }
        // SAFETY: the same contract, passed on.
        Ok(unsafe { Out::new(pointer, default) })
    }

    /// Writes the result.
    pub(super) fn set(&self, value: T) {
        if !self.0.is_null() {
            // SAFETY: not NULL, and `new` was promised writable memory for a `T`. Hosts that lay
            // out memory by hand may not align it.
            unsafe { self.0.write_unaligned(value) };
        }
    }

    /// Writes the result if there is one; otherwise the default stays.
    pub(super) fn set_some(&self, value: Option<T>) {
        if let Some(value) = value {
            self.set(value);
        }
    }

    /// Whether somebody wants the result.
    pub(super) fn is_wanted(&self) -> bool {
        !self.0.is_null()
    }
}

/// Where an owned buffer goes.
pub(super) type OutBuf = Out<*mut Buf>;

impl OutBuf {
    /// Claims the place and writes NULL.
    ///
    /// # Safety
    /// As for [`Out::new`].
    pub(super) unsafe fn buf(pointer: *mut *mut Buf) -> Self {
        // SAFETY: the same contract, passed on.
        unsafe { Out::new(pointer, std::ptr::null_mut()) }
    }

    /// Hands `text` over as a buffer that the caller frees.
    pub(super) fn set_text(&self, text: impl Into<Vec<u8>>) {
        if self.is_wanted() {
            self.set(Buf::into_raw(text.into()));
        }
    }

    /// The same for text that may be absent: then NULL stays.
    pub(super) fn set_optional(&self, text: Option<impl AsRef<str>>) {
        if let Some(text) = text {
            self.set_text(text.as_ref());
        }
    }
}

/// Where the id of a result goes.
pub(super) type OutResult = Out<ResultId>;

impl OutResult {
    /// Gives the result an id that the caller releases.
    pub(super) fn set_result(&self, result: EvalResult) -> Result<(), Error> {
        if self.is_wanted() {
            self.set(RESULTS.insert(Evaluated::new(result))?);
        }
        Ok(())
    }
}

/// Where borrowed text and its length go.
pub(super) struct OutText {
    text: Out<*const c_char>,
    len: Out<usize>,
}

impl OutText {
    /// Claims both places and writes NULL and 0.
    ///
    /// # Safety
    /// As for [`Out::new`], for both pointers.
    pub(super) unsafe fn new(text: *mut *const c_char, len: *mut usize) -> Self {
        OutText {
            // SAFETY: promised by the caller.
            text: unsafe { Out::new(text, std::ptr::null()) },
            // SAFETY: promised by the caller.
            len: unsafe { Out::new(len, 0) },
        }
    }

    /// Writes text that ends in a NUL beyond its length, if there is one.
    pub(super) fn set_some(&self, text: Option<(*const c_char, usize)>) {
        if let Some((text, len)) = text {
            self.text.set(text);
            self.len.set(len);
        }
    }
}
