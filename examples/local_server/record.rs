//! What the server has received, in order, kept within a bound.

use std::collections::VecDeque;
use std::sync::{Arc, OnceLock};

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::encoding::Encoding;
use super::request::{MAX_BODY_BYTES, Request};

/// Beyond either bound the oldest records are forgotten, so a server running for days stays small.
const MAX_RECORDS: usize = 100_000;
const MAX_RECORDED_BYTES: usize = 256 * 1024 * 1024;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Endpoint {
    Specs,
    IdLists,
    IdListFile,
    LogEvent,
    SdkException,
    /// Any other path.
    Unknown,
}

impl Endpoint {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Endpoint::Specs => "specs",
            Endpoint::IdLists => "id_lists",
            Endpoint::IdListFile => "id_list_file",
            Endpoint::LogEvent => "log_event",
            Endpoint::SdkException => "sdk_exception",
            Endpoint::Unknown => "unknown",
        }
    }
}

#[derive(Debug)]
pub(crate) struct Record {
    /// Counts up from 1 over all requests: the order of arrival.
    pub(crate) sequence: u64,
    pub(crate) client_port: u16,
    pub(crate) endpoint: Endpoint,
    /// The SDK key, from the path or the header.
    pub(crate) key: Option<String>,
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) query: String,
    /// Lower-case names.
    pub(crate) headers: Vec<(String, String)>,
    /// The decoded body: JSON, or text when it is not JSON, or null when there is none.
    pub(crate) body: Value,
    /// Why the body could not be understood.
    pub(crate) body_error: Option<String>,
    /// As it came over the wire.
    pub(crate) body_bytes: usize,
    /// Unset until an answer is due, and for good when the connection was dropped instead.
    pub(crate) answered: OnceLock<u16>,
}

impl Record {
    /// `sequence` is given when the record is kept.
    pub(crate) fn of(request: &Request, endpoint: Endpoint, key: Option<String>) -> Record {
        let (body, body_error) = decode_body(request);
        Record {
            sequence: 0,
            client_port: 0,
            endpoint,
            key,
            method: request.method.clone(),
            path: request.path.clone(),
            query: request.query.clone(),
            headers: request.headers.clone(),
            body,
            body_error,
            body_bytes: request.body.len(),
            answered: OnceLock::new(),
        }
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(header, _)| header == name)
            .map(|(_, value)| value.as_str())
    }

    /// The events of a `log_event` request, whether accepted or not.
    pub(crate) fn events(&self) -> &[Value] {
        match self.endpoint {
            Endpoint::LogEvent => self
                .body
                .get("events")
                .and_then(Value::as_array)
                .map_or(&[], Vec::as_slice),
            _ => &[],
        }
    }

    /// Whether the sender was told that the server has it.
    pub(crate) fn is_accepted(&self) -> bool {
        matches!(self.answered.get(), Some(200..300))
    }

    pub(crate) fn headers_json(&self) -> Value {
        let mut map = Map::new();
        for (name, value) in &self.headers {
            match map.get_mut(name) {
                Some(Value::String(existing)) => {
                    existing.push_str(", ");
                    existing.push_str(value);
                }
                _ => {
                    map.insert(name.clone(), Value::from(value.as_str()));
                }
            }
        }
        Value::Object(map)
    }

    pub(crate) fn to_json(&self, with_body: bool) -> Value {
        let mut json = json!({
            "sequence": self.sequence,
            "client_port": self.client_port,
            "endpoint": self.endpoint.name(),
            "key": self.key,
            "method": self.method,
            "path": self.path,
            "query": self.query,
            "headers": self.headers_json(),
            "body_bytes": self.body_bytes,
            "status": self.answered.get(),
        });
        if let (true, Some(map)) = (with_body, json.as_object_mut()) {
            map.insert("body".to_owned(), self.body.clone());
        }
        json
    }

    /// Each event in the envelope it came in.
    pub(crate) fn events_json(&self) -> impl Iterator<Item = Value> {
        let headers = self.headers_json();
        self.events().iter().map(move |event| {
            json!({
                "key": self.key,
                "headers": headers,
                "statsigMetadata": self.body.get("statsigMetadata"),
                "event": event,
            })
        })
    }
}

fn decode_body(request: &Request) -> (Value, Option<String>) {
    if request.body.is_empty() {
        return (Value::Null, None);
    }
    let name = request.header("content-encoding").unwrap_or_default();
    let Some(encoding) = Encoding::parse(name) else {
        return (
            Value::Null,
            Some(format!("unknown Content-Encoding: {name}")),
        );
    };
    let plain = match encoding.decode(&request.body, MAX_BODY_BYTES) {
        Ok(plain) => plain,
        Err(error) => return (Value::Null, Some(format!("undecodable body: {error}"))),
    };
    match serde_json::from_slice(&plain) {
        Ok(json) => (json, None),
        Err(error) => (
            Value::from(String::from_utf8_lossy(&plain)),
            Some(format!("the body is not JSON: {error}")),
        ),
    }
}

#[derive(Default)]
pub(crate) struct Records {
    kept: VecDeque<Arc<Record>>,
    bytes: usize,
    last_sequence: u64,
}

impl Records {
    pub(crate) fn push(&mut self, mut record: Record) -> Arc<Record> {
        self.last_sequence += 1;
        record.sequence = self.last_sequence;
        self.bytes += weight(&record);
        let record = Arc::new(record);
        self.kept.push_back(Arc::clone(&record));
        while self.kept.len() > MAX_RECORDS || self.bytes > MAX_RECORDED_BYTES {
            let Some(oldest) = self.kept.pop_front() else {
                break;
            };
            self.bytes -= weight(&oldest);
        }
        record
    }

    pub(crate) fn all(&self) -> impl Iterator<Item = &Arc<Record>> {
        self.kept.iter()
    }

    pub(crate) fn clear(&mut self) {
        self.kept.clear();
        self.bytes = 0;
    }
}

/// Roughly what a record keeps in memory; parsed JSON is several times its text.
fn weight(record: &Record) -> usize {
    1024 + record.body_bytes * 8
}
