//! The boundary: the header, the shared library, and what C programs can do to both.
//!
//! `UPDATE_HEADER=1 cargo test --test abi committed` rewrites the headers and the list of exports.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

mod binary;
mod compatibility;
mod conformance;
mod declarations;
mod docs;
mod header;
mod layout;
mod misuse;
mod panics;
mod programs;
#[cfg(feature = "redis")]
#[cfg(test)]
#[path = "../support/redis.rs"]
#[allow(
    dead_code,
    unreachable_pub,
    clippy::pedantic,
    reason = "shared with the suite, which uses all of it"
)]
mod redis;
#[cfg(test)]
#[path = "../support/scripted.rs"]
#[allow(
    dead_code,
    unreachable_pub,
    clippy::pedantic,
    clippy::disallowed_methods,
    reason = "shared with the suite, which uses all of it"
)]
mod scripted;
mod source;
mod support;
mod sync;
