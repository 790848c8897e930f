//! The numbered cases of exposures, events, delivery and diagnostics: each has a test that carries
//! its number.

/// Letter and highest number of each series, and the files that hold its tests.
const SERIES: &[(char, u32, &str)] = &[
    ('a', 22, include_str!("events_gates.rs")),
    ('b', 7, include_str!("events_configs.rs")),
    ('l', 7, include_str!("events_configs.rs")),
    ('m', 7, include_str!("events_dedupe.rs")),
    ('d', 7, include_str!("events_dedupe.rs")),
    ('o', 4, include_str!("events_overrides.rs")),
    ('e', 10, include_str!("events_custom.rs")),
    ('s', 19, include_str!("events_sampling.rs")),
    ('x', 7, include_str!("events_sources.rs")),
    ('q', 25, include_str!("events_queue.rs")),
    ('g', 12, include_str!("events_reports.rs")),
];

#[test]
fn every_case_has_its_test() {
    for (letter, last, file) in SERIES {
        for number in 1..=*last {
            let start = format!("#[test]\nfn {letter}{number}_");
            let found = file.contains(&start);
            assert!(found, "no test of case {letter}{number}");
        }
    }
}
