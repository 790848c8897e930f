//! The shared library as a file: what it exports, what it needs, how it is linked.

use std::process::Command;

use super::declarations::functions;
use super::header::assert_committed;
use super::support::{library, need, read, succeed};

fn output(program: &str, arguments: &[&str]) -> String {
    need(program, "binutils");
    let mut command = Command::new(program);
    command.args(arguments).arg(&library().shared);
    String::from_utf8(succeed(&mut command).stdout).expect("ASCII")
}

fn exports() -> Vec<String> {
    let symbols = output("nm", &["-D", "--defined-only", "--format=posix"]);
    let mut names: Vec<String> = symbols
        .lines()
        .filter_map(|line| line.split_whitespace().next())
        .map(str::to_owned)
        .collect();
    names.sort();
    names
}

#[test]
fn committed_exports_match_the_library_and_the_header() {
    let mut declared: Vec<String> = functions().into_iter().map(|f| f.name).collect();
    declared.sort();
    assert_committed("include/exports.txt", &(declared.join("\n") + "\n"));
    assert_eq!(exports(), declared);
}

#[test]
fn the_file_says_how_it_is_to_be_loaded() {
    let dynamic = output("readelf", &["--dynamic", "--wide"]);
    let line = |tag: &str| {
        let found = dynamic
            .lines()
            .find(|line| line.contains(&format!("({tag})")));
        found.unwrap_or_else(|| panic!("no {tag} in\n{dynamic}"))
    };
    assert!(line("SONAME").contains("[libtidegate.so.1]"));
    assert!(line("FLAGS_1").contains("NODELETE"));
    assert!(line("FLAGS").contains("BIND_NOW"));
    // Relocations in the code would make each process have its own copy of it.
    assert!(!dynamic.contains("TEXTREL"), "{dynamic}");
    let segments = output("readelf", &["--segments", "--wide"]);
    assert!(segments.contains("GNU_RELRO"));
    let stack = segments
        .lines()
        .find(|line| line.contains("GNU_STACK"))
        .expect("a stack mark");
    assert!(!stack.contains("RWE"), "the stack must not be executable");
}

#[test]
fn the_library_needs_nothing_but_the_c_library() {
    let dynamic = output("readelf", &["--dynamic", "--wide"]);
    let needed: Vec<&str> = dynamic
        .lines()
        .filter(|line| line.contains("(NEEDED)"))
        .filter_map(|line| line.split(['[', ']']).nth(1))
        .collect();
    let is_system = |name: &&str| {
        ["libc.so.", "ld-linux"]
            .iter()
            .any(|known| name.starts_with(known))
    };
    assert!(
        !needed.is_empty() && needed.iter().all(is_system),
        "{needed:?}"
    );
}

/// The oldest glibc that packaging/README.md promises.
fn glibc_floor() -> (u32, u32) {
    let text = read("packaging/README.md");
    let version = text.split_once("it runs with glibc ").expect("a floor").1;
    let version = version.split(' ').next().expect("a version");
    let (major, minor) = version.split_once('.').expect("a version");
    let number = |text: &str| text.parse().expect("a number");
    (number(major), number(minor))
}

#[test]
fn the_library_asks_for_no_newer_c_library_than_promised() {
    let symbols = output("nm", &["-D", "--undefined-only"]);
    assert!(symbols.contains("@GLIBC_"), "{symbols}");
    for symbol in symbols.lines() {
        let Some((_, version)) = symbol.split_once("@GLIBC_") else {
            continue;
        };
        let numbers: Vec<u32> = version.split('.').filter_map(|n| n.parse().ok()).collect();
        let asked = (numbers[0], numbers.get(1).copied().unwrap_or(0));
        assert!(asked <= glibc_floor(), "{symbol}");
    }
}

#[test]
fn the_soname_carries_the_major_number_of_the_header() {
    let header = read("include/tidegate.h");
    let major = header
        .lines()
        .find_map(|line| line.strip_prefix("#define TIDEGATE_ABI_MAJOR "))
        .expect("a major number");
    assert!(output("readelf", &["--dynamic"]).contains(&format!("[libtidegate.so.{major}]")));
}
