//! Events on disk: accepted events survive the process, and are sent by it or by a later one.
//!
//! Pieces of batches are appended to segments as they grow; a batch that was delivered or given up
//! is marked as done, and a segment without unfinished batches is removed. Nothing here decides
//! when: the caller appends, syncs and loads. Every function may fail as disks do; after a failed
//! append the segment is left as it is and the next append starts another one.

mod folder;
mod lock;
mod segment;

use std::collections::{BTreeMap, HashMap};
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use super::batch::{Encoding, Origin, Piece};
use super::batch_id::BatchId;
use super::counters::Cause;
use folder::Folder;
use segment::{Record, RecordKind};

/// Bounds on what is kept.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    pub(super) max_bytes: u64,
    pub(super) max_age_ms: i64,
}

impl Limits {
    /// Segments are small enough that dropping one, when space runs out, drops little.
    fn segment_bytes(self) -> u64 {
        (self.max_bytes / 8).clamp(4 << 10, 4 << 20)
    }
}

/// A batch as it was read back.
#[derive(Debug)]
pub(super) struct StoredBatch {
    pub(super) id: BatchId,
    pub(super) origin: Origin,
    pub(super) encoding: Encoding,
    pub(super) events: u32,
    pub(super) pieces: Vec<u8>,
}

/// A batch that is no longer on disk although it was not finished.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Lost {
    pub(super) id: BatchId,
    pub(super) origin: Origin,
    pub(super) events: u32,
    /// The caller still has it in memory, so it is not lost altogether.
    pub(super) in_memory: bool,
    pub(super) cause: Cause,
}

/// Position in the order of age: counted up as segments and batches are found or made.
type Age = u64;

struct Segment {
    path: PathBuf,
    len: u64,
    /// Unfinished batches with a piece in it.
    live: u32,
    /// `None` for our own folder, else an index that finds the adopted one.
    adopted_from: Option<usize>,
}

struct Entry {
    id: BatchId,
    origin: Origin,
    encoding: Encoding,
    events: u32,
    time_ms: i64,
    in_memory: bool,
    pieces: Vec<(Age, u64, u32)>,
}

struct Active {
    age: Age,
    file: File,
    is_dirty: bool,
}

/// The spool of one client.
pub(super) struct Spool {
    root: PathBuf,
    limits: Limits,
    own: Folder,
    writer: u128,
    next_sequence: u64,
    adopted: Vec<Option<Folder>>,
    active: Option<Active>,
    segments: BTreeMap<Age, Segment>,
    entries: BTreeMap<Age, Entry>,
    by_id: HashMap<BatchId, Age>,
    next_age: Age,
    buffer: Vec<u8>,
}

impl Spool {
    /// Opens the spool and takes over what dead processes left.
    pub(super) fn open(spool_dir: &Path, sdk_key: &str, limits: Limits) -> io::Result<Spool> {
        let root = folder::root(spool_dir, sdk_key);
        folder::create_private(&root)?;
        let (own, writer) = Folder::create(&root)?;
        let mut spool = Spool {
            root,
            limits,
            own,
            writer,
            next_sequence: 1,
            adopted: Vec::new(),
            active: None,
            segments: BTreeMap::new(),
            entries: BTreeMap::new(),
            by_id: HashMap::new(),
            next_age: 0,
            buffer: Vec::new(),
        };
        spool.adopt()?;
        Ok(spool)
    }

    /// Takes over what processes left that died since. Returns how many events were found.
    pub(super) fn adopt(&mut self) -> io::Result<u64> {
        let before = self.events(Origin::Recovered);
        for folder in Folder::adopt_orphans(&self.root)? {
            let paths = folder.segments()?;
            let free = self.adopted.iter().position(Option::is_none);
            let index = free.unwrap_or(self.adopted.len());
            match self.adopted.get_mut(index) {
                Some(place) => *place = Some(folder),
                None => self.adopted.push(Some(folder)),
            }
            // One unreadable segment must not hide the others.
            let held: Vec<Age> = paths
                .into_iter()
                .filter_map(|path| self.index_segment(path, index).ok().flatten())
                .collect();
            for age in held {
                self.release_segment(age);
            }
            self.remove_adopted_if_empty(index);
        }
        Ok(self.events(Origin::Recovered) - before)
    }

    /// Takes note of what is in a segment. The segment is held until it is released: a batch that is
    /// done must not take away the segment, or the folder, whose rest has not been looked at.
    fn index_segment(&mut self, path: PathBuf, adopted_from: usize) -> io::Result<Option<Age>> {
        let bytes = fs::read(&path)?;
        let Some((records, valid)) = segment::scan(&bytes) else {
            if bytes.len() < segment::HEADER_BYTES {
                // The writer died while it made the file.
                fs::remove_file(&path)?;
            }
            return Ok(None);
        };
        if valid < bytes.len() as u64 {
            OpenOptions::new().write(true).open(&path)?.set_len(valid)?;
        }
        let age = self.take_age();
        let adopted_from = Some(adopted_from);
        self.segments.insert(
            age,
            Segment {
                path,
                len: valid,
                live: 1,
                adopted_from,
            },
        );
        for record in records {
            match record.kind {
                RecordKind::Piece => self.index_piece(age, &record, Origin::Recovered, false),
                RecordKind::Done => self.forget(record.batch),
            }
        }
        Ok(Some(age))
    }

    fn index_piece(&mut self, segment: Age, record: &Record, origin: Origin, in_memory: bool) {
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
        let is_new_here = entry.pieces.iter().all(|(other, _, _)| *other != segment);
        entry.pieces.push((segment, record.offset, record.len));
        if is_new_here && let Some(segment) = self.segments.get_mut(&segment) {
            segment.live += 1;
        }
    }

    fn take_age(&mut self) -> Age {
        self.next_age += 1;
        self.next_age
    }

    /// Appends a piece of a batch that stays in memory, too.
    pub(super) fn append(
        &mut self,
        id: BatchId,
        encoding: Encoding,
        piece: &Piece<'_>,
        now_ms: i64,
    ) -> io::Result<()> {
        let mut record = Record {
            kind: RecordKind::Piece,
            encoding,
            batch: id,
            events: piece.events,
            time_ms: now_ms,
            offset: 0,
            len: u32::try_from(piece.bytes.len()).map_err(io::Error::other)?,
        };
        let is_new = !self.by_id.contains_key(&id);
        let (age, start) = self.write(&record, piece.bytes, is_new)?;
        record.offset = start + segment::PAYLOAD_OFFSET;
        self.index_piece(age, &record, Origin::Own, true);
        Ok(())
    }

    /// Writes a record to the active segment; gives the segment and where the record starts.
    fn write(
        &mut self,
        record: &Record,
        payload: &[u8],
        may_rotate: bool,
    ) -> io::Result<(Age, u64)> {
        let len = self
            .active
            .as_ref()
            .and_then(|active| self.segments.get(&active.age))
            .map(|s| s.len);
        if may_rotate && len.is_some_and(|len| len >= self.limits.segment_bytes()) {
            self.close_active()?;
        }
        if self.active.is_none() {
            self.start_segment()?;
        }
        self.buffer.clear();
        segment::write_record(record, payload, &mut self.buffer);
        let Some(active) = &mut self.active else {
            return Err(io::Error::other("no segment"));
        };
        let age = active.age;
        if let Err(error) = active.file.write_all(&self.buffer) {
            // What was written of the record ends the segment for every reader.
            self.active = None;
            self.remove_if_finished(age);
            return Err(error);
        }
        active.is_dirty = true;
        let start = match self.segments.get_mut(&age) {
            Some(segment) => {
                let start = segment.len;
                segment.len += self.buffer.len() as u64;
                start
            }
            None => 0,
        };
        Ok((age, start))
    }

    fn start_segment(&mut self) -> io::Result<()> {
        let sequence = self.next_sequence;
        self.next_sequence += 1;
        let path = self.own.segment_path(sequence);
        let mut file = OpenOptions::new()
            .append(true)
            .create_new(true)
            .mode(folder::PRIVATE_FILE)
            .open(&path)?;
        let begun = file
            .write_all(&segment::header(self.writer, sequence))
            .and_then(|()| folder::sync_dir(&self.own.path));
        if let Err(error) = begun {
            // A disk that stays full must not fill up with empty segments.
            let _ = fs::remove_file(&path);
            return Err(error);
        }
        let age = self.take_age();
        let len = segment::HEADER_BYTES as u64;
        self.segments.insert(
            age,
            Segment {
                path,
                len,
                live: 0,
                adopted_from: None,
            },
        );
        self.active = Some(Active {
            age,
            file,
            is_dirty: true,
        });
        Ok(())
    }

    fn close_active(&mut self) -> io::Result<()> {
        let result = self.sync();
        if let Some(active) = self.active.take() {
            self.remove_if_finished(active.age);
        }
        result
    }

    /// Makes everything appended so far durable.
    pub(super) fn sync(&mut self) -> io::Result<()> {
        if let Some(active) = self.active.as_mut().filter(|active| active.is_dirty) {
            active.file.sync_data()?;
            active.is_dirty = false;
        }
        Ok(())
    }

    /// Marks a batch as delivered or given up. Unknown ids are ignored.
    pub(super) fn finish(&mut self, id: BatchId) -> io::Result<()> {
        let Some(entry) = self.by_id.get(&id).and_then(|age| self.entries.get(age)) else {
            return Ok(());
        };
        let done = Record {
            kind: RecordKind::Done,
            encoding: entry.encoding,
            batch: id,
            events: 0,
            time_ms: entry.time_ms,
            offset: 0,
            len: 0,
        };
        let mut segments: Vec<Age> = entry
            .pieces
            .iter()
            .map(|(segment, _, _)| *segment)
            .collect();
        segments.dedup();
        let mut result = Ok(());
        for age in segments {
            let is_active = self.active.as_ref().is_some_and(|active| active.age == age);
            let outlives = self
                .segments
                .get(&age)
                .is_some_and(|segment| segment.live > 1);
            let marked = match (is_active, outlives) {
                (true, _) => self.write(&done, &[], false).map(|_| ()),
                (false, true) => self.mark_closed(age, &done),
                // The segment goes as a whole.
                (false, false) => Ok(()),
            };
            result = result.and(marked);
        }
        self.forget(id);
        result
    }

    fn mark_closed(&mut self, age: Age, done: &Record) -> io::Result<()> {
        let Some(segment) = self.segments.get_mut(&age) else {
            return Ok(());
        };
        self.buffer.clear();
        segment::write_record(done, &[], &mut self.buffer);
        let mut file = OpenOptions::new().write(true).open(&segment.path)?;
        // Not at the end: a failed append may have left half a record there.
        file.seek(SeekFrom::Start(segment.len))?;
        file.write_all(&self.buffer)?;
        segment.len += self.buffer.len() as u64;
        file.set_len(segment.len)
    }

    fn forget(&mut self, id: BatchId) {
        let Some(entry) = self
            .by_id
            .remove(&id)
            .and_then(|age| self.entries.remove(&age))
        else {
            return;
        };
        let mut segments: Vec<Age> = entry
            .pieces
            .iter()
            .map(|(segment, _, _)| *segment)
            .collect();
        segments.dedup();
        for age in segments {
            self.release_segment(age);
        }
    }

    fn release_segment(&mut self, age: Age) {
        if let Some(segment) = self.segments.get_mut(&age) {
            segment.live = segment.live.saturating_sub(1);
        }
        self.remove_if_finished(age);
    }

    /// Removes a segment that is neither written to nor needed.
    fn remove_if_finished(&mut self, age: Age) {
        let is_active = self.active.as_ref().is_some_and(|active| active.age == age);
        if is_active
            || self
                .segments
                .get(&age)
                .is_none_or(|segment| segment.live > 0)
        {
            return;
        }
        if let Some(segment) = self.segments.remove(&age) {
            // A segment that cannot be removed is found again, and its batches with it, later.
            let _ = fs::remove_file(&segment.path);
            if let Some(index) = segment.adopted_from {
                self.remove_adopted_if_empty(index);
            }
        }
    }

    fn remove_adopted_if_empty(&mut self, index: usize) {
        if self
            .segments
            .values()
            .any(|segment| segment.adopted_from == Some(index))
        {
            return;
        }
        if let Some(folder) = self.adopted.get_mut(index).and_then(Option::take) {
            folder.remove_if_empty();
        }
    }

    /// Says that a batch is no longer in memory, so that it can be loaded again.
    pub(super) fn release(&mut self, id: BatchId) {
        if let Some(entry) = self
            .by_id
            .get(&id)
            .and_then(|age| self.entries.get_mut(age))
        {
            entry.in_memory = false;
        }
    }

    /// Reads the oldest batch that is not in memory, which it is from then on.
    pub(super) fn load_next(&mut self) -> Option<Result<StoredBatch, Lost>> {
        let entry = self.entries.values_mut().find(|entry| !entry.in_memory)?;
        entry.in_memory = true;
        let id = entry.id;
        let stored = StoredBatch {
            id,
            origin: entry.origin,
            encoding: entry.encoding,
            events: entry.events,
            pieces: Vec::new(),
        };
        match read_pieces(&self.segments, &entry.pieces) {
            Ok(pieces) => Some(Ok(StoredBatch { pieces, ..stored })),
            Err(_) => self.give_up(id, Cause::Serialization).map(Err),
        }
    }

    /// Gives up a batch that could not be read or restored.
    pub(super) fn give_up(&mut self, id: BatchId, cause: Cause) -> Option<Lost> {
        let lost = self.lost(id, cause)?;
        // If the mark cannot be written, the batch is found and given up once more, later.
        let _ = self.finish(id);
        Some(lost)
    }

    fn lost(&self, id: BatchId, cause: Cause) -> Option<Lost> {
        let entry = self.by_id.get(&id).and_then(|age| self.entries.get(age))?;
        Some(Lost {
            id,
            origin: entry.origin,
            events: entry.events,
            in_memory: entry.in_memory && cause != Cause::Serialization,
            cause,
        })
    }

    /// Drops what is too old, then the oldest segments until the rest fits.
    pub(super) fn enforce_limits(&mut self, now_ms: i64) -> Vec<Lost> {
        let oldest_ms = now_ms.saturating_sub(self.limits.max_age_ms);
        let is_old = |entry: &&Entry| !entry.in_memory && entry.time_ms < oldest_ms;
        let old: Vec<BatchId> = self.entries.values().filter(is_old).map(|e| e.id).collect();
        let mut lost: Vec<Lost> = old
            .into_iter()
            .filter_map(|id| self.give_up(id, Cause::TooOld))
            .collect();
        while self.bytes() > self.limits.max_bytes {
            let Some(age) = self.segments.keys().next().copied() else {
                break;
            };
            if self.active.as_ref().is_some_and(|active| active.age == age) {
                self.active = None;
            }
            let in_segment = |entry: &&Entry| entry.pieces.iter().any(|piece| piece.0 == age);
            let ids: Vec<BatchId> = self
                .entries
                .values()
                .filter(in_segment)
                .map(|e| e.id)
                .collect();
            for id in ids {
                lost.extend(self.lost(id, Cause::SpoolFull));
                self.forget(id);
            }
            self.remove_if_finished(age);
            // Whatever happened to the file, it is not ours to count any more.
            self.segments.remove(&age);
        }
        lost
    }

    /// Makes the next write fail: a descriptor that cannot be written to stands for a disk that
    /// cannot.
    #[cfg(test)]
    pub(super) fn break_active(&mut self) {
        let Some(active) = &mut self.active else {
            return;
        };
        if let Some(segment) = self.segments.get(&active.age) {
            active.file = File::open(&segment.path).expect("opened");
        }
    }

    /// Bytes in all segments.
    pub(super) fn bytes(&self) -> u64 {
        self.segments.values().map(|segment| segment.len).sum()
    }

    /// Segments on disk.
    pub(super) fn segment_count(&self) -> usize {
        self.segments.len()
    }

    /// Events of unfinished batches.
    pub(super) fn events(&self, origin: Origin) -> u64 {
        self.entries
            .values()
            .filter(|entry| entry.origin == origin)
            .map(|entry| u64::from(entry.events))
            .sum()
    }

    /// Events of one batch, if that is unfinished and of this origin.
    pub(super) fn events_of(&self, id: BatchId, origin: Origin) -> u64 {
        let entry = self.by_id.get(&id).and_then(|age| self.entries.get(age));
        entry
            .filter(|entry| entry.origin == origin)
            .map_or(0, |entry| u64::from(entry.events))
    }

    /// Ends writing. What is unfinished stays for whoever opens the spool next.
    pub(super) fn close(mut self) -> io::Result<()> {
        let result = self.close_active();
        for folder in self.adopted.drain(..).flatten() {
            folder.remove_if_empty();
        }
        self.own.remove_if_empty();
        result
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

#[cfg(test)]
mod tests;
