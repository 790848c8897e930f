//! The few operations on URLs that following redirects and guarding the key need.
//!
//! Paths and queries are carried as they are, percent-encoding included: some of them are signed.

use ureq::http::Uri;

/// Scheme, host and port, with the default port filled in: what "the same server" means.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Origin {
    /// Whether the scheme is https.
    pub(crate) is_https: bool,
    /// Host name in lower case, or an IP address; without brackets.
    pub(crate) host: String,
    /// Port, explicit or by scheme.
    pub(crate) port: u16,
}

impl Origin {
    /// The origin of an absolute http or https URL.
    pub(crate) fn of(url: &str) -> Option<Origin> {
        let uri: Uri = url.parse().ok()?;
        let is_https = match uri.scheme_str()? {
            "http" => false,
            "https" => true,
            _ => return None,
        };
        let host = uri.host()?.trim_start_matches('[').trim_end_matches(']');
        if host.is_empty() {
            return None;
        }
        Some(Origin {
            is_https,
            host: host.to_ascii_lowercase(),
            port: uri.port_u16().unwrap_or(if is_https { 443 } else { 80 }),
        })
    }
}

/// The parts of an absolute URL: up to the end of the authority, and the rest.
fn split(url: &str) -> Option<(&str, &str)> {
    let authority_at = url.find("://")? + 3;
    let rest_at = url
        .get(authority_at..)?
        .find(['/', '?', '#'])
        .map_or(url.len(), |at| authority_at + at);
    Some((url.get(..rest_at)?, url.get(rest_at..)?))
}

/// `url` with its scheme and authority replaced by those of `base`.
pub(crate) fn rehost(url: &str, base: &str) -> Option<String> {
    let (_, rest) = split(url)?;
    let (origin, _) = split(base)?;
    Some(format!("{origin}{rest}"))
}

/// The path of an absolute URL, still percent-encoded, without query and fragment.
pub(crate) fn path(url: &str) -> Option<&str> {
    let (_, rest) = split(url)?;
    let end = rest.find(['?', '#']).unwrap_or(rest.len());
    rest.get(..end)
}

/// Scheme, host and port as text: `http://host:8080`.
pub(crate) fn service(url: &str) -> Option<&str> {
    split(url).map(|(origin, _)| origin)
}

/// What a `Location` header means relative to the URL that was asked.
pub(super) fn join(asked: &str, location: &str) -> Option<String> {
    let location = location.split('#').next()?.trim();
    if location.starts_with("http://") || location.starts_with("https://") {
        return Some(location.to_owned());
    }
    let (origin, rest) = split(asked)?;
    if let Some(authority) = location.strip_prefix("//") {
        let scheme = origin.split("://").next()?;
        return Some(format!("{scheme}://{authority}"));
    }
    if location.starts_with('/') {
        return Some(format!("{origin}{location}"));
    }
    if location.is_empty() || location.contains(':') {
        return None;
    }
    let path = rest.split(['?', '#']).next()?;
    if location.starts_with('?') {
        return Some(format!("{origin}{path}{location}"));
    }
    let folder = path
        .rfind('/')
        .and_then(|at| path.get(..=at))
        .unwrap_or("/");
    Some(format!("{origin}{folder}{location}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn origins_ignore_case_and_fill_in_the_port() {
        assert_eq!(
            Origin::of("https://API.example.com/v1"),
            Origin::of("https://api.example.com:443")
        );
        assert_ne!(Origin::of("http://h/"), Origin::of("https://h/"));
        assert_ne!(Origin::of("http://h:1/"), Origin::of("http://h:2/"));
        assert_eq!(
            Origin::of("http://[::1]:80/x").map(|o| o.host),
            Some("::1".to_owned())
        );
        for bad in ["", "h/x", "/x", "ftp://h/", "http://"] {
            assert_eq!(Origin::of(bad), None, "{bad}");
        }
    }

    #[test]
    fn rehosting_keeps_path_and_query_as_they_are() {
        assert_eq!(
            rehost("https://h/v1/f/a%2Fb?sig=x%3D", "http://p:8000/ignored"),
            Some("http://p:8000/v1/f/a%2Fb?sig=x%3D".to_owned())
        );
        assert_eq!(rehost("https://h", "http://p"), Some("http://p".to_owned()));
        assert_eq!(rehost("nonsense", "http://p"), None);
        assert_eq!(path("https://h/v1/q%2Fw?k=1"), Some("/v1/q%2Fw"));
    }

    #[test]
    fn locations_are_relative_to_the_asked_url() {
        let asked = "http://h:1/a/b?q=1";
        for (location, expected) in [
            ("https://x/y", Some("https://x/y")),
            ("//x/y", Some("http://x/y")),
            ("/c?d", Some("http://h:1/c?d")),
            ("c", Some("http://h:1/a/c")),
            ("?z", Some("http://h:1/a/b?z")),
            ("/c#frag", Some("http://h:1/c")),
            ("", None),
            ("mailto:x@y", None),
        ] {
            assert_eq!(join(asked, location).as_deref(), expected, "{location}");
        }
    }
}
