//! Results: what was evaluated, read piece by piece.

use std::ffi::c_char;

use crate::lock::Mutex;

use super::buf::Buf;
use super::evaluate::RESULTS;
use super::guard::{guard, guard_or};
use super::out::{Out, OutBuf, OutText};
use super::status::Status;
use super::text::text;
use super::vtables::{EvalTimesOut, OutStruct};
use crate::client::{EvalResult, JsonType};

/// The result of an evaluation. 0 is never valid; reading it gives defaults.
pub type ResultId = u64;

/// JSON type of a parameter: null.
pub const TIDEGATE_JSON_NULL: i32 = 1;
/// JSON type of a parameter: true or false.
pub const TIDEGATE_JSON_BOOL: i32 = 2;
/// JSON type of a parameter: a number.
pub const TIDEGATE_JSON_NUMBER: i32 = 3;
/// JSON type of a parameter: a string.
pub const TIDEGATE_JSON_STRING: i32 = 4;
/// JSON type of a parameter: an array.
pub const TIDEGATE_JSON_ARRAY: i32 = 5;
/// JSON type of a parameter: an object.
pub const TIDEGATE_JSON_OBJECT: i32 = 6;

/// The numbers of the header are those of the core.
const _: () = {
    assert!(JsonType::Null as i32 == TIDEGATE_JSON_NULL);
    assert!(JsonType::Bool as i32 == TIDEGATE_JSON_BOOL);
    assert!(JsonType::Number as i32 == TIDEGATE_JSON_NUMBER);
    assert!(JsonType::Text as i32 == TIDEGATE_JSON_STRING);
    assert!(JsonType::Array as i32 == TIDEGATE_JSON_ARRAY);
    assert!(JsonType::Object as i32 == TIDEGATE_JSON_OBJECT);
};

/// What a result id stands for.
pub(super) struct Evaluated {
    pub(super) result: EvalResult,
    texts: Texts,
}

impl Evaluated {
    pub(super) fn new(result: EvalResult) -> Self {
        Evaluated {
            result,
            texts: Texts(Mutex::new(Vec::new())),
        }
    }

    fn lend(&self, text: &str, out_len: &Out<usize>) -> *const c_char {
        let (pointer, len) = self.texts.lend(text);
        out_len.set(len);
        pointer
    }
}

/// Texts lent to the host, each with the NUL that texts of the library do not have. A text is
/// copied on its first read and lives as long as the result.
struct Texts(Mutex<Vec<LentText>>);

struct LentText {
    /// Where the text stands in the result: the same place always holds the same text.
    source: usize,
    len: usize,
    copy: Box<[u8]>,
}

impl Texts {
    fn lend(&self, text: &str) -> (*const c_char, usize) {
        let (source, len) = (text.as_ptr().addr(), text.len());
        let mut lent = self.0.lock();
        if let Some(known) = lent.iter().find(|t| t.source == source && t.len == len) {
            return (known.copy.as_ptr().cast(), len);
        }
        let mut copy = Vec::with_capacity(len + 1);
        copy.extend_from_slice(text.as_bytes());
        copy.push(0);
        let copy = copy.into_boxed_slice();
        // The box may move within the list, the bytes it owns do not.
        let pointer = copy.as_ptr().cast();
        lent.push(LentText { source, len, copy });
        (pointer, len)
    }
}

/// The kind of a result: one of `TIDEGATE_GATE` to `TIDEGATE_LAYER`; 0 on failure.
///
/// Blocks: no. Threads: any. In callbacks: yes. After shutdown: yes. After fork: yes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tidegate_result_kind(result: ResultId) -> i32 {
    guard_or("tidegate_result_kind", 0, || {
        Ok(RESULTS.get(result)?.result.kind() as i32)
    })
}

/// The value of a gate, or whether a config's rule was passed: 0 or 1; 0 on failure.
///
/// Blocks: no. Threads: any. In callbacks: yes. After shutdown: yes. After fork: yes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tidegate_result_bool(result: ResultId) -> i32 {
    guard_or("tidegate_result_bool", 0, || {
        Ok(i32::from(RESULTS.get(result)?.result.value_bool()))
    })
}

/// The name that was asked for; "" on failure.
///
/// Borrowed until the result is released, and terminated by a NUL; `*out_len` (may be NULL) is the
/// length without it.
///
/// Blocks: no. Threads: any. In callbacks: yes. After shutdown: yes. After fork: yes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tidegate_result_name(
    result: ResultId,
    out_len: *mut usize,
) -> *const c_char {
    guard_or("tidegate_result_name", c"".as_ptr(), || {
        // SAFETY: the caller's place, by the contract of the ABI.
        let out_len = unsafe { Out::new(out_len, 0) };
        let result = RESULTS.get(result)?;
        Ok(result.lend(result.result.name(), &out_len))
    })
}

/// The id of the rule that decided; "" if there was none and on failure.
///
/// Borrowed until the result is released, and terminated by a NUL; `*out_len` (may be NULL) is the
/// length without it.
///
/// Blocks: no. Threads: any. In callbacks: yes. After shutdown: yes. After fork: yes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tidegate_result_rule_id(
    result: ResultId,
    out_len: *mut usize,
) -> *const c_char {
    guard_or("tidegate_result_rule_id", c"".as_ptr(), || {
        // SAFETY: the caller's place, by the contract of the ABI.
        let out_len = unsafe { Out::new(out_len, 0) };
        let result = RESULTS.get(result)?;
        Ok(result.lend(result.result.rule_id(), &out_len))
    })
}

/// The name of the experiment group; NULL if there is none and on failure.
///
/// Borrowed until the result is released, and terminated by a NUL; `*out_len` (may be NULL) is the
/// length without it.
///
/// Blocks: no. Threads: any. In callbacks: yes. After shutdown: yes. After fork: yes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tidegate_result_group_name(
    result: ResultId,
    out_len: *mut usize,
) -> *const c_char {
    guard_or("tidegate_result_group_name", std::ptr::null(), || {
        // SAFETY: the caller's place, by the contract of the ABI.
        let out_len = unsafe { Out::new(out_len, 0) };
        let result = RESULTS.get(result)?;
        let group = result.result.group_name();
        Ok(group.map_or(std::ptr::null(), |group| result.lend(group, &out_len)))
    })
}

/// The type of the id that was evaluated, for example "userID"; "" if not known and on failure.
///
/// Borrowed until the result is released, and terminated by a NUL; `*out_len` (may be NULL) is the
/// length without it.
///
/// Blocks: no. Threads: any. In callbacks: yes. After shutdown: yes. After fork: yes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tidegate_result_id_type(
    result: ResultId,
    out_len: *mut usize,
) -> *const c_char {
    guard_or("tidegate_result_id_type", c"".as_ptr(), || {
        // SAFETY: the caller's place, by the contract of the ABI.
        let out_len = unsafe { Out::new(out_len, 0) };
        let result = RESULTS.get(result)?;
        Ok(result.lend(result.result.id_type(), &out_len))
    })
}

/// Where the value came from, for example "Network" or "Network:Unrecognized"; "" on failure.
///
/// Borrowed until the result is released, and terminated by a NUL; `*out_len` (may be NULL) is the
/// length without it.
///
/// Blocks: no. Threads: any. In callbacks: yes. After shutdown: yes. After fork: yes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tidegate_result_reason(
    result: ResultId,
    out_len: *mut usize,
) -> *const c_char {
    guard_or("tidegate_result_reason", c"".as_ptr(), || {
        // SAFETY: the caller's place, by the contract of the ABI.
        let out_len = unsafe { Out::new(out_len, 0) };
        let result = RESULTS.get(result)?;
        Ok(result.lend(result.result.reason(), &out_len))
    })
}

/// The times of a result.
///
/// `out_times->struct_size` must be set; the other members are 0 on failure.
///
/// Blocks: no. Threads: any. In callbacks: yes. After shutdown: yes. After fork: yes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tidegate_result_times(
    result: ResultId,
    out_times: *mut EvalTimesOut,
) -> Status {
    guard("tidegate_result_times", || {
        // SAFETY: the caller's struct, by the contract of the ABI.
        let out = unsafe { OutStruct::eval_times(out_times) }?;
        out.set(EvalTimesOut::from(RESULTS.get(result)?.result.details()));
        Ok(())
    })
}

/// The whole value as JSON: true or false for a gate, otherwise an object. Logs no exposure.
///
/// `*out_json` is freed with `tidegate_buf_free`; NULL on failure.
///
/// Blocks: no. Threads: any. In callbacks: yes. After shutdown: yes. After fork: yes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tidegate_result_value_json(
    result: ResultId,
    out_json: *mut *mut Buf,
) -> Status {
    guard("tidegate_result_value_json", || {
        // SAFETY: the caller's place, by the contract of the ABI.
        let out = unsafe { OutBuf::buf(out_json) };
        out.set_text(RESULTS.get(result)?.result.value_json());
        Ok(())
    })
}

/// Everything about a result as JSON (see "Result" above). Logs no exposure.
///
/// `*out_json` is freed with `tidegate_buf_free`; NULL on failure.
///
/// Blocks: no. Threads: any. In callbacks: yes. After shutdown: yes. After fork: yes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tidegate_result_to_json(
    result: ResultId,
    out_json: *mut *mut Buf,
) -> Status {
    guard("tidegate_result_to_json", || {
        // SAFETY: the caller's place, by the contract of the ABI.
        let out = unsafe { OutBuf::buf(out_json) };
        out.set_text(RESULTS.get(result)?.result.to_json());
        Ok(())
    })
}

/// One parameter as JSON. Reading a parameter of a layer logs its exposure.
///
/// `key` is borrowed for the call. `*out_json` is freed with `tidegate_buf_free`; NULL if the
/// parameter is absent and on failure.
///
/// Blocks: no. Threads: any. In callbacks: yes. After shutdown: yes. After fork: yes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tidegate_result_get_json(
    result: ResultId,
    key: *const c_char,
    key_len: usize,
    out_json: *mut *mut Buf,
) -> Status {
    guard("tidegate_result_get_json", || {
        // SAFETY: the caller's place, by the contract of the ABI.
        let out = unsafe { OutBuf::buf(out_json) };
        let result = RESULTS.get(result)?;
        // SAFETY: the caller's text, by the contract of the ABI.
        let key = unsafe { text("key", key, key_len) }?;
        out.set_optional(result.result.get_json(key));
        Ok(())
    })
}

/// One parameter that is true or false. Reading a parameter of a layer logs its exposure.
///
/// `key` is borrowed for the call. `*out_value` is `default_value` if the parameter is absent or of
/// another type, and on failure.
///
/// Blocks: no. Threads: any. In callbacks: yes. After shutdown: yes. After fork: yes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tidegate_result_get_bool(
    result: ResultId,
    key: *const c_char,
    key_len: usize,
    default_value: i32,
    out_value: *mut i32,
) -> Status {
    guard("tidegate_result_get_bool", || {
        // SAFETY: the caller's place, by the contract of the ABI.
        let out = unsafe { Out::new(out_value, default_value) };
        let result = RESULTS.get(result)?;
        // SAFETY: the caller's text, by the contract of the ABI.
        let key = unsafe { text("key", key, key_len) }?;
        out.set_some(result.result.get_bool(key).map(i32::from));
        Ok(())
    })
}

/// One parameter that is a whole number. Reading a parameter of a layer logs its exposure.
///
/// `key` is borrowed for the call. `*out_value` is `default_value` if the parameter is absent or of
/// another type, and on failure.
///
/// Blocks: no. Threads: any. In callbacks: yes. After shutdown: yes. After fork: yes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tidegate_result_get_i64(
    result: ResultId,
    key: *const c_char,
    key_len: usize,
    default_value: i64,
    out_value: *mut i64,
) -> Status {
    guard("tidegate_result_get_i64", || {
        // SAFETY: the caller's place, by the contract of the ABI.
        let out = unsafe { Out::new(out_value, default_value) };
        let result = RESULTS.get(result)?;
        // SAFETY: the caller's text, by the contract of the ABI.
        let key = unsafe { text("key", key, key_len) }?;
        out.set_some(result.result.get_i64(key));
        Ok(())
    })
}

/// One parameter that is a number. Reading a parameter of a layer logs its exposure.
///
/// `key` is borrowed for the call. `*out_value` is `default_value` if the parameter is absent or of
/// another type, and on failure.
///
/// Blocks: no. Threads: any. In callbacks: yes. After shutdown: yes. After fork: yes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tidegate_result_get_f64(
    result: ResultId,
    key: *const c_char,
    key_len: usize,
    default_value: f64,
    out_value: *mut f64,
) -> Status {
    guard("tidegate_result_get_f64", || {
        // SAFETY: the caller's place, by the contract of the ABI.
        let out = unsafe { Out::new(out_value, default_value) };
        let result = RESULTS.get(result)?;
        // SAFETY: the caller's text, by the contract of the ABI.
        let key = unsafe { text("key", key, key_len) }?;
        out.set_some(result.result.get_f64(key));
        Ok(())
    })
}

/// One parameter that is a string. Reading a parameter of a layer logs its exposure.
///
/// `key` is borrowed for the call. `*out_text` is borrowed until the result is released and
/// terminated by a NUL; `*out_len` (may be NULL) is the length without it. NULL and 0 if the
/// parameter is absent or of another type, and on failure.
///
/// Blocks: no. Threads: any. In callbacks: yes. After shutdown: yes. After fork: yes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tidegate_result_get_str(
    result: ResultId,
    key: *const c_char,
    key_len: usize,
    out_text: *mut *const c_char,
    out_len: *mut usize,
) -> Status {
    guard("tidegate_result_get_str", || {
        // SAFETY: the caller's places, by the contract of the ABI.
        let out = unsafe { OutText::new(out_text, out_len) };
        let result = RESULTS.get(result)?;
        // SAFETY: the caller's text, by the contract of the ABI.
        let key = unsafe { text("key", key, key_len) }?;
        let value = result.result.get_terminated(key);
        // The NUL is there already, and the result keeps the text alive.
        out.set_some(value.map(|text| (text.with_nul().as_ptr().cast(), text.as_str().len())));
        Ok(())
    })
}

/// The JSON type of a parameter, one of `TIDEGATE_JSON_*`; 0 if it is absent and on failure. Logs
/// no exposure.
///
/// `key` is borrowed for the call.
///
/// Blocks: no. Threads: any. In callbacks: yes. After shutdown: yes. After fork: yes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tidegate_result_has(
    result: ResultId,
    key: *const c_char,
    key_len: usize,
) -> i32 {
    guard_or("tidegate_result_has", 0, || {
        let result = RESULTS.get(result)?;
        // SAFETY: the caller's text, by the contract of the ABI.
        let key = unsafe { text("key", key, key_len) }?;
        Ok(result.result.has(key) as i32)
    })
}

/// Ends the life of a result and of the texts borrowed from it. 0 is allowed.
///
/// Blocks: no. Threads: any. In callbacks: yes. After shutdown: yes. After fork: yes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tidegate_result_release(result: ResultId) -> Status {
    guard("tidegate_result_release", || RESULTS.release(result))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_lent_once_and_ends_in_a_nul() {
        let texts = Texts(Mutex::new(Vec::new()));
        let source = String::from("a\0b");
        let (first, len) = texts.lend(&source);
        for _ in 0..100 {
            texts.lend(&String::from("another"));
        }
        assert_eq!(texts.lend(&source), (first, len));
        // SAFETY: `lend` promises `len` bytes and a NUL.
        let bytes = unsafe { std::slice::from_raw_parts(first.cast::<u8>(), len + 1) };
        assert_eq!(bytes, b"a\0b\0");
    }
}
