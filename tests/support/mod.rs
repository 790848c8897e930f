//! What several test files share.

pub mod events;
#[cfg(feature = "grpc")]
pub mod forward_proxy;
pub mod lists;
pub mod scripted;
pub mod service;
