//! For the tests of the barrier: a panic on demand. Not part of the library or of its header.

use std::cell::Cell;

/// Where a call enters.
pub(super) const ENTRY: i32 = 1;
/// Where a call looks an id up, after its out-parameters were written.
pub(super) const LOOKUP: i32 = 2;

thread_local! {
    static ARMED: Cell<i32> = const { Cell::new(0) };
}

/// Makes this thread's next call panic at `point`.
#[unsafe(no_mangle)]
pub extern "C" fn tidegate_test_panic(point: i32) {
    ARMED.set(point);
}

/// Panics if this point was asked for.
#[expect(clippy::panic, reason = "this is what the feature is for")]
pub(super) fn point(point: i32) {
    if ARMED.get() == point {
        ARMED.set(0);
        panic!("asked for by a test");
    }
}
