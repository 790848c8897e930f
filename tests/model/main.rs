//! Every interleaving of the lock-free parts that can do harm, in a model of memory.
//!
//! The source files under test are compiled here with the model's atomics in place of the real
//! ones. A write that another thread does not have to see is, in some run, not seen.
#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    unreachable_pub,
    reason = "a test fails by panicking; the files are parts of another tree"
)]
#![allow(
    unsafe_code,
    clippy::undocumented_unsafe_blocks,
    reason = "the model checks these accesses"
)]

mod client_slot;
mod slab;
