//! The format of a segment: a header, then records, each with its length and checksum.
//!
//! A segment is only ever appended to. Reading stops at the first record that is not whole, which
//! is where the writer was when it died.

use super::super::batch::Encoding;
use super::super::batch_id::BatchId;

const MAGIC: [u8; 8] = *b"TGSPOOL\n";
const VERSION: u32 = 1;
/// Magic, version, owner, sequence, checksum.
pub(super) const HEADER_BYTES: usize = 8 + 4 + 16 + 8 + 4;
/// Length and checksum in front of each record.
const FRAME_BYTES: usize = 4 + 4;
/// Kind, encoding, batch, count and time at the start of each record.
const FIXED_BYTES: usize = 1 + 1 + 16 + 4 + 8;
/// No record is longer; a greater length is damage.
const RECORD_MAX_BYTES: usize = 16 << 20;

/// What a record says about a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum RecordKind {
    /// Some of its events; the pieces of a batch, in order, are its content.
    Piece,
    /// It was delivered or given up: not to be sent again.
    Done,
}

/// A record without its payload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Record {
    pub(super) kind: RecordKind,
    pub(super) encoding: Encoding,
    pub(super) batch: BatchId,
    /// Events in the piece.
    pub(super) events: u32,
    /// When it was written (wall clock).
    pub(super) time_ms: i64,
    /// Where the payload starts in the segment, and its length.
    pub(super) offset: u64,
    pub(super) len: u32,
}

/// The header of a segment.
pub(super) fn header(owner: u128, sequence: u64) -> [u8; HEADER_BYTES] {
    let mut bytes = Vec::with_capacity(HEADER_BYTES);
    bytes.extend_from_slice(&MAGIC);
    bytes.extend_from_slice(&VERSION.to_le_bytes());
    bytes.extend_from_slice(&owner.to_le_bytes());
    bytes.extend_from_slice(&sequence.to_le_bytes());
    bytes.extend_from_slice(&crc32fast::hash(&bytes).to_le_bytes());
    bytes.try_into().unwrap_or([0; HEADER_BYTES])
}

/// Appends a record to `out`. `record.offset` and `record.len` are ignored.
pub(super) fn write_record(record: &Record, payload: &[u8], out: &mut Vec<u8>) {
    let mut fixed = [0; FIXED_BYTES];
    let kind = match record.kind {
        RecordKind::Piece => 1,
        RecordKind::Done => 2,
    };
    let encoding = match record.encoding {
        Encoding::Plain => 0,
        Encoding::Gzip => 1,
    };
    let fields = [kind, encoding]
        .into_iter()
        .chain(record.batch.0.to_le_bytes())
        .chain(record.events.to_le_bytes())
        .chain(record.time_ms.to_le_bytes());
    fixed
        .iter_mut()
        .zip(fields)
        .for_each(|(to, from)| *to = from);
    let mut crc = crc32fast::Hasher::new();
    crc.update(&fixed);
    crc.update(payload);
    let len = u32::try_from(FIXED_BYTES + payload.len()).unwrap_or(u32::MAX);
    out.extend_from_slice(&len.to_le_bytes());
    out.extend_from_slice(&crc.finalize().to_le_bytes());
    out.extend_from_slice(&fixed);
    out.extend_from_slice(payload);
}

/// How far into a record its payload starts.
pub(super) const PAYLOAD_OFFSET: u64 = (FRAME_BYTES + FIXED_BYTES) as u64;

/// The whole records at the start of `bytes`, and how many bytes they and the header take.
/// `None` if the header is not that of a segment of this version.
pub(super) fn scan(bytes: &[u8]) -> Option<(Vec<Record>, u64)> {
    let (start, crc) = bytes.get(..HEADER_BYTES)?.split_at(HEADER_BYTES - 4);
    let is_ours = start.starts_with(&MAGIC)
        && start.get(8..12)? == VERSION.to_le_bytes()
        && crc == crc32fast::hash(start).to_le_bytes();
    if !is_ours {
        return None;
    }
    let mut records = Vec::new();
    let mut at = HEADER_BYTES;
    while let Some((record, end)) = read_record(bytes, at) {
        records.push(record);
        at = end;
    }
    Some((records, at as u64))
}

fn read_record(bytes: &[u8], at: usize) -> Option<(Record, usize)> {
    let mut fields = Fields(bytes.get(at..)?);
    let len = u32::from_le_bytes(fields.take()?) as usize;
    let crc = u32::from_le_bytes(fields.take()?);
    if !(FIXED_BYTES..=RECORD_MAX_BYTES).contains(&len) {
        return None;
    }
    let body = fields.0.get(..len)?;
    if crc32fast::hash(body) != crc {
        return None;
    }
    let [kind] = fields.take()?;
    let [encoding] = fields.take()?;
    let record = Record {
        kind: match kind {
            1 => RecordKind::Piece,
            2 => RecordKind::Done,
            _ => return None,
        },
        encoding: match encoding {
            0 => Encoding::Plain,
            1 => Encoding::Gzip,
            _ => return None,
        },
        batch: BatchId(u128::from_le_bytes(fields.take()?)),
        events: u32::from_le_bytes(fields.take()?),
        time_ms: i64::from_le_bytes(fields.take()?),
        offset: at as u64 + PAYLOAD_OFFSET,
        len: u32::try_from(len - FIXED_BYTES).ok()?,
    };
    Some((record, at + FRAME_BYTES + len))
}

/// Reads `bytes` as a segment, and as the content of one whose checksums are right.
#[cfg(fuzzing)]
pub fn fuzz_segment(bytes: &[u8]) {
    let mut content = header(1, 1).to_vec();
    // Each line is a record.
    for body in bytes.split(|byte| *byte == b'\n') {
        content.extend_from_slice(&u32::try_from(body.len()).unwrap_or(0).to_le_bytes());
        content.extend_from_slice(&crc32fast::hash(body).to_le_bytes());
        content.extend_from_slice(body);
    }
    for segment in [bytes, &content] {
        let (records, end) = scan(segment).unwrap_or_default();
        assert!(end <= segment.len() as u64);
        for record in records {
            assert!(record.offset + u64::from(record.len) <= end);
        }
    }
}

/// Reads fixed-size fields one after the other.
struct Fields<'a>(&'a [u8]);

impl Fields<'_> {
    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (field, rest) = self.0.split_at_checked(N)?;
        self.0 = rest;
        field.try_into().ok()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn piece(number: u32) -> Record {
        Record {
            kind: if number % 4 == 3 {
                RecordKind::Done
            } else {
                RecordKind::Piece
            },
            encoding: if number.is_multiple_of(2) {
                Encoding::Gzip
            } else {
                Encoding::Plain
            },
            batch: BatchId(u128::from(number) << 64 | 7),
            events: number,
            time_ms: i64::from(number) - 1,
            offset: 0,
            len: 0,
        }
    }

    /// A segment, and where each of its records ends.
    fn segment(payloads: &[Vec<u8>]) -> (Vec<u8>, Vec<usize>) {
        let mut bytes = header(5, 9).to_vec();
        let mut ends = Vec::new();
        for (number, payload) in (0..).zip(payloads) {
            write_record(&piece(number), payload, &mut bytes);
            ends.push(bytes.len());
        }
        (bytes, ends)
    }

    proptest! {
        #[test]
        fn cut_anywhere_every_whole_record_survives_and_nothing_else(
            payloads in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..40), 0..6)
        ) {
            let (bytes, ends) = segment(&payloads);
            for cut in 0..=bytes.len() {
                let found = scan(&bytes[..cut]);
                if cut < HEADER_BYTES {
                    prop_assert_eq!(found, None);
                    continue;
                }
                let whole = ends.iter().filter(|end| **end <= cut).count();
                let (records, valid) = found.expect("a segment");
                prop_assert_eq!(records.len(), whole);
                let end = if whole == 0 { HEADER_BYTES } else { ends[whole - 1] };
                prop_assert_eq!(valid, end as u64);
                for (number, (record, payload)) in (0..).zip(records.iter().zip(&payloads)) {
                    let from = usize::try_from(record.offset).expect("small");
                    prop_assert_eq!(&bytes[from..from + record.len as usize], &payload[..]);
                    let bare = Record { offset: 0, len: 0, ..*record };
                    prop_assert_eq!(bare, piece(number));
                }
            }
        }

        #[test]
        fn a_flipped_bit_ends_the_segment_there(
            payloads in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..40), 1..6),
            at in any::<prop::sample::Index>(),
            bit in 0_u8..8
        ) {
            let (mut bytes, ends) = segment(&payloads);
            let at = at.index(bytes.len());
            bytes[at] ^= 1 << bit;
            let before = ends.iter().filter(|end| **end <= at).count();
            match scan(&bytes) {
                None => prop_assert!(at < HEADER_BYTES),
                Some((records, _)) => prop_assert_eq!(records.len(), before),
            }
        }

        #[test]
        fn garbage_is_never_trusted(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            prop_assert_eq!(scan(&bytes), None);
            let with_header = [&header(1, 1)[..], &bytes].concat();
            prop_assert_eq!(scan(&with_header), Some((vec![], HEADER_BYTES as u64)));
        }
    }
}
