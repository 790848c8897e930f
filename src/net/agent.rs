//! One connection pool with its own trust: the HTTP library put together from parts.

use std::cell::Cell;

use ureq::config::Config;
use ureq::unversioned::transport::{
    ConnectProxyConnector, ConnectionDetails, Connector, SocksConnector, TcpConnector,
};
use ureq::{Agent, Error};

use super::absolute_form::AbsoluteFormConnector;
use super::resolver::CachingResolver;
#[cfg(feature = "tls")]
use super::tls::{Material, TlsConnector};

/// Room for the largest accepted response header.
pub(super) const INPUT_BUFFER_BYTES: usize = 64 << 10;
pub(super) const OUTPUT_BUFFER_BYTES: usize = 32 << 10;
const MAX_HEADER_BYTES: usize = 32 << 10;
/// Idle connections kept; a client talks to three or four servers, with a few downloads at once.
const MAX_IDLE: usize = 8;
const MAX_IDLE_PER_HOST: usize = 4;
/// Longer than the default poll interval, shorter than what servers usually allow.
const MAX_IDLE_AGE: std::time::Duration = std::time::Duration::from_secs(30);

/// Builds a pool.
pub(super) fn new_agent(
    resolver: CachingResolver,
    #[cfg(feature = "tls")] material: Material,
) -> Agent {
    let connector = Counted
        .chain(SocksConnector::default())
        .chain(AbsoluteFormConnector::new(config()))
        .chain(ConnectProxyConnector::default())
        .chain(TcpConnector::default());
    #[cfg(feature = "tls")]
    let connector = connector.chain(TlsConnector(material));
    Agent::with_parts(config(), connector, resolver)
}

fn config() -> Config {
    Agent::config_builder()
        // The environment is read by `environment`, not by the HTTP library.
        .proxy(None)
        .http_status_as_error(false)
        .max_redirects(0)
        .user_agent("")
        .max_response_header_size(MAX_HEADER_BYTES)
        .input_buffer_size(INPUT_BUFFER_BYTES)
        .output_buffer_size(OUTPUT_BUFFER_BYTES)
        .max_idle_connections(MAX_IDLE)
        .max_idle_connections_per_host(MAX_IDLE_PER_HOST)
        .max_idle_age(MAX_IDLE_AGE)
        .build()
}

thread_local! {
    static CONNECTS: Cell<u64> = const { Cell::new(0) };
}

/// Connections this thread has opened: whether a request used a pooled one shows in the difference.
pub(super) fn connects() -> u64 {
    CONNECTS.get()
}

/// First in the chain: counts, and connects nothing itself.
#[derive(Debug)]
struct Counted;

impl Connector for Counted {
    type Out = ();

    fn connect(&self, _: &ConnectionDetails, _: Option<()>) -> Result<Option<()>, Error> {
        CONNECTS.set(CONNECTS.get() + 1);
        Ok(None)
    }
}
