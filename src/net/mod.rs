//! HTTP as this client needs it: bounded in time and size, and careful with the key.
//!
//! [`Http`] is the one wrapper over the HTTP library. It never writes a key into an error, never
//! sends our headers to a host other than the one asked, and decodes bodies only up to a limit.
//! It knows nothing of what the requests are for.

mod absolute_form;
mod agent;
mod body;
mod environment;
mod error;
mod proxy;
mod resolver;
mod retry_after;
#[cfg(feature = "tls")]
mod tls;
pub(crate) mod url;

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::time::Duration;

use arc_swap::ArcSwap;
use parking_lot::Mutex;
use ureq::Agent;
use ureq::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};

use crate::clock::{Clock, SystemClock};
use crate::error::Error;
use crate::options::{AuthenticationMode, Protocol, ProxyConfig, Settings, Threads};

pub use error::{TransportError, TransportErrorKind};
pub use retry_after::parse_retry_after;

use environment::ProxyVariables;
use error::TransportErrorKind as Kind;
use proxy::Proxies;
use resolver::{CachingResolver, LookupThread};
use url::Origin;

/// Redirects followed for one request.
const MAX_REDIRECTS: usize = 5;
/// Longest life of a request that is bounded by inactivity only: a peer that sends a byte now and
/// then must not hold a thread for ever.
const DRIP_LIMIT: Duration = Duration::from_secs(15 * 60);

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
}

/// The answer to a request, whatever its status.
#[derive(Debug)]
pub struct Response {
    pub status: u16,
    /// The body with all content encodings undone.
    pub body: Vec<u8>,
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
    problems: Mutex<Vec<String>>,
    #[cfg(feature = "tls")]
    trust: Arc<tls::Trust>,
    /// `proxy_configs` entries with TLS material, by the server it is for.
    private: HashMap<Origin, ProxyConfig>,
    lookup: LookupThread,
    clock: SystemClock,
    /// Replaced whole in a forked child, which must not use its parent's sockets.
    pools: ArcSwap<Pools>,
    pools_state: AtomicU8,
}

/// The pools are this process's own.
const OWN: u8 = 0;
/// The pools are those of the process that forked.
const INHERITED: u8 = 1;
/// A thread is about to replace inherited pools.
const REPLACING: u8 = 2;

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
            .map(|name| format!("{name} holds no usable proxy URL and is ignored"))
            .collect();
        #[cfg(feature = "tls")]
        let trust = Arc::new(
            tls::Trust::new(settings.ca_pem.as_deref())
                .map_err(|why| Error::argument("ca_pem", why))?,
        );
        let lookup = match settings.threads {
            Threads::Own => LookupThread::Own,
            Threads::None => LookupThread::Caller,
        };
        let pools = Pools::new(
            lookup,
            #[cfg(feature = "tls")]
            &trust,
        );
        Ok(Http {
            proxies,
            problems: Mutex::new(problems),
            private: private_servers(settings)?,
            lookup,
            clock: SystemClock::default(),
            pools: ArcSwap::from_pointee(pools),
            pools_state: AtomicU8::new(OWN),
            #[cfg(feature = "tls")]
            trust,
        })
    }

    /// The same settings and trust with connections of its own, so that one side can be canceled
    /// without the other.
    #[must_use]
    pub fn sibling(&self) -> Http {
        Http {
            proxies: self.proxies.clone(),
            problems: Mutex::default(),
            #[cfg(feature = "tls")]
            trust: Arc::clone(&self.trust),
            private: self.private.clone(),
            lookup: self.lookup,
            clock: SystemClock::default(),
            pools: ArcSwap::from_pointee(self.fresh_pools()),
            pools_state: AtomicU8::new(OWN),
        }
    }

    /// What went wrong outside of any request since the last call, for the log.
    pub fn take_problems(&self) -> Vec<String> {
        let mut problems = std::mem::take(&mut *self.problems.lock());
        #[cfg(feature = "tls")]
        problems.extend(self.trust.take_problems());
        problems
    }

    /// Sends a request and reads the answer, following redirects.
    ///
    /// # Errors
    /// When there is no complete answer. A status that says failure is an answer.
    pub fn send(&self, request: Request<'_>) -> Result<Response, TransportError> {
        let started_ms = self.clock.monotonic_ms();
        let mut request = request;
        let mut url = Cow::Borrowed(request.url);
        for _ in 0..=MAX_REDIRECTS {
            let spent = u64::try_from(self.clock.monotonic_ms() - started_ms).unwrap_or(0);
            let spent = Duration::from_millis(spent);
            let response = self.exchange(&request, &url, spent)?;
            let Some(location) = redirect_location(&response) else {
                return Ok(response);
            };
            let next = url::join(&url, location).filter(|next| may_follow(&url, next));
            let Some(next) = next else {
                let detail = "redirect to a place that is not followed";
                return Err(TransportError::new(Kind::Redirect, detail));
            };
            if Origin::of(&url) != Origin::of(&next) {
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
        let pools = self.pools();
        pools.is_closed.store(true, Ordering::Release);
        pools.ordinary.clone().shutdown();
        for agent in pools.private.lock().values() {
            agent.clone().shutdown();
        }
    }

    /// In a forked child: leaves the parent's sockets alone. Only sets a mark, as this runs where
    /// nothing may be allocated; the next request begins without connections.
    pub fn reset_after_fork(&self) {
        self.pools_state.store(INHERITED, Ordering::Release);
    }

    fn pools(&self) -> Arc<Pools> {
        loop {
            let claimed = self.pools_state.compare_exchange(
                INHERITED,
                REPLACING,
                Ordering::AcqRel,
                Ordering::Acquire,
            );
            match claimed {
                Ok(_) => {
                    let inherited = self.pools.swap(Arc::new(self.fresh_pools()));
                    // A thread of the parent may have been changing them at the moment of the
                    // fork; dropping could follow half-written pointers. The memory is given up.
                    std::mem::forget(inherited);
                    self.pools_state.store(OWN, Ordering::Release);
                }
                Err(OWN) => return self.pools.load_full(),
                Err(_) => std::thread::yield_now(),
            }
        }
    }

    fn fresh_pools(&self) -> Pools {
        Pools::new(
            self.lookup,
            #[cfg(feature = "tls")]
            &self.trust,
        )
    }

    /// One request and its answer, tried once more if a kept connection turned out to be closed.
    fn exchange(
        &self,
        request: &Request<'_>,
        url: &str,
        spent: Duration,
    ) -> Result<Response, TransportError> {
        let origin = Origin::of(url)
            .ok_or_else(|| TransportError::new(Kind::Request, "not an absolute http(s) URL"))?;
        let pools = self.pools();
        let agent = self.agent_for(&pools, &origin)?;
        let opened_before = agent::connects();
        let first = self.attempt(&pools, &agent, request, url, &origin, spent, Reuse::Allowed);
        match first {
            // No connection was opened, so this one had been kept from earlier, and the peer may
            // have closed it at the moment we used it.
            Err(error) if error.is_disconnect() && agent::connects() == opened_before => {
                self.attempt(&pools, &agent, request, url, &origin, spent, Reuse::Refused)
            }
            outcome => outcome,
        }
    }

    #[expect(
        clippy::too_many_arguments,
        reason = "one step of `exchange`, which holds all of these"
    )]
    fn attempt(
        &self,
        pools: &Pools,
        agent: &Agent,
        request: &Request<'_>,
        url: &str,
        origin: &Origin,
        spent: Duration,
        reuse: Reuse,
    ) -> Result<Response, TransportError> {
        let outcome = self.roundtrip(agent, request, url, origin, spent, reuse);
        if pools.is_closed.load(Ordering::Acquire) {
            // A body that ends with the connection looks complete when we cut it ourselves.
            return Err(TransportError::new(Kind::Canceled, "the client is stopping"));
        }
        if outcome.as_ref().is_err_and(|e| e.kind == Kind::Connect) {
            pools.resolver.expire(&origin.host, origin.port);
        }
        outcome
    }

    fn roundtrip(
        &self,
        agent: &Agent,
        request: &Request<'_>,
        url: &str,
        origin: &Origin,
        spent: Duration,
        reuse: Reuse,
    ) -> Result<Response, TransportError> {
        let mut builder = ureq::http::Request::builder()
            .method(request.method.as_str())
            .uri(url);
        for (name, value) in &request.headers {
            builder = builder.header(*name, header_value(value));
        }
        if !request.keep_alive {
            builder = builder.header(header::CONNECTION, HeaderValue::from_static("close"));
        }
        let limits = Limits::new(request.timeout, spent)?;
        let proxy = self.proxies.for_origin(origin).cloned();
        let invalid = |_| TransportError::new(Kind::Request, "not a valid URL or header");
        let sent = if let Some(body) = request.body {
            let sized = builder.body(body).map_err(invalid)?;
            agent.run(configure(agent, sized, &limits, proxy, reuse))
        } else {
            let plain = builder.body(()).map_err(invalid)?;
            agent.run(configure(agent, plain, &limits, proxy, reuse))
        };
        let (parts, body) = sent.map_err(TransportError::from_ureq)?.into_parts();
        let expected = body.content_length();
        let raw = body::read(body.into_reader(), expected, request.max_body_bytes)?;
        let body = match parts.headers.get(header::CONTENT_ENCODING) {
            Some(encodings) if !raw.is_empty() => {
                let encodings = encodings.to_str().unwrap_or("?");
                body::decode(raw, encodings, request.max_body_bytes)?
            }
            _ => raw,
        };
        Ok(Response {
            status: parts.status.as_u16(),
            body,
            headers: parts.headers,
        })
    }

    fn agent_for(&self, pools: &Pools, origin: &Origin) -> Result<Agent, TransportError> {
        let Some(proxy) = self.private.get(origin) else {
            return Ok(pools.ordinary.clone());
        };
        self.private_agent(pools, origin, proxy)
    }

    #[cfg(feature = "tls")]
    #[expect(clippy::unused_self, reason = "the build without TLS has the same shape")]
    fn private_agent(
        &self,
        pools: &Pools,
        origin: &Origin,
        proxy: &ProxyConfig,
    ) -> Result<Agent, TransportError> {
        if let Some(agent) = pools.private.lock().get(origin) {
            return Ok(agent.clone());
        }
        let material = tls::Material::Endpoint {
            config: tls::endpoint_config(proxy)?,
            server_name: proxy.tls_server_name.clone(),
        };
        let agent = agent::new_agent(pools.resolver.clone(), material);
        pools.private.lock().insert(origin.clone(), agent.clone());
        Ok(agent)
    }

    #[cfg(not(feature = "tls"))]
    #[expect(clippy::unused_self, reason = "the build with TLS has the same shape")]
    fn private_agent(
        &self,
        _: &Pools,
        _: &Origin,
        _: &ProxyConfig,
    ) -> Result<Agent, TransportError> {
        let detail = "https needs a build with the feature `tls`";
        Err(TransportError::new(Kind::Tls, detail))
    }
}

impl Pools {
    fn new(lookup: LookupThread, #[cfg(feature = "tls")] trust: &Arc<tls::Trust>) -> Self {
        let resolver = CachingResolver::new(lookup);
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

/// Whether an idle connection may be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reuse {
    Allowed,
    Refused,
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
            Timeout::Inactivity(each) => (DRIP_LIMIT.max(each * 2), Some(each)),
        };
        match total.checked_sub(spent).filter(|left| !left.is_zero()) {
            Some(total) => Ok(Limits { total, each }),
            None => Err(TransportError::new(Kind::Timeout, "timed out (redirects)")),
        }
    }
}

fn configure<S: ureq::AsSendBody>(
    agent: &Agent,
    request: ureq::http::Request<S>,
    limits: &Limits,
    proxy: Option<ureq::Proxy>,
    reuse: Reuse,
) -> ureq::http::Request<S> {
    let mut config = agent
        .configure_request(request)
        .proxy(proxy)
        .timeout_global(Some(limits.total))
        .timeout_resolve(limits.each)
        .timeout_connect(limits.each)
        .timeout_per_read(limits.each)
        .timeout_per_write(limits.each);
    if reuse == Reuse::Refused {
        config = config.max_idle_age(Duration::ZERO);
    }
    config.build()
}

/// Header text with what a header cannot hold replaced, so that an odd service name does not
/// disable the network.
fn header_value(text: &str) -> HeaderValue {
    HeaderValue::from_bytes(text.as_bytes()).unwrap_or_else(|_| {
        let safe: Vec<u8> = text
            .bytes()
            .map(|byte| if (0x20..0x7f).contains(&byte) { byte } else { b'-' })
            .collect();
        HeaderValue::from_bytes(&safe).unwrap_or(HeaderValue::from_static("-"))
    })
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
    HeaderName::from_bytes(name.as_bytes())
        .is_ok_and(|name| name == header::CONTENT_ENCODING || name == header::CONTENT_TYPE)
}

/// The servers that have TLS material of their own.
fn private_servers(settings: &Settings) -> Result<HashMap<Origin, ProxyConfig>, Error> {
    let mut servers = HashMap::new();
    for (endpoint, proxy) in &settings.proxy_configs {
        if proxy.protocol != Protocol::Http {
            continue;
        }
        let key = |field: &str| format!("proxy_configs.{}.{field}", endpoint.as_str());
        let origin = Origin::of(&proxy.proxy_address).ok_or_else(|| {
            Error::argument(key("proxy_address"), "expected an http:// or https:// URL")
        })?;
        if proxy.authentication_mode == AuthenticationMode::None {
            continue;
        }
        if !origin.is_https {
            return Err(Error::argument(
                key("proxy_address"),
                "expected an https:// URL, because authentication_mode asks for TLS",
            ));
        }
        let is_mutual = proxy.authentication_mode == AuthenticationMode::Mtls;
        for (field, value, is_needed) in [
            ("tls_ca_cert_path", &proxy.tls_ca_cert_path, true),
            ("tls_client_cert_path", &proxy.tls_client_cert_path, is_mutual),
            ("tls_client_key_path", &proxy.tls_client_key_path, is_mutual),
        ] {
            if is_needed && value.is_none() {
                let detail = "missing, but authentication_mode needs it";
                return Err(Error::argument(key(field), detail));
            }
        }
        servers.insert(origin, proxy.clone());
    }
    Ok(servers)
}
