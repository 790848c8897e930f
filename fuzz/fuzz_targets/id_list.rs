//! Any bytes as an id list, at once and in two pieces cut at a line: the same members.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tidegate::spec::id_list::IdList;

fuzz_target!(|bytes: &[u8]| {
    let Some(whole) = IdList::default().apply(bytes) else { return };
    assert!(whole.bytes() < 64 * (bytes.len() + 1024));
    let Some(cut) = bytes.windows(2).position(|pair| pair[0] == b'\n' && matches!(pair[1], b'+' | b'-'))
    else {
        return;
    };
    let (first, second) = bytes.split_at(cut + 1);
    let pieces = IdList::default().apply(first).and_then(|list| list.apply(second));
    assert_eq!(pieces.expect("both start like a list").len(), whole.len());
});
