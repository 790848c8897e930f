//! The life of a client: create, initialize, flush, shut down, release; its health.

use std::ffi::{c_char, c_void};
use std::sync::Arc;

use super::buf::Buf;
use super::callbacks::Gate;
use super::guard::{guard, guard_or};
use super::host::{HostData, InitFn, init_callback, register};
use super::options::OptionsId;
use super::out::{Out, OutBuf};
use super::status::{Note, Status};
use super::text::text;
use super::vtables::{DestroyFn, FlushInfoOut, OutStruct};
use super::{clients, fork, options};
use crate::client::Client;
use crate::error::Error;
use crate::options::Options;

/// A client: one secret key, its rules and its events. 0 is never valid.
pub type ClientId = u64;

/// Makes a client. No file, network or thread is touched before `tidegate_client_initialize`.
///
/// `sdk_key` is the server secret key. `options` are copied; 0 means the defaults. On success
/// `*out_client` is an id that you release with `tidegate_client_release`; on failure it is 0.
///
/// Blocks: no. Threads: any. In callbacks: yes. After shutdown: yes. After fork: yes.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn tidegate_client_new(
    sdk_key: *const c_char,
    sdk_key_len: usize,
    options: OptionsId,
    out_client: *mut ClientId,
) -> Status {
    guard("tidegate_client_new", || {
        // SAFETY: the caller's place, by the contract of the ABI.
        let out = unsafe { Out::required("out_client", out_client, 0) }?;
        // SAFETY: the caller's text, by the contract of the ABI.
        let sdk_key = unsafe { text("sdk_key", sdk_key, sdk_key_len) }?;
        let options::HostOptions { settings, hooks } = options::copy(options)?;
        let gate = Gate::new(settings.threads);
        let hooks = hooks.for_client(&gate);
        let calls_back = hooks.evaluation.is_some();
        let client = Client::new(sdk_key, Options { settings, hooks })?;
        fork::register();
        out.set(clients::insert(client, gate, calls_back)?);
        Ok(())
    })
}

impl Client {
    /// Gives C code in the same process an id of this client, for programs of both languages. The
    /// id is used and released like one that `tidegate_client_new` gave; releasing it closes the
    /// client.
    ///
    /// # Errors
    /// [`Error::Busy`] when there are too many clients.
    pub fn share_with_c(self: &Arc<Self>) -> Result<ClientId, Error> {
        let context = self.context();
        let gate = Gate::new(context.settings.threads);
        let calls_back = context.hooks.evaluation.is_some();
        fork::register();
        clients::insert(Arc::clone(self), gate, calls_back)
    }
}

/// Ends the life of a client. If it was not shut down, its threads are told to stop without
/// waiting for them, and queued events go to the spool if there is one. 0 is allowed.
///
/// Inside one of the client's callbacks the id ends at once and the rest follows the callback.
///
/// Blocks: no. Threads: any. In callbacks: yes. After shutdown: yes. After fork: yes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tidegate_client_release(client: ClientId) -> Status {
    guard("tidegate_client_release", || clients::release(client))
}

/// Loads rules from the sources of the options and starts to keep them fresh.
///
/// `TIDEGATE_E_TIMEOUT` when `timeout_ms` is over; 0 does not wait and is `TIDEGATE_OK`. The work
/// goes on in the background then. A second caller waits for the first. Afterwards evaluations work, with defaults if
/// no source could be reached; `tidegate_client_init_details` tells how it went.
///
/// Blocks: up to `timeout_ms`. Threads: any. In callbacks: `TIDEGATE_E_STATE`. After shutdown:
/// `TIDEGATE_E_STATE`. After fork: yes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tidegate_client_initialize(client: ClientId, timeout_ms: u32) -> Status {
    guard("tidegate_client_initialize", || {
        clients::get_outside(client)?.initialize(timeout_ms)
    })
}

/// Does the same in the background and then calls `callback` with the details.
///
/// `callback` may be NULL. It is called once, on a thread of the library (with `"threads": "none"`
/// before this call returns), unless the call fails or callbacks are closed. `user_data` is the
/// library's from here on: `destroy` (may be NULL) is called with it once, in any case.
///
/// Blocks: no. Threads: any. In callbacks: `TIDEGATE_E_STATE`. After shutdown: `TIDEGATE_E_STATE`.
/// After fork: yes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tidegate_client_initialize_async(
    client: ClientId,
    callback: InitFn,
    user_data: *mut c_void,
    destroy: DestroyFn,
) -> Status {
    let callback = register(callback, HostData::new(user_data, destroy));
    guard("tidegate_client_initialize_async", || {
        let client = clients::get_outside(client)?;
        client.initialize_async(init_callback(callback, client.gate().clone()))
    })
}

/// Waits until an initialization that was started has ended. `TIDEGATE_E_TIMEOUT` when
/// `timeout_ms` is over.
///
/// Blocks: up to `timeout_ms`. Threads: any. In callbacks: `TIDEGATE_E_STATE`. Before initialize
/// and after shutdown: `TIDEGATE_E_STATE`. After fork: yes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tidegate_client_wait_initialized(
    client: ClientId,
    timeout_ms: u32,
) -> Status {
    guard("tidegate_client_wait_initialized", || {
        clients::get_outside(client)?.wait_initialized(timeout_ms)
    })
}

/// 1 if the client is initialized and not shut down, else 0.
///
/// Blocks: no. Threads: any. In callbacks: yes. After shutdown: yes. After fork: yes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tidegate_client_is_initialized(client: ClientId) -> i32 {
    guard_or("tidegate_client_is_initialized", 0, || {
        Ok(i32::from(clients::get(client)?.is_initialized()))
    })
}

/// How the initialization went, as JSON: `duration_ms`, `source`, `init_success`,
/// `store_populated`, `specs_time`, `id_list_count`, `error`, `init_source_api`,
/// `init_source_api_id_lists`, `fallback_spec_used`, `fallback_id_lists_used`, `timed_out`.
///
/// `*out_json` is freed with `tidegate_buf_free`; NULL on failure.
///
/// Blocks: no. Threads: any. In callbacks: yes. After shutdown: yes. After fork: yes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tidegate_client_init_details(
    client: ClientId,
    out_json: *mut *mut Buf,
) -> Status {
    guard("tidegate_client_init_details", || {
        // SAFETY: the caller's place, by the contract of the ABI.
        let out = unsafe { OutBuf::buf(out_json) };
        out.set_text(clients::get(client)?.init_details());
        Ok(())
    })
}

/// Delivers what is queued, and tells what became of it.
///
/// `*out_info` may be NULL. `TIDEGATE_NOTE_PARTIAL` if not everything was delivered.
///
/// Blocks: up to `timeout_ms`. Threads: any. In callbacks: `TIDEGATE_E_STATE`. After shutdown: yes,
/// does nothing. After fork: yes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tidegate_client_flush(
    client: ClientId,
    timeout_ms: u32,
    out_info: *mut FlushInfoOut,
) -> Status {
    guard("tidegate_client_flush", || {
        // SAFETY: the caller's struct, by the contract of the ABI.
        let out = unsafe { OutStruct::flush_info(out_info) }?;
        let info = clients::get_outside(client)?.flush(timeout_ms)?;
        out.set(FlushInfoOut::from(info));
        Ok(Note::of_flush(&info))
    })
}

/// Delivers what is queued, spools the rest if there is a spool, and stops the client's threads.
/// Evaluations fail with `TIDEGATE_E_STATE` from here on.
///
/// `*out_info` may be NULL. `TIDEGATE_NOTE_PARTIAL` if not everything was delivered. Further calls
/// do nothing. Inside one of the client's callbacks it returns at once, with zeros, and follows the
/// callback.
///
/// A process that ends without it, by `exit` or a return from `main`, leaves what is queued in the
/// spool, if there is one, and delivers nothing more.
///
/// Blocks: up to `timeout_ms`. Threads: any. In callbacks: yes. After shutdown: yes. After fork:
/// yes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tidegate_client_shutdown(
    client: ClientId,
    timeout_ms: u32,
    out_info: *mut FlushInfoOut,
) -> Status {
    guard("tidegate_client_shutdown", || {
        // SAFETY: the caller's struct, by the contract of the ABI.
        let out = unsafe { OutStruct::flush_info(out_info) }?;
        let info = clients::get(client)?.shutdown(timeout_ms)?;
        out.set(FlushInfoOut::from(info));
        Ok(Note::of_flush(&info))
    })
}

/// Lets no callback of this client start any more and waits for those that run. To be called
/// before the host can no longer be called, for example from `atexit` or an interpreter's end.
///
/// `TIDEGATE_E_TIMEOUT` if callbacks still run when `timeout_ms` is over; none starts then either.
///
/// Blocks: up to `timeout_ms`. Threads: any. In callbacks: `TIDEGATE_E_STATE`. After shutdown: yes.
/// After fork: yes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tidegate_callbacks_close(client: ClientId, timeout_ms: u32) -> Status {
    guard("tidegate_callbacks_close", || {
        clients::get_outside(client)?.gate().close(timeout_ms)
    })
}

/// With `"threads": "none"`: does the work that is due, on this thread.
///
/// `*out_next_ms` (may be NULL) says in how many ms the next work is due; 0 on failure.
/// `TIDEGATE_E_STATE` for a client with threads of its own.
///
/// Blocks: about `budget_ms`. Threads: any. In callbacks: `TIDEGATE_E_STATE`. Before initialize
/// and after shutdown: `TIDEGATE_E_STATE`. After fork: yes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tidegate_client_tick(
    client: ClientId,
    budget_ms: u32,
    out_next_ms: *mut u32,
) -> Status {
    guard("tidegate_client_tick", || {
        // SAFETY: the caller's place, by the contract of the ABI.
        let out = unsafe { Out::new(out_next_ms, 0) };
        out.set(clients::get_outside(client)?.tick(budget_ms)?);
        Ok(())
    })
}

/// Takes the next notification, as JSON with a `type`, for hosts that cannot be called from other
/// threads. The oldest are dropped when nobody takes them.
///
/// `*out_json` is freed with `tidegate_buf_free`; NULL if there is none and on failure.
///
/// Blocks: no. Threads: any. In callbacks: yes. After shutdown: yes. After fork: yes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tidegate_client_poll_event(
    client: ClientId,
    out_json: *mut *mut Buf,
) -> Status {
    guard("tidegate_client_poll_event", || {
        // SAFETY: the caller's place, by the contract of the ABI.
        let out = unsafe { OutBuf::buf(out_json) };
        out.set_optional(clients::get(client)?.poll_event());
        Ok(())
    })
}

/// Fetches rules and id lists now. `TIDEGATE_E_TIMEOUT` when `timeout_ms` is over.
///
/// Blocks: up to `timeout_ms`. Threads: any. In callbacks: `TIDEGATE_E_STATE`. Before initialize
/// and after shutdown: `TIDEGATE_E_STATE`. After fork: yes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tidegate_client_sync_now(client: ClientId, timeout_ms: u32) -> Status {
    guard("tidegate_client_sync_now", || {
        clients::get_outside(client)?.sync_now(timeout_ms)
    })
}

/// Pauses (0) or resumes (any other number) the regular fetching of rules. Id lists go on.
///
/// Blocks: no. Threads: any. In callbacks: yes. Before initialize and after shutdown:
/// `TIDEGATE_E_STATE`. After fork: yes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tidegate_client_set_polling(client: ClientId, on: i32) -> Status {
    guard("tidegate_client_set_polling", || {
        clients::get(client)?.set_polling(on != 0)
    })
}

/// Replaces the rules with specs that you got by other means. Specs that are older than those in
/// use, or not meant for this key, are refused with `TIDEGATE_E_ARG`.
///
/// `specs_json` is copied.
///
/// Blocks: no. Threads: any. In callbacks: `TIDEGATE_E_STATE`. After shutdown: `TIDEGATE_E_STATE`.
/// After fork: yes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tidegate_client_update_specs(
    client: ClientId,
    specs_json: *const c_char,
    specs_json_len: usize,
) -> Status {
    guard("tidegate_client_update_specs", || {
        let client = clients::get_outside(client)?;
        // SAFETY: the caller's text, by the contract of the ABI.
        let specs = unsafe { text("specs_json", specs_json, specs_json_len) }?;
        client.update_specs(specs)
    })
}

/// Replaces the environment of the options, `tier` included, for evaluations and events from here
/// on.
///
/// `environment_json` is an object of texts, copied; an empty one leaves the environment to the
/// users and the rules.
///
/// Blocks: no. Threads: any. In callbacks: yes. Before initialize: yes. After shutdown: yes. After
/// fork: yes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tidegate_client_set_environment(
    client: ClientId,
    environment_json: *const c_char,
    environment_json_len: usize,
) -> Status {
    guard("tidegate_client_set_environment", || {
        let client = clients::get(client)?;
        // SAFETY: the caller's text, by the contract of the ABI.
        let environment =
            unsafe { text("environment_json", environment_json, environment_json_len) }?;
        client.set_environment(environment)
    })
}

/// The specs in use, as received: to keep them, or to hand them to another process.
/// Large specs are kept compressed if they came so, and are unpacked for each call: some
/// milliseconds a megabyte.
///
/// `*out_json` is freed with `tidegate_buf_free`; NULL if there are none and on failure.
///
/// Blocks: no. Threads: any. In callbacks: yes. After shutdown: yes. After fork: yes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tidegate_client_get_specs(
    client: ClientId,
    out_json: *mut *mut Buf,
) -> Status {
    guard("tidegate_client_get_specs", || {
        // SAFETY: the caller's place, by the contract of the ABI.
        let out = unsafe { OutBuf::buf(out_json) };
        let specs = clients::get(client)?.specs()?;
        out.set_optional(specs.as_deref());
        Ok(())
    })
}

/// The client's health as JSON: last sync and its age for each source, queues, counters, threads,
/// fork generation. Times are in ms.
///
/// `*out_json` is freed with `tidegate_buf_free`; NULL on failure.
///
/// Blocks: no. Threads: any. In callbacks: yes. After shutdown: yes. After fork: yes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tidegate_client_stats(
    client: ClientId,
    out_json: *mut *mut Buf,
) -> Status {
    guard("tidegate_client_stats", || {
        // SAFETY: the caller's place, by the contract of the ABI.
        let out = unsafe { OutBuf::buf(out_json) };
        out.set_text(clients::get(client)?.stats());
        Ok(())
    })
}
