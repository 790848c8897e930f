//! Structs that cross the boundary, all by pointer, all with `struct_size` first: a host built with
//! an older header sends or takes a shorter struct, and the missing tail is NULL or not written.

use std::ffi::{c_char, c_void};
use std::mem::{MaybeUninit, offset_of};

use super::buf::Reply;
use super::host::HostData;
use crate::error::Error;
use crate::eval::Details;
use crate::exposure::FlushInfo;

/// Frees what `user_data` points to. Called exactly once, after the last use, on any thread.
pub type DestroyFn = Option<unsafe extern "C" fn(user_data: *mut c_void)>;

/// A key-value store of the host, for specs and id lists. Called on the sync thread, or inside
/// `tidegate_client_initialize` and `tidegate_client_tick` on the thread that calls those.
///
/// Texts are borrowed for the callback and not terminated by a NUL. A result other than 0 means
/// failure. Any function may be NULL.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct DataStoreVtable {
    /// `sizeof(tidegate_data_store_vtable)`.
    pub struct_size: usize,
    /// Passed to every function.
    pub user_data: *mut c_void,
    /// Frees `user_data`.
    pub destroy: DestroyFn,
    /// Answers with `tidegate_reply_set`; without an answer the key is not there.
    pub get: Option<
        unsafe extern "C" fn(
            user_data: *mut c_void,
            key: *const c_char,
            key_len: usize,
            reply: *mut Reply,
        ) -> i32,
    >,
    /// Stores `value`; `time_ms` is the time of the specs in it, or 0.
    pub set: Option<
        unsafe extern "C" fn(
            user_data: *mut c_void,
            key: *const c_char,
            key_len: usize,
            value: *const c_char,
            value_len: usize,
            time_ms: i64,
        ) -> i32,
    >,
    /// 1 if the store is polled for updates of `path` instead of the network, else 0.
    pub supports_polling: Option<
        unsafe extern "C" fn(user_data: *mut c_void, path: *const c_char, path_len: usize) -> i32,
    >,
    /// Called once, after the last use of the store.
    pub shutdown: Option<unsafe extern "C" fn(user_data: *mut c_void)>,
}

/// Records one metric. `tags_json` is an object of texts.
pub type MetricFn = Option<
    unsafe extern "C" fn(
        user_data: *mut c_void,
        name: *const c_char,
        name_len: usize,
        value: f64,
        tags_json: *const c_char,
        tags_json_len: usize,
    ),
>;

/// Receives the library's own metrics, named `statsig.sdk.*`. Called on any thread of the library
/// and on threads that call it. Texts are borrowed for the callback and not terminated by a NUL.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct MetricsVtable {
    /// `sizeof(tidegate_metrics_vtable)`.
    pub struct_size: usize,
    /// Passed to every function.
    pub user_data: *mut c_void,
    /// Frees `user_data`.
    pub destroy: DestroyFn,
    /// Adds to a counter.
    pub increment: MetricFn,
    /// Sets a gauge.
    pub gauge: MetricFn,
    /// Records one value of a distribution.
    pub distribution: MetricFn,
    /// 1 to receive tags with many values (`lcut`, `prev_lcut`) too, else 0.
    pub high_cardinality: i32,
}

/// Receives what the library logs, from every client and any thread. Texts are borrowed for the
/// callback and not terminated by a NUL; secret keys are masked.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct LogVtable {
    /// `sizeof(tidegate_log_vtable)`.
    pub struct_size: usize,
    /// Passed to every function.
    pub user_data: *mut c_void,
    /// Frees `user_data`.
    pub destroy: DestroyFn,
    /// The most talkative level wanted: one of `TIDEGATE_LOG_*`.
    pub level: i32,
    /// Takes one message.
    pub log: Option<
        unsafe extern "C" fn(
            user_data: *mut c_void,
            level: i32,
            tag: *const c_char,
            tag_len: usize,
            message: *const c_char,
            message_len: usize,
        ),
    >,
}

/// What became of the events. Set `struct_size` before the call.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct FlushInfoOut {
    /// `sizeof(tidegate_flush_info)`.
    pub struct_size: usize,
    /// Accepted by the server during the call.
    pub sent: u64,
    /// Written to the spool during the call.
    pub spooled: u64,
    /// Given up during the call.
    pub dropped: u64,
    /// Still waiting after the call.
    pub queued: u64,
}

/// The times of a result, in ms since 1970. Set `struct_size` before the call.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct EvalTimesOut {
    /// `sizeof(tidegate_eval_times)`.
    pub struct_size: usize,
    /// Time of the specs the result was made with.
    pub config_sync: i64,
    /// Time of the specs the client was initialized with.
    pub init: i64,
    /// Time of the evaluation.
    pub server: i64,
}

/// A table of functions that the host registers.
///
/// # Safety
/// The type is `repr(C)`, starts with `struct_size`, `user_data`, `destroy`, and all zero bytes are
/// a valid value of it.
pub(super) unsafe trait Vtable: Copy {
    const NAME: &'static str;
    /// The size of the part that every version has.
    const HEAD_BYTES: usize;
    fn host_data(&self) -> HostData;
}

// SAFETY: `repr(C)`; sizes, pointers and optional functions may all be zero.
unsafe impl Vtable for DataStoreVtable {
    const NAME: &'static str = "tidegate_data_store_vtable";
    const HEAD_BYTES: usize = offset_of!(DataStoreVtable, get);
    fn host_data(&self) -> HostData {
        HostData::new(self.user_data, self.destroy)
    }
}

// SAFETY: `repr(C)`; sizes, pointers, optional functions and numbers may all be zero.
unsafe impl Vtable for MetricsVtable {
    const NAME: &'static str = "tidegate_metrics_vtable";
    const HEAD_BYTES: usize = offset_of!(MetricsVtable, increment);
    fn host_data(&self) -> HostData {
        HostData::new(self.user_data, self.destroy)
    }
}

// SAFETY: `repr(C)`; sizes, pointers, optional functions and numbers may all be zero.
unsafe impl Vtable for LogVtable {
    const NAME: &'static str = "tidegate_log_vtable";
    const HEAD_BYTES: usize = offset_of!(LogVtable, level);
    fn host_data(&self) -> HostData {
        HostData::new(self.user_data, self.destroy)
    }
}

/// Reads as much of a vtable as the host's header knew of.
///
/// # Safety
/// `pointer` is NULL or points to a struct of the size that its first field says.
pub(super) unsafe fn read<V: Vtable>(pointer: *const V) -> Result<V, Error> {
    if pointer.is_null() {
        return Err(Error::Null { what: V::NAME });
    }
    // SAFETY: not NULL, and `struct_size` is the first field of every vtable.
    let size = unsafe { pointer.cast::<usize>().read_unaligned() };
    if size < V::HEAD_BYTES {
        return Err(Error::Abi { what: V::NAME });
    }
    let mut vtable = MaybeUninit::<V>::zeroed();
    let known = size.min(size_of::<V>());
    let target = vtable.as_mut_ptr().cast::<u8>();
    // SAFETY: `known` bytes are readable by the caller's promise and fit into a `V`.
    unsafe { std::ptr::copy_nonoverlapping(pointer.cast::<u8>(), target, known) };
    // SAFETY: zero is valid for all fields, and what was copied are fields of the same types.
    Ok(unsafe { vtable.assume_init() })
}

/// A struct that the library fills as far as the host's header knew of it.
pub(super) struct OutStruct<S> {
    pointer: *mut S,
    known: usize,
}

impl<S: Copy> OutStruct<S> {
    /// Claims the struct and writes `default`, keeping the host's `struct_size`.
    ///
    /// # Safety
    /// `pointer` is NULL or points to a writable struct of the size that its first field says, and
    /// `S` is `repr(C)` and starts with `struct_size`.
    pub(super) unsafe fn new(
        what: &'static str,
        pointer: *mut S,
        default: S,
    ) -> Result<Self, Error> {
        if pointer.is_null() {
            return Ok(OutStruct { pointer, known: 0 });
        }
        // SAFETY: not NULL, and `struct_size` is the first field.
        let size = unsafe { pointer.cast::<usize>().read_unaligned() };
        if size < size_of::<usize>() {
            return Err(Error::Abi { what });
        }
        let known = size.min(size_of::<S>());
        let out = OutStruct { pointer, known };
        out.set(default);
        Ok(out)
    }

    /// Writes every field the host knows, except `struct_size`.
    pub(super) fn set(&self, value: S) {
        let head = size_of::<usize>();
        let Some(len) = self.known.checked_sub(head) else {
            return;
        };
        let source = std::ptr::from_ref(&value).cast::<u8>();
        // SAFETY: `known`, and so the head, is within an `S`.
        let source = unsafe { source.add(head) };
        // SAFETY: `known`, and so the head, is within the host's struct.
        let target = unsafe { self.pointer.cast::<u8>().add(head) };
        // SAFETY: head and `len` make up `known`, which is within both structs.
        unsafe { std::ptr::copy_nonoverlapping(source, target, len) };
    }
}

impl OutStruct<FlushInfoOut> {
    /// Claims the struct and writes zeros.
    ///
    /// # Safety
    /// As for [`OutStruct::new`].
    pub(super) unsafe fn flush_info(pointer: *mut FlushInfoOut) -> Result<Self, Error> {
        let zeros = FlushInfoOut::from(FlushInfo::default());
        // SAFETY: the same contract, passed on.
        unsafe { OutStruct::new("tidegate_flush_info", pointer, zeros) }
    }
}

impl OutStruct<EvalTimesOut> {
    /// Claims the struct and writes zeros.
    ///
    /// # Safety
    /// As for [`OutStruct::new`].
    pub(super) unsafe fn eval_times(pointer: *mut EvalTimesOut) -> Result<Self, Error> {
        let zeros = EvalTimesOut {
            struct_size: size_of::<EvalTimesOut>(),
            config_sync: 0,
            init: 0,
            server: 0,
        };
        // SAFETY: the same contract, passed on.
        unsafe { OutStruct::new("tidegate_eval_times", pointer, zeros) }
    }
}

impl From<FlushInfo> for FlushInfoOut {
    fn from(info: FlushInfo) -> Self {
        FlushInfoOut {
            struct_size: size_of::<FlushInfoOut>(),
            sent: info.sent,
            spooled: info.spooled,
            dropped: info.dropped,
            queued: info.queued,
        }
    }
}

impl From<Details> for EvalTimesOut {
    fn from(details: Details) -> Self {
        EvalTimesOut {
            struct_size: size_of::<EvalTimesOut>(),
            config_sync: details.config_sync_time,
            init: details.init_time,
            server: details.server_time,
        }
    }
}

/// The layout that `tests/c/layout.c` asserts from the other side.
#[cfg(target_pointer_width = "64")]
const _: () = {
    assert!(size_of::<DataStoreVtable>() == 56);
    assert!(offset_of!(DataStoreVtable, struct_size) == 0);
    assert!(offset_of!(DataStoreVtable, user_data) == 8);
    assert!(offset_of!(DataStoreVtable, destroy) == 16);
    assert!(offset_of!(DataStoreVtable, get) == 24);
    assert!(offset_of!(DataStoreVtable, set) == 32);
    assert!(offset_of!(DataStoreVtable, supports_polling) == 40);
    assert!(offset_of!(DataStoreVtable, shutdown) == 48);
    assert!(size_of::<MetricsVtable>() == 56);
    assert!(offset_of!(MetricsVtable, struct_size) == 0);
    assert!(offset_of!(MetricsVtable, user_data) == 8);
    assert!(offset_of!(MetricsVtable, destroy) == 16);
    assert!(offset_of!(MetricsVtable, increment) == 24);
    assert!(offset_of!(MetricsVtable, gauge) == 32);
    assert!(offset_of!(MetricsVtable, distribution) == 40);
    assert!(offset_of!(MetricsVtable, high_cardinality) == 48);
    assert!(size_of::<LogVtable>() == 40);
    assert!(offset_of!(LogVtable, struct_size) == 0);
    assert!(offset_of!(LogVtable, user_data) == 8);
    assert!(offset_of!(LogVtable, destroy) == 16);
    assert!(offset_of!(LogVtable, level) == 24);
    assert!(offset_of!(LogVtable, log) == 32);
    assert!(size_of::<FlushInfoOut>() == 40);
    assert!(offset_of!(FlushInfoOut, struct_size) == 0);
    assert!(offset_of!(FlushInfoOut, sent) == 8);
    assert!(offset_of!(FlushInfoOut, spooled) == 16);
    assert!(offset_of!(FlushInfoOut, dropped) == 24);
    assert!(offset_of!(FlushInfoOut, queued) == 32);
    assert!(size_of::<EvalTimesOut>() == 32);
    assert!(offset_of!(EvalTimesOut, struct_size) == 0);
    assert!(offset_of!(EvalTimesOut, config_sync) == 8);
    assert!(offset_of!(EvalTimesOut, init) == 16);
    assert!(offset_of!(EvalTimesOut, server) == 24);
};

#[cfg(test)]
mod tests {
    use super::*;

    fn flush(struct_size: usize) -> FlushInfoOut {
        FlushInfoOut {
            struct_size,
            sent: 9,
            spooled: 9,
            dropped: 9,
            queued: 9,
        }
    }

    #[test]
    fn a_host_with_an_older_header_gets_what_it_knows() {
        for (size, expected) in [(8, [9, 9, 9, 9]), (24, [1, 2, 9, 9]), (4096, [1, 2, 3, 4])] {
            let mut theirs = flush(size);
            // SAFETY: the struct is ours; sizes beyond it are clipped to it.
            let out = unsafe { OutStruct::new("x", &raw mut theirs, flush(0)) }.expect("a size");
            out.set(FlushInfoOut {
                struct_size: 77,
                sent: 1,
                spooled: 2,
                dropped: 3,
                queued: 4,
            });
            let got = [theirs.sent, theirs.spooled, theirs.dropped, theirs.queued];
            assert_eq!((theirs.struct_size, got), (size, expected));
        }
    }

    #[test]
    fn a_shorter_vtable_has_null_where_it_ends() {
        unsafe extern "C" fn shutdown(_: *mut c_void) {}
        let mut theirs = DataStoreVtable {
            struct_size: offset_of!(DataStoreVtable, shutdown),
            user_data: std::ptr::null_mut(),
            destroy: None,
            get: None,
            set: None,
            supports_polling: None,
            shutdown: Some(shutdown),
        };
        // SAFETY: the struct is ours and at least as large as it says.
        let read_back = unsafe { read(&raw const theirs) };
        assert!(read_back.expect("a size").shutdown.is_none());
        theirs.struct_size = 16;
        // SAFETY: as above.
        let too_short = unsafe { read(&raw const theirs) };
        assert!(matches!(too_short, Err(Error::Abi { .. })));
    }
}
