//! One request of sync, seen by diagnostics, metrics and the log.

use std::time::Duration;

use super::engine::Engine;
use crate::net::url::{path, service};
use crate::net::{
    BodySink, Method, Request, Response, Timeout, TransportError, TransportErrorKind,
    common_headers, without_key,
};
use crate::options::{LogLevel, positive_seconds};
use crate::report::{Key, Marker, MarkerError, Step};

/// Largest accepted specs.
pub(super) const MAX_SPECS_BYTES: usize = 256 << 20;
/// Largest accepted list of id lists.
pub(super) const MAX_MANIFEST_BYTES: usize = 32 << 20;
/// Largest accepted part of an id list file: some fifty million ids.
pub(super) const MAX_LIST_FILE_BYTES: usize = 512 << 20;

/// Characters of the key that metrics may show.
const METRIC_KEY_CHARS: usize = 13;

/// When work has to end.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Bounds {
    /// The work belongs to initialize, so `init_timeout` holds for requests.
    pub(super) is_init: bool,
    /// Monotonic time after which no request may run: the caller's thread is doing the work.
    pub(super) until_ms: Option<i64>,
}

/// What to ask.
pub(super) struct Fetch<'a> {
    /// What diagnostics call it.
    pub(super) key: Key,
    pub(super) method: Method,
    pub(super) url: &'a str,
    pub(super) body: Option<&'a [u8]>,
    pub(super) max_body_bytes: usize,
    pub(super) keep_alive: bool,
    /// The body is read by parts, or not at all.
    pub(super) may_stay_packed: bool,
    /// For id list files.
    pub(super) file: Option<FileRange<'a>>,
}

/// The part of an id list file that is wanted.
pub(super) struct FileRange<'a> {
    pub(super) file_id: &'a str,
    pub(super) offset: u64,
    pub(super) size: u64,
}

impl Engine {
    /// Asks, and tells whoever watches how it went. A status that says failure is logged as one.
    pub(super) fn fetch(
        &self,
        fetch: &Fetch<'_>,
        bounds: Bounds,
    ) -> Result<Response, TransportError> {
        self.watched(fetch, bounds, |request| self.http.send(request))
    }

    /// The same, with the body of a successful answer going into `sink`.
    pub(super) fn fetch_into(
        &self,
        fetch: &Fetch<'_>,
        bounds: Bounds,
        sink: &mut dyn BodySink,
    ) -> Result<Response, TransportError> {
        self.watched(fetch, bounds, |request| self.http.send_into(request, sink))
    }

    fn watched<'a>(
        &self,
        fetch: &Fetch<'a>,
        bounds: Bounds,
        send: impl FnOnce(Request<'a>) -> Result<Response, TransportError>,
    ) -> Result<Response, TransportError> {
        let ctx = &*self.ctx;
        let shown_url = without_key(fetch.url, &ctx.sdk_key);
        let diagnostics = ctx.reporter.diagnostics();
        // Every request counts: deliveries of events are numbered among them.
        let _ = diagnostics.count_request();
        let start = Marker {
            step: Some(Step::NetworkRequest),
            url: Some(&shown_url),
            ..Marker::default()
        };
        diagnostics.start(fetch.key, start);
        let started_ms = ctx.clock.monotonic_ms();
        let outcome = self
            .timeout(fetch.file.is_some(), bounds)
            .and_then(|timeout| send(self.request(fetch, timeout)));
        let status = outcome.as_ref().ok().map(|response| response.status);
        let is_success = outcome.as_ref().is_ok_and(Response::is_success);
        let failure = match &outcome {
            Ok(_) if is_success => None,
            Ok(response) => Some(("HttpStatusError", format!("status {}", response.status))),
            Err(error) => Some((error.kind.name(), error.detail.clone())),
        };
        diagnostics.end(
            fetch.key,
            Marker {
                status_code: status,
                success: Some(is_success),
                sdk_region: outcome
                    .as_ref()
                    .ok()
                    .and_then(|r| r.header("x-statsig-region")),
                payload_size: fetch.body.map(<[u8]>::len),
                network_protocol: Some("http"),
                error: failure
                    .as_ref()
                    .map(|(name, message)| MarkerError { name, message }),
                ..start
            },
        );
        let elapsed_ms = ctx.clock.monotonic_ms() - started_ms;
        self.measure_request(fetch, bounds, status, is_success, elapsed_ms);
        if let Some((name, message)) = failure {
            let text = format!("{shown_url}: {name}: {message}");
            let is_canceled = outcome.as_ref().is_err_and(TransportError::is_canceled);
            // What the end of the client cuts off is no problem of the network.
            let level = if is_canceled {
                LogLevel::Debug
            } else {
                LogLevel::Warning
            };
            ctx.reporter.log(level, "request", &text);
            self.note_failure(text);
        }
        outcome
    }

    fn request<'a>(&self, fetch: &Fetch<'a>, timeout: Timeout) -> Request<'a> {
        let mut headers = common_headers(&self.ctx, 0);
        if let Some(file) = &fetch.file {
            // Ranges count bytes of the file itself, which compression would hide.
            headers.retain(|(name, _)| *name != "Accept-Encoding");
            headers.push(("Accept-Encoding", "identity".to_owned()));
            headers.push(("Range", format!("bytes={}-", file.offset)));
            headers.push(("statsig-id-list-file-size", file.size.to_string()));
            if !self.endpoints.may_carry_key(fetch.url) {
                headers.retain(|(name, _)| *name != crate::net::headers::API_KEY);
            }
        }
        Request {
            method: fetch.method,
            url: fetch.url,
            headers,
            body: fetch.body,
            timeout,
            max_body_bytes: fetch.max_body_bytes,
            keep_alive: fetch.keep_alive,
            may_stay_packed: fetch.may_stay_packed,
        }
    }

    /// The bound of a request; one for a file never has that of initialize.
    pub(super) fn timeout(&self, is_file: bool, bounds: Bounds) -> Result<Timeout, TransportError> {
        let settings = &self.ctx.settings;
        let init_timeout =
            positive_seconds(settings.init_timeout).filter(|_| bounds.is_init && !is_file);
        let own = match init_timeout {
            Some(total) => Timeout::Total(total),
            None => Timeout::Inactivity(settings.request_timeout()),
        };
        let Some(until_ms) = bounds.until_ms else {
            return Ok(own);
        };
        let left_ms = u64::try_from(until_ms - self.ctx.clock.monotonic_ms()).unwrap_or(0);
        if left_ms == 0 {
            let detail = "no time left for a request";
            return Err(TransportError::new(TransportErrorKind::Timeout, detail));
        }
        let (Timeout::Total(limit) | Timeout::Inactivity(limit)) = own;
        Ok(Timeout::Total(limit.min(Duration::from_millis(left_ms))))
    }

    fn measure_request(
        &self,
        fetch: &Fetch<'_>,
        bounds: Bounds,
        status: Option<u16>,
        is_success: bool,
        elapsed_ms: i64,
    ) {
        if self.ctx.hooks.metrics.is_none() {
            return;
        }
        let status = status.map_or_else(|| "unknown".to_owned(), |status| status.to_string());
        let request_path = path(fetch.url).map(first_segments).unwrap_or_default();
        let mut tags = vec![
            ("status_code", status.as_str()),
            ("source_service", service(fetch.url).unwrap_or_default()),
            ("sdk_key", self.metric_key()),
            ("request_path", request_path),
            (
                "context",
                if bounds.is_init {
                    "initialize"
                } else {
                    "background_sync"
                },
            ),
            ("is_success", if is_success { "true" } else { "false" }),
        ];
        if let Some(file) = &fetch.file {
            tags.push(("id_list_file_id", file.file_id));
        }
        let reporter = &self.ctx.reporter;
        reporter.distribution("network_request.latency", millis(elapsed_ms), &tags);
    }

    /// The part of the key that tells projects apart in metrics.
    pub(super) fn metric_key(&self) -> &str {
        let key = &*self.ctx.sdk_key;
        let end = key
            .char_indices()
            .nth(METRIC_KEY_CHARS)
            .map_or(key.len(), |(at, _)| at);
        key.get(..end).unwrap_or_default()
    }
}

/// Milliseconds as a metric's value.
#[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
pub(super) fn millis(ms: i64) -> f64 {
    ms as f64
}

/// `/v1/download_config_specs` of a longer path.
fn first_segments(path: &str) -> &str {
    let end = path
        .match_indices('/')
        .nth(2)
        .map_or(path.len(), |(at, _)| at);
    path.get(..end).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_in_metrics_hold_no_key() {
        assert_eq!(
            first_segments("/v1/get_id_lists/secret-a.json"),
            "/v1/get_id_lists"
        );
        assert_eq!(first_segments("/v1/log_event"), "/v1/log_event");
        assert_eq!(first_segments(""), "");
    }
}
