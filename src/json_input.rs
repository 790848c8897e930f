//! JSON of the host to a value, with errors that tell what is no JSON from what is the wrong JSON.

use serde::Deserialize;
use serde_json::error::Category;

use crate::error::Error;

/// Reads all of `text`, which `what` names.
///
/// # Errors
/// [`Error::Json`] for text that is not JSON; [`Error::Argument`] naming the member for JSON of
/// another shape.
pub(crate) fn parse<'a, T: Deserialize<'a>>(what: &'static str, text: &'a str) -> Result<T, Error> {
    let not_json = |error: &serde_json::Error| Error::Json {
        what,
        detail: error.to_string(),
    };
    let mut json = serde_json::Deserializer::from_str(text);
    let value = serde_path_to_error::deserialize(&mut json).map_err(|error| {
        let member = error.path().to_string();
        match error.inner() {
            inner if inner.classify() != Category::Data => not_json(inner),
            inner if member == "." => Error::argument(what, inner.to_string()),
            inner => Error::argument(format!("{what}.{member}"), inner.to_string()),
        }
    })?;
    json.end().map_err(|error| not_json(&error))?;
    Ok(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Deserialize)]
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
}
