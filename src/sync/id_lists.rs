//! Id lists: what the service has, what is missing here, and putting both together.
//!
//! A round asks for the list of lists, fetches the new part of each file that has grown, and drops
//! lists that are gone. One list's trouble is no other's. Readers see a list change at once, from
//! one state to the next; a list that is rewritten keeps its ids until the new file is here.

use std::collections::HashMap;
use std::sync::mpsc;
use std::sync::{Arc, atomic::Ordering};

use crate::lock::Mutex;
use serde_json::{Map, Value, json};

use super::engine::Engine;
use super::fetch::{Bounds, Fetch, MAX_MANIFEST_BYTES, millis};
use super::id_list_file::{Download, Job};
use super::running::enter_thread;
use super::source::Failure;
use crate::net::{Method, Target};
use crate::options::{LogLevel, Threads};
use crate::report::{Key, Marker, Step};
use crate::spec::id_list::IdList;
use crate::worker::spawn_quiet;

/// One list as far as it was downloaded.
#[derive(Debug, Clone, Default)]
pub(super) struct ListState {
    pub(super) ids: IdList,
    /// Bytes of the file that `ids` stands for.
    pub(super) read_bytes: u64,
    /// Changes when the file is rewritten.
    pub(super) file_id: String,
    pub(super) creation_time: i64,
    /// The increments no longer fit; the next download begins at the start.
    pub(super) needs_full: bool,
}

/// One entry of the list of lists.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) name: String,
    pub(super) url: String,
    pub(super) file_id: String,
    pub(super) size: u64,
    pub(super) creation_time: i64,
}

/// How a round went.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct ListsRound {
    pub(super) failure: Option<Failure>,
}

impl Engine {
    /// One round.
    pub(super) fn sync_id_lists(self: &Arc<Self>, bounds: Bounds) -> ListsRound {
        if self.ctx.is_local() {
            return ListsRound::default();
        }
        let started_ms = self.ctx.clock.monotonic_ms();
        let manifest = self.manifest(bounds);
        let is_manifest_here = manifest.is_ok();
        let (round, succeeded) = match manifest {
            Ok(manifest) => (
                ListsRound::default(),
                self.process_manifest(&manifest, bounds),
            ),
            Err(failure) => (
                ListsRound {
                    failure: Some(failure),
                },
                0,
            ),
        };
        if is_manifest_here {
            let now_ms = self.ctx.clock.monotonic_ms();
            self.note(|notes| notes.id_lists_synced_ms = Some(now_ms));
        }
        let reporter = &self.ctx.reporter;
        reporter.distribution(
            "id_lists_sync_overall.latency",
            millis(self.ctx.clock.monotonic_ms() - started_ms),
            &[
                (
                    "id_list_manifest_success",
                    if is_manifest_here { "true" } else { "false" },
                ),
                (
                    "succeed_single_id_list_number",
                    succeeded.to_string().as_str(),
                ),
            ],
        );
        if self.is_background.load(Ordering::Relaxed) {
            let rates = &self.ctx.store.load().specs.diagnostics;
            reporter
                .diagnostics()
                .emit_config_sync(Key::GetIdList, rates);
        }
        round
    }

    /// The list of lists, from its endpoint or from the fallback.
    fn manifest(&self, bounds: Bounds) -> Result<Map<String, Value>, Failure> {
        let first = self.ask_manifest(self.endpoints.id_lists(), bounds);
        if first.is_ok() || !self.ctx.settings.fallback_to_statsig_api || self.is_stopping() {
            return first;
        }
        self.note(|notes| notes.is_id_lists_fallback_used = true);
        match self.endpoints.id_lists_fallback() {
            Some(target) => self.ask_manifest(target, bounds),
            None => first,
        }
    }

    fn ask_manifest(&self, target: &Target, bounds: Bounds) -> Result<Map<String, Value>, Failure> {
        self.note(|notes| notes.id_lists_source = Some(target.base.clone()));
        let body = (target.method == Method::Post)
            .then(|| json!({"statsigMetadata": self.ctx.statsig_metadata()}).to_string());
        let fetch = Fetch {
            key: Key::GetIdListSources,
            method: target.method,
            url: &target.url,
            body: body.as_deref().map(str::as_bytes),
            max_body_bytes: MAX_MANIFEST_BYTES,
            keep_alive: target.keep_alive,
            may_stay_packed: false,
            file: None,
        };
        let response = self.fetch(&fetch, bounds).map_err(|_| Failure {
            is_overload: true,
            retry_after: None,
        })?;
        if !response.is_success() {
            return Err(self.status_failure(&response));
        }
        // Anything but an object must not be taken for "there are no lists".
        serde_json::from_slice(&response.body).map_err(|error| {
            let text = format!("{}: the list of id lists is unusable: {error}", target.base);
            self.log(LogLevel::Warning, &text);
            self.note_failure(text);
            Failure::default()
        })
    }

    /// Downloads what is missing and drops what is gone; returns how many downloads worked.
    fn process_manifest(self: &Arc<Self>, manifest: &Map<String, Value>, bounds: Bounds) -> usize {
        let diagnostics = self.ctx.reporter.diagnostics();
        let marker = Marker {
            step: Some(Step::Process),
            ..Marker::default()
        };
        diagnostics.start(
            Key::GetIdListSources,
            Marker {
                id_list_count: Some(manifest.len()),
                ..marker
            },
        );
        let states = self.lists.load_full();
        let jobs: Vec<Job> = manifest
            .iter()
            .filter_map(|(name, value)| Entry::parse(name, value))
            .filter_map(|entry| job(&states, entry))
            .collect();
        let succeeded = self.download_all(jobs, bounds);
        // A round that was interrupted has not seen everything.
        if !self.is_stopping() {
            self.drop_lists_not_in(manifest);
        }
        diagnostics.end(
            Key::GetIdListSources,
            Marker {
                success: Some(true),
                ..marker
            },
        );
        succeeded
    }

    /// Runs the downloads, a few at a time, and puts each list in use as it arrives.
    fn download_all(self: &Arc<Self>, jobs: Vec<Job>, bounds: Bounds) -> usize {
        let limit = self.ctx.settings.idlists_thread_limit.max(1) as usize;
        let may_spawn = self.ctx.settings.threads == Threads::Own;
        let mut succeeded = 0;
        if limit == 1 || jobs.len() < 2 || !may_spawn {
            for job in &jobs {
                let download = self.download(job, bounds);
                succeeded += usize::from(self.finish(job, download));
            }
            return succeeded;
        }
        let count = jobs.len();
        let queue = Arc::new(Mutex::new(jobs.into_iter()));
        let (sender, receiver) = mpsc::channel();
        let mut threads = Vec::new();
        for _ in 0..limit.min(count) {
            let (engine, queue, sender) = (Arc::clone(self), Arc::clone(&queue), sender.clone());
            let work = move || {
                enter_thread(&engine);
                // The lock is given back before the download begins.
                let next = || queue.lock().next();
                while let Some(job) = next() {
                    let download = engine.download(&job, bounds);
                    if sender.send((job, download)).is_err() {
                        return;
                    }
                }
            };
            match spawn_quiet("tg-idlist", work) {
                Ok(thread) => threads.push(thread),
                Err(error) => self.log(LogLevel::Warning, &error.to_string()),
            }
        }
        drop(sender);
        for (job, download) in receiver {
            succeeded += usize::from(self.finish(&job, download));
        }
        for thread in threads {
            // A download that panicked is missing from the results; the next round tries it again.
            let _ = thread.join();
        }
        // Only if not a single thread could be started.
        let left: Vec<Job> = queue.lock().by_ref().collect();
        for job in left {
            let download = self.download(&job, bounds);
            succeeded += usize::from(self.finish(&job, download));
        }
        succeeded
    }

    /// Puts a downloaded list in use; returns whether there is one.
    fn finish(&self, job: &Job, download: Download) -> bool {
        let entry = &job.entry;
        let mut states = HashMap::clone(&self.lists.load());
        match download {
            Download::Unchanged => return false,
            Download::Unfit => {
                if let Some(state) = states.get_mut(&entry.name) {
                    state.needs_full = true;
                }
                self.lists.store(Arc::new(states));
                return false;
            }
            Download::Done { ids, read_bytes } => {
                let state = ListState {
                    ids: ids.clone(),
                    read_bytes,
                    file_id: entry.file_id.clone(),
                    creation_time: job.creation_time,
                    needs_full: false,
                };
                states.insert(entry.name.clone(), state);
                self.lists.store(Arc::new(states));
                let lists = self.ctx.store.load_full().id_lists.with(&entry.name, ids);
                self.ctx.store.replace_id_lists(Arc::new(lists));
            }
        }
        true
    }

    fn drop_lists_not_in(&self, manifest: &Map<String, Value>) {
        let before = self.lists.load_full();
        let mut states = HashMap::clone(&before);
        states.retain(|name, _| manifest.contains_key(name));
        if states.len() == before.len() {
            return;
        }
        let lists = self.ctx.store.load_full();
        let lists = lists.id_lists.only(|name| states.contains_key(name));
        self.lists.store(Arc::new(states));
        self.ctx.store.replace_id_lists(Arc::new(lists));
    }
}

impl Entry {
    /// An entry that says where its file is and which one it is.
    pub(super) fn parse(name: &str, value: &Value) -> Option<Entry> {
        let text = |key: &str| {
            let text = value.get(key)?.as_str()?;
            (!text.is_empty()).then(|| text.to_owned())
        };
        Some(Entry {
            name: name.to_owned(),
            url: text("url")?,
            file_id: text("fileID")?,
            size: value.get("size").and_then(whole).unwrap_or(0),
            creation_time: value
                .get("creationTime")
                .and_then(Value::as_i64)
                .unwrap_or(0),
        })
    }
}

/// A count, also when it is written as `12.0`.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "checked to be a count within the exact range"
)]
fn whole(value: &Value) -> Option<u64> {
    value.as_u64().or_else(|| {
        let number = value.as_f64()?;
        (0.0..9e15).contains(&number).then_some(number as u64)
    })
}

/// What there is to download of an entry, if anything.
pub(super) fn job(states: &HashMap<String, ListState>, entry: Entry) -> Option<Job> {
    let known = states.get(&entry.name);
    if known.is_some_and(|known| entry.creation_time < known.creation_time) {
        return None;
    }
    let same_file = known.filter(|known| known.file_id == entry.file_id);
    let (base, offset, creation_time) = match same_file {
        // A newer time of the same file means nothing, and is not remembered.
        Some(known) if known.needs_full => (IdList::default(), 0, known.creation_time),
        Some(known) => (known.ids.clone(), known.read_bytes, known.creation_time),
        None => (IdList::default(), 0, entry.creation_time),
    };
    (entry.size > offset).then_some(Job {
        entry,
        base,
        offset,
        creation_time,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(size: u64, file_id: &str, creation_time: i64) -> Entry {
        Entry {
            name: "l".to_owned(),
            url: "http://h/l".to_owned(),
            file_id: file_id.to_owned(),
            size,
            creation_time,
        }
    }

    fn states(read_bytes: u64, needs_full: bool) -> HashMap<String, ListState> {
        let state = ListState {
            ids: IdList::default().apply(b"+a\n+b\n").expect("a chunk"),
            read_bytes,
            file_id: "f1".to_owned(),
            creation_time: 5,
            needs_full,
        };
        HashMap::from([("l".to_owned(), state)])
    }

    #[test]
    fn what_there_is_to_download() {
        let none = HashMap::new();
        let known = states(6, false);
        let unfit = states(6, true);
        for (name, states, entry, expected) in [
            ("first", &none, entry(12, "f1", 1), Some((0, 0))),
            ("empty file", &none, entry(0, "f1", 1), None),
            ("grown", &known, entry(12, "f1", 5), Some((6, 2))),
            ("unchanged", &known, entry(6, "f1", 5), None),
            ("shrunk", &known, entry(3, "f1", 5), None),
            ("rewritten", &known, entry(3, "f2", 6), Some((0, 0))),
            (
                "rewritten at the same time",
                &known,
                entry(3, "f2", 5),
                Some((0, 0)),
            ),
            ("older", &known, entry(12, "f2", 4), None),
            (
                "newer time, same file",
                &known,
                entry(12, "f1", 9),
                Some((6, 2)),
            ),
            ("unfit", &unfit, entry(6, "f1", 5), Some((0, 0))),
        ] {
            let job = job(states, entry);
            let found = job.map(|job| (job.offset, job.base.len()));
            assert_eq!(found, expected, "{name}");
        }
    }

    #[test]
    fn entries_without_a_file_are_none() {
        for value in [
            json!({}),
            json!(null),
            json!("text"),
            json!({"url": "http://h/x"}),
            json!({"url": "", "fileID": "f"}),
            json!({"url": "http://h/x", "fileID": ""}),
            json!({"url": 5, "fileID": "f"}),
        ] {
            assert_eq!(Entry::parse("l", &value), None, "{value}");
        }
        let lenient =
            json!({"url": "http://h/x", "fileID": "f", "size": 12.0, "creationTime": null});
        let entry = Entry::parse("l", &lenient).expect("an entry");
        assert_eq!((entry.size, entry.creation_time), (12, 0));
    }
}
