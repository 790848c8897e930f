//! One id list's file: the part that is missing, from the data store or over the network.

use super::engine::Engine;
use super::fetch::{Bounds, Fetch, FileRange, MAX_LIST_FILE_BYTES};
use super::id_lists::Entry;
use crate::net::{BodySink, Method, Response, id_list_store_key, without_key};
use crate::options::LogLevel;
use crate::report::{Key, Marker, Step};
use crate::spec::id_list::{Chunk, IdList};

/// A download to do.
#[derive(Debug, Clone)]
pub(super) struct Job {
    pub(super) entry: Entry,
    /// What the new part is added to.
    pub(super) base: IdList,
    /// Bytes of the file that `base` stands for.
    pub(super) offset: u64,
    /// To be remembered with the list.
    pub(super) creation_time: i64,
}

/// What a download gave.
pub(super) enum Download {
    Done {
        ids: IdList,
        read_bytes: u64,
    },
    /// Nothing usable; the next round asks for the same.
    Unchanged,
    /// The answer does not continue what is here; the next round starts over.
    Unfit,
}

/// A part of a file and where it begins.
struct Part {
    bytes: Vec<u8>,
    offset: u64,
}

/// The answer to a download, made into a list while it arrives: the bytes of a large file are
/// never in memory as a whole, unless a data store wants them.
struct Incoming<'a> {
    job: &'a Job,
    keeps_bytes: bool,
    arrived: Option<Arrived>,
}

struct Arrived {
    chunk: Chunk,
    bytes: u64,
    /// The server sent another part than the one that was asked for.
    is_elsewhere: bool,
    /// Without its bytes if nobody wants them.
    part: Part,
}

impl<'a> Incoming<'a> {
    fn new(job: &'a Job, keeps_bytes: bool) -> Self {
        Incoming {
            job,
            keeps_bytes,
            arrived: None,
        }
    }
}

impl BodySink for Incoming<'_> {
    fn begin(&mut self, head: &Response, announced_bytes: Option<u64>) {
        let job = self.job;
        let announced = announced_bytes.unwrap_or(job.entry.size.saturating_sub(job.offset));
        let expected = usize::try_from(announced).unwrap_or(usize::MAX);
        let expected = expected.min(MAX_LIST_FILE_BYTES);
        // A server that ignores the range sends the whole file.
        let is_increment = job.offset > 0 && !is_whole(head);
        let chunk = if is_increment {
            job.base.chunk(expected)
        } else {
            IdList::default().chunk(expected)
        };
        self.arrived = Some(Arrived {
            chunk,
            bytes: 0,
            is_elsewhere: head.status == 206
                && range_start(head).is_some_and(|start| start != job.offset),
            part: Part {
                bytes: Vec::new(),
                offset: if is_increment { job.offset } else { 0 },
            },
        });
    }

    fn feed(&mut self, part: &[u8]) {
        let Some(arrived) = &mut self.arrived else {
            return;
        };
        arrived.bytes += part.len() as u64;
        arrived.chunk.feed(part);
        if self.keeps_bytes {
            arrived.part.bytes.extend_from_slice(part);
        }
    }
}

impl Engine {
    /// Fetches the missing part of one file.
    pub(super) fn download(&self, job: &Job, bounds: Bounds) -> Download {
        if self.is_stopping() {
            return Download::Unchanged;
        }
        let entry = &job.entry;
        let store_key = self
            .data_store
            .as_ref()
            .and_then(|_| id_list_store_key(&entry.url, &entry.file_id));
        let stored = store_key.as_deref().and_then(|key| self.stored_file(key));
        if let Some(done) = stored
            .as_deref()
            .and_then(|file| self.use_stored(job, file))
        {
            return done;
        }
        let url = self.endpoints.id_list_file(&entry.url);
        let fetch = Fetch {
            key: Key::GetIdList,
            method: Method::Get,
            url: &url,
            body: None,
            max_body_bytes: MAX_LIST_FILE_BYTES,
            // A round may fetch many files from one server.
            keep_alive: true,
            may_stay_packed: false,
            file: Some(FileRange {
                file_id: &entry.file_id,
                offset: job.offset,
                size: entry.size,
            }),
        };
        let mut incoming = Incoming::new(job, store_key.is_some());
        let Ok(response) = self.fetch_into(&fetch, bounds, &mut incoming) else {
            return Download::Unchanged;
        };
        let arrived = incoming.arrived;
        let diagnostics = self.ctx.reporter.diagnostics();
        let shown_url = without_key(&url, &self.ctx.sdk_key);
        let marker = Marker {
            step: Some(Step::Process),
            url: Some(&shown_url),
            ..Marker::default()
        };
        diagnostics.start(Key::GetIdList, marker);
        let (download, part) = self.use_file(job, response.status, arrived);
        let is_done = matches!(download, Download::Done { .. });
        diagnostics.end(
            Key::GetIdList,
            Marker {
                success: Some(is_done),
                ..marker
            },
        );
        if let (Some(key), Some(part), true) = (store_key, part, is_done) {
            self.store_file(&key, &part, stored.as_deref());
        }
        download
    }

    /// Makes a list of what came; also gives its bytes back, for the data store.
    fn use_file(
        &self,
        job: &Job,
        status: u16,
        arrived: Option<Arrived>,
    ) -> (Download, Option<Part>) {
        let is_increment = job.offset > 0;
        let Some(arrived) = arrived else {
            let is_unfit = status == 416 && is_increment;
            let download = if is_unfit {
                Download::Unfit
            } else {
                Download::Unchanged
            };
            return (download, None);
        };
        let (offset, bytes) = (arrived.part.offset, arrived.bytes);
        if !arrived.is_elsewhere
            && let Some(ids) = arrived.chunk.finish()
        {
            let read_bytes = offset + bytes;
            return (Download::Done { ids, read_bytes }, Some(arrived.part));
        }
        let why = match bytes {
            0 => "the file part is empty",
            _ if arrived.is_elsewhere => "the file part is not the one that was asked for",
            _ => "the file part does not begin with a line",
        };
        let text = format!("id list {}: {why}", job.entry.name);
        self.note_failure(text.clone());
        self.ctx
            .reporter
            .error("_download_single_id_list", "IdListError", &text, None);
        let download = if is_increment && bytes > 0 {
            Download::Unfit
        } else {
            Download::Unchanged
        };
        (download, None)
    }

    fn stored_file(&self, key: &str) -> Option<Vec<u8>> {
        match self.data_store.as_ref()?.get(key) {
            Ok(value) => value,
            Err(error) => {
                self.report_stored(&error.to_string());
                None
            }
        }
    }

    /// Continues the list with a file of the data store, if that holds what the service announced.
    fn use_stored(&self, job: &Job, file: &[u8]) -> Option<Download> {
        let size = usize::try_from(job.entry.size).ok()?;
        let offset = usize::try_from(job.offset).ok()?;
        let part = file.get(..size)?.get(offset..)?;
        let Some(ids) = job.base.apply(part) else {
            let text = format!("id list {}: the stored file is unusable", job.entry.name);
            self.report_stored(&text);
            return None;
        };
        Some(Download::Done {
            ids,
            read_bytes: job.entry.size,
        })
    }

    fn report_stored(&self, text: &str) {
        let tag = "_download_single_id_list_from_data_store";
        self.ctx.reporter.error(tag, "DataStoreError", text, None);
    }

    /// Writes the whole file, which for an increment needs what the store has of it already.
    fn store_file(&self, key: &str, part: &Part, stored: Option<&[u8]>) {
        let Some(store) = &self.data_store else {
            return;
        };
        let written = if part.offset == 0 {
            store.set(key, &part.bytes, 0)
        } else {
            let before = usize::try_from(part.offset)
                .ok()
                .and_then(|offset| stored?.get(..offset));
            let Some(before) = before else {
                let text = format!("{key} is not written: the store lacks its beginning");
                self.log(LogLevel::Debug, &text);
                return;
            };
            store.set(key, &[before, &part.bytes].concat(), 0)
        };
        if let Err(error) = written {
            let tag = "_save_id_list_file_to_data_store";
            let text = error.to_string();
            self.ctx.reporter.error(tag, "DataStoreError", &text, None);
        }
    }
}

/// Whether the body is the file from its beginning: anything but a partial answer.
fn is_whole(response: &Response) -> bool {
    response.status != 206
}

/// The first byte of `Content-Range: bytes 6-11/12`.
fn range_start(response: &Response) -> Option<u64> {
    let range = response
        .header("content-range")?
        .trim()
        .strip_prefix("bytes")?;
    range.trim_start().split('-').next()?.parse().ok()
}
