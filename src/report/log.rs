//! The output log: one sink for the process, a level and a rate limit for each client.
//!
//! The library speaks to nobody unasked: without a sink, lines go to standard error only for a
//! client whose options name a level.

use std::collections::HashMap;
use std::fs::File;
use std::io::Write;
use std::os::fd::AsFd;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use arc_swap::ArcSwapOption;

use super::redact::redact;
use crate::options::LogLevel;

/// Receives log lines of all clients. Foreign code: may be slow, and its panics are contained.
pub trait LogSink: Send + Sync {
    /// One line. Secret keys are already masked.
    fn log(&self, level: LogLevel, tag: &str, message: &str);
    /// The most detailed level that is wanted.
    fn level(&self) -> LogLevel;
}

pub(super) struct Holder(Arc<dyn LogSink>);

static SINK: ArcSwapOption<Holder> = ArcSwapOption::const_empty();

/// Sets the sink of the process; `None` removes it.
pub fn set_sink(sink: Option<Arc<dyn LogSink>>) {
    SINK.store(sink.map(|sink| Arc::new(Holder(sink))));
}

/// Where a line goes. Asked once for each line: a sink that is removed in between gets it still,
/// and what was meant for it never turns up on standard error.
pub(super) enum Target {
    Sink(Arc<Holder>),
    Stderr,
}

/// Where a line of `level` goes, if anywhere. `explicit` is the level the client's options name.
pub(super) fn target(level: LogLevel, explicit: Option<LogLevel>) -> Option<Target> {
    if level == LogLevel::None || explicit.is_some_and(|explicit| level > explicit) {
        return None;
    }
    let Some(sink) = SINK.load_full() else {
        return explicit.map(|_| Target::Stderr);
    };
    let wanted = catch_unwind(AssertUnwindSafe(|| sink.0.level())).unwrap_or(LogLevel::None);
    (level <= wanted).then_some(Target::Sink(sink))
}

impl Target {
    pub(super) fn write(&self, level: LogLevel, tag: &str, message: &str) {
        match self {
            Target::Sink(sink) => {
                let _ = catch_unwind(AssertUnwindSafe(|| sink.0.log(level, tag, message)));
            }
            Target::Stderr => {
                let name = match level {
                    LogLevel::None => return,
                    LogLevel::Error => "error",
                    LogLevel::Warning => "warning",
                    LogLevel::Info => "info",
                    LogLevel::Debug => "debug",
                };
                write_to_stderr(format!("tidegate {name} [{tag}] {message}\n").as_bytes());
            }
        }
    }
}

/// Without the standard library's lock, which a fork may leave held in the child.
fn write_to_stderr(line: &[u8]) {
    // Nobody is left to tell when standard error is closed or cannot be written to.
    if let Ok(descriptor) = std::io::stderr().as_fd().try_clone_to_owned() {
        let _ = File::from(descriptor).write_all(line);
    }
}

/// Hands a line that belongs to no client to the sink, if there is one that wants it.
pub(crate) fn announce(level: LogLevel, tag: &str, message: &str) {
    if let Some(target) = target(level, None) {
        target.write(level, tag, &redact(message));
    }
}

/// Lines with one tag and level in one window; the rest are counted and mentioned later.
const WINDOW_MS: i64 = 60_000;
const LINES_PER_WINDOW: u32 = 20;

/// Keeps something that fails in a loop from flooding the log.
#[derive(Debug, Default)]
pub(super) struct RateLimit {
    windows: HashMap<(&'static str, u8), Window>,
}

#[derive(Debug, Default)]
struct Window {
    start_ms: i64,
    lines: u32,
    suppressed: u32,
}

impl RateLimit {
    /// `None` when the line is to be left out; otherwise how many were left out before it.
    /// Debug lines are never limited: who asks for them wants all.
    pub(super) fn admit(&mut self, level: LogLevel, tag: &'static str, now_ms: i64) -> Option<u32> {
        if level >= LogLevel::Debug {
            return Some(0);
        }
        let window = self.windows.entry((tag, level as u8)).or_insert(Window {
            start_ms: now_ms,
            ..Window::default()
        });
        if now_ms - window.start_ms >= WINDOW_MS {
            window.start_ms = now_ms;
            window.lines = 0;
        }
        if window.lines >= LINES_PER_WINDOW {
            window.suppressed += 1;
            return None;
        }
        window.lines += 1;
        Some(std::mem::take(&mut window.suppressed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_is_cut_and_counted() {
        let mut limit = RateLimit::default();
        let admitted = (0..100)
            .filter(|_| limit.admit(LogLevel::Warning, "net", 5).is_some())
            .count();
        assert_eq!(admitted, LINES_PER_WINDOW as usize);
        assert_eq!(limit.admit(LogLevel::Warning, "sync", 5), Some(0));
        assert_eq!(limit.admit(LogLevel::Debug, "net", 5), Some(0));
        assert_eq!(
            limit.admit(LogLevel::Warning, "net", 5 + WINDOW_MS),
            Some(80)
        );
        assert_eq!(
            limit.admit(LogLevel::Warning, "net", 6 + WINDOW_MS),
            Some(0)
        );
    }

    /// The sink goes between the question whether it wants a line and the line.
    #[test]
    fn a_line_goes_where_it_was_meant_to() {
        #[derive(Default)]
        struct Leaving(parking_lot::Mutex<Vec<String>>);
        impl LogSink for Leaving {
            fn log(&self, _: LogLevel, _: &str, message: &str) {
                self.0.lock().push(message.to_owned());
            }
            fn level(&self) -> LogLevel {
                set_sink(None);
                LogLevel::Debug
            }
        }
        let sink = Arc::new(Leaving::default());
        set_sink(Some(Arc::clone(&sink) as Arc<dyn LogSink>));
        announce(LogLevel::Warning, "net", "the last line");
        assert_eq!(*sink.0.lock(), ["the last line"]);
        assert!(target(LogLevel::Warning, None).is_none());
        assert!(target(LogLevel::Warning, Some(LogLevel::Error)).is_none());
        let explicit = target(LogLevel::Warning, Some(LogLevel::Warning));
        assert!(matches!(explicit, Some(Target::Stderr)));
    }
}
