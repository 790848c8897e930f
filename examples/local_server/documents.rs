//! The rules documents: from memory, one file, or a folder with one file per project.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use serde_json::Value;

use super::encoding::Encoding;

/// Where documents come from when none was put in memory.
#[derive(Clone, Debug, Default)]
pub(crate) enum Origin {
    /// Nowhere: every key is unknown.
    #[default]
    None,
    /// Compiled in or given as text, for every key.
    Text(String),
    /// One file for every key.
    File(PathBuf),
    /// `secret-NAME` reads `NAME` plus a suffix in this folder.
    Folder(PathBuf),
}

impl Origin {
    /// The file behind `key`. Names with anything that could leave the folder have none.
    pub(crate) fn path(&self, key: &str, suffix: &str) -> Option<PathBuf> {
        match self {
            Origin::None | Origin::Text(_) => None,
            Origin::File(path) => Some(path.clone()),
            Origin::Folder(folder) => {
                let name = key.strip_prefix("secret-")?;
                let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
                (!name.is_empty() && name.bytes().all(is_plain))
                    .then(|| folder.join(format!("{name}{suffix}")))
            }
        }
    }
}

/// A document as served, with its compressed forms made at most once.
pub(crate) struct Document {
    source: Vec<u8>,
    bytes: Vec<u8>,
    /// The `time` member, when it is a document that has one.
    pub(crate) time: Option<i64>,
    gzip: OnceLock<Vec<u8>>,
    deflate: OnceLock<Vec<u8>>,
    br: OnceLock<Vec<u8>>,
}

impl Document {
    /// Served byte for byte, whatever it is.
    pub(crate) fn verbatim(bytes: Vec<u8>) -> Document {
        let time = serde_json::from_slice::<Value>(&bytes)
            .ok()
            .and_then(|json| json.get("time")?.as_i64());
        Document {
            source: bytes.clone(),
            bytes,
            time,
            gzip: OnceLock::new(),
            deflate: OnceLock::new(),
            br: OnceLock::new(),
        }
    }

    /// A file after an edit. Clients ignore a document that is not newer than what they have, and
    /// nobody who edits by hand remembers to raise `time`, so it is raised here.
    fn edited(source: Vec<u8>, mut json: Value, after: Option<i64>) -> Document {
        let time = json.get("time").and_then(Value::as_i64);
        let (Some(time), Some(after)) = (time, after) else {
            return Document::verbatim(source);
        };
        if time > after {
            return Document::verbatim(source);
        }
        if let Some(slot) = json.get_mut("time") {
            *slot = Value::from(after + 1);
        }
        Document {
            source,
            ..Document::verbatim(json.to_string().into_bytes())
        }
    }

    pub(crate) fn encoded(&self, encoding: Encoding) -> std::io::Result<Vec<u8>> {
        let cache = match encoding {
            Encoding::Identity => return Ok(self.bytes.clone()),
            Encoding::Gzip => &self.gzip,
            Encoding::Deflate => &self.deflate,
            Encoding::Br => &self.br,
        };
        if let Some(encoded) = cache.get() {
            return Ok(encoded.clone());
        }
        let encoded = encoding.encode(&self.bytes)?;
        Ok(cache.get_or_init(|| encoded).clone())
    }
}

#[derive(Default)]
pub(crate) struct Documents {
    origin: Origin,
    /// For every key without a document of its own.
    shared: Option<Arc<Document>>,
    by_key: HashMap<String, Arc<Document>>,
    files: HashMap<PathBuf, Arc<Document>>,
}

impl Documents {
    pub(crate) fn new(origin: Origin) -> Documents {
        let mut documents = Documents {
            origin,
            ..Documents::default()
        };
        documents.reset();
        documents
    }

    /// What was put in memory is forgotten.
    pub(crate) fn reset(&mut self) {
        self.by_key.clear();
        self.shared = match &self.origin {
            Origin::Text(text) => Some(Arc::new(Document::verbatim(text.clone().into_bytes()))),
            _ => None,
        };
    }

    pub(crate) fn put(&mut self, key: Option<&str>, bytes: Vec<u8>) {
        let document = Arc::new(Document::verbatim(bytes));
        match key {
            Some(key) => {
                self.by_key.insert(key.to_owned(), document);
            }
            None => self.shared = Some(document),
        }
    }

    /// Whether the key belongs to a project, with or without a readable document.
    pub(crate) fn knows(&self, key: &str) -> bool {
        self.by_key.contains_key(key)
            || self.shared.is_some()
            || self
                .origin
                .path(key, ".json")
                .is_some_and(|path| self.files.contains_key(&path) || path.is_file())
    }

    /// The document of a known key, read again when its file has changed.
    pub(crate) fn find(&mut self, key: &str) -> Result<Arc<Document>, String> {
        if let Some(document) = self.by_key.get(key).or(self.shared.as_ref()) {
            return Ok(Arc::clone(document));
        }
        match self.origin.path(key, ".json") {
            Some(path) => self.read(&path),
            None => Err("no rules were given".to_owned()),
        }
    }

    fn read(&mut self, path: &Path) -> Result<Arc<Document>, String> {
        let known = self.files.get(path);
        let fresh = fs::read(path)
            .map_err(|error| format!("cannot read {}: {error}", path.display()))
            .and_then(|source| {
                // Compared by content: loopback clients poll rarely, and an edit within the
                // granularity of file times must not be missed.
                if let Some(known) = known.filter(|known| known.source == source) {
                    return Ok(Arc::clone(known));
                }
                let json = serde_json::from_slice(&source)
                    .map_err(|error| format!("{} is not JSON: {error}", path.display()))?;
                let after = known.and_then(|known| known.time);
                Ok(Arc::new(Document::edited(source, json, after)))
            });
        match (fresh, known) {
            (Ok(document), _) => {
                self.files.insert(path.to_owned(), Arc::clone(&document));
                Ok(document)
            }
            // An editor may be halfway through saving: the last good copy stays.
            (Err(_), Some(known)) => Ok(Arc::clone(known)),
            (Err(error), None) => Err(error),
        }
    }
}
