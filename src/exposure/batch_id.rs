//! The id of a batch: stays the same over retries and replays, so that a receiver can recognize
//! what it already has.

use std::fmt;

use crate::random;

/// Random bits, written as a UUID.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct BatchId(pub(super) u128);

impl BatchId {
    /// A fresh id.
    pub(super) fn random() -> Self {
        BatchId(random::bits())
    }
}

impl fmt::Display for BatchId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&random::uuid(self.0))
    }
}
