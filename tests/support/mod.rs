//! What several test files share.

pub mod events;
pub mod scripted;
pub mod service;
