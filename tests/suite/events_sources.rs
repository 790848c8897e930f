//! What exposures say about where the rules came from, and when nothing is sent at all.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::Mutex;
use serde_json::json;
use tidegate::error::Error;
use tidegate::host::{DataStore, Hooks};

use crate::local_server::fault::Fault;
use crate::local_server::record::Endpoint;
use crate::support::c_events::*;

fn on() -> Expected {
    Expected::gate("g_on", true, "r_on").version("7")
}

#[test]
fn x1_without_rules_exposures_say_so() {
    let server = Arc::new(serve(&fixture()));
    server.fault(Fault {
        times: -1,
        ..Fault::status(Endpoint::Specs, 500)
    });
    let setup = Plan::default().start_on(server);
    assert!(setup.client.is_initialized());
    let details = setup.client.init_details();
    assert_eq!(
        (&details["init_success"], &details["store_populated"]),
        (&json!(true), &json!(false))
    );
    assert!(details["error"].is_string(), "{details}");
    assert!(!setup.gate(&a(), "g_on"));
    let expected = Expected::gate("g_on", false, "")
        .reason("Uninitialized:Unrecognized")
        .meta("configSyncTime", 0)
        .meta("initTime", 0);
    assert_events(&setup.events(), [expected]);
}

#[test]
fn x2_bootstrap_values() {
    let setup = Setup::new(json!({"bootstrap_values": fixture().to_string()}));
    assert!(setup.gate(&a(), "g_on"));
    assert_events(&setup.events(), [on().reason("Bootstrap")]);
}

/// A store in memory.
#[derive(Default)]
struct Store(Mutex<HashMap<String, Vec<u8>>>);

impl DataStore for Store {
    fn get(&self, key: &str) -> Result<Option<Vec<u8>>, Error> {
        Ok(self.0.lock().get(key).cloned())
    }
    fn set(&self, key: &str, value: &[u8], _: i64) -> Result<(), Error> {
        self.0.lock().insert(key.to_owned(), value.to_vec());
        Ok(())
    }
    fn supports_polling(&self, _: &str) -> bool {
        false
    }
    fn shutdown(&self) {}
}

#[test]
fn x3_a_data_store() {
    let store = Store::default();
    let key = "statsig.cache";
    store
        .set(key, fixture().to_string().as_bytes(), 0)
        .expect("set");
    let setup = Plan {
        hooks: Hooks {
            data_store: Some(Arc::new(store)),
            ..Hooks::default()
        },
        ..Plan::default()
    }
    .start();
    setup
        .client
        .override_value(Kind::Gate, "g_off", "true", None)
        .expect("set");
    for name in ["g_on", "g_off", "nope"] {
        setup.gate(&a(), name);
    }
    assert_events(
        &setup.events(),
        [
            on().reason("DataAdapter"),
            Expected::gate("g_off", true, "override").reason("DataAdapter:LocalOverride"),
            Expected::gate("nope", false, "").reason("DataAdapter:Unrecognized"),
        ],
    );
}

#[test]
fn x4_a_later_sync_changes_the_sync_time_only() {
    let setup = Setup::new(json!({}));
    let rules = fixture_with(json!({"time": RULES_TIME + 777}));
    setup.server.put_rules(None, rules.to_string());
    setup.client.sync_now(30_000).expect("synced");
    assert!(setup.gate(&a(), "g_on"));
    assert_events(
        &setup.events(),
        [on().meta("configSyncTime", RULES_TIME + 777)],
    );
}

#[test]
fn x5_rules_that_come_after_initialize() {
    let server = Arc::new(serve(&fixture()));
    server.fault(Fault {
        times: -1,
        ..Fault::status(Endpoint::Specs, 500)
    });
    let setup = Plan::default().start_on(server);
    setup.server.reset().expect("reset");
    setup.server.put_rules(None, fixture().to_string());
    setup.client.sync_now(30_000).expect("synced");
    assert!(setup.gate(&a(), "g_on"));
    assert_events(&setup.events(), [on().meta("initTime", -1)]);
}

/// The legacy SDK still reports errors in local mode; here nothing leaves the process.
#[test]
fn x6_local_mode_sends_nothing() {
    let setup = Setup::new(json!({"local_mode": true, "bootstrap_values": "no JSON"}));
    setup
        .client
        .override_value(Kind::Gate, "g_on", "true", None)
        .expect("set");
    assert!(setup.gate(&a(), "g_on"));
    let unknown = setup.get(Kind::Gate, &a(), "nope");
    assert_eq!(unknown.reason(), "Uninitialized:Unrecognized");
    let logged = setup.client.log_event(&a(), "e", Default::default(), None);
    logged.expect("swallowed");
    setup.flush();
    setup.shutdown();
    assert!(setup.server.requests().is_empty());
    assert_eq!(setup.stats()["accepted"], 0);
}

#[test]
fn x7_disable_all_logging_sends_no_events_and_no_reports() {
    for is_off in [true, false] {
        let told = Arc::new(Mutex::new(Vec::new()));
        let tell = Arc::clone(&told);
        let rules = json!({"diagnostics": {"api_call": 10_000, "logevent": 10_000}});
        let server = Arc::new(serve(&fixture_with(rules)));
        // Something to report.
        server.fault(Fault {
            times: -1,
            disconnect: true,
            ..Fault::on(Endpoint::Specs)
        });
        let setup = Plan {
            options: json!({"disable_all_logging": is_off, "disable_diagnostics": false}),
            hooks: Hooks {
                error: Some(Arc::new(move |tag: &str, _: &str, _: &str| {
                    tell.lock().push(tag.to_owned());
                })),
                ..Hooks::default()
            },
            ..Plan::default()
        }
        .start_on(server);
        setup.gate(&a(), "g_on");
        let logged = setup.client.log_event(&a(), "e", Default::default(), None);
        logged.expect("swallowed, if anything");
        setup.flush();
        if !is_off {
            setup.wait_for_reports("request:download_config_specs", 1);
        }
        setup.shutdown();
        let requests = setup.server.requests();
        let is_read = |endpoint| matches!(endpoint, Endpoint::Specs | Endpoint::IdLists);
        let reads_only = requests.iter().all(|request| is_read(request.endpoint));
        assert_eq!(reads_only, is_off, "{requests:?}");
        assert_eq!(told.lock().is_empty(), is_off);
        assert_eq!(setup.stats()["accepted"] == 0, is_off);
    }
}
