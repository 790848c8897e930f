//! Randomness that a forked child does not share with its parent.
//!
//! A generator in memory goes on alike in a process and in each child forked from it, so whatever
//! must differ between processes (ids, the seeds of generators) is asked of the system each time.

use std::io::Read;

/// 128 random bits.
pub(crate) fn bits() -> u128 {
    let mut bytes = [0; 16];
    let read = std::fs::File::open("/dev/urandom").and_then(|mut f| f.read_exact(&mut bytes));
    match read {
        Ok(()) => u128::from_le_bytes(bytes),
        // Without the system's source, at least the process counts.
        Err(_) => fastrand::u128(..) ^ (u128::from(std::process::id()) << 64),
    }
}

/// A generator seeded by [`bits`], for draws that need not differ in every process.
pub(crate) fn generator() -> fastrand::Rng {
    #[expect(clippy::cast_possible_truncation, reason = "half of the bits will do")]
    fastrand::Rng::with_seed(bits() as u64)
}

/// `bits` as the text of a random (version 4) UUID.
pub(crate) fn uuid(bits: u128) -> String {
    let versioned = (bits & !(0xf << 76) & !(0b11 << 62)) | (0x4 << 76) | (0b10 << 62);
    let hex = format!("{versioned:032x}");
    let part = |from, to| hex.get(from..to).unwrap_or_default();
    [
        part(0, 8),
        part(8, 12),
        part(12, 16),
        part(16, 20),
        part(20, 32),
    ]
    .join("-")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uuids_are_of_version_4() {
        assert_eq!(
            uuid(0x0123_4567_89ab_cdef_0123_4567_89ab_cdef),
            "01234567-89ab-4def-8123-456789abcdef"
        );
        assert_ne!(bits(), bits());
    }
}
