//! Placeholder: replaced by the real pipeline.
#![allow(
    missing_docs,
    unused_variables,
    dead_code,
    clippy::all,
    clippy::pedantic,
    reason = "placeholder"
)]
use crate::{
    context::Context, error::Error, eval::Evaluation, net::Http, store::Snapshot, user::User,
};
use std::{sync::Arc, time::Duration};
pub enum EventValue {
    None,
    Number(f64),
    Text(Box<str>),
}
pub struct CustomEvent {
    pub user: Arc<User>,
    pub name: Box<str>,
    pub value: EventValue,
    pub metadata: Option<Box<serde_json::value::RawValue>>,
    pub statsig_metadata: Option<Box<serde_json::value::RawValue>>,
    pub time_ms: i64,
}
#[derive(Debug, Clone, Copy, Default)]
pub struct FlushInfo {
    pub sent: u64,
    pub spooled: u64,
    pub dropped: u64,
    pub queued: u64,
}
pub struct Events;
impl Events {
    pub fn new(ctx: Arc<Context>, http: Arc<Http>) -> Result<Arc<Events>, Error> {
        Ok(Arc::new(Events))
    }
    pub fn expose(
        &self,
        snapshot: &Arc<Snapshot>,
        user: &Arc<User>,
        evaluation: &Evaluation,
        parameter: Option<&str>,
        manual: bool,
    ) {
    }
    pub fn log(&self, event: CustomEvent) -> Result<(), Error> {
        Ok(())
    }
    pub fn start(self: &Arc<Self>) -> Result<(), Error> {
        Ok(())
    }
    pub fn flush(&self, timeout: Duration) -> FlushInfo {
        FlushInfo::default()
    }
    pub fn shutdown(&self, deadline_ms: i64) -> FlushInfo {
        FlushInfo::default()
    }
    pub fn tick(&self, budget: Duration) -> Option<i64> {
        None
    }
    pub fn after_fork_child(&self) {}
    pub fn ensure_running(self: &Arc<Self>) {}
    pub fn stats(&self) -> serde_json::Value {
        serde_json::Value::Null
    }
}
