//! The behavioral cases of sync through the boundary: a C program against a scripted server.

use std::path::PathBuf;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::{Value, json};

use super::scripted::{Recorded, Reply, Server};
use super::support::{Build, compile, library, limited, project, succeed};

const SPECS: &str = "/download_config_specs/";

fn specs(time: i64) -> Reply {
    let document = json!({
        "time": time, "has_updates": true, "feature_gates": [], "dynamic_configs": [],
        "layer_configs": [], "layers": {},
    });
    Reply::json(document.to_string())
}

fn no_update() -> Reply {
    Reply::json(r#"{"has_updates":false}"#)
}

/// Answers requests for specs, by their number, and everything else in the simplest way.
fn serving(answer: impl Fn(usize) -> Reply + Send + Sync + 'static) -> Server {
    serving_lists(answer, |_| Reply::json("{}"))
}

fn serving_lists(
    answer: impl Fn(usize) -> Reply + Send + Sync + 'static,
    lists: impl Fn(&Recorded) -> Reply + Send + Sync + 'static,
) -> Server {
    let count = AtomicUsize::new(0);
    Server::start(move |request| {
        if request.path().contains(SPECS) {
            answer(count.fetch_add(1, Ordering::SeqCst))
        } else if request.path().ends_with("/log_event") {
            Reply::new(202, r#"{"success":true}"#)
        } else {
            lists(request)
        }
    })
}

/// The answers in order, the last one again and again.
fn in_turn(answers: Vec<Reply>) -> impl Fn(usize) -> Reply + Send + Sync {
    move |number| answers[number.min(answers.len() - 1)].clone()
}

/// The program, as it is and under the sanitizers; linking takes its time.
fn programs() -> &'static [PathBuf; 2] {
    static PROGRAMS: OnceLock<[PathBuf; 2]> = OnceLock::new();
    PROGRAMS.get_or_init(|| {
        let source = project().join("tests/c/sync/sync.c");
        [Build::Shared, Build::Sanitized].map(|build| compile(&source, library(), build))
    })
}

/// Runs a scenario as a C program and under the sanitizers, each with a server of its own.
fn runs(scenario: &str, server: impl Fn() -> Server, more: impl Fn(&Server) -> Value) -> Server {
    let mut last = None;
    for program in programs() {
        let server = server();
        let mut options = json!({
            "api": server.url("/v1"), "api_for_sdk_exception": server.url("/v1/sdk_exception"),
            "api_for_statsig_network": server.url("/fallback/v1"), "sync_jitter": 0,
            "rulesets_sync_interval": 0.03, "idlists_sync_interval": 0.03,
            "output_logger_level": "none",
        });
        let Value::Object(more) = more(&server) else {
            panic!("options are an object");
        };
        options.as_object_mut().expect("an object").extend(more);
        let mut command = limited(program);
        command.arg(project().join("examples/rules/shop.json"));
        succeed(command.arg(scenario).arg(options.to_string()));
        last = Some(server);
    }
    last.expect("two runs")
}

fn nothing_more(_: &Server) -> Value {
    json!({})
}

fn since(server: &Server) -> Vec<String> {
    let requests = server.requests_to(SPECS);
    let query = |request: &Recorded| {
        request
            .target
            .split_once('?')
            .map_or("", |q| q.1)
            .to_owned()
    };
    requests.iter().map(query).collect()
}

#[test]
fn t01_t34_specs_are_polled_and_the_host_is_told_through_the_boundary() {
    let answers = || in_turn(vec![specs(100), specs(200), specs(150), no_update()]);
    let server = runs("network", || serving(answers()), nothing_more);
    assert_eq!(since(&server)[..2], ["", "sinceTime=100"]);
    let first = &server.requests_to(SPECS)[0];
    assert_eq!(first.target, "/v1/download_config_specs/secret-test.json");
}

/// The legacy SDK gives details with `init_success` false; here the client is not even made.
#[test]
fn t14_a_key_that_is_no_server_key_is_refused_through_the_boundary() {
    let server = runs("refused", || serving(|_| specs(100)), nothing_more);
    assert!(server.requests().is_empty());
}

#[test]
fn t15_local_mode_asks_nobody_through_the_boundary() {
    let more = |_: &Server| json!({"local_mode": true});
    let server = runs("local", || serving(|_| specs(100)), more);
    assert!(server.requests().is_empty());
}

#[test]
fn t19_a_failing_service_leaves_an_initialized_client_through_the_boundary() {
    let answer = |number| {
        if number < 3 {
            Reply::status(500)
        } else {
            specs(100)
        }
    };
    runs("failing", || serving(answer), nothing_more);
}

#[test]
fn t20_the_fallback_helps_out_through_the_boundary() {
    let more = |_: &Server| json!({"fallback_to_statsig_api": true, "rulesets_sync_interval": 60});
    let answer = |number| {
        if number == 0 {
            Reply::status(500)
        } else {
            specs(100)
        }
    };
    let server = runs("fallback", || serving(answer), more);
    let paths: Vec<_> = server
        .requests_to(SPECS)
        .iter()
        .map(|r| r.path().to_owned())
        .collect();
    assert!(
        paths[0].starts_with("/v1/") && paths[1].starts_with("/fallback/v1/"),
        "{paths:?}"
    );
}

#[test]
fn t22_bootstrap_values_start_through_the_boundary() {
    let more = |_: &Server| {
        let values = String::from_utf8(specs(100).body).expect("text");
        json!({"bootstrap_values": values})
    };
    let answers = || in_turn(vec![specs(50), specs(150), no_update()]);
    let server = runs("bootstrap", || serving(answers()), more);
    assert_eq!(since(&server)[..2], ["sinceTime=100", "sinceTime=100"]);
}

/// The legacy SDK starts a second initialization beside the first.
#[test]
fn t31_an_overdue_initialize_goes_on_through_the_boundary() {
    let more = |_: &Server| json!({"overall_init_timeout": 0.1, "rulesets_sync_interval": 60});
    let answer = |_| specs(100).delay(500);
    let server = runs("overdue", || serving(answer), more);
    assert_eq!(since(&server).len(), 1);
}

#[test]
fn initialize_can_be_asynchronous_and_bounded_through_the_boundary() {
    runs("asynchronous", || serving(|_| specs(100)), nothing_more);
    runs(
        "bounded",
        || serving(|_| specs(100).delay(60_000)),
        nothing_more,
    );
}

#[test]
fn t46_a_callback_may_shut_the_client_down_through_the_boundary() {
    let answers = || in_turn(vec![specs(100), specs(200), specs(300)]);
    let server = runs("ended", || serving(answers()), nothing_more);
    assert_eq!(since(&server).len(), 2);
}

#[test]
fn a_client_without_threads_polls_when_ticked_through_the_boundary() {
    let more = |_: &Server| json!({"threads": "none"});
    runs(
        "ticking",
        || serving(in_turn(vec![specs(100), specs(200), no_update()])),
        more,
    );
}

/// The ids are those of `regular_user_id` and `Marcos`.
#[test]
fn t49_t50_lists_grow_through_the_boundary() {
    const FILE: &str = "+7/rrkvF6\n+aaaaaaaa\n-7/rrkvF6\n+2Tv4fIVX\n";
    let server = || {
        let rounds = AtomicUsize::new(0);
        let gate = json!({
            "time": 100, "has_updates": true, "dynamic_configs": [], "layer_configs": [],
            "layers": {}, "feature_gates": [{
                "name": "g", "type": "feature_gate", "salt": "s", "enabled": true,
                "entity": "feature_gate", "defaultValue": false, "idType": "userID",
                "rules": [{
                    "name": "r", "id": "r", "salt": "s", "passPercentage": 100, "idType": "userID",
                    "returnValue": true, "conditions": [{
                        "type": "unit_id", "operator": "in_segment_list", "targetValue": "l",
                        "field": null, "additionalValues": {}, "isDeviceBased": false,
                        "idType": "userID",
                    }],
                }],
            }],
        });
        serving_lists(
            move |number| {
                if number == 0 {
                    Reply::json(gate.to_string())
                } else {
                    no_update()
                }
            },
            move |request| {
                if request.path().ends_with("/get_id_lists") {
                    // Long enough at first for the program to look.
                    let size = if rounds.fetch_add(1, Ordering::SeqCst) < 20 {
                        20
                    } else {
                        40
                    };
                    let host = request.header("host").expect("a host");
                    let url = format!("http://{host}/file/l");
                    let list = json!({"size": size, "fileID": "f1", "creationTime": 1, "url": url});
                    return Reply::json(json!({"l": list}).to_string());
                }
                let range = request.header("range").expect("a range");
                match range {
                    "bytes=0-" => Reply::new(206, &FILE[..20]),
                    "bytes=20-" => Reply::new(206, &FILE[20..]),
                    other => panic!("{other}"),
                }
            },
        )
    };
    let server = runs("list", server, nothing_more);
    assert_eq!(server.requests_to("/file/l").len(), 2);
}

/// The legacy SDK counts a write that fails as a failed load and never calls `shutdown`.
#[test]
fn t72_t79_t84_a_data_store_through_the_boundary() {
    let answer = |number| match number {
        0 => specs(200),
        1..=20 => no_update(),
        _ => specs(300),
    };
    let server = runs("store", || serving(answer), nothing_more);
    assert_eq!(since(&server)[0], "sinceTime=100");
}

#[test]
fn t78_a_data_store_that_fails_through_the_boundary() {
    runs("store_that_fails", || serving(|_| specs(100)), nothing_more);
}

#[test]
fn the_last_good_copy_starts_a_client_through_the_boundary() {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR"))
        .join(format!("boundary-copy-{}", std::process::id()));
    let _ = std::fs::remove_dir_all(&folder);
    let with_copy = |_: &Server| json!({"spec_cache_dir": folder, "rulesets_sync_interval": 60});
    runs("asynchronous", || serving(|_| specs(100)), with_copy);
    runs("disk_cache", || serving(|_| Reply::no_answer()), with_copy);
    let _ = std::fs::remove_dir_all(&folder);
}

#[cfg(feature = "redis")]
#[test]
fn redis_is_read_through_the_boundary() {
    let redis = super::redis::RedisServer::start();
    redis.put(
        "statsig.cache",
        &String::from_utf8(specs(100).body).expect("text"),
    );
    let more = |_: &Server| {
        json!({"redis_url": redis.url(), "initialize_sources": ["datastore"],
               "config_sync_sources": ["datastore"]})
    };
    let server = runs("redis", || serving(|_| specs(500)), more);
    assert!(server.requests_to(SPECS).is_empty());
}
