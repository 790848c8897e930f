//! ID lists: raw unit ids in, append-only files of hashed ids out, as the real service keeps them.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use super::documents::Origin;
use super::url;

/// The file of one list: a line `+HASH` for each id added, `-HASH` for each removed.
#[derive(Clone, Debug)]
pub(crate) struct ListFile {
    pub(crate) content: Vec<u8>,
    pub(crate) file_id: String,
    pub(crate) creation_time: i64,
    /// What the manifest says, where it is to differ from the truth.
    pub(crate) size: Option<u64>,
}

impl ListFile {
    fn new(name: &str, creation_time: i64) -> ListFile {
        let digest = Sha256::digest(format!("{name}.{creation_time}"));
        let mut file_id = URL_SAFE_NO_PAD.encode(digest);
        file_id.truncate(12);
        ListFile {
            content: Vec::new(),
            file_id,
            creation_time,
            size: None,
        }
    }

    /// Appends what turns the current members into `ids`, so that clients download the difference.
    fn become_members(&mut self, ids: &[String]) {
        let current = String::from_utf8_lossy(&self.content).into_owned();
        let mut members = BTreeSet::new();
        for line in current.lines() {
            if let Some(id) = line.strip_prefix('+') {
                members.insert(id);
            } else if let Some(id) = line.strip_prefix('-') {
                members.remove(id);
            }
        }
        let hashes: Vec<String> = ids.iter().map(|id| hash(id)).collect();
        let wanted: BTreeSet<&str> = hashes.iter().map(String::as_str).collect();
        let mut lines = Vec::new();
        // A raw file may lack its last line end.
        if self.content.last().is_some_and(|&last| last != b'\n') {
            lines.push("\n");
        }
        for gone in members.difference(&wanted) {
            lines.extend(["-", gone, "\n"]);
        }
        for id in &hashes {
            if members.insert(id) {
                lines.extend(["+", id, "\n"]);
            }
        }
        self.content.extend(lines.concat().into_bytes());
    }
}

/// The first 8 characters of the standard base64 of SHA-256: an id as it stands in a list file.
pub(crate) fn hash(id: &str) -> String {
    let mut text = STANDARD.encode(Sha256::digest(id));
    text.truncate(8);
    text
}

/// The lists of one project.
#[derive(Clone, Debug, Default)]
pub(crate) struct Lists(BTreeMap<String, Arc<ListFile>>);

impl Lists {
    /// Takes over `{"list": ["unit id", ...]}`. Lists not named are removed.
    fn update(&mut self, text: &[u8], now_ms: i64) -> Result<(), String> {
        let wanted: BTreeMap<String, Vec<Value>> = serde_json::from_slice(text)
            .map_err(|error| format!("expected {{\"list\": [\"unit id\", ...]}}: {error}"))?;
        let mut members = Vec::new();
        for (name, ids) in wanted {
            let ids: Option<Vec<String>> = ids.iter().map(unit_id).collect();
            let ids = ids.ok_or_else(|| format!("{name}: an id is a string or a number"))?;
            members.push((name, ids));
        }
        self.0
            .retain(|name, _| members.iter().any(|(wanted, _)| wanted == name));
        for (name, ids) in members {
            self.file_mut(&name, now_ms).become_members(&ids);
        }
        Ok(())
    }

    pub(crate) fn file(&self, name: &str) -> Option<&ListFile> {
        self.0.get(name).map(|file| &**file)
    }

    /// The file of that list, an empty one if there is none yet.
    fn file_mut(&mut self, name: &str, now_ms: i64) -> &mut ListFile {
        let file = self
            .0
            .entry(name.to_owned())
            .or_insert_with(|| Arc::new(ListFile::new(name, now_ms)));
        Arc::make_mut(file)
    }

    pub(crate) fn manifest(&self, origin: &str, key: &str) -> Value {
        let entry = |(name, file): (&String, &Arc<ListFile>)| {
            let url = format!(
                "{origin}/id_list_files/{}/{}?fileID={}",
                url::encode(key),
                url::encode(name),
                url::encode(&file.file_id)
            );
            let length = u64::try_from(file.content.len()).unwrap_or(u64::MAX);
            let entry = json!({
                "name": name,
                "size": file.size.unwrap_or(length),
                "url": url,
                "creationTime": file.creation_time,
                "fileID": file.file_id,
            });
            (name.clone(), entry)
        };
        Value::Object(self.0.iter().map(entry).collect::<Map<_, _>>())
    }
}

fn unit_id(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// A raw file for one list, with the manifest members to claim for it.
#[derive(Clone, Debug, Default)]
pub(crate) struct RawFile {
    pub(crate) content: Vec<u8>,
    pub(crate) file_id: Option<String>,
    pub(crate) creation_time: Option<i64>,
    pub(crate) size: Option<u64>,
}

struct ReadLists {
    source: Vec<u8>,
    lists: Lists,
}

#[derive(Default)]
pub(crate) struct IdLists {
    origin: Origin,
    shared: Option<Lists>,
    by_key: HashMap<String, Lists>,
    files: HashMap<PathBuf, ReadLists>,
}

impl IdLists {
    pub(crate) fn new(origin: Origin, now_ms: i64) -> Result<IdLists, String> {
        let mut lists = IdLists {
            origin,
            ..IdLists::default()
        };
        lists.reset(now_ms)?;
        Ok(lists)
    }

    /// What was put in memory is forgotten.
    pub(crate) fn reset(&mut self, now_ms: i64) -> Result<(), String> {
        self.by_key.clear();
        self.shared = None;
        if let Origin::Text(text) = &self.origin {
            let mut lists = Lists::default();
            lists.update(text.as_bytes(), now_ms)?;
            self.shared = Some(lists);
        }
        Ok(())
    }

    /// The lists of `key`; none at all where nothing was given.
    pub(crate) fn find(&mut self, key: &str, now_ms: i64) -> Result<Lists, String> {
        if let Some(lists) = self.by_key.get(key).or(self.shared.as_ref()) {
            return Ok(lists.clone());
        }
        match self.origin.path(key, ".id_lists.json") {
            Some(path) => self.read(&path, now_ms),
            None => Ok(Lists::default()),
        }
    }

    fn read(&mut self, path: &Path, now_ms: i64) -> Result<Lists, String> {
        let source = match fs::read(path) {
            Ok(source) => source,
            // A project without lists has no such file.
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => b"{}".to_vec(),
            Err(error) => return Err(format!("cannot read {}: {error}", path.display())),
        };
        let mut lists = match self.files.get(path) {
            Some(known) if known.source == source => return Ok(known.lists.clone()),
            Some(known) => known.lists.clone(),
            None => Lists::default(),
        };
        match (lists.update(&source, now_ms), self.files.get(path)) {
            (Ok(()), _) => {
                let read = ReadLists {
                    source,
                    lists: lists.clone(),
                };
                self.files.insert(path.to_owned(), read);
                Ok(lists)
            }
            // An editor may be halfway through saving: the last good copy stays.
            (Err(_), Some(known)) => Ok(known.lists.clone()),
            (Err(error), None) => Err(format!("{}: {error}", path.display())),
        }
    }

    pub(crate) fn put(
        &mut self,
        key: Option<&str>,
        text: &[u8],
        now_ms: i64,
    ) -> Result<(), String> {
        self.edit(key, now_ms, |lists| lists.update(text, now_ms))
    }

    pub(crate) fn put_file(
        &mut self,
        key: Option<&str>,
        name: &str,
        raw: RawFile,
        now_ms: i64,
    ) -> Result<(), String> {
        self.edit(key, now_ms, |lists| {
            let file = lists.file_mut(name, now_ms);
            file.content = raw.content;
            file.size = raw.size;
            if let Some(file_id) = raw.file_id {
                file.file_id = file_id;
            }
            if let Some(creation_time) = raw.creation_time {
                file.creation_time = creation_time;
            }
            Ok(())
        })
    }

    pub(crate) fn remove_file(
        &mut self,
        key: Option<&str>,
        name: &str,
        now_ms: i64,
    ) -> Result<(), String> {
        self.edit(key, now_ms, |lists| {
            lists.0.remove(name);
            Ok(())
        })
    }

    /// Changes a copy, kept in memory only when the change succeeds.
    fn edit(
        &mut self,
        key: Option<&str>,
        now_ms: i64,
        change: impl FnOnce(&mut Lists) -> Result<(), String>,
    ) -> Result<(), String> {
        let mut lists = match key {
            Some(key) => self.find(key, now_ms)?,
            None => self.shared.clone().unwrap_or_default(),
        };
        change(&mut lists)?;
        match key {
            Some(key) => {
                self.by_key.insert(key.to_owned(), lists);
            }
            None => self.shared = Some(lists),
        }
        Ok(())
    }
}
