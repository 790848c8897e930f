//! Text in: `(pointer, length)` to `&str`, checked once. The only reader of the caller's text.

use std::ffi::{CStr, c_char};

use crate::error::Error;

/// As a length: the text ends at its NUL.
const UP_TO_NUL: usize = usize::MAX;

/// Longer text is a mistake, most likely a negative number read as a length.
const TEXT_MAX_BYTES: usize = 1 << 30;

/// Text that has to be there. It may be empty.
///
/// # Safety
/// `pointer` is NULL or points to `len` bytes (or up to a NUL) that live as long as `'a`.
pub(super) unsafe fn text<'a>(
    what: &'static str,
    pointer: *const c_char,
    len: usize,
) -> Result<&'a str, Error> {
    // SAFETY: the same contract, passed on.
    unsafe { optional_text(what, pointer, len) }?.ok_or(Error::Null { what })
}

/// Text that may be absent: NULL with length 0 or `TIDEGATE_NUL`.
///
/// # Safety
/// `pointer` is NULL or points to `len` bytes (or up to a NUL) that live as long as `'a`.
pub(super) unsafe fn optional_text<'a>(
    what: &'static str,
    pointer: *const c_char,
    len: usize,
) -> Result<Option<&'a str>, Error> {
    if pointer.is_null() {
        return match len {
            0 | UP_TO_NUL => Ok(None),
            _ => Err(Error::Null { what }),
        };
    }
    let bytes = if len == UP_TO_NUL {
        // SAFETY: the caller promises a NUL by passing this length.
        unsafe { CStr::from_ptr(pointer) }.to_bytes()
    } else if len > TEXT_MAX_BYTES {
        return Err(Error::argument(what, "is longer than 1 GiB"));
    } else {
        // SAFETY: not NULL, and the caller promises `len` bytes.
        unsafe { std::slice::from_raw_parts(pointer.cast::<u8>(), len) }
    };
    if bytes.is_ascii() {
        // Names mostly are, and this test is several times cheaper than the general one.
        // SAFETY: ASCII is UTF-8.
        return Ok(Some(unsafe { std::str::from_utf8_unchecked(bytes) }));
    }
    match std::str::from_utf8(bytes) {
        Ok(text) => Ok(Some(text)),
        Err(_) => Err(Error::Utf8 { what }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(pointer: *const c_char, len: usize) -> Result<Option<&'static str>, Error> {
        // SAFETY: the tests pass literals, or lengths that are refused before any read.
        unsafe { optional_text("name", pointer, len) }
    }

    #[test]
    fn lengths_and_absence() {
        let hello = c"hello".as_ptr();
        assert_eq!(read(hello, 2).expect("text"), Some("he"));
        assert_eq!(read(hello, UP_TO_NUL).expect("text"), Some("hello"));
        assert_eq!(
            read(hello, 6).expect("interior NUL is text"),
            Some("hello\0")
        );
        assert_eq!(read(hello, 0).expect("empty is not absent"), Some(""));
        assert_eq!(read(std::ptr::null(), 0).expect("absent"), None);
        assert_eq!(read(std::ptr::null(), UP_TO_NUL).expect("absent"), None);
    }

    #[test]
    fn what_is_refused() {
        assert!(matches!(read(std::ptr::null(), 3), Err(Error::Null { .. })));
        assert!(matches!(
            read(c"x".as_ptr(), UP_TO_NUL - 1),
            Err(Error::Argument { .. })
        ));
        assert!(matches!(read(c"\xff".as_ptr(), 1), Err(Error::Utf8 { .. })));
    }
}
