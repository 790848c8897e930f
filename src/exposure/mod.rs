//! What was shown to whom, and what the host logged: from the call to the server.
//!
//! [`Events::expose`] and [`Events::log`] run on the host's threads: they decide whether an event is
//! new, and queue it. Everything else runs on the events thread (`work`), which writes JSON, seals
//! batches and keeps the spool (`disk`), and on short-lived senders (`send`), so that neither a slow
//! server nor a slow disk is felt by callers. Without threads, `tick`, `flush` and `shutdown` do all of it.
//!
//! Locks, in the order they are taken: `State::work`, then `State::queue` or a lane of the intake.
//! None is held during a request, a callback or a sync; `work` is held while the spool is written.

mod backoff;
mod batch;
mod batch_id;
mod counters;
mod dedupe;
mod disk;
mod event;
mod gzip;
mod intake;
mod lifecycle;
mod queue;
mod sampling;
mod send;
mod spool;
mod state;
mod stats;
mod work;

#[cfg(fuzzing)]
pub use spool::fuzz_segment;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;

pub use event::{CustomEvent, EventValue};
pub use lifecycle::FlushInfo;

use crate::context::Context;
use crate::error::Error;
use crate::eval::{Evaluation, Kind};
use crate::fork_cell::ForkCell;
use crate::net::{Endpoints, Http};
use crate::options::{OnFork, Settings, Threads, positive_seconds};
use crate::spec::names::hash_text;
use crate::store::Snapshot;
use crate::user::User;
use counters::Cause;
use dedupe::SeenKey;
use event::{ExposureRecord, Record};
use intake::Pushed;
use sampling::{Candidate, Decision};
use state::State;

/// The environment in which sampling applies, and which is assumed when none is named.
const PRODUCTION: &str = "production";
/// The service's way to say "the client's own batch size".
const BATCH_SIZE_UNSET: f64 = 1_000.0;
const BATCH_SIZE_MAX: f64 = 2_000.0;
/// Events that may wait for the events thread, if the queue's bound is not larger: what a burst
/// brings before that thread gets to run.
const INTAKE_MIN: usize = 16_384;

/// The events of one client.
pub struct Events {
    ctx: Arc<Context>,
    endpoints: Endpoints,
    /// Connections of our own, so that shutdown can cut off deliveries and nothing else.
    http: Http,
    report_http: Http,
    me: Weak<Events>,
    state: ForkCell<State>,
    is_child: Arc<AtomicBool>,
    /// Threads were asked for; a forked child starts them again.
    is_wanted: AtomicBool,
    /// Nothing may be sent, so nothing is kept.
    is_off: bool,
}

impl Events {
    /// The events of the client of `ctx`. Opens and starts nothing.
    ///
    /// # Errors
    /// [`Error::Argument`] for a URL that is none.
    pub fn new(ctx: Arc<Context>, http: &Http) -> Result<Arc<Events>, Error> {
        let settings = &ctx.settings;
        let endpoints = Endpoints::new(settings, &ctx.sdk_key)?;
        let is_off = settings.local_mode || settings.disable_all_logging;
        let is_child = Arc::new(AtomicBool::new(false));
        let state = {
            let (ctx, is_child) = (Arc::clone(&ctx), Arc::clone(&is_child));
            ForkCell::new(move || {
                let sends_in_child = ctx.settings.on_fork == OnFork::Restart;
                let is_child = is_child.load(Ordering::Relaxed);
                State::new(&ctx, !is_off && (sends_in_child || !is_child))
            })
        };
        let events = Arc::new_cyclic(|me| Events {
            endpoints,
            http: http.sibling(),
            report_http: http.sibling(),
            me: Weak::clone(me),
            state,
            is_child,
            is_wanted: AtomicBool::new(false),
            is_off,
            ctx,
        });
        let weak = Weak::clone(&events.me);
        events.ctx.reporter.set_waker(move || {
            if let Some(events) = weak.upgrade() {
                events.state.get().wake();
            }
        });
        Ok(events)
    }

    /// Records that `user` was shown the result of `evaluation`, unless that was recorded in this
    /// window or is sampled away. Never blocks. What was recorded before costs two hash steps and
    /// a look-up: no lock, no allocation, no shared write.
    pub fn expose(
        &self,
        snapshot: &Arc<Snapshot>,
        user: &Arc<User>,
        evaluation: &Evaluation,
        parameter: Option<&str>,
        is_manual: bool,
    ) {
        let state = self.state.get();
        if !state.is_enabled {
            return;
        }
        let key = seen_key(snapshot, user, evaluation, parameter);
        // A recorded exposure was let through by sampling, so sampling need not be asked again.
        if state.seen.contains(key) {
            return;
        }
        self.expose_unseen(snapshot, user, evaluation, parameter, (key, is_manual));
    }

    #[inline(never)]
    fn expose_unseen(
        &self,
        snapshot: &Arc<Snapshot>,
        user: &Arc<User>,
        evaluation: &Evaluation,
        parameter: Option<&str>,
        (key, is_manual): (SeenKey, bool),
    ) {
        let state = self.state.get();
        state.end_window_if_due(self.ctx.clock.monotonic_ms());
        let sampled = match Self::sample(state, snapshot, user, evaluation, parameter) {
            Decision::Log(sampled) => sampled,
            Decision::LeaveOut => {
                state.counters.sampled_out.fetch_add(1, Ordering::Relaxed);
                return;
            }
        };
        if !state.seen.insert(key) {
            return;
        }
        let record = Record::Exposure(ExposureRecord {
            user: Arc::clone(user),
            evaluation: evaluation.clone(),
            parameter: parameter.map(Box::from),
            sampled,
            is_manual,
            time_ms: self.ctx.clock.now_ms(),
        });
        self.accept(state, record, snapshot);
    }

    fn sample(
        state: &State,
        snapshot: &Snapshot,
        user: &User,
        evaluation: &Evaluation,
        parameter: Option<&str>,
    ) -> Decision {
        let configs = &snapshot.specs.configs_for_sdk;
        let candidate = Candidate {
            mode: configs.sampling_mode.as_deref(),
            is_production: is_production(snapshot),
            special_case_rate: configs.special_case_sampling_rate,
            rule_rate: evaluation.sample_rate(snapshot),
            forward_all: evaluation.forward_all_exposures(snapshot),
            seen_analytical_gates: evaluation.seen_analytical_gates(),
            name: evaluation.name(snapshot),
            rule_id: evaluation.rule_id(snapshot),
        };
        let (name, rule_id) = (candidate.name, candidate.rule_id);
        sampling::decide(&candidate, &state.sighted, |text| {
            let (user_id, custom_ids) = (user.user_id(), user.custom_ids());
            match evaluation.kind() {
                Kind::Gate => {
                    let value = evaluation.value();
                    sampling::gate_key(text, name, rule_id, value, user_id, custom_ids);
                }
                Kind::Config | Kind::Experiment => {
                    sampling::config_key(text, name, rule_id, user_id, custom_ids);
                }
                Kind::Layer => {
                    let read = (name, parameter.unwrap_or_default());
                    let delegate = evaluation.allocated_experiment(snapshot);
                    sampling::layer_key(text, read, rule_id, delegate, user_id, custom_ids);
                }
            }
        })
    }

    /// Accepts an event of the host. Never blocks.
    ///
    /// # Errors
    /// [`Error::Argument`] for an event that cannot be sent; [`Error::State`] after shutdown.
    pub fn log(&self, event: CustomEvent) -> Result<(), Error> {
        event.validate()?;
        let state = self.state.get();
        if !state.is_enabled {
            return Ok(());
        }
        let snapshot = self.ctx.store.load();
        if self.accept(state, Record::Custom(event), &snapshot) {
            Ok(())
        } else {
            Err(Error::State {
                detail: "the client is shut down",
            })
        }
    }

    /// Queues an event and wakes the events thread if there is something for it to do.
    fn accept(&self, state: &State, record: Record, snapshot: &Arc<Snapshot>) -> bool {
        let batch_size = batch_size(&self.ctx.settings, snapshot);
        let limit = (batch_size * state.capacity).max(INTAKE_MIN);
        match state.intake.push(record, snapshot, limit) {
            Pushed::Refused => return false,
            Pushed::Displaced(events) => {
                state.counters.drop_events(Cause::QueueFull, events);
                state.wake();
            }
            Pushed::Waiting(count) => {
                // With a spool, the first event starts the time in which it must be on disk.
                let starts_clock = count == 1 && state.has_spool;
                if starts_clock || count + state.open_events.load(Ordering::Relaxed) >= batch_size {
                    state.wake();
                }
            }
        }
        if !state.is_started.load(Ordering::Relaxed) && self.is_wanted.load(Ordering::Relaxed) {
            self.ensure_running();
        }
        true
    }

    fn runs_inline(&self) -> bool {
        self.ctx.settings.threads == Threads::None
    }
}

/// Whether the environment of the options is the one that sampling is for.
fn is_production(snapshot: &Snapshot) -> bool {
    let environment = snapshot.environment.as_deref();
    let tier = environment.and_then(|environment| environment.get("tier"));
    tier.is_none_or(|tier| tier == PRODUCTION)
}

/// Two exposures with the same key are the same to the service.
fn seen_key(
    snapshot: &Snapshot,
    user: &User,
    evaluation: &Evaluation,
    parameter: Option<&str>,
) -> SeenKey {
    let mut what = evaluation.exposure_key(snapshot);
    if let Some(parameter) = parameter {
        what ^= hash_text(parameter);
    }
    SeenKey::new(user.identity(), what)
}

/// Events per batch: the ruleset's number, unless it is the service's default, else the option.
fn batch_size(settings: &Settings, snapshot: &Snapshot) -> usize {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "from 1 to 2000"
    )]
    match snapshot.specs.configs_for_sdk.event_queue_size {
        Some(size) if size >= 1.0 && size.trunc() != BATCH_SIZE_UNSET => {
            size.min(BATCH_SIZE_MAX) as usize
        }
        _ => settings.batch_size(),
    }
}

/// Interval between delivery attempts, if the ruleset sets one.
fn delivery_interval(snapshot: &Snapshot) -> Option<Duration> {
    const MAX_SECONDS: f64 = 86_400.0;
    let seconds = snapshot
        .specs
        .configs_for_sdk
        .event_logging_interval_seconds?;
    positive_seconds(Some(seconds.min(MAX_SECONDS)))
}

#[cfg(test)]
mod tests;
