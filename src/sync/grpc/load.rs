//! What the engine does with specs from a forward proxy.

use super::ForwardProxy;
use super::error::CallError;
use super::message::ConfigSpecRequest;
use crate::error::Error;
use crate::net::Timeout;
use crate::options::{LogLevel, Protocol};
use crate::report::{Key, Marker, MarkerError, Step};
use crate::store::{Applied, Source};
use crate::sync::engine::Engine;
use crate::sync::fetch::Bounds;
use crate::sync::source::{Failure, Loaded};

impl Engine {
    /// Asks the forward proxy once.
    pub(in crate::sync) fn load_forward_proxy(
        &self,
        proxy: &ForwardProxy,
        bounds: Bounds,
    ) -> Loaded {
        self.note(|notes| notes.specs_source = Some(proxy.address().to_owned()));
        let started_ms = self.ctx.clock.monotonic_ms();
        let since = self.ctx.store.lcut();
        let outcome = self.ask(proxy, since, bounds);
        let is_answered = outcome.is_ok();
        let (loaded, error) = match outcome {
            Ok(spec) => self.use_body(spec, since, Source::Network, proxy.address()),
            Err(error) => (self.unanswered(proxy, &error), "download_failed"),
        };
        self.measure_sync(proxy.address(), started_ms, is_answered, loaded, error);
        loaded
    }

    /// The call itself, between its markers.
    fn ask(&self, proxy: &ForwardProxy, since: i64, bounds: Bounds) -> Result<Vec<u8>, CallError> {
        let (Timeout::Total(limit) | Timeout::Inactivity(limit)) = self.timeout(false, bounds)?;
        let diagnostics = self.ctx.reporter.diagnostics();
        let start = Marker {
            step: Some(Step::NetworkRequest),
            url: Some(proxy.address()),
            ..Marker::default()
        };
        diagnostics.start(Key::DownloadConfigSpecs, start);
        let request = ConfigSpecRequest::new(&self.ctx.sdk_key, since);
        let outcome = proxy.fetch(&self.http, request, limit);
        let error = outcome.as_ref().err().map(|error| MarkerError {
            name: &error.name,
            message: &error.detail,
        });
        let end = Marker {
            success: Some(error.is_none()),
            network_protocol: Some(proxy.protocol_name()),
            error,
            ..start
        };
        diagnostics.end(Key::DownloadConfigSpecs, end);
        outcome.map(|answer| answer.spec)
    }

    fn unanswered(&self, proxy: &ForwardProxy, error: &CallError) -> Loaded {
        if !error.is_canceled && !self.is_stopping() {
            let text = format!("{}: {error}", proxy.address());
            self.ctx.reporter.log(LogLevel::Warning, "request", &text);
            self.note_failure(text);
            let tag = match proxy.proxy.protocol {
                Protocol::GrpcWebsocket => "grpcWebSocket:initialize",
                _ => "grpc:getConfigSpec",
            };
            self.ctx
                .reporter
                .error(tag, &error.name, &error.detail, None);
        }
        Loaded::Failed(Failure {
            is_overload: error.is_overload(),
            retry_after: None,
        })
    }

    /// Puts specs in use that came over the stream. They are not written to the data store: each
    /// process that shares it has a stream of its own.
    pub(super) fn apply_streamed(&self, proxy: &ForwardProxy, spec: Vec<u8>) -> Result<(), Error> {
        let before = self.ctx.store.lcut();
        let document = String::from_utf8(spec).map_err(|_| Error::Utf8 { what: "specs" })?;
        let applied = self.apply(document.into(), Source::Network)?;
        if let Applied::Updated { lcut, .. } = applied {
            self.measure_propagation(Source::Network, proxy.address(), lcut, before);
        }
        self.note_stream_alive();
        Ok(())
    }

    /// A message is as good as a round: the proxy has told how things are.
    pub(super) fn note_stream_alive(&self) {
        self.note_round(true);
    }
}
