//! HTTP as this client needs it: bounded in time and size, and careful with the key.
//!
//! [`Http`] is the one wrapper over the HTTP library. It never writes a key into an error, never
//! sends our headers to a host other than the one asked, and decodes bodies only up to a limit.
//! It knows nothing of what the requests are for.

mod absolute_form;
mod agent;
mod body;
mod endpoints;
mod environment;
mod error;
mod exchange;
#[cfg(feature = "grpc")]
pub(crate) mod gateway;
pub(crate) mod headers;
mod packed;
#[cfg(test)]
#[path = "../../tests/support/packing.rs"]
mod packing;
mod private;
mod proxy;
mod resolver;
mod retry_after;
#[cfg(feature = "tls")]
mod tls;
pub(crate) mod url;

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crate::lock::Mutex;
use ureq::Agent;
use ureq::http::{HeaderMap, StatusCode};

use crate::clock::{Clock, SystemClock};
use crate::error::Error;
use crate::fork_cell::ForkCell;
use crate::options::{ProxyConfig, Settings, Threads};

pub(crate) use endpoints::specs_gateway;
pub use endpoints::{Endpoints, Target, id_list_store_key};
pub use error::{TransportError, TransportErrorKind};
pub use headers::{common_headers, without_key};
pub use packed::PackedBody;
#[cfg(feature = "grpc")]
pub(crate) use private::check_material;
pub use retry_after::parse_retry_after;
#[cfg(feature = "redis")]
pub(crate) use tls::Authorities;

use environment::ProxyVariables;
use error::TransportErrorKind as Kind;
use exchange::Hop;
use proxy::Proxies;
pub(crate) use resolver::wait_for_lookups;
use resolver::{CachingResolver, Known, LookupThread};
use url::Origin;

/// Redirects followed for one request.
const MAX_REDIRECTS: usize = 5;
/// Request methods in use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    Get,
    Post,
}

impl Method {
    /// As on the wire.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Method::Get => "GET",
            Method::Post => "POST",
        }
    }
}

/// How long a request may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Timeout {
    /// Connecting, and each wait for the peer, up to this long.
    Inactivity(Duration),
    /// The whole request, redirects and body included, up to this long.
    Total(Duration),
}

/// One request.
#[derive(Debug, Clone)]
pub struct Request<'a> {
    pub method: Method,
    /// Absolute http or https URL.
    pub url: &'a str,
    /// Headers in the order they are sent.
    pub headers: Vec<(&'static str, String)>,
    pub body: Option<&'a [u8]>,
    pub timeout: Timeout,
    /// Largest accepted body, before and after decoding.
    pub max_body_bytes: usize,
    /// Whether the connection stays open for the next request; otherwise `Connection: close`.
    pub keep_alive: bool,
    /// Whether the body of a successful answer may stay packed.
    pub may_stay_packed: bool,
}

/// Takes the body of a successful answer as it arrives.
pub trait BodySink {
    /// An answer begins. What came before, of one that broke off, is void.
    fn begin(&mut self, head: &Response, announced_bytes: Option<u64>);

    /// The next bytes, decoded.
    fn feed(&mut self, part: &[u8]);
}

/// The answer to a request, whatever its status.
#[derive(Debug)]
pub struct Response {
    pub status: u16,
    /// The body with all content encodings undone; empty if it stays packed.
    pub body: Vec<u8>,
    pub packed: Option<PackedBody>,
    headers: HeaderMap,
}

impl Response {
    /// The first value of a header, if it is text.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// Whether the status says success.
    #[must_use]
    pub fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }
}

/// The client's way to the network.
pub struct Http {
    proxies: Proxies,
    problems: ForkCell<Mutex<Vec<String>>>,
    #[cfg(feature = "tls")]
    trust: Arc<tls::Trust>,
    /// `proxy_configs` entries with TLS material, by the server it is for.
    private: HashMap<Origin, ProxyConfig>,
    lookup: LookupThread,
    known: Arc<Known>,
    clock: SystemClock,
    /// Replaced whole in a forked child, which must not use its parent's sockets.
    pools: ForkCell<Arc<Pools>>,
}

/// Connections and what they depend on.
struct Pools {
    resolver: CachingResolver,
    ordinary: Agent,
    /// Pools of the servers in `private`, once their material could be loaded.
    private: Mutex<HashMap<Origin, Agent>>,
    is_closed: AtomicBool,
}

impl Http {
    /// Checks the options that concern the network. Opens and reads nothing.
    ///
    /// # Errors
    /// [`Error::Argument`] naming the option.
    pub fn new(settings: &Settings) -> Result<Http, Error> {
        let (proxies, unusable) =
            Proxies::new(settings.network_proxy.as_deref(), &ProxyVariables::read())?;
        let problems = unusable
            .into_iter()
            .map(|name| format!("{name} holds no usable proxy URL and is ignored"));
        #[cfg(feature = "tls")]
        let trust = Arc::new(
            tls::Trust::new(settings.ca_pem.as_deref())
                .map_err(|why| Error::argument("ca_pem", why))?,
        );
        let lookup = match settings.threads {
            Threads::Own => LookupThread::Own,
            Threads::None => LookupThread::Caller,
        };
        let known = Known::new();
        Ok(Http {
            proxies,
            problems: problems_cell(problems.collect()),
            private: private::private_servers(settings)?,
            lookup,
            known: Arc::clone(&known),
            clock: SystemClock::default(),
            pools: pools_cell(
                lookup,
                known,
                #[cfg(feature = "tls")]
                &trust,
            ),
            #[cfg(feature = "tls")]
            trust,
        })
    }

    /// The same settings and trust with connections of its own, so that one side can be canceled
    /// without the other. Takes over the problems found so far.
    #[must_use]
    pub fn sibling(&self) -> Http {
        Http {
            proxies: self.proxies.clone(),
            problems: problems_cell(std::mem::take(&mut *self.problems.get().lock())),
            #[cfg(feature = "tls")]
            trust: Arc::clone(&self.trust),
            private: self.private.clone(),
            lookup: self.lookup,
            known: Arc::clone(&self.known),
            clock: SystemClock::default(),
            pools: pools_cell(
                self.lookup,
                Arc::clone(&self.known),
                #[cfg(feature = "tls")]
                &self.trust,
            ),
        }
    }

    /// Whom ordinary connections trust.
    #[cfg(feature = "redis")]
    pub(crate) fn authorities(&self) -> Authorities {
        Authorities::new(&self.trust)
    }

    /// What went wrong outside of any request since the last call, for the log.
    pub fn take_problems(&self) -> Vec<String> {
        let problems = std::mem::take(&mut *self.problems.get().lock());
        #[cfg(feature = "tls")]
        let problems = [problems, self.trust.take_problems()].concat();
        problems
    }

    /// Sends a request and reads the answer, following redirects.
    ///
    /// # Errors
    /// When there is no complete answer. A status that says failure is an answer.
    pub fn send(&self, request: Request<'_>) -> Result<Response, TransportError> {
        self.exchange(request, None)
    }

    /// Like [`Http::send`], but hands the body of a successful answer to `sink`; the response then
    /// has none. When this fails, what the sink got is void.
    ///
    /// # Errors
    /// Those of [`Http::send`].
    pub fn send_into(
        &self,
        request: Request<'_>,
        sink: &mut dyn BodySink,
    ) -> Result<Response, TransportError> {
        self.exchange(request, Some(sink))
    }

    fn exchange(
        &self,
        request: Request<'_>,
        mut sink: Option<&mut dyn BodySink>,
    ) -> Result<Response, TransportError> {
        let started_ms = self.clock.monotonic_ms();
        let mut request = request;
        let key = key_of(&request);
        let mut url = Cow::Borrowed(request.url);
        for _ in 0..=MAX_REDIRECTS {
            let spent = u64::try_from(self.clock.monotonic_ms() - started_ms).unwrap_or(0);
            let spent = Duration::from_millis(spent);
            let response = Hop::new(self, &request, &url, spent)?.run(&mut sink)?;
            let Some(location) = redirect_location(&response) else {
                return Ok(response);
            };
            let next = url::join(&url, location).filter(|next| may_follow(&url, next));
            let Some(next) = next else {
                let detail = "redirect to a place that is not followed";
                return Err(TransportError::new(Kind::Redirect, detail));
            };
            if Origin::of(&url) != Origin::of(&next) {
                if key.as_ref().is_some_and(|key| next.contains(&**key)) && !same_host(&url, &next)
                {
                    return Err(TransportError::new(
                        Kind::Redirect,
                        "redirect that would tell the key to another host",
                    ));
                }
                if request.body.is_some() && keeps_body(response.status) {
                    return Err(TransportError::new(
                        Kind::Redirect,
                        "redirect of a request with a body to another host",
                    ));
                }
                request.headers.retain(|(name, _)| is_for_any_host(name));
            }
            if request.method == Method::Post && !keeps_body(response.status) {
                request.method = Method::Get;
                request.body = None;
                request.headers.retain(|(name, _)| !describes_body(name));
            }
            url = Cow::Owned(next);
        }
        Err(TransportError::new(Kind::Redirect, "too many redirects"))
    }

    /// Interrupts all requests and refuses further ones, for good.
    pub fn cancel_all(&self) {
        let pools = Arc::clone(self.pools.get());
        pools.is_closed.store(true, Ordering::Release);
        pools.ordinary.clone().shutdown();
        for agent in pools.private.lock().values() {
            agent.clone().shutdown();
        }
    }

    /// In a forked child: leaves the parent's sockets alone; the next request opens new ones.
    pub fn reset_after_fork(&self) {
        resolver::forget_lookups();
        self.pools.renew();
        self.problems.renew();
        #[cfg(feature = "tls")]
        self.trust.after_fork_child();
    }
}

fn problems_cell(found: Vec<String>) -> ForkCell<Mutex<Vec<String>>> {
    let cell = ForkCell::new(Mutex::<Vec<String>>::default);
    cell.get().lock().extend(found);
    cell
}

fn pools_cell(
    lookup: LookupThread,
    known: Arc<Known>,
    #[cfg(feature = "tls")] trust: &Arc<tls::Trust>,
) -> ForkCell<Arc<Pools>> {
    #[cfg(feature = "tls")]
    let trust = Arc::clone(trust);
    ForkCell::new(move || {
        Arc::new(Pools::new(
            lookup,
            Arc::clone(&known),
            #[cfg(feature = "tls")]
            &trust,
        ))
    })
}

impl Pools {
    fn new(
        lookup: LookupThread,
        known: Arc<Known>,
        #[cfg(feature = "tls")] trust: &Arc<tls::Trust>,
    ) -> Self {
        let resolver = CachingResolver::new(lookup, known);
        Pools {
            ordinary: agent::new_agent(
                resolver.clone(),
                #[cfg(feature = "tls")]
                tls::Material::Ordinary(Arc::clone(trust)),
            ),
            resolver,
            private: Mutex::new(HashMap::new()),
            is_closed: AtomicBool::new(false),
        }
    }
}

impl std::fmt::Debug for Http {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Http").finish_non_exhaustive()
    }
}

fn redirect_location(response: &Response) -> Option<&str> {
    matches!(response.status, 301 | 302 | 303 | 307 | 308)
        .then(|| response.header("location"))
        .flatten()
}

/// Never from https to plain http: the new URL may hold what the old one kept secret.
fn may_follow(from: &str, to: &str) -> bool {
    match (Origin::of(from), Origin::of(to)) {
        (Some(from), Some(to)) => to.is_https || !from.is_https,
        _ => false,
    }
}

/// The key that a request carries, if it does.
fn key_of(request: &Request<'_>) -> Option<String> {
    let mut headers = request.headers.iter();
    let (_, key) = headers.find(|(name, _)| *name == headers::API_KEY)?;
    (!key.is_empty()).then(|| key.clone())
}

/// Whether only scheme or port differ.
fn same_host(from: &str, to: &str) -> bool {
    match (Origin::of(from), Origin::of(to)) {
        (Some(from), Some(to)) => from.host == to.host,
        _ => false,
    }
}

fn keeps_body(status: u16) -> bool {
    status == StatusCode::TEMPORARY_REDIRECT || status == StatusCode::PERMANENT_REDIRECT
}

/// Headers that another host may see: none that identify us.
fn is_for_any_host(name: &str) -> bool {
    ["accept-encoding", "range", "content-type"]
        .iter()
        .any(|allowed| name.eq_ignore_ascii_case(allowed))
}

fn describes_body(name: &str) -> bool {
    name.eq_ignore_ascii_case("content-encoding") || name.eq_ignore_ascii_case("content-type")
}
