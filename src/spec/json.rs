//! A JSON object that is mostly passed on as text and now and then read by key.

use std::sync::Arc;

use once_cell::race::OnceBox;
use serde_json::{Map, Value};

type Members = Box<[(Box<str>, Member)]>;

/// The value of a member.
#[derive(Debug)]
pub enum Member {
    /// Text, ready to be lent to C.
    Text(Terminated),
    /// Anything else.
    Other(Value),
}

impl From<Value> for Member {
    fn from(value: Value) -> Member {
        match value {
            Value::String(text) => Member::Text(Terminated::new(text)),
            other => Member::Other(other),
        }
    }
}

impl Member {
    /// The text, if it is one.
    #[must_use]
    pub fn text(&self) -> Option<&Terminated> {
        match self {
            Member::Text(text) => Some(text),
            Member::Other(_) => None,
        }
    }

    /// The value, unless it is text.
    #[must_use]
    pub fn other(&self) -> Option<&Value> {
        match self {
            Member::Text(_) => None,
            Member::Other(value) => Some(value),
        }
    }

    /// The value, on its own.
    #[must_use]
    pub fn to_value(&self) -> Value {
        match self {
            Member::Text(text) => Value::String(text.as_str().to_owned()),
            Member::Other(value) => value.clone(),
        }
    }
}

/// Text that is followed by a NUL.
#[derive(Debug)]
pub struct Terminated(Box<str>);

impl Terminated {
    fn new(mut text: String) -> Terminated {
        text.reserve_exact(1);
        text.push('\0');
        Terminated(text.into())
    }

    /// The text, without the NUL that follows it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.0.get(..self.0.len() - 1).unwrap_or_default()
    }

    /// The text and its NUL.
    #[must_use]
    pub fn with_nul(&self) -> &str {
        &self.0
    }
}

/// Immutable JSON object: its text as sent, and its members parsed on first need.
#[derive(Debug)]
pub struct JsonObject {
    text: Box<str>,
    members: OnceBox<Members>,
}

impl JsonObject {
    /// Wraps text that is known to be a JSON object.
    pub(crate) fn from_raw(text: &str) -> JsonObject {
        JsonObject {
            text: text.into(),
            members: OnceBox::new(),
        }
    }

    /// An object from its parsed form.
    #[must_use]
    pub fn from_map(map: Map<String, Value>) -> JsonObject {
        let text = Value::Object(map).to_string();
        JsonObject::from_raw(&text)
    }

    /// The one empty object.
    #[must_use]
    pub fn empty() -> &'static Arc<JsonObject> {
        static EMPTY: OnceBox<Arc<JsonObject>> = OnceBox::new();
        EMPTY.get_or_init(|| Box::new(Arc::new(JsonObject::from_raw("{}"))))
    }

    /// The object as text.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The members in the order sent.
    pub fn members(&self) -> &[(Box<str>, Member)] {
        self.members.get_or_init(|| {
            let members = serde_json::from_str::<Map<String, Value>>(&self.text);
            let members = members.unwrap_or_default().into_iter();
            Box::new(
                members
                    .map(|(key, value)| (key.into_boxed_str(), Member::from(value)))
                    .collect(),
            )
        })
    }

    /// The member called `key`.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Member> {
        self.members()
            .iter()
            .find(|(name, _)| &**name == key)
            .map(|(_, value)| value)
    }

    /// The object as a map of its own.
    #[must_use]
    pub fn to_map(&self) -> Map<String, Value> {
        self.members()
            .iter()
            .map(|(key, member)| (key.to_string(), member.to_value()))
            .collect()
    }
}
