//! The rounds: initialize once, then specs again and again.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::details::InitDetails;
use super::engine::Engine;
use super::fetch::{Bounds, millis};
use super::pace::RoundEnd;
use super::source::Loaded;
use crate::options::{DataSource, LogLevel, positive_seconds};
use crate::report::{Key, Marker};
use crate::store::Source;

/// The service itself is asked in rounds where the count of failures is a multiple of this.
const FALLBACK_EVERY: u64 = 5;

impl Engine {
    /// Loads specs and id lists for the first time. The network may fail; that is in the notes.
    pub(super) fn initialize(self: &Arc<Self>, until_ms: Option<i64>) {
        let bounds = Bounds {
            is_init: true,
            until_ms,
        };
        let diagnostics = self.ctx.reporter.diagnostics();
        diagnostics.start(Key::Overall, Marker::default());
        for source in self.initialize_sources() {
            self.load(source, bounds);
            if self.has_specs() || self.is_stopping() {
                break;
            }
        }
        if !self.has_specs() {
            self.load_disk_cache();
        }
        self.ctx.store.finish_initialize();
        self.sync_id_lists(bounds);
    }

    fn has_specs(&self) -> bool {
        let snapshot = self.ctx.store.load();
        snapshot.specs.lcut != 0 || snapshot.source == Source::Bootstrap
    }

    /// Ends initialize: details, markers, metrics, log.
    pub(super) fn conclude(&self, duration_ms: i64, outcome: Outcome) -> InitDetails {
        let snapshot = self.ctx.store.load_full();
        let notes = self.notes();
        let details = InitDetails {
            duration_ms,
            source: snapshot.source.as_str(),
            init_success: outcome == Outcome::Complete,
            store_populated: snapshot.specs.lcut > 0,
            specs_time: snapshot.specs.lcut,
            id_list_count: snapshot.id_lists.len(),
            error: notes.error.or_else(|| self.ctx.reporter.last_error()),
            init_source_api: notes.specs_source,
            init_source_api_id_lists: notes.id_lists_source,
            fallback_spec_used: notes.is_specs_fallback_used,
            fallback_id_lists_used: notes.is_id_lists_fallback_used,
            timed_out: outcome == Outcome::TimedOut,
        };
        let reporter = &self.ctx.reporter;
        let diagnostics = reporter.diagnostics();
        diagnostics.end(
            Key::Overall,
            Marker {
                success: Some(details.init_success),
                ..Marker::default()
            },
        );
        diagnostics.emit_initialize(&snapshot.specs.diagnostics, reporter.options_copy());
        diagnostics.enter_background();
        self.is_background.store(true, Ordering::Release);
        if !self.ctx.is_local() {
            self.measure_initialize(&details);
        }
        if details.store_populated {
            let from = details.init_source_api.as_deref().unwrap_or_default();
            let text = format!("initialized from {} ({from})", details.source);
            self.log(LogLevel::Info, &text);
        } else {
            let why = details.error.as_deref().unwrap_or("no source has any");
            let text = format!("initialized without specs, everything has its default: {why}");
            let level = if self.is_stopping() {
                LogLevel::Debug
            } else {
                LogLevel::Error
            };
            self.log(level, &text);
        }
        self.log_network_problems();
        details
    }

    fn measure_initialize(&self, details: &InitDetails) {
        let text = |value: bool| if value { "true" } else { "false" };
        let lists = details.id_list_count.to_string();
        let tags = [
            ("source", details.source),
            ("store_populated", text(details.store_populated)),
            ("init_success", text(details.init_success)),
            ("id_list_count", lists.as_str()),
            (
                "init_source_api",
                details.init_source_api.as_deref().unwrap_or_default(),
            ),
            (
                "init_source_api_id_lists",
                details
                    .init_source_api_id_lists
                    .as_deref()
                    .unwrap_or_default(),
            ),
            ("sdk_key", self.metric_key()),
            ("sdk_type", self.ctx.sdk_type()),
            ("sdk_version", self.ctx.sdk_version()),
        ];
        let reporter = &self.ctx.reporter;
        reporter.distribution("initialization", millis(details.duration_ms), &tags);
    }

    /// Asks the sources for newer specs, until one answers.
    pub(super) fn sync_specs(&self, until_ms: Option<i64>) -> SpecsRound {
        self.ask_in_turn(self.sync_sources(), Fallback::Rationed, until_ms)
    }

    /// Asks in place of a stream that is away: whatever the options name besides the network,
    /// otherwise the service itself.
    pub(super) fn sync_in_place_of_stream(&self, until_ms: Option<i64>) -> SpecsRound {
        let Some(mut sources) = self.ctx.settings.config_sync_sources.clone() else {
            let service = vec![DataSource::StatsigNetwork];
            return self.ask_in_turn(service, Fallback::Always, until_ms);
        };
        sources.retain(|source| *source != DataSource::Network);
        self.ask_in_turn(sources, Fallback::Rationed, until_ms)
    }

    fn ask_in_turn(
        &self,
        sources: Vec<DataSource>,
        fallback: Fallback,
        until_ms: Option<i64>,
    ) -> SpecsRound {
        let bounds = Bounds {
            is_init: false,
            until_ms,
        };
        let mut round = SpecsRound::default();
        for source in sources {
            if self.is_stopping() {
                break;
            }
            let before = self.failures();
            let is_fallback =
                source == DataSource::StatsigNetwork && fallback == Fallback::Rationed;
            if is_fallback && before > 0 && !before.is_multiple_of(FALLBACK_EVERY) {
                continue;
            }
            let loaded = self.load(source, bounds);
            match loaded {
                Loaded::Fresh => round.is_fresh = true,
                Loaded::Absent => {}
                Loaded::Failed(failure) => {
                    round.end.is_overload |= failure.is_overload;
                    round.end.retry_after = round.end.retry_after.max(failure.retry_after);
                }
            }
            if self.failures() == before && !self.is_out_of_sync() {
                break;
            }
        }
        if round.is_fresh {
            round.end.is_overload = false;
        }
        self.note_round(round.is_fresh);
        round
    }

    /// Whether the rules are older than `out_of_sync_threshold_in_s`. That is the time of their
    /// last change, so a project that is left alone is out of sync for good.
    fn is_out_of_sync(&self) -> bool {
        positive_seconds(self.ctx.settings.out_of_sync_threshold_in_s).is_some_and(|threshold| {
            let age_ms = self.ctx.clock.now_ms() - self.ctx.store.lcut();
            u128::try_from(age_ms).is_ok_and(|age_ms| age_ms > threshold.as_millis())
        })
    }

    /// Remembers how rounds go and warns when they have failed for long.
    pub(super) fn note_round(&self, is_fresh: bool) {
        if self.is_stopping() {
            return;
        }
        let now_ms = self.ctx.clock.monotonic_ms();
        let mut warning = None;
        self.note(|notes| {
            if is_fresh {
                notes.succeeded(now_ms);
            } else if let Some(failing_ms) = notes.failed(now_ms) {
                warning = Some((failing_ms / 1000, notes.error.clone().unwrap_or_default()));
            }
        });
        if let Some((seconds, why)) = warning {
            let text = format!("specs could not be updated for {seconds} s: {why}");
            self.log(LogLevel::Warning, &text);
        }
    }
}

/// How often a round asks the service itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fallback {
    /// Only in rounds where the count of failures allows it.
    Rationed,
    Always,
}

/// How a round for specs went.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct SpecsRound {
    pub(super) is_fresh: bool,
    pub(super) end: RoundEnd,
}

/// How initialize ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    Complete,
    /// `overall_init_timeout` ran out before.
    TimedOut,
    /// A defect of ours was caught.
    Broken,
}
