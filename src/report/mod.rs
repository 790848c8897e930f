//! What a client says about itself: log lines, error reports, metrics, diagnostics.
//!
//! Nothing here blocks, does I/O on behalf of a caller (the log sink is the host's), or fails; all
//! text is stripped of secret keys before it leaves. Error reports are queued; whoever owns the
//! network takes them with [`Reporter::take_reports`] and posts them.

mod boundary;
mod describe;
mod diagnostics;
pub mod log;
mod metrics;
mod options_copy;
mod redact;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, OnceLock};

use crate::lock::Mutex;
use serde_json::{Map, Value};

pub use boundary::{ErrorReport, Repeat};
pub use describe::describe_options;
pub use diagnostics::{
    ApiMarker, Diagnostics, DiagnosticsContext, DiagnosticsEvent, Key, Marker, MarkerError, Step,
};
pub use log::LogSink;
pub use options_copy::options_copy;
pub use redact::redact;

use crate::clock::Clock;
use crate::fork_cell::ForkCell;
use crate::host::Hooks;
use crate::options::{LogLevel, Settings};
use metrics::Shape;

/// Speaks for one client.
pub struct Reporter {
    hooks: Hooks,
    clock: Arc<dyn Clock>,
    explicit_level: Option<LogLevel>,
    /// Errors are remembered and logged, nothing more.
    is_silent: bool,
    /// Error reports go to the service.
    sends_reports: bool,
    options_copy: Map<String, Value>,
    diagnostics: Diagnostics,
    state: ForkCell<State>,
    waker: OnceLock<Waker>,
}

type Waker = Box<dyn Fn() + Send + Sync>;

/// Each lock is held for one look-up or push, and never while another one is.
#[derive(Default)]
struct State {
    rate_limit: Mutex<log::RateLimit>,
    boundary: Mutex<boundary::Boundary>,
    last_error: Mutex<Option<String>>,
}

impl Reporter {
    /// A reporter for one client.
    #[must_use]
    pub fn new(settings: &Settings, hooks: &Hooks, clock: Arc<dyn Clock>) -> Reporter {
        let explicit_level = (settings.output_logger_level.is_some() || settings.enable_debug_logs)
            .then(|| settings.log_level());
        Reporter {
            hooks: hooks.clone(),
            explicit_level,
            is_silent: settings.disable_all_logging,
            sends_reports: !settings.disable_all_logging
                && !settings.local_mode
                && !settings.disable_error_reporting,
            options_copy: options_copy(settings, hooks),
            diagnostics: Diagnostics::new(settings, Arc::clone(&clock)),
            clock,
            state: ForkCell::new(State::default),
            waker: OnceLock::new(),
        }
    }

    /// Writes a log line, unless nobody wants it or the tag has said too much lately.
    pub fn log(&self, level: LogLevel, tag: &'static str, message: &str) {
        let Some(target) = log::target(level, self.explicit_level) else {
            return;
        };
        let now_ms = self.clock.monotonic_ms();
        let admitted = self.state.get().rate_limit.lock().admit(level, tag, now_ms);
        let Some(suppressed) = admitted else { return };
        let mut message = redact(message);
        if suppressed != 0 {
            message = format!("{message} ({suppressed} lines left out before)").into();
        }
        target.write(level, tag, &message);
    }

    /// Records an error of the library: log, last error, error callback, metric and a report to
    /// the service, the last three once per exception and tag. Never blocks.
    pub fn error(&self, tag: &str, exception: &str, info: &str, extra: Option<Value>) {
        self.error_repeated(tag, exception, info, extra, Repeat::Once);
    }

    /// Like [`Reporter::error`], for errors that are reported each time.
    pub fn error_repeated(
        &self,
        tag: &str,
        exception: &str,
        info: &str,
        extra: Option<Value>,
        repeat: Repeat,
    ) {
        let info = redact(info);
        let text = format!("{exception}: {info}");
        self.log(LogLevel::Warning, "error", &format!("{tag}: {text}"));
        let state = self.state.get();
        *state.last_error.lock() = Some(format!("{tag}: {text}"));
        if self.is_silent || !state.boundary.lock().is_news(tag, exception, repeat) {
            return;
        }
        if let Some(callback) = &self.hooks.error {
            let _ = catch_unwind(AssertUnwindSafe(|| callback(tag, exception, &info)));
        }
        self.increment("sdk_exceptions_count", 1.0, &[]);
        if !self.sends_reports {
            return;
        }
        state.boundary.lock().enqueue(ErrorReport {
            exception: exception.to_owned(),
            tag: tag.to_owned(),
            info: info.into_owned(),
            extra,
        });
        if let Some(wake) = self.waker.get() {
            wake();
        }
    }

    /// The error recorded last, as `tag: exception: info`.
    #[must_use]
    pub fn last_error(&self) -> Option<String> {
        self.state.get().last_error.lock().clone()
    }

    /// Adds to a counter of the host's collector.
    pub fn increment(&self, name: &str, value: f64, tags: &[(&str, &str)]) {
        self.metric(Shape::Increment, name, value, tags);
    }

    /// Sets a gauge of the host's collector.
    pub fn gauge(&self, name: &str, value: f64, tags: &[(&str, &str)]) {
        self.metric(Shape::Gauge, name, value, tags);
    }

    /// Records a value of a distribution of the host's collector.
    pub fn distribution(&self, name: &str, value: f64, tags: &[(&str, &str)]) {
        self.metric(Shape::Distribution, name, value, tags);
    }

    fn metric(&self, shape: Shape, name: &str, value: f64, tags: &[(&str, &str)]) {
        if let Some(collector) = &self.hooks.metrics {
            metrics::emit(collector, shape, name, value, tags);
        }
    }

    /// Markers of what the client did and how long it took.
    #[must_use]
    pub fn diagnostics(&self) -> &Diagnostics {
        &self.diagnostics
    }

    /// The options as telemetry shows them.
    #[must_use]
    pub fn options_copy(&self) -> &Map<String, Value> {
        &self.options_copy
    }

    /// Called, on any thread, when an error report starts to wait. Only the first call counts.
    pub fn set_waker(&self, waker: impl Fn() + Send + Sync + 'static) {
        let _ = self.waker.set(Box::new(waker));
    }

    /// Takes the reports that wait to be posted.
    #[must_use]
    pub fn take_reports(&self) -> Vec<ErrorReport> {
        self.state.get().boundary.lock().take()
    }

    /// Whether [`Reporter::take_reports`] would give something.
    #[must_use]
    pub fn has_reports(&self) -> bool {
        self.state.get().boundary.lock().has_waiting()
    }

    /// In a forked child: forgets what the parent is about to report.
    pub fn after_fork_child(&self) {
        self.state.renew();
        self.diagnostics.after_fork_child();
    }
}

#[cfg(test)]
mod tests;
