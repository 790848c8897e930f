//! Where things are, which library is tested, and how programs are compiled and run.

use std::ffi::{CStr, CString, OsStr, c_char};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;

/// What the library built from this source with these features says of itself.
const BUILD_INFO: &str = env!("TIDEGATE_BUILD_INFO");

/// Seconds after which a program under test is stopped.
const TIME_LIMIT_S: &str = "900";

pub(crate) fn project() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// A folder of our own below the target folder.
pub(crate) fn scratch(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"))
        .join("abi")
        .join(name);
    std::fs::create_dir_all(&folder).expect("a folder for what the tests make");
    folder
}

pub(crate) fn read(path: impl AsRef<Path>) -> String {
    let path = project().join(path);
    std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

/// The shared and the static library under test.
pub(crate) struct Library {
    /// Holds `libtidegate.so` and the name that programs ask for at run time.
    pub(crate) folder: PathBuf,
    pub(crate) shared: PathBuf,
    pub(crate) archive: PathBuf,
}

/// The library that was built together with this test.
///
/// `cargo test` leaves the shared and the static library beside the test binary, under names that
/// builds with other features share. What the file says of itself therefore decides: if it is not
/// of this source and these features, it is built again, elsewhere.
pub(crate) fn library() -> &'static Library {
    static LIBRARY: OnceLock<Library> = OnceLock::new();
    LIBRARY.get_or_init(|| {
        let test = std::env::current_exe().expect("the path of this test");
        let beside = test.parent().expect("a folder");
        if build_info(&beside.join("libtidegate.so")).as_deref() == Some(BUILD_INFO) {
            return arrange(beside, "lib");
        }
        let built = build(&features());
        let info = build_info(&built.join("libtidegate.so"));
        assert_eq!(
            info.as_deref(),
            Some(BUILD_INFO),
            "the library is not of this source"
        );
        arrange(&built, "lib")
    })
}

/// The same source with the feature that makes calls panic.
pub(crate) fn panicking_library() -> Library {
    let mut features = features();
    features.push("test-panics".to_owned());
    arrange(&build(&features), "lib-test-panics")
}

fn features() -> Vec<String> {
    let info: serde_json::Value = serde_json::from_str(BUILD_INFO).expect("build info is JSON");
    let features = info["features"].as_array().expect("a list of features");
    let names = features.iter().map(|name| name.as_str().expect("a name"));
    names.map(str::to_owned).collect()
}

/// Builds the library in a target folder of its own and gives the folder it is in.
fn build(features: &[String]) -> PathBuf {
    static ONE_AT_A_TIME: std::sync::Mutex<()> = std::sync::Mutex::new(());
    let _turn = ONE_AT_A_TIME.lock();
    let target = scratch("target");
    let mut cargo = Command::new(env!("CARGO"));
    cargo
        .current_dir(project())
        .args([
            "build",
            "--lib",
            "--locked",
            "--no-default-features",
            "--features",
        ])
        .arg(features.join(","))
        .arg("--target-dir")
        .arg(&target);
    let profile = if BUILD_INFO.contains("\"profile\":\"release\"") {
        cargo.arg("--release");
        "release"
    } else {
        "debug"
    };
    succeed(&mut cargo);
    target.join(profile)
}

/// Builds an example with the features of this test, and gives its path.
pub(crate) fn build_example(name: &str) -> PathBuf {
    let mut cargo = Command::new(env!("CARGO"));
    cargo
        .current_dir(project())
        .args(["build", "--quiet", "--locked", "--no-default-features"])
        .args(["--features", &features().join(","), "--example", name])
        .args(["--message-format", "json"]);
    let output = succeed(&mut cargo);
    String::from_utf8(output.stdout)
        .expect("text")
        .lines()
        .map(|line| serde_json::from_str::<serde_json::Value>(line).expect("JSON"))
        .find_map(|message| message["executable"].as_str().map(PathBuf::from))
        .expect("the path of the example")
}

/// Gives the libraries in `from` the names under which programs link and load them.
fn arrange(from: &Path, name: &str) -> Library {
    let folder = scratch(name);
    let shared = folder.join("libtidegate.so");
    let archive = folder.join("libtidegate.a");
    for (source, target) in [
        ("libtidegate.so", &shared),
        ("libtidegate.a", &archive),
        ("libtidegate.so", &folder.join("libtidegate.so.1")),
    ] {
        // Replaced by a rename, so that a program that runs meanwhile keeps what it has loaded.
        let fresh = target.with_extension("fresh");
        std::fs::copy(from.join(source), &fresh).expect("a copy of the library");
        std::fs::rename(&fresh, target).expect("the copy in its place");
    }
    Library {
        folder,
        shared,
        archive,
    }
}

/// What the library at `path` says of itself.
fn build_info(path: &Path) -> Option<String> {
    let path = CString::new(path.as_os_str().as_bytes()).expect("a path without NUL");
    // SAFETY: loading the library under test runs no code of it that could fail.
    let library = unsafe { libc::dlopen(path.as_ptr(), libc::RTLD_NOW | libc::RTLD_LOCAL) };
    if library.is_null() {
        return None;
    }
    // SAFETY: the library is loaded and the name is a C string.
    let symbol = unsafe { libc::dlsym(library, c"tidegate_build_info".as_ptr()) };
    assert!(!symbol.is_null(), "{path:?} has no tidegate_build_info");
    // SAFETY: this is the type of the function, in the header as well.
    let function = unsafe {
        std::mem::transmute::<*mut libc::c_void, unsafe extern "C" fn() -> *const c_char>(symbol)
    };
    // SAFETY: it takes nothing.
    let info = unsafe { function() };
    // SAFETY: it gives a static text.
    let info = unsafe { CStr::from_ptr(info) };
    Some(info.to_str().expect("ASCII").to_owned())
}

/// Fails with the command that installs what is missing. A missing tool is never a passed test.
pub(crate) fn need(tool: &str, package: &str) {
    let found = Command::new("sh")
        .args(["-c", &format!("command -v {tool}")])
        .output()
        .is_ok_and(|output| output.status.success());
    assert!(
        found,
        "{tool} is missing; install it with: apt-get install -y {package}"
    );
}

/// A command that is stopped when it takes too long.
pub(crate) fn limited(program: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new("timeout");
    command.args(["--kill-after=5", TIME_LIMIT_S]).arg(program);
    command
}

/// Runs a command that has to succeed.
pub(crate) fn succeed(command: &mut Command) -> Output {
    let output = command
        .output()
        .unwrap_or_else(|e| panic!("{command:?}: {e}"));
    assert!(
        output.status.success(),
        "{command:?} ended with {}\n{}{}",
        output.status,
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
    output
}

/// How a C program is built.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Build {
    /// Against the shared library.
    Shared,
    /// Against the static library, with the address and undefined behavior sanitizers.
    Sanitized,
}

/// Warnings that no program of ours may have.
pub(crate) const STRICT: &[&str] = &["-Wall", "-Wextra", "-Wpedantic", "-Werror", "-g"];

/// Compiles a C program and gives its path.
pub(crate) fn compile(source: &Path, library: &Library, build: Build) -> PathBuf {
    need("gcc", "gcc");
    let name = source.file_stem().expect("a name").to_string_lossy();
    // Made under a name of its own and renamed: the same program may be running in another test.
    let program = scratch("programs").join(format!("{name}-{build:?}"));
    let thread = std::thread::current().id();
    let fresh = program.with_extension(format!("{thread:?}"));
    let mut gcc = Command::new("gcc");
    gcc.args(["-std=c99", "-D_GNU_SOURCE", "-Wstrict-prototypes"])
        .args(STRICT);
    for include in ["include", "tests/c"] {
        gcc.arg("-I").arg(project().join(include));
    }
    gcc.arg("-o").arg(&fresh).arg(source);
    match build {
        Build::Shared => {
            gcc.arg("-L")
                .arg(&library.folder)
                .arg("-ltidegate")
                .arg("-pthread");
            // The old tag beats LD_LIBRARY_PATH, which cargo sets to its own folder: the program
            // has to load the library it was linked with, not one that happens to lie there.
            gcc.arg(format!(
                "-Wl,--disable-new-dtags,-rpath,{}",
                library.folder.display()
            ));
        }
        Build::Sanitized => {
            gcc.args(["-fsanitize=address,undefined", "-fno-sanitize-recover=all"]);
            gcc.arg(&library.archive).args(["-lpthread", "-ldl", "-lm"]);
        }
    }
    succeed(&mut gcc);
    std::fs::rename(&fresh, &program).expect("the program in its place");
    program
}

/// Valgrind that fails on any error and on memory that nobody can free any more.
pub(crate) fn valgrind(program: &Path) -> Command {
    need("valgrind", "valgrind");
    let mut command = limited("valgrind");
    command
        // Without turns, a thread that spins keeps the others waiting for minutes.
        .args(["--fair-sched=try"])
        .args(["--quiet", "--error-exitcode=1", "--leak-check=full"])
        .args([
            "--show-leak-kinds=definite,indirect",
            "--errors-for-leak-kinds=definite,indirect",
        ])
        .arg(program);
    command
}
