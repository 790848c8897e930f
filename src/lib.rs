//! Tidegate: Statsig-compatible feature gates, configs, experiments and layers.
//!
//! The product is the C library of `include/tidegate.h`, which `ffi` exports. From there inwards:
//!
//! - [`client`] is one SDK key: it asks the evaluator, hands exposures on and owns the threads.
//! - [`store`] holds the current rules as one immutable snapshot. [`sync`] renews it: from the
//!   network ([`net`]), a data store, a file; [`spec`] compiles what comes.
//! - [`eval`] answers from a snapshot and a [`user`], and from nothing else; [`mod@derive`] finds
//!   the country and the browser. [`client_init`] answers for all entities at once.
//! - [`exposure`] takes exposures and events off the caller's hands and delivers them.
//! - [`report`] is what the library says of itself: log, metrics, diagnostics, errors.
//! - [`options`] and [`host`] are what the host gives: settings and callbacks.
//! - [`clock`], [`worker`], [`lock`] and [`fork_cell`] are time and threads, made for tests and
//!   for forks.
//!
//! `ARCHITECTURE.md` follows a call through them; `tests/shape.rs` says who may use whom.
#![deny(unsafe_code)]

pub mod client;
pub mod client_init;
pub mod clock;
pub mod context;
pub mod derive;
pub mod error;
pub mod eval;
pub mod exposure;
mod ffi;
pub mod fork_cell;
pub mod host;
mod json_input;
mod json_writer;
pub mod lock;
pub mod net;
pub mod options;
mod random;
pub mod report;
pub mod spec;
pub mod store;
pub mod sync;
pub mod user;
pub mod worker;
