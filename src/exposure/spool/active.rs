//! The segment that is written to, and what has to reach the disk for good.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use super::super::batch::{Encoding, Origin, Piece};
use super::super::batch_id::BatchId;
use super::index::{Age, Segment};
use super::segment::{self, Record, RecordKind};
use super::{Spool, folder};

/// An open segment of our own.
pub(super) struct Active {
    pub(super) age: Age,
    file: File,
    is_dirty: bool,
}

/// A file or folder whose last changes may be lost with the machine's power.
#[derive(Debug)]
pub(in crate::exposure) struct Unsynced {
    pub(in crate::exposure) path: PathBuf,
    file: File,
}

impl Unsynced {
    /// Makes it durable; takes as long as the disk takes.
    pub(in crate::exposure) fn sync(&self) -> io::Result<()> {
        self.file.sync_data()
    }
}

impl Spool {
    /// Appends a piece of a batch that stays in memory, too.
    pub(in crate::exposure) fn append(
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
        let is_new = self.index.entry(id).is_none();
        let (age, start) = self.write(&record, piece.bytes, is_new)?;
        record.offset = start + segment::PAYLOAD_OFFSET;
        self.index.add_piece(age, &record, Origin::Own, true);
        Ok(())
    }

    /// Writes a record to the active segment; gives the segment and where the record starts.
    pub(super) fn write(
        &mut self,
        record: &Record,
        payload: &[u8],
        may_rotate: bool,
    ) -> io::Result<(Age, u64)> {
        let len = self
            .active
            .as_ref()
            .and_then(|active| self.index.segments.get(&active.age))
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
        let start = match self.index.segments.get_mut(&age) {
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
        let age = self.index.add_segment(Segment {
            path,
            len: segment::HEADER_BYTES as u64,
            live: 0,
            adopted_from: None,
        });
        self.active = Some(Active {
            age,
            file,
            is_dirty: true,
        });
        Ok(())
    }

    /// Whether this is the segment that is written to.
    pub(super) fn is_active(&self, age: Age) -> bool {
        self.active.as_ref().is_some_and(|active| active.age == age)
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
        if let Some(segment) = self.index.segments.get(&active.age) {
            let file = active.file.try_clone()?;
            let path = segment.path.clone();
            self.unsynced.push(Unsynced { path, file });
        }
        active.is_dirty = false;
        Ok(())
    }

    /// Notes that files came or went in a folder.
    pub(super) fn folder_changed(&mut self, path: &Path) -> io::Result<()> {
        let file = File::open(path)?;
        let path = path.to_owned();
        self.unsynced.push(Unsynced { path, file });
        Ok(())
    }

    /// What has to be synced to make everything appended so far durable. It can be synced while the
    /// spool is used.
    pub(in crate::exposure) fn take_unsynced(&mut self) -> io::Result<Vec<Unsynced>> {
        self.note_active()?;
        Ok(std::mem::take(&mut self.unsynced))
    }

    /// Makes the next write fail: a descriptor that cannot be written to stands for a disk that
    /// cannot.
    #[cfg(test)]
    pub(in crate::exposure) fn break_active(&mut self) {
        let Some(active) = &mut self.active else {
            return;
        };
        if let Some(segment) = self.index.segments.get(&active.age) {
            active.file = File::open(&segment.path).expect("opened");
        }
    }
}
