//! What the host hands in that JSON cannot carry: callbacks and stores.
//!
//! Every implementation may be slow, fail or call back into the library; callers treat them as
//! foreign code: no lock of ours is held while one runs, and an error is reported, never passed on.

use std::sync::Arc;

use crate::error::Error;

/// A key-value store that the host provides. Called on the sync thread (or inside `tick`).
pub trait DataStore: Send + Sync {
    /// The value of `key`, or `None`.
    ///
    /// # Errors
    /// When the store could not answer.
    fn get(&self, key: &str) -> Result<Option<Vec<u8>>, Error>;

    /// Stores `value`; `time_ms` is the time of the specs in it, or 0.
    ///
    /// # Errors
    /// When the store could not be written.
    fn set(&self, key: &str, value: &[u8], time_ms: i64) -> Result<(), Error>;

    /// Whether the store is to be polled for updates of `path` instead of the network.
    fn supports_polling(&self, path: &str) -> bool;

    /// Called once, after the last use.
    fn shutdown(&self);

    /// In a forked child, before its first use there. May run where nothing can be allocated.
    fn after_fork_child(&self) {}
}

/// Receives the library's own metrics; names carry the prefix `statsig.sdk.`.
pub trait Metrics: Send + Sync {
    /// Adds to a counter.
    fn increment(&self, name: &str, value: f64, tags_json: &str);
    /// Sets a gauge.
    fn gauge(&self, name: &str, value: f64, tags_json: &str);
    /// Records one value of a distribution.
    fn distribution(&self, name: &str, value: f64, tags_json: &str);
    /// Whether tags with many values (`lcut`, `prev_lcut`) are wanted.
    fn wants_high_cardinality(&self) -> bool {
        false
    }
}

/// The outcome of one attempt to deliver a batch.
#[derive(Debug, Clone)]
pub struct Delivery {
    /// The server accepted the batch.
    pub success: bool,
    /// Events in the batch.
    pub events: u64,
    /// HTTP status, if there was an answer.
    pub status: Option<u16>,
    /// What went wrong.
    pub error: Option<String>,
    /// The body of the request as JSON, with the option `events_in_flush_callback`.
    pub body: Option<String>,
}

/// Gets the result as JSON, on the caller's thread, after each evaluation.
pub type EvaluationCallback = Arc<dyn Fn(&str) + Send + Sync>;
/// Gets the time of the specs, and a way to their JSON, after each update.
pub type RulesCallback = Arc<dyn Fn(i64, SpecsText<'_>) + Send + Sync>;
/// Gives the JSON of specs, which may have to be unpacked for it.
pub type SpecsText<'a> = &'a dyn Fn() -> Option<Arc<String>>;
/// Gets the outcome of each delivery attempt.
pub type FlushCallback = Arc<dyn Fn(&Delivery) + Send + Sync>;
/// Gets each error the library reports: where it happened, its kind, and what is known of it.
pub type ErrorCallback = Arc<dyn Fn(&str, &str, &str) + Send + Sync>;

/// All hooks of one client.
#[derive(Clone, Default)]
pub struct Hooks {
    /// See [`DataStore`].
    pub data_store: Option<Arc<dyn DataStore>>,
    /// See [`Metrics`].
    pub metrics: Option<Arc<dyn Metrics>>,
    /// See [`EvaluationCallback`].
    pub evaluation: Option<EvaluationCallback>,
    /// See [`RulesCallback`].
    pub rules_updated: Option<RulesCallback>,
    /// See [`FlushCallback`].
    pub flushed: Option<FlushCallback>,
    /// See [`ErrorCallback`].
    pub error: Option<ErrorCallback>,
    /// `error` was put there by the client for its own sake, not by the host.
    pub error_is_internal: bool,
}
