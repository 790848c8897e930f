//! What a client says about itself: diagnostics, error reports, the log.

use std::sync::Arc;

use parking_lot::Mutex;
use serde_json::{Value, json};
use tidegate::eval::Kind;
use tidegate::exposure::EventValue;
use tidegate::host::{Hooks, Metrics};
use tidegate::options::LogLevel;
use tidegate::report::log::{LogSink, set_sink};

use crate::local_server::fault::Fault;
use crate::local_server::record::Endpoint;
use crate::support::events::*;

/// Diagnostics received, of one context.
fn diagnostics(setup: &Setup, context: &str) -> Vec<Value> {
    setup.flush();
    let is_wanted = |event: &Value| {
        event["eventName"] == "statsig::diagnostics" && event["metadata"]["context"] == context
    };
    setup
        .server
        .events()
        .into_iter()
        .filter(is_wanted)
        .collect()
}

fn rates(rate: u32) -> Value {
    let names = ["initialize", "dcs", "idlist", "api_call", "logevent"];
    let rates: serde_json::Map<_, _> = names
        .into_iter()
        .map(|name| (name.to_owned(), json!(rate)))
        .collect();
    json!({"diagnostics": rates})
}

fn steps(event: &Value) -> Vec<String> {
    let text = |value: &Value| value.as_str().unwrap_or("-").to_owned();
    event["metadata"]["markers"]
        .as_array()
        .expect("markers")
        .iter()
        .map(|m| {
            format!(
                "{} {} {}",
                text(&m["key"]),
                text(&m["step"]),
                text(&m["action"])
            )
        })
        .collect()
}

#[test]
fn g1_initialize_is_told_first() {
    let setup = Setup::new(json!({"tier": "dev"}));
    setup.gate(&a(), "g_on");
    let events = diagnostics(&setup, "initialize");
    assert_eq!(events.len(), 1);
    assert_eq!(
        setup.server.events()[0],
        events[0],
        "the first event of all"
    );
    let event = &events[0];
    assert_eq!(
        steps(event),
        [
            "overall - start",
            "download_config_specs network_request start",
            "download_config_specs network_request end",
            "download_config_specs process start",
            "download_config_specs process end",
            "get_id_list_sources network_request start",
            "get_id_list_sources network_request end",
            "get_id_list_sources process start",
            "get_id_list_sources process end",
            "overall - end",
        ]
    );
    let markers = event["metadata"]["markers"].as_array().expect("markers");
    assert_eq!(markers[9]["success"], true);
    assert_eq!(markers[2]["statusCode"], 200);
    let options = &event["metadata"]["statsigOptions"];
    assert_eq!(options["environment"], json!({"tier": "dev"}));
    assert_eq!(options["disable_diagnostics"], true);
    assert!(event["time"].is_u64());
    for absent in ["user", "secondaryExposures", "statsigMetadata"] {
        assert!(event.get(absent).is_none(), "{absent}");
    }
    assert!(!event.to_string().contains(KEY), "the key is masked");
}

#[test]
fn g2_the_first_rules_can_keep_initialize_from_being_told() {
    let setup = Setup::with_rules(json!({}), json!({"diagnostics": {"initialize": 0}}));
    assert!(diagnostics(&setup, "initialize").is_empty());
}

#[test]
fn g3_calls_are_marked() {
    let setup = Setup::with_rules(json!({"disable_diagnostics": false}), rates(10_000));
    setup.gate(&a(), "g_on");
    setup.config(&a(), "c_one");
    setup.get(Kind::Experiment, &a(), "exp_a");
    setup.layer(&a(), "layer_a");
    setup.get(Kind::Gate, &a(), "g_on");
    let events = diagnostics(&setup, "api_call");
    assert_eq!(events.len(), 1);
    let markers = events[0]["metadata"]["markers"]
        .as_array()
        .expect("markers");
    let ids: Vec<&str> = markers
        .iter()
        .filter_map(|marker| marker["markerID"].as_str())
        .collect();
    assert_eq!(
        ids,
        [
            "check_gate_0",
            "check_gate_0",
            "get_config_2",
            "get_config_2",
            "get_experiment_4",
            "get_experiment_4",
            "get_layer_6",
            "get_layer_6",
        ]
    );
    assert_eq!(markers[0]["configName"], "g_on");
    assert_eq!(markers[1]["success"], true);
}

#[test]
fn g4_markers_are_bounded() {
    let setup = Setup::with_rules(json!({"disable_diagnostics": false}), rates(10_000));
    for _ in 0..40 {
        setup.gate(&a(), "g_on");
    }
    let events = diagnostics(&setup, "api_call");
    assert_eq!(
        events[0]["metadata"]["markers"].as_array().map(Vec::len),
        Some(50)
    );
}

#[test]
fn g5_disable_diagnostics_concerns_calls_only() {
    let setup = Setup::with_rules(json!({"disable_diagnostics": true}), rates(10_000));
    setup.gate(&a(), "g_on");
    setup.flush();
    assert!(diagnostics(&setup, "api_call").is_empty());
    assert_eq!(diagnostics(&setup, "initialize").len(), 1);
    let events = diagnostics(&setup, "log_event");
    assert!(!events.is_empty());
    let markers = events[0]["metadata"]["markers"]
        .as_array()
        .expect("markers");
    // Two requests of initialize went before.
    assert_eq!(markers[0]["markerID"], "2");
    assert_eq!(
        (
            &markers[1]["statusCode"],
            &markers[1]["success"],
            &markers[1]["networkProtocol"]
        ),
        (&json!(202), &json!(true), &json!("http"))
    );
    assert!(markers[1]["payloadSize"].as_u64() > Some(0));
    assert!(markers[0].get("key").is_none());
}

/// In the legacy SDK the caller gets a default when its callback fails; here the answer stands.
#[test]
fn g8_a_callback_that_fails_changes_no_answer() {
    let setup = Plan {
        hooks: Hooks {
            evaluation: Some(Arc::new(|_: &str| panic!("broken"))),
            ..Hooks::default()
        },
        ..Plan::default()
    }
    .start();
    assert!(setup.gate(&a(), "g_on"));
    assert_eq!(setup.config(&a(), "c_one").get_i64("num"), Some(1));
    assert_eq!(setup.events().len(), 2);
    assert_eq!(setup.wait_for_reports("evaluation_callback", 1).len(), 1);
}

/// An error of one kind is told once for each place it occurs in; the legacy SDK tells it once.
#[test]
fn g9_errors_are_reported_once_per_kind() {
    let told: Arc<Mutex<Vec<String>>> = Arc::default();
    let tell = Arc::clone(&told);
    let setup = Plan {
        options: json!({"tier": "dev"}),
        hooks: Hooks {
            error: Some(Arc::new(move |tag: &str, _: &str, _: &str| {
                tell.lock().push(tag.to_owned())
            })),
            ..Hooks::default()
        },
        ..Plan::default()
    }
    .start();
    let reporter = &setup.client.context().reporter;
    for tag in ["get_config", "get_config", "get_config", "get_layer"] {
        let info = format!("the key is {KEY}");
        reporter.error(tag, "TypeError", &info, Some(json!({"configName": "c"})));
    }
    let report = setup.wait_for_reports("get_config", 1).remove(0);
    assert_eq!(setup.wait_for_reports("get_layer", 1).len(), 1);
    assert_eq!(setup.wait_for_reports("get_config", 1).len(), 1);
    assert_eq!(*told.lock(), ["get_config", "get_layer"]);
    assert_eq!(report["exception"], "TypeError");
    assert_eq!(report["extra"], json!({"configName": "c"}));
    assert_eq!(
        report["statsigOptions"]["environment"],
        json!({"tier": "dev"})
    );
    assert_eq!(report["statsigMetadata"]["sdkType"], "tidegate");
    assert!(!report.to_string().contains(KEY), "the key is masked");

    let request = setup.server.requests_to(Endpoint::SdkException).remove(0);
    for (name, value) in [
        ("content-type", Some("application/json")),
        ("statsig-api-key", Some(KEY)),
        ("statsig-sdk-type", Some("tidegate")),
        ("content-encoding", None),
    ] {
        assert_eq!(request.header(name), value, "{name}");
    }
}

#[test]
fn a_report_server_that_hangs_delays_nothing() {
    let setup = Setup::new(json!({}));
    let held = Some("held".to_owned());
    setup.server.fault(Fault {
        times: -1,
        hold: held,
        ..Fault::on(Endpoint::SdkException)
    });
    setup
        .client
        .context()
        .reporter
        .error("tag", "exception", "info", None);
    setup.wait_for_reports("tag", 1);
    setup.gate(&a(), "g_on");
    setup.flush();
    setup.shutdown();
    assert_eq!(normal_form(setup.server.events()).len(), 1);
    setup.server.release("held");
}

/// Keeps what it is told about one client, known by a name in the text.
struct Lines(Mutex<Vec<(LogLevel, String)>>);

impl LogSink for Lines {
    fn log(&self, level: LogLevel, _: &str, message: &str) {
        if message.contains("g11") {
            self.0.lock().push((level, message.to_owned()));
        }
    }
    fn level(&self) -> LogLevel {
        LogLevel::Debug
    }
}

/// Five characters of a key stay readable, so that keys can be told apart; the legacy SDK hides all.
#[test]
fn g11_keys_are_masked_in_the_log() {
    let lines = Arc::new(Lines(Mutex::default()));
    set_sink(Some(Arc::clone(&lines) as Arc<dyn LogSink>));
    let quiet = Setup::new(json!({"output_logger_level": "error"}));
    let usual = Setup::new(json!({}));
    for setup in [&quiet, &usual] {
        let reporter = &setup.client.context().reporter;
        reporter.log(LogLevel::Warning, "test", "g11 secret-abcDEF123-xyz");
    }
    set_sink(None);
    let expected = (LogLevel::Warning, "g11 secret-abcDE*****-xyz".to_owned());
    assert_eq!(
        *lines.0.lock(),
        [expected],
        "the options can only ask for less"
    );
}

struct Broken;

impl Metrics for Broken {
    fn increment(&self, _: &str, _: f64, _: &str) {
        panic!("broken");
    }
    fn gauge(&self, _: &str, _: f64, _: &str) {
        panic!("broken");
    }
    fn distribution(&self, _: &str, _: f64, _: &str) {
        panic!("broken");
    }
    fn wants_high_cardinality(&self) -> bool {
        panic!("broken");
    }
}

#[test]
fn g12_a_broken_collector_does_no_harm() {
    let setup = Plan {
        hooks: Hooks {
            metrics: Some(Arc::new(Broken)),
            ..Hooks::default()
        },
        ..Plan::default()
    }
    .start();
    assert!(setup.gate(&a(), "g_on"));
    setup
        .client
        .log_event(&a(), "e", EventValue::None, None)
        .expect("accepted");
    assert_eq!(setup.events().len(), 2);
    setup.shutdown();
}
