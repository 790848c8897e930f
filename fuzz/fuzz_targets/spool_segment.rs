//! Any bytes as a segment of the event spool: no record reaches beyond it.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| tidegate::exposure::fuzz_segment(bytes));
