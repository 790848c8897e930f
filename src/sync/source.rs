//! Where specs come from: the order of the sources, and loading from each.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use serde_json::json;

use super::data_store::GuardedStore;
use super::engine::Engine;
use super::fetch::{Bounds, Fetch, MAX_SPECS_BYTES, millis};
use super::packed_specs::PackedSpecs;
use super::preload;
use crate::error::Error;
use crate::net::{Response, Target, TransportError, TransportErrorKind, parse_retry_after};
use crate::options::{DataSource, LogLevel, Threads, positive_seconds};
use crate::report::{Key, Marker, Step};
use crate::spec::Document;
use crate::store::{Applied, Source};

/// What a source gave.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Loaded {
    /// Specs are in use, or the source says that they are the newest.
    Fresh,
    /// The source does not take part (local mode, or no such source).
    Absent,
    /// Nothing usable; counted as a failure, except for bootstrap.
    Failed(Failure),
}

/// How a source failed, as far as asking again is concerned.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Failure {
    /// The network or the server is in trouble: no answer, 429 or 5xx.
    pub(super) is_overload: bool,
    pub(super) retry_after: Option<Duration>,
}

const UNANSWERED: Loaded = Loaded::Failed(Failure {
    is_overload: true,
    retry_after: None,
});
const REJECTED: Loaded = Loaded::Failed(Failure {
    is_overload: false,
    retry_after: None,
});

/// Whether documents of this source came from the service, directly or through the data store.
fn is_from_service(source: Source) -> bool {
    matches!(
        source,
        Source::Network | Source::StatsigNetwork | Source::DataAdapter
    )
}

impl Engine {
    /// The sources that initialize tries, in order.
    pub(super) fn initialize_sources(&self) -> Vec<DataSource> {
        let settings = &self.ctx.settings;
        if let Some(explicit) = &settings.initialize_sources {
            return explicit.clone();
        }
        let mut sources = Vec::new();
        let has_bootstrap = settings
            .bootstrap_values
            .as_ref()
            .is_some_and(|v| !v.is_empty());
        if self.data_store.is_some() {
            sources.push(DataSource::Datastore);
            if has_bootstrap {
                let text = "bootstrap_values are ignored because there is a data store";
                self.log(LogLevel::Debug, text);
            }
        } else if has_bootstrap {
            sources.push(DataSource::Bootstrap);
        }
        sources.push(DataSource::Network);
        if settings.fallback_to_statsig_api {
            sources.push(DataSource::StatsigNetwork);
        }
        sources
    }

    /// The sources that a background round tries, in order. Asks the data store each time whether
    /// it wants to be polled, so that it may change its mind.
    pub(super) fn sync_sources(&self) -> Vec<DataSource> {
        let settings = &self.ctx.settings;
        if let Some(explicit) = &settings.config_sync_sources {
            return explicit.clone();
        }
        let mut sources = Vec::new();
        if self
            .data_store
            .as_ref()
            .is_some_and(GuardedStore::polls_specs)
        {
            sources.push(DataSource::Datastore);
        }
        sources.push(DataSource::Network);
        if settings.fallback_to_statsig_api {
            sources.push(DataSource::StatsigNetwork);
        }
        sources
    }

    /// Loads from one source and counts a failure.
    pub(super) fn load(&self, source: DataSource, bounds: Bounds) -> Loaded {
        let is_local = self.ctx.is_local();
        let loaded = match source {
            DataSource::Network | DataSource::StatsigNetwork if is_local => {
                self.log(
                    LogLevel::Debug,
                    "local mode: the network is not asked for specs",
                );
                Loaded::Absent
            }
            DataSource::Network => match &self.forward_proxy {
                Some(proxy) => self.load_forward_proxy(proxy, bounds),
                None => self.load_network(self.endpoints.specs(), Source::Network, bounds),
            },
            DataSource::StatsigNetwork => {
                self.note(|notes| notes.is_specs_fallback_used = true);
                match self.endpoints.specs_fallback() {
                    Some(target) => self.load_network(target, Source::StatsigNetwork, bounds),
                    None => Loaded::Absent,
                }
            }
            DataSource::Datastore => self.load_data_store(),
            DataSource::Bootstrap => self.load_bootstrap(),
        };
        if matches!(loaded, Loaded::Failed(_)) && source != DataSource::Bootstrap {
            self.count_failure();
        }
        loaded
    }

    fn load_bootstrap(&self) -> Loaded {
        let Some(document) = &self.ctx.settings.bootstrap_values else {
            return Loaded::Absent;
        };
        self.note(|notes| notes.specs_source = Some("Bootstrap".to_owned()));
        let loaded = self.process(Key::Bootstrap, || {
            self.apply(document.clone().into(), Source::Bootstrap)
        });
        match loaded {
            Ok(_) => Loaded::Fresh,
            Err(error) => {
                let text = format!("bootstrap_values are not usable: {error}");
                self.log(LogLevel::Error, &text);
                REJECTED
            }
        }
    }

    fn load_data_store(&self) -> Loaded {
        let Some(store) = &self.data_store else {
            return Loaded::Absent;
        };
        self.note(|notes| notes.specs_source = Some("DataAdapter".to_owned()));
        let loaded = self.process(Key::DataStoreConfigSpecs, || {
            let value = store.get(store.specs_key())?.ok_or(Error::State {
                detail: "nothing is stored",
            })?;
            let document = String::from_utf8(value).map_err(|_| Error::Utf8 { what: "specs" })?;
            self.apply(document.into(), Source::DataAdapter)
        });
        if self.is_background.load(Ordering::Relaxed) {
            let rates = &self.ctx.store.load().specs.diagnostics;
            let diagnostics = self.ctx.reporter.diagnostics();
            diagnostics.emit_config_sync(Key::DataStoreConfigSpecs, rates);
        }
        match loaded {
            Ok(_) => Loaded::Fresh,
            Err(error) => {
                let text = format!("the data store gave no specs: {error}");
                self.log(LogLevel::Debug, &text);
                REJECTED
            }
        }
    }

    fn load_network(&self, target: &Target, source: Source, bounds: Bounds) -> Loaded {
        self.note(|notes| notes.specs_source = Some(target.base.clone()));
        let started_ms = self.ctx.clock.monotonic_ms();
        let since = self.ctx.store.lcut();
        let url = if since == 0 {
            target.url.clone()
        } else {
            format!("{}?sinceTime={since}", target.url)
        };
        let fetch = Fetch {
            key: Key::DownloadConfigSpecs,
            method: target.method,
            url: &url,
            body: None,
            max_body_bytes: MAX_SPECS_BYTES,
            keep_alive: target.keep_alive,
            may_stay_packed: true,
            file: None,
        };
        let outcome = self.fetch(&fetch, bounds);
        let is_answered = outcome.as_ref().is_ok_and(Response::is_success);
        let (loaded, error) = match outcome {
            Err(error) => {
                self.report_request(&error, bounds);
                (UNANSWERED, "download_failed")
            }
            Ok(response) if !response.is_success() => (
                Loaded::Failed(self.status_failure(&response)),
                "download_failed",
            ),
            Ok(response) => match response.packed {
                Some(body) => {
                    let may_spawn = self.ctx.settings.threads == Threads::Own;
                    let document = Document::Packed(Arc::new(PackedSpecs { body, may_spawn }));
                    self.use_document(document, source, &target.base)
                }
                None => self.use_body(response.body, since, source, &target.base),
            },
        };
        self.measure_sync(&target.base, started_ms, is_answered, loaded, error);
        loaded
    }

    pub(super) fn measure_sync(
        &self,
        source_api: &str,
        started_ms: i64,
        is_answered: bool,
        loaded: Loaded,
        error: &str,
    ) {
        self.ctx.reporter.distribution(
            "config_sync_overall.latency",
            millis(self.ctx.clock.monotonic_ms() - started_ms),
            &[
                ("source_api", source_api),
                ("format", if is_answered { "json" } else { "unknown" }),
                ("error", error),
                ("source_success", if is_answered { "true" } else { "false" }),
                (
                    "process_success",
                    if loaded == Loaded::Fresh {
                        "true"
                    } else {
                        "false"
                    },
                ),
            ],
        );
    }

    /// Puts the body of an answer in use, and in the data store if it is news.
    pub(super) fn use_body(
        &self,
        body: Vec<u8>,
        since: i64,
        source: Source,
        source_api: &str,
    ) -> (Loaded, &'static str) {
        if body.is_empty() && since != 0 {
            self.count_no_update(source, source_api);
            return (Loaded::Fresh, "");
        }
        match String::from_utf8(body) {
            Ok(text) if text.is_empty() => (self.malformed("the body is empty"), "empty_body"),
            Ok(text) => self.use_document(text.into(), source, source_api),
            Err(_) => (self.malformed("the body is not UTF-8"), "invalid_json"),
        }
    }

    fn use_document(
        &self,
        document: Document,
        source: Source,
        source_api: &str,
    ) -> (Loaded, &'static str) {
        let before = self.ctx.store.lcut();
        let previous = self.ctx.store.load().source;
        let applied = self.process(Key::DownloadConfigSpecs, || self.apply(document, source));
        match applied {
            Ok(Applied::NoUpdate) => {
                self.count_no_update(source, source_api);
                (Loaded::Fresh, "")
            }
            Ok(Applied::Updated { lcut, identical }) => {
                self.measure_propagation(source, source_api, lcut, before);
                if !identical || !is_from_service(previous) {
                    self.write_data_store(lcut);
                }
                (Loaded::Fresh, "")
            }
            Err(Error::Json { detail, .. }) => (self.malformed(&detail), "invalid_json"),
            Err(Error::Network { detail }) => {
                let (tag, name) = (
                    "request:download_config_specs",
                    TransportErrorKind::Body.name(),
                );
                self.ctx.reporter.error(tag, name, &detail, None);
                let text = format!("{source_api}: {name}: {detail}");
                self.log(LogLevel::Warning, &text);
                self.note_failure(text);
                (UNANSWERED, "download_failed")
            }
            Err(error) => {
                let text = format!("specs from {source_api} were not accepted: {error}");
                self.log(LogLevel::Debug, &text);
                self.note_failure(text);
                (REJECTED, "process_failed")
            }
        }
    }

    /// Puts a document in use, keeps a copy, and tells the host.
    pub(super) fn apply(&self, document: Document, source: Source) -> Result<Applied, Error> {
        let applied = {
            let _turn = self.updates.turn();
            let previous = self.ctx.store.load().source;
            let applied = self.ctx.store.apply(document, source)?;
            preload::tables(&self.ctx.store.load_full().specs, self.ctx.settings.threads);
            if let Applied::Updated { lcut, identical } = applied {
                let is_new = !identical || previous == Source::Bootstrap;
                if is_new && lcut != 0 && is_from_service(source) {
                    self.is_unsaved.store(true, Ordering::Release);
                }
                // A byte-identical document changes nothing that the host needs to hear about.
                if !identical {
                    self.add_update(lcut);
                }
            }
            applied
        };
        self.updates
            .tell(|(lcut, document)| self.call_rules_updated(lcut, &document));
        Ok(applied)
    }

    fn add_update(&self, lcut: i64) {
        if self.ctx.hooks.rules_updated.is_none() {
            return;
        }
        if let Some(document) = &self.ctx.store.load().specs.document {
            self.updates.add((lcut, document.clone()));
        }
    }

    /// No lock of ours is held: the host may evaluate, shut down, or take its time.
    fn call_rules_updated(&self, lcut: i64, document: &Document) {
        let Some(callback) = &self.ctx.hooks.rules_updated else {
            return;
        };
        let text = || match document.text() {
            Ok(text) => Some(text),
            Err(error) => {
                let (tag, text) = ("rules_updated_callback", error.to_string());
                self.ctx.reporter.error(tag, "DocumentError", &text, None);
                None
            }
        };
        let called = catch_unwind(AssertUnwindSafe(|| callback(lcut, &text)));
        if called.is_err() {
            let text = "the callback panicked";
            self.ctx
                .reporter
                .error("rules_updated_callback", "CallbackError", text, None);
        }
    }

    /// Loads the last good copy; only for when every source of initialize has failed.
    pub(super) fn load_disk_cache(&self) {
        let Some(cache) = &self.disk_cache else {
            return;
        };
        let path = cache.path();
        let saved = match cache.load() {
            Ok(Some(saved)) => saved,
            Ok(None) => return,
            Err(why) => {
                let text = format!("the last good copy {} {why}; it is ignored", path.display());
                self.log(LogLevel::Warning, &text);
                return;
            }
        };
        let age_s = (self.ctx.clock.now_ms() - saved.written_ms) / 1000;
        match self.apply(saved.document.into(), Source::DiskCache) {
            Ok(_) => {
                self.note(|notes| notes.specs_source = Some("DiskCache".to_owned()));
                let text = format!("no source answered; using the copy saved {age_s} s ago");
                self.log(LogLevel::Warning, &text);
            }
            Err(error) => {
                let path = path.display();
                let text = format!("the last good copy {path} is ignored: {error}");
                self.log(LogLevel::Warning, &text);
            }
        }
    }

    /// Runs the part of a load that is not the network, between its markers.
    fn process(
        &self,
        key: Key,
        work: impl FnOnce() -> Result<Applied, Error>,
    ) -> Result<Applied, Error> {
        let diagnostics = self.ctx.reporter.diagnostics();
        let marker = Marker {
            step: Some(Step::Process),
            ..Marker::default()
        };
        diagnostics.start(key, marker);
        let outcome = work();
        diagnostics.end(
            key,
            Marker {
                success: Some(outcome.is_ok()),
                ..marker
            },
        );
        outcome
    }

    fn malformed(&self, why: &str) -> Loaded {
        self.note_failure(format!("request:download_config_specs: {why}"));
        self.ctx
            .reporter
            .error("request:download_config_specs", "JsonError", why, None);
        REJECTED
    }

    fn report_request(&self, error: &TransportError, bounds: Bounds) {
        if self.is_stopping() {
            return;
        }
        let settings = &self.ctx.settings;
        let timeout = positive_seconds(settings.init_timeout)
            .filter(|_| bounds.is_init)
            .unwrap_or_else(|| settings.request_timeout());
        let timeout_ms = u64::try_from(timeout.as_millis()).unwrap_or(u64::MAX);
        let extra = json!({"timeoutMs": timeout_ms, "httpMethod": "GET"});
        let (tag, name) = ("request:download_config_specs", error.kind.name());
        self.ctx
            .reporter
            .error(tag, name, &error.detail, Some(extra));
    }

    pub(super) fn status_failure(&self, response: &Response) -> Failure {
        let is_overload = response.status == 429 || response.status >= 500;
        let asked = response.header("retry-after").filter(|_| is_overload);
        Failure {
            is_overload,
            retry_after: asked.and_then(|v| parse_retry_after(v, self.ctx.clock.now_ms())),
        }
    }

    /// A store that cannot be written is told once and does not make the load a failure.
    fn write_data_store(&self, lcut: i64) {
        let (Some(store), true) = (&self.data_store, lcut != 0) else {
            return;
        };
        let Some(document) = self.ctx.store.load_full().specs.document.clone() else {
            return;
        };
        let written = document.text().map_err(|error| error.to_string());
        let written = written.and_then(|text| {
            let set = store.set(store.specs_key(), text.as_bytes(), lcut);
            set.map_err(|error| error.to_string())
        });
        if let Err(text) = written {
            self.ctx
                .reporter
                .error("data_store.set", "DataStoreError", &text, None);
        }
    }

    fn count_no_update(&self, source: Source, base: &str) {
        if self.is_background.load(Ordering::Relaxed) {
            let tags = [("source", source.as_str()), ("source_api", base)];
            self.ctx.reporter.increment("config_no_update", 1.0, &tags);
        }
    }

    pub(super) fn measure_propagation(&self, source: Source, base: &str, lcut: i64, before: i64) {
        let is_background = self.is_background.load(Ordering::Relaxed);
        if !is_background || lcut <= before {
            return;
        }
        let delay = (self.ctx.clock.now_ms() - lcut).abs();
        let (lcut, before) = (lcut.to_string(), before.to_string());
        let tags = [
            ("source", source.as_str()),
            ("source_api", base),
            ("lcut", lcut.as_str()),
            ("prev_lcut", before.as_str()),
        ];
        self.ctx
            .reporter
            .distribution("config_propagation_diff", millis(delay), &tags);
    }
}
