//! Programs that were built against an older header: `v1_0/tidegate.h` is that of ABI 1.0, frozen.
//!
//! `FREEZE_ABI=1 cargo test --test abi frozen` rewrites it. That is for the time before a release:
//! once programs exist, what they were built with does not change, and `TIDEGATE_ABI_MAJOR` rises
//! instead.

use std::process::Command;

use super::declarations::{constants, functions_in, structs_in, typedefs_in};
use super::support::{STRICT, library, limited, need, project, read, scratch, succeed};

const FROZEN: &str = "tests/abi/v1_0/tidegate.h";
const FROZEN_START: &str = "/* What programs of ABI 1.0 were compiled with. \
    Rewritten as tests/abi/compatibility.rs says. */\n\
    #include <stddef.h>\n#include <stdint.h>\n\n#define TIDEGATE_NUL SIZE_MAX\n\n";

#[test]
fn what_is_frozen_is_still_there() {
    let current = read("include/tidegate_cdef.h");
    if std::env::var_os("FREEZE_ABI").is_some() {
        let declarations = current.split_once('\n').expect("a first line").1;
        let text = format!("{FROZEN_START}{}", declarations.trim_start());
        std::fs::write(project().join(FROZEN), text).expect("a file that can be written");
    }
    let frozen = read(FROZEN);
    let kept = |what: &str, is_kept: bool| {
        assert!(is_kept, "{what} breaks programs built against ABI 1.0");
    };
    let functions = functions_in(&current);
    for function in functions_in(&frozen) {
        // Names of parameters do not matter to programs.
        let is_kept = functions.iter().any(|f| f.is_called_as(&function));
        kept(&function.name, is_kept);
    }
    let structs = structs_in(&current);
    for (name, members) in structs_in(&frozen) {
        let found = structs.iter().find(|(current, _)| *current == name);
        let is_kept = found.is_some_and(|(_, current)| current.starts_with(&members));
        kept(&name, is_kept);
    }
    let names = constants(&current);
    for constant in constants(&frozen) {
        // The minor number counts what was added.
        let may_change = constant.starts_with("TIDEGATE_ABI_MINOR ");
        kept(&constant, may_change || names.contains(&constant));
    }
    let typedefs = typedefs_in(&current);
    for typedef in typedefs_in(&frozen) {
        kept(&typedef, typedefs.contains(&typedef));
    }
}

/// Compiles a program with the frozen header and links it with the library of today.
#[test]
fn a_program_built_with_the_frozen_header_runs() {
    need("gcc", "gcc");
    let program = scratch("programs").join("built-with-1.0");
    let folder = library().folder.display();
    let mut gcc = Command::new("gcc");
    gcc.args(["-std=c99", "-D_GNU_SOURCE"]).args(STRICT);
    // `world.h` stands beside no header of today's, and finds this one first.
    gcc.arg("-I").arg(project().join("tests/abi/v1_0"));
    gcc.arg("-I").arg(project().join("tests/c"));
    gcc.arg("-o").arg(&program);
    gcc.arg(project().join("tests/abi/v1_0/program.c"));
    gcc.arg(format!("-L{folder}")).arg("-ltidegate");
    gcc.arg(format!("-Wl,--disable-new-dtags,-rpath,{folder}"));
    succeed(&mut gcc);
    succeed(limited(program).arg(project().join("examples/rules/shop.json")));
}
