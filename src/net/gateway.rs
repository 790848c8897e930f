//! What a connection that is not ours to make needs from the network layer: addresses, trust, and
//! the proxy to go through. The stream to a forward proxy speaks HTTP/2 and connects by itself.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use rustls::ClientConfig;
use ureq::ProxyProtocol;

use super::error::TransportErrorKind as Kind;
use super::url::Origin;
use super::{Http, TransportError, tls};
use crate::options::{AuthenticationMode, ProxyConfig};

/// An HTTP proxy that is asked to connect us to somebody else.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Tunnel {
    pub(crate) host: String,
    pub(crate) port: u16,
    /// Value of `Proxy-Authorization`.
    pub(crate) authorization: Option<String>,
}

impl Http {
    /// The addresses of a host, looked up within `bound` and remembered for a while.
    pub(crate) fn addresses(
        &self,
        host: &str,
        port: u16,
        bound: Duration,
    ) -> Result<Vec<SocketAddr>, TransportError> {
        let resolver = &self.pools.get().resolver;
        resolver
            .addresses(host, port, Some(bound))
            .map_err(TransportError::from_ureq)
    }

    /// Makes the next look-up of a host ask the system again, because connecting did not work.
    pub(crate) fn forget_addresses(&self, host: &str, port: u16) {
        self.pools.get().resolver.expire(host, port);
    }

    /// The proxy on the way to a server, by the rules that hold for every request.
    pub(crate) fn tunnel(&self, origin: &Origin) -> Result<Option<Tunnel>, TransportError> {
        let Some(proxy) = self.proxies.for_origin(origin) else {
            return Ok(None);
        };
        if proxy.protocol() != ProxyProtocol::Http {
            let detail = "gRPC goes through http:// proxies only; exempt the forward proxy";
            return Err(TransportError::new(Kind::Connect, detail));
        }
        let authorization = proxy.username().map(|user| {
            let credentials = format!("{user}:{}", proxy.password().unwrap_or_default());
            format!("Basic {}", BASE64_STANDARD.encode(credentials))
        });
        Ok(Some(Tunnel {
            host: proxy.host().to_owned(),
            port: proxy.port(),
            authorization,
        }))
    }

    /// Trust for one entry of `proxy_configs`: its own material if it asks for TLS, read from the
    /// files each time; otherwise that of every other connection.
    pub(crate) fn tls_config(
        &self,
        proxy: &ProxyConfig,
    ) -> Result<Arc<ClientConfig>, TransportError> {
        match proxy.authentication_mode {
            AuthenticationMode::None => Ok(self.trust.config()),
            AuthenticationMode::Tls | AuthenticationMode::Mtls => tls::endpoint_config(proxy),
        }
    }
}
