//! What several test files share.

pub mod events;
pub mod lists;
pub mod scripted;
pub mod service;
