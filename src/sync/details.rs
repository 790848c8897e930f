//! How initialize went.

use serde::Serialize;

/// The outcome of initialize. Times are milliseconds.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "independent answers, each a member of the JSON"
)]
pub struct InitDetails {
    /// From the call of initialize to its end.
    pub duration_ms: i64,
    /// Where the specs in use came from.
    pub source: &'static str,
    /// Initialize ran to its end in time. A network that fails does not make it false.
    pub init_success: bool,
    /// There are specs.
    pub store_populated: bool,
    /// Time of the specs.
    pub specs_time: i64,
    /// Id lists in memory.
    pub id_list_count: usize,
    /// What went wrong last, even if something else helped out after it.
    pub error: Option<String>,
    /// The base URL, or the word for the store, that was asked for specs last.
    pub init_source_api: Option<String>,
    /// The base URL that was asked for the id lists last.
    pub init_source_api_id_lists: Option<String>,
    /// The service was asked directly for specs, as a fallback.
    pub fallback_spec_used: bool,
    /// The service was asked directly for id lists, as a fallback.
    pub fallback_id_lists_used: bool,
    /// `overall_init_timeout` ran out; the work went on in the background.
    pub timed_out: bool,
}

impl InitDetails {
    /// As JSON, members in snake case.
    #[must_use]
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).unwrap_or_else(|_| "{}".to_owned())
    }
}
