//! Hashes that stand for texts: what has the same one is taken for the same.

use std::hash::{BuildHasher, Hasher};

use foldhash::quality::FixedState;

/// Stands for a text: its length and 96 bits of hashes. The default stands for none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub(crate) struct Fingerprint {
    hash: u64,
    check: u32,
    len: u32,
}

impl Fingerprint {
    pub(super) fn of(text: &[u8]) -> Fingerprint {
        let hash = |seed| {
            let mut hasher = FixedState::with_seed(seed).build_hasher();
            hasher.write(text);
            hasher.finish()
        };
        #[expect(clippy::cast_possible_truncation, reason = "half of it will do")]
        let check = hash(2) as u32;
        Fingerprint {
            hash: hash(1),
            check,
            // The largest text that is accepted is smaller than four gigabytes.
            len: u32::try_from(text.len()).unwrap_or(u32::MAX),
        }
    }

    /// Bytes of the text.
    pub(super) fn len(self) -> usize {
        self.len as usize
    }

    /// A part of it, for tables.
    pub(super) fn short(self) -> u64 {
        self.hash
    }

    /// Of this and what follows it.
    pub(super) fn then(self, next: Fingerprint) -> Fingerprint {
        let mut both = [0; 32];
        let numbers =
            [self, next].map(|one| [one.hash, u64::from(one.check) << 32 | u64::from(one.len)]);
        for (place, number) in both
            .as_chunks_mut()
            .0
            .iter_mut()
            .zip(numbers.as_flattened())
        {
            *place = number.to_le_bytes();
        }
        Fingerprint::of(&both)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_differs_has_another() {
        let texts = ["", "\0", "a", "a\0", "b", "ab", "ba"];
        for (at, text) in texts.iter().enumerate() {
            let fingerprint = Fingerprint::of(text.as_bytes());
            assert_eq!(fingerprint, Fingerprint::of(text.as_bytes()));
            assert_ne!(fingerprint, Fingerprint::default());
            for (other_at, other) in texts.iter().enumerate() {
                let other = Fingerprint::of(other.as_bytes());
                assert_eq!(at == other_at, fingerprint == other);
                assert_eq!(
                    at == other_at,
                    fingerprint.then(other) == other.then(fingerprint)
                );
            }
        }
    }
}
