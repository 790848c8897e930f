//! Asking: gates, configs, experiments and layers for a user.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use super::Client;
use super::result::{EvalResult, ParameterReads};
use crate::error::Error;
use crate::eval::explain::explain;
use crate::eval::trace::NoTrace;
use crate::eval::{Evaluation, Kind, World, evaluate};
use crate::exposure::Events;
use crate::host::EvaluationCallback;
use crate::report::Key;
use crate::store::Snapshot;
use crate::user::User;

/// How a call is to be carried out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Flags(u32);

impl Flags {
    /// The call leaves no exposure.
    pub const NO_EXPOSURE: u32 = 1;

    /// Flags from their bits.
    ///
    /// # Errors
    /// [`Error::Argument`] for a bit that has no meaning.
    pub fn from_bits(bits: u32) -> Result<Flags, Error> {
        if bits & !Self::NO_EXPOSURE == 0 {
            Ok(Flags(bits))
        } else {
            Err(Error::argument(
                "flags",
                format!("unknown bits in {bits:#x}"),
            ))
        }
    }

    fn exposes(self) -> bool {
        self.0 & Self::NO_EXPOSURE == 0
    }
}

/// Exposes the parameters that are read from a layer.
pub(super) struct LayerReads {
    pub(super) events: Arc<Events>,
}

impl ParameterReads for LayerReads {
    fn parameter_read(&self, result: &EvalResult, parameter: &str) {
        self.events.expose(
            result.snapshot(),
            result.user(),
            result.evaluation(),
            Some(parameter),
            false,
        );
    }
}

impl Client {
    /// A gate's value. Allocates nothing for a plain gate whose exposure was seen before.
    ///
    /// # Errors
    /// [`Error::State`] before initialize and after shutdown.
    pub fn check_gate(
        self: &Arc<Self>,
        user: &Arc<User>,
        name: &str,
        flags: Flags,
    ) -> Result<bool, Error> {
        if self.ctx.hooks.evaluation.is_some() {
            let result = self.evaluate_as(Some(Key::CheckGate), Kind::Gate, user, name, flags)?;
            return Ok(result.value_bool());
        }
        self.ensure_ready()?;
        let diagnostics = self.ctx.reporter.diagnostics();
        let marker = diagnostics.api_start(Key::CheckGate, name);
        let snapshot = self.ctx.store.load();
        let evaluation = self.evaluate_in(&snapshot, Kind::Gate, user, name);
        if flags.exposes() && !name.is_empty() {
            self.events
                .expose(&snapshot, user, &evaluation, None, false);
        }
        diagnostics.api_end(marker, name, true);
        Ok(evaluation.value())
    }

    /// A whole result. Gates, configs and experiments are exposed now, layers when a parameter is
    /// read from the result.
    ///
    /// # Errors
    /// [`Error::State`] before initialize and after shutdown.
    pub fn evaluate(
        self: &Arc<Self>,
        kind: Kind,
        user: &Arc<User>,
        name: &str,
        flags: Flags,
    ) -> Result<EvalResult, Error> {
        self.evaluate_as(diagnostics_key(kind), kind, user, name, flags)
    }

    /// Evaluates, measured as a call of `key`.
    fn evaluate_as(
        self: &Arc<Self>,
        key: Option<Key>,
        kind: Kind,
        user: &Arc<User>,
        name: &str,
        flags: Flags,
    ) -> Result<EvalResult, Error> {
        self.ensure_ready()?;
        let diagnostics = self.ctx.reporter.diagnostics();
        let marker = key.map(|key| diagnostics.api_start(key, name));
        let snapshot = self.ctx.store.load_full();
        let evaluation = self.evaluate_in(&snapshot, kind, user, name);
        // An empty name gets the default without an exposure.
        let exposes = flags.exposes() && !name.is_empty();
        if exposes && kind != Kind::Layer {
            self.events
                .expose(&snapshot, user, &evaluation, None, false);
        }
        let reads = (exposes && kind == Kind::Layer)
            .then(|| Arc::clone(&self.reads) as Arc<dyn ParameterReads>);
        let now_ms = self.ctx.clock.now_ms();
        let result = EvalResult::new(snapshot, Arc::clone(user), evaluation, now_ms, reads);
        if let Some(marker) = marker {
            diagnostics.api_end(marker, name, true);
        }
        if let Some(callback) = &self.ctx.hooks.evaluation {
            self.call_back(callback, &result);
        }
        Ok(result)
    }

    /// Whatever the host's callback does, the caller gets its result.
    fn call_back(&self, callback: &EvaluationCallback, result: &EvalResult) {
        let json = result.to_json();
        if catch_unwind(AssertUnwindSafe(|| callback(&json))).is_err() {
            let (tag, text) = ("evaluation_callback", "the callback panicked");
            self.ctx.reporter.error(tag, "CallbackError", text, None);
        }
    }

    /// Logs the exposure of a fresh evaluation, marked as manual.
    ///
    /// # Errors
    /// [`Error::State`] before initialize and after shutdown; [`Error::Argument`] for a layer
    /// without a parameter.
    pub fn log_exposure(
        self: &Arc<Self>,
        user: &Arc<User>,
        kind: Kind,
        name: &str,
        parameter: Option<&str>,
    ) -> Result<(), Error> {
        self.ensure_ready()?;
        if name.is_empty() {
            return Err(Error::argument("name", "must not be empty"));
        }
        let parameter = layer_parameter(kind, parameter)?;
        let snapshot = self.ctx.store.load_full();
        let evaluation = self.evaluate_in(&snapshot, kind, user, name);
        self.events
            .expose(&snapshot, user, &evaluation, parameter, true);
        Ok(())
    }

    /// Logs the exposure of a result that was taken without one, marked as manual.
    ///
    /// # Errors
    /// [`Error::State`] after shutdown; [`Error::Argument`] for a layer without a parameter.
    pub fn log_exposure_for_result(
        &self,
        result: &EvalResult,
        parameter: Option<&str>,
    ) -> Result<(), Error> {
        self.ensure_ready()?;
        let parameter = layer_parameter(result.kind(), parameter)?;
        let (snapshot, user) = (result.snapshot(), result.user());
        self.events
            .expose(snapshot, user, result.evaluation(), parameter, true);
        Ok(())
    }

    /// Why the user gets what it gets, step by step, as JSON. Private attributes are masked; no
    /// exposure. Deterministic for the same specs, user and time.
    ///
    /// # Errors
    /// [`Error::State`] before initialize and after shutdown.
    pub fn explain(&self, user: &Arc<User>, kind: Kind, name: &str) -> Result<String, Error> {
        self.ensure_ready()?;
        let snapshot = self.ctx.store.load_full();
        let now = self.ctx.clock.now_ms();
        let now_ms = || now;
        let world = self.world(&snapshot, user, &now_ms);
        Ok(explain(&world, &snapshot, kind, name, false).json)
    }

    /// Evaluates without leaving anything behind.
    pub(super) fn evaluate_in(
        &self,
        snapshot: &Snapshot,
        kind: Kind,
        user: &User,
        name: &str,
    ) -> Evaluation {
        let clock = &self.ctx.clock;
        let now_ms = || clock.now_ms();
        evaluate(
            &self.world(snapshot, user, &now_ms),
            kind,
            name,
            &mut NoTrace,
        )
    }

    pub(super) fn world<'a>(
        &'a self,
        snapshot: &'a Snapshot,
        user: &'a User,
        now_ms: &'a dyn Fn() -> i64,
    ) -> World<'a> {
        let settings = &self.ctx.settings;
        World {
            specs: &snapshot.specs,
            id_lists: &snapshot.id_lists,
            overrides: Some(&snapshot.overrides),
            user,
            environment: snapshot.environment.as_deref(),
            global_custom_fields: &settings.global_custom_fields,
            app_id: snapshot.specs.app_id.as_deref(),
            user_agent_enabled: !settings.disable_ua_parser,
            country_enabled: !settings.disable_country_lookup,
            now_ms,
        }
    }
}

/// How diagnostics name a call; whole gates are not measured.
fn diagnostics_key(kind: Kind) -> Option<Key> {
    match kind {
        Kind::Gate => None,
        Kind::Config => Some(Key::GetConfig),
        Kind::Experiment => Some(Key::GetExperiment),
        Kind::Layer => Some(Key::GetLayer),
    }
}

/// A layer is exposed by parameter, everything else as a whole.
fn layer_parameter(kind: Kind, parameter: Option<&str>) -> Result<Option<&str>, Error> {
    match (kind, parameter) {
        (Kind::Layer, None | Some("")) => Err(Error::argument(
            "parameter",
            "a layer is exposed by parameter; give its name",
        )),
        (Kind::Layer, parameter) => Ok(parameter),
        _ => Ok(None),
    }
}
