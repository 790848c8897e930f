//! The only reader of the process environment: the conventional proxy variables.
//!
//! (The TLS trust loader reads `SSL_CERT_FILE` and `SSL_CERT_DIR` itself.)

/// Proxy variables as found; empty values count as absent.
#[derive(Debug, Clone, Default)]
pub(crate) struct ProxyVariables {
    /// `HTTPS_PROXY` or `https_proxy`.
    pub(crate) https: Option<String>,
    /// `http_proxy` or `HTTP_PROXY`.
    pub(crate) http: Option<String>,
    /// `ALL_PROXY` or `all_proxy`.
    pub(crate) all: Option<String>,
    /// `NO_PROXY` or `no_proxy`.
    pub(crate) no_proxy: Option<String>,
}

impl ProxyVariables {
    pub(crate) fn read() -> Self {
        Self::from_lookup(lookup)
    }

    fn from_lookup(lookup: impl Fn(&str) -> Option<String>) -> Self {
        let first = |names: [&str; 2]| names.into_iter().find_map(&lookup);
        // Inside CGI, HTTP_PROXY is the request's `Proxy:` header: whoever sends a request to the
        // host would choose our proxy.
        let in_cgi = lookup("REQUEST_METHOD").is_some();
        ProxyVariables {
            https: first(["HTTPS_PROXY", "https_proxy"]),
            http: lookup("http_proxy").or_else(|| if in_cgi { None } else { lookup("HTTP_PROXY") }),
            all: first(["ALL_PROXY", "all_proxy"]),
            no_proxy: first(["NO_PROXY", "no_proxy"]),
        }
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "this is the one reader of the environment"
)]
fn lookup(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn from(pairs: &[(&str, &str)]) -> ProxyVariables {
        ProxyVariables::from_lookup(|name| {
            pairs
                .iter()
                .find(|(known, _)| *known == name)
                .map(|(_, value)| (*value).to_owned())
        })
    }

    #[test]
    fn either_case_is_read() {
        let read = from(&[("https_proxy", "a"), ("HTTP_PROXY", "b"), ("no_proxy", "c")]);
        assert_eq!(read.https.as_deref(), Some("a"));
        assert_eq!(read.http.as_deref(), Some("b"));
        assert_eq!(read.no_proxy.as_deref(), Some("c"));
        assert_eq!(read.all, None);
    }

    #[test]
    fn http_proxy_in_capitals_is_not_trusted_inside_cgi() {
        let read = from(&[("HTTP_PROXY", "evil"), ("REQUEST_METHOD", "GET")]);
        assert_eq!(read.http, None);
    }
}
