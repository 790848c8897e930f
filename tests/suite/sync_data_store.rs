//! The data store (T72 to T84) and the last good copy on disk.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::Mutex;
use serde_json::{Value, json};
use tidegate::error::Error;
use tidegate::host::{DataStore, Hooks};

use crate::support::lists::{FILE, Lists, letters};
use crate::support::scripted::{Reply, Server, wait_until};
use crate::support::service::{
    Heard, LISTS, SPECS, Steps, client, details, lcut, merge, no_update, options, service, since,
    source, specs, started,
};

const SPECS_KEY: &str = "statsig.cache";

/// Keeps what it is given and remembers each call.
#[derive(Default)]
struct Store {
    values: Mutex<HashMap<String, Vec<u8>>>,
    calls: Mutex<Vec<String>>,
    polls: AtomicBool,
    get_fails: AtomicBool,
    set_fails: AtomicBool,
}

impl Store {
    fn with(key: &str, value: &str) -> Arc<Store> {
        let store = Store::default();
        store.put(key, value);
        Arc::new(store)
    }

    fn put(&self, key: &str, value: &str) {
        self.values
            .lock()
            .insert(key.to_owned(), value.as_bytes().to_vec());
    }

    fn value(&self, key: &str) -> Option<String> {
        let value = self.values.lock().get(key).cloned()?;
        Some(String::from_utf8(value).expect("text"))
    }

    fn calls(&self, start: &str) -> Vec<String> {
        let mut calls = self.calls.lock().clone();
        calls.retain(|call| call.starts_with(start));
        calls
    }

    fn called(&self, call: String) {
        self.calls.lock().push(call);
    }
}

struct Shared(Arc<Store>);

impl DataStore for Shared {
    fn get(&self, key: &str) -> Result<Option<Vec<u8>>, Error> {
        self.0.called(format!("get {key}"));
        if self.0.get_fails.load(Ordering::SeqCst) {
            return Err(Error::Network {
                detail: "the store is away".to_owned(),
            });
        }
        Ok(self.0.values.lock().get(key).cloned())
    }

    fn set(&self, key: &str, value: &[u8], time_ms: i64) -> Result<(), Error> {
        self.0.called(format!("set {key} {time_ms}"));
        if self.0.set_fails.load(Ordering::SeqCst) {
            return Err(Error::Network {
                detail: "the store is full".to_owned(),
            });
        }
        self.0.values.lock().insert(key.to_owned(), value.to_vec());
        Ok(())
    }

    fn supports_polling(&self, path: &str) -> bool {
        self.0.called(format!("supports_polling {path}"));
        self.0.polls.load(Ordering::SeqCst)
    }

    fn shutdown(&self) {
        self.0.called("shutdown".to_owned());
    }
}

fn steps(server: &Server, store: &Arc<Store>, more: Value) -> Steps {
    let heard = Arc::new(Heard::default());
    let hooks = Hooks {
        data_store: Some(Arc::new(Shared(Arc::clone(store)))),
        ..heard.hooks()
    };
    Steps::with_hooks(options(server, more), hooks, heard)
}

#[test]
fn t72_the_store_starts_and_the_network_goes_on() {
    let store = Store::with(SPECS_KEY, &specs(100));
    let m = service().specs_of(&[200]).start();
    let steps = steps(&m, &store, json!({}));
    assert_eq!((source(&steps.client), steps.lcut()), ("DataAdapter", 100));
    assert_eq!(details(&steps.client)["init_source_api"], "DataAdapter");
    assert!(m.requests_to(SPECS).is_empty());
    assert_eq!(m.requests_to(LISTS).len(), 1);
    steps.polls(1);
    assert_eq!(since(&m.requests_to(SPECS)), [100]);
    assert_eq!(store.calls("set"), ["set statsig.cache 200"]);
    assert!(
        store
            .value(SPECS_KEY)
            .expect("stored")
            .contains("\"time\":200")
    );
    assert_eq!(
        store.calls("get"),
        ["get statsig.cache"],
        "only initialize reads"
    );
}

#[test]
fn t73_an_empty_store_is_filled_once() {
    let store = Arc::new(Store::default());
    let m = service().specs(|_, _| Reply::json(specs(100))).start();
    let steps = steps(&m, &store, json!({}));
    assert_eq!((source(&steps.client), steps.lcut()), ("Network", 100));
    assert_eq!(store.calls("set"), ["set statsig.cache 100"]);
    steps.step(0);
    assert_eq!(
        m.requests_to(SPECS).len(),
        2,
        "the miss counts as a failure: no waiting"
    );
    steps.polls(2);
    assert_eq!(
        store.calls("set").len(),
        1,
        "the same document is not written again"
    );
}

#[test]
fn t74_a_store_that_polls_takes_the_place_of_the_network() {
    let store = Store::with(SPECS_KEY, &specs(100));
    store.polls.store(true, Ordering::SeqCst);
    let m = service().start();
    let steps = steps(&m, &store, json!({}));
    steps.polls(2);
    store.put(SPECS_KEY, &specs(150));
    steps.polls(1);
    assert_eq!((source(&steps.client), steps.lcut()), ("DataAdapter", 150));
    assert_eq!(store.calls("get").len(), 4);
    assert!(m.requests_to(SPECS).is_empty());
    assert_eq!(steps.heard.update_times(), [100, 150]);
    assert!(store.calls("set").is_empty());
    assert_eq!(store.calls("supports_polling").len(), 1, "asked once");
}

#[test]
fn t75_a_store_that_has_lost_its_specs_leaves_it_to_the_network() {
    let store = Store::with(SPECS_KEY, &specs(100));
    store.polls.store(true, Ordering::SeqCst);
    let m = service().start();
    let steps = steps(&m, &store, json!({}));
    store.values.lock().clear();
    steps.polls(1);
    assert_eq!(store.calls("get").len(), 2);
    assert_eq!(since(&m.requests_to(SPECS)), [100], "in the same round");
}

#[test]
fn t76_unusable_values_are_passed_over() {
    let text_time = specs(100).replace("\"time\":100", "\"time\":\"100\"");
    for value in ["{bad", "[]", "5", "", text_time.as_str()] {
        let store = Store::with(SPECS_KEY, value);
        let m = service().start();
        let steps = steps(&m, &store, json!({}));
        assert_eq!(
            (source(&steps.client), steps.lcut()),
            ("Network", 100),
            "{value}"
        );
    }
    let store = Store::with(SPECS_KEY, &specs(100));
    store.polls.store(true, Ordering::SeqCst);
    let m = service().start();
    let steps = steps(&m, &store, json!({}));
    store.put(SPECS_KEY, &specs(50));
    steps.polls(1);
    assert_eq!(steps.lcut(), 100, "older");
    assert_eq!(m.requests_to(SPECS).len(), 1);
}

#[test]
fn a_value_that_is_not_text_is_passed_over() {
    let store = Arc::new(Store::default());
    store
        .values
        .lock()
        .insert(SPECS_KEY.to_owned(), vec![0xff, 0xfe]);
    let m = service().start();
    assert_eq!(source(&steps(&m, &store, json!({})).client), "Network");
}

#[test]
fn t77_bootstrap_values_are_not_used_beside_a_store() {
    let store = Arc::new(Store::default());
    let m = service().specs(|_, _| Reply::status(500)).start();
    let steps = steps(&m, &store, json!({"bootstrap_values": specs(7)}));
    assert_eq!(details(&steps.client)["store_populated"], false);
}

#[test]
fn t78_a_store_that_fails_leaves_it_to_the_network() {
    let store = Store::with(SPECS_KEY, &specs(100));
    store.get_fails.store(true, Ordering::SeqCst);
    let m = service().start();
    let steps = steps(&m, &store, json!({}));
    assert_eq!(source(&steps.client), "Network");
    assert_eq!(details(&steps.client)["init_success"], true);
}

/// A failure of the load to the legacy SDK.
#[test]
fn t79_a_store_that_cannot_be_written_is_told_once() {
    let store = Store::with(SPECS_KEY, &specs(50));
    store.set_fails.store(true, Ordering::SeqCst);
    let m = service()
        .specs(|number, _| Reply::json(specs(100 + i64::try_from(number).expect("small"))))
        .start();
    let c = service().start();
    let more = json!({"api_for_statsig_network": c.url("/v1"), "fallback_to_statsig_api": true});
    let steps = steps(&m, &store, more);
    steps.polls(6);
    assert_eq!(steps.lcut(), 105);
    assert!(c.requests_to(SPECS).is_empty(), "no failure was counted");
    assert_eq!(steps.heard.tags(), ["data_store.set"]);
}

#[test]
fn t81_files_of_id_lists_go_through_the_store() {
    let lists = Lists::new();
    let store = Store::with(SPECS_KEY, &specs(100));
    lists.file("l", &FILE[..6]);
    lists.announce(&[("l", 6, "f1", 1)]);
    let steps = steps(&lists.server, &store, json!({}));
    let key = "/v1/download_id_list_file/f1";
    assert_eq!(store.calls(&format!("get {key}")).len(), 1);
    assert_eq!(store.value(key).as_deref(), Some("+a\n+b\n"));
    lists.file("l", FILE);
    lists.announce(&[("l", 12, "f1", 1)]);
    steps.step(60_000);
    assert_eq!(lists.ranges(), ["bytes=0-", "bytes=6-"]);
    assert_eq!(store.value(key).as_deref(), Some(FILE));
    assert_eq!(letters(&steps.client, "l").as_deref(), Some("bc"));
    assert_eq!(store.calls("set /v1").len(), 2);
}

#[test]
fn an_increment_is_not_written_without_its_beginning() {
    let lists = Lists::new();
    let store = Arc::new(Store::default());
    lists.file("l", &FILE[..6]);
    lists.announce(&[("l", 6, "f1", 1)]);
    let steps = steps(&lists.server, &store, json!({}));
    store.values.lock().clear();
    lists.file("l", FILE);
    lists.announce(&[("l", 12, "f1", 1)]);
    steps.step(60_000);
    assert_eq!(letters(&steps.client, "l").as_deref(), Some("bc"));
    assert_eq!(store.value("/v1/download_id_list_file/f1"), None);
}

#[test]
fn t82_a_file_that_the_store_has_is_not_downloaded() {
    let lists = Lists::new();
    let store = Store::with("/v1/download_id_list_file/f1", FILE);
    lists.file("l", FILE);
    lists.announce(&[("l", 12, "f1", 1)]);
    let steps = steps(&lists.server, &store, json!({}));
    assert_eq!(letters(&steps.client, "l").as_deref(), Some("bc"));
    assert!(lists.downloads().is_empty());
    store.put("/v1/download_id_list_file/f1", &format!("{FILE}+d\n+e\n"));
    lists.announce(&[("l", 15, "f1", 1)]);
    steps.step(60_000);
    assert_eq!(
        letters(&steps.client, "l").as_deref(),
        Some("bcd"),
        "up to what is announced"
    );
    assert!(lists.downloads().is_empty());
}

#[test]
fn a_stored_file_that_is_none_is_reported_and_downloaded() {
    let lists = Lists::new();
    let store = Store::with("/v1/download_id_list_file/f1", "not a list at all");
    lists.file("l", FILE);
    lists.announce(&[("l", 12, "f1", 1)]);
    let steps = steps(&lists.server, &store, json!({}));
    assert_eq!(letters(&steps.client, "l").as_deref(), Some("bc"));
    assert_eq!(lists.downloads().len(), 1);
    assert_eq!(
        steps.heard.tags(),
        ["_download_single_id_list_from_data_store"]
    );
}

#[test]
fn t83_the_path_of_a_file_is_its_key() {
    let lists = Lists::new();
    let store = Arc::new(Store::default());
    let url = lists.server.url("/v1/download_id_list_file/q%2Fw?k=1");
    lists.file("q%2Fw", FILE);
    let manifest = json!({"l": {"size": 12, "fileID": "f1", "creationTime": 1, "url": url}});
    lists.answer(Reply::json(manifest.to_string()));
    let steps = steps(&lists.server, &store, json!({}));
    assert_eq!(letters(&steps.client, "l").as_deref(), Some("bc"));
    assert_eq!(
        store.value("/v1/download_id_list_file/q%2Fw").as_deref(),
        Some(FILE)
    );
}

/// Never called by the legacy SDK.
#[test]
fn t84_the_store_is_told_of_the_end_once_and_last() {
    for threads in ["own", "none"] {
        let store = Store::with(SPECS_KEY, &specs(100));
        store.polls.store(true, Ordering::SeqCst);
        let m = service().start();
        let hooks = Hooks {
            data_store: Some(Arc::new(Shared(Arc::clone(&store)))),
            ..Hooks::default()
        };
        let client = started(&options(&m, json!({"threads": threads})), hooks);
        assert!(store.calls("shutdown").is_empty());
        client.shutdown(30_000).expect("shut down");
        client.shutdown(30_000).expect("again");
        drop(client);
        assert_eq!(store.calls("shutdown").len(), 1, "{threads}");
        assert_eq!(
            store.calls.lock().last().map(String::as_str),
            Some("shutdown"),
            "{threads}"
        );
    }
}

#[test]
fn a_client_that_is_dropped_lets_go_of_its_store() {
    let store = Arc::new(Store::default());
    let m = service().start();
    let hooks = Hooks {
        data_store: Some(Arc::new(Shared(Arc::clone(&store)))),
        ..Hooks::default()
    };
    drop(started(&options(&m, json!({})), hooks));
    wait_until("the store is told", || store.calls("shutdown").len() == 1);
    wait_until("nobody holds the store", || Arc::strong_count(&store) == 1);
}

#[test]
fn other_schemas_have_other_keys() {
    for (schema, key) in [
        (
            "v2_hashed",
            "statsig|/v1/download_config_specs|plain_text|hdvhXXXvkwjHrg8zx6MkzG9L9Rmi7S8wJ70zwUCk+ao=",
        ),
        (
            "v3_prefix",
            "statsig|/v1/download_config_specs|plain_text|secret-key",
        ),
    ] {
        let store = Store::with(key, &specs(100));
        let m = service().start();
        let steps = steps(&m, &store, json!({"data_store_key_schema": schema}));
        assert_eq!(source(&steps.client), "DataAdapter", "{schema}");
    }
}

struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Folder {
        let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR"))
            .join(format!("copy-{}-{name}", std::process::id()));
        let _ = std::fs::remove_dir_all(&folder);
        Folder(folder)
    }

    fn options(&self, server: &Server, more: Value) -> Value {
        let mut options = options(server, json!({"spec_cache_dir": self.0}));
        merge(&mut options, more);
        options
    }

    fn files(&self) -> Vec<PathBuf> {
        let Ok(entries) = std::fs::read_dir(&self.0) else {
            return Vec::new();
        };
        entries
            .map(|entry| entry.expect("an entry").path())
            .collect()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

#[test]
fn the_last_good_copy_starts_a_client_that_nobody_answers() {
    let folder = Folder::new("start");
    let good = service().start();
    drop(Steps::new(folder.options(&good, json!({}))));
    assert_eq!(folder.files().len(), 1);

    let broken = service().specs(|number, _| {
        if number == 0 {
            Reply::status(500)
        } else {
            Reply::json(specs(300))
        }
    });
    let broken = broken.start();
    let steps = Steps::new(folder.options(&broken, json!({})));
    assert_eq!((source(&steps.client), steps.lcut()), ("DiskCache", 100));
    let found = details(&steps.client);
    assert_eq!(
        (&found["source"], &found["store_populated"]),
        (&json!("DiskCache"), &json!(true))
    );
    assert_eq!(found["init_source_api"], "DiskCache");
    assert!(found["error"].as_str().expect("why").contains("500"));
    steps.step(0);
    assert_eq!((source(&steps.client), steps.lcut()), ("Network", 300));
    assert_eq!(since(&broken.requests_to(SPECS)), [0, 100]);

    let silent = service().specs(|_, _| Reply::no_answer()).start();
    let steps = Steps::new(folder.options(&silent, json!({})));
    assert_eq!(steps.lcut(), 300, "the newer copy was kept");
}

#[test]
fn the_copy_is_not_used_while_a_source_answers() {
    let folder = Folder::new("unused");
    let newer = service().specs(|_, _| Reply::json(specs(900))).start();
    drop(Steps::new(folder.options(&newer, json!({}))));
    let older = service().start();
    let steps = Steps::new(folder.options(&older, json!({})));
    assert_eq!((source(&steps.client), steps.lcut()), ("Network", 100));
}

#[test]
fn a_damaged_copy_is_ignored() {
    let folder = Folder::new("damaged");
    let good = service().start();
    drop(Steps::new(folder.options(&good, json!({}))));
    let file = &folder.files()[0];
    let mut bytes = std::fs::read(file).expect("read");
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    std::fs::write(file, bytes).expect("written");
    let broken = service().specs(|_, _| Reply::status(500)).start();
    let steps = Steps::new(folder.options(&broken, json!({})));
    assert_eq!(source(&steps.client), "Uninitialized");
    assert!(steps.client.is_initialized());
}

#[test]
fn the_copy_is_written_on_the_thread_of_a_client_too() {
    let folder = Folder::new("thread");
    let m = service().specs_of(&[100, 200]).start();
    let client = client(&folder.options(&m, json!({})), Hooks::default());
    client.initialize(60_000).expect("initialized");
    wait_until("the second document is kept", || {
        let copy = folder
            .files()
            .first()
            .and_then(|file| std::fs::read(file).ok());
        copy.is_some_and(|copy| String::from_utf8_lossy(&copy).contains("\"time\":200"))
    });
    assert_eq!(lcut(&client), 200);
}

#[test]
fn bootstrap_values_and_local_mode_leave_no_copy() {
    let folder = Folder::new("none");
    let m = service().specs(|_, _| no_update()).start();
    let more = json!({"bootstrap_values": specs(100)});
    let steps = Steps::new(folder.options(&m, more));
    steps.polls(2);
    assert_eq!(steps.lcut(), 100);
    assert!(folder.files().is_empty());
    let local = json!({"local_mode": true, "bootstrap_values": specs(100)});
    drop(started(&folder.options(&m, local), Hooks::default()));
    assert!(folder.files().is_empty());
}
