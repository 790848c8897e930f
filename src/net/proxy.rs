//! Which proxy, if any, a request goes through.
//!
//! The option `network_proxy` is for every request. Without it, the conventional environment
//! variables decide: by scheme, `ALL_PROXY` as a fallback, `NO_PROXY` for exceptions. Loopback
//! addresses are never proxied because of the environment.

use std::net::IpAddr;

use crate::error::Error;

use super::environment::ProxyVariables;
use super::url::Origin;

/// The proxies of one client.
#[derive(Debug, Clone, Default)]
pub(super) struct Proxies {
    explicit: Option<ureq::Proxy>,
    https: Option<ureq::Proxy>,
    http: Option<ureq::Proxy>,
    exceptions: Exceptions,
}

impl Proxies {
    /// Reads the option, or the environment when the option is not given. The second value tells
    /// which variables hold no usable proxy and are ignored.
    pub(super) fn new(
        option: Option<&str>,
        variables: &ProxyVariables,
    ) -> Result<(Self, Vec<&'static str>), Error> {
        if let Some(text) = option {
            let explicit = ureq::Proxy::new(text).map_err(|_| {
                Error::argument(
                    "network_proxy",
                    "expected http://, https:// or socks5://[user:password@]host:port",
                )
            })?;
            let proxies = Proxies {
                explicit: Some(explicit),
                ..Proxies::default()
            };
            return Ok((proxies, Vec::new()));
        }
        let mut unusable = Vec::new();
        let mut parse = |name, value: &Option<String>| {
            let text = value.as_deref()?;
            let parsed = ureq::Proxy::new(text).ok();
            if parsed.is_none() {
                unusable.push(name);
            }
            parsed
        };
        let all = parse("ALL_PROXY", &variables.all);
        let https = parse("HTTPS_PROXY", &variables.https);
        let http = parse("HTTP_PROXY", &variables.http);
        let proxies = Proxies {
            explicit: None,
            https: https.or_else(|| all.clone()),
            http: http.or(all),
            exceptions: Exceptions::parse(variables.no_proxy.as_deref().unwrap_or_default()),
        };
        Ok((proxies, unusable))
    }

    /// The proxy for a server.
    pub(super) fn for_origin(&self, origin: &Origin) -> Option<&ureq::Proxy> {
        if self.explicit.is_some() {
            return self.explicit.as_ref();
        }
        let by_scheme = if origin.is_https {
            self.https.as_ref()
        } else {
            self.http.as_ref()
        };
        by_scheme.filter(|_| !is_loopback(&origin.host) && !self.exceptions.matches(origin))
    }
}

fn is_loopback(host: &str) -> bool {
    host == "localhost"
        || host.ends_with(".localhost")
        || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

/// Entries of `NO_PROXY`.
#[derive(Debug, Clone, Default)]
struct Exceptions(Vec<Exception>);

#[derive(Debug, Clone)]
enum Exception {
    Everything,
    /// A name and all names below it; a leading dot or `*.` leaves out the name itself.
    Domain {
        name: String,
        below_only: bool,
        port: Option<u16>,
    },
    /// An address or a block of addresses.
    Network {
        address: IpAddr,
        bits: u8,
        port: Option<u16>,
    },
}

impl Exceptions {
    fn parse(list: &str) -> Self {
        let entries = list.split([',', ' ', '\t']).map(str::trim);
        Exceptions(entries.filter_map(Exception::parse).collect())
    }

    fn matches(&self, origin: &Origin) -> bool {
        let ip: Option<IpAddr> = origin.host.parse().ok();
        self.0.iter().any(|entry| match entry {
            Exception::Everything => true,
            Exception::Domain {
                name,
                below_only,
                port,
            } => {
                let under = origin
                    .host
                    .strip_suffix(name.as_str())
                    .is_some_and(|front| front.ends_with('.') || (front.is_empty() && !below_only));
                under && port.is_none_or(|port| port == origin.port)
            }
            Exception::Network {
                address,
                bits,
                port,
            } => {
                ip.is_some_and(|ip| in_block(ip, *address, *bits))
                    && port.is_none_or(|port| port == origin.port)
            }
        })
    }
}

impl Exception {
    fn parse(entry: &str) -> Option<Self> {
        if entry.is_empty() {
            return None;
        }
        if entry == "*" {
            return Some(Exception::Everything);
        }
        if let Some((address, bits)) = entry.split_once('/') {
            let address: IpAddr = address.parse().ok()?;
            let bits: u8 = bits.parse().ok()?;
            let network = Exception::Network {
                address,
                bits,
                port: None,
            };
            return (bits <= width(address)).then_some(network);
        }
        let (host, port) = split_port(entry);
        if let Ok(address) = host.parse() {
            let bits = width(address);
            return Some(Exception::Network {
                address,
                bits,
                port,
            });
        }
        let lower = host.to_ascii_lowercase();
        let trimmed = lower.trim_start_matches('*').trim_start_matches('.');
        (!trimmed.is_empty()).then(|| Exception::Domain {
            name: trimmed.to_owned(),
            below_only: trimmed.len() != lower.len(),
            port,
        })
    }
}

/// `host:port`, `[v6]:port`, or a host alone (a bare IPv6 address has no port).
fn split_port(entry: &str) -> (&str, Option<u16>) {
    if let Some(rest) = entry.strip_prefix('[') {
        let (host, after) = rest.split_once(']').unwrap_or((rest, ""));
        return (host, after.strip_prefix(':').and_then(|p| p.parse().ok()));
    }
    match entry.rsplit_once(':') {
        Some((host, port)) if !host.contains(':') => match port.parse() {
            Ok(port) => (host, Some(port)),
            Err(_) => (entry, None),
        },
        _ => (entry, None),
    }
}

fn width(address: IpAddr) -> u8 {
    if address.is_ipv4() { 32 } else { 128 }
}

fn in_block(ip: IpAddr, block: IpAddr, bits: u8) -> bool {
    let differing = match (ip, block) {
        (IpAddr::V4(a), IpAddr::V4(b)) => u128::from(a.to_bits() ^ b.to_bits()),
        (IpAddr::V6(a), IpAddr::V6(b)) => a.to_bits() ^ b.to_bits(),
        _ => return false,
    };
    differing
        .checked_shr(u32::from(width(block) - bits))
        .unwrap_or(0)
        == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn variables() -> ProxyVariables {
        ProxyVariables {
            https: Some("http://secure:1".to_owned()),
            http: None,
            all: Some("socks5://any:2".to_owned()),
            no_proxy: None,
        }
    }

    fn chosen(proxies: &Proxies, url: &str) -> Option<String> {
        let origin = Origin::of(url).expect(url);
        proxies
            .for_origin(&origin)
            .map(|proxy| proxy.host().to_owned())
    }

    #[test]
    fn the_scheme_chooses_and_all_proxy_is_the_fallback() {
        let (proxies, unusable) = Proxies::new(None, &variables()).expect("valid");
        assert!(unusable.is_empty());
        assert_eq!(chosen(&proxies, "https://h/").as_deref(), Some("secure"));
        assert_eq!(chosen(&proxies, "http://h/").as_deref(), Some("any"));
        for local in [
            "http://localhost:1",
            "https://127.0.0.1",
            "http://[::1]/",
            "http://a.localhost",
        ] {
            assert_eq!(chosen(&proxies, local), None, "{local}");
        }
    }

    #[test]
    fn the_option_is_for_every_request() {
        let (proxies, _) = Proxies::new(Some("http://u:p@mine:3"), &variables()).expect("valid");
        assert_eq!(
            chosen(&proxies, "http://127.0.0.1/").as_deref(),
            Some("mine")
        );
        let error = Proxies::new(Some("gopher://x"), &variables()).expect_err("refused");
        assert!(error.to_string().contains("network_proxy"));
    }

    #[test]
    fn an_unusable_variable_is_named_and_ignored() {
        let mut variables = variables();
        variables.https = Some("nonsense://x".to_owned());
        let (proxies, unusable) = Proxies::new(None, &variables).expect("ignored");
        assert_eq!(unusable, ["HTTPS_PROXY"]);
        assert_eq!(chosen(&proxies, "https://h/").as_deref(), Some("any"));
    }

    #[test]
    fn no_proxy_forms() {
        for (list, url, expected) in [
            ("*", "http://h", true),
            ("example.com", "http://example.com", true),
            ("example.com", "http://EXAMPLE.com", true),
            ("example.com", "http://a.example.com", true),
            ("example.com", "http://badexample.com", false),
            (".example.com", "http://example.com", false),
            (".example.com", "http://a.b.example.com", true),
            ("*.example.com", "http://a.example.com", true),
            ("*.example.com", "http://example.com", false),
            ("a, b ,c.d", "http://b", true),
            ("example.com:8080", "http://example.com:8080", true),
            ("example.com:8080", "http://example.com", false),
            ("example.com:443", "https://example.com", true),
            ("10.0.0.0/8", "http://10.1.2.3", true),
            ("10.0.0.0/8", "http://11.1.2.3", false),
            ("10.0.0.0/8", "http://h10.0.0.1", false),
            ("0.0.0.0/0", "http://1.2.3.4", true),
            ("0.0.0.0/0", "http://[fe80::1]", false),
            ("192.168.1.1", "http://192.168.1.1:9", true),
            ("192.168.1.1:9", "http://192.168.1.1:8", false),
            ("fe80::/10", "http://[fe80::1]", true),
            ("[fe80::1]:9", "http://[fe80::1]:9", true),
            ("10.0.0.0/33,junk/x,,", "http://10.0.0.0", false),
            ("", "http://h", false),
        ] {
            let origin = Origin::of(url).expect(url);
            assert_eq!(
                Exceptions::parse(list).matches(&origin),
                expected,
                "{list} {url}"
            );
        }
    }
}
