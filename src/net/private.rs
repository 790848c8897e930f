//! Servers that have TLS material of their own: `proxy_configs` entries that ask for it.
//!
//! The material belongs to a server, not to a request: whatever goes to that scheme, host and port
//! uses it, and a redirect elsewhere does not.

use std::collections::HashMap;

use ureq::Agent;

use crate::error::Error;
use crate::options::{AuthenticationMode, Endpoint, Protocol, ProxyConfig, Settings};

use super::error::TransportError;
#[cfg(not(feature = "tls"))]
use super::error::TransportErrorKind;
use super::url::Origin;
use super::{Http, Pools};

/// The entries by the server they are for.
pub(super) fn private_servers(settings: &Settings) -> Result<HashMap<Origin, ProxyConfig>, Error> {
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
        check_material(*endpoint, proxy)?;
        servers.insert(origin, proxy.clone());
    }
    Ok(servers)
}

/// Whether the options name all the TLS material that the entry's authentication mode needs.
pub(crate) fn check_material(endpoint: Endpoint, proxy: &ProxyConfig) -> Result<(), Error> {
    let needs_authority = proxy.authentication_mode != AuthenticationMode::None;
    let is_mutual = proxy.authentication_mode == AuthenticationMode::Mtls;
    for (field, value, is_needed) in [
        ("tls_ca_cert_path", &proxy.tls_ca_cert_path, needs_authority),
        (
            "tls_client_cert_path",
            &proxy.tls_client_cert_path,
            is_mutual,
        ),
        ("tls_client_key_path", &proxy.tls_client_key_path, is_mutual),
    ] {
        if is_needed && value.is_none() {
            let key = format!("proxy_configs.{}.{field}", endpoint.as_str());
            let detail = "missing, but authentication_mode needs it";
            return Err(Error::argument(key, detail));
        }
    }
    Ok(())
}

impl Http {
    /// The pool for a server.
    pub(super) fn agent_for(
        &self,
        pools: &Pools,
        origin: &Origin,
    ) -> Result<Agent, TransportError> {
        let Some(proxy) = self.private.get(origin) else {
            return Ok(pools.ordinary.clone());
        };
        self.private_agent(pools, origin, proxy)
    }

    #[cfg(feature = "tls")]
    #[expect(
        clippy::unused_self,
        reason = "the build without TLS has the same shape"
    )]
    fn private_agent(
        &self,
        pools: &Pools,
        origin: &Origin,
        proxy: &ProxyConfig,
    ) -> Result<Agent, TransportError> {
        if let Some(agent) = pools.private.lock().get(origin) {
            return Ok(agent.clone());
        }
        let material = super::tls::Material::Endpoint {
            config: super::tls::endpoint_config(proxy)?,
            server_name: proxy.tls_server_name.clone(),
        };
        let agent = super::agent::new_agent(pools.resolver.clone(), material);
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
        Err(TransportError::new(TransportErrorKind::Tls, detail))
    }
}
