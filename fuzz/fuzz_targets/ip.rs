//! Any text as an address: no country, or two capital letters.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tidegate::derive::country::country_of_ip;

fuzz_target!(|text: &str| {
    if let Some(country) = country_of_ip(text) {
        assert!(country.len() == 2 && country.bytes().all(|byte| byte.is_ascii_uppercase()));
        assert!(text.split('.').count() == 4);
    }
});
