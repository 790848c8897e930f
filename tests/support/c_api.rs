//! The C ABI as this test program calls it: the exported functions, linked, behind safe types.
//!
//! Everything a test does with these types crosses the boundary: options, users, results and
//! callbacks included.
#![allow(
    clippy::multiple_unsafe_ops_per_block,
    reason = "a callback reads all of its arguments by one promise of the library"
)]

use std::ffi::{c_char, c_void};
use std::sync::Arc;

use parking_lot::{Mutex, MutexGuard};
use serde_json::Value;
use tidegate::exposure::{EventValue, FlushInfo};
use tidegate::host::{DataStore, Delivery, Hooks, Metrics};

const OK: i32 = 0;

#[repr(C)]
struct FlushInfoOut {
    struct_size: usize,
    sent: u64,
    spooled: u64,
    dropped: u64,
    queued: u64,
}

type TextFn = extern "C" fn(*mut c_void, *const c_char, usize);
type Destroy = extern "C" fn(*mut c_void);
type MetricFn = extern "C" fn(*mut c_void, *const c_char, usize, f64, *const c_char, usize);
type ErrorFn =
    extern "C" fn(*mut c_void, *const c_char, usize, *const c_char, usize, *const c_char, usize);

#[repr(C)]
struct MetricsVtable {
    struct_size: usize,
    user_data: *mut c_void,
    destroy: Destroy,
    increment: MetricFn,
    gauge: MetricFn,
    distribution: MetricFn,
    high_cardinality: i32,
}

#[repr(C)]
struct DataStoreVtable {
    struct_size: usize,
    user_data: *mut c_void,
    destroy: Destroy,
    get: extern "C" fn(*mut c_void, *const c_char, usize, *mut c_void) -> i32,
    set: extern "C" fn(*mut c_void, *const c_char, usize, *const c_char, usize, i64) -> i32,
    supports_polling: extern "C" fn(*mut c_void, *const c_char, usize) -> i32,
    shutdown: extern "C" fn(*mut c_void),
}

#[repr(C)]
struct LogVtable {
    struct_size: usize,
    user_data: *mut c_void,
    destroy: Destroy,
    level: i32,
    log: extern "C" fn(*mut c_void, i32, *const c_char, usize, *const c_char, usize),
}

unsafe extern "C" {
    fn tidegate_last_error(buf: *mut c_char, cap: usize) -> usize;
    fn tidegate_set_log_sink(vtable: *const LogVtable) -> i32;
    fn tidegate_buf_data(buf: *const c_void) -> *const c_char;
    fn tidegate_buf_len(buf: *const c_void) -> usize;
    fn tidegate_buf_free(buf: *mut c_void);
    fn tidegate_reply_set(reply: *mut c_void, value: *const c_char, len: usize) -> i32;
    fn tidegate_options_new(json: *const c_char, len: usize, out: *mut u64) -> i32;
    fn tidegate_options_release(options: u64) -> i32;
    fn tidegate_options_set_data_store(options: u64, vtable: *const DataStoreVtable) -> i32;
    fn tidegate_options_set_metrics(options: u64, vtable: *const MetricsVtable) -> i32;
    fn tidegate_options_set_evaluation_callback(
        options: u64,
        callback: TextFn,
        user_data: *mut c_void,
        destroy: Destroy,
    ) -> i32;
    fn tidegate_options_set_flush_callback(
        options: u64,
        callback: TextFn,
        user_data: *mut c_void,
        destroy: Destroy,
    ) -> i32;
    fn tidegate_options_set_error_callback(
        options: u64,
        callback: ErrorFn,
        user_data: *mut c_void,
        destroy: Destroy,
    ) -> i32;
    fn tidegate_client_new(key: *const c_char, len: usize, options: u64, out: *mut u64) -> i32;
    fn tidegate_client_release(client: u64) -> i32;
    fn tidegate_client_initialize(client: u64, timeout_ms: u32) -> i32;
    fn tidegate_client_is_initialized(client: u64) -> i32;
    fn tidegate_client_init_details(client: u64, out: *mut *mut c_void) -> i32;
    fn tidegate_client_flush(client: u64, timeout_ms: u32, out: *mut FlushInfoOut) -> i32;
    fn tidegate_client_shutdown(client: u64, timeout_ms: u32, out: *mut FlushInfoOut) -> i32;
    fn tidegate_client_tick(client: u64, budget_ms: u32, out: *mut u32) -> i32;
    fn tidegate_client_sync_now(client: u64, timeout_ms: u32) -> i32;
    fn tidegate_client_stats(client: u64, out: *mut *mut c_void) -> i32;
    fn tidegate_user_new(json: *const c_char, len: usize, out: *mut u64) -> i32;
    fn tidegate_user_release(user: u64) -> i32;
    fn tidegate_check_gate(
        client: u64,
        user: u64,
        name: *const c_char,
        len: usize,
        flags: u32,
        out: *mut i32,
    ) -> i32;
    fn tidegate_get_gate(
        client: u64,
        user: u64,
        name: *const c_char,
        len: usize,
        flags: u32,
        out: *mut u64,
    ) -> i32;
    fn tidegate_get_config(
        client: u64,
        user: u64,
        name: *const c_char,
        len: usize,
        flags: u32,
        out: *mut u64,
    ) -> i32;
    fn tidegate_get_experiment(
        client: u64,
        user: u64,
        name: *const c_char,
        len: usize,
        flags: u32,
        out: *mut u64,
    ) -> i32;
    fn tidegate_get_layer(
        client: u64,
        user: u64,
        name: *const c_char,
        len: usize,
        flags: u32,
        out: *mut u64,
    ) -> i32;
    fn tidegate_result_release(result: u64) -> i32;
    fn tidegate_result_to_json(result: u64, out: *mut *mut c_void) -> i32;
    fn tidegate_result_value_json(result: u64, out: *mut *mut c_void) -> i32;
    fn tidegate_result_get_json(
        result: u64,
        key: *const c_char,
        len: usize,
        out: *mut *mut c_void,
    ) -> i32;
    fn tidegate_result_get_bool(
        result: u64,
        key: *const c_char,
        len: usize,
        default: i32,
        out: *mut i32,
    ) -> i32;
    fn tidegate_result_get_i64(
        result: u64,
        key: *const c_char,
        len: usize,
        default: i64,
        out: *mut i64,
    ) -> i32;
    fn tidegate_result_get_str(
        result: u64,
        key: *const c_char,
        len: usize,
        out: *mut *const c_char,
        out_len: *mut usize,
    ) -> i32;
    fn tidegate_log_event(
        client: u64,
        user: u64,
        name: *const c_char,
        name_len: usize,
        number: *const f64,
        value: *const c_char,
        value_len: usize,
        metadata: *const c_char,
        metadata_len: usize,
    ) -> i32;
    fn tidegate_log_event_json(client: u64, json: *const c_char, len: usize) -> i32;
    fn tidegate_log_exposure(
        client: u64,
        user: u64,
        kind: i32,
        name: *const c_char,
        name_len: usize,
        parameter: *const c_char,
        parameter_len: usize,
    ) -> i32;
    fn tidegate_log_exposure_for_result(
        client: u64,
        result: u64,
        parameter: *const c_char,
        parameter_len: usize,
    ) -> i32;
    fn tidegate_override(
        client: u64,
        kind: i32,
        name: *const c_char,
        name_len: usize,
        value: *const c_char,
        value_len: usize,
        id: *const c_char,
        id_len: usize,
    ) -> i32;
    fn tidegate_remove_override(
        client: u64,
        kind: i32,
        name: *const c_char,
        name_len: usize,
        id: *const c_char,
        id_len: usize,
    ) -> i32;
}

/// What is evaluated, as the C ABI numbers it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(i32)]
pub enum Kind {
    Gate = 1,
    Config = 2,
    Experiment = 3,
    Layer = 4,
}

pub const NO_EXPOSURE: u32 = 1;

/// A status below zero, with the message that goes with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    pub status: i32,
    pub message: String,
}

fn checked(status: i32) -> Result<(), Failure> {
    if status >= OK {
        return Ok(());
    }
    let mut message = vec![0_u8; 1_024];
    // SAFETY: the buffer has the length that is passed.
    let len = unsafe { tidegate_last_error(message.as_mut_ptr().cast(), message.len()) };
    message.truncate(len.min(1_023));
    let message = String::from_utf8(message).expect("a message in UTF-8");
    Err(Failure { status, message })
}

fn pointer(text: &str) -> *const c_char {
    text.as_ptr().cast()
}

fn optional(text: Option<&str>) -> (*const c_char, usize) {
    text.map_or((std::ptr::null(), 0), |text| (pointer(text), text.len()))
}

/// The text of a buffer that a call gives; frees the buffer.
fn buffer(call: impl FnOnce(*mut *mut c_void) -> i32) -> Result<Option<String>, Failure> {
    let mut buf = std::ptr::null_mut();
    checked(call(&raw mut buf))?;
    if buf.is_null() {
        return Ok(None);
    }
    // SAFETY: the call gave this buffer.
    let text = unsafe { text(tidegate_buf_data(buf), tidegate_buf_len(buf)) };
    // SAFETY: it is freed once, and its text was copied.
    unsafe { tidegate_buf_free(buf) };
    Ok(Some(text))
}

/// # Safety
/// `data` points to `len` bytes.
unsafe fn text(data: *const c_char, len: usize) -> String {
    // SAFETY: by the caller's promise.
    let bytes = unsafe { std::slice::from_raw_parts(data.cast::<u8>(), len) };
    std::str::from_utf8(bytes).expect("UTF-8").to_owned()
}

/// A user on the other side of the boundary.
pub struct Person(u64);

impl Person {
    pub fn from_json(json: &str) -> Result<Person, Failure> {
        let mut id = 0;
        // SAFETY: text and place outlive the call.
        checked(unsafe { tidegate_user_new(pointer(json), json.len(), &raw mut id) })?;
        Ok(Person(id))
    }
}

impl Drop for Person {
    fn drop(&mut self) {
        // SAFETY: an id may be released at any time.
        unsafe { tidegate_user_release(self.0) };
    }
}

/// A result on the other side of the boundary.
pub struct Outcome(u64);

impl Outcome {
    pub fn json(&self) -> Value {
        // SAFETY: the place outlives the call.
        let json = buffer(|out| unsafe { tidegate_result_to_json(self.0, out) });
        serde_json::from_str(&json.expect("a result").expect("a buffer")).expect("JSON")
    }

    pub fn value_json(&self) -> String {
        // SAFETY: the place outlives the call.
        let json = buffer(|out| unsafe { tidegate_result_value_json(self.0, out) });
        json.expect("a result").expect("a buffer")
    }

    pub fn rule_id(&self) -> String {
        self.json()["rule_id"].as_str().expect("text").to_owned()
    }

    pub fn reason(&self) -> String {
        let json = self.json();
        let reason = json["details"]["detailed_reason"].as_str();
        reason.expect("text").to_owned()
    }

    pub fn get_json(&self, key: &str) -> Option<String> {
        // SAFETY: text and place outlive the call.
        buffer(|out| unsafe { tidegate_result_get_json(self.0, pointer(key), key.len(), out) })
            .expect("a result")
    }

    pub fn get_bool(&self, key: &str) -> Option<bool> {
        const ABSENT: i32 = -1;
        let mut value = 0;
        let place = &raw mut value;
        // SAFETY: text and place outlive the call.
        let status =
            unsafe { tidegate_result_get_bool(self.0, pointer(key), key.len(), ABSENT, place) };
        checked(status).expect("a result");
        (value != ABSENT).then_some(value != 0)
    }

    pub fn get_i64(&self, key: &str) -> Option<i64> {
        const ABSENT: i64 = i64::MIN;
        let mut value = 0;
        let place = &raw mut value;
        // SAFETY: text and place outlive the call.
        let status =
            unsafe { tidegate_result_get_i64(self.0, pointer(key), key.len(), ABSENT, place) };
        checked(status).expect("a result");
        (value != ABSENT).then_some(value)
    }

    pub fn get_str(&self, key: &str) -> Option<String> {
        let (mut data, mut len) = (std::ptr::null(), 0);
        let (out, out_len) = (&raw mut data, &raw mut len);
        // SAFETY: text and places outlive the call.
        let status =
            unsafe { tidegate_result_get_str(self.0, pointer(key), key.len(), out, out_len) };
        checked(status).expect("a result");
        // SAFETY: what was given is borrowed until the result is released.
        (!data.is_null()).then(|| unsafe { text(data, len) })
    }
}

impl Drop for Outcome {
    fn drop(&mut self) {
        // SAFETY: an id may be released at any time.
        unsafe { tidegate_result_release(self.0) };
    }
}

/// A client on the other side of the boundary.
pub struct Client {
    id: u64,
}

impl Client {
    /// A client whose callbacks are C functions that lead to `hooks`.
    pub fn new(key: &str, options_json: &str, hooks: &Hooks) -> Result<Client, Failure> {
        let (mut options, mut id) = (0, 0);
        let (json, len) = (pointer(options_json), options_json.len());
        // SAFETY: text and place outlive the call.
        checked(unsafe { tidegate_options_new(json, len, &raw mut options) })?;
        callbacks::set(options, hooks);
        // SAFETY: text and place outlive the call.
        let status = unsafe { tidegate_client_new(pointer(key), key.len(), options, &raw mut id) };
        // SAFETY: the client has its own copy.
        checked(unsafe { tidegate_options_release(options) })?;
        checked(status)?;
        Ok(Client { id })
    }

    /// A client that was made in Rust, for the sake of its clock.
    pub fn of(client: &Arc<tidegate::client::Client>) -> Client {
        let id = client.share_with_c().expect("an id");
        Client { id }
    }

    pub fn initialize(&self, timeout_ms: u32) -> Result<(), Failure> {
        // SAFETY: plain numbers.
        checked(unsafe { tidegate_client_initialize(self.id, timeout_ms) })
    }

    pub fn is_initialized(&self) -> bool {
        // SAFETY: a plain number.
        unsafe { tidegate_client_is_initialized(self.id) != 0 }
    }

    pub fn init_details(&self) -> Value {
        // SAFETY: the place outlives the call.
        let json = buffer(|out| unsafe { tidegate_client_init_details(self.id, out) });
        serde_json::from_str(&json.expect("a client").expect("a buffer")).expect("JSON")
    }

    fn info(
        call: unsafe extern "C" fn(u64, u32, *mut FlushInfoOut) -> i32,
        id: u64,
        timeout_ms: u32,
    ) -> Result<FlushInfo, Failure> {
        let mut info = FlushInfoOut {
            struct_size: size_of::<FlushInfoOut>(),
            sent: 7,
            spooled: 7,
            dropped: 7,
            queued: 7,
        };
        // SAFETY: the struct says its size and outlives the call.
        checked(unsafe { call(id, timeout_ms, &raw mut info) })?;
        Ok(FlushInfo {
            sent: info.sent,
            spooled: info.spooled,
            dropped: info.dropped,
            queued: info.queued,
        })
    }

    pub fn flush(&self, timeout_ms: u32) -> Result<FlushInfo, Failure> {
        Self::info(tidegate_client_flush, self.id, timeout_ms)
    }

    pub fn shutdown(&self, timeout_ms: u32) -> Result<FlushInfo, Failure> {
        Self::info(tidegate_client_shutdown, self.id, timeout_ms)
    }

    pub fn tick(&self, budget_ms: u32) -> Result<u32, Failure> {
        let mut next_ms = 0;
        // SAFETY: the place outlives the call.
        checked(unsafe { tidegate_client_tick(self.id, budget_ms, &raw mut next_ms) })?;
        Ok(next_ms)
    }

    pub fn sync_now(&self, timeout_ms: u32) -> Result<(), Failure> {
        // SAFETY: plain numbers.
        checked(unsafe { tidegate_client_sync_now(self.id, timeout_ms) })
    }

    pub fn stats(&self) -> Value {
        // SAFETY: the place outlives the call.
        let json = buffer(|out| unsafe { tidegate_client_stats(self.id, out) });
        serde_json::from_str(&json.expect("a client").expect("a buffer")).expect("JSON")
    }

    pub fn check_gate(&self, user: &Person, name: &str, flags: u32) -> Result<bool, Failure> {
        let mut value = 7;
        let place = &raw mut value;
        let (name, len) = (pointer(name), name.len());
        // SAFETY: text and place outlive the call.
        checked(unsafe { tidegate_check_gate(self.id, user.0, name, len, flags, place) })?;
        Ok(value == 1)
    }

    pub fn evaluate(
        &self,
        kind: Kind,
        user: &Person,
        name: &str,
        flags: u32,
    ) -> Result<Outcome, Failure> {
        let call = match kind {
            Kind::Gate => tidegate_get_gate,
            Kind::Config => tidegate_get_config,
            Kind::Experiment => tidegate_get_experiment,
            Kind::Layer => tidegate_get_layer,
        };
        let mut id = 0;
        let (name, len) = (pointer(name), name.len());
        // SAFETY: text and place outlive the call.
        checked(unsafe { call(self.id, user.0, name, len, flags, &raw mut id) })?;
        Ok(Outcome(id))
    }

    pub fn log_event(
        &self,
        user: &Person,
        name: &str,
        value: EventValue,
        metadata: Option<&str>,
    ) -> Result<(), Failure> {
        let (number, words) = match &value {
            EventValue::None => (None, None),
            EventValue::Number(number) => (Some(*number), None),
            EventValue::Text(words) => (None, Some(&**words)),
        };
        let number = number.as_ref().map_or(std::ptr::null(), std::ptr::from_ref);
        let ((words, words_len), (metadata, metadata_len)) = (optional(words), optional(metadata));
        let (name, len) = (pointer(name), name.len());
        // SAFETY: texts and number outlive the call.
        checked(unsafe {
            tidegate_log_event(
                self.id,
                user.0,
                name,
                len,
                number,
                words,
                words_len,
                metadata,
                metadata_len,
            )
        })
    }

    pub fn log_event_json(&self, json: &str) -> Result<(), Failure> {
        // SAFETY: the text outlives the call.
        checked(unsafe { tidegate_log_event_json(self.id, pointer(json), json.len()) })
    }

    pub fn log_exposure(
        &self,
        user: &Person,
        kind: Kind,
        name: &str,
        parameter: Option<&str>,
    ) -> Result<(), Failure> {
        let (parameter, parameter_len) = optional(parameter);
        let (name, len) = (pointer(name), name.len());
        // SAFETY: the texts outlive the call.
        checked(unsafe {
            tidegate_log_exposure(
                self.id,
                user.0,
                kind as i32,
                name,
                len,
                parameter,
                parameter_len,
            )
        })
    }

    pub fn log_exposure_for_result(
        &self,
        result: &Outcome,
        parameter: Option<&str>,
    ) -> Result<(), Failure> {
        let (parameter, len) = optional(parameter);
        // SAFETY: the text outlives the call.
        checked(unsafe { tidegate_log_exposure_for_result(self.id, result.0, parameter, len) })
    }

    pub fn override_value(
        &self,
        kind: Kind,
        name: &str,
        value: &str,
        id: Option<&str>,
    ) -> Result<(), Failure> {
        let ((id, id_len), (name, len)) = (optional(id), (pointer(name), name.len()));
        let (value, value_len) = (pointer(value), value.len());
        // SAFETY: the texts outlive the call.
        checked(unsafe {
            tidegate_override(
                self.id,
                kind as i32,
                name,
                len,
                value,
                value_len,
                id,
                id_len,
            )
        })
    }

    pub fn remove_override(&self, kind: Kind, name: &str, id: Option<&str>) -> Result<(), Failure> {
        let ((id, id_len), (name, len)) = (optional(id), (pointer(name), name.len()));
        // SAFETY: the texts outlive the call.
        checked(unsafe { tidegate_remove_override(self.id, kind as i32, name, len, id, id_len) })
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        // SAFETY: an id may be released at any time.
        unsafe { tidegate_client_release(self.id) };
    }
}

type LogLines = Mutex<Vec<(i32, String)>>;

/// The log of the process while this lives: level and text of each line, of all tests.
pub struct HeardLog {
    lines: Arc<LogLines>,
    /// There is one sink in a process.
    _turn: MutexGuard<'static, ()>,
}

impl HeardLog {
    pub fn start(level: i32) -> HeardLog {
        static TURN: Mutex<()> = Mutex::new(());
        let turn = TURN.lock();
        let lines: Arc<LogLines> = Arc::default();
        let user_data = Box::into_raw(Box::new(Arc::clone(&lines))).cast();
        set_log_sink(Some(&LogVtable {
            struct_size: size_of::<LogVtable>(),
            user_data,
            destroy: callbacks::destroy::<Arc<LogLines>>,
            level,
            log: HeardLog::hear,
        }));
        HeardLog { lines, _turn: turn }
    }

    pub fn lines(&self) -> Vec<(i32, String)> {
        self.lines.lock().clone()
    }

    extern "C" fn hear(
        user_data: *mut c_void,
        level: i32,
        tag: *const c_char,
        tag_len: usize,
        message: *const c_char,
        len: usize,
    ) {
        // SAFETY: the library passes what it was given, and texts with their lengths.
        let (lines, tag, message) = unsafe {
            let lines = &*user_data.cast::<Arc<LogLines>>();
            (lines, text(tag, tag_len), text(message, len))
        };
        lines.lock().push((level, format!("[{tag}] {message}")));
    }
}

impl Drop for HeardLog {
    fn drop(&mut self) {
        set_log_sink(None);
    }
}

fn set_log_sink(vtable: Option<&LogVtable>) {
    let vtable = vtable.map_or(std::ptr::null(), std::ptr::from_ref);
    // SAFETY: the struct outlives the call.
    checked(unsafe { tidegate_set_log_sink(vtable) }).expect("set");
}

/// C functions whose user data is a hook.
mod callbacks {
    use tidegate::host::{ErrorCallback, EvaluationCallback, FlushCallback};

    use super::*;

    pub(super) extern "C" fn destroy<T>(user_data: *mut c_void) {
        // SAFETY: the pointer is that of the box that was handed in, and this is its only end.
        drop(unsafe { Box::from_raw(user_data.cast::<T>()) });
    }

    fn boxed<T: Clone>(hook: &T) -> *mut c_void {
        Box::into_raw(Box::new(hook.clone())).cast()
    }

    /// # Safety
    /// `user_data` is what [`boxed`] gave for a `T`.
    unsafe fn hook<'a, T>(user_data: *mut c_void) -> &'a T {
        // SAFETY: by the caller's promise.
        unsafe { &*user_data.cast::<T>() }
    }

    pub(super) fn set(options: u64, hooks: &Hooks) {
        if let Some(evaluation) = &hooks.evaluation {
            let (data, end) = (boxed(evaluation), destroy::<EvaluationCallback>);
            // SAFETY: functions and data fit each other.
            let status =
                unsafe { tidegate_options_set_evaluation_callback(options, evaluated, data, end) };
            checked(status).expect("set");
        }
        if let Some(flushed) = &hooks.flushed {
            let (data, end) = (boxed(flushed), destroy::<FlushCallback>);
            // SAFETY: functions and data fit each other.
            let status =
                unsafe { tidegate_options_set_flush_callback(options, delivered, data, end) };
            checked(status).expect("set");
        }
        if let Some(error) = &hooks.error {
            let (data, end) = (boxed(error), destroy::<ErrorCallback>);
            // SAFETY: functions and data fit each other.
            let status = unsafe { tidegate_options_set_error_callback(options, failed, data, end) };
            checked(status).expect("set");
        }
        if let Some(metrics) = &hooks.metrics {
            let vtable = MetricsVtable {
                struct_size: size_of::<MetricsVtable>(),
                user_data: boxed(metrics),
                destroy: destroy::<Arc<dyn Metrics>>,
                increment,
                gauge,
                distribution,
                high_cardinality: i32::from(metrics.wants_high_cardinality()),
            };
            // SAFETY: the struct outlives the call.
            checked(unsafe { tidegate_options_set_metrics(options, &raw const vtable) })
                .expect("set");
        }
        if let Some(store) = &hooks.data_store {
            let vtable = DataStoreVtable {
                struct_size: size_of::<DataStoreVtable>(),
                user_data: boxed(store),
                destroy: destroy::<Arc<dyn DataStore>>,
                get,
                set: put,
                supports_polling,
                shutdown,
            };
            // SAFETY: the struct outlives the call.
            checked(unsafe { tidegate_options_set_data_store(options, &raw const vtable) })
                .expect("set");
        }
    }

    extern "C" fn evaluated(data: *mut c_void, json: *const c_char, len: usize) {
        // SAFETY: the library passes what it was given, and a text with its length.
        let (hook, json) = unsafe { (hook::<EvaluationCallback>(data), text(json, len)) };
        hook(&json);
    }

    extern "C" fn delivered(data: *mut c_void, json: *const c_char, len: usize) {
        // SAFETY: the library passes what it was given, and a text with its length.
        let (hook, json) = unsafe { (hook::<FlushCallback>(data), text(json, len)) };
        let json: Value = serde_json::from_str(&json).expect("JSON");
        let status = json["status"].as_u64();
        hook(&Delivery {
            success: json["success"].as_bool().expect("true or false"),
            events: json["events"].as_u64().expect("a number"),
            status: status.map(|status| u16::try_from(status).expect("a status")),
            error: json["error"].as_str().map(str::to_owned),
            body: json.get("body").map(Value::to_string),
        });
    }

    extern "C" fn failed(
        data: *mut c_void,
        tag: *const c_char,
        tag_len: usize,
        code: *const c_char,
        code_len: usize,
        message: *const c_char,
        len: usize,
    ) {
        // SAFETY: the library passes what it was given, and texts with their lengths.
        let (hook, tag, code, message) = unsafe {
            (
                hook::<ErrorCallback>(data),
                text(tag, tag_len),
                text(code, code_len),
                text(message, len),
            )
        };
        hook(&tag, &code, &message);
    }

    /// # Safety
    /// As the library calls a metric function.
    unsafe fn metric<'a>(
        data: *mut c_void,
        (name, name_len): (*const c_char, usize),
        (tags, tags_len): (*const c_char, usize),
    ) -> (&'a Arc<dyn Metrics>, String, String) {
        // SAFETY: by the caller's promise.
        unsafe { (hook(data), text(name, name_len), text(tags, tags_len)) }
    }

    extern "C" fn increment(
        data: *mut c_void,
        name: *const c_char,
        name_len: usize,
        value: f64,
        tags: *const c_char,
        tags_len: usize,
    ) {
        // SAFETY: the library passes what it was given, and texts with their lengths.
        let (hook, name, tags) = unsafe { metric(data, (name, name_len), (tags, tags_len)) };
        hook.increment(&name, value, &tags);
    }

    extern "C" fn gauge(
        data: *mut c_void,
        name: *const c_char,
        name_len: usize,
        value: f64,
        tags: *const c_char,
        tags_len: usize,
    ) {
        // SAFETY: the library passes what it was given, and texts with their lengths.
        let (hook, name, tags) = unsafe { metric(data, (name, name_len), (tags, tags_len)) };
        hook.gauge(&name, value, &tags);
    }

    extern "C" fn distribution(
        data: *mut c_void,
        name: *const c_char,
        name_len: usize,
        value: f64,
        tags: *const c_char,
        tags_len: usize,
    ) {
        // SAFETY: the library passes what it was given, and texts with their lengths.
        let (hook, name, tags) = unsafe { metric(data, (name, name_len), (tags, tags_len)) };
        hook.distribution(&name, value, &tags);
    }

    extern "C" fn get(
        data: *mut c_void,
        key: *const c_char,
        len: usize,
        reply: *mut c_void,
    ) -> i32 {
        // SAFETY: the library passes what it was given, and a text with its length.
        let (store, key) = unsafe { (hook::<Arc<dyn DataStore>>(data), text(key, len)) };
        match store.get(&key) {
            Ok(Some(value)) => {
                let (value, len) = (value.as_ptr().cast(), value.len());
                // SAFETY: the reply is that of this call, the bytes outlive it.
                unsafe { tidegate_reply_set(reply, value, len) }
            }
            Ok(None) => 0,
            Err(_) => 1,
        }
    }

    extern "C" fn put(
        data: *mut c_void,
        key: *const c_char,
        key_len: usize,
        value: *const c_char,
        len: usize,
        time_ms: i64,
    ) -> i32 {
        // SAFETY: the library passes what it was given, and texts with their lengths.
        let (store, key, value) = unsafe {
            let store = hook::<Arc<dyn DataStore>>(data);
            (store, text(key, key_len), text(value, len))
        };
        i32::from(store.set(&key, value.as_bytes(), time_ms).is_err())
    }

    extern "C" fn supports_polling(data: *mut c_void, path: *const c_char, len: usize) -> i32 {
        // SAFETY: the library passes what it was given, and a text with its length.
        let (store, path) = unsafe { (hook::<Arc<dyn DataStore>>(data), text(path, len)) };
        i32::from(store.supports_polling(&path))
    }

    extern "C" fn shutdown(data: *mut c_void) {
        // SAFETY: the library passes what it was given.
        unsafe { hook::<Arc<dyn DataStore>>(data) }.shutdown();
    }
}
