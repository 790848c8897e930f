//! A ruleset as received: a text, or what the text is unpacked from when it is wanted.

use std::fmt;
use std::io::{self, Read};
use std::sync::Arc;

/// A text that is kept in another form, as it came over the wire.
pub trait Packed: fmt::Debug + Send + Sync {
    /// The packed form. The same bytes are the same text.
    fn bytes(&self) -> &[u8];

    /// Reads the text from its start.
    fn reader(&self) -> Box<dyn Read + '_>;

    /// The same for those who have work to do with each part of it, while the next may be unpacked.
    fn reader_ahead(&self) -> Box<dyn Read + '_> {
        self.reader()
    }
}

/// A ruleset as received.
#[derive(Debug, Clone)]
pub enum Document {
    Text(Arc<String>),
    Packed(Arc<dyn Packed>),
}

impl Document {
    /// The text; unpacked anew for each call if it is packed.
    ///
    /// # Errors
    /// What the packed form has for errors. One that was compiled once has none.
    pub fn text(&self) -> io::Result<Arc<String>> {
        match self {
            Document::Text(text) => Ok(Arc::clone(text)),
            Document::Packed(packed) => {
                let mut text = String::new();
                packed.reader().read_to_string(&mut text)?;
                Ok(Arc::new(text))
            }
        }
    }

    /// Whether both are packed, as the same bytes. Others may still hold the same text.
    pub(super) fn is_same_packed(&self, other: &Document) -> bool {
        match (self, other) {
            (Document::Packed(this), Document::Packed(that)) => this.bytes() == that.bytes(),
            _ => false,
        }
    }
}

impl From<String> for Document {
    fn from(text: String) -> Document {
        Document::Text(Arc::new(text))
    }
}
