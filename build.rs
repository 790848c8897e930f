//! Header text into `OUT_DIR` (a test compares it with `include/`), link arguments of the shared
//! library, and the facts that `tidegate_build_info` tells.
#![expect(
    clippy::disallowed_methods,
    reason = "a build script gets its settings from the environment"
)]

use std::collections::BTreeSet;
use std::env;
use std::error::Error;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

/// The sources of the header, in its order.
const HEADER_SOURCES: &[&str] = &[
    "status",
    "library",
    "buf",
    "vtables",
    "host",
    "options",
    "client",
    "user",
    "evaluate",
    "result",
    "event",
    "overrides",
];

/// The major number of the ABI, which names the shared library. A test compares it with the header.
const ABI_MAJOR: u32 = 1;

fn main() -> Result<(), Box<dyn Error>> {
    for changed in ["build.rs", "cbindgen.toml", "Cargo.toml", "src"] {
        println!("cargo::rerun-if-changed={changed}");
    }
    let out_dir = PathBuf::from(env::var("OUT_DIR")?);
    fs::write(out_dir.join("tidegate.h"), header(false)?)?;
    fs::write(out_dir.join("tidegate_cdef.h"), header(true)?)?;
    link_arguments(&out_dir)?;
    println!("cargo::rustc-env=TIDEGATE_BUILD_INFO={}", build_info()?);
    Ok(())
}

/// The header for C and C++, or the bare declarations for parsers that know no preprocessor.
fn header(bare: bool) -> Result<String, Box<dyn Error>> {
    let mut config = cbindgen::Config::from_file("cbindgen.toml")?;
    if bare {
        config.cpp_compat = false;
        config.documentation = false;
        config.include_guard = None;
        config.sys_includes.clear();
        config.after_includes = None;
        config.header = None;
        config.function.prefix = None;
        config.function.must_use = None;
    }
    let mut builder = cbindgen::Builder::new().with_config(config);
    for source in HEADER_SOURCES {
        builder = builder.with_src(format!("src/ffi/{source}.rs"));
    }
    let mut text = Vec::new();
    builder.generate()?.write(&mut text);
    let text = String::from_utf8(text)?;
    Ok(if bare {
        without_preprocessor(&text)
    } else {
        text
    })
}

/// Constants become members of an enum; every other line of the preprocessor goes.
fn without_preprocessor(text: &str) -> String {
    let mut constants = String::new();
    let mut rest = String::new();
    for line in text.lines() {
        match line
            .strip_prefix("#define ")
            .and_then(|line| line.split_once(' '))
        {
            Some((name, value)) => {
                let _ = writeln!(constants, "  {name} = {value},");
            }
            None if line.starts_with('#') => {}
            None => {
                rest.push_str(line);
                rest.push('\n');
            }
        }
    }
    let first =
        "/* Generated from the same source as tidegate.h, for PHP FFI, cffi and the like. */";
    let declarations = rest.trim_start_matches('\n');
    let mut bare = format!("{first}\n\nenum {{\n{constants}}};\n\n{declarations}");
    while bare.contains("\n\n\n") {
        bare = bare.replace("\n\n\n", "\n\n");
    }
    bare
}

fn link_arguments(out_dir: &Path) -> Result<(), Box<dyn Error>> {
    let target = env::var("CARGO_CFG_TARGET_OS")?;
    let arguments = match target.as_str() {
        "linux" | "android" | "freebsd" => vec![
            format!("-Wl,-soname,libtidegate.so.{ABI_MAJOR}"),
            // Fork handlers and thread-local state must not outlive the code they lead to.
            "-Wl,-z,nodelete".to_owned(),
            "-Wl,-z,relro,-z,now".to_owned(),
        ],
        "macos" => vec![format!(
            "-Wl,-install_name,@rpath/libtidegate.{ABI_MAJOR}.dylib"
        )],
        _ => Vec::new(),
    };
    for argument in arguments {
        println!("cargo::rustc-cdylib-link-arg={argument}");
    }
    if target == "linux" && env::var("CARGO_CFG_TARGET_ENV")? == "gnu" {
        // The standard library asks for libgcc_s; a script of that name, found first, gives it the
        // static unwinder instead. Plain images that lack libgcc_s.so.1 can then load the library.
        let folder = out_dir.join("static-unwinder");
        fs::create_dir_all(&folder)?;
        fs::write(folder.join("libgcc_s.so"), "GROUP ( -lgcc_eh -lgcc )\n")?;
        println!("cargo::rustc-cdylib-link-arg=-L{}", folder.display());
    }
    Ok(())
}

/// One line of JSON. Nothing in it needs escaping: names of features, targets and numbers.
fn build_info() -> Result<String, Box<dyn Error>> {
    println!("cargo::rerun-if-env-changed=TIDEGATE_GIT_ID");
    let features: BTreeSet<String> = env::vars()
        .filter_map(|(key, _)| Some(key.strip_prefix("CARGO_FEATURE_")?.to_lowercase()))
        .filter(|feature| feature != "default")
        .map(|feature| format!("\"{}\"", feature.replace('_', "-")))
        .collect();
    let tls = if features.contains("\"tls\"") {
        "\"rustls\""
    } else {
        "null"
    };
    let git = match env::var("TIDEGATE_GIT_ID") {
        Ok(id) if id.chars().all(|c| c.is_ascii_alphanumeric() || c == '-') => {
            format!("\"{id}\"")
        }
        _ => "null".to_owned(),
    };
    Ok(format!(
        "{{\"version\":\"{}\",\"abi_major\":{ABI_MAJOR},\"target\":\"{}\",\"libc\":\"{}\",\"profile\":\"{}\",\
         \"features\":[{}],\"tls\":{tls},\"source_id\":\"{:016x}\",\"git\":{git}}}",
        env::var("CARGO_PKG_VERSION")?,
        env::var("TARGET")?,
        env::var("CARGO_CFG_TARGET_ENV")?,
        env::var("PROFILE")?,
        features.into_iter().collect::<Vec<_>>().join(","),
        source_id(Path::new("src"))?,
    ))
}

/// A number that differs when a source differs (64-bit FNV-1a over names and contents): tells
/// whether two builds are of the same source without knowing where it came from.
fn source_id(folder: &Path) -> Result<u64, Box<dyn Error>> {
    let mut files = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder)? {
            let path = entry?.path();
            if path.is_dir() {
                folders.push(path);
            } else {
                files.push(path);
            }
        }
    }
    files.sort();
    let mut id: u64 = 0xcbf2_9ce4_8422_2325;
    for file in files {
        let name = file.to_string_lossy().into_owned().into_bytes();
        for byte in name.into_iter().chain(fs::read(&file)?) {
            id = (id ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }
    Ok(id)
}
