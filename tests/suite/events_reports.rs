//! What a client says about itself: diagnostics, error reports, log lines, metrics.

use std::sync::Arc;

use parking_lot::Mutex;
use serde_json::{Value, json};
use tidegate::clock::ManualClock;
use tidegate::host::{Delivery, Hooks, Metrics};

use crate::local_server::fault::Fault;
use crate::local_server::record::Endpoint;
use crate::support::c_api::HeardLog;
use crate::support::c_events::*;

/// All diagnostics are kept, those of `rates` apart.
fn all_rates(rates: Value) -> Value {
    let mut all = json!({
        "initialize": 10_000, "dcs": 10_000, "idlist": 10_000, "api_call": 10_000,
        "logevent": 10_000,
    });
    for (name, rate) in rates.as_object().expect("an object") {
        all[name] = rate.clone();
    }
    json!({"diagnostics": all})
}

fn of_context(events: &[Value], context: &str) -> Vec<Value> {
    let is_of = |event: &&Value| event["metadata"]["context"] == context;
    events.iter().filter(is_of).cloned().collect()
}

fn markers(event: &Value) -> Vec<Value> {
    let markers = event["metadata"]["markers"].as_array();
    markers.expect("markers").clone()
}

/// Each marker as `key step action`.
fn named(event: &Value) -> Vec<String> {
    let name = |marker: Value| {
        let part = |member: &str| marker[member].as_str().unwrap_or("-").to_owned();
        format!("{} {} {}", part("key"), part("step"), part("action"))
    };
    markers(event).into_iter().map(name).collect()
}

const ID_LISTS: [&str; 4] = [
    "get_id_list_sources network_request start",
    "get_id_list_sources network_request end",
    "get_id_list_sources process start",
    "get_id_list_sources process end",
];

/// Between the start and the end of it all.
fn in_overall(before: &[&str]) -> Vec<String> {
    let start = ["overall - start"];
    let all = start.iter().chain(before).chain(&ID_LISTS);
    all.chain(&["overall - end"])
        .map(|name| (*name).to_owned())
        .collect()
}

#[test]
fn g1_initialize_is_told_first() {
    let setup = Setup::with_rules(json!({"tier": "dev"}), all_rates(json!({})));
    setup.gate(&a(), "g_on");
    setup.flush();
    let event = setup.server.events().remove(0);
    assert_eq!(event["eventName"], "statsig::diagnostics");
    let members: Vec<_> = event.as_object().expect("an object").keys().collect();
    assert_eq!(members, ["eventName", "metadata", "time"]);
    assert!(event["time"].is_u64());
    assert_eq!(event["metadata"]["context"], "initialize");
    let options = &event["metadata"]["statsigOptions"];
    assert_eq!(options["environment"], json!({"tier": "dev"}));
    assert_eq!(options["disable_diagnostics"], true);
    assert_eq!(
        named(&event),
        in_overall(&[
            "download_config_specs network_request start",
            "download_config_specs network_request end",
            "download_config_specs process start",
            "download_config_specs process end",
        ])
    );
    let markers = markers(&event);
    assert!(markers.iter().all(|marker| marker["timestamp"].is_u64()));
    let end = &markers[2];
    assert_eq!(
        (&end["statusCode"], &end["success"]),
        (&json!(200), &json!(true))
    );
    assert_eq!(end["networkProtocol"], "http");
    assert!(!end["url"].as_str().expect("a URL").contains(KEY));
    assert_eq!(markers[7]["idListCount"], 0);
    assert_eq!(markers[9]["success"], true);
}

#[test]
fn g1_initialize_from_bootstrap_values() {
    let rules = fixture_with(all_rates(json!({})));
    let setup = Setup::new(json!({"bootstrap_values": rules.to_string()}));
    assert_eq!(
        named(&setup.diagnostics()[0]),
        in_overall(&["bootstrap process start", "bootstrap process end"])
    );
}

#[test]
fn g1_initialize_without_rules() {
    let server = Arc::new(serve(&fixture()));
    server.fault(Fault {
        times: -1,
        ..Fault::status(Endpoint::Specs, 500)
    });
    let setup = Plan::default().start_on(server);
    let event = setup.diagnostics().remove(0);
    assert_eq!(
        named(&event),
        in_overall(&[
            "download_config_specs network_request start",
            "download_config_specs network_request end",
        ])
    );
    let markers = markers(&event);
    let end = &markers[2];
    assert_eq!(
        (&end["statusCode"], &end["success"]),
        (&json!(500), &json!(false))
    );
    assert!(end["error"]["name"].is_string() && end["error"]["message"].is_string());
    assert_eq!(
        markers[7]["success"], true,
        "the network is no reason to fail"
    );
}

#[test]
fn g2_the_rules_can_stop_it() {
    let setup = Setup::with_rules(
        json!({}),
        all_rates(json!({"initialize": 0, "logevent": 0})),
    );
    assert_eq!(setup.diagnostics(), Vec::<Value>::new());
}

/// Rules and options under which calls are measured.
fn measured() -> Setup {
    Setup::with_rules(json!({"disable_diagnostics": false}), all_rates(json!({})))
}

#[test]
fn g3_calls_are_measured() {
    let setup = measured();
    setup.gate(&a(), "g_on");
    setup.config(&a(), "c_one");
    setup.get(Kind::Experiment, &a(), "exp_a");
    setup.layer(&a(), "layer_a");
    setup.get(Kind::Gate, &a(), "g_off");
    let events = of_context(&setup.diagnostics(), "api_call");
    assert_eq!(events.len(), 1);
    let told: Vec<_> = markers(&events[0])
        .into_iter()
        .map(|mut marker| {
            let marker = marker.as_object_mut().expect("an object");
            assert!(marker.remove("timestamp").is_some_and(|time| time.is_u64()));
            Value::Object(marker.clone())
        })
        .collect();
    let expected: Vec<_> = [
        ("check_gate", "g_on", 0),
        ("get_config", "c_one", 2),
        ("get_experiment", "exp_a", 4),
        ("get_layer", "layer_a", 6),
    ]
    .into_iter()
    .flat_map(|(key, name, number)| {
        let id = format!("{key}_{number}");
        let start = json!({"key": key, "action": "start", "markerID": id, "configName": name});
        let mut end = start.clone();
        end["action"] = json!("end");
        end["success"] = json!(true);
        [start, end]
    })
    .collect();
    assert_eq!(told, expected);
}

/// The callback of the host is no part of the measured call, and does not hide it.
#[test]
fn g3_calls_are_measured_beside_an_evaluation_callback() {
    let setup = Plan {
        options: json!({"disable_diagnostics": false}),
        rules: fixture_with(all_rates(json!({}))),
        hooks: Hooks {
            evaluation: Some(Arc::new(|_: &str| {})),
            ..Hooks::default()
        },
        ..Plan::default()
    }
    .start();
    setup.gate(&a(), "g_on");
    let event = of_context(&setup.diagnostics(), "api_call").remove(0);
    assert_eq!(named(&event), ["check_gate - start", "check_gate - end"]);
}

#[test]
fn g4_markers_are_capped() {
    let setup = measured();
    for _ in 0..40 {
        setup.gate(&a(), "g_on");
    }
    let event = of_context(&setup.diagnostics(), "api_call").remove(0);
    let markers = markers(&event);
    assert_eq!(markers.len(), 50);
    let last = &markers[49];
    assert_eq!(
        (&last["markerID"], &last["action"]),
        (&json!("check_gate_48"), &json!("end"))
    );
}

#[test]
fn g5_the_option_stops_the_measuring_of_calls_only() {
    let options = json!({"disable_diagnostics": true});
    let setup = Setup::with_rules(options, all_rates(json!({})));
    setup.gate(&a(), "g_on");
    setup.flush();
    let events = setup.diagnostics();
    assert_eq!(of_context(&events, "api_call"), Vec::<Value>::new());
    assert_eq!(of_context(&events, "initialize").len(), 1);
    let delivery = of_context(&events, "log_event").remove(0);
    assert_eq!(
        named(&delivery),
        ["- network_request start", "- network_request end"]
    );
    let markers = markers(&delivery);
    assert_eq!(markers[0]["markerID"], "2", "specs and id lists came first");
    let end = &markers[1];
    assert_eq!(
        (&end["markerID"], &end["statusCode"]),
        (&json!("2"), &json!(202))
    );
    assert_eq!(
        (&end["success"], &end["networkProtocol"]),
        (&json!(true), &json!("http"))
    );
    assert!(end["payloadSize"].as_u64() > Some(0));
}

/// How each rate is read is a unit test; here it is seen at work.
#[test]
fn g6_rates_are_clamped_and_cut() {
    for (rate, events) in [
        (json!(20_000), 1),
        (json!("x"), 1),
        (json!(-4), 0),
        (json!(0.9), 0),
    ] {
        let rates = all_rates(json!({"initialize": rate, "logevent": 0}));
        let setup = Setup::with_rules(json!({}), rates);
        assert_eq!(setup.diagnostics().len(), events, "{rate}");
    }
}

#[test]
fn g7_initialize_runs_out_of_time() {
    let server = Arc::new(serve(&fixture_with(all_rates(json!({})))));
    server.fault(Fault {
        times: -1,
        hold: Some("held".to_owned()),
        ..Fault::on(Endpoint::Specs)
    });
    let client = Plan {
        options: json!({"overall_init_timeout": 0.2}),
        ..Plan::default()
    }
    .client(&server);
    const E_TIMEOUT: i32 = -7;
    let begun = client.initialize(30_000);
    assert_eq!(begun.map_err(|error| error.status), Err(E_TIMEOUT));
    assert!(client.is_initialized());
    let details = client.init_details();
    assert_eq!(
        (&details["timed_out"], &details["init_success"]),
        (&json!(true), &json!(false))
    );
    let setup = Setup { client, server };
    assert!(!setup.gate(&a(), "g_on"));
    setup.server.release("held");
    let patience = std::time::Instant::now();
    while !setup.gate(&a(), "g_on") {
        assert!(patience.elapsed() < PATIENCE, "specs never arrive");
        std::thread::yield_now();
    }
    let specs = setup.server.requests_to(Endpoint::Specs);
    assert_eq!(specs.len(), 1, "initialization goes on, no second one runs");
    // It is told once it has ended, as too late.
    let told = loop {
        let told = of_context(&setup.diagnostics(), "initialize");
        if !told.is_empty() {
            break told;
        }
        assert!(patience.elapsed() < PATIENCE, "initialize never ends");
    };
    let end = markers(&told[0]).pop().expect("markers");
    assert_eq!(
        (&end["key"], &end["success"]),
        (&json!("overall"), &json!(false))
    );
}

/// What the error callback was told.
type Told = Arc<Mutex<Vec<(String, String)>>>;

/// A client whose evaluation callback fails. It is made in Rust: a C function must not unwind.
fn failing(options: Value) -> (Setup, Told) {
    let told = Told::default();
    let tell = Arc::clone(&told);
    let setup = Plan {
        options,
        rules: silent_rules(json!({})),
        hooks: Hooks {
            evaluation: Some(Arc::new(|_: &str| panic!("a broken callback"))),
            error: Some(Arc::new(move |tag: &str, code: &str, _: &str| {
                tell.lock().push((tag.to_owned(), code.to_owned()));
            })),
            ..Hooks::default()
        },
        clock: Some(Arc::new(ManualClock::new(RULES_TIME))),
        ..Plan::default()
    }
    .start();
    (setup, told)
}

fn callback_error() -> (String, String) {
    let text = str::to_owned;
    (text("evaluation_callback"), text("CallbackError"))
}

#[test]
fn g8_a_failing_callback_changes_no_result() {
    let (setup, told) = failing(json!({}));
    assert!(setup.gate(&a(), "g_on"));
    assert_eq!(setup.config(&ax(), "c_one").get_i64("num"), Some(7));
    let reports = setup.wait_for_reports("evaluation_callback", 1);
    assert_eq!(reports[0]["exception"], "CallbackError");
    assert_eq!(*told.lock(), [callback_error()]);
    assert_eq!(setup.events().len(), 2);
}

#[test]
fn g9_errors_of_one_kind_are_told_once() {
    let (setup, told) = failing(json!({}));
    for _ in 0..3 {
        setup.config(&a(), "c_one");
    }
    setup.layer(&a(), "layer_a");
    setup.wait_for_reports("evaluation_callback", 1);
    setup.shutdown();
    let reports = setup.server.requests_to(Endpoint::SdkException);
    assert_eq!(reports.len(), 1);
    assert_eq!(*told.lock(), [callback_error()]);
}

#[test]
fn g10_without_logging_nobody_is_told() {
    let (setup, told) = failing(json!({"disable_all_logging": true}));
    assert!(setup.gate(&a(), "g_on"));
    setup.shutdown();
    assert!(setup.server.requests_to(Endpoint::SdkException).is_empty());
    assert!(told.lock().is_empty());
}

#[test]
fn error_reports_can_be_switched_off() {
    let (setup, told) = failing(json!({"disable_error_reporting": true}));
    assert!(setup.gate(&a(), "g_on"));
    setup.shutdown();
    assert!(setup.server.requests_to(Endpoint::SdkException).is_empty());
    assert_eq!(*told.lock(), [callback_error()], "the host is told");
}

/// The legacy SDK prints `secret-****`; here five characters stay, which tell keys apart.
#[test]
fn g11_keys_are_masked_in_the_log() {
    const DEBUG: i32 = 4;
    let log = HeardLog::start(DEBUG);
    let refused = Client::new(KEY, r#"{"secret-abcDEF123-xyz": 1}"#, &Hooks::default());
    assert!(refused.is_err());

    // A life full of failures.
    let server = Arc::new(serve(&silent_rules(json!({}))));
    server.fault(Fault::status(Endpoint::LogEvent, 403));
    server.fault(Fault {
        disconnect: true,
        ..Fault::on(Endpoint::IdLists)
    });
    let setup = Plan::default().start_on(server);
    setup.gate(&a(), "g_on");
    assert_eq!(setup.flush().dropped, 1);
    let details = setup.client.init_details().to_string();
    let stats = setup.client.stats().to_string();
    setup.wait_for_reports("statsig::log_event_failed", 1);
    setup.shutdown();
    let lines: Vec<String> = log.lines().into_iter().map(|(_, line)| line).collect();
    drop(log);
    let masked = "secret-abcDE*****-xyz";
    assert!(lines.iter().any(|line| line.contains(masked)), "{lines:?}");
    assert!(
        lines.iter().any(|line| line.contains("403")),
        "failures are logged: {lines:?}"
    );
    let bodies = setup.server.requests().into_iter();
    let bodies = bodies.map(|request| request.body.to_string());
    for text in lines.iter().cloned().chain(bodies).chain([details, stats]) {
        assert!(!text.contains(KEY), "{text}");
        assert!(!text.contains("secret-abcDEF123"), "{text}");
    }
}

/// A collector, callbacks and a sink that all fail. They are Rust's: a C function must not unwind.
#[test]
fn g12_failing_hooks_do_no_harm() {
    struct Broken;
    impl Metrics for Broken {
        fn increment(&self, _: &str, _: f64, _: &str) {
            panic!("a broken collector");
        }
        fn gauge(&self, _: &str, _: f64, _: &str) {
            panic!("a broken collector");
        }
        fn distribution(&self, _: &str, _: f64, _: &str) {
            panic!("a broken collector");
        }
        fn wants_high_cardinality(&self) -> bool {
            panic!("a broken collector");
        }
    }
    let setup = Plan {
        options: json!({"threads": "none"}),
        rules: silent_rules(json!({})),
        hooks: Hooks {
            metrics: Some(Arc::new(Broken)),
            evaluation: Some(Arc::new(|_: &str| panic!("broken"))),
            rules_updated: Some(Arc::new(|_, _| panic!("broken"))),
            flushed: Some(Arc::new(|_: &Delivery| panic!("broken"))),
            error: Some(Arc::new(|_: &str, _: &str, _: &str| panic!("broken"))),
            ..Hooks::default()
        },
        clock: Some(Arc::new(ManualClock::new(RULES_TIME))),
        ..Plan::default()
    }
    .start();
    assert!(setup.gate(&a(), "g_on"));
    assert_eq!(setup.flush().sent, 1);
    setup.server.fault(Fault::status(Endpoint::LogEvent, 400));
    setup.gate(&ax(), "g_email");
    assert_eq!(setup.flush().dropped, 1);
    setup.shutdown();
    let stats = setup.stats();
    assert_eq!(
        (&stats["sent"], &stats["dropped"]["total"]),
        (&json!(1), &json!(1))
    );
}

#[test]
fn an_error_report_has_the_shape_of_the_protocol() {
    let server = Arc::new(serve(&silent_rules(json!({}))));
    server.fault(Fault::status(Endpoint::LogEvent, 400));
    let setup = Plan {
        options: json!({
            "event_queue_size": 2, "tier": "dev", "bootstrap_values": "{}",
            "wrapper": {"name": "go", "version": "3"},
        }),
        ..Plan::default()
    }
    .start_on(server);
    setup.gate(&a(), "g_on");
    setup.flush();
    setup.wait_for_reports("statsig::log_event_failed", 1);
    let records = setup.server.requests_to(Endpoint::SdkException);
    let record = records
        .iter()
        .find(|record| record.body["tag"] == "statsig::log_event_failed")
        .expect("the report");
    for (name, value) in [
        ("content-type", "application/json"),
        ("statsig-api-key", KEY),
        ("statsig-sdk-type", "tidegate-go"),
        ("statsig-sdk-version", "3"),
    ] {
        assert_eq!(record.header(name), Some(value), "{name}");
    }
    assert_eq!(record.header("content-encoding"), None);
    let body = record.body.as_object().expect("an object");
    let mut members: Vec<_> = body.keys().map(String::as_str).collect();
    members.sort_unstable();
    let expected = [
        "exception",
        "extra",
        "info",
        "statsigMetadata",
        "statsigOptions",
        "tag",
    ];
    assert_eq!(members, expected);
    assert_eq!(body["exception"], "statsig::log_event_failed");
    assert!(body["info"].is_string());
    assert!(body["extra"]["error"].is_string());
    assert_eq!(body["statsigOptions"]["event_queue_size"], 2);
    assert_eq!(
        body["statsigOptions"]["bootstrap_values"], "SET",
        "no content"
    );
    let batch = setup.batches().remove(0);
    let mut of_batch = batch.body["statsigMetadata"].clone();
    of_batch
        .as_object_mut()
        .expect("an object")
        .remove("batchID");
    assert_eq!(body["statsigMetadata"], of_batch);
}
