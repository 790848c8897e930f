//! Local overrides, for tests and staging.

use std::ffi::c_char;

use super::buf::Buf;
use super::client::ClientId;
use super::clients;
use super::evaluate::kind;
use super::guard::guard;
use super::out::OutBuf;
use super::status::Status;
use super::text::{optional_text, text};

/// Makes everybody, or one id, get a value of your choice.
///
/// `value_json` is true or false for a gate, otherwise an object. `id` is a user id or custom id;
/// NULL or empty means all users. `name` and these are copied. An override of an experiment does
/// not reach layers that hold the experiment.
///
/// Blocks: no. Threads: any. In callbacks: yes. Before initialize: yes. After shutdown: yes. After
/// fork: yes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tidegate_override(
    client: ClientId,
    kind: i32,
    name: *const c_char,
    name_len: usize,
    value_json: *const c_char,
    value_json_len: usize,
    id: *const c_char,
    id_len: usize,
) -> Status {
    guard("tidegate_override", || {
        let client = clients::get(client)?;
        let kind = self::kind(kind)?;
        // SAFETY: the caller's text, by the contract of the ABI.
        let name = unsafe { text("name", name, name_len) }?;
        // SAFETY: the caller's text, by the contract of the ABI.
        let value = unsafe { text("value_json", value_json, value_json_len) }?;
        // SAFETY: the caller's text, by the contract of the ABI.
        let id = unsafe { optional_text("id", id, id_len) }?;
        client.override_value(kind, name, value, id)
    })
}

/// Removes one override. One that is not there is `TIDEGATE_OK`.
///
/// `name` and `id`, as for `tidegate_override`, are borrowed for the call.
///
/// Blocks: no. Threads: any. In callbacks: yes. Before initialize: yes. After shutdown: yes. After
/// fork: yes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tidegate_remove_override(
    client: ClientId,
    kind: i32,
    name: *const c_char,
    name_len: usize,
    id: *const c_char,
    id_len: usize,
) -> Status {
    guard("tidegate_remove_override", || {
        let client = clients::get(client)?;
        let kind = self::kind(kind)?;
        // SAFETY: the caller's text, by the contract of the ABI.
        let name = unsafe { text("name", name, name_len) }?;
        // SAFETY: the caller's text, by the contract of the ABI.
        let id = unsafe { optional_text("id", id, id_len) }?;
        client.remove_override(kind, name, id)
    })
}

/// Removes every override.
///
/// Blocks: no. Threads: any. In callbacks: yes. Before initialize: yes. After shutdown: yes. After
/// fork: yes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tidegate_remove_all_overrides(client: ClientId) -> Status {
    guard("tidegate_remove_all_overrides", || {
        clients::get(client)?.remove_all_overrides()
    })
}

/// Replaces all overrides by those in `overrides_json` (see "Overrides" above). If one is refused,
/// nothing changes.
///
/// `overrides_json` is borrowed for the call.
///
/// Blocks: no. Threads: any. In callbacks: yes. Before initialize: yes. After shutdown: yes. After
/// fork: yes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tidegate_load_overrides(
    client: ClientId,
    overrides_json: *const c_char,
    overrides_json_len: usize,
) -> Status {
    guard("tidegate_load_overrides", || {
        let client = clients::get(client)?;
        // SAFETY: the caller's text, by the contract of the ABI.
        let overrides = unsafe { text("overrides_json", overrides_json, overrides_json_len) }?;
        client.load_overrides(overrides)
    })
}

/// All overrides as JSON, in the form that `tidegate_load_overrides` takes.
///
/// `*out_json` is freed with `tidegate_buf_free`; NULL on failure.
///
/// Blocks: no. Threads: any. In callbacks: yes. Before initialize: yes. After shutdown: yes. After
/// fork: yes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tidegate_dump_overrides(
    client: ClientId,
    out_json: *mut *mut Buf,
) -> Status {
    guard("tidegate_dump_overrides", || {
        // SAFETY: the caller's place, by the contract of the ABI.
        let out = unsafe { OutBuf::buf(out_json) };
        out.set_text(clients::get(client)?.dump_overrides());
        Ok(())
    })
}
