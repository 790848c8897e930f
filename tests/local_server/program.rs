//! The server as a program: its first line, its options, its end.

use std::io::{BufRead, BufReader, Read};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use serde_json::{Value, json};

use crate::client::{Connection, Folder, document};

/// Builds the example, so that it is never an old one that is tested, and tells where it is.
fn program() -> PathBuf {
    let output = Command::new(env!("CARGO"))
        .args(["build", "--quiet", "--example", "local_server"])
        .args(["--message-format", "json"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .stderr(Stdio::inherit())
        .output()
        .unwrap();
    assert!(output.status.success());
    String::from_utf8(output.stdout)
        .unwrap()
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap())
        .find_map(|message| message["executable"].as_str().map(PathBuf::from))
        .unwrap()
}

struct Running {
    child: Child,
    ready: Value,
}

impl Running {
    fn start(arguments: &[&str]) -> Running {
        let mut child = Command::new(program())
            .args(arguments)
            .arg("--exit-with-parent")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        let stdout = child.stdout.take().unwrap();
        BufReader::new(stdout).read_line(&mut line).unwrap();
        let ready = serde_json::from_str(&line).unwrap();
        Running { child, ready }
    }

    fn connect(&self) -> Connection {
        let port = self.ready["port"].as_u64().unwrap();
        Connection::open(u16::try_from(port).unwrap())
    }

    /// Closes its standard input and returns what it has printed on standard error.
    fn finish(mut self) -> String {
        drop(self.child.stdin.take());
        let mut printed = String::new();
        let mut stderr = self.child.stderr.take().unwrap();
        stderr.read_to_string(&mut printed).unwrap();
        assert!(self.child.wait().unwrap().success());
        printed
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Nothing to do when it has ended by itself.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

const PURCHASE: &[u8] =
    br#"{"events":[{"eventName":"purchase","user":{"userID":"alice"},"value":9.5}]}"#;

#[test]
fn the_first_line_tells_where_it_is_and_the_end_of_input_ends_it() {
    let running = Running::start(&[]);
    let port = &running.ready["port"];
    assert_eq!(
        running.ready,
        json!({
            "url": format!("http://127.0.0.1:{port}"),
            "api": format!("http://127.0.0.1:{port}/v1"),
            "port": port,
            "pid": running.child.id(),
        })
    );
    let mut connection = running.connect();
    let specs = "/v1/download_config_specs/secret-any.json";
    let answer = connection.ask("GET", specs, &[], b"").unwrap();
    assert!(answer.text().contains("\"new_checkout\""), "the shop");
    let lists = connection.ask("GET", "/v1/get_id_lists/secret-any.json", &[], b"");
    assert_eq!(lists.unwrap().json()["beta_testers"]["size"], 30);
    let key = [("STATSIG-API-KEY", "secret-any")];
    connection.ask("POST", "/v1/log_event", &key, PURCHASE);
    assert_eq!(
        running.finish(),
        "event purchase                   user=alice value=9.5\n"
    );
}

#[test]
fn files_are_served_and_written_as_the_options_say() {
    let folder = Folder::new();
    let rules = folder.write("rules.json", &document(5));
    let lists = folder.write("lists.json", r#"{"l": ["a", "b"]}"#);
    let out = folder.0.join("events.jsonl");
    let text = |path: &PathBuf| path.to_str().unwrap().to_owned();
    let running = Running::start(&[
        "--rules",
        &text(&rules),
        "--lists",
        &text(&lists),
        "--events-out",
        &text(&out),
        "--latency-ms",
        "1",
        "--quiet",
    ]);
    let mut connection = running.connect();
    let specs = "/v1/download_config_specs/k.json";
    let answer = connection.ask("GET", specs, &[], b"").unwrap();
    assert_eq!(answer.text(), document(5));
    folder.write("rules.json", &document(6));
    let answer = connection.ask("GET", specs, &[], b"").unwrap();
    assert_eq!(answer.text(), document(6));
    let manifest = connection.ask("GET", "/v1/get_id_lists/k.json", &[], b"");
    assert_eq!(manifest.unwrap().json()["l"]["size"], 20);
    connection.ask(
        "POST",
        "/v1/log_event",
        &[("STATSIG-API-KEY", "k")],
        PURCHASE,
    );
    assert_eq!(running.finish(), "");
    let written = std::fs::read_to_string(out).unwrap();
    assert_eq!(written.lines().count(), 1);
}

#[test]
fn wrong_options_are_explained() {
    let program = program();
    for (arguments, expected) in [
        (&["--bogus"][..], "unknown option --bogus"),
        (&["--port"], "--port needs a value"),
        (&["--port", "99999"], "--port 99999"),
        (
            &["--rules", "/nonexistent.json"],
            "/nonexistent.json does not exist",
        ),
    ] {
        let output = Command::new(&program).args(arguments).output().unwrap();
        assert!(!output.status.success(), "{arguments:?}");
        let printed = String::from_utf8(output.stderr).unwrap();
        assert!(printed.contains(expected), "{printed}");
        assert!(output.stdout.is_empty());
    }
    let help = Command::new(&program).arg("--help").output().unwrap();
    assert!(help.status.success());
    assert!(
        String::from_utf8(help.stdout)
            .unwrap()
            .contains("--exit-with-parent")
    );
}
