//! Any bytes as the last good copy: only a whole one with the right checksum is read.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;

static FOLDER: LazyLock<String> = LazyLock::new(|| {
    let folder = std::env::temp_dir().join(format!("tidegate-fuzz-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("a folder");
    folder.to_string_lossy().into_owned()
});

fuzz_target!(|bytes: &[u8]| tidegate::sync::fuzz_disk_cache(&FOLDER, bytes));
