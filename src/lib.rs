//! Tidegate: Statsig-compatible feature gates, configs, experiments and layers.
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
pub mod lock;

mod json_input;
mod json_writer;
pub mod net;
pub mod options;
mod random;
pub mod report;
pub mod spec;
pub mod store;
pub mod sync;
pub mod user;
pub mod worker;
