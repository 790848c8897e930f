//! What is on disk: batches, and the segments that hold their pieces.

use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::PathBuf;

use super::super::batch::{Encoding, Origin};
use super::super::batch_id::BatchId;
use super::segment::Record;

/// A batch as it was read back.
#[derive(Debug)]
pub(in crate::exposure) struct StoredBatch {
    pub(in crate::exposure) id: BatchId,
    pub(in crate::exposure) origin: Origin,
    pub(in crate::exposure) encoding: Encoding,
    pub(in crate::exposure) events: u32,
    pub(in crate::exposure) pieces: Vec<u8>,
}

/// Position in the order of age: counted up as segments and batches are found or made.
pub(super) type Age = u64;

/// A file of records.
pub(super) struct Segment {
    pub(super) path: PathBuf,
    pub(super) len: u64,
    /// Unfinished batches with a piece in it.
    pub(super) live: u32,
    /// `None` for our own folder, else an index that finds the adopted one.
    pub(super) adopted_from: Option<usize>,
}

/// An unfinished batch.
pub(super) struct Entry {
    pub(super) id: BatchId,
    pub(super) origin: Origin,
    pub(super) encoding: Encoding,
    pub(super) events: u32,
    pub(super) time_ms: i64,
    pub(super) in_memory: bool,
    /// Segment, offset and length of each.
    pieces: Vec<(Age, u64, u32)>,
}

impl Entry {
    /// The segments that hold pieces of it.
    pub(super) fn segments(&self) -> Vec<Age> {
        let mut segments: Vec<Age> = self.pieces.iter().map(|piece| piece.0).collect();
        segments.dedup();
        segments
    }

    pub(super) fn is_in(&self, segment: Age) -> bool {
        self.pieces.iter().any(|piece| piece.0 == segment)
    }
}

/// All of it, oldest first.
#[derive(Default)]
pub(super) struct Index {
    pub(super) segments: BTreeMap<Age, Segment>,
    entries: BTreeMap<Age, Entry>,
    by_id: HashMap<BatchId, Age>,
    next_age: Age,
}

impl Index {
    /// Takes note of a segment. It is the youngest.
    pub(super) fn add_segment(&mut self, segment: Segment) -> Age {
        let age = self.take_age();
        self.segments.insert(age, segment);
        age
    }

    /// Takes note of a piece of a batch.
    pub(super) fn add_piece(
        &mut self,
        segment: Age,
        record: &Record,
        origin: Origin,
        in_memory: bool,
    ) {
        let age = match self.by_id.get(&record.batch) {
            Some(age) => *age,
            None => self.take_age(),
        };
        self.by_id.insert(record.batch, age);
        let entry = self.entries.entry(age).or_insert(Entry {
            id: record.batch,
            origin,
            encoding: record.encoding,
            events: 0,
            time_ms: record.time_ms,
            in_memory,
            pieces: Vec::new(),
        });
        entry.events += record.events;
        let is_new_here = !entry.is_in(segment);
        entry.pieces.push((segment, record.offset, record.len));
        if is_new_here && let Some(segment) = self.segments.get_mut(&segment) {
            segment.live += 1;
        }
    }

    fn take_age(&mut self) -> Age {
        self.next_age += 1;
        self.next_age
    }

    pub(super) fn entries(&self) -> impl Iterator<Item = &Entry> {
        self.entries.values()
    }

    pub(super) fn entry(&self, id: BatchId) -> Option<&Entry> {
        self.by_id.get(&id).and_then(|age| self.entries.get(age))
    }

    pub(super) fn entry_mut(&mut self, id: BatchId) -> Option<&mut Entry> {
        let age = self.by_id.get(&id)?;
        self.entries.get_mut(age)
    }

    pub(super) fn remove_entry(&mut self, id: BatchId) -> Option<Entry> {
        let age = self.by_id.remove(&id)?;
        self.entries.remove(&age)
    }

    /// Reads the oldest batch that is not in memory, which it is from then on. One that cannot be
    /// read is named.
    pub(super) fn read_next(&mut self) -> Option<Result<StoredBatch, BatchId>> {
        let entry = self.entries.values_mut().find(|entry| !entry.in_memory)?;
        entry.in_memory = true;
        let stored = StoredBatch {
            id: entry.id,
            origin: entry.origin,
            encoding: entry.encoding,
            events: entry.events,
            pieces: Vec::new(),
        };
        Some(match read_pieces(&self.segments, &entry.pieces) {
            Ok(pieces) => Ok(StoredBatch { pieces, ..stored }),
            Err(_) => Err(stored.id),
        })
    }

    /// Bytes in all segments.
    pub(super) fn bytes(&self) -> u64 {
        self.segments.values().map(|segment| segment.len).sum()
    }
}

fn read_pieces(
    segments: &BTreeMap<Age, Segment>,
    pieces: &[(Age, u64, u32)],
) -> io::Result<Vec<u8>> {
    let mut out = Vec::new();
    for (age, offset, len) in pieces {
        let segment = segments.get(age).ok_or(io::ErrorKind::NotFound)?;
        let mut file = File::open(&segment.path)?;
        file.seek(SeekFrom::Start(*offset))?;
        let read = file.take(u64::from(*len)).read_to_end(&mut out)?;
        if read != *len as usize {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    }
    Ok(out)
}
