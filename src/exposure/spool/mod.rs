//! Events on disk: accepted events survive the process, and are sent by it or by a later one.
//!
//! Pieces of batches are appended to segments as they grow; a batch that was delivered or given up
//! is marked as done, and a segment without unfinished batches is removed. Nothing here decides
//! when: the caller appends, adopts and loads, and makes durable what [`Spool::take_unsynced`] gives,
//! which may take long and needs no spool. Every function may fail as disks do; after a failed append
//! the segment is left as it is and the next append starts another one.

mod active;
mod adoption;
mod folder;
mod index;
mod limits;
mod lock;
mod segment;

#[cfg(fuzzing)]
pub use segment::fuzz_segment;

use std::collections::VecDeque;
use std::fs::{self, OpenOptions};
use std::io::{self, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use super::batch::Origin;
use super::batch_id::BatchId;
use super::counters::Cause;
use active::Active;
use adoption::Adoption;
use folder::Folder;
use index::{Age, Index};
use segment::{Record, RecordKind};

pub(super) use active::Unsynced;
pub(super) use index::StoredBatch;
pub(super) use limits::{Limits, Lost};

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
    index: Index,
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
            index: Index::default(),
            buffer: Vec::new(),
        };
        spool.folder_changed(&spool.root.clone())?;
        Ok(spool)
    }

    /// Marks a batch as delivered or given up. Unknown ids are ignored.
    pub(super) fn finish(&mut self, id: BatchId) -> io::Result<()> {
        let Some(entry) = self.index.entry(id) else {
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
        let mut result = Ok(());
        for age in entry.segments() {
            let segment = self.index.segments.get(&age);
            let outlives = segment.is_some_and(|segment| segment.live > 1);
            let marked = match (self.is_active(age), outlives) {
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
        let Some(segment) = self.index.segments.get_mut(&age) else {
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
        if let Some(entry) = self.index.remove_entry(id) {
            for age in entry.segments() {
                self.release_segment(age);
            }
        }
    }

    fn release_segment(&mut self, age: Age) {
        if let Some(segment) = self.index.segments.get_mut(&age) {
            segment.live = segment.live.saturating_sub(1);
        }
        self.remove_if_finished(age);
    }

    /// Removes a segment that is neither written to nor needed.
    fn remove_if_finished(&mut self, age: Age) {
        let segment = self.index.segments.get(&age);
        if self.is_active(age) || segment.is_none_or(|segment| segment.live > 0) {
            return;
        }
        if let Some(segment) = self.index.segments.remove(&age) {
            // A segment that cannot be removed is found again, and its batches with it, later.
            let _ = fs::remove_file(&segment.path);
            if let Some(index) = segment.adopted_from {
                self.remove_adopted_if_empty(index);
            }
        }
    }

    /// Says that a batch is no longer in memory, so that it can be loaded again.
    pub(super) fn release(&mut self, id: BatchId) {
        if let Some(entry) = self.index.entry_mut(id) {
            entry.in_memory = false;
        }
    }

    /// Reads the oldest batch that is not in memory, which it is from then on. `None` as long as
    /// segments are being looked at.
    pub(super) fn load_next(&mut self) -> Option<Result<StoredBatch, Lost>> {
        if self.adoption.is_some() {
            return None;
        }
        match self.index.read_next()? {
            Ok(stored) => Some(Ok(stored)),
            Err(id) => self.give_up(id, Cause::Serialization).map(Err),
        }
    }

    /// Bytes in all segments.
    pub(super) fn bytes(&self) -> u64 {
        self.index.bytes()
    }

    /// Segments on disk.
    pub(super) fn segment_count(&self) -> usize {
        self.index.segments.len()
    }

    /// Events of unfinished batches.
    pub(super) fn events(&self, origin: Origin) -> u64 {
        self.index
            .entries()
            .filter(|entry| entry.origin == origin)
            .map(|entry| u64::from(entry.events))
            .sum()
    }

    /// Events of one batch, if that is unfinished and of this origin.
    pub(super) fn events_of(&self, id: BatchId, origin: Origin) -> u64 {
        let entry = self.index.entry(id);
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

#[cfg(test)]
mod tests;
