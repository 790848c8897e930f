//! Events on disk: accepted events survive the process, and are sent by it or by a later one.
//!
//! Pieces of batches are appended to segments as they grow; a batch that was delivered or given up
//! is marked as done, and a segment without unfinished batches is removed. Nothing here decides
//! when: the caller appends, adopts and loads, and makes durable what [`Spool::take_unsynced`] gives,
//! which may take long and needs no spool. Every function may fail as disks do; after a failed append
//! the segment is left as it is and the next append starts another one.

mod folder;
mod lock;
mod segment;

#[cfg(fuzzing)]
pub use segment::fuzz_segment;

use std::collections::{BTreeMap, HashMap, VecDeque};
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

/// A file or folder whose last changes may be lost with the machine's power.
#[derive(Debug)]
pub(super) struct Unsynced {
    pub(super) path: PathBuf,
    file: File,
}

impl Unsynced {
    /// Makes it durable; takes as long as the disk takes.
    pub(super) fn sync(&self) -> io::Result<()> {
        self.file.sync_data()
    }
}

/// A dead process's folder whose segments are being looked at, one at a time.
struct Adoption {
    index: usize,
    paths: VecDeque<PathBuf>,
    /// Segments that stay until all were looked at.
    held: Vec<Age>,
}

/// The spool of one client.
pub(super) struct Spool {
    root: PathBuf,
    limits: Limits,
    own: Folder,
    writer: u128,
    next_sequence: u64,
    adopted: Vec<Option<Folder>>,
    orphans: VecDeque<Folder>,
    adoption: Option<Adoption>,
    active: Option<Active>,
    unsynced: Vec<Unsynced>,
    segments: BTreeMap<Age, Segment>,
    entries: BTreeMap<Age, Entry>,
    by_id: HashMap<BatchId, Age>,
    next_age: Age,
    buffer: Vec<u8>,
}

impl Spool {
    /// Opens the spool for writing.
    pub(super) fn open(spool_dir: &Path, sdk_key: &str, limits: Limits) -> io::Result<Spool> {
        let root = folder::root(spool_dir, sdk_key);
        folder::create_private(&root)?;
        let (own, writer) = Folder::create(&root)?;
        let mut spool = Spool {
            unsynced: Vec::new(),
            orphans: VecDeque::new(),
            adoption: None,
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
        spool.folder_changed(&spool.root.clone())?;
        Ok(spool)
    }

    /// Takes over the folders of processes that have died. What is in them is found by
    /// [`Spool::adopt_some`].
    pub(super) fn find_orphans(&mut self) -> io::Result<()> {
        self.orphans.extend(Folder::adopt_orphans(&self.root)?);
        Ok(())
    }

    /// Whether there are folders that were not looked at yet.
    pub(super) fn is_adopting(&self) -> bool {
        self.adoption.is_some() || !self.orphans.is_empty()
    }

    /// Looks at the next segment of a folder that was taken over. Its batches can be loaded once the
    /// whole folder is known: a batch may be in several segments, and a later one may say that it
    /// is done.
    pub(super) fn adopt_some(&mut self) {
        let Some(adoption) = &mut self.adoption else {
            let folder = self.orphans.pop_front();
            self.adoption = folder.and_then(|folder| self.begin_adoption(folder));
            return;
        };
        if let Some(path) = adoption.paths.pop_front() {
            let index = adoption.index;
            // One unreadable segment must not hide the others.
            let held = self.index_segment(path, index).ok().flatten();
            if let Some(adoption) = &mut self.adoption {
                adoption.held.extend(held);
            }
            return;
        }
        if let Some(adoption) = self.adoption.take() {
            for age in adoption.held {
                self.release_segment(age);
            }
            self.remove_adopted_if_empty(adoption.index);
        }
    }

    fn begin_adoption(&mut self, folder: Folder) -> Option<Adoption> {
        let paths = folder.segments().ok()?.into();
        let free = self.adopted.iter().position(Option::is_none);
        let index = free.unwrap_or(self.adopted.len());
        match self.adopted.get_mut(index) {
            Some(place) => *place = Some(folder),
            None => self.adopted.push(Some(folder)),
        }
        Some(Adoption {
            index,
            paths,
            held: Vec::new(),
        })
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
        if let Err(error) = file.write_all(&segment::header(self.writer, sequence)) {
            // A disk that stays full must not fill up with empty segments.
            let _ = fs::remove_file(&path);
            return Err(error);
        }
        self.folder_changed(&self.own.path.clone())?;
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

    /// Ends the active segment; the next append starts another one.
    fn close_active(&mut self) -> io::Result<()> {
        self.note_active()?;
        if let Some(active) = self.active.take() {
            self.remove_if_finished(active.age);
        }
        Ok(())
    }

    /// Notes that the active segment is to be synced, if anything was appended.
    fn note_active(&mut self) -> io::Result<()> {
        let Some(active) = self.active.as_mut().filter(|active| active.is_dirty) else {
            return Ok(());
        };
        if let Some(segment) = self.segments.get(&active.age) {
            let file = active.file.try_clone()?;
            let path = segment.path.clone();
            self.unsynced.push(Unsynced { path, file });
        }
        active.is_dirty = false;
        Ok(())
    }

    /// Notes that files came or went in a folder.
    fn folder_changed(&mut self, path: &Path) -> io::Result<()> {
        let file = File::open(path)?;
        let path = path.to_owned();
        self.unsynced.push(Unsynced { path, file });
        Ok(())
    }

    /// What has to be synced to make everything appended so far durable. It can be synced while the
    /// spool is used.
    pub(super) fn take_unsynced(&mut self) -> io::Result<Vec<Unsynced>> {
        self.note_active()?;
        Ok(std::mem::take(&mut self.unsynced))
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

    /// Reads the oldest batch that is not in memory, which it is from then on. `None` as long as
    /// segments are being looked at.
    pub(super) fn load_next(&mut self) -> Option<Result<StoredBatch, Lost>> {
        if self.adoption.is_some() {
            return None;
        }
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

    /// Ends writing. What is unfinished stays for whoever opens the spool next. Gives what has to be
    /// synced.
    pub(super) fn close(mut self) -> io::Result<Vec<Unsynced>> {
        let unsynced = self.take_unsynced();
        if let Some(active) = self.active.take() {
            self.remove_if_finished(active.age);
        }
        for folder in self.adopted.drain(..).flatten() {
            folder.remove_if_empty();
        }
        self.own.remove_if_empty();
        unsynced
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
