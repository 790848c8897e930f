//! Notifications for hosts that cannot be called from our threads: kept until they are asked for.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use crate::lock::Mutex;
use serde_json::Value;

use crate::fork_cell::ForkCell;
use crate::host::Delivery;
use crate::json_writer::object;
use crate::options::{Options, Threads};

/// Notifications kept at most; the oldest go first.
const CAPACITY: usize = 256;

/// A bounded queue, in use once somebody polls it or from the start without threads.
#[derive(Clone)]
pub(super) struct Notifications(Arc<Shared>);

struct Shared {
    is_polled: AtomicBool,
    queue: ForkCell<Mutex<VecDeque<String>>>,
    dropped: AtomicU64,
}

impl Default for Notifications {
    fn default() -> Self {
        Notifications(Arc::new(Shared {
            is_polled: AtomicBool::new(false),
            queue: ForkCell::new(Mutex::default),
            dropped: AtomicU64::new(0),
        }))
    }
}

impl Notifications {
    /// Hooks itself in front of the host's own callbacks.
    pub(super) fn attach(&self, mut options: Options) -> Options {
        if options.settings.threads == Threads::None {
            self.0.is_polled.store(true, Ordering::Relaxed);
        }
        let hooks = &mut options.hooks;
        let (queue, next) = (self.clone(), hooks.rules_updated.take());
        hooks.rules_updated = Some(Arc::new(move |time_ms, specs| {
            queue.push(|| object!({"type": "rules_updated", "time": time_ms}));
            if let Some(next) = &next {
                next(time_ms, specs);
            }
        }));
        let (queue, next) = (self.clone(), hooks.flushed.take());
        hooks.flushed = Some(Arc::new(move |delivery: &Delivery| {
            queue.push(|| {
                object!({
                    "type": "events_flushed",
                    "success": delivery.success,
                    "events": delivery.events,
                    "status": delivery.status,
                    "error": delivery.error,
                })
            });
            if let Some(next) = &next {
                next(delivery);
            }
        }));
        hooks.error_is_internal = hooks.error.is_none();
        let (queue, next) = (self.clone(), hooks.error.take());
        hooks.error = Some(Arc::new(move |tag, code, text| {
            queue.push(|| object!({"type": "error", "tag": tag, "code": code, "message": text}));
            if let Some(next) = &next {
                next(tag, code, text);
            }
        }));
        options
    }

    fn push(&self, notification: impl FnOnce() -> Value) {
        if !self.0.is_polled.load(Ordering::Relaxed) {
            return;
        }
        let text = notification().to_string();
        let mut queue = self.0.queue.get().lock();
        if queue.len() >= CAPACITY {
            queue.pop_front();
            self.0.dropped.fetch_add(1, Ordering::Relaxed);
        }
        queue.push_back(text);
    }

    /// The oldest notification; asking starts the collection.
    pub(super) fn poll(&self) -> Option<String> {
        self.0.is_polled.store(true, Ordering::Relaxed);
        self.0.queue.get().lock().pop_front()
    }

    /// How many were lost because nobody asked in time.
    pub(super) fn dropped(&self) -> u64 {
        self.0.dropped.load(Ordering::Relaxed)
    }

    pub(super) fn after_fork_child(&self) {
        self.0.queue.renew();
    }
}
