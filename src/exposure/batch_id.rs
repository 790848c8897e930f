//! The id of a batch: stays the same over retries and replays, so that a receiver can recognize
//! what it already has.

use std::fmt;

use crate::random;

/// Bits of a UUID that say which kind it is.
const VERSION: u128 = 0xf << 76;
const VARIANT: u128 = 0b11 << 62;

/// A random UUID.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct BatchId(pub(super) u128);

impl BatchId {
    /// A fresh id.
    pub(super) fn random() -> Self {
        let bits = random::bits();
        BatchId((bits & !VERSION & !VARIANT) | (0x4 << 76) | (0b10 << 62))
    }
}

impl fmt::Display for BatchId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let hex = format!("{:032x}", self.0);
        let parts = [0..8, 8..12, 12..16, 16..20, 20..32];
        for (index, range) in parts.into_iter().enumerate() {
            if index > 0 {
                f.write_str("-")?;
            }
            f.write_str(hex.get(range).unwrap_or_default())?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_uuids_of_version_4_and_differ() {
        let id = BatchId::random();
        let text = id.to_string();
        assert_eq!(text.len(), 36);
        assert_eq!(&text[14..15], "4");
        assert!("89ab".contains(&text[19..20]), "{text}");
        assert_ne!(id, BatchId::random());
        assert_eq!(
            BatchId(0x0123_4567_89ab_cdef_0123_4567_89ab_cdef).to_string(),
            "01234567-89ab-cdef-0123-456789abcdef"
        );
    }
}
