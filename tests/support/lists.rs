//! A service whose id lists and files a test changes as it goes.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::Mutex;
use serde_json::{Value, json};
use tidegate::client::Client;

use super::scripted::{Recorded, Reply, Server};
use super::service::{FILES, service};

/// `+a +b -a +c`, twelve bytes.
pub const FILE: &str = "+a\n+b\n-a\n+c\n";

#[derive(Default)]
pub struct Content {
    /// The answer to the list of lists.
    pub manifest: Mutex<Option<Reply>>,
    /// Files by the last segment of their path.
    pub files: Mutex<HashMap<String, Vec<u8>>>,
    /// Answers that take the place of a file.
    pub instead: Mutex<HashMap<String, Reply>>,
}

pub struct Lists {
    pub server: Server,
    pub content: Arc<Content>,
}

impl Lists {
    pub fn new() -> Lists {
        let content: Arc<Content> = Arc::default();
        let (lists, files) = (Arc::clone(&content), Arc::clone(&content));
        let server = service()
            .lists(move |_, _| lists.manifest.lock().clone().unwrap_or(Reply::json("{}")))
            .files(move |_, request| serve(&files, request))
            .start();
        Lists { server, content }
    }

    /// Entries of the list of lists: name, size, file id, creation time. Files are named as lists.
    pub fn announce(&self, entries: &[(&str, u64, &str, i64)]) {
        let mut manifest = serde_json::Map::new();
        for (name, size, file_id, creation_time) in entries {
            manifest.insert(
                (*name).to_owned(),
                json!({
                    "name": name, "size": size, "fileID": file_id, "creationTime": creation_time,
                    "url": self.server.url(&format!("{FILES}{name}")),
                }),
            );
        }
        self.answer(Reply::json(Value::Object(manifest).to_string()));
    }

    pub fn answer(&self, manifest: Reply) {
        *self.content.manifest.lock() = Some(manifest);
    }

    pub fn file(&self, name: &str, text: &str) {
        self.content
            .files
            .lock()
            .insert(name.to_owned(), text.as_bytes().to_vec());
    }

    /// Answers requests for a file with `reply` until the next call with `None`.
    pub fn instead(&self, name: &str, reply: Option<Reply>) {
        let mut instead = self.content.instead.lock();
        match reply {
            Some(reply) => instead.insert(name.to_owned(), reply),
            None => instead.remove(name),
        };
    }

    /// Requests for files so far.
    pub fn downloads(&self) -> Vec<Recorded> {
        self.server.requests_to(FILES)
    }

    /// Ranges asked for so far.
    pub fn ranges(&self) -> Vec<String> {
        let range = |request: &Recorded| request.header("range").unwrap_or("none").to_owned();
        self.downloads().iter().map(range).collect()
    }
}

fn serve(content: &Content, request: &Recorded) -> Reply {
    let name = request.path().rsplit('/').next().unwrap_or_default();
    if let Some(reply) = content.instead.lock().get(name) {
        return reply.clone();
    }
    let files = content.files.lock();
    let Some(file) = files.get(name) else {
        return Reply::status(404);
    };
    let start = request.header("range").and_then(|range| {
        range
            .strip_prefix("bytes=")?
            .strip_suffix('-')?
            .parse::<usize>()
            .ok()
    });
    match start {
        None => Reply::new(200, file.clone()),
        Some(start) if start >= file.len() => Reply::status(416),
        Some(start) => {
            let range = format!("bytes {start}-{}/{}", file.len() - 1, file.len());
            Reply::new(206, &file[start..]).header("Content-Range", &range)
        }
    }
}

/// A short id as it is kept: its bytes, padded.
pub fn key(id: &str) -> u64 {
    let mut bytes = [0; 8];
    bytes[..id.len()].copy_from_slice(id.as_bytes());
    u64::from_le_bytes(bytes)
}

/// Which of the one-letter ids `a` to `z` a list has; `None` without the list.
pub fn letters(client: &Client, list: &str) -> Option<String> {
    let snapshot = client.context().store.load_full();
    let list = snapshot.id_lists.get(list)?;
    let letters = ('a'..='z').filter(|letter| list.contains(key(&letter.to_string())));
    Some(letters.collect())
}
