//! Events and exposures that the host logs itself.

use std::ffi::c_char;

use super::client::ClientId;
use super::clients;
use super::evaluate::{RESULTS, kind};
use super::guard::guard;
use super::result::ResultId;
use super::status::Status;
use super::text::{optional_text, text};
use super::user::{USERS, UserId};
use crate::error::Error;
use crate::exposure::EventValue;

/// The value of an event: a number, a text or neither.
///
/// # Safety
/// `number` is NULL or points to a number.
unsafe fn event_value(number: *const f64, text: Option<&str>) -> Result<EventValue, Error> {
    // SAFETY: by the caller's promise; hosts that lay out memory by hand may not align it.
    let number = (!number.is_null()).then(|| unsafe { number.read_unaligned() });
    match (number, text) {
        (None, None) => Ok(EventValue::None),
        (Some(number), None) => Ok(EventValue::Number(number)),
        (None, Some(text)) => Ok(EventValue::Text(text.into())),
        (Some(_), Some(_)) => Err(Error::argument(
            "value",
            "give a number or a text, not both",
        )),
    }
}

/// Logs a custom event.
///
/// `number` (may be NULL) or `value` (may be NULL) is the value of the event; giving both is
/// `TIDEGATE_E_ARG`. `metadata_json` (may be NULL) is a JSON object. `name` and these are copied.
///
/// Blocks: no. Threads: any. In callbacks: yes. Before initialize and after shutdown:
/// `TIDEGATE_E_STATE`. After fork: yes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tidegate_log_event(
    client: ClientId,
    user: UserId,
    name: *const c_char,
    name_len: usize,
    number: *const f64,
    value: *const c_char,
    value_len: usize,
    metadata_json: *const c_char,
    metadata_json_len: usize,
) -> Status {
    guard("tidegate_log_event", || {
        let client = clients::get_to_log(client)?;
        let user = USERS.get(user)?;
        // SAFETY: the caller's text, by the contract of the ABI.
        let name = unsafe { text("name", name, name_len) }?;
        // SAFETY: the caller's text, by the contract of the ABI.
        let value = unsafe { optional_text("value", value, value_len) }?;
        // SAFETY: the caller's number, by the contract of the ABI.
        let value = unsafe { event_value(number, value) }?;
        // SAFETY: the caller's text, by the contract of the ABI.
        let metadata = unsafe { optional_text("metadata_json", metadata_json, metadata_json_len) }?;
        client.log_event(&user, name, value, metadata)
    })
}

/// Logs one custom event, or an array of them, each with its user (see "Event" above).
///
/// `events_json` is copied. An event that is refused does not keep the others out; the message names
/// the first such. Nothing is logged if the text as a whole is not JSON.
///
/// Blocks: no. Threads: any. In callbacks: yes. Before initialize and after shutdown:
/// `TIDEGATE_E_STATE`. After fork: yes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tidegate_log_event_json(
    client: ClientId,
    events_json: *const c_char,
    events_json_len: usize,
) -> Status {
    guard("tidegate_log_event_json", || {
        let client = clients::get_to_log(client)?;
        // SAFETY: the caller's text, by the contract of the ABI.
        let events = unsafe { text("events_json", events_json, events_json_len) }?;
        client.log_event_json(events)
    })
}

/// Evaluates and logs the exposure, marked as manual.
///
/// `name` and `parameter` are borrowed for the call. `parameter` is that of a layer, and NULL for
/// other kinds.
///
/// Blocks: no. Threads: any. In callbacks: yes. Before initialize and after shutdown:
/// `TIDEGATE_E_STATE`. After fork: yes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tidegate_log_exposure(
    client: ClientId,
    user: UserId,
    kind: i32,
    name: *const c_char,
    name_len: usize,
    parameter: *const c_char,
    parameter_len: usize,
) -> Status {
    guard("tidegate_log_exposure", || {
        let client = clients::get_to_log(client)?;
        let user = USERS.get(user)?;
        let kind = self::kind(kind)?;
        // SAFETY: the caller's text, by the contract of the ABI.
        let name = unsafe { text("name", name, name_len) }?;
        // SAFETY: the caller's text, by the contract of the ABI.
        let parameter = unsafe { optional_text("parameter", parameter, parameter_len) }?;
        client.log_exposure(&user, kind, name, parameter)
    })
}

/// Logs the exposure of a result that was taken without one, marked as manual, as it was
/// evaluated.
///
/// `parameter` is the parameter of a layer, and NULL for other kinds; it is borrowed for the call.
///
/// Blocks: no. Threads: any. In callbacks: yes. Before initialize and after shutdown:
/// `TIDEGATE_E_STATE`. After fork: yes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tidegate_log_exposure_for_result(
    client: ClientId,
    result: ResultId,
    parameter: *const c_char,
    parameter_len: usize,
) -> Status {
    guard("tidegate_log_exposure_for_result", || {
        let client = clients::get_to_log(client)?;
        let result = RESULTS.get(result)?;
        // SAFETY: the caller's text, by the contract of the ABI.
        let parameter = unsafe { optional_text("parameter", parameter, parameter_len) }?;
        client.log_exposure_for_result(&result.result, parameter)
    })
}
