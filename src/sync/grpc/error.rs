//! Why a call gave no answer.

use std::borrow::Cow;
use std::fmt;

use tonic::{Code, Status};

use crate::net::{TransportError, TransportErrorKind};

/// A call that failed.
#[derive(Debug, Clone)]
pub(super) struct CallError {
    /// The group it belongs to: the name of a gRPC status, or of a kind of transport error.
    pub(super) name: Cow<'static, str>,
    /// What happened, for people.
    pub(super) detail: String,
    /// The client is stopping: nothing that anybody needs to hear of.
    pub(super) is_canceled: bool,
    /// The proxy said no, and would say so again.
    is_refusal: bool,
}

impl CallError {
    pub(super) fn transport(kind: TransportErrorKind, detail: impl fmt::Display) -> Self {
        CallError {
            name: Cow::Borrowed(kind.name()),
            detail: detail.to_string(),
            is_canceled: kind == TransportErrorKind::Canceled,
            is_refusal: false,
        }
    }

    pub(super) fn canceled() -> Self {
        CallError::transport(TransportErrorKind::Canceled, "the client is stopping")
    }

    /// Whether the network or the proxy is in trouble, so that asking less often helps.
    pub(super) fn is_overload(&self) -> bool {
        !self.is_refusal && !self.is_canceled
    }
}

impl From<TransportError> for CallError {
    fn from(error: TransportError) -> Self {
        CallError::transport(error.kind, error.detail)
    }
}

impl From<Status> for CallError {
    fn from(status: Status) -> Self {
        let mut detail = status.message().to_owned();
        // The library tells what broke in the chain of sources only.
        let mut source = std::error::Error::source(&status);
        while let Some(error) = source {
            detail = format!("{detail}: {error}");
            source = error.source();
        }
        CallError {
            name: Cow::Owned(format!("{:?}", status.code())),
            detail,
            is_canceled: false,
            is_refusal: matches!(
                status.code(),
                Code::InvalidArgument
                    | Code::NotFound
                    | Code::PermissionDenied
                    | Code::Unauthenticated
                    | Code::Unimplemented
            ),
        }
    }
}

impl fmt::Display for CallError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.name, self.detail)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statuses_are_named_and_say_what_the_proxy_said() {
        let error = CallError::from(Status::permission_denied("Unauthorized"));
        assert_eq!(error.to_string(), "PermissionDenied: Unauthorized");
        assert!(!error.is_canceled && CallError::canceled().is_canceled);
        assert!(!error.is_overload() && CallError::from(Status::unavailable("")).is_overload());
    }
}
