//! Any text as options: refused, or settings that read the same when written.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tidegate::options::Settings;

fuzz_target!(|text: &str| {
    if let Ok((settings, _)) = Settings::from_json(text) {
        let written = serde_json::to_string(&settings).expect("JSON");
        let (again, _) = Settings::from_json(&written).expect("what was written is options");
        assert_eq!(settings, again);
    }
});
