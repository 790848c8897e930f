//! Folders of processes that have died, and what is in them.

use std::collections::VecDeque;
use std::fs::{self, OpenOptions};
use std::io;
use std::path::PathBuf;

use super::super::batch::Origin;
use super::Spool;
use super::folder::Folder;
use super::index::{Age, Segment};
use super::segment::{self, RecordKind};

/// A dead process's folder whose segments are being looked at, one at a time.
pub(super) struct Adoption {
    index: usize,
    paths: VecDeque<PathBuf>,
    /// Segments that stay until all were looked at.
    held: Vec<Age>,
}

impl Spool {
    /// Takes over the folders of processes that have died. What is in them is found by
    /// [`Spool::adopt_some`].
    pub(in crate::exposure) fn find_orphans(&mut self) -> io::Result<()> {
        self.orphans.extend(Folder::adopt_orphans(&self.root)?);
        Ok(())
    }

    /// Whether there are folders that were not looked at yet.
    pub(in crate::exposure) fn is_adopting(&self) -> bool {
        self.adoption.is_some() || !self.orphans.is_empty()
    }

    /// Looks at the next segment of a folder that was taken over. Its batches can be loaded once the
    /// whole folder is known: a batch may be in several segments, and a later one may say that it
    /// is done.
    pub(in crate::exposure) fn adopt_some(&mut self) {
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
        let age = self.index.add_segment(Segment {
            path,
            len: valid,
            live: 1,
            adopted_from: Some(adopted_from),
        });
        for record in records {
            match record.kind {
                RecordKind::Piece => {
                    self.index.add_piece(age, &record, Origin::Recovered, false);
                }
                RecordKind::Done => self.forget(record.batch),
            }
        }
        Ok(Some(age))
    }

    pub(super) fn remove_adopted_if_empty(&mut self, index: usize) {
        let mut segments = self.index.segments.values();
        if segments.any(|segment| segment.adopted_from == Some(index)) {
            return;
        }
        if let Some(folder) = self.adopted.get_mut(index).and_then(Option::take) {
            folder.remove_if_empty();
        }
    }
}
