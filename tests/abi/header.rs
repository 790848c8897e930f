//! The committed headers: up to date, and accepted by every parser they are meant for.

use std::path::Path;
use std::process::Command;

use super::declarations::functions;
use super::support::{STRICT, library, need, project, read, scratch, succeed};

const GENERATED: [(&str, &str); 2] = [
    (
        "include/tidegate.h",
        include_str!(concat!(env!("OUT_DIR"), "/tidegate.h")),
    ),
    (
        "include/tidegate_cdef.h",
        include_str!(concat!(env!("OUT_DIR"), "/tidegate_cdef.h")),
    ),
];

/// Compares a committed file with what it should be, or rewrites it.
pub(crate) fn assert_committed(path: &str, expected: &str) {
    if std::env::var_os("UPDATE_HEADER").is_some() {
        std::fs::write(project().join(path), expected).expect("a file that can be written");
    }
    assert!(
        read(path) == expected,
        "{path} is out of date; rewrite it with: \
         UPDATE_HEADER=1 cargo test --test abi committed"
    );
}

#[test]
fn committed_headers_match_the_source() {
    for (path, generated) in GENERATED {
        assert_committed(path, generated);
    }
}

/// Writes a source that includes the header twice and uses one function.
fn user_of_the_header(extension: &str) -> std::path::PathBuf {
    let source = scratch("header").join(format!("twice.{extension}"));
    let text = "#include <tidegate.h>\n#include <tidegate.h>\n\
                int main(void) { return tidegate_abi_version() == 0; }\n";
    std::fs::write(&source, text).expect("a source file");
    source
}

#[test]
fn the_header_compiles_in_every_standard_twice() {
    for (compiler, cpp, package) in [("gcc", "g++", "g++"), ("clang", "clang++", "clang")] {
        need(compiler, package);
        need(cpp, package);
        for standard in ["c99", "c11", "c17"] {
            compile_only(
                compiler,
                standard,
                &user_of_the_header("c"),
                &["-Wstrict-prototypes"],
            );
        }
        for standard in ["c++11", "c++14", "c++17", "c++20"] {
            compile_only(cpp, standard, &user_of_the_header("cpp"), &[]);
        }
    }
}

fn compile_only(compiler: &str, standard: &str, source: &Path, more: &[&str]) {
    let mut command = Command::new(compiler);
    command
        .arg(format!("-std={standard}"))
        .arg("-fsyntax-only")
        .args(STRICT)
        .args(more);
    succeed(command.arg("-I").arg(project().join("include")).arg(source));
}

#[test]
fn a_cpp_program_links() {
    need("g++", "g++");
    let program = scratch("programs").join("cpp-link");
    let mut command = Command::new("g++");
    command
        .args(STRICT)
        .arg("-std=c++11")
        .arg("-I")
        .arg(project().join("include"));
    command
        .arg("-o")
        .arg(&program)
        .arg(user_of_the_header("cpp"));
    command.arg("-L").arg(&library().folder).arg("-ltidegate");
    command.arg(format!("-Wl,-rpath,{}", library().folder.display()));
    succeed(&mut command);
    succeed(&mut Command::new(program));
}

#[test]
fn php_reads_the_bare_declarations() {
    need("php", "php-cli");
    let mut php = Command::new("php");
    php.args(["-d", "ffi.enable=1"])
        .arg(project().join("tests/abi/ffi_test.php"));
    php.arg(project().join("include/tidegate_cdef.h"))
        .arg(&library().shared)
        .arg(project().join("tests/c/layout.c"));
    succeed(&mut php);
}

/// An interpreter that has cffi, in an environment of its own.
fn python_with_cffi() -> std::path::PathBuf {
    need("python3", "python3-venv");
    let folder = scratch("cffi");
    let python = folder.join("bin/python");
    let has_cffi = |python: &Path| {
        let mut import = Command::new(python);
        import.args(["-c", "import cffi"]);
        import.output().is_ok_and(|output| output.status.success())
    };
    if !has_cffi(&python) {
        succeed(Command::new("python3").args(["-m", "venv"]).arg(&folder));
        succeed(Command::new(&python).args(["-m", "pip", "install", "--quiet", "cffi"]));
    }
    python
}

#[test]
fn cffi_reads_the_bare_declarations() {
    let mut python = Command::new(python_with_cffi());
    python.arg(project().join("tests/abi/cffi_test.py"));
    python
        .arg(project().join("include/tidegate_cdef.h"))
        .arg(&library().shared)
        .arg(project().join("tests/c/layout.c"));
    succeed(&mut python);
}

#[test]
fn both_headers_declare_the_same_functions() {
    let header = read("include/tidegate.h");
    let bare = functions();
    let declared = header
        .lines()
        .filter(|line| !line.starts_with("//"))
        .filter_map(|line| line.split_once('(')?.0.rsplit([' ', '*']).next())
        .filter(|name| name.starts_with("tidegate_"))
        .count();
    assert_eq!(declared, bare.len());
    for function in &bare {
        assert!(
            header.contains(&format!("{}(", function.name)),
            "{}",
            function.name
        );
    }
}

#[test]
fn the_bare_declarations_hold_no_preprocessor_line_or_comment() {
    for line in read("include/tidegate_cdef.h").lines().skip(1) {
        let is_bare = !line.contains('#') && !line.contains("//") && !line.contains("extern");
        assert!(is_bare, "{line}");
    }
}
