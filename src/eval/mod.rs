//! The pure part: specs, a user and a time in, an [`Evaluation`] out.
//!
//! No thread, socket, lock or log is touched here, and nothing is allocated for a plain gate. All
//! conditions of a visited rule are evaluated even after one failed, because each may leave a
//! secondary exposure; a tidy mind would stop early and lose them.

pub(crate) mod bucket;
mod condition;
pub mod explain;
mod mapping;
mod nested;
mod operator;
pub mod overrides;
pub mod result;
pub(crate) mod time;
pub mod trace;
pub(crate) mod version;

use std::sync::Arc;

use serde_json::{Map, Value};
use smallvec::SmallVec;

pub use overrides::{Overridden, Overrides};
pub use result::{Details, Evaluation, Kind, Reason, Secondary};

use crate::spec::condition::{Field, IdType, UserBucket};
use crate::spec::id_list::IdLists;
use crate::spec::{Condition, Returned, Rule, Share, Spec, SpecSet, Table};
use crate::user::{TopLevel, User, ValueRef};
use condition::Check;
use nested::Memo;
use result::Name;
use trace::Trace;

/// Specs nested deeper than this end in an error for the specs concerned.
pub const MAX_DEPTH: u32 = 300;
/// Rules visited by one evaluation before it gives up, whatever a ruleset does.
const MAX_RULES: u32 = 1_000_000;
/// Fields whose values an evaluation remembers.
const FIELD_SEATS: usize = 4;

/// Everything an evaluation depends on.
#[derive(Clone, Copy)]
pub struct World<'a> {
    pub specs: &'a SpecSet,
    pub id_lists: &'a IdLists,
    /// `None` where overrides must not count.
    pub overrides: Option<&'a Overrides>,
    pub user: &'a User,
    /// The options' environment, which replaces the user's.
    pub environment: Option<&'a Map<String, Value>>,
    pub global_custom_fields: &'a Map<String, Value>,
    /// The app that `target_app` conditions see.
    pub app_id: Option<&'a str>,
    pub user_agent_enabled: bool,
    pub country_enabled: bool,
    /// The time, read only by evaluations that need it.
    pub now_ms: &'a dyn Fn() -> i64,
}

/// One of the three namespaces.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Namespace {
    Gates,
    Configs,
    Layers,
}

impl Namespace {
    pub(crate) fn table(self, specs: &SpecSet) -> &Table {
        match self {
            Namespace::Gates => &specs.gates,
            Namespace::Configs => &specs.configs,
            Namespace::Layers => &specs.layers,
        }
    }
}

impl Kind {
    /// The namespace that names of this kind live in. Configs and experiments share one.
    #[must_use]
    pub fn namespace(self) -> Namespace {
        match self {
            Kind::Gate => Namespace::Gates,
            Kind::Config | Kind::Experiment => Namespace::Configs,
            Kind::Layer => Namespace::Layers,
        }
    }
}

/// What decided a result.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// Nothing: unknown, unsupported or too deep.
    Nothing,
    /// A local override.
    Override,
    /// No rule of a spec matched.
    Default { namespace: Namespace, slot: u32 },
    /// A rule of a spec matched, whether or not the roll passed.
    Rule {
        namespace: Namespace,
        slot: u32,
        rule: u32,
    },
}

/// What evaluating one spec came to.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Verdict {
    pub(crate) reason: Reason,
    /// A gate's value; whether the rule passed, for everything else.
    pub(crate) value: bool,
    /// The rule's roll passed, so that its value counts.
    pub(crate) passed: bool,
    pub(crate) origin: Origin,
    pub(crate) delegate: Option<u32>,
    /// Index of the mapping target that was evaluated instead.
    pub(crate) mapping: Option<u32>,
    /// How many secondary exposures there were before delegation.
    pub(crate) undelegated: Option<u32>,
}

impl Verdict {
    fn nothing(reason: Reason) -> Verdict {
        Verdict {
            reason,
            value: false,
            passed: false,
            origin: Origin::Nothing,
            delegate: None,
            mapping: None,
            undelegated: None,
        }
    }

    pub(crate) fn overridden(value: bool) -> Verdict {
        Verdict {
            value,
            origin: Origin::Override,
            ..Verdict::nothing(Reason::LocalOverride)
        }
    }

    /// The spec cannot be evaluated, and neither can what depends on it.
    fn is_fatal(&self) -> bool {
        matches!(self.reason, Reason::Unsupported | Reason::Error)
    }
}

/// A nested gate's result, as a few words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NestedGate {
    pub gate: u32,
    pub value: bool,
    pub origin: Origin,
}

/// Exposures gathered so far; a handful needs no allocation.
pub(crate) type NestedGates = SmallVec<[NestedGate; 4]>;

/// Facts about an evaluation besides its verdict.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Notes {
    pub(crate) user_agent_not_loaded: bool,
    pub(crate) country_not_loaded: bool,
    pub(crate) seen_analytical_gates: bool,
}

/// Evaluates `name` and finishes the result. Local overrides come first.
pub fn evaluate<T: Trace>(world: &World<'_>, kind: Kind, name: &str, trace: &mut T) -> Evaluation {
    let namespace = kind.namespace();
    let slot = namespace.table(world.specs).slot_of(name);
    let requested = slot.map_or_else(|| Name::Unknown(name.into()), Name::Slot);
    let overrides = world.overrides.filter(|overrides| !overrides.is_empty());
    if let Some(overridden) = overrides.and_then(|all| all.lookup(namespace, name, world.user)) {
        trace.overridden(name, &overridden);
        return Evaluation::from_override(kind, requested, overridden);
    }
    let mut evaluator = Evaluator::new(*world, trace);
    let verdict = evaluator.spec(namespace, slot, name);
    let (nested, notes) = (evaluator.nested, evaluator.notes);
    Evaluation::new(kind, requested, verdict, nested, notes)
}

/// A gate's value, for callers that want nothing else. Skips what only results carry.
pub fn check_gate(world: &World<'_>, name: &str) -> bool {
    evaluate(world, Kind::Gate, name, &mut trace::NoTrace).value()
}

pub(crate) struct Evaluator<'a, 't, T> {
    world: World<'a>,
    /// Those of the specs, by slot.
    conditions: &'a [Option<Arc<Condition>>],
    pub(crate) nested: NestedGates,
    pub(crate) notes: Notes,
    depth: u32,
    deepest: u32,
    gates_evaluated: u32,
    rules_visited: u32,
    memo: Option<Memo>,
    /// Values of fields, by their seats: the rules of a gate mostly ask for the same few.
    fields: [Option<(&'a Field, ValueRef<'a>)>; FIELD_SEATS],
    /// The last `user_bucket` hash, and what it is of.
    last_hash: Option<(&'a UserBucket, u64)>,
    trace: &'t mut T,
}

impl<'a, 't, T: Trace> Evaluator<'a, 't, T> {
    pub(crate) fn new(world: World<'a>, trace: &'t mut T) -> Self {
        Evaluator {
            world,
            conditions: world.specs.conditions.all(),
            nested: NestedGates::new(),
            notes: Notes::default(),
            depth: 0,
            deepest: 0,
            gates_evaluated: 0,
            rules_visited: 0,
            memo: None,
            fields: [None; FIELD_SEATS],
            last_hash: None,
            trace,
        }
    }

    /// Evaluates a spec, or the one it is mapped to.
    pub(crate) fn spec(&mut self, namespace: Namespace, slot: Option<u32>, name: &str) -> Verdict {
        if self.depth >= MAX_DEPTH {
            return Verdict::nothing(Reason::Error);
        }
        self.depth += 1;
        self.deepest = self.deepest.max(self.depth);
        let mapped = if self.world.specs.mappings.is_empty() {
            None
        } else {
            self.mapped(namespace, slot, name)
        };
        let verdict = mapped.unwrap_or_else(|| self.unmapped(namespace, slot, name));
        self.depth -= 1;
        verdict
    }

    fn unmapped(&mut self, namespace: Namespace, slot: Option<u32>, name: &str) -> Verdict {
        let specs = self.world.specs;
        let found = slot.and_then(|slot| Some((slot, namespace.table(specs).spec(slot)?)));
        let Some((slot, spec)) = found else {
            self.trace.unrecognized(namespace, name);
            return Verdict::nothing(Reason::Unrecognized);
        };
        self.trace.enter(namespace, spec, self.depth);
        let verdict = self.rules(namespace, slot, spec);
        self.trace.leave(namespace, spec, &verdict, self.depth);
        verdict
    }

    fn rules(&mut self, namespace: Namespace, slot: u32, spec: &'a Spec) -> Verdict {
        let is_v2 = self.world.specs.is_v2;
        // A disabled spec of version 2 may carry rules on purpose (holdouts); version 1 never.
        let rules = if spec.enabled || is_v2 {
            &*spec.rules
        } else {
            &[]
        };
        for (index, rule) in (0u32..).zip(rules) {
            self.trace.rule(spec, rule, self.depth);
            match self.conditions(rule) {
                Check::True => {}
                Check::False => continue,
                Check::Unsupported => return Verdict::nothing(Reason::Unsupported),
                Check::TooDeep => return Verdict::nothing(Reason::Error),
            }
            if let Some(verdict) = self.delegated(rule) {
                return verdict;
            }
            let passed = self.roll(spec, rule);
            let origin = Origin::Rule {
                namespace,
                slot,
                rule: index,
            };
            return finish(spec, is_v2, passed, Some(rule), origin);
        }
        finish(
            spec,
            is_v2,
            false,
            None,
            Origin::Default { namespace, slot },
        )
    }

    /// Evaluates all conditions of a rule, for their exposures' sake.
    fn conditions(&mut self, rule: &'a Rule) -> Check {
        let mut result = Check::True;
        self.rules_visited += 1;
        if self.rules_visited > MAX_RULES {
            return Check::TooDeep;
        }
        for slot in &rule.conditions {
            let check = match self.conditions.get(*slot as usize) {
                Some(Some(condition)) => self.condition(condition),
                _ => self.missing_condition(*slot),
            };
            match check {
                Check::True => {}
                Check::False => result = Check::False,
                fatal => return fatal,
            }
        }
        result
    }

    #[cold]
    fn missing_condition(&mut self, slot: u32) -> Check {
        if T::ON {
            let key = self.world.specs.conditions.key(slot);
            let what = format!("condition {key} is not in condition_map");
            let condition = Condition::Unsupported(what.into());
            let check = Check::Unsupported;
            self.trace
                .condition(&condition, ValueRef::Missing, check, self.depth);
        }
        Check::Unsupported
    }

    /// The delegate's verdict, if the rule has one that exists. The rule's own roll and value do
    /// not count then, and local overrides of the delegate do not either.
    fn delegated(&mut self, rule: &Rule) -> Option<Verdict> {
        let slot = rule.delegate?;
        let configs = &self.world.specs.configs;
        configs.spec(slot)?;
        let undelegated = u32::try_from(self.nested.len()).unwrap_or(u32::MAX);
        let mut verdict = self.spec(Namespace::Configs, Some(slot), configs.names.name(slot));
        verdict.delegate = Some(slot);
        verdict.undelegated = Some(undelegated);
        Some(verdict)
    }

    fn roll(&mut self, spec: &Spec, rule: &Rule) -> bool {
        let passed = match &rule.share {
            Share::All => true,
            Share::Nobody => false,
            Share::Below(portion) => {
                let hash = portion.salt.hash(self.unit_id(&rule.id_type));
                below(hash, portion.bound)
            }
        };
        if T::ON {
            let salt = rule.salt(&spec.salt);
            let bucket = salt.hash(self.unit_id(&rule.id_type)) % bucket::SHARE_BUCKETS;
            self.trace.roll(rule, &salt, bucket, passed, self.depth);
        }
        passed
    }

    /// The unit that `id_type` names; the empty text if the user has none, so that everyone
    /// without the id shares one bucket.
    fn unit_id(&self, id_type: &IdType) -> &'a str {
        self.unit(id_type).unwrap_or_default()
    }

    fn unit(&self, id_type: &IdType) -> Option<&'a str> {
        let user = self.world.user;
        match id_type {
            IdType::UserId => match user.top_level(TopLevel::UserId) {
                ValueRef::Text(id) => Some(id),
                _ => None,
            },
            IdType::Custom { exact, lower } => user
                .custom_id(exact)
                .or_else(|| lower.as_deref().and_then(|lower| user.custom_id(lower))),
            IdType::Nothing => None,
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "a bucket is below 10,000")]
fn below(hash: u64, bound: f64) -> bool {
    ((hash % bucket::SHARE_BUCKETS) as f64) < bound
}

/// The verdict when `rule` matched (`passed` says how its roll came out), or when none did.
fn finish(spec: &Spec, is_v2: bool, passed: bool, rule: Option<&Rule>, origin: Origin) -> Verdict {
    // In version 1 a gate is on when the rule passed; in version 2 its value is what the rule
    // returns or what the spec defaults to. Objects always return something.
    let value = match (is_v2, rule) {
        (true, Some(rule)) if passed => !matches!(rule.returned, Returned::Bool(false)),
        (true, _) => matches!(spec.default, Returned::Bool(true)),
        (false, _) => passed,
    };
    Verdict {
        value,
        passed,
        origin,
        ..Verdict::nothing(Reason::None)
    }
}
