//! Percent encoding and query strings.

/// `%41` and, in queries, `+` become what they stand for; a broken escape is kept as it is.
pub(crate) fn decode(text: &str, plus_is_space: bool) -> String {
    let mut out = Vec::with_capacity(text.len());
    let mut bytes = text.as_bytes();
    while let Some((&first, rest)) = bytes.split_first() {
        bytes = rest;
        match (first, rest) {
            (b'%', [high, low, after @ ..]) => {
                if let (Some(high), Some(low)) = (digit(*high), digit(*low)) {
                    out.push(high * 16 + low);
                    bytes = after;
                } else {
                    out.push(b'%');
                }
            }
            (b'+', _) if plus_is_space => out.push(b' '),
            _ => out.push(first),
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

fn digit(byte: u8) -> Option<u8> {
    char::from(byte)
        .to_digit(16)
        .and_then(|digit| u8::try_from(digit).ok())
}

/// Everything but unreserved characters is escaped, so the result is one path segment.
pub(crate) fn encode(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push('%');
            for nibble in [byte >> 4, byte & 15] {
                let digit = char::from_digit(u32::from(nibble), 16).unwrap_or('0');
                out.push(digit.to_ascii_uppercase());
            }
        }
    }
    out
}

/// `a=1&b=x%20y` as decoded pairs, in order.
pub(crate) fn query(text: &str) -> Vec<(String, String)> {
    text.split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            (decode(name, true), decode(value, true))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn encoding_then_decoding_gives_the_text_back() {
        for text in ["plain", "a/b c", "50%", "\u{e9}\u{1f600}", "a+b", "%zz"] {
            assert_eq!(decode(&encode(text), false), text);
        }
    }

    #[test]
    fn broken_escapes_are_kept() {
        assert_eq!(decode("%", false), "%");
        assert_eq!(decode("%4", false), "%4");
        assert_eq!(decode("%zz%41", false), "%zzA");
    }

    #[test]
    fn query_pairs_keep_their_order() {
        assert_eq!(
            query("b=2&a=x+y&&flag"),
            [("b", "2"), ("a", "x y"), ("flag", "")].map(|(n, v)| (n.to_owned(), v.to_owned()))
        );
    }
}
