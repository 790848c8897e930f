//! Hides secret keys in text that leaves the library.

use std::borrow::Cow;

const PREFIX: &str = "secret-";
/// Characters after the prefix that stay readable, enough to tell keys apart.
const KEPT: usize = 5;
const MASK: &str = "*****";

/// Replaces the rest of each secret key in `text` by stars: `secret-abcDEF123` becomes
/// `secret-abcDE*****`. A key so short that it would stay whole is hidden altogether.
#[must_use]
pub fn redact(text: &str) -> Cow<'_, str> {
    if !text.contains(PREFIX) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once(PREFIX) {
        out.push_str(before);
        out.push_str(PREFIX);
        let key_len = after.bytes().take_while(u8::is_ascii_alphanumeric).count();
        let (mut key, mut tail) = after.split_at(key_len);
        if key.ends_with("secret") && tail.starts_with('-') {
            // The next prefix overlaps this key; it must be found as a prefix, too.
            (key, tail) = after.split_at(key_len - "secret".len());
        }
        if key.len() > KEPT {
            out.push_str(key.get(..KEPT).unwrap_or_default());
        }
        if !key.is_empty() {
            out.push_str(MASK);
        }
        rest = tail;
    }
    out.push_str(rest);
    Cow::Owned(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_masked_wherever_they_stand() {
        for (text, expected) in [
            ("no key", "no key"),
            ("secret-", "secret-"),
            ("secret- x", "secret- x"),
            ("secret-abcDEF123-xyz", "secret-abcDE*****-xyz"),
            ("secret-abcDE", "secret-*****"),
            ("secret-a", "secret-*****"),
            (
                "a secret-111111 b secret-222222",
                "a secret-11111***** b secret-22222*****",
            ),
            (
                "/v1/specs/secret-abcdef.json",
                "/v1/specs/secret-abcde*****.json",
            ),
            ("secret-secret-abcdefg", "secret-secret-abcde*****"),
        ] {
            assert_eq!(redact(text), expected, "{text}");
        }
    }
}
