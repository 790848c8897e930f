//! What several test files share.

pub mod c_api;
pub mod c_events;
pub mod events;
#[cfg(feature = "grpc")]
pub mod forward_proxy;
pub mod lists;
pub mod packing;
#[cfg(feature = "redis")]
pub mod redis;
pub mod scripted;
pub mod service;
pub mod setup;
pub mod sink;
pub mod temp_dir;
