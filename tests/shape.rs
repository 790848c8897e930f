//! The architecture, read from the source: who may use whom, what each part must not touch, and
//! how large files get.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    reason = "a test fails by panicking"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// The parts of `src` and what each may use, from the outside in. A use that is not here is a
/// decision: make it in this table.
const MAY_USE: &[(&str, &str)] = &[
    (
        "ffi",
        "client clock error eval exposure fork_cell host lock options report user worker",
    ),
    (
        "client",
        "client_init clock context error eval exposure fork_cell host json_input json_writer lock net \
         options report spec store sync user",
    ),
    (
        "sync",
        "clock context derive error fork_cell host json_writer lock net options random report spec \
         store worker",
    ),
    (
        "exposure",
        "context error eval fork_cell host json_writer lock net options random report store user \
         worker spec",
    ),
    (
        "context",
        "clock error fork_cell host json_writer options random report store",
    ),
    (
        "net",
        "clock context error fork_cell lock options report worker",
    ),
    ("client_init", "error eval json_input json_writer spec"),
    (
        "eval",
        "derive error json_input json_writer spec store user",
    ),
    ("store", "error eval fork_cell lock spec"),
    ("spec", "error eval json_input user"),
    ("user", "derive error json_input json_writer spec"),
    ("derive", ""),
    ("report", "clock fork_cell host json_writer lock options"),
    ("options", "error host json_input"),
    ("host", "error"),
    ("worker", "clock error lock"),
    ("clock", "lock"),
    ("error", ""),
    ("fork_cell", ""),
    ("lock", ""),
    ("random", ""),
    ("json_input", "error"),
    ("json_writer", ""),
];

/// Parts that answer from what they are given, and what they must not reach, even through others.
const PURE: &[&str] = &[
    "eval",
    "spec",
    "user",
    "derive",
    "client_init",
    "json_input",
    "json_writer",
];
const OUTSIDE: &[&str] = &[
    "ffi", "client", "sync", "exposure", "net", "context", "report", "worker", "clock",
];
const OUTSIDE_STD: &[&str] = &[
    "std::fs",
    "std::net",
    "std::thread",
    "std::process",
    "Instant::now",
    "SystemTime::now",
];

/// Beyond this many lines a file is listed, beyond that many it fails.
const LARGE_LINES: usize = 400;
const TOO_LARGE_LINES: usize = 800;

fn project() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// All files below a folder of the project.
fn files(folder: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![project().join(folder)];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
            } else {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

fn extension(path: &Path) -> &str {
    path.extension().map_or("", |e| e.to_str().expect("UTF-8"))
}

/// A source file of the library without its comments and tests.
struct Source {
    /// The name of the part: the folder or file below `src`.
    part: String,
    path: String,
    code: String,
}

fn sources() -> Vec<Source> {
    let mut found = Vec::new();
    for path in files("src") {
        let relative = path.strip_prefix(project().join("src")).expect("below src");
        let relative = relative.to_str().expect("UTF-8").to_owned();
        if extension(&path) != "rs" || relative.ends_with("tests.rs") || relative == "lib.rs" {
            continue;
        }
        let text = std::fs::read_to_string(&path).expect("a source file");
        let text = text
            .split("\n#[cfg(test)]\nmod tests {")
            .next()
            .expect("code");
        let code: Vec<&str> = text
            .lines()
            .filter(|line| !line.trim_start().starts_with("//"))
            .collect();
        let part = relative.split(['/', '.']).next().expect("a name");
        found.push(Source {
            part: part.to_owned(),
            code: code.join("\n"),
            path: relative,
        });
    }
    assert!(found.len() > 50, "the source was not found");
    found
}

/// The parts that a piece of code names as `crate::part`.
fn uses(code: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for (at, start) in code.match_indices("crate::") {
        let rest = &code[at + start.len()..];
        if let Some(group) = rest.strip_prefix('{') {
            let group = group.split("};").next().expect("a group");
            let mut depth = 0;
            for word in group.split_inclusive([',', '{', '}']) {
                if depth == 0 {
                    found.extend(first_word(word.trim_start()));
                }
                depth += word.matches('{').count();
                depth -= word.matches('}').count().min(depth);
            }
        } else {
            found.extend(first_word(rest));
        }
    }
    found
}

fn first_word(code: &str) -> Option<String> {
    let end = code.find(|c: char| !(c.is_ascii_lowercase() || c == '_'))?;
    (end > 0).then(|| code[..end].to_owned())
}

fn allowed() -> BTreeMap<&'static str, BTreeSet<&'static str>> {
    let row =
        |(part, uses): &(&'static str, &'static str)| (*part, uses.split_whitespace().collect());
    MAY_USE.iter().map(row).collect()
}

#[test]
fn parts_use_only_what_they_may() {
    let allowed = allowed();
    for source in sources() {
        let part = source.part.as_str();
        let may = allowed
            .get(part)
            .unwrap_or_else(|| panic!("{part} is not in the table"));
        for used in uses(&source.code) {
            let is_fine = used == part || may.contains(used.as_str());
            assert!(is_fine, "src/{} uses {used}", source.path);
        }
    }
}

#[test]
fn the_table_holds_nothing_that_is_not_used() {
    let mut used: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for source in sources() {
        used.entry(source.part)
            .or_default()
            .extend(uses(&source.code));
    }
    for (part, may) in allowed() {
        let used = used
            .get(part)
            .unwrap_or_else(|| panic!("there is no {part}"));
        for name in may {
            assert!(used.contains(name), "{part} does not use {name}");
        }
    }
}

#[test]
fn what_answers_from_its_arguments_reaches_nothing_outside() {
    let allowed = allowed();
    for start in PURE {
        let mut reached: BTreeSet<&str> = BTreeSet::new();
        let mut open = vec![*start];
        while let Some(part) = open.pop() {
            if reached.insert(part) {
                open.extend(&allowed[part]);
            }
        }
        for outside in OUTSIDE {
            assert!(!reached.contains(outside), "{start} reaches {outside}");
        }
    }
    for source in sources() {
        if PURE.contains(&source.part.as_str()) {
            for outside in OUTSIDE_STD {
                assert!(
                    !source.code.contains(outside),
                    "src/{} uses {outside}",
                    source.path
                );
            }
        }
    }
}

#[test]
fn unsafe_code_is_where_it_may_be() {
    for source in sources() {
        let is_unsafe = source.code.contains("unsafe {") || source.code.contains("unsafe fn");
        let may = source.part == "ffi" || source.code.contains("expect(unsafe_code");
        let has_reason = source.part == "ffi" || source.code.contains("reason = ");
        assert!(!is_unsafe || (may && has_reason), "src/{}", source.path);
    }
}

/// What a thread of the parent can leave half done for ever in a forked child: values that others
/// wait for while one makes them, and the standard library's lock on its streams. `OnceLock` is for
/// places that a fork replaces or keeps whole.
#[test]
fn nothing_is_waited_for_that_a_fork_may_leave_half_done() {
    let may_wait = ["exposure/dedupe.rs", "report/mod.rs"];
    for source in sources() {
        for unfit in [
            "LazyLock",
            "LazyCell",
            "Once::new",
            "call_once",
            "stderr().lock",
            "eprint",
        ] {
            let found = source.code.contains(unfit);
            assert!(!found, "src/{} uses {unfit}", source.path);
        }
        let waits = source.code.contains("OnceLock");
        let may = may_wait.contains(&source.path.as_str());
        assert!(!waits || may, "src/{} uses OnceLock", source.path);
    }
}

#[test]
fn no_file_is_a_warehouse() {
    for path in files("src").iter().filter(|path| extension(path) == "rs") {
        let lines = std::fs::read_to_string(path)
            .expect("a source file")
            .lines()
            .count();
        if lines > LARGE_LINES {
            println!("{lines:5} {}", path.display());
        }
        assert!(
            lines <= TOO_LARGE_LINES,
            "{}: {lines} lines",
            path.display()
        );
    }
}

#[test]
fn every_example_is_run_by_a_suite() {
    let runners = ["rs", "sh", "mk", "", "py", "rb", "php", "go", "cpp", "txt"];
    // A folder of examples may have a runner of its own: a script, or tests of its language.
    let is_runner = |path: &Path| extension(path).is_empty() || path.ends_with("main_test.go");
    let (own, examples): (Vec<_>, Vec<_>) = files("examples")
        .into_iter()
        .partition(|path| is_runner(path));
    let suites: String = ["tests", "bindings"]
        .iter()
        .flat_map(|folder| files(folder))
        .chain(own)
        .filter(|path| runners.contains(&extension(path)))
        .filter_map(|path| std::fs::read_to_string(path).ok())
        .collect();
    let languages = ["c", "cpp", "go", "rb", "php", "py"];
    for example in &examples {
        let name = example.file_name().and_then(|name| name.to_str());
        // What is compiled goes by the name of its program, which in Go is its folder.
        let name = match extension(example) {
            "cpp" => name.expect("UTF-8").trim_end_matches(".cpp"),
            "go" => "cd examples/go",
            language if languages.contains(&language) => name.expect("UTF-8"),
            _ => continue,
        };
        assert!(suites.contains(name), "no suite runs {}", example.display());
    }
}
