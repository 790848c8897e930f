//! Options: plain values as JSON, callbacks by setter.

use std::ffi::{c_char, c_void};

use crate::lock::Mutex;

use super::buf::Buf;
use super::guard::guard;
use super::host::{
    ErrorFn, EvaluationFn, FlushFn, HostData, HostHooks, Registered, RulesFn, register,
};
use super::out::{Out, OutBuf};
use super::slab::Slab;
use super::status::{Note, Status};
use super::text::optional_text;
use super::vtables::{self, DataStoreVtable, DestroyFn, MetricsVtable, Vtable};
use crate::error::Error;
use crate::options::Settings;
use crate::report::describe_options;

/// Options for clients. 0 is never valid, and stands for the defaults where that is said.
pub type OptionsId = u64;

/// What an options id stands for.
#[derive(Clone, Default)]
pub(super) struct HostOptions {
    pub(super) settings: Settings,
    pub(super) hooks: HostHooks,
}

/// Locked for a copy or a replacement, never while anything of the host runs.
pub(super) static OPTIONS: Slab<Mutex<HostOptions>> = Slab::new(1, "options");

/// A copy of the options, or the defaults for 0.
pub(super) fn copy(options: OptionsId) -> Result<HostOptions, Error> {
    match options {
        0 => Ok(HostOptions::default()),
        id => Ok(OPTIONS.get(id)?.lock().clone()),
    }
}

/// Replaces one hook; what it replaces is destroyed after the lock is gone.
fn set_hook<T>(
    options: OptionsId,
    place: impl FnOnce(&mut HostHooks) -> &mut Option<T>,
    hook: Option<T>,
) -> Result<(), Error> {
    let options = OPTIONS.get(options)?;
    let previous = std::mem::replace(place(&mut options.lock().hooks), hook);
    drop(previous);
    Ok(())
}

/// Makes options from JSON (see "Options" above). NULL or empty text means the defaults.
///
/// `json` is borrowed for the call. On success `*out_options` is an id that you release with
/// `tidegate_options_release`. On failure it is 0 and the message names the key and what was
/// expected. `TIDEGATE_NOTE_DEFAULTED` if unknown keys were ignored because of `"strict": false`.
///
/// Blocks: no. Threads: any. In callbacks: yes. After shutdown: yes. After fork: yes.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn tidegate_options_new(
    json: *const c_char,
    json_len: usize,
    out_options: *mut OptionsId,
) -> Status {
    guard("tidegate_options_new", || {
        // SAFETY: the caller's place, by the contract of the ABI.
        let out = unsafe { Out::required("out_options", out_options, 0) }?;
        // SAFETY: the caller's text, by the contract of the ABI.
        let json = unsafe { optional_text("json", json, json_len) }?;
        let (settings, ignored) = Settings::from_json(json.unwrap_or_default())?;
        let hooks = HostHooks::default();
        out.set(OPTIONS.insert(Mutex::new(HostOptions { settings, hooks }))?);
        Ok(Note::of_ignored(&ignored))
    })
}

/// Ends the life of options. Clients made from them keep their own copy. 0 is allowed.
///
/// Blocks: no. Threads: any. In callbacks: yes. After shutdown: yes. After fork: yes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tidegate_options_release(options: OptionsId) -> Status {
    guard("tidegate_options_release", || OPTIONS.release(options))
}

/// Sets the data store of clients made from these options.
///
/// `vtable` is read during the call. Its `user_data` is the library's from here on: it is
/// destroyed once, when the last client that uses it is gone, or at once if the call fails.
///
/// Blocks: no. Threads: one at a time for the same options. In callbacks: yes. After shutdown: yes.
/// After fork: yes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tidegate_options_set_data_store(
    options: OptionsId,
    vtable: *const DataStoreVtable,
) -> Status {
    guard("tidegate_options_set_data_store", || {
        // SAFETY: the caller's struct, by the contract of the ABI.
        let vtable = unsafe { vtables::read(vtable) }?;
        let hook = Registered::new(vtable, vtable.host_data());
        set_hook(options, |hooks| &mut hooks.data_store, Some(hook))
    })
}

/// Sets the receiver of the metrics of clients made from these options.
///
/// `vtable` is read during the call. Its `user_data` is the library's from here on: it is
/// destroyed once, when the last client that uses it is gone, or at once if the call fails.
///
/// Blocks: no. Threads: one at a time for the same options. In callbacks: yes. After shutdown: yes.
/// After fork: yes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tidegate_options_set_metrics(
    options: OptionsId,
    vtable: *const MetricsVtable,
) -> Status {
    guard("tidegate_options_set_metrics", || {
        // SAFETY: the caller's struct, by the contract of the ABI.
        let vtable = unsafe { vtables::read(vtable) }?;
        let hook = Registered::new(vtable, vtable.host_data());
        set_hook(options, |hooks| &mut hooks.metrics, Some(hook))
    })
}

/// Sets what is called after each evaluation, on the thread that evaluates, with the result as
/// JSON (see "Result" above).
///
/// `callback` NULL removes it. `user_data` is the library's from here on: `destroy` (may be NULL)
/// is called with it once, when the last client that uses it is gone, or at once if the call
/// fails or `callback` is NULL.
/// Evaluating inside the callback calls it again; the third such call within each other fails with
/// `TIDEGATE_E_STATE`.
///
/// Blocks: no. Threads: one at a time for the same options. In callbacks: yes. After shutdown: yes.
/// After fork: yes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tidegate_options_set_evaluation_callback(
    options: OptionsId,
    callback: EvaluationFn,
    user_data: *mut c_void,
    destroy: DestroyFn,
) -> Status {
    let hook = register(callback, HostData::new(user_data, destroy));
    guard("tidegate_options_set_evaluation_callback", || {
        set_hook(options, |hooks| &mut hooks.evaluation, hook)
    })
}

/// Sets what is called with the time of the specs and the specs as received, after each update, on
/// the sync thread (or the thread that initializes, ticks or hands in specs).
///
/// `callback` NULL removes it. `user_data` is the library's from here on: `destroy` (may be NULL)
/// is called with it once, when the last client that uses it is gone, or at once if the call
/// fails or `callback` is NULL.
///
/// Blocks: no. Threads: one at a time for the same options. In callbacks: yes. After shutdown: yes.
/// After fork: yes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tidegate_options_set_rules_callback(
    options: OptionsId,
    callback: RulesFn,
    user_data: *mut c_void,
    destroy: DestroyFn,
) -> Status {
    let hook = register(callback, HostData::new(user_data, destroy));
    guard("tidegate_options_set_rules_callback", || {
        set_hook(options, |hooks| &mut hooks.rules_updated, hook)
    })
}

/// Sets what is called with the outcome of each attempt to deliver events, on the events thread
/// (or the thread that ticks, flushes or shuts down).
///
/// `callback` NULL removes it. `user_data` is the library's from here on: `destroy` (may be NULL)
/// is called with it once, when the last client that uses it is gone, or at once if the call
/// fails or `callback` is NULL.
///
/// Blocks: no. Threads: one at a time for the same options. In callbacks: yes. After shutdown: yes.
/// After fork: yes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tidegate_options_set_flush_callback(
    options: OptionsId,
    callback: FlushFn,
    user_data: *mut c_void,
    destroy: DestroyFn,
) -> Status {
    let hook = register(callback, HostData::new(user_data, destroy));
    guard("tidegate_options_set_flush_callback", || {
        set_hook(options, |hooks| &mut hooks.flushed, hook)
    })
}

/// Sets what is called with errors inside the library, on the thread that meets them. An error is
/// reported once, however often it happens.
///
/// `callback` NULL removes it. `user_data` is the library's from here on: `destroy` (may be NULL)
/// is called with it once, when the last client that uses it is gone, or at once if the call
/// fails or `callback` is NULL.
///
/// Blocks: no. Threads: one at a time for the same options. In callbacks: yes. After shutdown: yes.
/// After fork: yes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tidegate_options_set_error_callback(
    options: OptionsId,
    callback: ErrorFn,
    user_data: *mut c_void,
    destroy: DestroyFn,
) -> Status {
    let hook = register(callback, HostData::new(user_data, destroy));
    guard("tidegate_options_set_error_callback", || {
        set_hook(options, |hooks| &mut hooks.error, hook)
    })
}

/// The effective options as JSON: every option with its value, defaults included, passwords and
/// keys masked, long texts as their length, and `callbacks`, the names of those that are set.
///
/// `*out_json` is freed with `tidegate_buf_free`; NULL on failure.
///
/// Blocks: no. Threads: one at a time for the same options. In callbacks: yes. After shutdown: yes.
/// After fork: yes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tidegate_options_describe(
    options: OptionsId,
    out_json: *mut *mut Buf,
) -> Status {
    guard("tidegate_options_describe", || {
        // SAFETY: the caller's place, by the contract of the ABI.
        let out = unsafe { OutBuf::buf(out_json) };
        let options = OPTIONS.get(options)?.lock().clone();
        out.set_text(describe_options(&options.settings, &options.hooks.names()).to_string());
        Ok(())
    })
}
