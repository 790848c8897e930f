//! A JSON object that is mostly passed on as text and now and then read by key.

use std::sync::Arc;

use once_cell::race::OnceBox;
use serde_json::{Map, Value};

type Members = Box<[(Box<str>, Value)]>;

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
    pub fn members(&self) -> &[(Box<str>, Value)] {
        self.members.get_or_init(|| {
            let members = serde_json::from_str::<Map<String, Value>>(&self.text);
            let members = members.unwrap_or_default().into_iter();
            Box::new(
                members
                    .map(|(key, value)| (key.into_boxed_str(), value))
                    .collect(),
            )
        })
    }

    /// The member called `key`.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Value> {
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
            .map(|(key, value)| (key.to_string(), value.clone()))
            .collect()
    }
}
