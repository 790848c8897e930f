//! Writing JSON piece by piece into a buffer, without building a tree first; and building one with
//! little code.

use serde::Serialize;
use serde_json::Value;

/// An object as a value, like `serde_json::json!`, which makes half a kilobyte of code of each
/// member. Values are expressions: an object in it is another `object!`.
macro_rules! object {
    ({ $($key:literal: $value:expr),* $(,)? }) => {
        $crate::json_writer::object_of(&[$(
            ($key, &$value as &dyn $crate::json_writer::ToValue)
        ),*])
    };
}
pub(crate) use object;

/// What [`object!`] becomes. Behind pointers, so that there are no values yet to be dropped by a
/// panic between two members.
pub(crate) fn object_of(members: &[(&'static str, &dyn ToValue)]) -> Value {
    let members = members.iter();
    let owned = members.map(|(key, value)| ((*key).to_owned(), value.to_value()));
    Value::Object(owned.collect())
}

/// What a member of [`object!`] can be.
pub(crate) trait ToValue {
    /// What cannot be told in JSON is null.
    fn to_value(&self) -> Value;
}

impl<T: Serialize> ToValue for T {
    fn to_value(&self) -> Value {
        serde_json::to_value(self).unwrap_or_default()
    }
}

/// Writes `{"key":value,...}` piece by piece into a buffer.
pub(crate) struct ObjectWriter<'o> {
    pub(crate) out: &'o mut Vec<u8>,
    first: bool,
}

impl<'o> ObjectWriter<'o> {
    pub(crate) fn new(out: &'o mut Vec<u8>) -> Self {
        out.push(b'{');
        ObjectWriter { out, first: true }
    }

    /// Writes the separator and a key of ours, which needs no escapes; the caller writes the value
    /// to `out` next.
    #[inline]
    pub(crate) fn key(&mut self, key: &'static str) {
        let start: &[u8] = if self.first { b"\"" } else { b",\"" };
        self.first = false;
        self.out.extend_from_slice(start);
        self.out.extend_from_slice(key.as_bytes());
        self.out.extend_from_slice(b"\":");
    }

    /// The same for a key that comes from elsewhere.
    pub(crate) fn any_key(&mut self, key: &str) {
        self.key_by(|out| write_text(out, key));
    }

    /// The same for a key that `write` writes.
    pub(crate) fn key_by(&mut self, write: impl FnOnce(&mut Vec<u8>)) {
        if !std::mem::take(&mut self.first) {
            self.out.push(b',');
        }
        write(self.out);
        self.out.push(b':');
    }

    /// A member that is text.
    pub(crate) fn text(&mut self, key: &'static str, value: &str) {
        self.key(key);
        write_text(self.out, value);
    }

    /// A member that is text or null.
    pub(crate) fn optional_text(&mut self, key: &'static str, value: Option<&str>) {
        match value {
            Some(value) => self.text(key, value),
            None => self.raw(key, "null"),
        }
    }

    /// A member that is a boolean.
    pub(crate) fn bool(&mut self, key: &'static str, value: bool) {
        self.raw(key, if value { "true" } else { "false" });
    }

    /// A member that is JSON already.
    pub(crate) fn raw(&mut self, key: &'static str, json: &str) {
        self.key(key);
        self.out.extend_from_slice(json.as_bytes());
    }

    pub(crate) fn end(self) {
        self.out.push(b'}');
    }
}

/// Appends `text` as a JSON string; the usual text needs no escapes and is copied.
pub(crate) fn write_text(out: &mut Vec<u8>, text: &str) {
    if is_plain(text.as_bytes()) {
        write_plain(out, text.as_bytes());
    } else {
        // Writing to memory cannot fail.
        let _ = serde_json::to_writer(out, text);
    }
}

/// Appends text that needs no escapes as a JSON string.
pub(crate) fn write_plain(out: &mut Vec<u8>, text: &[u8]) {
    out.reserve(text.len() + 2);
    out.push(b'"');
    out.extend_from_slice(text);
    out.push(b'"');
}

/// Whether no byte needs an escape. Looks at all bytes of a chunk at once instead of stopping at the
/// first that does.
fn is_plain(bytes: &[u8]) -> bool {
    fn all<const N: usize>(bytes: &[u8; N]) -> bool {
        let special =
            |byte: &u8| u8::from(*byte < b' ') | u8::from(*byte == b'"') | u8::from(*byte == b'\\');
        bytes
            .iter()
            .map(special)
            .fold(0, |found, byte| found | byte)
            == 0
    }
    let (chunks, rest) = bytes.as_chunks::<16>();
    let (words, rest) = rest.as_chunks::<8>();
    let byte = |byte: &u8| all(std::array::from_ref(byte));
    chunks.iter().all(all) && words.iter().all(all) && rest.iter().all(byte)
}

/// Appends a JSON list, each element written by `write`.
pub(crate) fn write_list<T>(
    out: &mut Vec<u8>,
    items: impl IntoIterator<Item = T>,
    mut write: impl FnMut(&mut Vec<u8>, T),
) {
    out.push(b'[');
    for (index, item) in items.into_iter().enumerate() {
        if index > 0 {
            out.push(b',');
        }
        write(out, item);
    }
    out.push(b']');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_written_as_serde_writes_it() {
        for len in 0..40 {
            for special in ["x", "\"", "\\", "\n", "\u{1f}", "\u{7f}", "\u{e9}"] {
                for at in 0..=len {
                    let text = format!("{}{special}{}", "a".repeat(at), "b".repeat(len - at));
                    let mut out = Vec::new();
                    write_text(&mut out, &text);
                    assert_eq!(out, serde_json::to_vec(&text).expect("JSON"));
                }
            }
        }
    }
}
