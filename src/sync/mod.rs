//! Placeholder: replaced by the real synchronization.
#![allow(
    missing_docs,
    unused_variables,
    dead_code,
    clippy::all,
    clippy::pedantic,
    reason = "placeholder"
)]
use crate::{context::Context, error::Error, net::Http, store::Source};
use std::{
    sync::Arc,
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};
pub struct InitDetails;
impl InitDetails {
    pub fn to_json(&self) -> String {
        "{}".into()
    }
}
pub struct Sync {
    ctx: Arc<Context>,
    done: AtomicBool,
}
impl Sync {
    pub fn new(ctx: Arc<Context>, http: Arc<Http>) -> Result<Arc<Sync>, Error> {
        Ok(Arc::new(Sync {
            ctx,
            done: AtomicBool::new(false),
        }))
    }
    pub fn initialize(self: &Arc<Self>, timeout: Option<Duration>) -> Result<(), Error> {
        if let Some(values) = &self.ctx.settings.bootstrap_values {
            let _ = self.ctx.store.apply(values.clone(), Source::Bootstrap);
        }
        self.ctx.store.finish_initialize();
        self.done.store(true, Ordering::Release);
        Ok(())
    }
    pub fn initialize_async(self: &Arc<Self>, done: Box<dyn FnOnce(&InitDetails) + Send>) {
        let _ = self.initialize(None);
        done(&InitDetails)
    }
    pub fn wait_initialized(&self, timeout: Duration) -> Result<(), Error> {
        Ok(())
    }
    pub fn is_initialized(&self) -> bool {
        self.done.load(Ordering::Acquire)
    }
    pub fn init_details(&self) -> InitDetails {
        InitDetails
    }
    pub fn sync_now(&self, timeout: Duration) -> Result<(), Error> {
        Ok(())
    }
    pub fn set_polling(&self, on: bool) {}
    pub fn tick(&self, budget: Duration) -> Option<i64> {
        None
    }
    pub fn shutdown(&self, deadline_ms: i64) {}
    pub fn after_fork_child(&self) {}
    pub fn ensure_running(self: &Arc<Self>) {}
    pub fn stats(&self) -> serde_json::Value {
        serde_json::Value::Null
    }
}
