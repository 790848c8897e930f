//! When to open the stream again, and when to poll in its place: a machine without clock or I/O.
//!
//! A stream that fails is opened again after delays that grow from the base by the multiplier up to
//! a limit. After `threshold` retries in vain the service itself is polled until a message proves
//! the stream to be back; the first *message* does, a connection alone does not. When the retries
//! are used up, polling is certain to run and the stream is tried once per longest delay, for ever.

use std::time::Duration;

use crate::options::ProxyConfig;

/// How often and how long, from one entry of `proxy_configs`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Policy {
    pub(super) base: Duration,
    pub(super) multiplier: f64,
    pub(super) longest: Duration,
    pub(super) max_retries: u32,
    pub(super) threshold: u32,
}

/// Delays of nothing would turn a proxy that is down into a busy loop.
const SHORTEST_DELAY: Duration = Duration::from_millis(50);
/// A proxy that ends the stream in good order is restarting: its successor is up in a moment.
const RESTART_DELAY: Duration = Duration::from_secs(1);

impl Policy {
    /// An explicit 0 is meant; only what is absent has a default.
    pub(super) fn new(proxy: &ProxyConfig) -> Policy {
        Policy {
            base: Duration::from_millis(proxy.retry_backoff_base_ms.unwrap_or(10_000)),
            multiplier: proxy.retry_backoff_multiplier.unwrap_or(5.0),
            longest: Duration::from_millis(proxy.retry_backoff_max_ms.unwrap_or(600_000)),
            max_retries: proxy.max_retry_attempt.unwrap_or(10),
            threshold: proxy.push_worker_failover_threshold.unwrap_or(4),
        }
    }

    fn delay(&self, growths: u32) -> Duration {
        let growths = i32::try_from(growths).unwrap_or(i32::MAX);
        let seconds = self.base.as_secs_f64() * self.multiplier.powi(growths);
        // Also catches what is infinite or no number.
        if seconds < self.longest.as_secs_f64() {
            Duration::from_secs_f64(seconds.max(0.0))
        } else {
            self.longest
        }
    }
}

/// How a stream came to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// Not opened, broken, or ended with a status that says failure.
    Failed,
    /// Ended by the proxy with a status that says all is well.
    Closed,
}

/// What to do after an end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Retry {
    /// Wait this long before opening the stream again.
    pub(super) delay: Duration,
    /// Retries made before this end.
    pub(super) used: u32,
    /// Start polling in place of the stream.
    pub(super) starts_polling: bool,
    /// This end used up the last retry.
    pub(super) is_exhausted: bool,
}

/// What the first message after a failure means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Reconnected {
    /// Retries it took.
    pub(super) used: u32,
    /// Stop polling in place of the stream.
    pub(super) stops_polling: bool,
}

/// The state between ends and messages.
#[derive(Debug)]
pub(super) struct Failover {
    policy: Policy,
    /// Retries since the last message.
    used: u32,
    /// Delays taken from the growing sequence since the last message.
    growths: u32,
    is_retrying: bool,
    is_exhausted: bool,
    is_polling: bool,
}

impl Failover {
    pub(super) fn new(policy: Policy) -> Failover {
        Failover {
            policy,
            used: 0,
            growths: 0,
            is_retrying: false,
            is_exhausted: false,
            is_polling: false,
        }
    }

    pub(super) fn ended(&mut self, end: End) -> Retry {
        let policy = &self.policy;
        let used = self.used;
        let has_retry = used < policy.max_retries;
        // The threshold comes first: one that is not below the number of retries counts too.
        let starts_polling = !self.is_polling && (used >= policy.threshold || !has_retry);
        self.is_polling |= starts_polling;
        self.is_retrying = true;
        let delay = if !has_retry {
            policy.longest
        } else if end == End::Closed && used == 0 {
            policy.base.min(RESTART_DELAY)
        } else {
            self.growths += 1;
            policy.delay(self.growths - 1)
        };
        let is_exhausted = !has_retry && !self.is_exhausted;
        if has_retry {
            self.used += 1;
        } else {
            self.is_exhausted = true;
        }
        Retry {
            delay: delay.max(SHORTEST_DELAY),
            used,
            starts_polling,
            is_exhausted,
        }
    }

    /// Call for each message; all but the first after an end change nothing.
    pub(super) fn received(&mut self) -> Option<Reconnected> {
        if !self.is_retrying {
            return None;
        }
        let reconnected = Reconnected {
            used: self.used,
            stops_polling: self.is_polling,
        };
        *self = Failover::new(self.policy);
        Some(reconnected)
    }
}

/// Three heartbeats of a forward proxy.
const SILENCE_LIMIT: Duration = Duration::from_secs(90);

/// When a stream that says nothing is taken for dead.
///
/// Proxies that send heartbeats send one per thirty seconds, so three missed ones are suspicious.
/// A proxy that has never sent one on this stream may be silent for as long as it likes.
#[derive(Debug, Default)]
pub(super) struct Liveness {
    has_message: bool,
    has_heartbeat: bool,
}

impl Liveness {
    /// `is_news`: the message brought specs. The first message of a stream is an answer to its
    /// opening and tells nothing about heartbeats.
    pub(super) fn received(&mut self, is_news: bool) {
        self.has_heartbeat |= self.has_message && !is_news;
        self.has_message = true;
    }

    /// How long the stream may be silent from here on; `None` for ever.
    pub(super) fn patience(&self) -> Option<Duration> {
        self.has_heartbeat.then_some(SILENCE_LIMIT)
    }
}

#[cfg(test)]
mod tests;
