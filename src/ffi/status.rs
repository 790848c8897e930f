//! What C sees of an outcome: one number, from a list that only grows.

use crate::exposure::FlushInfo;

/// The outcome of a call: 0 is success, below 0 an error, above 0 success with a note.
pub type Status = i32;

/// Success.
pub const TIDEGATE_OK: i32 = 0;
/// Success, but not every event was delivered: some were spooled, dropped or are still queued.
pub const TIDEGATE_NOTE_PARTIAL: i32 = 1;
/// Success, but an unknown option was ignored because of `"strict": false`.
pub const TIDEGATE_NOTE_DEFAULTED: i32 = 2;
/// A pointer that must not be NULL was NULL.
pub const TIDEGATE_E_NULL: i32 = -1;
/// An id that is 0, released, or of another kind.
pub const TIDEGATE_E_HANDLE: i32 = -2;
/// Text that is not UTF-8.
pub const TIDEGATE_E_UTF8: i32 = -3;
/// Text that is not JSON.
pub const TIDEGATE_E_JSON: i32 = -4;
/// A value that is not accepted; the message names it.
pub const TIDEGATE_E_ARG: i32 = -5;
/// The call is not possible now: before initialize, after shutdown, or inside this callback.
pub const TIDEGATE_E_STATE: i32 = -6;
/// The time-out was reached.
pub const TIDEGATE_E_TIMEOUT: i32 = -7;
/// The network or a server failed.
pub const TIDEGATE_E_NETWORK: i32 = -8;
/// A file or folder failed.
pub const TIDEGATE_E_IO: i32 = -9;
/// Out of memory.
pub const TIDEGATE_E_NOMEM: i32 = -10;
/// This build or this version does not do that.
pub const TIDEGATE_E_UNSUPPORTED: i32 = -11;
/// Not possible in this forked child, by the option `on_fork`.
pub const TIDEGATE_E_FORK: i32 = -12;
/// A defect of the library was contained; please report it with the message.
pub const TIDEGATE_E_PANIC: i32 = -13;
/// A struct whose `struct_size` no version of the header has.
pub const TIDEGATE_E_ABI: i32 = -14;
/// Too many of something that is bounded.
pub const TIDEGATE_E_BUSY: i32 = -15;

/// Every status and its name.
const NAMES: &[(i32, &std::ffi::CStr)] = &[
    (TIDEGATE_OK, c"TIDEGATE_OK"),
    (TIDEGATE_NOTE_PARTIAL, c"TIDEGATE_NOTE_PARTIAL"),
    (TIDEGATE_NOTE_DEFAULTED, c"TIDEGATE_NOTE_DEFAULTED"),
    (TIDEGATE_E_NULL, c"TIDEGATE_E_NULL"),
    (TIDEGATE_E_HANDLE, c"TIDEGATE_E_HANDLE"),
    (TIDEGATE_E_UTF8, c"TIDEGATE_E_UTF8"),
    (TIDEGATE_E_JSON, c"TIDEGATE_E_JSON"),
    (TIDEGATE_E_ARG, c"TIDEGATE_E_ARG"),
    (TIDEGATE_E_STATE, c"TIDEGATE_E_STATE"),
    (TIDEGATE_E_TIMEOUT, c"TIDEGATE_E_TIMEOUT"),
    (TIDEGATE_E_NETWORK, c"TIDEGATE_E_NETWORK"),
    (TIDEGATE_E_IO, c"TIDEGATE_E_IO"),
    (TIDEGATE_E_NOMEM, c"TIDEGATE_E_NOMEM"),
    (TIDEGATE_E_UNSUPPORTED, c"TIDEGATE_E_UNSUPPORTED"),
    (TIDEGATE_E_FORK, c"TIDEGATE_E_FORK"),
    (TIDEGATE_E_PANIC, c"TIDEGATE_E_PANIC"),
    (TIDEGATE_E_ABI, c"TIDEGATE_E_ABI"),
    (TIDEGATE_E_BUSY, c"TIDEGATE_E_BUSY"),
];

/// The name of a status, or of its absence from the list.
pub(super) fn name(status: i32) -> &'static std::ffi::CStr {
    NAMES
        .iter()
        .find(|(known, _)| *known == status)
        .map_or(c"TIDEGATE_UNKNOWN_STATUS", |(_, name)| name)
}

/// What a call that went well has to say.
pub(super) trait Outcome {
    /// 0, or a note.
    fn status(&self) -> Status;
}

impl Outcome for () {
    fn status(&self) -> Status {
        TIDEGATE_OK
    }
}

/// Success, with a remark.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Note {
    /// Nothing to remark.
    Nothing,
    /// Some events were not delivered.
    Partial,
    /// Some options were ignored.
    Defaulted,
}

impl Note {
    /// What to remark about options of which some were ignored.
    pub(super) fn of_ignored(keys: &[String]) -> Note {
        if keys.is_empty() {
            Note::Nothing
        } else {
            Note::Defaulted
        }
    }

    /// What to remark about a flush.
    pub(super) fn of_flush(info: &FlushInfo) -> Note {
        match info.spooled + info.dropped + info.queued {
            0 => Note::Nothing,
            _ => Note::Partial,
        }
    }
}

impl Outcome for Note {
    fn status(&self) -> Status {
        match self {
            Note::Nothing => TIDEGATE_OK,
            Note::Partial => TIDEGATE_NOTE_PARTIAL,
            Note::Defaulted => TIDEGATE_NOTE_DEFAULTED,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_and_numbers_are_the_published_ones() {
        let table: Vec<String> = NAMES
            .iter()
            .map(|(number, name)| format!("{number} {}", name.to_str().expect("ASCII")))
            .collect();
        assert_eq!(
            table.join("\n"),
            "0 TIDEGATE_OK\n1 TIDEGATE_NOTE_PARTIAL\n2 TIDEGATE_NOTE_DEFAULTED\n\
             -1 TIDEGATE_E_NULL\n-2 TIDEGATE_E_HANDLE\n-3 TIDEGATE_E_UTF8\n-4 TIDEGATE_E_JSON\n\
             -5 TIDEGATE_E_ARG\n-6 TIDEGATE_E_STATE\n-7 TIDEGATE_E_TIMEOUT\n\
             -8 TIDEGATE_E_NETWORK\n-9 TIDEGATE_E_IO\n-10 TIDEGATE_E_NOMEM\n\
             -11 TIDEGATE_E_UNSUPPORTED\n-12 TIDEGATE_E_FORK\n-13 TIDEGATE_E_PANIC\n\
             -14 TIDEGATE_E_ABI\n-15 TIDEGATE_E_BUSY"
        );
        assert_eq!(name(77), c"TIDEGATE_UNKNOWN_STATUS");
    }
}
