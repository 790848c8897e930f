//! From new to shut down, and across forks.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU32, Ordering};
use std::time::Duration;

use serde_json::Value;

use super::Client;
use crate::error::Error;
use crate::exposure::FlushInfo;
use crate::json_writer::object;
use crate::options::{OnFork, Settings, Threads};

/// Where a client is in its life.
#[derive(Default)]
pub(super) struct State {
    phase: AtomicU8,
    /// Set in a forked child until its first call has started the threads anew.
    needs_restart: AtomicBool,
    fork_generation: AtomicU32,
}

const CREATED: u8 = 0;
const STARTED: u8 = 1;
const SHUT_DOWN: u8 = 2;

impl Client {
    /// Loads specs and starts the background work. Waits up to `timeout_ms`; 0 returns at once
    /// while the work goes on. Repeated and concurrent calls share one initialization.
    ///
    /// # Errors
    /// [`Error::Timeout`] while the work goes on; [`Error::State`] after shutdown. A network that
    /// fails is no error: the client is initialized and evaluates to defaults until specs arrive.
    pub fn initialize(self: &Arc<Self>, timeout_ms: u32) -> Result<(), Error> {
        self.begin()?;
        self.sync.initialize(Some(millis(timeout_ms)))
    }

    /// Like [`Client::initialize`], without waiting. `done` gets the details as JSON, exactly once.
    ///
    /// # Errors
    /// [`Error::State`] after shutdown.
    pub fn initialize_async(
        self: &Arc<Self>,
        done: Box<dyn FnOnce(&str) + Send>,
    ) -> Result<(), Error> {
        self.begin()?;
        self.sync
            .initialize_async(Box::new(move |details| done(&details.to_json())));
        Ok(())
    }

    fn begin(self: &Arc<Self>) -> Result<(), Error> {
        self.may_initialize()?;
        match self.state.phase.compare_exchange(
            CREATED,
            STARTED,
            Ordering::AcqRel,
            Ordering::Acquire,
        ) {
            Ok(_) => self.events.start(),
            Err(SHUT_DOWN) => Err(shut_down()),
            Err(_) => Ok(()),
        }
    }

    /// Waits until initialized.
    ///
    /// # Errors
    /// [`Error::Timeout`]; [`Error::State`] after shutdown.
    pub fn wait_initialized(&self, timeout_ms: u32) -> Result<(), Error> {
        if self.state.phase.load(Ordering::Acquire) == SHUT_DOWN {
            return Err(shut_down());
        }
        self.may_initialize()?;
        self.sync.wait_initialized(millis(timeout_ms))
    }

    /// Whether evaluation is open: initialize has finished, even if the network failed.
    #[must_use]
    pub fn is_initialized(&self) -> bool {
        self.state.phase.load(Ordering::Acquire) == STARTED && self.sync.is_initialized()
    }

    /// How initialize went, as JSON.
    #[must_use]
    pub fn init_details(&self) -> String {
        self.sync.init_details().to_json()
    }

    /// The way into every call that needs a live client.
    pub(super) fn ensure_ready(self: &Client) -> Result<(), Error> {
        if self.state.needs_restart.load(Ordering::Relaxed) {
            self.restart_in_child()?;
        }
        match self.state.phase.load(Ordering::Acquire) {
            STARTED if self.sync.is_initialized() => Ok(()),
            SHUT_DOWN => Err(shut_down()),
            _ => Err(not_initialized()),
        }
    }

    /// Delivers what is queued, within the bound.
    ///
    /// # Errors
    /// None today: a delivery that fails is in the counts.
    pub fn flush(&self, timeout_ms: u32) -> Result<FlushInfo, Error> {
        if self.state.phase.load(Ordering::Acquire) != STARTED {
            return Ok(FlushInfo::default());
        }
        self.restart_if_forked()?;
        Ok(self.events.flush(millis(timeout_ms)))
    }

    /// Stops everything and delivers what is queued, within the bound. Idempotent.
    ///
    /// # Errors
    /// None today.
    pub fn shutdown(&self, timeout_ms: u32) -> Result<FlushInfo, Error> {
        if self.state.phase.swap(SHUT_DOWN, Ordering::AcqRel) == SHUT_DOWN {
            return Ok(FlushInfo::default());
        }
        let deadline_ms = self.ctx.clock.monotonic_ms() + i64::from(timeout_ms);
        let info = self.events.shutdown(deadline_ms);
        self.sync.shutdown(deadline_ms);
        Ok(info)
    }

    /// Asks nobody for news any more; for a shutdown that is about to come.
    pub fn end_rounds(&self) {
        self.sync.end_rounds();
    }

    /// Stops without waiting; what is queued goes to the spool if there is one.
    pub fn close(&self) {
        // Nothing to report to: the caller has let go of the client.
        let _ = self.shutdown(0);
    }

    /// Without threads: does what is due, for about `budget_ms`. Returns the milliseconds until
    /// the next work is due.
    ///
    /// # Errors
    /// [`Error::State`] before initialize, after shutdown, and for a client with threads of its own.
    pub fn tick(&self, budget_ms: u32) -> Result<u32, Error> {
        if self.ctx.settings.threads != Threads::None {
            return Err(Error::State {
                detail: "the client runs its own threads",
            });
        }
        match self.state.phase.load(Ordering::Acquire) {
            STARTED => {}
            SHUT_DOWN => return Err(shut_down()),
            _ => return Err(not_initialized()),
        }
        self.restart_if_forked()?;
        if self.only_evaluates() {
            return Ok(u32::MAX);
        }
        let clock = &self.ctx.clock;
        let start = clock.monotonic_ms();
        let budget = millis(budget_ms);
        let events_due = self.events.tick(budget);
        let spent = u64::try_from(clock.monotonic_ms() - start).unwrap_or(0);
        let sync_due = self
            .sync
            .tick(budget.saturating_sub(Duration::from_millis(spent)));
        let now = clock.monotonic_ms();
        let next = [events_due, sync_due]
            .into_iter()
            .flatten()
            .min()
            .unwrap_or(now + 1000);
        Ok(u32::try_from((next - now).max(0)).unwrap_or(u32::MAX))
    }

    /// The oldest notification that nobody has taken, as JSON.
    #[must_use]
    pub fn poll_event(&self) -> Option<String> {
        self.notifications.poll()
    }

    /// Refreshes specs and id lists now, within the bound.
    ///
    /// # Errors
    /// [`Error::Timeout`]; [`Error::State`] when not initialized; the failure of the last source.
    pub fn sync_now(&self, timeout_ms: u32) -> Result<(), Error> {
        self.ensure_ready()?;
        if self.only_evaluates() {
            return Err(leaves_the_network());
        }
        self.sync.sync_now(millis(timeout_ms))
    }

    /// Pauses or resumes polling of the specs.
    ///
    /// # Errors
    /// [`Error::State`] when not initialized.
    pub fn set_polling(&self, on: bool) -> Result<(), Error> {
        self.ensure_ready()?;
        self.sync.set_polling(on);
        Ok(())
    }

    /// Puts other specs in use, as bootstrap values.
    ///
    /// # Errors
    /// Why they were refused; the specs in use stay.
    pub fn update_specs(&self, json: &str) -> Result<(), Error> {
        if self.state.phase.load(Ordering::Acquire) == SHUT_DOWN {
            return Err(shut_down());
        }
        self.sync.update_specs(json.to_owned())
    }

    /// Replaces the environment of the options, for evaluations and events from here on; an empty
    /// object leaves it to the users and the ruleset.
    ///
    /// # Errors
    /// [`Error::Json`], and [`Error::Argument`] for anything but an object of texts.
    pub fn set_environment(&self, json: &str) -> Result<(), Error> {
        let environment = Settings::parse_environment(json)?;
        self.ctx.store.replace_environment(environment);
        Ok(())
    }

    /// The specs in use, as received.
    ///
    /// # Errors
    /// [`Error::Io`] if they cannot be unpacked again.
    pub fn specs(&self) -> Result<Option<Arc<String>>, Error> {
        let document = self.ctx.store.load().specs.document.clone();
        let text = document.map(|document| document.text());
        text.transpose().map_err(|source| Error::Io {
            what: "specs".to_owned(),
            source,
        })
    }

    /// Health, as JSON: specs, sync, events, threads, forks.
    #[must_use]
    pub fn stats(&self) -> String {
        let snapshot = self.ctx.store.load_full();
        let specs = &snapshot.specs;
        let tables = [&specs.gates, &specs.configs, &specs.layers];
        let broken: Vec<Value> = tables
            .iter()
            .flat_map(|table| table.broken())
            .map(|(name, why)| object!({"name": name, "error": why}))
            .collect();
        object!({
            "phase": match self.state.phase.load(Ordering::Acquire) {
                CREATED => "created",
                STARTED if self.sync.is_initialized() => "ready",
                STARTED => "initializing",
                _ => "shut_down",
            },
            "specs": object!({
                "source": snapshot.source.as_str(),
                "time": specs.lcut,
                "format": if specs.is_v2 { "v2" } else { "v1" },
                "gates": specs.gates.specs().count(),
                "configs": specs.configs.specs().count(),
                "layers": specs.layers.specs().count(),
                "broken": broken,
            }),
            "id_lists": snapshot.id_lists.len(),
            "sync": self.sync.stats(),
            "events": self.events.stats(),
            "notifications_dropped": self.notifications.dropped(),
            "fork_generation": self.state.fork_generation.load(Ordering::Relaxed),
        })
        .to_string()
    }

    /// After a fork, in the child. Touches memory only: no allocation, no lock, no log.
    pub fn after_fork_child(&self) {
        self.state.fork_generation.fetch_add(1, Ordering::Relaxed);
        self.ctx.after_fork_child();
        self.events.after_fork_child();
        self.sync.after_fork_child();
        self.notifications.after_fork_child();
        self.state.needs_restart.store(true, Ordering::Release);
    }

    /// At the end of a process that does not shut down: puts what is queued into the spool, if
    /// there is one. Calls nothing of the host.
    pub fn spool_at_exit(&self) {
        self.events.spool_at_exit();
    }

    /// In a forked child the threads of the parent that were to initialize are gone: starts those
    /// of the child, or says why nobody will.
    fn may_initialize(&self) -> Result<(), Error> {
        self.restart_if_forked()?;
        if self.only_evaluates() && !self.sync.is_initialized() {
            return Err(leaves_the_network());
        }
        Ok(())
    }

    fn restart_if_forked(&self) -> Result<(), Error> {
        if self.state.needs_restart.load(Ordering::Relaxed) {
            self.restart_in_child()
        } else {
            Ok(())
        }
    }

    /// Whether this is a forked child that leaves the network to its parent.
    fn only_evaluates(&self) -> bool {
        self.state.needs_restart.load(Ordering::Relaxed)
    }

    /// The first call in a forked child: threads of its own.
    #[cold]
    fn restart_in_child(&self) -> Result<(), Error> {
        match self.ctx.settings.on_fork {
            OnFork::Disable => Err(Error::Fork {
                detail: "on_fork is \"disable\"",
            }),
            OnFork::EvaluateOnly => Ok(()),
            OnFork::Restart => {
                if self.state.needs_restart.swap(false, Ordering::AcqRel)
                    && self.state.phase.load(Ordering::Acquire) == STARTED
                {
                    self.events.ensure_running();
                    self.sync.ensure_running();
                }
                Ok(())
            }
        }
    }
}

/// Before a fork, in the parent. Threads of ours go on, as the child gets fresh locks; only the
/// system's resolver has locks that are not ours, and lookups get a moment to leave it.
pub fn before_fork() {
    crate::net::wait_for_lookups();
}

fn leaves_the_network() -> Error {
    Error::Fork {
        detail: "on_fork is \"evaluate_only\"",
    }
}

fn millis(ms: u32) -> Duration {
    Duration::from_millis(u64::from(ms))
}

fn not_initialized() -> Error {
    Error::State {
        detail: "the client is not initialized",
    }
}

fn shut_down() -> Error {
    Error::State {
        detail: "the client is shut down",
    }
}
