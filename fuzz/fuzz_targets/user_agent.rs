//! Any text as a user agent: a family always, versions of three parts or none.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tidegate::derive::user_agent::parse;

fuzz_target!(|text: &str| {
    let Some(agent) = parse(text) else { return };
    assert!(!agent.os_name.is_empty() && !agent.browser_name.is_empty());
    for version in [agent.os_version, agent.browser_version].into_iter().flatten() {
        assert_eq!(version.split('.').count(), 3, "{version}");
    }
});
