//! What went wrong, as a value: one enum for the whole library.
//!
//! An `Error` says that the caller or the world got in the way. How an evaluation came out is a
//! [`crate::eval::Reason`], which is normal life and never an error.

use std::fmt;

/// Anything that keeps a call from doing its work. `ffi::status` maps each variant to one status.
#[derive(Debug)]
#[non_exhaustive]
pub enum Error {
    /// A pointer that must not be NULL was NULL.
    Null { what: &'static str },
    /// An id that is zero, stale, or of another kind.
    Handle { expected: &'static str },
    /// Text that is not UTF-8.
    Utf8 { what: &'static str },
    /// Text that is not the JSON it should be.
    Json { what: &'static str, detail: String },
    /// A value outside what is accepted. `what` names the key or the argument.
    Argument { what: String, detail: String },
    /// The object is not in a state that allows the call.
    State { detail: &'static str },
    /// The bound was reached; the work goes on or was given up, as the call documents.
    Timeout { what: &'static str },
    /// The network or a peer failed.
    Network { detail: String },
    /// A file or folder failed.
    Io {
        what: String,
        source: std::io::Error,
    },
    /// The system gave no memory.
    Memory { what: &'static str },
    /// A struct whose size no version of the header has.
    Abi { what: &'static str },
    /// Asked for something this build or this version does not do.
    Unsupported { what: String },
    /// Not possible in a forked child with the chosen `on_fork`.
    Fork { detail: &'static str },
    /// A panic was caught at a boundary.
    Panic { detail: String },
    /// Too many of something that is bounded.
    Busy { detail: &'static str },
}

impl Error {
    /// An [`Error::Argument`] in one line.
    pub fn argument(what: impl Into<String>, detail: impl Into<String>) -> Self {
        Error::Argument {
            what: what.into(),
            detail: detail.into(),
        }
    }
}

impl Error {
    /// The number C sees. Fixed for ever; new variants take new numbers.
    #[must_use]
    pub fn code(&self) -> i32 {
        match self {
            Error::Null { .. } => -1,
            Error::Handle { .. } => -2,
            Error::Utf8 { .. } => -3,
            Error::Json { .. } => -4,
            Error::Argument { .. } => -5,
            Error::State { .. } => -6,
            Error::Timeout { .. } => -7,
            Error::Network { .. } => -8,
            Error::Io { .. } => -9,
            Error::Memory { .. } => -10,
            Error::Unsupported { .. } => -11,
            Error::Fork { .. } => -12,
            Error::Panic { .. } => -13,
            Error::Abi { .. } => -14,
            Error::Busy { .. } => -15,
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Null { what } => write!(f, "{what} must not be NULL"),
            Error::Handle { expected } => write!(f, "not a live {expected} id"),
            Error::Utf8 { what } => write!(f, "{what} is not valid UTF-8"),
            Error::Json { what, detail } => write!(f, "{what} is not valid JSON: {detail}"),
            Error::Argument { what, detail } => write!(f, "{what}: {detail}"),
            Error::State { detail } | Error::Fork { detail } | Error::Busy { detail } => {
                f.write_str(detail)
            }
            Error::Timeout { what } => write!(f, "{what} did not finish in time"),
            Error::Network { detail } => f.write_str(detail),
            Error::Io { what, source } => write!(f, "{what}: {source}"),
            Error::Memory { what } => write!(f, "no memory for {what}"),
            Error::Abi { what } => write!(f, "{what}: unknown struct_size"),
            Error::Unsupported { what } => write!(f, "{what} is not supported"),
            Error::Panic { detail } => write!(f, "internal panic: {detail}"),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Error::Io { source, .. } => Some(source),
            _ => None,
        }
    }
}
