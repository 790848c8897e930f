//! The headers every request to the service carries.

use crate::context::Context;
use crate::report::redact;

/// All headers that a request to the service has; `retry` counts earlier attempts at the same
/// delivery.
#[must_use]
pub fn common_headers(ctx: &Context, retry: u32) -> Vec<(&'static str, String)> {
    let service = ctx.settings.service_name.as_deref().unwrap_or("unknown");
    let user_agent = format!(
        "tidegate/{} statsig-sdk-type/{} statsig-sdk-version/{} statsig-service/{}",
        env!("CARGO_PKG_VERSION"),
        token(ctx.sdk_type()),
        token(ctx.sdk_version()),
        token(service),
    );
    vec![
        ("Content-type", "application/json".to_owned()),
        ("User-Agent", user_agent),
        (API_KEY, ctx.sdk_key.clone()),
        ("STATSIG-CLIENT-TIME", ctx.clock.now_ms().to_string()),
        ("STATSIG-SERVER-SESSION-ID", ctx.session_id().to_string()),
        ("STATSIG-SDK-TYPE", ctx.sdk_type().to_owned()),
        ("STATSIG-SDK-VERSION", ctx.sdk_version().to_owned()),
        ("STATSIG-RETRY", retry.to_string()),
        ("Accept-Encoding", "gzip, deflate, br".to_owned()),
        ("x-request-service", service.to_owned()),
    ]
}

/// The header that carries the secret key.
pub(crate) const API_KEY: &str = "STATSIG-API-KEY";

/// Text as one token of RFC 7230: other characters become `-`, and none is left at the ends.
fn token(text: &str) -> String {
    let cleaned: String = text
        .chars()
        .map(|c| {
            if c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c) {
                c
            } else {
                '-'
            }
        })
        .collect();
    match cleaned.trim_matches('-') {
        "" => "unknown".to_owned(),
        trimmed => trimmed.to_owned(),
    }
}

/// `text` without the key: `secret-` and five characters of it stay. Covers keys whose characters
/// go beyond those that the general rule for secrets in text knows.
#[must_use]
pub fn without_key(text: &str, sdk_key: &str) -> String {
    let hidden = match sdk_key.get(..12) {
        Some(shown) if sdk_key.starts_with("secret-") => format!("{shown}*****"),
        _ => return redact(text).into_owned(),
    };
    let parts: Vec<_> = text.split(sdk_key).map(redact).collect();
    parts.join(&hidden)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens() {
        for (text, expected) in [
            ("checkout api!", "checkout-api!"),
            ("a b/\u{fc}@1", "a-b---1"),
            ("--x--", "x"),
            ("", "unknown"),
            ("///", "unknown"),
            ("tidegate-python", "tidegate-python"),
        ] {
            assert_eq!(token(text), expected, "{text}");
        }
    }

    #[test]
    fn the_key_is_hidden_whatever_it_is_made_of() {
        for key in ["secret-abcdefgh", "secret-abcde.f_g~h"] {
            let text = without_key(&format!("http://h/v1/x/{key}.json?sinceTime=1"), key);
            assert!(text.contains("secret-abcde*****"), "{text}");
            assert!(!text.contains("~h") && !text.contains("fgh"), "{text}");
        }
        assert_eq!(without_key("nothing here", "k"), "nothing here");
    }
}
