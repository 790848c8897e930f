//! How names are hidden from the clients that get them.

use std::borrow::Cow;

use serde::Deserialize;

use crate::eval::bucket;
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

    /// The hash of the name in `slot`, taken from what the specs have ready.
    pub(super) fn name(self, table: &Table, slot: u32) -> Cow<'_, str> {
        match (self, table.spec(slot)) {
            (Hash::None, _) => Cow::Borrowed(table.names.name(slot)),
            (Hash::Djb2, _) => Cow::Borrowed(table.names.djb2(slot)),
            (Hash::Sha256, Some(spec)) => Cow::Borrowed(spec.sha256_name()),
            (Hash::Sha256, None) => Cow::Owned(bucket::sha256_base64(table.names.name(slot))),
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
