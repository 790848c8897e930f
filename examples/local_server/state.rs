//! What all connections share, and waiting for it to change.

use std::collections::BTreeSet;
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::net::SocketAddr;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use parking_lot::{Condvar, Mutex};

use super::Config;
use super::documents::Documents;
use super::fault::Faults;
use super::id_lists::IdLists;
use super::record::{Endpoint, Record, Records};
use super::show;

pub(crate) struct Shared {
    pub(crate) config: Config,
    pub(crate) address: SocketAddr,
    /// Never held while reading from or writing to a client.
    pub(crate) state: Mutex<State>,
    /// Notified after every change of `state` somebody may wait for.
    pub(crate) changed: Condvar,
    events_out: Option<Mutex<File>>,
}

pub(crate) struct State {
    pub(crate) records: Records,
    pub(crate) faults: Faults,
    pub(crate) documents: Documents,
    pub(crate) id_lists: IdLists,
    pub(crate) stopping: bool,
    released: BTreeSet<String>,
    /// Counts resets, each of which lets go whatever is held at that moment.
    pub(crate) resets: u64,
    last_stamp: i64,
}

impl State {
    /// The time in ms, never the same twice, so that lists made in a row have distinct file ids.
    pub(crate) fn stamp(&mut self) -> i64 {
        self.last_stamp = now_ms().max(self.last_stamp + 1);
        self.last_stamp
    }

    pub(crate) fn count(&self, awaited: &Awaited) -> usize {
        let concerned = self.records.all().filter(|record| awaited.concerns(record));
        match &awaited.what {
            What::Requests(_) => concerned.count(),
            What::Events { name } => concerned
                .filter(|record| record.is_accepted())
                .map(|record| match name {
                    None => record.events().len(),
                    Some(name) => record
                        .events()
                        .iter()
                        .filter(|event| {
                            event.get("eventName").is_some_and(|is| is == name.as_str())
                        })
                        .count(),
                })
                .sum(),
        }
    }
}

/// What somebody waits for.
#[derive(Clone, Debug)]
pub(crate) struct Awaited {
    what: What,
    key: Option<String>,
}

#[derive(Clone, Debug)]
enum What {
    /// Requests that have arrived, answered or not.
    Requests(Option<Endpoint>),
    /// Events whose sender has been told that they were accepted.
    Events { name: Option<String> },
}

impl Awaited {
    pub(crate) fn requests(endpoint: Option<Endpoint>) -> Awaited {
        Awaited {
            what: What::Requests(endpoint),
            key: None,
        }
    }

    pub(crate) fn events(name: Option<&str>) -> Awaited {
        Awaited {
            what: What::Events {
                name: name.map(str::to_owned),
            },
            key: None,
        }
    }

    pub(crate) fn of_key(mut self, key: Option<&str>) -> Awaited {
        self.key = key.map(str::to_owned);
        self
    }

    fn concerns(&self, record: &Record) -> bool {
        let is_wanted = match self.what {
            What::Requests(endpoint) => endpoint.is_none_or(|wanted| record.endpoint == wanted),
            What::Events { .. } => record.endpoint == Endpoint::LogEvent,
        };
        is_wanted && (self.key.is_none() || self.key == record.key)
    }
}

/// What a reset forgets.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Reset {
    pub(crate) records: bool,
    /// Scripted faults; what they hold is let go.
    pub(crate) faults: bool,
    /// Rules and lists put in memory.
    pub(crate) documents: bool,
}

impl Reset {
    pub(crate) const ALL: Reset = Reset {
        records: true,
        faults: true,
        documents: true,
    };
}

impl Shared {
    pub(crate) fn new(config: Config, address: SocketAddr) -> io::Result<Shared> {
        let now = now_ms();
        let id_lists = IdLists::new(config.lists.clone(), now).map_err(io::Error::other)?;
        let events_out = match &config.events_out {
            Some(path) => Some(OpenOptions::new().create(true).append(true).open(path)?),
            None => None,
        };
        Ok(Shared {
            state: Mutex::new(State {
                records: Records::default(),
                faults: Faults::default(),
                documents: Documents::new(config.rules.clone()),
                id_lists,
                stopping: false,
                released: BTreeSet::new(),
                resets: 0,
                last_stamp: now,
            }),
            changed: Condvar::new(),
            events_out: events_out.map(Mutex::new),
            address,
            config,
        })
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub(crate) fn is_stopping(&self) -> bool {
        self.state.lock().stopping
    }

    /// Waits for so long, less when the server stops.
    pub(crate) fn pause(&self, duration: Duration) {
        let mut state = self.state.lock();
        self.changed
            .wait_while_for(&mut state, |state| !state.stopping, duration);
    }

    /// Parks until the name is released, a reset, or the server stops. `resets` is their count from
    /// when the request was recorded: a reset just after lets go what is only about to park.
    pub(crate) fn hold(&self, name: &str, resets: u64) {
        let mut state = self.state.lock();
        self.changed.wait_while(&mut state, |state| {
            !state.stopping && !state.released.contains(name) && state.resets == resets
        });
    }

    pub(crate) fn release(&self, name: &str) {
        self.state.lock().released.insert(name.to_owned());
        self.changed.notify_all();
    }

    pub(crate) fn reset(&self, what: Reset) -> Result<(), String> {
        let mut state = self.state.lock();
        if what.records {
            state.records.clear();
        }
        if what.faults {
            state.faults.clear();
            state.released.clear();
            state.resets += 1;
        }
        if what.documents {
            let now = state.stamp();
            state.documents.reset();
            state.id_lists.reset(now)?;
        }
        drop(state);
        self.changed.notify_all();
        Ok(())
    }

    /// The count reached, at most `timeout` later.
    pub(crate) fn wait_for(&self, awaited: &Awaited, count: usize, timeout: Duration) -> usize {
        let mut state = self.state.lock();
        self.changed.wait_while_for(
            &mut state,
            |state| !state.stopping && state.count(awaited) < count,
            timeout,
        );
        state.count(awaited)
    }

    /// Notes the answer before it is written, so that whoever has read it finds it recorded.
    pub(crate) fn answered(&self, record: &Record, status: u16) {
        if record.endpoint == Endpoint::LogEvent && (200..300).contains(&status) {
            self.publish(record);
        }
        let state = self.state.lock();
        // Only the thread that serves the request sets it, once.
        let _ = record.answered.set(status);
        drop(state);
        self.changed.notify_all();
    }

    /// Prints and writes the events of an accepted batch. A reader gone away is no reason to stop.
    fn publish(&self, record: &Record) {
        if self.config.show_events {
            let lines: String = record.events().iter().map(show::event).collect();
            drop(io::stderr().lock().write_all(lines.as_bytes()));
        }
        if let Some(out) = &self.events_out {
            let mut lines: Vec<String> = record
                .events_json()
                .map(|event| event.to_string())
                .collect();
            lines.push(String::new());
            drop(out.lock().write_all(lines.join("\n").as_bytes()));
        }
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "a server of its own, not a part of the library with its clock"
)]
fn now_ms() -> i64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .ok()
        .and_then(|since| i64::try_from(since.as_millis()).ok())
        .unwrap_or_default()
}
