//! Any text as overrides: refused, or written back as what reads the same.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tidegate::eval::Overrides;

fuzz_target!(|text: &str| {
    if let Ok(overrides) = Overrides::from_json(text) {
        let written = overrides.to_json();
        let again = Overrides::from_json(&written).expect("what was written is overrides");
        assert_eq!(written, again.to_json());
    }
});
