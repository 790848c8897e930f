//! The shared cases through the C ABI: each by every function that evaluates, and explained.

use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use serde_json::Value;

use super::support::{
    Build, build_example, compile, library, limited, project, read, scratch, succeed,
};

/// The local server with the rulesets of the cases; it ends with the test.
struct Server {
    child: Child,
    api: String,
}

impl Server {
    fn start() -> Server {
        let mut child = Command::new(build_example("local_server"))
            .arg("--dir")
            .arg(project().join("tests/specs"))
            .args(["--quiet", "--exit-with-parent"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        let stdout = child.stdout.take().unwrap();
        BufReader::new(stdout).read_line(&mut line).unwrap();
        let ready: Value = serde_json::from_str(&line).unwrap();
        let api = ready["api"].as_str().unwrap().to_owned();
        Server { child, api }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

fn files() -> Vec<PathBuf> {
    let entries = std::fs::read_dir(project().join("tests/cases")).unwrap();
    let paths = entries.map(|entry| entry.unwrap().path());
    let mut files: Vec<PathBuf> = paths
        .filter(|path| {
            path.extension()
                .is_some_and(|extension| extension == "json")
        })
        .collect();
    files.sort();
    files
}

fn runner() -> PathBuf {
    let source = project().join("tests/c/conformance/conformance.c");
    compile(&source, library(), Build::Sanitized)
}

#[test]
fn every_case_evaluates_as_expected() {
    let server = Server::start();
    let count = read("tests/cases/COUNT");
    let mut command = limited(runner());
    command.args([&server.api, count.trim()]).args(files());
    let output = succeed(&mut command);
    let said = String::from_utf8_lossy(&output.stdout);
    assert_eq!(said.trim(), format!("{} cases", count.trim()));
}

#[test]
fn the_runner_tells_a_wrong_answer_and_a_wrong_count() {
    let server = Server::start();
    let file = project().join("tests/cases/gate_rule_v1.json");
    let text = std::fs::read_to_string(&file).unwrap();
    let count = text.matches("\n    {\"id\"").count();
    let wrong = scratch("cases").join("wrong.json");
    std::fs::write(
        &wrong,
        text.replacen("\"rule_id\": \"", "\"rule_id\": \"not-", 1),
    )
    .unwrap();
    for (count, file, complaint) in [
        (count, wrong, "rule_id: expected \"not-"),
        (count + 1, file, "cases, not"),
    ] {
        let mut command = limited(runner());
        command.args([&server.api, &count.to_string()]).arg(file);
        let output = command.output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success());
        assert!(said.contains(complaint), "{said}");
    }
}
