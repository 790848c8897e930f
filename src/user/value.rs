//! One value of a user, and the coercions that evaluation needs: text form and number form.

use std::borrow::Cow;

use serde_json::Value;

/// A piece of the user's arena.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Span {
    start: u32,
    end: u32,
}

impl Span {
    pub(super) fn new(start: usize, end: usize) -> Option<Span> {
        Some(Span {
            start: u32::try_from(start).ok()?,
            end: u32::try_from(end).ok()?,
        })
    }

    pub(super) fn len(self) -> usize {
        (self.end - self.start) as usize
    }

    pub(super) fn read(self, arena: &str) -> &str {
        arena
            .get(self.start as usize..self.end as usize)
            .unwrap_or_default()
    }
}

/// A value as stored: text lies in the arena, lists and objects (rare) are kept as they are.
#[derive(Debug, Default)]
pub(super) enum UserValue {
    #[default]
    Null,
    Bool(bool),
    Int(i64),
    UInt(u64),
    Float(f64),
    Text(Span),
    Json(Box<Value>),
}

impl UserValue {
    pub(super) fn read<'a>(&'a self, arena: &'a str) -> ValueRef<'a> {
        match self {
            UserValue::Null => ValueRef::Missing,
            UserValue::Bool(value) => ValueRef::Bool(*value),
            UserValue::Int(value) => ValueRef::Int(*value),
            UserValue::UInt(value) => ValueRef::UInt(*value),
            UserValue::Float(value) => ValueRef::Float(*value),
            UserValue::Text(span) => ValueRef::Text(span.read(arena)),
            UserValue::Json(value) => ValueRef::Json(value),
        }
    }
}

/// A value as evaluation sees it. Null and missing are the same.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum ValueRef<'a> {
    Missing,
    Bool(bool),
    Int(i64),
    UInt(u64),
    Float(f64),
    Text(&'a str),
    /// A list or an object.
    Json(&'a Value),
}

impl<'a> From<&'a Value> for ValueRef<'a> {
    fn from(value: &'a Value) -> Self {
        match value {
            Value::Null => ValueRef::Missing,
            Value::Bool(value) => ValueRef::Bool(*value),
            Value::String(text) => ValueRef::Text(text),
            Value::Number(number) => {
                if let Some(value) = number.as_i64() {
                    ValueRef::Int(value)
                } else if let Some(value) = number.as_u64() {
                    ValueRef::UInt(value)
                } else {
                    ValueRef::Float(number.as_f64().unwrap_or(f64::NAN))
                }
            }
            Value::Array(_) | Value::Object(_) => ValueRef::Json(value),
        }
    }
}

impl<'a> ValueRef<'a> {
    /// Missing, or empty text.
    #[must_use]
    pub fn is_blank(&self) -> bool {
        matches!(self, ValueRef::Missing | ValueRef::Text(""))
    }

    /// The text form: booleans are `true` and `false`, integers exact, floats the shortest decimal
    /// that reads back the same, without exponent and without `.0`; lists and objects compact JSON.
    #[must_use]
    pub fn to_text(self) -> Option<Cow<'a, str>> {
        Some(match self {
            ValueRef::Missing => return None,
            ValueRef::Bool(true) => Cow::Borrowed("true"),
            ValueRef::Bool(false) => Cow::Borrowed("false"),
            ValueRef::Int(value) => Cow::Owned(value.to_string()),
            ValueRef::UInt(value) => Cow::Owned(value.to_string()),
            ValueRef::Float(value) => Cow::Owned(value.to_string()),
            ValueRef::Text(text) => Cow::Borrowed(text),
            ValueRef::Json(value) => Cow::Owned(value.to_string()),
        })
    }

    /// The number form: numbers, and text that is a plain decimal after trimming.
    #[must_use]
    #[expect(
        clippy::cast_precision_loss,
        reason = "numbers compare as f64, like in JSON"
    )]
    pub fn to_number(self) -> Option<f64> {
        match self {
            ValueRef::Int(value) => Some(value as f64),
            ValueRef::UInt(value) => Some(value as f64),
            ValueRef::Float(value) => Some(value),
            ValueRef::Text(text) => parse_decimal(text),
            ValueRef::Missing | ValueRef::Bool(_) | ValueRef::Json(_) => None,
        }
    }
}

/// `text` as a decimal number with an optional exponent; no `inf`, `nan`, hexadecimal or `_`.
fn parse_decimal(text: &str) -> Option<f64> {
    let text = text.trim();
    let plain =
        |byte: u8| byte.is_ascii_digit() || matches!(byte, b'+' | b'-' | b'.' | b'e' | b'E');
    if text.bytes().all(plain) {
        text.parse().ok()
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_forms_are_those_of_the_wire() {
        for (value, text) in [
            (ValueRef::Float(1.0), "1"),
            (ValueRef::Float(1e-7), "0.0000001"),
            (ValueRef::Float(1e22), "10000000000000000000000"),
            (ValueRef::Float(1.5), "1.5"),
            (ValueRef::Int(9_007_199_254_740_993), "9007199254740993"),
            (ValueRef::Bool(true), "true"),
        ] {
            assert_eq!(value.to_text().as_deref(), Some(text));
        }
    }

    #[test]
    fn only_plain_decimals_are_numbers() {
        assert_eq!(ValueRef::Text(" 1e2 ").to_number(), Some(100.0));
        for text in ["", "abc", "0x10", "1_000", "NaN", "inf", "5 apples"] {
            assert_eq!(ValueRef::Text(text).to_number(), None, "{text}");
        }
    }
}
