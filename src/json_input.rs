//! JSON of the host to a value, with errors that tell what is no JSON from what is the wrong JSON.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::error::Category;

use crate::error::Error;

/// Reads all of `text`, which `what` names.
///
/// # Errors
/// [`Error::Json`] for text that is not JSON; [`Error::Argument`] naming the member for JSON of
/// another shape.
pub(crate) fn parse<'a, T: Deserialize<'a>>(what: &'static str, text: &'a str) -> Result<T, Error> {
    // Keeping the path to a member costs more than reading; it is wanted for errors only.
    if let Ok(value) = serde_json::from_str(text) {
        return Ok(value);
    }
    let mut json = serde_json::Deserializer::from_str(text);
    let value = serde_path_to_error::deserialize(&mut json).map_err(|error| {
        let member = error.path().to_string();
        match error.inner() {
            inner if inner.classify() != Category::Data => not_json(what, inner),
            inner if member == "." => Error::argument(what, inner.to_string()),
            inner => Error::argument(format!("{what}.{member}"), inner.to_string()),
        }
    })?;
    json.end().map_err(|error| not_json(what, &error))?;
    Ok(value)
}

/// Reads all of `text`, which `what` names, as a type that any JSON is good for. Apart from
/// [`parse`] because code that finds the wrong member is large, and made for each type.
///
/// # Errors
/// [`Error::Json`] for text that is not JSON.
pub(crate) fn parse_any<'a, T: Deserialize<'a>>(
    what: &'static str,
    text: &'a str,
) -> Result<T, Error> {
    serde_json::from_str(text).map_err(|error| not_json(what, &error))
}

fn not_json(what: &'static str, error: &serde_json::Error) -> Error {
    Error::Json {
        what,
        detail: error.to_string(),
    }
}

/// Stands for any JSON of which a reader can make values.
///
/// Skipping over a value checks less: numbers beyond all numbers and lists in lists without end are
/// good JSON, and every reader refuses them, or reads an infinity. What passes on JSON as text must
/// have looked at the numbers, too.
pub(crate) struct Readable;

impl<'de> Deserialize<'de> for Readable {
    fn deserialize<D: Deserializer<'de>>(json: D) -> Result<Readable, D::Error> {
        json.deserialize_any(Readable)
    }
}

impl<'de> Visitor<'de> for Readable {
    type Value = Readable;
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }
    fn visit_unit<E>(self) -> Result<Readable, E> {
        Ok(Readable)
    }
    fn visit_bool<E>(self, _: bool) -> Result<Readable, E> {
        Ok(Readable)
    }
    fn visit_i64<E>(self, _: i64) -> Result<Readable, E> {
        Ok(Readable)
    }
    fn visit_u64<E>(self, _: u64) -> Result<Readable, E> {
        Ok(Readable)
    }
    fn visit_f64<E>(self, _: f64) -> Result<Readable, E> {
        Ok(Readable)
    }
    fn visit_str<E>(self, _: &str) -> Result<Readable, E> {
        Ok(Readable)
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Readable, A::Error> {
        while seq.next_element::<Readable>()?.is_some() {}
        Ok(Readable)
    }
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Readable, A::Error> {
        while map.next_entry::<Readable, Readable>()?.is_some() {}
        Ok(Readable)
    }
}

/// `text` with each escape of half a surrogate pair replaced by that of U+FFFD.
///
/// Hosts that cut UTF-16 text anywhere write such escapes. They stand for no character, and strict
/// readers refuse the whole text for one of them: what passes on JSON as text must not.
pub(crate) fn mend(text: &str) -> Cow<'_, str> {
    if !text.contains('\\') {
        return Cow::Borrowed(text);
    }
    let bytes = text.as_bytes();
    let unit_at = |at: usize| {
        let digits = bytes.get(at..at + 6)?.strip_prefix(b"\\u")?;
        u16::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
    };
    let mut mended = String::new();
    let (mut copied, mut at) = (0, 0);
    while let Some(found) = text.get(at..).and_then(|rest| rest.find('\\')) {
        at += found;
        at += match unit_at(at) {
            Some(0xD800..=0xDBFF) if matches!(unit_at(at + 6), Some(0xDC00..=0xDFFF)) => 12,
            Some(0xD800..=0xDFFF) => {
                mended.push_str(text.get(copied..at).unwrap_or_default());
                mended.push_str("\\ufffd");
                copied = at + 6;
                6
            }
            Some(_) => 6,
            None => 2,
        };
    }
    if copied == 0 {
        return Cow::Borrowed(text);
    }
    mended.push_str(text.get(copied..).unwrap_or_default());
    Cow::Owned(mended)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, serde::Deserialize)]
    struct Shape<'a> {
        #[serde(borrow)]
        raw: &'a serde_json::value::RawValue,
        number: i32,
    }

    fn said(text: &str) -> (i32, String) {
        let error = parse::<Shape<'_>>("thing", text).expect_err("an error");
        (error.code(), error.to_string())
    }

    #[test]
    fn what_is_no_json_and_what_is_other_json_differ() {
        let good = r#"{"raw": {"a": [1]}, "number": 7}"#;
        let shape: Shape<'_> = parse("thing", good).expect("a value");
        assert_eq!((shape.raw.get(), shape.number), (r#"{"a": [1]}"#, 7));
        for text in ["", "{", "nonsense", r#"{"raw": 1, "number": 7} x"#] {
            assert_eq!(said(text).0, -4, "{text}");
        }
        let (code, message) = said(r#"{"raw": 1, "number": "x"}"#);
        assert_eq!(code, -5);
        assert!(
            message.starts_with("thing.number: invalid type"),
            "{message}"
        );
        let (code, message) = said("[5]");
        assert_eq!(code, -5);
        assert!(message.starts_with("thing"), "{message}");
    }

    #[test]
    fn what_no_reader_takes_is_not_readable() {
        let deep = |levels: usize| ["[".repeat(levels), "]".repeat(levels)].concat();
        for good in [
            r#"{"a": [1, -2.5, 1e300, true, null, "\u00e9"], "b": {}}"#,
            &deep(100),
        ] {
            assert!(parse::<Readable>("thing", good).is_ok(), "{good}");
        }
        for bad in [
            "[1e999]",
            r#"{"a": -1e400}"#,
            r#"{"\ud800": 1}"#,
            &deep(1000),
            "[1,]",
            "{1: 2}",
        ] {
            assert_eq!(
                parse::<Readable>("thing", bad).err().map(|e| e.code()),
                Some(-4),
                "{bad}"
            );
        }
    }

    #[test]
    fn half_pairs_are_mended_and_nothing_else() {
        for (text, mended) in [
            (r#"{"a": "\ud83d"}"#, r#"{"a": "\ufffd"}"#),
            (r#"["\uDE00\ud83d\ude00"]"#, r#"["\ufffd\ud83d\ude00"]"#),
            (r#"["\ud83d\ud83d\ude00"]"#, r#"["\ufffd\ud83d\ude00"]"#),
            (r#"["\ud83d\n", "\udfff"]"#, r#"["\ufffd\n", "\ufffd"]"#),
        ] {
            assert_eq!(mend(text), mended);
            assert!(serde_json::from_str::<serde_json::Value>(&mend(text)).is_ok());
        }
        for kept in [
            r#"["\ud83d\ude00", "\u00e9"]"#,
            r#"["\\ud83d", "\\\\ud83d"]"#,
            r#"["ud83d", "\"]"#,
            r#""\ud8"#,
            "\\u",
        ] {
            assert!(matches!(mend(kept), Cow::Borrowed(_)), "{kept}");
        }
    }
}
