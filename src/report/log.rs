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

struct Holder(Arc<dyn LogSink>);

static SINK: ArcSwapOption<Holder> = ArcSwapOption::const_empty();

/// Sets the sink of the process; `None` removes it.
pub fn set_sink(sink: Option<Arc<dyn LogSink>>) {
    SINK.store(sink.map(|sink| Arc::new(Holder(sink))));
}

/// Whether a line of `level` would go anywhere. `explicit` is the level the client's options name.
pub(super) fn is_wanted(level: LogLevel, explicit: Option<LogLevel>) -> bool {
    let by_sink = match &*SINK.load() {
        Some(sink) => {
            level <= catch_unwind(AssertUnwindSafe(|| sink.0.level())).unwrap_or(LogLevel::None)
        }
        None => explicit.is_some(),
    };
    by_sink && level != LogLevel::None && explicit.is_none_or(|explicit| level <= explicit)
}

/// Hands one line to the sink, or to standard error.
pub(super) fn write(level: LogLevel, tag: &str, message: &str) {
    if let Some(sink) = SINK.load_full() {
        let _ = catch_unwind(AssertUnwindSafe(|| sink.0.log(level, tag, message)));
        return;
    }
    let name = match level {
        LogLevel::None => return,
        LogLevel::Error => "error",
        LogLevel::Warning => "warning",
        LogLevel::Info => "info",
        LogLevel::Debug => "debug",
    };
    let line = format!("tidegate {name} [{tag}] {message}\n");
    write_to_stderr(line.as_bytes());
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
    if is_wanted(level, None) {
        write(level, tag, &redact(message));
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
}
