//! The barrier every exported function runs behind: no panic leaves it, every failure gets a
//! status and a message. Success costs nothing: no allocation, no write to thread-local state.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

use super::last_error;
use super::status::{Outcome, Status};
use crate::error::Error;
use crate::options::LogLevel;
use crate::report;

/// Tag of what the boundary writes to the log sink.
const LOG_TAG: &str = "abi";

/// Runs `body`; turns its outcome, its error or its panic into a status.
pub(super) fn guard<T: Outcome>(
    function: &'static str,
    body: impl FnOnce() -> Result<T, Error>,
) -> Status {
    match contained(body) {
        Ok(outcome) => outcome.status(),
        Err(error) => failed(function, &error),
    }
}

/// Runs `body`; gives `default` when it fails or panics.
pub(super) fn guard_or<T>(
    function: &'static str,
    default: T,
    body: impl FnOnce() -> Result<T, Error>,
) -> T {
    contained(body).unwrap_or_else(|error| {
        failed(function, &error);
        default
    })
}

fn contained<T>(body: impl FnOnce() -> Result<T, Error>) -> Result<T, Error> {
    let result = catch_unwind(AssertUnwindSafe(|| {
        #[cfg(feature = "test-panics")]
        super::test_panics::point(super::test_panics::ENTRY);
        body()
    }));
    result.unwrap_or_else(|payload| Err(panicked(payload)))
}

#[cold]
fn failed(function: &'static str, error: &Error) -> Status {
    last_error::set(format_args!("{function}: {error}"));
    // The sink is the host's code and the text is in a borrowed buffer: copy before calling out.
    let text = last_error::with(str::to_owned);
    let _ = catch_unwind(AssertUnwindSafe(|| {
        report::log::announce(level(error), LOG_TAG, &text);
    }));
    error.code()
}

/// A defect of ours is an error; misuse is for the developer who is looking.
fn level(error: &Error) -> LogLevel {
    match error {
        Error::Panic { .. } => LogLevel::Error,
        _ => LogLevel::Debug,
    }
}

#[cold]
fn panicked(payload: Box<dyn Any + Send>) -> Error {
    let detail = catch_unwind(AssertUnwindSafe(|| {
        let text = payload
            .downcast_ref::<&str>()
            .copied()
            .or_else(|| payload.downcast_ref::<String>().map(String::as_str));
        text.unwrap_or("no message").to_owned()
    }));
    // Dropping a payload may run code that panics again.
    let _ = catch_unwind(AssertUnwindSafe(|| drop(payload)));
    Error::Panic {
        detail: detail.unwrap_or_default(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::status;
    use super::*;

    #[test]
    fn a_panic_becomes_a_status_and_a_message() {
        let status = guard("tidegate_x", || -> Result<(), Error> {
            panic!("boom {}", 1)
        });
        assert_eq!(status, status::TIDEGATE_E_PANIC);
        last_error::with(|text| assert_eq!(text, "tidegate_x: internal panic: boom 1"));
    }

    #[test]
    fn success_leaves_the_message_of_the_last_failure() {
        guard("tidegate_x", || -> Result<(), Error> {
            Err(Error::State { detail: "no" })
        });
        assert_eq!(guard("tidegate_y", || Ok(())), status::TIDEGATE_OK);
        last_error::with(|text| assert_eq!(text, "tidegate_x: no"));
        assert_eq!(
            guard_or("tidegate_z", 7, || Err(Error::Null { what: "name" })),
            7
        );
        last_error::with(|text| assert_eq!(text, "tidegate_z: name must not be NULL"));
    }
}
