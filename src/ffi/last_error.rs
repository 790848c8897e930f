//! This thread's last failure, in a buffer of fixed size that is never allocated and never freed:
//! it works when memory is short, in a forked child, and while a thread is being torn down.

use std::cell::RefCell;
use std::fmt::{self, Write};

/// Longer messages are cut at a character boundary.
const MESSAGE_MAX_BYTES: usize = 1024;

/// The text of a failure.
pub(super) struct Message {
    bytes: [u8; MESSAGE_MAX_BYTES],
    len: usize,
}

thread_local! {
    static LAST: RefCell<Message> = const {
        RefCell::new(Message { bytes: [0; MESSAGE_MAX_BYTES], len: 0 })
    };
}

impl Message {
    /// What was written, at most [`MESSAGE_MAX_BYTES`].
    pub(super) fn as_str(&self) -> &str {
        let written = self.bytes.get(..self.len).unwrap_or_default();
        std::str::from_utf8(written).unwrap_or_default()
    }
}

impl Write for Message {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let mut fits = text.len().min(MESSAGE_MAX_BYTES - self.len);
        while !text.is_char_boundary(fits) {
            fits -= 1;
        }
        let part = text.get(..fits).unwrap_or_default();
        let end = self.len + part.len();
        if let Some(target) = self.bytes.get_mut(self.len..end) {
            target.copy_from_slice(part.as_bytes());
            self.len = end;
        }
        Ok(())
    }
}

/// Replaces the message of this thread.
pub(super) fn set(text: fmt::Arguments<'_>) {
    LAST.with(|last| {
        if let Ok(mut message) = last.try_borrow_mut() {
            message.len = 0;
            let _ = message.write_fmt(text);
        }
    });
}

/// Reads the message of this thread; empty before the first failure.
pub(super) fn with<T>(read: impl FnOnce(&str) -> T) -> T {
    LAST.with(|last| match last.try_borrow() {
        Ok(message) => read(message.as_str()),
        Err(_) => read(""),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_message_is_cut_between_characters() {
        set(format_args!("x{}", "\u{e9}".repeat(MESSAGE_MAX_BYTES)));
        with(|text| {
            assert_eq!(text.len(), MESSAGE_MAX_BYTES - 1);
            assert!(text.ends_with('\u{e9}'));
        });
        set(format_args!("short"));
        with(|text| assert_eq!(text, "short"));
    }
}
