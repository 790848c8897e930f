//! What sync knows and does, apart from when and on which thread.
//!
//! Everything that must survive a fork is an atomic or swapped whole; what a fork may leave locked
//! is in a [`ForkCell`].

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use crate::lock::Mutex;
use arc_swap::ArcSwap;

use super::data_store::GuardedStore;
use super::disk_cache::DiskCache;
use super::grpc::ForwardProxy;
use super::id_lists::ListState;
#[cfg(feature = "redis")]
use super::redis_store::RedisStore;
use super::updates::Updates;
use crate::context::Context;
use crate::error::Error;
use crate::fork_cell::ForkCell;
use crate::host::DataStore;
use crate::net::{Endpoints, Http};
use crate::options::LogLevel;

/// Sync without its schedule.
pub(super) struct Engine {
    pub(super) ctx: Arc<Context>,
    pub(super) http: Http,
    pub(super) endpoints: Endpoints,
    pub(super) data_store: Option<GuardedStore>,
    pub(super) disk_cache: Option<DiskCache>,
    /// Gives the specs in the network's place, if the options name one that speaks gRPC.
    pub(super) forward_proxy: Option<Arc<ForwardProxy>>,
    /// Failed loads since the client was made; never reset, so that "every fifth" is spread evenly.
    pub(super) failures: AtomicU64,
    /// Initialize is over.
    pub(super) is_background: AtomicBool,
    pub(super) is_stopping: AtomicBool,
    /// There is a document that the last good copy does not have yet.
    pub(super) is_unsaved: AtomicBool,
    /// Id lists by name, as far as they were downloaded. One thread at a time writes.
    pub(super) lists: ArcSwap<HashMap<String, ListState>>,
    pub(super) updates: Updates,
    pub(super) notes: ForkCell<Mutex<Notes>>,
}

/// What is remembered for init details and stats.
#[derive(Debug, Clone, Default)]
pub(super) struct Notes {
    /// The failure noted last.
    pub(super) error: Option<String>,
    pub(super) specs_source: Option<String>,
    pub(super) id_lists_source: Option<String>,
    pub(super) is_specs_fallback_used: bool,
    pub(super) is_id_lists_fallback_used: bool,
    /// Monotonic times of the last rounds, and since when they fail.
    pub(super) specs_synced_ms: Option<i64>,
    pub(super) id_lists_synced_ms: Option<i64>,
    pub(super) failing_since_ms: Option<i64>,
    pub(super) warned_ms: Option<i64>,
}

/// Failing for this long is worth a warning, repeated at the same distance.
const WARN_AFTER_MS: i64 = 120_000;

impl Notes {
    /// A round brought specs, or the word that there are no newer ones.
    pub(super) fn succeeded(&mut self, now_ms: i64) {
        self.specs_synced_ms = Some(now_ms);
        self.failing_since_ms = None;
        self.warned_ms = None;
    }

    /// A round brought nothing. Returns for how long that has been so, when it is time to say it.
    pub(super) fn failed(&mut self, now_ms: i64) -> Option<i64> {
        let since_ms = *self.failing_since_ms.get_or_insert(now_ms);
        let quiet_ms = now_ms - self.warned_ms.unwrap_or(since_ms);
        (quiet_ms >= WARN_AFTER_MS).then(|| {
            self.warned_ms = Some(now_ms);
            now_ms - since_ms
        })
    }
}

impl Engine {
    pub(super) fn new(ctx: Arc<Context>, http: &Http) -> Result<Engine, Error> {
        let settings = &ctx.settings;
        let endpoints = Endpoints::new(settings, &ctx.sdk_key)?;
        let forward_proxy = ForwardProxy::new(&ctx)?;
        let is_v2 = forward_proxy.is_none() && endpoints.specs().base.ends_with("/v2/");
        let data_store = data_store(&ctx, http)?.map(|store| {
            GuardedStore::new(store, settings.data_store_key_schema, &ctx.sdk_key, is_v2)
        });
        let disk_cache = settings
            .spec_cache_dir
            .as_deref()
            .filter(|_| !ctx.is_local())
            .map(|folder| DiskCache::new(folder, &ctx.sdk_key));
        Ok(Engine {
            // Stopping cancels the requests of sync, never those that deliver events.
            http: http.sibling(),
            endpoints,
            data_store,
            disk_cache,
            forward_proxy,
            failures: AtomicU64::new(0),
            is_background: AtomicBool::new(false),
            is_stopping: AtomicBool::new(false),
            is_unsaved: AtomicBool::new(false),
            lists: ArcSwap::default(),
            updates: Updates::new(),
            notes: ForkCell::new(Mutex::default),
            ctx,
        })
    }

    pub(super) fn log(&self, level: LogLevel, message: &str) {
        self.ctx.reporter.log(level, "sync", message);
    }

    pub(super) fn is_stopping(&self) -> bool {
        self.is_stopping.load(Ordering::Acquire)
    }

    pub(super) fn failures(&self) -> u64 {
        self.failures.load(Ordering::Relaxed)
    }

    pub(super) fn count_failure(&self) {
        self.failures.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn notes(&self) -> Notes {
        self.notes.get().lock().clone()
    }

    /// Changes the notes; `change` must be short.
    pub(super) fn note(&self, change: impl FnOnce(&mut Notes)) {
        change(&mut self.notes.get().lock());
    }

    pub(super) fn note_failure(&self, text: String) {
        self.note(|notes| notes.error = Some(text));
    }

    /// Logs what the network layer noticed outside of requests.
    pub(super) fn log_network_problems(&self) {
        for problem in self.http.take_problems() {
            self.log(LogLevel::Warning, &problem);
        }
    }

    /// Writes the last good copy if there is something to write. Slow disks hold up nothing but
    /// this call, which is why it is not part of applying.
    pub(super) fn save_copy(&self) {
        let Some(cache) = &self.disk_cache else {
            return;
        };
        if !self.is_unsaved.swap(false, Ordering::AcqRel) {
            return;
        }
        let snapshot = self.ctx.store.load_full();
        let (Some(document), time_ms) = (&snapshot.specs.document, snapshot.specs.lcut) else {
            return;
        };
        let now_ms = self.ctx.clock.now_ms();
        let saved = document
            .text()
            .and_then(|text| cache.save(&text, time_ms, now_ms));
        if let Err(error) = saved {
            let path = cache.path();
            let text = format!(
                "cannot write the last good copy {}: {error}",
                path.display()
            );
            self.log(LogLevel::Warning, &text);
        }
    }

    /// In a forked child; may run where nothing can be allocated.
    pub(super) fn after_fork_child(&self) {
        self.notes.renew();
        self.updates.after_fork_child();
        self.http.reset_after_fork();
        if let Some(store) = &self.data_store {
            store.after_fork_child();
        }
        if let Some(proxy) = &self.forward_proxy {
            proxy.after_fork_child();
        }
    }
}

/// The host's store, or the built-in one.
fn data_store(ctx: &Context, http: &Http) -> Result<Option<Arc<dyn DataStore>>, Error> {
    let Some(url) = &ctx.settings.redis_url else {
        return Ok(ctx.hooks.data_store.clone());
    };
    if ctx.hooks.data_store.is_some() {
        let detail = "there is a data store already; give one of the two";
        return Err(Error::argument("redis_url", detail));
    }
    #[cfg(feature = "redis")]
    return Ok(Some(Arc::new(RedisStore::new(url, &ctx.settings, http)?)));
    #[cfg(not(feature = "redis"))]
    {
        let _ = (url, http);
        Err(Error::Unsupported {
            what: "redis_url (built without `redis`)".to_owned(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_warning_comes_every_two_minutes_of_failing() {
        let mut notes = Notes::default();
        let warned: Vec<i64> = (0..40).filter_map(|n| notes.failed(n * 10_000)).collect();
        assert_eq!(warned, [120_000, 240_000, 360_000]);
        notes.succeeded(400_000);
        assert_eq!(notes.failed(410_000), None);
        assert_eq!(notes.failed(520_000), None);
        assert_eq!(notes.failed(530_000), Some(120_000));
    }
}
