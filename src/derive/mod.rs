//! Facts computed from a user: the country of an IP address, the browser and system of a user
//! agent.
//!
//! Pure functions of their argument over tables that are part of the library, compressed. The tables
//! are made ready on first use or by `preload`, without a lock: a fork while another thread does so
//! leaves the child free to do it again. Nothing is cached per text; the caller keeps the answer.

#[cfg(feature = "country")]
pub mod country;
#[cfg(feature = "ua")]
pub mod user_agent;

/// Whether the table behind [`country`] is part of this build.
pub const COUNTRY_LOOKUP_LOADED: bool = cfg!(feature = "country");

/// Whether the rules behind [`user_agent`] are part of this build.
pub const UA_PARSER_LOADED: bool = cfg!(feature = "ua");

/// A table that evaluations look something up in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Table {
    Country,
    UserAgent,
}

impl Table {
    /// Whether there is nothing to do for [`Table::preload`].
    #[must_use]
    pub fn is_ready(self) -> bool {
        match self {
            #[cfg(feature = "country")]
            Table::Country => country::is_ready(),
            #[cfg(feature = "ua")]
            Table::UserAgent => user_agent::is_ready(),
            #[cfg(not(all(feature = "country", feature = "ua")))]
            _ => true,
        }
    }

    /// Makes the table ready, which the first look-up would do otherwise: milliseconds.
    pub fn preload(self) {
        match self {
            #[cfg(feature = "country")]
            Table::Country => country::preload(),
            #[cfg(feature = "ua")]
            Table::UserAgent => user_agent::preload(),
            #[cfg(not(all(feature = "country", feature = "ua")))]
            _ => {}
        }
    }
}

#[cfg(any(feature = "country", feature = "ua"))]
const CHUNK_BYTES: usize = 4096;

/// The file that one compressed with brotli was made from.
#[cfg(any(feature = "country", feature = "ua"))]
fn unpacked(compressed: &[u8]) -> Vec<u8> {
    use std::io::Read;

    let mut bytes = Vec::new();
    // A test unpacks each file. One cut short would hold less, and less would be found in it.
    let _ = brotli_decompressor::Decompressor::new(compressed, CHUNK_BYTES).read_to_end(&mut bytes);
    bytes.shrink_to_fit();
    bytes
}
