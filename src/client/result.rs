//! A result that a caller keeps: the evaluation with the snapshot and the user it was made for.

use std::borrow::Cow;
use std::sync::Arc;

use serde_json::Value;

use crate::eval::{Details, Evaluation, Kind, Secondary};
use crate::json_writer::{ObjectWriter, write_list, write_text};
use crate::spec::{Member, Terminated};
use crate::store::Snapshot;
use crate::user::User;

/// Told when a parameter of a layer is read.
pub(crate) trait ParameterReads: Send + Sync {
    fn parameter_read(&self, result: &EvalResult, parameter: &str);
}

/// A gate, config, experiment or layer as evaluated for one user at one time.
pub struct EvalResult {
    snapshot: Arc<Snapshot>,
    user: Arc<User>,
    evaluation: Evaluation,
    reason: Cow<'static, str>,
    details: Details,
    /// Present for layers whose reads are to be exposed.
    reads: Option<Arc<dyn ParameterReads>>,
}

/// JSON types as `tidegate_result_has` numbers them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(i32)]
pub enum JsonType {
    Absent = 0,
    Null = 1,
    Bool = 2,
    Number = 3,
    Text = 4,
    Array = 5,
    Object = 6,
}

impl EvalResult {
    pub(crate) fn new(
        snapshot: Arc<Snapshot>,
        user: Arc<User>,
        evaluation: Evaluation,
        now_ms: i64,
        reads: Option<Arc<dyn ParameterReads>>,
    ) -> EvalResult {
        let details = evaluation.details(&snapshot, now_ms);
        EvalResult {
            snapshot,
            user,
            evaluation,
            reason: details.combined(),
            details,
            reads,
        }
    }

    /// A result that leaves no exposure, whatever is read from it.
    #[must_use]
    pub fn unlogged(
        snapshot: Arc<Snapshot>,
        user: Arc<User>,
        evaluation: Evaluation,
        now_ms: i64,
    ) -> EvalResult {
        EvalResult::new(snapshot, user, evaluation, now_ms, None)
    }

    /// What was asked for.
    #[must_use]
    pub fn kind(&self) -> Kind {
        self.evaluation.kind()
    }

    /// A gate's value; for everything else, whether a rule passed.
    #[must_use]
    pub fn value_bool(&self) -> bool {
        self.evaluation.value()
    }

    /// The name that was asked for.
    #[must_use]
    pub fn name(&self) -> &str {
        self.evaluation.name(&self.snapshot)
    }

    /// Id of the rule that decided.
    #[must_use]
    pub fn rule_id(&self) -> &str {
        self.evaluation.rule_id(&self.snapshot)
    }

    /// Group of the rule that matched.
    #[must_use]
    pub fn group_name(&self) -> Option<&str> {
        self.evaluation.group_name(&self.snapshot)
    }

    /// Unit type of the spec that decided.
    #[must_use]
    pub fn id_type(&self) -> &str {
        self.evaluation.id_type(&self.snapshot)
    }

    /// `Source` or `Source:Reason`.
    #[must_use]
    pub fn reason(&self) -> &str {
        &self.reason
    }

    /// Where the result comes from and when.
    #[must_use]
    pub fn details(&self) -> Details {
        self.details
    }

    pub(crate) fn snapshot(&self) -> &Arc<Snapshot> {
        &self.snapshot
    }

    pub(crate) fn user(&self) -> &Arc<User> {
        &self.user
    }

    pub(crate) fn evaluation(&self) -> &Evaluation {
        &self.evaluation
    }

    /// The whole value as JSON, without an exposure.
    #[must_use]
    pub fn value_json(&self) -> &str {
        match self.kind() {
            Kind::Gate if self.value_bool() => "true",
            Kind::Gate => "false",
            _ => self.evaluation.object(&self.snapshot).text(),
        }
    }

    /// The member `key` if `accept` takes it; a layer exposes the parameter then, and only then.
    fn read<'a, T>(&'a self, key: &str, accept: impl FnOnce(&'a Member) -> Option<T>) -> Option<T> {
        let found = accept(self.evaluation.object(&self.snapshot).get(key)?)?;
        if let Some(reads) = &self.reads {
            reads.parameter_read(self, key);
        }
        Some(found)
    }

    /// The member `key` if it is a boolean.
    #[must_use]
    pub fn get_bool(&self, key: &str) -> Option<bool> {
        self.read(key, |member| member.other()?.as_bool())
    }

    /// The member `key` if it is a number without a fraction.
    #[must_use]
    pub fn get_i64(&self, key: &str) -> Option<i64> {
        #[expect(
            clippy::cast_possible_truncation,
            reason = "bounded to what f64 holds exactly"
        )]
        let whole = |f: f64| (f.fract() == 0.0 && f.abs() < 9.0e15).then_some(f as i64);
        self.read(key, |member| {
            let value = member.other()?;
            value.as_i64().or_else(|| value.as_f64().and_then(whole))
        })
    }

    /// The member `key` if it is a number.
    #[must_use]
    pub fn get_f64(&self, key: &str) -> Option<f64> {
        self.read(key, |member| member.other()?.as_f64())
    }

    /// The member `key` if it is text.
    #[must_use]
    pub fn get_str(&self, key: &str) -> Option<&str> {
        self.get_terminated(key).map(Terminated::as_str)
    }

    /// The member `key` if it is text, with the NUL that C wants.
    #[must_use]
    pub fn get_terminated(&self, key: &str) -> Option<&Terminated> {
        self.read(key, Member::text)
    }

    /// The member `key` as JSON text. Null counts as absent in a layer and as null elsewhere.
    #[must_use]
    pub fn get_json(&self, key: &str) -> Option<String> {
        let null_counts = self.kind() != Kind::Layer;
        self.read(key, |member| {
            let is_null = matches!(member, Member::Other(Value::Null));
            (null_counts || !is_null).then(|| member.to_value().to_string())
        })
    }

    /// The type of the member `key`, without an exposure.
    #[must_use]
    pub fn has(&self, key: &str) -> JsonType {
        match self.evaluation.object(&self.snapshot).get(key) {
            None => JsonType::Absent,
            Some(Member::Text(_)) => JsonType::Text,
            Some(Member::Other(value)) => match value {
                Value::Null => JsonType::Null,
                Value::Bool(_) => JsonType::Bool,
                Value::Number(_) => JsonType::Number,
                Value::String(_) => JsonType::Text,
                Value::Array(_) => JsonType::Array,
                Value::Object(_) => JsonType::Object,
            },
        }
    }

    /// Everything, as JSON. All members are always present.
    #[must_use]
    pub fn to_json(&self) -> String {
        let mut out = Vec::with_capacity(512);
        self.write_json(&mut out);
        String::from_utf8(out).unwrap_or_default()
    }

    pub(crate) fn write_json(&self, out: &mut Vec<u8>) {
        let (evaluation, snapshot) = (&self.evaluation, &*self.snapshot);
        let mut object = ObjectWriter::new(out);
        object.text("kind", self.kind().as_str());
        object.text("name", self.name());
        object.raw("value", self.value_json());
        object.bool("passed", self.value_bool());
        object.text("rule_id", self.rule_id());
        object.optional_text("group_name", self.group_name());
        object.text("id_type", self.id_type());
        let version = evaluation.version(snapshot);
        object.raw(
            "version",
            &version.map_or_else(|| "null".to_owned(), |v| v.to_string()),
        );
        let is_experiment_group = evaluation.is_experiment_group(snapshot);
        object.bool("is_experiment_group", is_experiment_group);
        object.key("secondary_exposures");
        write_secondary(object.out, evaluation.secondary(snapshot));
        object.key("undelegated_secondary_exposures");
        write_secondary(object.out, evaluation.undelegated_secondary(snapshot));
        object.key("explicit_parameters");
        write_list(
            object.out,
            evaluation.explicit_parameters(snapshot),
            |out, name| {
                write_text(out, name);
            },
        );
        object.optional_text(
            "allocated_experiment",
            evaluation.allocated_experiment(snapshot),
        );
        object.optional_text(
            "override_config_name",
            evaluation.override_config_name(snapshot),
        );
        object.key("details");
        let mut details = ObjectWriter::new(object.out);
        details.text("source", self.details.source);
        details.text("reason", self.details.reason.as_str());
        details.text("detailed_reason", &self.reason);
        details.raw(
            "config_sync_time",
            &self.details.config_sync_time.to_string(),
        );
        details.raw("init_time", &self.details.init_time.to_string());
        details.raw("server_time", &self.details.server_time.to_string());
        details.end();
        object.end();
    }
}

fn bool_text(value: bool) -> &'static str {
    if value { "true" } else { "false" }
}

/// Appends secondary exposures as the wire has them.
pub(crate) fn write_secondary<'a>(
    out: &mut Vec<u8>,
    exposures: impl Iterator<Item = Secondary<'a>>,
) {
    write_list(out, exposures, |out, exposure| {
        let mut object = ObjectWriter::new(out);
        object.text("gate", exposure.gate);
        object.text("gateValue", bool_text(exposure.value));
        object.text("ruleID", exposure.rule_id);
        object.end();
    });
}
