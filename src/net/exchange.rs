//! One request and its answer on one connection.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use ureq::Agent;
use ureq::http::{HeaderValue, header};

use super::error::TransportErrorKind as Kind;
use super::packed::PackedBody;
use super::url::Origin;
use super::{BodySink, Http, Pools, Request, Response, Timeout, TransportError, agent, body};

/// Where the body goes, if not into the response.
pub(super) type Sink<'a> = Option<&'a mut dyn BodySink>;

/// Longest life of a request that is bounded by inactivity only: a peer that sends a byte now and
/// then must not hold a thread for ever.
const DRIP_LIMIT: Duration = Duration::from_secs(15 * 60);

/// A request on its way to one server: the first, or one that a redirect led to.
pub(super) struct Hop<'a> {
    http: &'a Http,
    pools: Arc<Pools>,
    agent: Agent,
    request: &'a Request<'a>,
    url: &'a str,
    origin: Origin,
    limits: Limits,
}

/// Whether an idle connection may be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reuse {
    Allowed,
    Refused,
}

impl<'a> Hop<'a> {
    /// `spent` is what earlier hops took of the time.
    pub(super) fn new(
        http: &'a Http,
        request: &'a Request<'a>,
        url: &'a str,
        spent: Duration,
    ) -> Result<Self, TransportError> {
        let origin = Origin::of(url)
            .ok_or_else(|| TransportError::new(Kind::Request, "not an absolute http(s) URL"))?;
        let pools = Arc::clone(http.pools.get());
        Ok(Hop {
            http,
            agent: http.agent_for(&pools, &origin)?,
            pools,
            request,
            url,
            origin,
            limits: Limits::new(request.timeout, spent)?,
        })
    }

    /// Sends, and sends once more if a kept connection turned out to be closed.
    pub(super) fn run(&self, sink: &mut Sink<'_>) -> Result<Response, TransportError> {
        let opened_before = agent::connects();
        match self.attempt(Reuse::Allowed, sink) {
            // No connection was opened, so this one had been kept from earlier, and the peer may
            // have closed it at the moment we used it.
            Err(error) if error.is_disconnect() && agent::connects() == opened_before => {
                self.attempt(Reuse::Refused, sink)
            }
            outcome => outcome,
        }
    }

    fn attempt(&self, reuse: Reuse, sink: &mut Sink<'_>) -> Result<Response, TransportError> {
        let outcome = self.roundtrip(reuse, sink);
        if self.pools.is_closed.load(Ordering::Acquire) {
            // A body that ends with the connection looks complete when we cut it ourselves.
            let detail = "the client is stopping";
            return Err(TransportError::new(Kind::Canceled, detail));
        }
        if outcome.as_ref().is_err_and(|e| e.kind == Kind::Connect) {
            self.pools
                .resolver
                .expire(&self.origin.host, self.origin.port);
        }
        outcome
    }

    fn roundtrip(&self, reuse: Reuse, sink: &mut Sink<'_>) -> Result<Response, TransportError> {
        let request = self.request;
        let mut builder = ureq::http::Request::builder()
            .method(request.method.as_str())
            .uri(self.url);
        for (name, value) in &request.headers {
            builder = builder.header(*name, header_value(value));
        }
        if !request.keep_alive {
            builder = builder.header(header::CONNECTION, HeaderValue::from_static("close"));
        }
        let invalid = |_| TransportError::new(Kind::Request, "not a valid URL or header");
        let answered = if let Some(body) = request.body {
            let sized = builder.body(body).map_err(invalid)?;
            self.agent.run(self.configure(sized, reuse))
        } else {
            let bare = builder.body(()).map_err(invalid)?;
            self.agent.run(self.configure(bare, reuse))
        };
        let (parts, body) = answered.map_err(TransportError::from_ureq)?.into_parts();
        let expected = body.content_length();
        let limit = request.max_body_bytes;
        let encodings = parts.headers.get(header::CONTENT_ENCODING).cloned();
        let mut response = Response {
            status: parts.status.as_u16(),
            body: Vec::new(),
            packed: None,
            headers: parts.headers,
        };
        let is_plain = encodings
            .as_ref()
            .is_none_or(|e| e.as_bytes() == b"identity");
        match sink {
            Some(sink) if response.is_success() && is_plain => {
                sink.begin(&response, expected);
                body::pour(body.into_reader(), expected, limit, *sink)?;
                return Ok(response);
            }
            _ => {}
        }
        let mut content = body::read(body.into_reader(), expected, limit)?;
        if let Some(encodings) = encodings.filter(|_| !content.is_empty()) {
            let encodings = encodings.to_str().unwrap_or("?");
            if request.may_stay_packed && response.is_success() {
                match PackedBody::new(content, encodings, limit) {
                    Ok(packed) => {
                        response.packed = Some(packed);
                        return Ok(response);
                    }
                    Err(unpacked) => content = unpacked,
                }
            }
            content = body::decode(content, encodings, limit)?;
        }
        match sink {
            Some(sink) if response.is_success() => {
                sink.begin(&response, Some(content.len() as u64));
                sink.feed(&content);
            }
            _ => response.body = content,
        }
        Ok(response)
    }

    fn configure<S: ureq::AsSendBody>(
        &self,
        request: ureq::http::Request<S>,
        reuse: Reuse,
    ) -> ureq::http::Request<S> {
        let each = self.limits.each;
        let mut config = self
            .agent
            .configure_request(request)
            .proxy(self.http.proxies.for_origin(&self.origin).cloned())
            .timeout_global(Some(self.limits.total))
            .timeout_resolve(each)
            .timeout_connect(each)
            .timeout_per_read(each)
            .timeout_per_write(each);
        if reuse == Reuse::Refused {
            config = config.max_idle_age(Duration::ZERO);
        }
        config.build()
    }
}

/// Time limits in the terms of the HTTP library.
struct Limits {
    total: Duration,
    each: Option<Duration>,
}

impl Limits {
    fn new(timeout: Timeout, spent: Duration) -> Result<Self, TransportError> {
        let (total, each) = match timeout {
            Timeout::Total(total) => (total, None),
            Timeout::Inactivity(each) => (DRIP_LIMIT.max(each.saturating_mul(2)), Some(each)),
        };
        match total.checked_sub(spent).filter(|left| !left.is_zero()) {
            Some(total) => Ok(Limits { total, each }),
            None => Err(TransportError::new(Kind::Timeout, "timed out (redirects)")),
        }
    }
}

/// Header text with what a header cannot hold replaced, so that an odd service name does not
/// disable the network.
fn header_value(text: &str) -> HeaderValue {
    HeaderValue::from_bytes(text.as_bytes()).unwrap_or_else(|_| {
        let safe: Vec<u8> = text
            .bytes()
            .map(|byte| {
                if (0x20..0x7f).contains(&byte) {
                    byte
                } else {
                    b'-'
                }
            })
            .collect();
        HeaderValue::from_bytes(&safe).unwrap_or(HeaderValue::from_static("-"))
    })
}
