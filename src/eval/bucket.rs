//! SHA-256 bucketing: the first eight bytes, big-endian, modulo the number of buckets.

mod assembly;

use std::fmt;

use base64::Engine;
use sha2::block_api::compress256;
use sha2::{Digest, Sha256};

use self::assembly::Midstate;

/// Buckets of a pass percentage: hundredths of a percent.
pub(crate) const SHARE_BUCKETS: u64 = 10_000;
/// Buckets of a `user_bucket` condition.
pub(crate) const USER_BUCKETS: u64 = 1_000;

const BLOCK: usize = 64;
/// What the hash adds to a text: one marker byte and the length in bits.
const PADDING: usize = 9;
type State = [u32; 8];
/// The state that SHA-256 starts from.
const INITIAL: State = [
    0x6a09_e667,
    0xbb67_ae85,
    0x3c6e_f372,
    0xa54f_f53a,
    0x510e_527f,
    0x9b05_688c,
    0x1f83_d9ab,
    0x5be0_cd19,
];

/// What is hashed in front of a unit id. Its whole blocks are hashed once, when it is made, so that
/// bucketing a unit costs only the blocks that its id is part of: nearly always one.
pub struct Salt {
    /// Ends in a dot.
    text: Box<str>,
    /// What of it is hashed already, if anything. Boxed: most salts decide nothing.
    prepared: Option<Box<Prepared>>,
}

enum Prepared {
    /// The state after the whole blocks of the text.
    Blocks(State),
    /// All of the text, on a processor that is faster this way.
    Assembly(Midstate),
}

impl Salt {
    /// A salt that units will be hashed with.
    pub(crate) fn new(text: String) -> Salt {
        let prepared = match Midstate::if_faster(&text) {
            Some(midstate) => Some(Prepared::Assembly(midstate)),
            None => Prepared::blocks(&text),
        };
        Salt {
            text: text.into(),
            prepared: prepared.map(Box::new),
        }
    }

    /// A salt that decides nothing as it is, and is only shown or added to.
    pub(crate) fn unprepared(text: String) -> Salt {
        Salt {
            text: text.into(),
            prepared: None,
        }
    }

    /// The text, dots included.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The hash of the salt followed by `unit_id`.
    pub(crate) fn hash(&self, unit_id: &str) -> u64 {
        let (mut state, hashed) = match self.prepared.as_deref() {
            Some(Prepared::Blocks(state)) => (*state, self.text.len() / BLOCK * BLOCK),
            Some(Prepared::Assembly(midstate)) => return midstate.hash(unit_id),
            None => (INITIAL, 0),
        };
        let salt = self.text.as_bytes().get(hashed..).unwrap_or_default();
        let mut blocks = [[0; BLOCK]; 2];
        let Some(count) = pad(&mut blocks, salt, unit_id.as_bytes(), hashed) else {
            return hash_long(&self.text, unit_id);
        };
        compress256(&mut state, blocks.get(..count).unwrap_or_default());
        let [first, second, ..] = state;
        (u64::from(first) << u32::BITS) | u64::from(second)
    }
}

impl fmt::Debug for Salt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Salt").field(&self.text).finish()
    }
}

impl Prepared {
    fn blocks(text: &str) -> Option<Prepared> {
        let (blocks, _) = text.as_bytes().as_chunks::<BLOCK>();
        let mut state = INITIAL;
        compress256(&mut state, blocks);
        (!blocks.is_empty()).then_some(Prepared::Blocks(state))
    }
}

/// Lays out the last blocks of a hash, of which `hashed` bytes are done. Returns how many blocks
/// they fill; `None` if there is not room for them.
fn pad(blocks: &mut [[u8; BLOCK]; 2], salt: &[u8], id: &[u8], hashed: usize) -> Option<usize> {
    let len = salt.len() + id.len();
    let count = (len + PADDING).div_ceil(BLOCK);
    let space = blocks.as_flattened_mut();
    let (used, rest) = space.split_at_mut_checked(len)?;
    let (salt_space, id_space) = used.split_at_mut_checked(salt.len())?;
    salt_space.copy_from_slice(salt);
    id_space.copy_from_slice(id);
    *rest.first_mut()? = 0x80;
    let length = blocks.get_mut(count.checked_sub(1)?)?.last_chunk_mut()?;
    *length = ((hashed + len) as u64 * 8).to_be_bytes();
    Some(count)
}

fn hash_long(salt: &str, unit_id: &str) -> u64 {
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

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;
    use crate::spec::id_list::id_hash;

    /// A salt prepared in each way there is, whatever this processor prefers.
    fn salts(text: &str) -> Vec<Salt> {
        let ways = [
            None,
            Prepared::blocks(text),
            #[cfg(all(feature = "tls", target_arch = "x86_64"))]
            Some(Prepared::Assembly(Midstate::new(text))),
        ];
        let salt = |prepared: Option<Prepared>| Salt {
            text: text.into(),
            prepared: prepared.map(Box::new),
        };
        let mut salts: Vec<Salt> = ways.into_iter().map(salt).collect();
        salts.push(Salt::new(text.to_owned()));
        salts
    }

    #[test]
    fn a_prepared_salt_hashes_like_its_text() {
        let letters: String = ('a'..='z').cycle().take(300).collect();
        for salt_len in 0..200 {
            for id_len in [
                0, 1, 8, 12, 36, 46, 47, 54, 55, 56, 63, 64, 65, 110, 118, 119, 120, 300,
            ] {
                let (salt, id) = (&letters[..salt_len], &letters[300 - id_len..]);
                let expected = first_u64(&Sha256::digest(format!("{salt}{id}")));
                for salt in salts(salt) {
                    assert_eq!(salt.hash(id), expected);
                }
            }
        }
    }

    /// Shared with other languages; see `tests/cases/README.md`.
    const VECTORS: &str = include_str!("../../tests/vectors/hash.json");

    fn rows(section: &str) -> Vec<Value> {
        let vectors: Value = serde_json::from_str(VECTORS).expect("JSON");
        let rows = vectors[section].as_array().expect("a list").clone();
        assert!(rows.len() >= 3, "{section}");
        rows
    }

    fn text<'v>(row: &'v Value, member: &str) -> &'v str {
        row[member].as_str().expect(member)
    }

    #[test]
    fn units_fall_into_the_buckets_of_the_vectors() {
        for row in rows("bucket") {
            let salt = format!("{}.{}.", text(&row, "salt"), text(&row, "rule_salt"));
            for salt in salts(&salt) {
                let hashed = salt.hash(text(&row, "unit_id"));
                assert_eq!(hashed.to_string(), text(&row, "u64"));
                assert_eq!(row["bucket"], hashed % SHARE_BUCKETS);
            }
        }
        for row in rows("user_bucket") {
            let salt = format!("{}.", text(&row, "salt"));
            for salt in salts(&salt) {
                let hashed = salt.hash(text(&row, "unit_id"));
                assert_eq!(row["bucket"], hashed % USER_BUCKETS);
            }
        }
    }

    #[test]
    fn names_and_list_keys_hash_as_the_vectors_say() {
        for row in rows("names") {
            assert_eq!(row["djb2"], djb2(text(&row, "text")));
            assert_eq!(
                sha256_base64(text(&row, "text")),
                text(&row, "sha256_base64")
            );
        }
        for row in rows("id_list_keys") {
            let key = id_hash(text(&row, "unit_id")).to_le_bytes();
            assert_eq!(std::str::from_utf8(&key), Ok(text(&row, "key")));
        }
    }
}
