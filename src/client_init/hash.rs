//! How names are hidden from the clients that get them.

use std::borrow::Cow;

use serde::Deserialize;

use crate::eval::bucket;
use crate::json_writer::{write_plain, write_text};
use crate::spec::Table;

/// The hash algorithm of a response.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Hash {
    #[default]
    Sha256,
    Djb2,
    None,
}

impl Hash {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Hash::Sha256 => "sha256",
            Hash::Djb2 => "djb2",
            Hash::None => "none",
        }
    }

    /// Appends the hash of the name in `slot`, taken from what the specs have ready, as a JSON
    /// string.
    pub(super) fn write(self, table: &Table, slot: u32, out: &mut Vec<u8>) {
        match (self, table.spec(slot)) {
            (Hash::None, _) => write_text(out, table.names.name(slot)),
            (Hash::Djb2, _) => write_plain(out, table.names.djb2(slot)),
            (Hash::Sha256, Some(spec)) => write_plain(out, spec.sha256_name().as_bytes()),
            (Hash::Sha256, None) => {
                write_plain(
                    out,
                    bucket::sha256_base64(table.names.name(slot)).as_bytes(),
                );
            }
        }
    }

    /// The hash of a name that is no spec's.
    pub(super) fn text(self, name: &str) -> Cow<'_, str> {
        match self {
            Hash::None => Cow::Borrowed(name),
            Hash::Djb2 => Cow::Owned(bucket::djb2(name).to_string()),
            Hash::Sha256 => Cow::Owned(bucket::sha256_base64(name)),
        }
    }
}
