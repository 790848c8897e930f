//! Dotted version comparison.
//!
//! What follows the first `-` is ignored, missing components are 0, and a component that is not an
//! integer makes the comparison fail, but only when it is reached before the versions differ.

use std::cmp::Ordering;

use crate::spec::condition::VersionTarget;

/// The part before the first `-`; `None` when nothing is left.
pub(crate) fn strip(version: &str) -> Option<&str> {
    version
        .split('-')
        .next()
        .filter(|stripped| !stripped.is_empty())
}

/// One component as an integer.
pub(crate) fn component(text: &str) -> Option<i128> {
    text.trim_ascii().parse().ok()
}

/// Compares `version` with `target`; `None` when either cannot be read as far as needed.
pub(crate) fn compare(version: &str, target: &VersionTarget) -> Option<Ordering> {
    let mut left = strip(version)?.split('.').map(component);
    let mut right = target.0.iter().copied();
    loop {
        let (a, b) = match (left.next(), right.next()) {
            (None, None) => return Some(Ordering::Equal),
            (a, b) => (a.unwrap_or(Some(0))?, b.unwrap_or(Some(0))?),
        };
        if a != b {
            return Some(a.cmp(&b));
        }
    }
}
