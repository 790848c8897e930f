//! SHA-256 bucketing: the first eight bytes, big-endian, modulo the number of buckets.

use base64::Engine;
use sha2::{Digest, Sha256};

/// Buckets of a pass percentage: hundredths of a percent.
pub(crate) const SHARE_BUCKETS: u64 = 10_000;
/// Buckets of a `user_bucket` condition.
pub(crate) const USER_BUCKETS: u64 = 1_000;

/// The hash of `salt` (which ends in a dot) followed by `unit_id`.
pub(crate) fn hash(salt: &str, unit_id: &str) -> u64 {
    let mut sha = Sha256::new();
    sha.update(salt.as_bytes());
    sha.update(unit_id.as_bytes());
    first_u64(&sha.finalize())
}

fn first_u64(digest: &[u8]) -> u64 {
    digest
        .first_chunk()
        .map_or(0, |bytes| u64::from_be_bytes(*bytes))
}

/// Standard base64, with padding, of the SHA-256 of `text`.
pub(crate) fn sha256_base64(text: &str) -> String {
    base64::engine::general_purpose::STANDARD.encode(Sha256::digest(text.as_bytes()))
}

/// `h = h * 31 + c` over the code points of `text`, modulo 2^32.
pub(crate) fn djb2(text: &str) -> u32 {
    text.chars().fold(0, |hash, c| {
        hash.wrapping_mul(31).wrapping_add(u32::from(c))
    })
}
