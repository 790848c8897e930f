//! The vendor's published crate behind a C ABI as thin as ours, for `benches/bench.py` only.
//! Written from the crate's public documentation.

use std::collections::HashMap;
use std::ffi::{CStr, c_char};
use std::sync::{Arc, OnceLock};

use serde::Deserialize;
use serde_json::Value;
use statsig_rust::evaluation::dynamic_value::DynamicValue;
use statsig_rust::{
    ClientInitResponseOptions, FeatureGateEvaluationOptions, HashAlgorithm, Statsig,
    StatsigOptions, StatsigUser, StatsigUserBuilder,
};
use tokio::runtime::Runtime;

struct Side {
    runtime: Runtime,
    client: Statsig,
}

static SIDE: OnceLock<Side> = OnceLock::new();

fn side() -> &'static Side {
    SIDE.get().expect("started")
}

unsafe fn text<'a>(pointer: *const c_char, len: usize) -> &'a str {
    let bytes = unsafe { std::slice::from_raw_parts(pointer.cast(), len) };
    std::str::from_utf8(bytes).expect("UTF-8")
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn vendor_start(url: *const c_char) -> i32 {
    let url = unsafe { CStr::from_ptr(url) }.to_str().expect("UTF-8");
    let options = StatsigOptions {
        specs_url: Some(format!("{url}/v2/download_config_specs")),
        log_event_url: Some(format!("{url}/v1/log_event")),
        specs_sync_interval_ms: Some(3_600_000),
        ..StatsigOptions::default()
    };
    let runtime = Runtime::new().expect("a runtime");
    let client = runtime.block_on(async { Statsig::new("secret-bench", Some(Arc::new(options))) });
    let started = runtime.block_on(client.initialize());
    let failed = started.is_err();
    let _ = SIDE.set(Side { runtime, client });
    i32::from(failed)
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WireUser {
    #[serde(rename = "userID")]
    user_id: Option<String>,
    email: Option<String>,
    country: Option<String>,
    app_version: Option<String>,
    custom: Option<HashMap<String, DynamicValue>>,
    #[serde(rename = "customIDs")]
    custom_ids: Option<HashMap<String, String>>,
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn vendor_user_new(json: *const c_char, len: usize) -> *mut StatsigUser {
    let wire: WireUser = serde_json::from_str(unsafe { text(json, len) }).expect("a user");
    let user = StatsigUserBuilder::new_with_user_id(wire.user_id.unwrap_or_default())
        .email(wire.email)
        .country(wire.country)
        .app_version(wire.app_version)
        .custom(wire.custom)
        .custom_ids(wire.custom_ids)
        .build();
    Box::into_raw(Box::new(user))
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn vendor_user_release(user: *mut StatsigUser) {
    drop(unsafe { Box::from_raw(user) });
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn vendor_check_gate(
    user: *const StatsigUser,
    name: *const c_char,
    len: usize,
    exposed: i32,
) -> i32 {
    let (user, name) = unsafe { (&*user, text(name, len)) };
    let client = &side().client;
    let value = if exposed != 0 {
        client.check_gate(user, name)
    } else {
        let options = FeatureGateEvaluationOptions {
            disable_exposure_logging: true,
        };
        client.check_gate_with_options(user, name, options)
    };
    i32::from(value)
}

fn read_two(value: &HashMap<String, Value>) -> i64 {
    let first = value
        .get("title")
        .and_then(Value::as_str)
        .and_then(|t| t.bytes().next());
    let count = value.get("count").and_then(Value::as_i64);
    count.unwrap_or(0) + i64::from(first.unwrap_or(0))
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn vendor_config(
    user: *const StatsigUser,
    name: *const c_char,
    len: usize,
) -> i64 {
    let (user, name) = unsafe { (&*user, text(name, len)) };
    read_two(&side().client.get_dynamic_config(user, name).value)
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn vendor_experiment(
    user: *const StatsigUser,
    name: *const c_char,
    len: usize,
) -> i64 {
    let (user, name) = unsafe { (&*user, text(name, len)) };
    read_two(&side().client.get_experiment(user, name).value)
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn vendor_layer(
    user: *const StatsigUser,
    name: *const c_char,
    len: usize,
) -> i64 {
    let (user, name) = unsafe { (&*user, text(name, len)) };
    let layer = side().client.get_layer(user, name);
    let title: String = layer.get("title", String::new());
    i64::from(title.bytes().next().unwrap_or(0))
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn vendor_event(
    user: *const StatsigUser,
    name: *const c_char,
    len: usize,
    value: f64,
    metadata: *const c_char,
    metadata_len: usize,
) {
    let (user, name) = unsafe { (&*user, text(name, len)) };
    let metadata =
        serde_json::from_str(unsafe { text(metadata, metadata_len) }).expect("an object");
    side()
        .client
        .log_event_with_number(user, name, Some(value), metadata);
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn vendor_init_response(user: *const StatsigUser) -> usize {
    let options = ClientInitResponseOptions {
        hash_algorithm: Some(HashAlgorithm::Djb2),
        ..ClientInitResponseOptions::default()
    };
    let client = &side().client;
    client
        .get_client_init_response_with_options_as_string(unsafe { &*user }, &options)
        .len()
}

#[unsafe(no_mangle)]
pub extern "C" fn vendor_flush() {
    let side = side();
    side.runtime.block_on(side.client.flush_events());
}

#[unsafe(no_mangle)]
pub extern "C" fn vendor_stop() {
    let side = side();
    let _ = side.runtime.block_on(side.client.shutdown());
}
