//! The C ABI: text in, handle lookup, one core call, text out, status.
//!
//! Every exported function has the same shape: its body is one call of [`guard::guard`] (or of
//! `guard_or`, for the few that return a plain value), whose closure takes steps of four kinds in
//! the order of the parameters: claim the out-parameters, look up the handles, read the text, make
//! one call into the core. No exported function decides anything; what looks like policy belongs
//! in the core.
//!
//! What callers of the C functions guarantee, stated once here and in the header's preamble: a
//! pointer is NULL or points to live memory of the stated type and length that no other thread
//! writes during the call; a `tidegate_buf` is freed at most once; callbacks do not unwind.
//! Everything else, wrong ids of any kind included, is checked.
//!
//! The header is generated from this folder by `build.rs`. Only items written out in full are
//! found there, so no macro defines an export.
#![expect(
    unsafe_code,
    reason = "this folder is the one door between C and the library"
)]
#![expect(
    unreachable_pub,
    reason = "the header generator reads only `pub` items; nothing outside this folder uses them"
)]

// How a call is made.
mod guard;
mod last_error;
mod out;
mod status;
mod text;

// What ids stand for.
mod chunks;
mod clients;
mod fork;
mod slab;
mod slots;

// What the host hands in.
mod callbacks;
mod host;
mod vtables;

// The exported functions, in the order of the header.
mod buf;
mod client;
mod evaluate;
mod event;
mod library;
mod options;
mod overrides;
mod result;
mod user;

#[cfg(feature = "test-panics")]
mod test_panics;
