//! The protocol of the real service: rules, ID lists, events, error reports.

use std::io;

use serde_json::json;

use super::connection::encode;
use super::encoding::Encoding;
use super::fault::Fault;
use super::id_lists::ListFile;
use super::record::{Endpoint, Record};
use super::request::Request;
use super::response::Response;
use super::state::Shared;
use super::url;

/// What a request is about.
#[derive(Debug)]
pub(crate) struct Target {
    pub(crate) endpoint: Endpoint,
    pub(crate) key: Option<String>,
    pub(crate) list: Option<String>,
}

impl Target {
    pub(crate) fn of(request: &Request) -> Target {
        let segments: Vec<&str> = request.path.split('/').skip(1).collect();
        let mut list = None;
        let (endpoint, key) = match segments.as_slice() {
            ["v1" | "v2", "download_config_specs", file] => (Endpoint::Specs, key_of(file)),
            ["v1" | "v2", "get_id_lists", file] => (Endpoint::IdLists, key_of(file)),
            ["v1" | "v2", "get_id_lists"] => (Endpoint::IdLists, None),
            ["v1" | "v2", "log_event"] => (Endpoint::LogEvent, None),
            ["v1" | "v2", "sdk_exception"] => (Endpoint::SdkException, None),
            ["id_list_files", key, name] => {
                list = Some(url::decode(name, false));
                (Endpoint::IdListFile, Some(url::decode(key, false)))
            }
            _ => (Endpoint::Unknown, None),
        };
        Target {
            endpoint,
            key: key.or_else(|| request.header("statsig-api-key").map(str::to_owned)),
            list,
        }
    }
}

fn key_of(file: &str) -> Option<String> {
    file.strip_suffix(".json")
        .filter(|key| !key.is_empty())
        .map(|key| url::decode(key, false))
}

/// The normal answer, already encoded.
pub(crate) fn answer(
    target: &Target,
    request: &Request,
    record: &Record,
    fault: &Fault,
    encoding: Encoding,
    shared: &Shared,
) -> io::Result<Response> {
    let method = match (target.endpoint, &target.list) {
        (Endpoint::Unknown, _) => return encode(Response::error(404, "no such path"), encoding),
        (Endpoint::LogEvent | Endpoint::SdkException, _) => &["POST"][..],
        // With the key in the path it is a GET, with the key in a header a POST; both take both.
        (Endpoint::IdLists, _) => &["GET", "POST"],
        (Endpoint::Specs | Endpoint::IdListFile, _) => &["GET"],
    };
    if !method.contains(&request.method.as_str()) {
        let refusal = Response::error(405, "wrong method").with("Allow", method.join(", "));
        return encode(refusal, encoding);
    }
    let known = target
        .key
        .as_deref()
        .filter(|key| shared.state.lock().documents.knows(key));
    let Some(key) = known else {
        return encode(Response::error(401, "unknown SDK key"), encoding);
    };
    match target.endpoint {
        Endpoint::Specs => specs(key, request, encoding, shared),
        Endpoint::IdLists => encode(manifest(key, shared), encoding),
        Endpoint::IdListFile => encode(list_file(key, target, request, fault, shared), encoding),
        Endpoint::LogEvent => encode(log_event(record), encoding),
        Endpoint::SdkException | Endpoint::Unknown => {
            encode(Response::json(202, &json!({"success": true})), encoding)
        }
    }
}

fn specs(
    key: &str,
    request: &Request,
    encoding: Encoding,
    shared: &Shared,
) -> io::Result<Response> {
    let since = match request.query().number::<i64>("sinceTime") {
        Ok(since) => since.unwrap_or_default(),
        Err(refusal) => return encode(refusal, encoding),
    };
    let document = match shared.state.lock().documents.find(key) {
        Ok(document) => document,
        Err(why) => return encode(Response::error(500, &why), encoding),
    };
    if since != 0 && document.time.is_some_and(|time| since >= time) {
        return encode(
            Response::json(200, &json!({"has_updates": false})),
            encoding,
        );
    }
    let mut response = Response::new(200, "application/json", document.encoded(encoding)?);
    if let Some(time) = document.time {
        response.set("x-since-time", time.to_string());
    }
    if let Some(name) = encoding.name() {
        response.set("Content-Encoding", name.to_owned());
    }
    Ok(response)
}

fn manifest(key: &str, shared: &Shared) -> Response {
    let mut state = shared.state.lock();
    let now = state.stamp();
    match state.id_lists.find(key, now) {
        Ok(lists) => Response::json(200, &lists.manifest(&shared.url(), key)),
        Err(why) => Response::error(500, &why),
    }
}

fn list_file(
    key: &str,
    target: &Target,
    request: &Request,
    fault: &Fault,
    shared: &Shared,
) -> Response {
    let lists = {
        let mut state = shared.state.lock();
        let now = state.stamp();
        state.id_lists.find(key, now)
    };
    let lists = match lists {
        Ok(lists) => lists,
        Err(why) => return Response::error(500, &why),
    };
    let asked = request.query();
    let is_current = |file: &&ListFile| {
        asked
            .get("fileID")
            .is_none_or(|file_id| file_id == file.file_id)
    };
    let file = target.list.as_deref().and_then(|name| lists.file(name));
    let Some(file) = file.filter(is_current) else {
        return Response::error(404, "no such ID list file");
    };
    let range = request.header("range").filter(|_| !fault.ignore_range);
    ranged(&file.content, range)
}

/// `bytes=N-` and `bytes=N-M`; other forms are ignored, as HTTP allows.
fn ranged(content: &[u8], range: Option<&str>) -> Response {
    let plain = "text/plain; charset=utf-8";
    let bounds = range
        .and_then(|range| range.trim().strip_prefix("bytes="))
        .and_then(|range| range.split_once('-'))
        .and_then(|(first, last)| {
            let first: usize = first.parse().ok()?;
            let last: usize = match last {
                "" => usize::MAX,
                last => last.parse().ok()?,
            };
            Some((first, last))
        });
    let total = content.len();
    let whole = || Response::new(200, plain, content.to_vec()).with("Accept-Ranges", "bytes");
    let Some((first, last)) = bounds else {
        return whole();
    };
    let end = last.saturating_add(1).min(total);
    match content.get(first..end) {
        Some(part) if !part.is_empty() => Response::new(206, plain, part.to_vec()).with(
            "Content-Range",
            format!("bytes {first}-{}/{total}", end - 1),
        ),
        _ => {
            Response::new(416, plain, Vec::new()).with("Content-Range", format!("bytes */{total}"))
        }
    }
}

fn log_event(record: &Record) -> Response {
    match &record.body_error {
        Some(why) if why.starts_with("unknown") => return Response::error(415, why),
        Some(why) => return Response::error(400, why),
        None => {}
    }
    match record.body.get("events") {
        Some(events) if events.is_array() => Response::json(202, &json!({"success": true})),
        _ => Response::error(
            400,
            "expected {\"events\": [...], \"statsigMetadata\": {...}}",
        ),
    }
}
