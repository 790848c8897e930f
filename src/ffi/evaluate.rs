//! Gates, configs, experiments and layers: one getter per shape.

use std::ffi::c_char;
use std::sync::Arc;

use super::buf::Buf;
use super::client::ClientId;
use super::clients;
use super::guard::guard;
use super::out::{Out, OutBuf, OutResult};
use super::result::{Evaluated, ResultId};
use super::slab::Slab;
use super::status::Status;
use super::text::{optional_text, text};
use super::user::{USERS, UserId};
use crate::client::Flags;
use crate::error::Error;
use crate::eval::Kind;
use crate::user::User;

/// A feature gate.
pub const TIDEGATE_GATE: i32 = 1;
/// A dynamic config.
pub const TIDEGATE_CONFIG: i32 = 2;
/// An experiment.
pub const TIDEGATE_EXPERIMENT: i32 = 3;
/// A layer.
pub const TIDEGATE_LAYER: i32 = 4;

/// Flag of an evaluation: log no exposure.
pub const TIDEGATE_EVAL_NO_EXPOSURE: u32 = 1;

pub(super) static RESULTS: Slab<Evaluated> = Slab::new(4, "result");

/// Reads a kind.
pub(super) fn kind(kind: i32) -> Result<Kind, Error> {
    Kind::from_number(kind).ok_or_else(|| Error::argument("kind", "expected 1 (gate) to 4 (layer)"))
}

/// The numbers of the header are those of the core.
const _: () = {
    assert!(Kind::Gate as i32 == TIDEGATE_GATE);
    assert!(Kind::Config as i32 == TIDEGATE_CONFIG);
    assert!(Kind::Experiment as i32 == TIDEGATE_EXPERIMENT);
    assert!(Kind::Layer as i32 == TIDEGATE_LAYER);
    assert!(Flags::NO_EXPOSURE == TIDEGATE_EVAL_NO_EXPOSURE);
};

/// Whether the user passes a gate. A gate that is not known is `TIDEGATE_OK` and 0.
///
/// `name` is borrowed for the call. `*out_value` is 0 or 1; 0 on failure. Logs an exposure unless
/// `flags` say otherwise. Allocates nothing for a plain gate.
///
/// Blocks: no. Threads: any. In callbacks: yes. Before initialize and after shutdown:
/// `TIDEGATE_E_STATE`. After fork: yes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tidegate_check_gate(
    client: ClientId,
    user: UserId,
    name: *const c_char,
    name_len: usize,
    flags: u32,
    out_value: *mut i32,
) -> Status {
    guard("tidegate_check_gate", || {
        // SAFETY: the caller's place, by the contract of the ABI.
        let out = unsafe { Out::new(out_value, 0) };
        let client = clients::get_to_evaluate(client)?;
        let user = USERS.get(user)?;
        // SAFETY: the caller's text, by the contract of the ABI.
        let name = unsafe { text("name", name, name_len) }?;
        let value = client.check_gate(&user, name, Flags::from_bits(flags)?)?;
        out.set(i32::from(value));
        Ok(())
    })
}

/// A gate with its rule and details.
///
/// `name` is borrowed for the call. `*out_result` is an id that you release with
/// `tidegate_result_release`; 0 on failure. Logs an exposure unless `flags` say otherwise.
///
/// Blocks: no. Threads: any. In callbacks: yes. Before initialize and after shutdown:
/// `TIDEGATE_E_STATE`. After fork: yes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tidegate_get_gate(
    client: ClientId,
    user: UserId,
    name: *const c_char,
    name_len: usize,
    flags: u32,
    out_result: *mut ResultId,
) -> Status {
    guard("tidegate_get_gate", || {
        // SAFETY: the caller's place, by the contract of the ABI.
        let out = unsafe { OutResult::new(out_result, 0) };
        let client = clients::get_to_evaluate(client)?;
        let user = USERS.get(user)?;
        // SAFETY: the caller's text, by the contract of the ABI.
        let name = unsafe { text("name", name, name_len) }?;
        out.set_result(client.evaluate(Kind::Gate, &user, name, Flags::from_bits(flags)?)?)
    })
}

/// A dynamic config. Its parameters are read with `tidegate_result_get_*`.
///
/// `name` is borrowed for the call. `*out_result` is an id that you release with
/// `tidegate_result_release`; 0 on failure. Logs an exposure unless `flags` say otherwise.
///
/// Blocks: no. Threads: any. In callbacks: yes. Before initialize and after shutdown:
/// `TIDEGATE_E_STATE`. After fork: yes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tidegate_get_config(
    client: ClientId,
    user: UserId,
    name: *const c_char,
    name_len: usize,
    flags: u32,
    out_result: *mut ResultId,
) -> Status {
    guard("tidegate_get_config", || {
        // SAFETY: the caller's place, by the contract of the ABI.
        let out = unsafe { OutResult::new(out_result, 0) };
        let client = clients::get_to_evaluate(client)?;
        let user = USERS.get(user)?;
        // SAFETY: the caller's text, by the contract of the ABI.
        let name = unsafe { text("name", name, name_len) }?;
        out.set_result(client.evaluate(Kind::Config, &user, name, Flags::from_bits(flags)?)?)
    })
}

/// An experiment. Its parameters are read with `tidegate_result_get_*`.
///
/// `name` is borrowed for the call. `*out_result` is an id that you release with
/// `tidegate_result_release`; 0 on failure. Logs an exposure unless `flags` say otherwise.
///
/// Blocks: no. Threads: any. In callbacks: yes. Before initialize and after shutdown:
/// `TIDEGATE_E_STATE`. After fork: yes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tidegate_get_experiment(
    client: ClientId,
    user: UserId,
    name: *const c_char,
    name_len: usize,
    flags: u32,
    out_result: *mut ResultId,
) -> Status {
    guard("tidegate_get_experiment", || {
        // SAFETY: the caller's place, by the contract of the ABI.
        let out = unsafe { OutResult::new(out_result, 0) };
        let client = clients::get_to_evaluate(client)?;
        let user = USERS.get(user)?;
        // SAFETY: the caller's text, by the contract of the ABI.
        let name = unsafe { text("name", name, name_len) }?;
        out.set_result(client.evaluate(Kind::Experiment, &user, name, Flags::from_bits(flags)?)?)
    })
}

/// A layer. Nothing is logged by this call: reading a parameter with `tidegate_result_get_*` logs
/// the exposure of that parameter, unless `flags` say otherwise.
///
/// `name` is borrowed for the call. `*out_result` is an id that you release with
/// `tidegate_result_release`; 0 on failure.
///
/// Blocks: no. Threads: any. In callbacks: yes. Before initialize and after shutdown:
/// `TIDEGATE_E_STATE`. After fork: yes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tidegate_get_layer(
    client: ClientId,
    user: UserId,
    name: *const c_char,
    name_len: usize,
    flags: u32,
    out_result: *mut ResultId,
) -> Status {
    guard("tidegate_get_layer", || {
        // SAFETY: the caller's place, by the contract of the ABI.
        let out = unsafe { OutResult::new(out_result, 0) };
        let client = clients::get_to_evaluate(client)?;
        let user = USERS.get(user)?;
        // SAFETY: the caller's text, by the contract of the ABI.
        let name = unsafe { text("name", name, name_len) }?;
        out.set_result(client.evaluate(Kind::Layer, &user, name, Flags::from_bits(flags)?)?)
    })
}

/// Whether the user passes a gate, in one call without a user id: for languages in which each call
/// is dear.
///
/// `user_json` and `name` are borrowed for the call. `*out_value` is 0 or 1; 0 on failure. Logs an
/// exposure unless `flags` say otherwise.
///
/// Blocks: no. Threads: any. In callbacks: yes. Before initialize and after shutdown:
/// `TIDEGATE_E_STATE`. After fork: yes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tidegate_check_gate_json(
    client: ClientId,
    user_json: *const c_char,
    user_json_len: usize,
    name: *const c_char,
    name_len: usize,
    flags: u32,
    out_value: *mut i32,
) -> Status {
    guard("tidegate_check_gate_json", || {
        // SAFETY: the caller's place, by the contract of the ABI.
        let out = unsafe { Out::new(out_value, 0) };
        let client = clients::get_to_evaluate(client)?;
        // SAFETY: the caller's text, by the contract of the ABI.
        let user = unsafe { text("user_json", user_json, user_json_len) }?;
        // SAFETY: the caller's text, by the contract of the ABI.
        let name = unsafe { text("name", name, name_len) }?;
        let user = Arc::new(User::from_json(user)?);
        let value = client.check_gate(&user, name, Flags::from_bits(flags)?)?;
        out.set(i32::from(value));
        Ok(())
    })
}

/// Any kind of evaluation in one call: user JSON in, result JSON out (see "User" and "Result"
/// above). A layer's parameters log no exposure this way; see `tidegate_log_exposure`.
///
/// `user_json` and `name` are borrowed for the call. `*out_json` is freed with `tidegate_buf_free`;
/// NULL on failure. Logs an exposure, except for layers, unless `flags` say otherwise.
///
/// Blocks: no. Threads: any. In callbacks: yes. Before initialize and after shutdown:
/// `TIDEGATE_E_STATE`. After fork: yes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tidegate_evaluate_json(
    client: ClientId,
    kind: i32,
    user_json: *const c_char,
    user_json_len: usize,
    name: *const c_char,
    name_len: usize,
    flags: u32,
    out_json: *mut *mut Buf,
) -> Status {
    guard("tidegate_evaluate_json", || {
        // SAFETY: the caller's place, by the contract of the ABI.
        let out = unsafe { OutBuf::buf(out_json) };
        let client = clients::get_to_evaluate(client)?;
        let kind = self::kind(kind)?;
        // SAFETY: the caller's text, by the contract of the ABI.
        let user = unsafe { text("user_json", user_json, user_json_len) }?;
        // SAFETY: the caller's text, by the contract of the ABI.
        let name = unsafe { text("name", name, name_len) }?;
        let user = Arc::new(User::from_json(user)?);
        let result = client.evaluate(kind, &user, name, Flags::from_bits(flags)?)?;
        out.set_text(result.to_json());
        Ok(())
    })
}

/// Many evaluations in one call (see "Batch" above).
///
/// `request_json` is borrowed for the call. `*out_json` is freed with `tidegate_buf_free`; NULL on
/// failure. An error in one cell of the answer stands in that cell.
///
/// Blocks: no. Threads: any. In callbacks: yes. Before initialize and after shutdown:
/// `TIDEGATE_E_STATE`. After fork: yes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tidegate_evaluate_batch(
    client: ClientId,
    request_json: *const c_char,
    request_json_len: usize,
    out_json: *mut *mut Buf,
) -> Status {
    guard("tidegate_evaluate_batch", || {
        // SAFETY: the caller's place, by the contract of the ABI.
        let out = unsafe { OutBuf::buf(out_json) };
        let client = clients::get_to_evaluate(client)?;
        // SAFETY: the caller's text, by the contract of the ABI.
        let request = unsafe { text("request_json", request_json, request_json_len) }?;
        out.set_text(client.evaluate_batch(request)?);
        Ok(())
    })
}

/// All gates, configs and experiments for one user, as JSON, without exposures:
/// `{"feature_gates":{name:{"value","rule_id"}},"dynamic_configs":{name:{"value","rule_id"}}}`.
///
/// `*out_json` is freed with `tidegate_buf_free`; NULL on failure.
///
/// Blocks: no. Threads: any. In callbacks: yes. Before initialize and after shutdown:
/// `TIDEGATE_E_STATE`. After fork: yes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tidegate_evaluate_all(
    client: ClientId,
    user: UserId,
    out_json: *mut *mut Buf,
) -> Status {
    guard("tidegate_evaluate_all", || {
        // SAFETY: the caller's place, by the contract of the ABI.
        let out = unsafe { OutBuf::buf(out_json) };
        let client = clients::get_to_evaluate(client)?;
        let user = USERS.get(user)?;
        out.set_text(client.evaluate_all(&user)?);
        Ok(())
    })
}

/// Why the user gets what it gets: the rules and conditions that were looked at, in order, with
/// the values and hashes that decided, as JSON. Logs no exposure.
///
/// `name` is borrowed for the call. `*out_json` is freed with `tidegate_buf_free`; NULL on failure.
///
/// Blocks: no. Threads: any. In callbacks: yes. Before initialize and after shutdown:
/// `TIDEGATE_E_STATE`. After fork: yes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tidegate_explain(
    client: ClientId,
    user: UserId,
    kind: i32,
    name: *const c_char,
    name_len: usize,
    out_json: *mut *mut Buf,
) -> Status {
    guard("tidegate_explain", || {
        // SAFETY: the caller's place, by the contract of the ABI.
        let out = unsafe { OutBuf::buf(out_json) };
        let client = clients::get_to_evaluate(client)?;
        let user = USERS.get(user)?;
        let kind = self::kind(kind)?;
        // SAFETY: the caller's text, by the contract of the ABI.
        let name = unsafe { text("name", name, name_len) }?;
        out.set_text(client.explain(&user, kind, name)?);
        Ok(())
    })
}

/// What a browser or mobile SDK needs to start for this user, as JSON; `null` while there are no
/// specs. Logs no exposure.
///
/// `options_json` (see "Client initialize response" above) may be NULL; it is borrowed for the
/// call. `*out_json` is freed with `tidegate_buf_free`; NULL on failure.
///
/// Blocks: no. Threads: any. In callbacks: yes. Before initialize and after shutdown: yes. After
/// fork: yes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tidegate_get_client_init_response(
    client: ClientId,
    user: UserId,
    options_json: *const c_char,
    options_json_len: usize,
    out_json: *mut *mut Buf,
) -> Status {
    guard("tidegate_get_client_init_response", || {
        // SAFETY: the caller's place, by the contract of the ABI.
        let out = unsafe { OutBuf::buf(out_json) };
        let client = clients::get(client)?;
        let user = USERS.get(user)?;
        // SAFETY: the caller's text, by the contract of the ABI.
        let options = unsafe { optional_text("options_json", options_json, options_json_len) }?;
        out.set_text(client.client_init_response(&user, options.unwrap_or_default())?);
        Ok(())
    })
}

/// The names of the entities of one kind, as a JSON array; with kind 0 those of all kinds, as an
/// object.
///
/// `*out_json` is freed with `tidegate_buf_free`; NULL on failure.
///
/// Blocks: no. Threads: any. In callbacks: yes. Before initialize and after shutdown: yes. After
/// fork: yes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tidegate_list_entities(
    client: ClientId,
    kind: i32,
    out_json: *mut *mut Buf,
) -> Status {
    guard("tidegate_list_entities", || {
        // SAFETY: the caller's place, by the contract of the ABI.
        let out = unsafe { OutBuf::buf(out_json) };
        out.set_text(clients::get(client)?.list_entities(kind)?);
        Ok(())
    })
}
