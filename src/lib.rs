//! Tidegate: Statsig-compatible feature gates, configs, experiments and layers.
#![deny(unsafe_code)]

pub mod clock;
pub mod error;
pub mod host;
pub mod options;
pub mod worker;
