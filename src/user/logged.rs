//! A user as it appears in logs: everything but the private attributes.

use std::io::Write;

use serde_json::{Map, Value};

use super::{Group, TopLevel, User, ValueRef};
use crate::json_writer::{ObjectWriter, write_text};

impl User {
    /// Appends the logging form. `environment` (the options' or the specs' one) replaces the
    /// user's own; only its `tier`, if that is text, is written.
    pub fn write_logged(&self, environment: Option<&Map<String, Value>>, out: &mut Vec<u8>) {
        let tier = match environment {
            Some(environment) => environment.get("tier").and_then(Value::as_str),
            None => match self.entry(Group::Environment, "tier") {
                ValueRef::Text(tier) => Some(tier),
                _ => None,
            },
        };
        let mut object = ObjectWriter::new(out);
        self.write_fields(&mut object);
        if let Some(tier) = tier {
            object.key("statsigEnvironment");
            object.out.extend_from_slice(b"{\"tier\":");
            write_text(object.out, tier);
            object.out.push(b'}');
        }
        self.write_custom_ids(&mut object);
        object.end();
    }

    /// The whole user as JSON, with private attributes only if asked for.
    #[must_use]
    pub fn to_json(&self, with_private: bool) -> String {
        let mut out = Vec::with_capacity(self.text.len() * 2 + 64);
        let mut object = ObjectWriter::new(&mut out);
        self.write_fields(&mut object);
        if with_private {
            self.write_group(&mut object, "privateAttributes", Group::Private);
        }
        self.write_group(&mut object, "statsigEnvironment", Group::Environment);
        self.write_custom_ids(&mut object);
        object.end();
        String::from_utf8(out).unwrap_or_default()
    }

    fn write_fields(&self, object: &mut ObjectWriter<'_>) {
        for (field, name) in TopLevel::WIRE {
            // Named fields are text on the wire, whatever type they were given with.
            if let Some(text) = self.top_level(field).to_text() {
                object.key(name);
                write_text(object.out, &text);
            }
        }
        self.write_group(object, "custom", Group::Custom);
    }

    fn write_group(&self, object: &mut ObjectWriter<'_>, name: &'static str, group: Group) {
        if !self.given.has(group) {
            return;
        }
        object.key(name);
        let mut inner = ObjectWriter::new(object.out);
        for (key, value) in self.entries(group) {
            inner.any_key(key);
            write_value(inner.out, value);
        }
        inner.end();
    }

    fn write_custom_ids(&self, object: &mut ObjectWriter<'_>) {
        if !self.given.custom_ids {
            return;
        }
        object.key("customIDs");
        let mut inner = ObjectWriter::new(object.out);
        for (key, id) in self.custom_ids() {
            inner.any_key(key);
            write_text(inner.out, id);
        }
        inner.end();
    }
}

fn write_value(out: &mut Vec<u8>, value: ValueRef<'_>) {
    let written = match value {
        ValueRef::Missing => out.write_all(b"null").map_err(serde_json::Error::io),
        ValueRef::Bool(value) => serde_json::to_writer(out, &value),
        ValueRef::Int(value) => serde_json::to_writer(out, &value),
        ValueRef::UInt(value) => serde_json::to_writer(out, &value),
        ValueRef::Float(value) => serde_json::to_writer(out, &value),
        ValueRef::Text(text) => serde_json::to_writer(out, text),
        ValueRef::Json(value) => serde_json::to_writer(out, value),
    };
    // Writing to memory cannot fail.
    let _ = written;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn private_attributes_never_reach_a_log() {
        let user = User::from_json(
            r#"{"userID":5,"email":7,"custom":{"k":[1],"n":null},"privateAttributes":{"secret":"s3"},
                "customIDs":{"companyID":42},"statsigEnvironment":{"tier":"qa","foo":"bar"}}"#,
        )
        .expect("a user");
        let mut out = Vec::new();
        user.write_logged(None, &mut out);
        assert_eq!(
            String::from_utf8(out).expect("text"),
            r#"{"userID":"5","email":"7","custom":{"k":[1],"n":null},"statsigEnvironment":{"tier":"qa"},"customIDs":{"companyID":"42"}}"#
        );
        assert!(!user.to_json(false).contains("s3"));
        assert!(user.to_json(true).contains("s3"));
    }
}
