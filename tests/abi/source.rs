//! The boundary as source: every export behind the barrier, documented, and nothing that ends the
//! host's process.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::declarations::functions;
use super::support::{project, read};

/// All Rust files below a folder of the project.
fn rust_files(folder: &str) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let mut folders = vec![project().join(folder)];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                files.push(path);
            }
        }
    }
    assert!(!files.is_empty());
    files.sort();
    files
}

/// An exported function: its doc, its signature and its body.
pub(crate) struct Export {
    pub(crate) name: String,
    /// Its lines joined; two spaces are between paragraphs.
    pub(crate) doc: String,
    signature: String,
    body: String,
}

fn exports_in(path: &Path) -> Vec<Export> {
    let text = std::fs::read_to_string(path).expect("a source file");
    let mut found = Vec::new();
    for (before, after) in text
        .match_indices("#[unsafe(no_mangle)]")
        .map(|(at, _)| text.split_at(at))
    {
        let doc: Vec<&str> = before
            .lines()
            .rev()
            .take_while(|line| line.starts_with("///"))
            .collect();
        let doc: Vec<&str> = doc.into_iter().rev().map(|l| l[3..].trim()).collect();
        let item = after.split_once("\n}\n").expect("the end of a function").0;
        let (signature, body) = item.split_once("{\n").expect("a body");
        let name = signature.split_once("fn ").expect("a function").1;
        found.push(Export {
            name: name[..name.find('(').expect("parameters")].to_owned(),
            doc: doc.join(" "),
            signature: signature.to_owned(),
            body: body.to_owned(),
        });
    }
    found
}

pub(crate) fn exports() -> Vec<Export> {
    let files = rust_files("src/ffi");
    let published = files
        .iter()
        .filter(|path| !path.ends_with("test_panics.rs"));
    published.flat_map(|path| exports_in(path)).collect()
}

#[test]
fn every_export_is_declared_and_every_declaration_exported() {
    let exported: BTreeSet<String> = exports().into_iter().map(|export| export.name).collect();
    let declared: BTreeSet<String> = functions().into_iter().map(|f| f.name).collect();
    assert_eq!(exported, declared);
}

#[test]
fn every_export_runs_behind_the_barrier() {
    for export in exports() {
        let name = &export.name;
        let guarded = ["guard(", "guard_or("].iter().any(|guard| {
            let body: String = export.body.split_whitespace().collect();
            body.contains(&format!("{guard}\"{name}\""))
        });
        assert!(guarded, "{name} does not call guard with its own name");
        assert!(
            export.signature.contains("unsafe extern \"C\" fn"),
            "{name}"
        );
        let statements = export
            .body
            .lines()
            .filter(|line| !line.trim().starts_with("//"));
        assert!(statements.count() <= 14, "{name} does too much");
        assert!(
            !export.body.contains(" if ") || name == "tidegate_buf_free",
            "{name} decides"
        );
    }
}

#[test]
fn no_macro_defines_an_export() {
    for path in rust_files("src") {
        let text = std::fs::read_to_string(&path).expect("a source file");
        let mut depth = None;
        for line in text.lines() {
            if line.trim_start().starts_with("macro_rules!") {
                depth = Some(line.len() - line.trim_start().len());
            }
            let in_macro = depth.is_some();
            assert!(
                !(in_macro && line.contains("no_mangle")),
                "{}",
                path.display()
            );
            let indent = line.len() - line.trim_start().len();
            if line.trim_start() == "}" && depth == Some(indent) {
                depth = None;
            }
        }
    }
}

#[test]
fn exports_live_in_one_folder() {
    let ffi = project().join("src/ffi");
    for path in rust_files("src") {
        let text = std::fs::read_to_string(&path).expect("a source file");
        let exports = text.contains("no_mangle") && !path.ends_with("mod.rs");
        assert!(!exports || path.starts_with(&ffi), "{}", path.display());
    }
}

#[test]
fn nothing_ends_the_process() {
    let manifest = read("Cargo.toml").replace(' ', "");
    assert!(
        !manifest.contains("panic=\"abort\""),
        "a panic has to unwind to the barrier"
    );
    for path in rust_files("src") {
        let text = std::fs::read_to_string(&path).expect("a source file");
        for forbidden in [
            "process::exit",
            "process::abort",
            "libc::exit",
            "libc::abort",
            "libc::_exit",
        ] {
            let used = text
                .lines()
                .filter(|line| !line.trim_start().starts_with("//"))
                .any(|line| line.contains(forbidden));
            assert!(!used, "{} in {}", forbidden, path.display());
        }
    }
}
