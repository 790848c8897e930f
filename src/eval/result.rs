//! The result of an evaluation: indices into the snapshot it was made with, no text of its own.

use std::borrow::Cow;
use std::sync::Arc;

use super::overrides::Overridden;
use super::{NestedGates, Notes, Origin, Verdict};
use crate::spec::names::{combine, hash_decision, hash_text};
use crate::spec::{JsonObject, Rule, Spec, SpecSet, default_rule_id};
use crate::store::{Snapshot, Source};

/// What was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(i32)]
pub enum Kind {
    Gate = 1,
    Config = 2,
    Experiment = 3,
    Layer = 4,
}

impl Kind {
    /// The kind with this number.
    #[must_use]
    pub fn from_number(number: i32) -> Option<Kind> {
        [Kind::Gate, Kind::Config, Kind::Experiment, Kind::Layer]
            .into_iter()
            .find(|kind| *kind as i32 == number)
    }

    /// The name used in JSON.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Kind::Gate => "gate",
            Kind::Config => "config",
            Kind::Experiment => "experiment",
            Kind::Layer => "layer",
        }
    }

    /// The kind with this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Kind> {
        [Kind::Gate, Kind::Config, Kind::Experiment, Kind::Layer]
            .into_iter()
            .find(|kind| kind.as_str() == name)
    }
}

/// How an evaluation came out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// Decided by the ruleset.
    None,
    LocalOverride,
    /// No such name.
    Unrecognized,
    /// A rule that was reached uses something this version does not know.
    Unsupported,
    /// Nested too deep, or in a circle.
    Error,
}

impl Reason {
    /// The word used in logs and results.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Reason::None => "none",
            Reason::LocalOverride => "LocalOverride",
            Reason::Unrecognized => "Unrecognized",
            Reason::Unsupported => "Unsupported",
            Reason::Error => "error",
        }
    }
}

/// Where a result comes from and when.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Details {
    pub source: &'static str,
    pub reason: Reason,
    /// Time of the ruleset, ms.
    pub config_sync_time: i64,
    /// Time of the ruleset right after initialize, ms; -1 if there was none then.
    pub init_time: i64,
    /// Now, ms.
    pub server_time: i64,
}

impl Details {
    /// `Source`, or `Source:Reason` when there is a reason.
    #[must_use]
    pub fn combined(&self) -> Cow<'static, str> {
        match self.reason {
            Reason::None => Cow::Borrowed(self.source),
            reason => Cow::Owned(format!("{}:{}", self.source, reason.as_str())),
        }
    }
}

/// A nested gate, as exposures show it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Secondary<'a> {
    pub gate: &'a str,
    pub value: bool,
    pub rule_id: &'a str,
}

/// The name that was asked for.
#[derive(Debug, Clone)]
pub(crate) enum Name {
    Slot(u32),
    Unknown(Box<str>),
}

/// The result of one evaluation. Its readers take the snapshot it was made with.
#[derive(Debug, Clone)]
pub struct Evaluation {
    kind: Kind,
    name: Name,
    verdict: Verdict,
    overridden: Option<Overridden>,
    nested: NestedGates,
    notes: Notes,
}

pub(crate) fn spec_of(specs: &SpecSet, origin: Origin) -> Option<&Arc<Spec>> {
    match origin {
        Origin::Default { namespace, slot }
        | Origin::Rule {
            namespace, slot, ..
        } => namespace.table(specs).spec(slot),
        Origin::Nothing | Origin::Override => None,
    }
}

pub(crate) fn rule_of(specs: &SpecSet, origin: Origin) -> Option<&Rule> {
    match origin {
        Origin::Rule { rule, .. } => spec_of(specs, origin)?.rules.get(rule as usize),
        _ => None,
    }
}

pub(crate) fn rule_id(specs: &SpecSet, origin: Origin) -> &str {
    match origin {
        Origin::Nothing => "",
        Origin::Override => "override",
        Origin::Rule { .. } => rule_of(specs, origin).map_or("", |rule| rule.id()),
        Origin::Default { .. } => match spec_of(specs, origin) {
            Some(spec) => default_rule_id(spec.enabled),
            None => "",
        },
    }
}

impl Evaluation {
    pub(crate) fn new(
        kind: Kind,
        name: Name,
        verdict: Verdict,
        nested: NestedGates,
        notes: Notes,
    ) -> Evaluation {
        Evaluation {
            kind,
            name,
            verdict,
            overridden: None,
            nested,
            notes,
        }
    }

    pub(crate) fn from_override(kind: Kind, name: Name, value: Overridden) -> Evaluation {
        let verdict = Verdict::overridden(value.as_bool());
        let (nested, notes) = (NestedGates::new(), Notes::default());
        Evaluation {
            kind,
            name,
            verdict,
            overridden: Some(value),
            nested,
            notes,
        }
    }

    /// What was asked for.
    #[must_use]
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// A gate's value; for everything else, whether a rule passed.
    #[must_use]
    pub fn value(&self) -> bool {
        self.verdict.value
    }

    /// How it came out.
    #[must_use]
    pub fn reason(&self) -> Reason {
        self.verdict.reason
    }

    /// The name that was asked for.
    #[must_use]
    pub fn name<'a>(&'a self, snapshot: &'a Snapshot) -> &'a str {
        match &self.name {
            Name::Slot(slot) => self
                .kind
                .namespace()
                .table(&snapshot.specs)
                .names
                .name(*slot),
            Name::Unknown(name) => name,
        }
    }

    /// Id of the rule that decided, or one of the fixed words.
    #[must_use]
    pub fn rule_id<'a>(&'a self, snapshot: &'a Snapshot) -> &'a str {
        rule_id(&snapshot.specs, self.verdict.origin)
    }

    fn rule<'a>(&self, snapshot: &'a Snapshot) -> Option<&'a Rule> {
        rule_of(&snapshot.specs, self.verdict.origin)
    }

    /// The spec that decided: for a delegated layer, the experiment.
    pub(crate) fn spec<'a>(&self, snapshot: &'a Snapshot) -> Option<&'a Arc<Spec>> {
        spec_of(&snapshot.specs, self.verdict.origin)
    }

    /// Name of the group of the rule that matched.
    #[must_use]
    pub fn group_name<'a>(&'a self, snapshot: &'a Snapshot) -> Option<&'a str> {
        self.rule(snapshot)?.group_name()
    }

    /// Unit type of the spec that decided.
    #[must_use]
    pub fn id_type<'a>(&'a self, snapshot: &'a Snapshot) -> &'a str {
        self.spec(snapshot).map_or("", |spec| &spec.id_type)
    }

    /// Version of the spec that decided.
    #[must_use]
    pub fn version(&self, snapshot: &Snapshot) -> Option<i64> {
        self.spec(snapshot)?.version
    }

    /// Whether the rule that matched is a group of an experiment.
    #[must_use]
    pub fn is_experiment_group(&self, snapshot: &Snapshot) -> bool {
        self.rule(snapshot)
            .is_some_and(|rule| rule.is_experiment_group)
    }

    /// The name that was evaluated instead, because of a config mapping.
    #[must_use]
    pub fn override_config_name<'a>(&'a self, snapshot: &'a Snapshot) -> Option<&'a str> {
        let target = self.verdict.mapping? as usize;
        snapshot
            .specs
            .mapping_targets
            .get(target)
            .map(|name| &**name)
    }

    /// The experiment a layer delegated to.
    #[must_use]
    pub fn allocated_experiment<'a>(&'a self, snapshot: &'a Snapshot) -> Option<&'a str> {
        self.verdict
            .delegate
            .map(|slot| snapshot.specs.configs.names.name(slot))
    }

    /// Parameters that the experiment owns: those of the delegate, or the spec's own.
    #[must_use]
    pub fn explicit_parameters<'a>(&'a self, snapshot: &'a Snapshot) -> &'a [Box<str>] {
        let spec = match self.verdict.delegate {
            Some(slot) => snapshot.specs.configs.spec(slot),
            None => self.spec(snapshot),
        };
        spec.and_then(|spec| spec.explicit_parameters.as_deref())
            .unwrap_or_default()
    }

    /// Whether the experiment that a layer delegated to owns `parameter`.
    #[must_use]
    pub fn is_explicit(&self, snapshot: &Snapshot, parameter: &str) -> bool {
        self.verdict.delegate.is_some()
            && self
                .explicit_parameters(snapshot)
                .iter()
                .any(|name| &**name == parameter)
    }

    /// The object of a config, experiment or layer; empty for gates.
    #[must_use]
    pub fn object<'a>(&'a self, snapshot: &'a Snapshot) -> &'a Arc<JsonObject> {
        if let Some(Overridden::Object(object)) = &self.overridden {
            return object;
        }
        let Some(spec) = self.spec(snapshot) else {
            return JsonObject::empty();
        };
        match self.rule(snapshot) {
            Some(rule) if self.verdict.passed => rule.returned.object(),
            _ => spec.default.object(),
        }
    }

    /// Gates that were evaluated on the way, innermost first; no segments, no duplicates.
    pub fn secondary<'a>(&'a self, snapshot: &'a Snapshot) -> impl Iterator<Item = Secondary<'a>> {
        self.cleaned(snapshot, self.nested.len())
    }

    /// Those of [`Evaluation::secondary`] that came before delegation.
    pub fn undelegated_secondary<'a>(
        &'a self,
        snapshot: &'a Snapshot,
    ) -> impl Iterator<Item = Secondary<'a>> {
        let end = self
            .verdict
            .undelegated
            .map_or(self.nested.len(), |count| count as usize);
        self.cleaned(snapshot, end)
    }

    fn cleaned<'a>(
        &'a self,
        snapshot: &'a Snapshot,
        end: usize,
    ) -> impl Iterator<Item = Secondary<'a>> {
        let nested = self.nested.get(..end).unwrap_or_default();
        nested.iter().map(|gate| Secondary {
            gate: snapshot.specs.gates.names.name(gate.gate),
            value: gate.value,
            rule_id: rule_id(&snapshot.specs, gate.origin),
        })
    }

    /// One in how many exposures is kept, when sampling is on.
    #[must_use]
    pub fn sample_rate(&self, snapshot: &Snapshot) -> Option<f64> {
        self.rule(snapshot)?.sampling_rate
    }

    /// Exposures of the spec that decided are never sampled away.
    #[must_use]
    pub fn forward_all_exposures(&self, snapshot: &Snapshot) -> bool {
        self.spec(snapshot)
            .is_some_and(|spec| spec.forward_all_exposures)
    }

    /// A nested gate without a sampling rate was evaluated.
    #[must_use]
    pub fn seen_analytical_gates(&self) -> bool {
        self.notes.seen_analytical_gates
    }

    /// A hash of what makes this exposure different from others of the same user.
    #[must_use]
    pub fn exposure_key(&self, snapshot: &Snapshot) -> u64 {
        let specs = &snapshot.specs;
        let namespace = self.kind.namespace();
        let name = match &self.name {
            Name::Slot(slot) => namespace.table(specs).names.hash(*slot),
            Name::Unknown(name) => hash_text(name),
        };
        let decision = match self.verdict.origin {
            Origin::Nothing => hash_decision("", None),
            Origin::Override => hash_decision("override", None),
            Origin::Rule { .. } => self.rule(snapshot).map_or(0, |rule| rule.hash),
            Origin::Default { .. } => self.spec(snapshot).map_or(0, |spec| spec.default_hash),
        };
        let what = u64::from(namespace as u8) << 1 | u64::from(self.verdict.value);
        let mut key = combine(combine(name, what), decision);
        if let Some(slot) = self.verdict.delegate {
            key = combine(key, specs.configs.names.hash(slot));
        }
        if let Some(name) = self.override_config_name(snapshot) {
            key = combine(key, hash_text(name));
        }
        key
    }

    /// Where the result comes from and when.
    #[must_use]
    pub fn details(&self, snapshot: &Snapshot, now_ms: i64) -> Details {
        let source = if self.notes.user_agent_not_loaded {
            "UAParserNotLoaded"
        } else if self.notes.country_not_loaded {
            "CountryLookupNotLoaded"
        } else {
            snapshot.source.as_str()
        };
        Details {
            source,
            reason: self.verdict.reason,
            config_sync_time: snapshot.specs.lcut,
            init_time: match snapshot.source {
                // Of no rules there is no time.
                Source::Uninitialized => 0,
                _ => snapshot.init_time,
            },
            server_time: now_ms,
        }
    }
}
