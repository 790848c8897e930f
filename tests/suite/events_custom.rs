//! Events that the host logs.

use serde_json::{Value, json};
use tidegate::clock::Clock;
use tidegate::exposure::EventValue;

use crate::support::c_events::*;

/// Logs one event for user "a"; gives what the server received, without user and time.
fn logged(value: EventValue, metadata: Option<&str>) -> Value {
    let setup = Setup::new(json!({}));
    let logged = setup.client.log_event(&a(), "e", value, metadata);
    logged.expect("accepted");
    let mut event = only(setup.events());
    let user = event.as_object_mut().and_then(|event| event.remove("user"));
    assert_eq!(user, Some(json!({"userID": "a"})));
    event
}

fn only(mut events: Vec<Value>) -> Value {
    assert_eq!(events.len(), 1, "{events:?}");
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

#[track_caller]
fn metadata_case(metadata: Value) {
    let event = logged(EventValue::None, Some(&metadata.to_string()));
    assert_eq!(event, json!({"eventName": "e", "metadata": metadata}));
}

#[test]
fn e3_metadata_is_passed_on_as_it_is() {
    metadata_case(json!({"s": "x", "n": 1, "b": true, "nul": null, "o": {"a": [1]}}));
}

#[test]
fn e4_empty_metadata_is_kept() {
    metadata_case(json!({}));
}

/// Half a surrogate pair stands for no character; a server that is strict would refuse the batch.
#[test]
fn half_surrogates_are_replaced() {
    let expected = json!({"eventName": "e", "metadata": {"cut": "a\u{fffd}"}});
    let cut = r#"{"cut": "a\ud83d"}"#;
    assert_eq!(logged(EventValue::None, Some(cut)), expected);
    let setup = Setup::new(json!({}));
    let event =
        format!(r#"{{"user": {{"userID": "\udc00"}}, "event_name": "e", "metadata": {cut}}}"#);
    setup.client.log_event_json(&event).expect("accepted");
    let mut with_user = expected;
    with_user["user"] = json!({"userID": "\u{fffd}"});
    assert_eq!(only(setup.events()), with_user);
}

/// JSON by its grammar, but a server that reads it would have to refuse the batch.
#[test]
fn metadata_that_no_reader_takes_is_refused() {
    let setup = Setup::new(json!({}));
    let deep = [r#"{"a":"#.repeat(500), "1".into(), "}".repeat(500)].concat();
    for metadata in [r#"{"n": 1e999}"#, &deep] {
        let error = setup
            .client
            .log_event(&a(), "e", EventValue::None, Some(metadata));
        assert_eq!(error.expect_err(metadata).status, -4);
        let event = format!(
            r#"[{{"user": {{"userID": "a"}}, "event_name": "bad", "metadata": {metadata}}},
                {{"user": {{"userID": "a"}}, "event_name": "good"}}]"#
        );
        let error = setup.client.log_event_json(&event).expect_err(metadata);
        assert!(error.message.contains("event 0"), "{error:?}");
    }
    let names: Vec<_> = setup
        .events()
        .iter()
        .map(|event| event["eventName"].clone())
        .collect();
    assert_eq!(names, ["good", "good"]);
}

/// Logs one event from JSON; gives what the server received, without its time.
fn logged_json(options: Value, event: Value) -> Value {
    let setup = Setup::new(options);
    let logged = setup.client.log_event_json(&event.to_string());
    logged.expect("accepted");
    only(setup.events())
}

#[test]
fn e5_statsig_metadata_of_the_caller() {
    let event = json!({
        "user": {"userID": "a"}, "event_name": "e", "statsigMetadata": {"foo": 1},
    });
    let expected = json!({
        "user": {"userID": "a"}, "eventName": "e", "statsigMetadata": {"foo": 1},
    });
    assert_eq!(logged_json(json!({}), event), expected);
}

#[test]
fn e6_the_tier_is_added_and_private_attributes_are_not() {
    let event = json!({
        "user": {"userID": "a", "privateAttributes": {"x": 1}}, "event_name": "e",
    });
    let expected = json!({
        "user": {"userID": "a", "statsigEnvironment": {"tier": "dev"}}, "eventName": "e",
    });
    assert_eq!(logged_json(json!({"tier": "dev"}), event), expected);
}

/// A client that is given `events` one by one refuses each, with a message, and sends nothing.
#[track_caller]
fn refused(events: &[Value]) {
    let setup = Setup::new(json!({}));
    for event in events {
        let error = setup.client.log_event_json(&event.to_string());
        let error = error.expect_err(&event.to_string());
        assert!(error.message.contains("event 0"), "{error:?}");
    }
    assert_eq!(setup.events(), Vec::<Value>::new());
    let stats = setup.stats();
    assert_eq!(stats["accepted"], stats["sent"]);
}

/// The legacy SDK swallows a missing user and reports an exception; here it is an error of the call.
#[test]
fn e7_an_event_of_nobody_is_refused() {
    refused(&[
        json!({"event_name": "e"}),
        json!({"user": null, "event_name": "e"}),
        json!({"user": {}, "event_name": "e"}),
        json!({"user": {"userID": ""}, "event_name": "e"}),
        json!({"user": "a", "event_name": "e"}),
    ]);
}

#[test]
fn e8_what_is_no_event_is_refused() {
    let user = json!({"userID": "a"});
    refused(&[
        json!({"user": user}),
        json!({"user": user, "event_name": ""}),
        json!({"user": user, "event_name": null}),
        json!({"user": user, "event_name": 5}),
        json!({"user": user, "event_name": "e", "value": []}),
        json!({"user": user, "event_name": "e", "value": {}}),
        json!({"user": user, "event_name": "e", "value": true}),
        json!({"user": user, "event_name": "e", "metadata": [1]}),
        json!({"user": user, "event_name": "e", "metadata": "x"}),
        json!({"user": user, "event_name": "e", "statsigMetadata": 1}),
        json!({"user": user, "event_name": "e", "time": -1}),
        json!({"user": user, "event_name": "e", "time": 1.5}),
        json!({"user": user, "event_name": "e", "eventname": "typo"}),
    ]);
    let setup = Setup::new(json!({}));
    let long = format!("{{\"x\":\"{}\"}}", "x".repeat(2 << 20));
    for (name, value, metadata) in [
        ("", EventValue::None, None),
        ("e", EventValue::Number(f64::NAN), None),
        ("e", EventValue::Number(f64::INFINITY), None),
        ("e", EventValue::Number(f64::NEG_INFINITY), None),
        ("e", EventValue::None, Some("[]")),
        ("e", EventValue::None, Some("{\"x\":NaN}")),
        ("e", EventValue::None, Some(&*long)),
    ] {
        let text = format!("{name} {value:?}");
        let error = setup.client.log_event(&a(), name, value, metadata);
        assert!(!error.expect_err(&text).message.is_empty());
    }
    assert_eq!(setup.events(), Vec::<Value>::new());
}

#[test]
fn e9_the_time_is_that_of_the_event() {
    let Manual { setup, clock } = Manual::new(json!({}), json!({}));
    clock.advance(5);
    let client = &setup.client;
    client
        .log_event(&a(), "now", EventValue::None, None)
        .expect("accepted");
    let built = json!({"user": {"userID": "a"}, "event_name": "earlier", "time": 1_234});
    client.log_event_json(&built.to_string()).expect("accepted");
    let logged_at = clock.now_ms();
    clock.advance(300);
    setup.flush();
    let events = setup.server.events();
    let time = |name: &str| {
        let event = events.iter().find(|event| event["eventName"] == name);
        event.expect("the event")["time"].clone()
    };
    assert_eq!(time("now"), json!(logged_at));
    assert_eq!(time("earlier"), json!(1_234));
}

/// Metadata is text by the time it is accepted, so nothing the caller does later changes it.
#[test]
fn e10_what_the_caller_does_later_changes_nothing() {
    let setup = Setup::new(json!({}));
    let mut metadata = br#"{"k":1,"o":{"n":1}}"#.to_vec();
    for digit in *b"123" {
        metadata[5] = digit;
        metadata[16] = digit;
        let text = std::str::from_utf8(&metadata).expect("text");
        let logged = setup
            .client
            .log_event(&a(), "e", EventValue::None, Some(text));
        logged.expect("accepted");
    }
    metadata.fill(b'x');
    let metadata: Vec<_> = setup
        .events()
        .iter()
        .map(|event| event["metadata"].clone())
        .collect();
    let expected = [1, 2, 3].map(|n| json!({"k": n, "o": {"n": n}}));
    assert_eq!(metadata, expected);
}

#[test]
fn a_bad_event_does_no_harm_to_its_neighbors() {
    let setup = Setup::new(json!({}));
    let user = json!({"userID": "a"});
    let events = json!([
        {"user": user, "event_name": "first"},
        {"user": user, "event_name": ""},
        {"user": user, "eventName": "third", "value": 1},
        {"event_name": "fourth"},
        {"user": user, "event_name": "fifth", "metadata": null},
    ]);
    let error = setup.client.log_event_json(&events.to_string());
    let error = error.expect_err("two are bad");
    assert!(error.message.contains("event 1"), "{error:?}");
    for text in [
        "[",
        "{}x",
        "7",
        "\"e\"",
        "[{\"user\":{\"userID\":\"a\"},\"event_name\":\"x\"},]",
    ] {
        assert!(setup.client.log_event_json(text).is_err(), "{text}");
    }
    let names: Vec<_> = setup
        .events()
        .iter()
        .map(|event| event["eventName"].clone())
        .collect();
    assert_eq!(names, ["first", "third", "fifth"]);
}

#[test]
fn before_initialize_and_after_shutdown_events_are_refused() {
    const E_STATE: i32 = -6;
    let server = serve(&fixture());
    let client = Plan::default().client(&server);
    let log = |client: &Client| client.log_event(&a(), "e", EventValue::None, None);
    assert_eq!(log(&client).map_err(|error| error.status), Err(E_STATE));
    assert_eq!(client.flush(1_000), Ok(Default::default()));
    assert_eq!(client.shutdown(1_000), Ok(Default::default()));

    let setup = Setup::new(json!({}));
    setup.shutdown();
    let client = &setup.client;
    assert_eq!(log(client).map_err(|error| error.status), Err(E_STATE));
    let checked = client.check_gate(&a(), "g_on", 0);
    assert_eq!(checked.map_err(|error| error.status), Err(E_STATE));
    let manual = client.log_exposure(&a(), Kind::Gate, "g_on", None);
    assert_eq!(manual.map_err(|error| error.status), Err(E_STATE));
    assert_eq!(setup.flush(), Default::default());
    assert_eq!(normal_form(setup.server.events()), Vec::<Value>::new());
}
