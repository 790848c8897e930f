//! The host's key-value store, as foreign code: it may fail, panic or give nonsense.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use once_cell::race::OnceBool;
use sha2::{Digest, Sha256};

use crate::error::Error;
use crate::host::DataStore;
use crate::options::KeySchema;

const LEGACY_SPECS_KEY: &str = "statsig.cache";
/// Characters of the sdk key that the schema of the forward proxy shows.
const KEY_PREFIX_CHARS: usize = 20;

/// The store and the key of the specs in it.
pub(super) struct GuardedStore {
    store: Arc<dyn DataStore>,
    specs_key: String,
    /// What the store said of polling, which it is asked once.
    polls_specs: OnceBool,
    is_shut_down: AtomicBool,
}

impl GuardedStore {
    /// `is_v2` says which payload the configured endpoint delivers.
    pub(super) fn new(
        store: Arc<dyn DataStore>,
        schema: KeySchema,
        sdk_key: &str,
        is_v2: bool,
    ) -> Self {
        GuardedStore {
            store,
            specs_key: specs_key(schema, sdk_key, is_v2),
            polls_specs: OnceBool::new(),
            is_shut_down: AtomicBool::new(false),
        }
    }

    pub(super) fn specs_key(&self) -> &str {
        &self.specs_key
    }

    pub(super) fn get(&self, key: &str) -> Result<Option<Vec<u8>>, Error> {
        guarded(|| self.store.get(key))?
    }

    pub(super) fn set(&self, key: &str, value: &[u8], time_ms: i64) -> Result<(), Error> {
        guarded(|| self.store.set(key, value, time_ms))?
    }

    /// Whether the specs are to be polled from the store.
    pub(super) fn polls_specs(&self) -> bool {
        self.polls_specs.get_or_init(|| {
            guarded(|| self.store.supports_polling(&self.specs_key)).unwrap_or(false)
        })
    }

    /// In a forked child. Stores that the host gave do nothing here.
    pub(super) fn after_fork_child(&self) {
        self.store.after_fork_child();
    }

    /// Tells the store that it is not used any more; only the first call does.
    pub(super) fn shutdown(&self) {
        if !self.is_shut_down.swap(true, Ordering::AcqRel) {
            // A store that fails to close has nobody left to tell.
            let _ = guarded(|| self.store.shutdown());
        }
    }
}

fn guarded<T>(call: impl FnOnce() -> T) -> Result<T, Error> {
    catch_unwind(AssertUnwindSafe(call)).map_err(|_| Error::Panic {
        detail: "the data store panicked".to_owned(),
    })
}

pub(super) fn specs_key(schema: KeySchema, sdk_key: &str, is_v2: bool) -> String {
    let version = if is_v2 { "v2" } else { "v1" };
    let key = match schema {
        KeySchema::Legacy => return LEGACY_SPECS_KEY.to_owned(),
        KeySchema::V2Hashed => BASE64_STANDARD.encode(Sha256::digest(sdk_key.as_bytes())),
        KeySchema::V3Prefix => sdk_key.chars().take(KEY_PREFIX_CHARS).collect(),
    };
    format!("statsig|/{version}/download_config_specs|plain_text|{key}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_by_schema() {
        let key = "secret-key";
        assert_eq!(specs_key(KeySchema::Legacy, key, false), "statsig.cache");
        assert_eq!(
            specs_key(KeySchema::V2Hashed, key, false),
            "statsig|/v1/download_config_specs|plain_text|hdvhXXXvkwjHrg8zx6MkzG9L9Rmi7S8wJ70zwUCk+ao="
        );
        assert_eq!(
            specs_key(KeySchema::V3Prefix, "secret-0123456789abcdefgh", true),
            "statsig|/v2/download_config_specs|plain_text|secret-0123456789abc"
        );
    }

    #[test]
    fn a_store_that_panics_is_an_error() {
        struct Bad;
        impl DataStore for Bad {
            fn get(&self, _: &str) -> Result<Option<Vec<u8>>, Error> {
                panic!("get")
            }
            fn set(&self, _: &str, _: &[u8], _: i64) -> Result<(), Error> {
                panic!("set")
            }
            fn supports_polling(&self, _: &str) -> bool {
                panic!("supports_polling")
            }
            fn shutdown(&self) {
                panic!("shutdown")
            }
        }
        let store = GuardedStore::new(Arc::new(Bad), KeySchema::Legacy, "secret-a", false);
        assert!(store.get("k").is_err() && store.set("k", b"", 0).is_err());
        assert!(!store.polls_specs());
        store.shutdown();
    }
}
