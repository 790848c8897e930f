//! Scripted faults: each endpoint consumes its own, in the order given.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::encoding::Encoding;
use super::record::Endpoint;
use super::response::{Response, Sent};

/// One scripted deviation from the normal answer. Absent members change nothing.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "independent switches, named in JSON"
)]
pub(crate) struct Fault {
    pub(crate) endpoint: Endpoint,
    /// How many requests it befalls; -1 means all from here on.
    #[serde(default = "once")]
    pub(crate) times: i64,
    /// Only requests of this SDK key.
    pub(crate) key: Option<String>,
    /// Only files of this ID list.
    pub(crate) list: Option<String>,
    pub(crate) status: Option<u16>,
    pub(crate) body: Option<String>,
    #[serde(default)]
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) delay_ms: Option<u64>,
    /// Promise the whole body, send so many bytes, close.
    pub(crate) truncate: Option<usize>,
    /// Send so many bytes of the encoded body with a matching length: damaged, yet complete HTTP.
    pub(crate) cut: Option<usize>,
    /// Bytes that are neither JSON nor valid in the encoding they claim.
    #[serde(default)]
    pub(crate) garbage: bool,
    /// Close without an answer.
    #[serde(default)]
    pub(crate) disconnect: bool,
    /// Whatever the client accepts.
    pub(crate) encoding: Option<Encoding>,
    /// Park the answer until the name is released.
    pub(crate) hold: Option<String>,
    /// Chunked framing, hence no Content-Length.
    #[serde(default)]
    pub(crate) chunked: bool,
    /// Answer a range request with 200 and everything.
    #[serde(default)]
    pub(crate) ignore_range: bool,
}

fn once() -> i64 {
    1
}

impl Fault {
    /// A fault that changes nothing yet, for struct update syntax.
    pub(crate) fn on(endpoint: Endpoint) -> Fault {
        Fault {
            endpoint,
            times: once(),
            key: None,
            list: None,
            status: None,
            body: None,
            headers: BTreeMap::new(),
            delay_ms: None,
            truncate: None,
            cut: None,
            garbage: false,
            disconnect: false,
            encoding: None,
            hold: None,
            chunked: false,
            ignore_range: false,
        }
    }

    pub(crate) fn status(endpoint: Endpoint, status: u16) -> Fault {
        Fault {
            status: Some(status),
            ..Fault::on(endpoint)
        }
    }

    /// Whether the normal answer is needed at all.
    pub(crate) fn replaces_answer(&self) -> bool {
        self.garbage
            || self.body.is_some()
            || self
                .status
                .is_some_and(|status| !(200..300).contains(&status) || status == 204)
    }

    /// The answer where the fault replaces it; encoding is applied later.
    pub(crate) fn answer(&self) -> Response {
        let status = self.status.unwrap_or(200);
        match &self.body {
            _ if self.garbage => {
                Response::new(status, "application/json", b"\x00\xffgarbage{[".repeat(8))
            }
            Some(body) => Response::new(status, "application/json", body.clone().into_bytes()),
            None if status == 204 => Response::new(status, "application/json", Vec::new()),
            None => Response::error(status, "scripted fault"),
        }
    }

    /// Applied to the encoded response just before it leaves.
    pub(crate) fn finish(&self, response: &mut Response) -> Sent {
        if let Some(status) = self.status {
            response.status = status;
        }
        for (name, value) in &self.headers {
            response.set(name, value.clone());
        }
        if let Some(cut) = self.cut {
            response.body.truncate(cut);
        }
        Sent {
            bytes: self.truncate,
            chunked: self.chunked,
        }
    }
}

#[derive(Default)]
pub(crate) struct Faults(Vec<Fault>);

impl Faults {
    pub(crate) fn script(&mut self, faults: impl IntoIterator<Item = Fault>) {
        self.0
            .extend(faults.into_iter().filter(|fault| fault.times != 0));
    }

    /// The fault that befalls this request, consumed once.
    pub(crate) fn take(
        &mut self,
        endpoint: Endpoint,
        key: Option<&str>,
        list: Option<&str>,
    ) -> Option<Fault> {
        let concerns = |wanted: &Option<String>, actual: Option<&str>| {
            wanted
                .as_deref()
                .is_none_or(|wanted| Some(wanted) == actual)
        };
        let at = self.0.iter().position(|fault| {
            fault.endpoint == endpoint && concerns(&fault.key, key) && concerns(&fault.list, list)
        })?;
        let fault = self.0.get_mut(at)?;
        if fault.times == 1 {
            return Some(self.0.remove(at));
        }
        if fault.times > 0 {
            fault.times -= 1;
        }
        Some(fault.clone())
    }

    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }
}
