//! Events that the host logs.

use std::sync::Arc;

use serde_json::{Value, json};
use tidegate::clock::{Clock, ManualClock};
use tidegate::exposure::EventValue;

use crate::support::events::*;

/// Logs one event for user "a"; gives what the server received, without user and time.
fn logged(value: EventValue, metadata: Option<&str>) -> Value {
    let setup = Setup::new(json!({}));
    setup
        .client
        .log_event(&a(), "e", value, metadata)
        .expect("accepted");
    let mut events = setup.events();
    assert_eq!(events.len(), 1);
    let user = events[0]
        .as_object_mut()
        .and_then(|event| event.remove("user"));
    assert_eq!(user, Some(json!({"userID": "a"})));
    events.remove(0)
}

#[test]
fn e1_a_name_is_enough() {
    assert_eq!(logged(EventValue::None, None), json!({"eventName": "e"}));
}

#[test]
fn e2_values() {
    for (value, expected) in [
        (EventValue::Number(9.99), json!(9.99)),
        (EventValue::Number(3.0), json!(3)),
        (EventValue::Text("SKU".into()), json!("SKU")),
        (EventValue::Number(0.0), json!(0)),
        (EventValue::Text("".into()), json!("")),
        (EventValue::Number(-0.5), json!(-0.5)),
        (EventValue::Number(1e300), json!(1e300)),
        (
            EventValue::Text("a\"b\\c\n\u{1}\u{e9}".into()),
            json!("a\"b\\c\n\u{1}\u{e9}"),
        ),
    ] {
        assert_eq!(
            logged(value, None),
            json!({"eventName": "e", "value": expected})
        );
    }
}

#[test]
fn e3_and_e4_metadata_is_passed_on_as_it_is() {
    for metadata in [
        json!({"s": "x", "n": 1, "b": true, "nul": null, "o": {"a": [1]}}),
        json!({}),
    ] {
        let event = logged(EventValue::None, Some(&metadata.to_string()));
        assert_eq!(event, json!({"eventName": "e", "metadata": metadata}));
    }
}

#[test]
fn e5_e6_and_e9_events_from_json() {
    let setup = Setup::new(json!({"tier": "dev"}));
    let event = json!({
        "user": {"userID": "a", "privateAttributes": {"x": 1}},
        "event_name": "e",
        "statsigMetadata": {"foo": 1},
        "time": 1_234,
    });
    setup
        .client
        .log_event_json(&event.to_string())
        .expect("accepted");
    setup.flush();
    let events = setup.server.events();
    assert_eq!(
        events
            .iter()
            .filter(|event| event["eventName"] == "e")
            .collect::<Vec<_>>(),
        [&json!({
            "user": {"userID": "a", "statsigEnvironment": {"tier": "dev"}},
            "eventName": "e", "statsigMetadata": {"foo": 1}, "time": 1_234,
        })]
    );
}

/// The legacy SDK swallows a missing user and reports an exception; here it is an error of the call.
#[test]
fn e7_and_e8_what_is_no_event_is_refused() {
    let setup = Setup::new(json!({}));
    for event in [
        json!({"event_name": "e"}),
        json!({"user": null, "event_name": "e"}),
        json!({"user": {}, "event_name": "e"}),
        json!({"user": {"userID": "a"}}),
        json!({"user": {"userID": "a"}, "event_name": ""}),
        json!({"user": {"userID": "a"}, "event_name": null}),
        json!({"user": {"userID": "a"}, "event_name": 5}),
        json!({"user": {"userID": "a"}, "event_name": "e", "value": []}),
        json!({"user": {"userID": "a"}, "event_name": "e", "value": {}}),
        json!({"user": {"userID": "a"}, "event_name": "e", "value": true}),
        json!({"user": {"userID": "a"}, "event_name": "e", "metadata": [1]}),
    ] {
        assert!(
            setup.client.log_event_json(&event.to_string()).is_err(),
            "{event}"
        );
    }
    assert!(
        setup
            .client
            .log_event(&a(), "", EventValue::None, None)
            .is_err()
    );
    let long = format!("{{\"x\":\"{}\"}}", "x".repeat(2 << 20));
    assert!(
        setup
            .client
            .log_event(&a(), "e", EventValue::None, Some(&long))
            .is_err()
    );
    assert_eq!(setup.events(), Vec::<Value>::new());
    assert_eq!(setup.stats()["accepted"], setup.stats()["sent"]);
}

#[test]
fn e9_the_time_is_that_of_the_call() {
    let clock = Arc::new(ManualClock::new(RULES_TIME));
    let setup = Plan {
        options: json!({"threads": "none"}),
        clock: Some(Arc::clone(&clock)),
        ..Plan::default()
    }
    .start();
    clock.advance(5);
    setup
        .client
        .log_event(&a(), "e", EventValue::None, None)
        .expect("accepted");
    let logged_at = clock.now_ms();
    clock.advance(300);
    setup.flush();
    let events = setup.server.events();
    let event = events
        .iter()
        .find(|event| event["eventName"] == "e")
        .expect("the event");
    assert_eq!(event["time"], json!(logged_at));
}

/// Metadata is text by the time it is accepted, so nothing the caller does later changes it.
#[test]
fn e10_and_d5_equal_events_are_two_events() {
    let setup = Setup::new(json!({}));
    for metadata in [r#"{"k":1}"#, r#"{"k":1}"#, r#"{"k":2}"#] {
        setup
            .client
            .log_event(&a(), "e", EventValue::None, Some(metadata))
            .expect("accepted");
    }
    let metadata: Vec<_> = setup
        .events()
        .iter()
        .map(|e| e["metadata"]["k"].clone())
        .collect();
    assert_eq!(metadata, [json!(1), json!(1), json!(2)]);
}

#[test]
fn before_initialize_and_after_shutdown_events_are_refused() {
    let server = serve(&fixture());
    let client = Plan::default().client(&server);
    assert!(client.log_event(&a(), "e", EventValue::None, None).is_err());

    let setup = Setup::new(json!({}));
    setup.shutdown();
    assert!(
        setup
            .client
            .log_event(&a(), "e", EventValue::None, None)
            .is_err()
    );
    assert!(
        setup
            .client
            .check_gate(&a(), "g_on", Default::default())
            .is_err()
    );
    assert_eq!(normal_form(setup.server.events()), Vec::<Value>::new());
}
