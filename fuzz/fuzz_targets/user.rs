//! Any text as a user: refused, or written back as JSON that reads the same.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tidegate::user::User;

fuzz_target!(|text: &str| {
    if let Ok(user) = User::from_json(text) {
        let written = user.to_json(true);
        let again = User::from_json(&written).expect("what was written is a user");
        assert_eq!(written, again.to_json(true));
        assert_eq!(user.identity(), again.identity());
    }
});
