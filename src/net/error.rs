//! Why an exchange gave no answer. Never contains a key or a URL with a key in it.

use std::fmt;
use std::io;

/// What kept a request from being answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum TransportErrorKind {
    /// No connection: name not found, refused, unreachable, proxy refused.
    Connect,
    /// A time limit was reached.
    Timeout,
    /// The TLS handshake failed, or its material could not be loaded.
    Tls,
    /// The connection broke, or what came is not HTTP.
    Protocol,
    /// The body ended early or could not be decoded.
    Body,
    /// The body is larger than the caller accepts.
    TooLarge,
    /// A redirect that is not followed.
    Redirect,
    /// The request itself cannot be sent, for example for a malformed URL.
    Request,
    /// The client stopped its requests.
    Canceled,
}

impl TransportErrorKind {
    /// Name used where errors are grouped: reports, metrics, diagnostics.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            TransportErrorKind::Connect => "ConnectError",
            TransportErrorKind::Timeout => "TimeoutError",
            TransportErrorKind::Tls => "TlsError",
            TransportErrorKind::Protocol => "ProtocolError",
            TransportErrorKind::Body => "BodyError",
            TransportErrorKind::TooLarge => "TooLargeError",
            TransportErrorKind::Redirect => "RedirectError",
            TransportErrorKind::Request => "RequestError",
            TransportErrorKind::Canceled => "CanceledError",
        }
    }
}

/// An exchange that gave no usable answer.
#[derive(Debug, Clone)]
pub struct TransportError {
    /// The group it belongs to.
    pub kind: TransportErrorKind,
    /// What happened, for people.
    pub detail: String,
}

impl TransportError {
    pub(crate) fn new(kind: TransportErrorKind, detail: impl Into<String>) -> Self {
        TransportError {
            kind,
            detail: detail.into(),
        }
    }

    /// Whether the end of the client cut it off: nothing that anybody needs to hear of.
    pub(crate) fn is_canceled(&self) -> bool {
        self.kind == TransportErrorKind::Canceled
    }

    /// Translates an error of the HTTP library. URLs in it are left out: ours contain the key.
    pub(super) fn from_ureq(error: ureq::Error) -> Self {
        use TransportErrorKind as Kind;
        let (kind, detail) = match error {
            ureq::Error::Io(error) => return Self::from_io(error),
            ureq::Error::Timeout(phase) => {
                let kind = Kind::Timeout;
                return TransportError::new(kind, format!("timed out ({phase})"));
            }
            ureq::Error::HostNotFound => (Kind::Connect, "host name not found".to_owned()),
            ureq::Error::ConnectionFailed => (Kind::Connect, "connection failed".to_owned()),
            ureq::Error::ConnectProxyFailed(why) => (Kind::Connect, why),
            ureq::Error::TlsRequired => (
                Kind::Tls,
                "https needs a build with the feature `tls`".to_owned(),
            ),
            ureq::Error::Tls(why) => (Kind::Tls, why.to_owned()),
            ureq::Error::BadUri(_) | ureq::Error::Http(_) => {
                (Kind::Request, "not a valid URL or header".to_owned())
            }
            ureq::Error::Other(inner) => match inner.downcast::<TransportError>() {
                Ok(ours) => return *ours,
                Err(other) => (Kind::Protocol, other.to_string()),
            },
            other => (Kind::Protocol, other.to_string()),
        };
        TransportError::new(kind, detail)
    }

    /// Translates an I/O error, which may carry an error of the HTTP or the TLS library.
    pub(super) fn from_io(error: io::Error) -> Self {
        use TransportErrorKind as Kind;
        #[cfg(feature = "tls")]
        if let Some(tls) = error
            .get_ref()
            .and_then(|inner| inner.downcast_ref::<rustls::Error>())
        {
            return TransportError::new(Kind::Tls, tls.to_string());
        }
        let kind = match error.kind() {
            io::ErrorKind::TimedOut | io::ErrorKind::WouldBlock => Kind::Timeout,
            io::ErrorKind::ConnectionRefused
            | io::ErrorKind::HostUnreachable
            | io::ErrorKind::NetworkUnreachable
            | io::ErrorKind::NetworkDown
            | io::ErrorKind::AddrNotAvailable
            | io::ErrorKind::PermissionDenied => Kind::Connect,
            _ => match error.downcast::<ureq::Error>() {
                Ok(inner) => return Self::from_ureq(inner),
                Err(plain) => return TransportError::new(Kind::Protocol, plain.to_string()),
            },
        };
        TransportError::new(kind, error.to_string())
    }

    /// Whether a connection that had served earlier requests may just have been closed by the peer.
    pub(super) fn is_disconnect(&self) -> bool {
        self.kind == TransportErrorKind::Protocol
    }
}

impl fmt::Display for TransportError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.kind.name(), self.detail)
    }
}

impl std::error::Error for TransportError {}
