//! What is known of the stream, for stats and for the thread that polls in its place.

use serde_json::Value;

use crate::json_writer::object;

/// Where the stream is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum State {
    /// Not started, or stopped.
    #[default]
    Idle,
    /// Connecting, or open without a message so far.
    Opening,
    /// Messages came on the stream that is open.
    Streaming,
    /// Waiting for the next retry.
    Waiting,
    /// Waiting, with all retries used up.
    Exhausted,
}

impl State {
    fn as_str(self) -> &'static str {
        match self {
            State::Idle => "idle",
            State::Opening => "opening",
            State::Streaming => "streaming",
            State::Waiting => "waiting",
            State::Exhausted => "exhausted",
        }
    }
}

/// Counters and times of one process.
#[derive(Debug, Clone, Default)]
pub(super) struct Status {
    pub(super) state: State,
    pub(super) opened: u64,
    pub(super) messages: u64,
    pub(super) heartbeats: u64,
    pub(super) rejected: u64,
    pub(super) failures: u64,
    pub(super) reconnects: u64,
    pub(super) retries_used: u32,
    /// Monotonic time.
    pub(super) last_message_ms: Option<i64>,
    /// Monotonic time since when the service is polled in place of the stream.
    pub(super) polling_since_ms: Option<i64>,
    pub(super) last_error: Option<String>,
    /// What the proxy calls itself.
    pub(super) proxy_host: Option<String>,
}

impl Status {
    /// The proxy's own name, as reports and metrics want it.
    pub(super) fn proxy_host(&self) -> &str {
        self.proxy_host.as_deref().unwrap_or("not set")
    }

    pub(super) fn to_json(&self, address: &str, is_alive: bool, now_ms: i64) -> Value {
        object!({
            "address": address,
            "thread_alive": is_alive,
            "state": self.state.as_str(),
            "opened": self.opened,
            "messages": self.messages,
            "heartbeats": self.heartbeats,
            "rejected": self.rejected,
            "failures": self.failures,
            "reconnects": self.reconnects,
            "retries_used": self.retries_used,
            "last_message_age_ms": self.last_message_ms.map(|at| now_ms - at),
            "fallback_polling": self.polling_since_ms.is_some(),
            "last_error": self.last_error,
            "proxy_host": self.proxy_host,
        })
    }
}
