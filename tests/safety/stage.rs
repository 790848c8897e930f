//! Runs a program of this folder beside a server, answers what it asks, and counts its events.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ExitStatus, Stdio};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex};

use serde_json::{Value, json};

use crate::building::{project, scratch};
use crate::scripted::{PATIENCE, Recorded, Reply, Server, wait_until};

const SPECS: &str = "/download_config_specs/";
const EVENTS: &str = "/log_event";

/// How often each scenario runs.
pub fn rounds(variable: &str) -> usize {
    match std::env::var(variable) {
        Ok(text) => text.parse().expect("a number of rounds"),
        Err(_) => 1,
    }
}

/// What the server holds back until it is told to go on: a request by its number, from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hold {
    Nothing,
    Specs(usize),
    Events(usize),
}

#[derive(Default)]
struct Door {
    is_open: Mutex<bool>,
    is_reached: AtomicBool,
    opened: Condvar,
}

impl Door {
    fn open(&self) {
        *self.is_open.lock().unwrap() = true;
        self.opened.notify_all();
    }

    fn pass(&self) {
        self.is_reached.store(true, Ordering::SeqCst);
        let guard = self.is_open.lock().unwrap();
        let waiting = self
            .opened
            .wait_timeout_while(guard, PATIENCE, |is_open| !*is_open);
        drop(waiting.unwrap());
    }
}

/// The server's side.
pub struct Stage {
    server: Server,
    door: Arc<Door>,
    /// Deliveries are refused as by a server in trouble.
    refuses: Arc<AtomicBool>,
    has_newer_specs: Arc<AtomicBool>,
    accepted: Arc<Mutex<Vec<Recorded>>>,
}

fn shop() -> PathBuf {
    project().join("examples/rules/shop.json")
}

impl Stage {
    pub fn new(hold: Hold, refuses: bool) -> Stage {
        let door = Arc::new(Door::default());
        let refuses = Arc::new(AtomicBool::new(refuses));
        let has_newer_specs = Arc::new(AtomicBool::new(false));
        let accepted = Arc::new(Mutex::new(Vec::new()));
        let rules = std::fs::read_to_string(shop()).expect("the rules");
        let mut newer: Value = serde_json::from_str(&rules).expect("JSON");
        newer["time"] = json!(newer["time"].as_i64().expect("a time") + 1);
        let counts: [AtomicUsize; 2] = Default::default();
        let handler = {
            let (door, refuses) = (Arc::clone(&door), Arc::clone(&refuses));
            let (has_newer, accepted) = (Arc::clone(&has_newer_specs), Arc::clone(&accepted));
            move |request: &Recorded| {
                let path = request.path();
                if path.contains(SPECS) {
                    let number = counts[0].fetch_add(1, Ordering::SeqCst);
                    if hold == Hold::Specs(number) {
                        door.pass();
                    }
                    return match (request.target.contains("sinceTime="), &has_newer) {
                        (false, _) => Reply::json(rules.clone()),
                        (true, newer_there) if newer_there.load(Ordering::SeqCst) => {
                            Reply::json(newer.to_string())
                        }
                        (true, _) => Reply::json(r#"{"has_updates":false}"#),
                    };
                }
                if !path.ends_with(EVENTS) {
                    return Reply::json("{}");
                }
                // Decided when it comes: a client that is gone when it is answered has not delivered.
                let is_refused = refuses.load(Ordering::SeqCst);
                let number = counts[1].fetch_add(1, Ordering::SeqCst);
                if hold == Hold::Events(number) {
                    door.pass();
                }
                if is_refused {
                    return Reply::status(503);
                }
                accepted.lock().unwrap().push(request.clone());
                Reply::new(202, r#"{"success":true}"#)
            }
        };
        Stage {
            server: Server::start(handler),
            door,
            refuses,
            has_newer_specs,
            accepted,
        }
    }

    /// Accepts deliveries and answers what was held back.
    pub fn open(&self) {
        self.refuses.store(false, Ordering::SeqCst);
        self.door.open();
    }

    /// The options of a client of this server, whose host name may be another one for loopback.
    pub fn options(&self, host: &str, more: Value) -> Value {
        let port = self.server.address().port();
        let mut options = json!({
            "api": format!("http://{host}:{port}/v1"),
            "rulesets_sync_interval": 0.05,
            "idlists_sync_interval": 3600,
            "logging_interval": 3600,
            "disable_diagnostics": true,
        });
        let members = more.as_object().expect("an object").clone();
        options.as_object_mut().expect("an object").extend(members);
        options
    }

    fn answer(&self, question: &str, child: &Child) {
        match question {
            "open" => self.door.open(),
            // Which of two requests is held back is decided when it stands at the door.
            "the first request for specs"
            | "the second request for specs"
            | "the first delivery" => wait_until("a request is held back", || {
                self.door.is_reached.load(Ordering::SeqCst)
            }),
            "newer specs" => self.has_newer_specs.store(true, Ordering::SeqCst),
            "SIGTERM" => {
                let pid = libc::pid_t::try_from(child.id()).expect("a process id");
                // SAFETY: a signal to a child that was not waited for yet.
                assert_eq!(unsafe { libc::kill(pid, libc::SIGTERM) }, 0);
            }
            other => panic!("nobody knows how to give {other:?}"),
        }
    }

    /// Names of the custom events that were accepted, each as often as it came.
    pub fn received(&self) -> BTreeMap<String, usize> {
        self.count(&self.accepted.lock().unwrap().clone())
    }

    /// The same with each batch counted once: what a process had on the wire when it ended is sent
    /// again by the next, under the same id, by which the service knows it.
    pub fn received_batches(&self) -> BTreeMap<String, usize> {
        let mut requests = self.accepted.lock().unwrap().clone();
        let mut seen = std::collections::BTreeSet::new();
        requests.retain(|request| {
            let id = body(request)["statsigMetadata"]["batchID"].clone();
            seen.insert(id.as_str().expect("an id").to_owned())
        });
        self.count(&requests)
    }

    fn count(&self, requests: &[Recorded]) -> BTreeMap<String, usize> {
        let mut names = BTreeMap::new();
        for request in requests {
            let events = body(request)["events"].as_array().expect("events").clone();
            for event in events {
                let name = event["eventName"].as_str().expect("a name").to_owned();
                if !name.starts_with("statsig::") {
                    *names.entry(name).or_default() += 1;
                }
            }
        }
        names
    }

    /// Sessions that asked for specs.
    pub fn sessions(&self) -> usize {
        let requests = self.server.requests_to(SPECS);
        let sessions = requests.iter().map(|request| {
            let session = request.header("statsig-server-session-id");
            session.expect("a session").to_owned()
        });
        sessions.collect::<std::collections::BTreeSet<_>>().len()
    }
}

fn body(request: &Recorded) -> Value {
    let mut text = Vec::new();
    match request.header("content-encoding") {
        Some("gzip") => {
            let mut decoder = flate2::read::GzDecoder::new(&*request.body);
            decoder.read_to_end(&mut text).expect("gzip");
        }
        _ => text.clone_from(&request.body),
    }
    serde_json::from_slice(&text).expect("JSON")
}

/// How a program ended, and the events it accepted.
pub struct Ended {
    pub status: ExitStatus,
    pub logged: Vec<String>,
}

/// Runs a program to its end.
pub fn play(stage: &Stage, program: &Path, second: &str, options: &Value) -> Ended {
    let errors = tempfile(second);
    let mut child = std::process::Command::new(program)
        .arg(shop())
        .args([second, &options.to_string()])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(std::fs::File::create(&errors).expect("a file for what the program says"))
        .spawn()
        .expect("a program that starts");
    let mut answers = child.stdin.take().expect("a pipe");
    let mut said = BufReader::new(child.stdout.take().expect("a pipe"));
    let (mut logged, mut line) = (Vec::new(), String::new());
    // Ends when all its processes have ended; each has an alarm that ends it.
    while said.read_line(&mut line).expect("text") > 0 {
        let (kind, text) = line.trim_end().split_at(1);
        match kind {
            "+" => logged.push(text.to_owned()),
            _ => {
                stage.answer(text, &child);
                // A program that was told to end does not read any more.
                let _ = answers.write_all(b"\n");
            }
        }
        line.clear();
    }
    let status = child.wait().expect("an end");
    let said = std::fs::read_to_string(&errors).expect("what the program said");
    assert!(
        said.is_empty(),
        "{second} ended with {status} and said:\n{said}"
    );
    let _ = std::fs::remove_file(&errors);
    Ended { status, logged }
}

fn tempfile(name: &str) -> PathBuf {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    let name = name.replace('/', "_");
    scratch("safety").join(format!("{name}-{}-{number}", std::process::id()))
}

/// A folder of its own, which does not exist yet.
pub fn fresh_folder(name: &str) -> PathBuf {
    tempfile(name).with_extension("spool")
}

/// Every event that was accepted has arrived, once.
pub fn assert_each_once(what: &str, logged: &[String], received: &BTreeMap<String, usize>) {
    let mut expected = BTreeMap::new();
    for name in logged {
        assert!(
            expected.insert(name.clone(), 1).is_none(),
            "{name} is not unique"
        );
    }
    let lost: Vec<_> = expected
        .keys()
        .filter(|name| !received.contains_key(*name))
        .collect();
    let too_many: Vec<_> = received
        .iter()
        .filter(|(name, count)| expected.get(*name) != Some(count))
        .collect();
    assert!(
        lost.is_empty() && too_many.is_empty(),
        "{what}: lost {lost:?}, too many {too_many:?}"
    );
}
