//! The address of a forward proxy.

use std::fmt;

use crate::error::Error;
use crate::net::url::Origin;
use crate::options::{AuthenticationMode, Endpoint, ProxyConfig};

/// Where the proxy is, and whether it is spoken to in TLS.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Target {
    pub(super) origin: Origin,
}

impl Target {
    /// Accepts `host:port` (as gRPC writes targets) and http or https URLs. Without a scheme, the
    /// authentication mode decides.
    ///
    /// # Errors
    /// [`Error::Argument`] naming the option.
    pub(super) fn parse(endpoint: Endpoint, proxy: &ProxyConfig) -> Result<Target, Error> {
        let refuse = |why: &str| {
            let key = format!("proxy_configs.{}.proxy_address", endpoint.as_str());
            Err(Error::argument(key, why))
        };
        let wants_tls = proxy.authentication_mode != AuthenticationMode::None;
        let address = proxy.proxy_address.trim();
        let address = address.strip_prefix("dns:///").unwrap_or(address);
        let url = if address.contains("://") {
            address.to_owned()
        } else {
            let scheme = if wants_tls { "https" } else { "http" };
            let port = address.rsplit(':').next().unwrap_or_default();
            if address.is_empty() || port.parse::<u16>().is_err() {
                return refuse("expected host:port, or an http:// or https:// URL");
            }
            format!("{scheme}://{address}")
        };
        let Some(origin) = Origin::of(&url) else {
            return refuse("expected host:port, or an http:// or https:// URL");
        };
        let rest = url.split("://").nth(1).unwrap_or_default();
        let rest = rest.trim_end_matches('/');
        if rest.contains(['/', '?', '#', '@']) {
            return refuse("expected an address without user, path or query");
        }
        if wants_tls && !origin.is_https {
            return refuse("expected an https:// URL, because authentication_mode asks for TLS");
        }
        Ok(Target { origin })
    }

    /// The name the proxy has to prove, and its place in the table of hosts.
    pub(super) fn host(&self) -> &str {
        &self.origin.host
    }

    /// Scheme and authority of the requests.
    pub(super) fn url(&self) -> String {
        let scheme = if self.origin.is_https {
            "https"
        } else {
            "http"
        };
        format!("{scheme}://{self}")
    }
}

/// `host:port`, with brackets around an IPv6 address.
impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Origin { host, port, .. } = &self.origin;
        if host.contains(':') {
            write!(f, "[{host}]:{port}")
        } else {
            write!(f, "{host}:{port}")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(address: &str, mode: &str) -> Result<Target, Error> {
        let entry = serde_json::json!({
            "protocol": "grpc_websocket", "proxy_address": address, "authentication_mode": mode,
        });
        let entry = serde_json::from_value(entry).unwrap();
        Target::parse(Endpoint::DownloadConfigSpecs, &entry)
    }

    #[test]
    fn targets_are_host_and_port_with_or_without_a_scheme() {
        for (address, mode, expected) in [
            ("proxy:50051", "none", "http://proxy:50051"),
            ("proxy:50052", "tls", "https://proxy:50052"),
            ("127.0.0.1:1", "mtls", "https://127.0.0.1:1"),
            ("[::1]:50051", "none", "http://[::1]:50051"),
            ("dns:///Proxy:50051", "none", "http://proxy:50051"),
            ("http://proxy:50051/", "none", "http://proxy:50051"),
            ("https://proxy", "none", "https://proxy:443"),
            ("https://proxy:50052", "tls", "https://proxy:50052"),
        ] {
            assert_eq!(parse(address, mode).unwrap().url(), expected, "{address}");
        }
    }

    #[test]
    fn what_is_no_target_is_refused_by_name() {
        for (address, mode) in [
            ("", "none"),
            ("proxy", "none"),
            ("proxy:port", "none"),
            ("ftp://proxy:1", "none"),
            ("unix:/run/proxy.sock", "none"),
            ("http://proxy:1/path", "none"),
            ("http://user@proxy:1", "none"),
            ("http://proxy:50051", "tls"),
        ] {
            let error = parse(address, mode).expect_err(address).to_string();
            let key = "proxy_configs.download_config_specs.proxy_address";
            assert!(error.starts_with(key), "{address}: {error}");
        }
    }
}
