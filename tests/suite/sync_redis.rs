//! The built-in data store, against real Redis servers.

use std::sync::Arc;

use redis::Commands;
use serde_json::{Value, json};
use tidegate::client::Client;
use tidegate::error::Error;
use tidegate::host::{DataStore, Hooks};
use tidegate::options::Options;

use crate::support::forward_proxy::tls::{Authority, Folder};
use crate::support::lists::{FILE, Lists, letters};
use crate::support::redis::{RedisServer, cluster};
use crate::support::scripted::{PATIENCE, Reply, Server, wait_until};
use crate::support::service::{
    Heard, KEY, SPECS, Steps, details, lcut, merge, options, service, settings, source, specs,
    started,
};

const SPECS_KEY: &str = "statsig.cache";

/// The service, whose specs are of the time that was set last.
fn moving() -> (Server, Arc<std::sync::atomic::AtomicI64>) {
    let time = Arc::new(std::sync::atomic::AtomicI64::new(100));
    let now = Arc::clone(&time);
    let server = service()
        .specs(move |_, _| Reply::json(specs(now.load(std::sync::atomic::Ordering::SeqCst))))
        .start();
    (server, time)
}

fn using(redis: &str, more: Value) -> Value {
    let mut all = json!({"redis_url": redis, "timeout": 2});
    merge(&mut all, more);
    all
}

/// Reads from the store and asks nobody else.
fn reading(redis: &str) -> Value {
    let sources =
        json!({"initialize_sources": ["datastore"], "config_sync_sources": ["datastore"]});
    using(redis, sources)
}

#[test]
fn one_client_fetches_and_many_read() {
    let redis = RedisServer::start();
    let (m, time) = moving();
    let unused = service().start();
    let fetching = started(
        &options(&m, using(redis.url(), json!({}))),
        Hooks::default(),
    );
    assert_eq!(source(&fetching), "Network");
    let readers: Vec<_> = (0..4)
        .map(|_| {
            let heard = Arc::new(Heard::default());
            (
                started(&options(&unused, reading(redis.url())), heard.hooks()),
                heard,
            )
        })
        .collect();
    for (reader, _) in &readers {
        assert_eq!((source(reader), lcut(reader)), ("DataAdapter", 100));
    }
    time.store(200, std::sync::atomic::Ordering::SeqCst);
    for (reader, heard) in &readers {
        wait_until("the news arrives", || lcut(reader) == 200);
        wait_until("the host is told", || heard.update_times() == [100, 200]);
    }
    assert!(unused.requests_to(SPECS).is_empty());
    assert_eq!(redis.value(SPECS_KEY), Some(specs(200)));
}

#[test]
fn a_server_that_dies_and_returns_is_used_again() {
    let mut redis = RedisServer::start();
    redis.put(SPECS_KEY, &specs(100));
    let m = service().start();
    let steps = Steps::new(options(&m, reading(redis.url())));
    assert_eq!(steps.lcut(), 100);
    redis.kill();
    steps.polls(3);
    assert_eq!(steps.lcut(), 100, "what is here stays");
    redis.restart();
    steps.polls(1);
    assert_eq!(steps.lcut(), 100, "an empty server changes nothing");
    redis.put(SPECS_KEY, &specs(200));
    steps.polls(1);
    assert_eq!((steps.lcut(), source(&steps.client)), (200, "DataAdapter"));
    assert!(m.requests_to(SPECS).is_empty());
}

/// The connection that was kept is dead, but the server is not.
#[test]
fn a_restart_between_two_polls_costs_no_poll() {
    let mut redis = RedisServer::start();
    redis.put(SPECS_KEY, &specs(100));
    let m = service().start();
    let steps = Steps::new(options(&m, reading(redis.url())));
    redis.kill();
    redis.restart();
    redis.put(SPECS_KEY, &specs(200));
    steps.polls(1);
    assert_eq!(steps.lcut(), 200);
    let stats: Value = serde_json::from_str(&steps.client.stats()).expect("JSON");
    assert_eq!(stats["sync"]["failures"], 0);
}

#[test]
fn a_server_that_is_away_leaves_it_to_the_network_and_is_filled_when_it_is_back() {
    let mut redis = RedisServer::start();
    redis.kill();
    let (m, time) = moving();
    let steps = Steps::new(options(&m, using(redis.url(), json!({}))));
    assert_eq!((steps.lcut(), source(&steps.client)), (100, "Network"));
    assert_eq!(steps.heard.tags(), ["data_store.set"], "told once");
    redis.restart();
    time.store(200, std::sync::atomic::Ordering::SeqCst);
    steps.polls(1);
    assert_eq!(redis.value(SPECS_KEY), Some(specs(200)));
}

#[test]
fn a_server_that_hangs_holds_up_no_more_than_the_timeout() {
    let redis = RedisServer::start();
    redis.put(SPECS_KEY, &specs(100));
    let m = service().specs(|_, _| Reply::json(specs(150))).start();
    let more = json!({"timeout": 0.2, "config_sync_sources": ["datastore", "network"]});
    let steps = Steps::new(options(&m, using(redis.url(), more)));
    assert_eq!((steps.lcut(), source(&steps.client)), (100, "DataAdapter"));
    redis.freeze();
    let before = std::time::Instant::now();
    steps.polls(1);
    assert!(before.elapsed() < PATIENCE);
    assert_eq!((steps.lcut(), source(&steps.client)), (150, "Network"));
    redis.thaw();
    redis.put(SPECS_KEY, &specs(300));
    steps.polls(1);
    assert_eq!((steps.lcut(), source(&steps.client)), (300, "DataAdapter"));
}

#[test]
fn a_client_that_waits_for_a_hanging_server_can_be_shut_down() {
    let redis = RedisServer::start();
    let m = service().start();
    let more = json!({"timeout": 600});
    let client = started(&options(&m, using(redis.url(), more)), Hooks::default());
    redis.freeze();
    client.shutdown(100).expect("shut down");
    redis.thaw();
}

#[test]
fn a_password_is_given_and_never_told() {
    let redis = RedisServer::with(&["--requirepass", "hunter2-right"]);
    let url = |password: &str| format!("redis://:{password}@127.0.0.1:{}", redis.port());
    let m = service().start();
    let steps = Steps::new(options(&m, using(&url("hunter2-right"), json!({}))));
    assert_eq!(steps.heard.tags(), [] as [String; 0]);
    let client = redis::Client::open(url("hunter2-right")).expect("a client");
    let mut connection = client.get_connection().expect("connected");
    let stored: Option<String> = connection.get(SPECS_KEY).expect("asked");
    assert_eq!(stored, Some(specs(100)));

    let steps = Steps::new(options(&m, using(&url("hunter2-wrong"), json!({}))));
    assert_eq!(source(&steps.client), "Network");
    let told = format!(
        "{:?} {} {}",
        steps.heard.errors.lock(),
        steps.client.stats(),
        details(&steps.client)
    );
    assert!(
        told.contains("redis") && !told.contains("hunter2"),
        "{told}"
    );
}

#[test]
fn tls_is_spoken_with_whom_the_options_trust() {
    let (folder, right, wrong) = (Folder::new(), Authority::root(), Authority::root());
    let (certificate, key) = right.issue("127.0.0.1");
    let redis = RedisServer::with_tls(
        &folder.file("server.pem", &certificate),
        &folder.file("server.key", &key),
        &folder.file("ca.pem", &right.pem),
    );
    let m = service().start();
    let fill = using(redis.url(), json!({"ca_pem": right.pem}));
    let steps = Steps::new(options(&m, fill));
    assert_eq!(source(&steps.client), "Network");
    assert_eq!(steps.heard.tags(), [] as [String; 0], "written");

    let mut read = reading(redis.url());
    read["ca_pem"] = json!(right.pem);
    let steps = Steps::new(options(&m, read.clone()));
    assert_eq!((steps.lcut(), source(&steps.client)), (100, "DataAdapter"));
    read["ca_pem"] = json!(wrong.pem);
    let steps = Steps::new(options(&m, read));
    assert_eq!(steps.lcut(), 0, "not trusted");
    // A server that speaks TLS is not spoken to without.
    let plain = redis.url().replace("rediss", "redis");
    assert_eq!(Steps::new(options(&m, reading(&plain))).lcut(), 0);
}

/// Keys of a cluster are on different servers.
#[test]
fn a_cluster_is_one_store() {
    let nodes = cluster(3);
    let lists = Lists::new();
    for (name, id) in [("x", "f1"), ("y", "f2"), ("z", "f3")] {
        lists.file(name, FILE);
        let _ = id;
    }
    lists.announce(&[("x", 12, "f1", 1), ("y", 12, "f2", 1), ("z", 12, "f3", 1)]);
    let hosts: Vec<_> = nodes
        .iter()
        .map(|node| format!("127.0.0.1:{}", node.port()))
        .collect();
    let all = format!("redis+cluster://{}", hosts.join(","));
    let one = format!("redis-cluster://{}", hosts[1]);
    let steps = Steps::new(options(&lists.server, using(&all, json!({}))));
    assert_eq!(steps.heard.tags(), [] as [String; 0]);
    let downloads = lists.downloads().len();
    // The last one does not know that it is a cluster, and is told so by the server.
    for url in [
        all.as_str(),
        one.as_str(),
        nodes[0].url(),
        nodes[1].url(),
        nodes[2].url(),
    ] {
        let steps = Steps::new(options(&lists.server, reading(url)));
        assert_eq!(
            (steps.lcut(), source(&steps.client)),
            (100, "DataAdapter"),
            "{url}"
        );
        for list in ["x", "y", "z"] {
            assert_eq!(
                letters(&steps.client, list).as_deref(),
                Some("bc"),
                "{url} {list}"
            );
        }
    }
    assert_eq!(
        lists.downloads().len(),
        downloads,
        "all files came from the store"
    );
}

#[test]
fn a_cluster_that_dies_and_returns_is_used_again() {
    let mut nodes = cluster(1);
    let url = format!("redis+cluster://127.0.0.1:{}", nodes[0].port());
    let (m, time) = moving();
    let steps = Steps::new(options(&m, using(&url, json!({}))));
    assert_eq!(nodes[0].value(SPECS_KEY), Some(specs(100)));
    nodes[0].kill();
    time.store(200, std::sync::atomic::Ordering::SeqCst);
    steps.polls(1);
    assert_eq!(steps.lcut(), 200);
    nodes[0].restart();
    wait_until("the cluster is up", || {
        let mut command = redis::cmd("CLUSTER");
        let info: String = command
            .arg("INFO")
            .query(&mut nodes[0].connection())
            .expect("info");
        info.contains("cluster_state:ok")
    });
    time.store(300, std::sync::atomic::Ordering::SeqCst);
    steps.polls(1);
    assert_eq!(nodes[0].value(SPECS_KEY), Some(specs(300)));
}

/// The forward proxy keeps specs as a hash and is their writer.
#[test]
fn specs_are_shared_with_a_forward_proxy() {
    for (schema, suffix) in [
        ("v3_prefix", "secret-key"),
        ("v2_hashed", "hdvhXXXvkwjHrg8zx6MkzG9L9Rmi7S8wJ70zwUCk+ao="),
    ] {
        let redis = RedisServer::start();
        let key = format!("statsig|/v1/download_config_specs|plain_text|{suffix}");
        let mut connection = redis.connection();
        let fields = |time: i64| {
            [
                ("encoding", "plain_text".to_owned()),
                ("lcut", time.to_string()),
                ("config", specs(time)),
            ]
        };
        let _: () = connection
            .hset_multiple(&key, &fields(100))
            .expect("stored");
        let (m, time) = moving();
        let schema = json!({"data_store_key_schema": schema});
        let mut read = reading(redis.url());
        merge(&mut read, schema.clone());
        let reader = Steps::new(options(&m, read));
        assert_eq!(
            (reader.lcut(), source(&reader.client)),
            (100, "DataAdapter")
        );
        let mut fetch = using(redis.url(), schema);
        fetch["initialize_sources"] = json!(["network"]);
        time.store(200, std::sync::atomic::Ordering::SeqCst);
        let fetcher = Steps::new(options(&m, fetch));
        let stored: Vec<String> = connection
            .hmget(&key, &["encoding", "lcut", "config"])
            .expect("asked");
        assert_eq!(stored, ["plain_text", "200", specs(200).as_str()]);
        reader.polls(1);
        assert_eq!(reader.lcut(), 200);
        // The proxy was faster.
        let _: () = connection
            .hset_multiple(&key, &fields(500))
            .expect("stored");
        time.store(300, std::sync::atomic::Ordering::SeqCst);
        fetcher.polls(1);
        assert_eq!(fetcher.lcut(), 300);
        let stored: i64 = connection.hget(&key, "lcut").expect("asked");
        assert_eq!(stored, 500, "newer specs stay");
        // A string, as other adapters write it.
        let _: () = connection.del(&key).expect("gone");
        redis.put(&key, &specs(600));
        reader.polls(1);
        assert_eq!(reader.lcut(), 600);
        time.store(700, std::sync::atomic::Ordering::SeqCst);
        fetcher.polls(1);
        let stored: i64 = connection.hget(&key, "lcut").expect("asked");
        assert_eq!(stored, 700);
    }
}

#[test]
fn files_of_id_lists_are_shared() {
    let redis = RedisServer::start();
    let lists = Lists::new();
    lists.file("l", &FILE[..6]);
    lists.announce(&[("l", 6, "f1", 1)]);
    let fetcher = Steps::new(options(&lists.server, using(redis.url(), json!({}))));
    let reader = Steps::new(options(&lists.server, reading(redis.url())));
    assert_eq!(lists.ranges(), ["bytes=0-"], "one of both");
    lists.file("l", FILE);
    lists.announce(&[("l", 12, "f1", 1)]);
    fetcher.step(60_000);
    reader.step(60_000);
    assert_eq!(lists.ranges(), ["bytes=0-", "bytes=6-"]);
    assert_eq!(letters(&reader.client, "l").as_deref(), Some("bc"));
    assert_eq!(
        redis.value("/v1/download_id_list_file/f1").as_deref(),
        Some(FILE)
    );
}

struct Nothing;

impl DataStore for Nothing {
    fn get(&self, _: &str) -> Result<Option<Vec<u8>>, Error> {
        Ok(None)
    }

    fn set(&self, _: &str, _: &[u8], _: i64) -> Result<(), Error> {
        Ok(())
    }

    fn supports_polling(&self, _: &str) -> bool {
        false
    }

    fn shutdown(&self) {}
}

#[test]
fn what_cannot_be_is_refused_by_name() {
    let refused = |url: &str, hooks: Hooks| {
        let settings = settings(&json!({"redis_url": url}));
        let made = Client::new(KEY, Options { settings, hooks });
        made.err().expect("refused").to_string()
    };
    let error = refused("http://user:hunter2@h", Hooks::default());
    assert!(
        error.starts_with("redis_url") && !error.contains("hunter2"),
        "{error}"
    );
    let hooks = Hooks {
        data_store: Some(Arc::new(Nothing)),
        ..Hooks::default()
    };
    let error = refused("redis://h", hooks);
    assert!(error.starts_with("redis_url"), "{error}");
}

/// What the fork handlers call; this process plays the child beside its parent's thread.
#[test]
fn a_forked_child_connects_by_itself() {
    let redis = RedisServer::start();
    redis.put(SPECS_KEY, &specs(100));
    let m = service().start();
    let steps = Steps::new(options(&m, reading(redis.url())));
    let connections = || {
        let info: String = redis::cmd("CLIENT")
            .arg("LIST")
            .query(&mut redis.connection())
            .expect("a list");
        info.lines().count()
    };
    let before = connections();
    steps.client.after_fork_child();
    redis.put(SPECS_KEY, &specs(200));
    steps.client.sync_now(30_000).expect("refreshed");
    assert_eq!(steps.lcut(), 200);
    assert_eq!(connections(), before + 1, "the parent's is left alone");
}
