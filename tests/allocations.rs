//! What the hot path allocates, counted over the C ABI.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::multiple_unsafe_ops_per_block,
    clippy::panic,
    reason = "a test fails by panicking"
)]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::ffi::c_char;
use std::ptr::{null, null_mut};

// The functions under test come with the library.
use tidegate as _;

const NO_EXPOSURE: u32 = 1;
const SPECS: &str = r#"{"has_updates": true, "time": 1, "layer_configs": [],
  "feature_gates": [
    {"name": "public", "salt": "s", "enabled": true, "defaultValue": false, "entity": "feature_gate",
     "rules": [{"id": "r", "salt": "rs", "passPercentage": 100, "returnValue": true,
                "conditions": [{"type": "public"}]}]},
    {"name": "half", "salt": "8b3c9f64-6a53-4b1c-9f5c-3b1c6a5f8b3c", "enabled": true,
     "defaultValue": false, "entity": "feature_gate",
     "rules": [{"id": "r", "salt": "4d1c9f64-6a53-4b1c-9f5c-3b1c6a5f8b3c", "passPercentage": 50,
                "returnValue": true, "conditions": [{"type": "public"}]}]},
    {"name": "fields", "salt": "s", "enabled": true, "defaultValue": false,
     "entity": "feature_gate",
     "rules": [{"id": "r", "salt": "rs", "passPercentage": 100, "returnValue": true, "conditions": [
       {"type": "user_field", "field": "email", "operator": "str_ends_with_any",
        "targetValue": ["@x.example"]},
       {"type": "user_field", "field": "appVersion", "operator": "version_gte",
        "targetValue": "1.2.0"},
       {"type": "user_field", "field": "age", "operator": "gt", "targetValue": 18}]}]},
    {"name": "nested", "salt": "s", "enabled": true, "defaultValue": false, "entity": "feature_gate",
     "rules": [{"id": "r", "salt": "rs", "passPercentage": 100, "returnValue": true, "conditions": [
       {"type": "pass_gate", "targetValue": "public"},
       {"type": "pass_gate", "targetValue": "fields"}]}]}],
  "dynamic_configs": [
    {"name": "config", "salt": "s", "enabled": true, "defaultValue": {}, "entity": "dynamic_config",
     "rules": [{"id": "r", "salt": "rs", "passPercentage": 100, "conditions": [{"type": "public"}],
                "returnValue": {"title": "Hello", "count": 42}}]}]}"#;
const USER: &str = r#"{"userID": "u", "email": "u@x.example", "appVersion": "2.0.0",
  "custom": {"age": 30}, "customIDs": {"companyID": "c"}}"#;
const OPTIONS: &str = r#"{"api": "http://127.0.0.1:1/v1", "rulesets_sync_interval": 3600,
  "output_logger_level": "none", "disable_error_reporting": true}"#;

unsafe extern "C" {
    fn tidegate_options_new(json: *const c_char, len: usize, out: *mut u64) -> i32;
    fn tidegate_client_new(key: *const c_char, len: usize, options: u64, out: *mut u64) -> i32;
    fn tidegate_client_initialize(client: u64, timeout_ms: u32) -> i32;
    fn tidegate_client_update_specs(client: u64, json: *const c_char, len: usize) -> i32;
    fn tidegate_client_shutdown(client: u64, timeout_ms: u32, out: *mut u8) -> i32;
    fn tidegate_user_new(json: *const c_char, len: usize, out: *mut u64) -> i32;
    fn tidegate_check_gate(
        client: u64,
        user: u64,
        name: *const c_char,
        len: usize,
        flags: u32,
        out: *mut i32,
    ) -> i32;
    fn tidegate_get_config(
        client: u64,
        user: u64,
        name: *const c_char,
        len: usize,
        flags: u32,
        out: *mut u64,
    ) -> i32;
    fn tidegate_result_get_str(
        result: u64,
        key: *const c_char,
        len: usize,
        out: *mut *const c_char,
        out_len: *mut usize,
    ) -> i32;
    fn tidegate_result_get_i64(
        result: u64,
        key: *const c_char,
        len: usize,
        default: i64,
        out: *mut i64,
    ) -> i32;
    fn tidegate_result_release(result: u64) -> i32;
}

thread_local! {
    static ALLOCATIONS: Cell<usize> = const { Cell::new(0) };
}

/// Counts what the calling thread allocates.
struct Counting;

fn count() {
    // A thread that is being torn down counts nothing.
    let _ = ALLOCATIONS.try_with(|count| count.set(count.get() + 1));
}

// SAFETY: passes everything on to the system's allocator.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count();
        // SAFETY: the same contract.
        unsafe { System.alloc(layout) }
    }
    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the same contract.
        unsafe { System.dealloc(pointer, layout) }
    }
    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        count();
        // SAFETY: the same contract.
        unsafe { System.realloc(pointer, layout, new_size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn text(text: &str) -> (*const c_char, usize) {
    (text.as_ptr().cast(), text.len())
}

/// A client with the specs above, and a user.
struct World {
    client: u64,
    user: u64,
}

impl World {
    fn new() -> World {
        let (mut options, mut client, mut user) = (0, 0, 0);
        let ((json, json_len), (key, key_len)) = (text(OPTIONS), text("secret-test"));
        let ((specs, specs_len), (user_json, user_len)) = (text(SPECS), text(USER));
        // SAFETY: all texts are what their lengths say, all places are ours.
        unsafe {
            assert_eq!(tidegate_options_new(json, json_len, &raw mut options), 0);
            let made = tidegate_client_new(key, key_len, options, &raw mut client);
            assert_eq!(made, 0);
            // Nobody listens there, which is no failure.
            assert!(tidegate_client_initialize(client, 5_000) >= 0);
            assert_eq!(tidegate_client_update_specs(client, specs, specs_len), 0);
            assert_eq!(tidegate_user_new(user_json, user_len, &raw mut user), 0);
        }
        World { client, user }
    }

    fn gate(&self, name: &str, flags: u32) -> bool {
        let (mut value, (name, len)) = (0, text(name));
        // SAFETY: as above.
        let status = unsafe {
            tidegate_check_gate(self.client, self.user, name, len, flags, &raw mut value)
        };
        assert_eq!(status, 0);
        value == 1
    }

    fn config(&self) -> i64 {
        let (mut result, mut title, mut count) = (0, null(), 0);
        let ((name, len), (title_key, title_len)) = (text("config"), text("title"));
        let (count_key, count_len) = text("count");
        // SAFETY: as above; the title is read before its result is released.
        unsafe {
            let status = tidegate_get_config(self.client, self.user, name, len, 0, &raw mut result);
            assert_eq!(status, 0);
            tidegate_result_get_str(result, title_key, title_len, &raw mut title, null_mut());
            tidegate_result_get_i64(result, count_key, count_len, 0, &raw mut count);
            assert_eq!(std::ffi::CStr::from_ptr(title), c"Hello");
            tidegate_result_release(result);
        }
        count
    }
}

/// Allocations of 1,000 calls, once all that is kept has been made.
fn allocations(mut call: impl FnMut()) -> usize {
    for _ in 0..100 {
        call();
    }
    let before = ALLOCATIONS.get();
    for _ in 0..1_000 {
        call();
    }
    ALLOCATIONS.get() - before
}

#[test]
fn evaluations_whose_exposure_was_seen_allocate_nothing() {
    let world = World::new();
    // Memory for the user and the specs was counted, so counting works.
    assert!(ALLOCATIONS.get() > 10);
    for name in ["public", "half", "fields", "nested"] {
        for flags in [0, NO_EXPOSURE] {
            let count = allocations(|| {
                world.gate(name, flags);
            });
            assert_eq!(count, 0, "{name} with flags {flags}");
        }
    }
    assert!(world.gate("nested", 0));
    assert_eq!(allocations(|| assert_eq!(world.config(), 42)), 0, "config");
    // SAFETY: a live client, and a place that is not wanted.
    unsafe { tidegate_client_shutdown(world.client, 0, null_mut()) };
}
