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
mod declarations;
mod docs;
mod header;
mod layout;
mod misuse;
mod panics;
mod programs;
mod source;
mod support;
