//! Events as they wait, and as JSON.
//!
//! A waiting event holds references, no text of its own where that can be helped; it is written
//! straight into the buffer of a batch, on the thread that delivers.

use std::sync::Arc;

use serde_json::{Map, Value};

use super::sampling::Sampled;
use crate::error::Error;
use crate::eval::{Evaluation, Kind, Secondary};
use crate::json_writer::{write_list, write_text};
use crate::report::DiagnosticsEvent;
use crate::store::Snapshot;
use crate::user::User;

/// The value of a custom event.
#[derive(Debug, Clone, PartialEq, Default)]
pub enum EventValue {
    #[default]
    None,
    Number(f64),
    Text(Box<str>),
}

/// An event that the host logs.
pub struct CustomEvent {
    pub user: Arc<User>,
    pub name: Box<str>,
    pub value: EventValue,
    /// A JSON object, passed on as it is.
    pub metadata: Option<Box<str>>,
    /// Likewise; goes to `statsigMetadata`.
    pub statsig_metadata: Option<Box<str>>,
    pub time_ms: i64,
}

/// One event is not longer than this, its user not counted.
const EVENT_MAX_BYTES: usize = 1 << 20;

impl CustomEvent {
    /// Checks what the type does not guarantee.
    pub(super) fn validate(&self) -> Result<(), Error> {
        if self.name.is_empty() {
            return Err(Error::argument("event_name", "must not be empty"));
        }
        if self.text_len() > EVENT_MAX_BYTES {
            return Err(Error::argument("event", "longer than 1 MiB"));
        }
        Ok(())
    }

    /// Bytes of text, those of the user not counted.
    pub(super) fn text_len(&self) -> usize {
        let raw_len = |raw: &Option<Box<str>>| raw.as_ref().map_or(0, |raw| raw.len());
        let value_len = match &self.value {
            EventValue::Text(text) => text.len(),
            EventValue::None | EventValue::Number(_) => 0,
        };
        let rest = raw_len(&self.metadata) + raw_len(&self.statsig_metadata);
        self.name.len() + value_len + rest
    }
}

/// An exposure that waits. The snapshot it was made with is kept beside it by the intake.
pub(super) struct ExposureRecord {
    pub(super) user: Arc<User>,
    pub(super) evaluation: Evaluation,
    pub(super) parameter: Option<Box<str>>,
    pub(super) sampled: Option<Sampled>,
    pub(super) is_manual: bool,
    pub(super) time_ms: i64,
}

/// An event that waits.
pub(super) enum Record {
    Exposure(ExposureRecord),
    Custom(CustomEvent),
}

/// Writes events. Keeps the JSON of the last user, as events of one user come in a row.
pub(super) struct EventWriter {
    last: Option<WrittenUser>,
}

struct WrittenUser {
    user: Arc<User>,
    environment: Option<Map<String, Value>>,
    json: Vec<u8>,
}

impl EventWriter {
    pub(super) fn new() -> Self {
        EventWriter { last: None }
    }

    /// Appends `record` as a JSON object. `None` if it cannot be written, which leaves garbage at
    /// the end of `out`.
    pub(super) fn write(
        &mut self,
        record: &Record,
        snapshot: &Snapshot,
        out: &mut Vec<u8>,
    ) -> Option<()> {
        match record {
            Record::Exposure(exposure) => {
                self.write_user(&exposure.user, snapshot, out);
                write_exposure(exposure, snapshot, out)
            }
            Record::Custom(event) => {
                self.write_user(&event.user, snapshot, out);
                write_custom(event, out)
            }
        }
    }

    /// Forgets the last user, so that an idle client keeps nobody alive.
    pub(super) fn forget_user(&mut self) {
        self.last = None;
    }

    /// Starts the object with the user.
    fn write_user(&mut self, user: &Arc<User>, snapshot: &Snapshot, out: &mut Vec<u8>) {
        // The options' environment, then the user's own, then the ruleset's default.
        let environment = match (snapshot.environment.as_deref(), user.has_environment()) {
            (None, false) => snapshot.specs.default_environment.as_ref(),
            (environment, _) => environment,
        };
        out.extend_from_slice(b"{\"user\":");
        if let Some(last) = &self.last
            && Arc::ptr_eq(&last.user, user)
            && last.environment.as_ref() == environment
        {
            out.extend_from_slice(&last.json);
            return;
        }
        let start = out.len();
        user.write_logged(environment, out);
        let mut json = self.last.take().map_or_else(Vec::new, |last| last.json);
        json.clear();
        json.extend_from_slice(out.get(start..).unwrap_or_default());
        self.last = Some(WrittenUser {
            user: Arc::clone(user),
            environment: environment.cloned(),
            json,
        });
    }
}

fn write_exposure(exposure: &ExposureRecord, snapshot: &Snapshot, out: &mut Vec<u8>) -> Option<()> {
    let evaluation = &exposure.evaluation;
    let mut undelegated = false;
    match evaluation.kind() {
        Kind::Gate => {
            out.extend_from_slice(
                b",\"eventName\":\"statsig::gate_exposure\",\"metadata\":{\"gate\":",
            );
            write_text(out, evaluation.name(snapshot));
            out.extend_from_slice(b",\"gateValue\":");
            write_bool_text(out, evaluation.value());
            out.extend_from_slice(b",\"ruleID\":");
            write_text(out, evaluation.rule_id(snapshot));
        }
        Kind::Config | Kind::Experiment => {
            out.extend_from_slice(
                b",\"eventName\":\"statsig::config_exposure\",\"metadata\":{\"config\":",
            );
            write_text(out, evaluation.name(snapshot));
            out.extend_from_slice(b",\"ruleID\":");
            write_text(out, evaluation.rule_id(snapshot));
            out.extend_from_slice(b",\"rulePassed\":");
            write_bool_text(out, evaluation.value());
        }
        Kind::Layer => {
            let parameter = exposure.parameter.as_deref().unwrap_or_default();
            let is_explicit = evaluation.is_explicit(snapshot, parameter);
            undelegated = !is_explicit;
            let allocated = evaluation
                .allocated_experiment(snapshot)
                .filter(|_| is_explicit);
            out.extend_from_slice(
                b",\"eventName\":\"statsig::layer_exposure\",\"metadata\":{\"config\":",
            );
            write_text(out, evaluation.name(snapshot));
            out.extend_from_slice(b",\"ruleID\":");
            write_text(out, evaluation.rule_id(snapshot));
            out.extend_from_slice(b",\"allocatedExperiment\":");
            write_text(out, allocated.unwrap_or_default());
            out.extend_from_slice(b",\"parameterName\":");
            write_text(out, parameter);
            out.extend_from_slice(b",\"isExplicitParameter\":");
            write_bool_text(out, is_explicit);
        }
    }
    write_details(exposure, snapshot, out)?;
    out.extend_from_slice(b",\"secondaryExposures\":");
    if undelegated {
        write_secondary(evaluation.undelegated_secondary(snapshot), out);
    } else {
        write_secondary(evaluation.secondary(snapshot), out);
    }
    out.extend_from_slice(b",\"time\":");
    write_json(out, &exposure.time_ms)?;
    write_sampling(exposure.sampled, snapshot, out)?;
    out.push(b'}');
    Some(())
}

/// The rest of the metadata: what does not make one exposure different from another.
fn write_details(exposure: &ExposureRecord, snapshot: &Snapshot, out: &mut Vec<u8>) -> Option<()> {
    let evaluation = &exposure.evaluation;
    if let Some(version) = evaluation.version(snapshot) {
        out.extend_from_slice(b",\"configVersion\":\"");
        write_json(out, &version)?;
        out.push(b'"');
    }
    if let Some(name) = evaluation.override_config_name(snapshot) {
        out.extend_from_slice(b",\"overrideConfigName\":");
        write_text(out, name);
    }
    let details = evaluation.details(snapshot, exposure.time_ms);
    out.extend_from_slice(b",\"reason\":");
    write_text(out, &details.combined());
    out.extend_from_slice(b",\"configSyncTime\":");
    write_json(out, &details.config_sync_time)?;
    out.extend_from_slice(b",\"initTime\":");
    write_json(out, &details.init_time)?;
    out.extend_from_slice(b",\"serverTime\":");
    write_json(out, &details.server_time)?;
    if exposure.is_manual {
        out.extend_from_slice(b",\"isManualExposure\":\"true\"");
    }
    out.push(b'}');
    Some(())
}

fn write_secondary<'a>(gates: impl Iterator<Item = Secondary<'a>>, out: &mut Vec<u8>) {
    write_list(out, gates, |out, gate| {
        out.extend_from_slice(b"{\"gate\":");
        write_text(out, gate.gate);
        out.extend_from_slice(b",\"gateValue\":");
        write_bool_text(out, gate.value);
        out.extend_from_slice(b",\"ruleID\":");
        write_text(out, gate.rule_id);
        out.push(b'}');
    });
}

fn write_sampling(sampled: Option<Sampled>, snapshot: &Snapshot, out: &mut Vec<u8>) -> Option<()> {
    out.extend_from_slice(b",\"statsigMetadata\":{\"samplingMode\":");
    match &snapshot.specs.configs_for_sdk.sampling_mode {
        Some(mode) => write_text(out, mode),
        None => out.extend_from_slice(b"null"),
    }
    if let Some(sampled) = sampled {
        out.extend_from_slice(b",\"samplingRate\":");
        write_json(out, &sampled.rate)?;
        out.extend_from_slice(b",\"shadowLogged\":");
        write_text(out, if sampled.hit { "logged" } else { "dropped" });
    }
    out.push(b'}');
    Some(())
}

fn write_custom(event: &CustomEvent, out: &mut Vec<u8>) -> Option<()> {
    out.extend_from_slice(b",\"eventName\":");
    write_text(out, &event.name);
    match &event.value {
        EventValue::Number(number) if number.is_finite() => {
            out.extend_from_slice(b",\"value\":");
            write_number(out, *number)?;
        }
        EventValue::Text(text) => {
            out.extend_from_slice(b",\"value\":");
            write_text(out, text);
        }
        // JSON has no word for what is not finite.
        EventValue::None | EventValue::Number(_) => {}
    }
    if let Some(metadata) = &event.metadata {
        out.extend_from_slice(b",\"metadata\":");
        out.extend_from_slice(metadata.as_bytes());
    }
    out.extend_from_slice(b",\"time\":");
    write_json(out, &event.time_ms)?;
    if let Some(metadata) = &event.statsig_metadata {
        out.extend_from_slice(b",\"statsigMetadata\":");
        out.extend_from_slice(metadata.as_bytes());
    }
    out.push(b'}');
    Some(())
}

/// Appends a diagnostics event, which has no user.
pub(super) fn write_diagnostics(event: &DiagnosticsEvent, out: &mut Vec<u8>) -> Option<()> {
    out.extend_from_slice(b"{\"eventName\":\"statsig::diagnostics\",\"metadata\":");
    out.extend_from_slice(event.metadata.as_bytes());
    out.extend_from_slice(b",\"time\":");
    write_json(out, &event.time_ms)?;
    out.push(b'}');
    Some(())
}

/// Whole numbers are written without a fraction, as the host may have meant an integer.
fn write_number(out: &mut Vec<u8>, number: f64) -> Option<()> {
    const EXACT: f64 = 9_007_199_254_740_992.0;
    if number.fract() == 0.0 && number.abs() <= EXACT {
        #[expect(
            clippy::cast_possible_truncation,
            reason = "whole and within the exact range"
        )]
        return write_json(out, &(number as i64));
    }
    write_json(out, &number)
}

fn write_json(out: &mut Vec<u8>, value: &impl serde::Serialize) -> Option<()> {
    serde_json::to_writer(out, value).ok()
}

fn write_bool_text(out: &mut Vec<u8>, value: bool) {
    out.extend_from_slice(if value { b"\"true\"" } else { b"\"false\"" });
}
