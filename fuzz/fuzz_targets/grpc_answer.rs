//! Any bytes as the answer of a forward proxy, and what it holds as a ruleset.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tidegate::store::{Source, Store};

fuzz_target!(|bytes: &[u8]| {
    if let Some(specs) = tidegate::sync::fuzz_answer(bytes) {
        let _ = Store::new("secret-fuzz").apply(specs, Source::Network);
    }
});
