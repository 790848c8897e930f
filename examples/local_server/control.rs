//! `/control/`: how tests in any language script the server and read what it received.

use std::time::Duration;

use serde::Deserialize;
use serde_json::{Value, json};

use super::fault::Fault;
use super::id_lists::RawFile;
use super::record::{Endpoint, Record};
use super::request::{Query, Request};
use super::response::Response;
use super::state::{Awaited, Reset, Shared};

const DEFAULT_WAIT_MS: u64 = 10_000;
const MAX_WAIT_MS: u64 = 120_000;

pub(crate) fn answer(command: &str, request: &Request, shared: &Shared) -> Response {
    let query = request.query();
    let outcome = match (request.method.as_str(), command) {
        ("GET", "events") => Ok(events(&query, shared)),
        ("GET", "batches") => Ok(records(&query, Some(Endpoint::LogEvent), shared)),
        ("GET", "exceptions") => Ok(records(&query, Some(Endpoint::SdkException), shared)),
        ("GET", "requests") => requests(&query, shared),
        ("GET", "wait") => wait(&query, shared),
        ("POST", "reset") => reset(&query, shared),
        ("POST", "faults") => faults(&request.body, shared),
        ("POST", "release") => release(&query, shared),
        ("PUT", "rules") => {
            let mut state = shared.state.lock();
            state.documents.put(query.get("key"), request.body.clone());
            Ok(done())
        }
        ("PUT", "lists") => {
            let mut state = shared.state.lock();
            let now = state.stamp();
            let put = state.id_lists.put(query.get("key"), &request.body, now);
            put.map(|()| done()).map_err(bad)
        }
        ("PUT", "list_file") => put_list_file(&query, &request.body, shared),
        ("DELETE", "list_file") => delete_list_file(&query, shared),
        _ => Err(Response::error(404, "no such control")),
    };
    outcome.unwrap_or_else(|refusal| refusal)
}

fn done() -> Response {
    Response::json(200, &json!({"success": true}))
}

#[expect(clippy::needless_pass_by_value, reason = "the shape map_err takes")]
fn bad(why: String) -> Response {
    Response::error(400, &why)
}

fn required<'a>(query: &'a Query, name: &str) -> Result<&'a str, Response> {
    query
        .get(name)
        .ok_or_else(|| Response::error(400, &format!("{name} is missing")))
}

fn endpoint(name: &str) -> Result<Endpoint, Response> {
    Endpoint::deserialize(Value::from(name)).map_err(|error| bad(error.to_string()))
}

/// Copied out, so that no lock is held while a large answer is made.
fn matching(
    query: &Query,
    endpoint: Option<Endpoint>,
    shared: &Shared,
) -> Vec<std::sync::Arc<Record>> {
    let key = query.get("key");
    let state = shared.state.lock();
    state
        .records
        .all()
        .filter(|record| endpoint.is_none_or(|wanted| record.endpoint == wanted))
        .filter(|record| key.is_none() || record.key.as_deref() == key)
        .cloned()
        .collect()
}

fn events(query: &Query, shared: &Shared) -> Response {
    let name = query.get("name");
    let events: Vec<Value> = matching(query, Some(Endpoint::LogEvent), shared)
        .iter()
        .filter(|record| record.is_accepted())
        .flat_map(|record| record.events_json().collect::<Vec<_>>())
        .filter(|entry| {
            name.is_none_or(|name| entry.pointer("/event/eventName") == Some(&name.into()))
        })
        .collect();
    Response::json(200, &Value::from(events))
}

fn records(query: &Query, endpoint: Option<Endpoint>, shared: &Shared) -> Response {
    let records: Vec<Value> = matching(query, endpoint, shared)
        .iter()
        .map(|record| record.to_json(true))
        .collect();
    Response::json(200, &Value::from(records))
}

fn requests(query: &Query, shared: &Shared) -> Result<Response, Response> {
    let wanted = query.get("endpoint").map(endpoint).transpose()?;
    let records: Vec<Value> = matching(query, wanted, shared)
        .iter()
        // Batches have their own listing.
        .map(|record| record.to_json(record.endpoint != Endpoint::LogEvent))
        .collect();
    Ok(Response::json(200, &Value::from(records)))
}

fn wait(query: &Query, shared: &Shared) -> Result<Response, Response> {
    let awaited = match required(query, "endpoint")? {
        "events" => Awaited::events(query.get("name")),
        "requests" => Awaited::requests(None),
        name => Awaited::requests(Some(endpoint(name)?)),
    };
    let awaited = awaited.of_key(query.get("key"));
    let count = query.number("count")?.unwrap_or(1);
    let timeout_ms: u64 = query.number("timeout_ms")?.unwrap_or(DEFAULT_WAIT_MS);
    let timeout = Duration::from_millis(timeout_ms.min(MAX_WAIT_MS));
    let reached = shared.wait_for(&awaited, count, timeout);
    // Not a success when it has not happened, so that a caller who ignores the body notices, too.
    let status = if reached >= count { 200 } else { 504 };
    Ok(Response::json(
        status,
        &json!({"reached": reached >= count, "count": reached}),
    ))
}

fn reset(query: &Query, shared: &Shared) -> Result<Response, Response> {
    let what = match query.get("what") {
        None => Reset::ALL,
        Some(names) => {
            let mut what = Reset::default();
            for name in names.split(',') {
                match name {
                    "records" => what.records = true,
                    "faults" => what.faults = true,
                    "documents" => what.documents = true,
                    _ => return Err(bad(format!("unknown: {name}"))),
                }
            }
            what
        }
    };
    shared.reset(what).map(|()| done()).map_err(bad)
}

fn faults(body: &[u8], shared: &Shared) -> Result<Response, Response> {
    let faults: Vec<Fault> =
        serde_json::from_slice(body).map_err(|error| bad(error.to_string()))?;
    if let Some(status) = faults
        .iter()
        .filter_map(|fault| fault.status)
        .find(|status| !(200..600).contains(status))
    {
        return Err(bad(format!("{status} is no final status")));
    }
    shared.state.lock().faults.script(faults);
    Ok(done())
}

fn release(query: &Query, shared: &Shared) -> Result<Response, Response> {
    shared.release(required(query, "name")?);
    Ok(done())
}

fn put_list_file(query: &Query, body: &[u8], shared: &Shared) -> Result<Response, Response> {
    let name = required(query, "name")?;
    let raw = RawFile {
        content: body.to_vec(),
        file_id: query.get("fileID").map(str::to_owned),
        creation_time: query.number("creationTime")?,
        size: query.number("size")?,
    };
    let mut state = shared.state.lock();
    let now = state.stamp();
    state
        .id_lists
        .put_file(query.get("key"), name, raw, now)
        .map(|()| done())
        .map_err(bad)
}

fn delete_list_file(query: &Query, shared: &Shared) -> Result<Response, Response> {
    let name = required(query, "name")?;
    let mut state = shared.state.lock();
    let now = state.stamp();
    state
        .id_lists
        .remove_file(query.get("key"), name, now)
        .map(|()| done())
        .map_err(bad)
}
