//! The error boundary: what is reported to the service, once per kind.
//!
//! Reports wait here until the events thread hands them to a sender; recording one only locks for
//! a push, so it is fit for any thread.

use std::collections::{HashSet, VecDeque};

use serde_json::{Map, Value};

use crate::json_writer::object;

/// Kinds remembered; at the cap the memory starts over, so a kind may be reported again.
const SEEN_CAP: usize = 1_000;
/// Reports that wait to be sent; further ones are left out.
const WAITING_CAP: usize = 32;

/// One error as the service wants to hear of it.
#[derive(Debug, Clone, PartialEq)]
pub struct ErrorReport {
    /// The kind of error.
    pub exception: String,
    /// Where it happened.
    pub tag: String,
    /// What happened.
    pub info: String,
    /// Numbers around it.
    pub extra: Option<Value>,
}

impl ErrorReport {
    /// The body of the request.
    #[must_use]
    pub fn body(&self, statsig_metadata: &Value, options: &Map<String, Value>) -> String {
        object!({
            "exception": self.exception,
            "info": self.info,
            "statsigMetadata": statsig_metadata,
            "tag": self.tag,
            "extra": self.extra,
            "statsigOptions": options,
        })
        .to_string()
    }
}

/// Whether an error of a kind that was reported before is reported again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Repeat {
    /// One report per exception and tag.
    Once,
    /// A report each time.
    Always,
}

#[derive(Debug, Default)]
pub(super) struct Boundary {
    seen: HashSet<(String, String)>,
    waiting: VecDeque<ErrorReport>,
}

impl Boundary {
    /// Whether this error is to be told to the host and the service.
    pub(super) fn is_news(&mut self, tag: &str, exception: &str, repeat: Repeat) -> bool {
        if repeat == Repeat::Always {
            return true;
        }
        if self.seen.len() >= SEEN_CAP {
            self.seen.clear();
        }
        self.seen.insert((exception.to_owned(), tag.to_owned()))
    }

    pub(super) fn enqueue(&mut self, report: ErrorReport) {
        if self.waiting.len() < WAITING_CAP {
            self.waiting.push_back(report);
        }
    }

    pub(super) fn take(&mut self) -> Vec<ErrorReport> {
        self.waiting.drain(..).collect()
    }

    pub(super) fn has_waiting(&self) -> bool {
        !self.waiting.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kind_is_news_once_and_the_memory_is_bounded() {
        let mut boundary = Boundary::default();
        assert!(boundary.is_news("get_config", "ValueError", Repeat::Once));
        assert!(!boundary.is_news("get_config", "ValueError", Repeat::Once));
        assert!(boundary.is_news("get_layer", "ValueError", Repeat::Once));
        assert!(boundary.is_news("get_layer", "ValueError", Repeat::Always));
        for index in 0..5_000 {
            boundary.is_news("tag", &index.to_string(), Repeat::Once);
            assert!(boundary.seen.len() <= SEEN_CAP);
        }
    }

    #[test]
    fn waiting_reports_are_bounded() {
        let mut boundary = Boundary::default();
        for index in 0..100 {
            boundary.enqueue(ErrorReport {
                exception: index.to_string(),
                tag: String::new(),
                info: String::new(),
                extra: None,
            });
        }
        assert_eq!(boundary.take().len(), WAITING_CAP);
        assert!(!boundary.has_waiting());
    }
}
