//! The host's callbacks behind the traits of [`crate::host`]: text out as borrowed bytes, results
//! back as status or reply, every call through the client's [`Gate`].

use std::ffi::{c_char, c_void};
use std::sync::Arc;

use super::buf::Reply;
use super::callbacks::{Gate, Role};
use super::vtables::{DataStoreVtable, DestroyFn, MetricFn, MetricsVtable};
use crate::error::Error;
use crate::host::{DataStore, Hooks, Metrics, SpecsText};

/// Takes the result of an evaluation as JSON, on the thread that evaluates.
pub type EvaluationFn = Option<
    unsafe extern "C" fn(
        user_data: *mut c_void,
        result_json: *const c_char,
        result_json_len: usize,
    ),
>;

/// Takes the time of the specs in use and the specs as received, after each update.
pub type RulesFn = Option<
    unsafe extern "C" fn(
        user_data: *mut c_void,
        time_ms: i64,
        specs_json: *const c_char,
        specs_json_len: usize,
    ),
>;

/// Takes the outcome of one attempt to deliver events, as JSON:
/// `{"success":true,"events":3,"status":202,"error":null}`. With the option
/// `"events_in_flush_callback": true` it has the member `body` too: what was sent.
pub type FlushFn = Option<
    unsafe extern "C" fn(
        user_data: *mut c_void,
        delivery_json: *const c_char,
        delivery_json_len: usize,
    ),
>;

/// Takes an error inside the library: where it happened, what kind it is, and what is known of it.
pub type ErrorFn = Option<
    unsafe extern "C" fn(
        user_data: *mut c_void,
        tag: *const c_char,
        tag_len: usize,
        code: *const c_char,
        code_len: usize,
        message: *const c_char,
        message_len: usize,
    ),
>;

/// Takes the outcome of an initialization as JSON, see `tidegate_client_init_details`.
pub type InitFn = Option<
    unsafe extern "C" fn(
        user_data: *mut c_void,
        details_json: *const c_char,
        details_json_len: usize,
    ),
>;

/// The host's user data. Destroyed once, when the last user of the callback is gone.
pub(super) struct HostData {
    user_data: *mut c_void,
    destroy: DestroyFn,
}

// SAFETY: the header asks for user data that may be used and destroyed on any thread.
unsafe impl Send for HostData {}
// SAFETY: as above; the pointer itself is never written.
unsafe impl Sync for HostData {}

impl HostData {
    pub(super) fn new(user_data: *mut c_void, destroy: DestroyFn) -> Self {
        HostData { user_data, destroy }
    }

    pub(super) fn as_ptr(&self) -> *mut c_void {
        self.user_data
    }
}

impl Drop for HostData {
    fn drop(&mut self) {
        if let Some(destroy) = self.destroy {
            // SAFETY: the host's own function with the host's own pointer, called once.
            unsafe { destroy(self.user_data) };
        }
    }
}

/// Something of the host that is called, and the data it is called with.
pub(super) struct Registered<F> {
    function: F,
    data: HostData,
}

// SAFETY: `F` is functions and plain numbers; the pointer among them is that of `data`.
unsafe impl<F> Send for Registered<F> {}
// SAFETY: as above; nothing is written after construction.
unsafe impl<F> Sync for Registered<F> {}

impl<F> Registered<F> {
    pub(super) fn new(function: F, data: HostData) -> Arc<Self> {
        Arc::new(Registered { function, data })
    }

    pub(super) fn function(&self) -> &F {
        &self.function
    }

    pub(super) fn user_data(&self) -> *mut c_void {
        self.data.as_ptr()
    }
}

/// A registered callback that is not NULL; with NULL the data is destroyed and nothing is left.
pub(super) fn register<F>(function: Option<F>, data: HostData) -> Option<Arc<Registered<F>>> {
    function.map(|function| Registered::new(function, data))
}

/// What the host has set on its options.
#[derive(Clone, Default)]
pub(super) struct HostHooks {
    pub(super) data_store: Option<Arc<Registered<DataStoreVtable>>>,
    pub(super) metrics: Option<Arc<Registered<MetricsVtable>>>,
    pub(super) evaluation: Option<Arc<Registered<EvaluationCall>>>,
    pub(super) rules_updated: Option<Arc<Registered<RulesCall>>>,
    pub(super) flushed: Option<Arc<Registered<FlushCall>>>,
    pub(super) error: Option<Arc<Registered<ErrorCall>>>,
}

type EvaluationCall = unsafe extern "C" fn(*mut c_void, *const c_char, usize);
type RulesCall = unsafe extern "C" fn(*mut c_void, i64, *const c_char, usize);
type FlushCall = unsafe extern "C" fn(*mut c_void, *const c_char, usize);
type ErrorCall = unsafe extern "C" fn(
    *mut c_void,
    *const c_char,
    usize,
    *const c_char,
    usize,
    *const c_char,
    usize,
);

fn parts(text: &str) -> (*const c_char, usize) {
    (text.as_ptr().cast(), text.len())
}

impl HostHooks {
    /// The hooks of one client: each call passes the client's door.
    pub(super) fn for_client(&self, gate: &Arc<Gate>) -> Hooks {
        Hooks {
            error_is_internal: false,
            data_store: self.data_store.as_ref().map(|host| {
                let store = HostDataStore {
                    host: Arc::clone(host),
                    gate: Arc::clone(gate),
                };
                Arc::new(store) as Arc<dyn DataStore>
            }),
            metrics: self.metrics.as_ref().map(|host| {
                let metrics = HostMetrics {
                    host: Arc::clone(host),
                    gate: Arc::clone(gate),
                };
                Arc::new(metrics) as Arc<dyn Metrics>
            }),
            evaluation: self.evaluation.as_ref().map(|host| {
                let (host, gate) = (Arc::clone(host), Arc::clone(gate));
                Arc::new(move |result: &str| call_evaluation(&host, &gate, result)) as _
            }),
            rules_updated: self.rules_updated.as_ref().map(|host| {
                let (host, gate) = (Arc::clone(host), Arc::clone(gate));
                Arc::new(move |time_ms, specs: SpecsText<'_>| {
                    if let Some(specs) = specs() {
                        call_rules(&host, &gate, time_ms, &specs);
                    }
                }) as _
            }),
            flushed: self.flushed.as_ref().map(|host| {
                let (host, gate) = (Arc::clone(host), Arc::clone(gate));
                Arc::new(move |delivery: &_| call_flush(&host, &gate, delivery)) as _
            }),
            error: self.error.as_ref().map(|host| {
                let (host, gate) = (Arc::clone(host), Arc::clone(gate));
                Arc::new(move |tag: &str, code: &str, text: &str| {
                    call_error(&host, &gate, [tag, code, text]);
                }) as _
            }),
        }
    }

    /// The names of what is set.
    pub(super) fn names(&self) -> Vec<&'static str> {
        let all = [
            ("data_store", self.data_store.is_some()),
            ("metrics", self.metrics.is_some()),
            ("evaluation", self.evaluation.is_some()),
            ("rules", self.rules_updated.is_some()),
            ("flush", self.flushed.is_some()),
            ("error", self.error.is_some()),
        ];
        let set = all.into_iter().filter(|(_, is_set)| *is_set);
        set.map(|(name, _)| name).collect()
    }
}

fn call_evaluation(host: &Registered<EvaluationCall>, gate: &Gate, result: &str) {
    let Some(_running) = gate.enter(Role::Evaluation) else {
        return;
    };
    let (pointer, len) = parts(result);
    // SAFETY: the host's function, with its own data and text that outlives the call.
    unsafe { (host.function())(host.user_data(), pointer, len) };
}

fn call_rules(host: &Registered<RulesCall>, gate: &Gate, time_ms: i64, specs: &str) {
    let Some(_running) = gate.enter(Role::Other) else {
        return;
    };
    let (pointer, len) = parts(specs);
    // SAFETY: the host's function, with its own data and text that outlives the call.
    unsafe { (host.function())(host.user_data(), time_ms, pointer, len) };
}

fn call_flush(host: &Registered<FlushCall>, gate: &Gate, delivery: &crate::host::Delivery) {
    let Some(_running) = gate.enter(Role::Other) else {
        return;
    };
    let json = serde_json::json!({
        "success": delivery.success,
        "events": delivery.events,
        "status": delivery.status,
        "error": delivery.error,
    });
    let mut json = json.to_string();
    if let Some(body) = &delivery.body {
        // It is JSON already.
        json.pop();
        json.push_str(",\"body\":");
        json.push_str(body);
        json.push('}');
    }
    let (pointer, len) = parts(&json);
    // SAFETY: the host's function, with its own data and text that outlives the call.
    unsafe { (host.function())(host.user_data(), pointer, len) };
}

fn call_error(host: &Registered<ErrorCall>, gate: &Gate, [tag, code, text]: [&str; 3]) {
    let Some(_running) = gate.enter(Role::Other) else {
        return;
    };
    let (user_data, function) = (host.user_data(), host.function());
    let ((tag, tag_len), (code, code_len), (text, len)) = (parts(tag), parts(code), parts(text));
    // SAFETY: the host's function, with its own data and texts that outlive the call.
    unsafe { function(user_data, tag, tag_len, code, code_len, text, len) };
}

/// Calls back with the details of an initialization, once.
pub(super) fn init_callback(
    host: Option<Arc<Registered<EvaluationCall>>>,
    gate: Arc<Gate>,
) -> Box<dyn FnOnce(&str) + Send> {
    Box::new(move |details| {
        let Some((host, _running)) = host.as_ref().zip(gate.enter(Role::Other)) else {
            return;
        };
        let (pointer, len) = parts(details);
        // SAFETY: the host's function, with its own data and text that outlives the call.
        unsafe { (host.function())(host.user_data(), pointer, len) };
    })
}

struct HostDataStore {
    host: Arc<Registered<DataStoreVtable>>,
    gate: Arc<Gate>,
}

const CLOSED: Error = Error::State {
    detail: "callbacks are closed",
};

fn store_result(status: i32) -> Result<(), Error> {
    match status {
        0 => Ok(()),
        code => Err(Error::argument("data store", format!("failed with {code}"))),
    }
}

impl DataStore for HostDataStore {
    fn get(&self, key: &str) -> Result<Option<Vec<u8>>, Error> {
        let Some(get) = self.host.function().get else {
            return Ok(None);
        };
        let _running = self.gate.enter(Role::Other).ok_or(CLOSED)?;
        let (key, key_len) = parts(key);
        let mut reply = Reply::new();
        // SAFETY: the host's function, with its own data; key and reply outlive the call.
        let status = unsafe { get(self.host.user_data(), key, key_len, &raw mut reply) };
        store_result(status)?;
        Ok(reply.into_value())
    }

    fn set(&self, key: &str, value: &[u8], time_ms: i64) -> Result<(), Error> {
        let Some(set) = self.host.function().set else {
            return Ok(());
        };
        let _running = self.gate.enter(Role::Other).ok_or(CLOSED)?;
        let (key, key_len) = parts(key);
        let (value, len) = (value.as_ptr().cast(), value.len());
        // SAFETY: the host's function, with its own data; key and value outlive the call.
        let status = unsafe { set(self.host.user_data(), key, key_len, value, len, time_ms) };
        store_result(status)
    }

    fn supports_polling(&self, path: &str) -> bool {
        let Some(supports_polling) = self.host.function().supports_polling else {
            return false;
        };
        let Some(_running) = self.gate.enter(Role::Other) else {
            return false;
        };
        let (path, len) = parts(path);
        // SAFETY: the host's function, with its own data and text that outlives the call.
        unsafe { supports_polling(self.host.user_data(), path, len) != 0 }
    }

    fn shutdown(&self) {
        let Some(shutdown) = self.host.function().shutdown else {
            return;
        };
        if let Some(_running) = self.gate.enter(Role::Other) {
            // SAFETY: the host's function, with its own data.
            unsafe { shutdown(self.host.user_data()) };
        }
    }
}

struct HostMetrics {
    host: Arc<Registered<MetricsVtable>>,
    gate: Arc<Gate>,
}

impl HostMetrics {
    fn record(&self, function: MetricFn, name: &str, value: f64, tags_json: &str) {
        let Some((function, _running)) = function.zip(self.gate.enter(Role::Other)) else {
            return;
        };
        let (name, name_len) = parts(name);
        let (tags, tags_len) = parts(tags_json);
        let user_data = self.host.user_data();
        // SAFETY: the host's function, with its own data and texts that outlive the call.
        unsafe { function(user_data, name, name_len, value, tags, tags_len) };
    }
}

impl Metrics for HostMetrics {
    fn increment(&self, name: &str, value: f64, tags_json: &str) {
        self.record(self.host.function().increment, name, value, tags_json);
    }

    fn gauge(&self, name: &str, value: f64, tags_json: &str) {
        self.record(self.host.function().gauge, name, value, tags_json);
    }

    fn distribution(&self, name: &str, value: f64, tags_json: &str) {
        self.record(self.host.function().distribution, name, value, tags_json);
    }

    fn wants_high_cardinality(&self) -> bool {
        self.host.function().high_cardinality != 0
    }
}
