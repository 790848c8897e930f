//! The layout of every public struct is written down for C and for Rust.

use super::declarations::structs;
use super::support::read;

/// What the structs are called in Rust.
fn in_rust(name: &str) -> String {
    let config = read("cbindgen.toml");
    let line = config
        .lines()
        .find(|line| line.ends_with(&format!("= \"{name}\"")));
    let line = line.unwrap_or_else(|| panic!("{name} is not in cbindgen.toml"));
    line.split('"').nth(1).expect("a name").to_owned()
}

#[test]
fn the_layout_of_every_struct_is_asserted_on_both_sides() {
    let c = read("tests/c/layout.c");
    let rust = read("src/ffi/vtables.rs");
    let structs = structs();
    assert!(structs.len() >= 5, "the structs were not found");
    for (name, members) in structs {
        assert_eq!(members[0].name, "struct_size", "{name}");
        let rust_name = in_rust(&name);
        assert!(c.contains(&format!("SIZE({name},")), "{name} in C");
        let size = format!("assert!(size_of::<{rust_name}>() == ");
        assert!(rust.contains(&size), "{name} in Rust");
        for member in members {
            let member = &member.name;
            let place = format!("PLACE({name}, {member},");
            assert!(c.contains(&place), "{name}.{member} in C");
            let offset = format!("assert!(offset_of!({rust_name}, {member}) == ");
            assert!(rust.contains(&offset), "{name}.{member} in Rust");
        }
    }
}
