//! One condition: the value for its type, then the operator.

use serde_json::Value;

use super::trace::Trace;
use super::{Evaluator, FIELD_SEATS, Namespace, Origin, Reason, Verdict, World, bucket, operator};
use crate::spec::condition::{
    Condition, Field, GateRef, Operator, UserAgentField, UserBucket, ValueSource,
};
use crate::user::{Group, TopLevel, ValueRef};

/// How a condition, or all conditions of a rule, came out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Check {
    True,
    False,
    /// Ends the evaluation of the spec.
    Unsupported,
    /// Ends the evaluation of the spec.
    TooDeep,
}

impl From<bool> for Check {
    fn from(value: bool) -> Check {
        if value { Check::True } else { Check::False }
    }
}

impl<'a, T: Trace> Evaluator<'a, '_, T> {
    pub(super) fn condition(&mut self, condition: &'a Condition) -> Check {
        let check = match condition {
            Condition::Public => Check::True,
            Condition::NoGate { pass } => Check::from(!pass),
            Condition::Gate { gate, pass } => self.gate(*gate, *pass),
            Condition::AnyGate { gates, pass } => self.any_gate(gates, *pass),
            Condition::Test { source, operator } => return self.test(condition, source, operator),
            Condition::Unsupported(_) => Check::Unsupported,
        };
        self.trace
            .condition(condition, ValueRef::Missing, check, self.depth);
        check
    }

    fn gate(&mut self, gate: GateRef, pass: bool) -> Check {
        let verdict = self.nested_gate(gate);
        match verdict.reason {
            Reason::Unsupported => Check::Unsupported,
            Reason::Error => Check::TooDeep,
            _ => Check::from(verdict.value == pass),
        }
    }

    fn any_gate(&mut self, gates: &[GateRef], pass: bool) -> Check {
        for gate in gates {
            match self.gate(*gate, pass) {
                Check::False => {}
                decided => return decided,
            }
        }
        Check::False
    }

    fn test(
        &mut self,
        condition: &'a Condition,
        source: &'a ValueSource,
        operator: &'a Operator,
    ) -> Check {
        let value = match source {
            ValueSource::Field(field) => self.field(field),
            ValueSource::Ip(field) => self.ip_field(field),
            ValueSource::UserAgent(field, derived) => self.user_agent_field(field, *derived),
            ValueSource::Environment(field) => self.environment(field),
            ValueSource::CurrentTime => ValueRef::Int((self.world.now_ms)()),
            ValueSource::UserBucket(bucket) => {
                let hash = self.user_hash(bucket, self.unit_id(&bucket.id_type));
                ValueRef::UInt(hash % bucket::USER_BUCKETS)
            }
            ValueSource::UnitId(id_type) => {
                self.unit(id_type).map_or(ValueRef::Missing, ValueRef::Text)
            }
            ValueSource::TargetApp => self.world.app_id.map_or(ValueRef::Missing, ValueRef::Text),
            ValueSource::ExperimentGroup(slot) => {
                let verdict = self.experiment(*slot);
                if verdict.reason == Reason::Error {
                    return Check::TooDeep;
                }
                self.group_name(verdict.origin)
            }
        };
        let check = match operator {
            Operator::InList { list, negate } => {
                Check::from(self.in_list(list.as_deref(), value) != *negate)
            }
            _ => Check::from(operator::matches(operator, value)),
        };
        self.trace.condition(condition, value, check, self.depth);
        check
    }

    /// The hash of a `user_bucket` condition. The groups of an experiment ask for the same one, one
    /// after the other.
    fn user_hash(&mut self, bucket: &'a UserBucket, unit_id: &'a str) -> u64 {
        if let Some((last, hash)) = self.last_hash
            && std::ptr::eq(last, bucket)
        {
            return hash;
        }
        let hash = bucket.salt.hash(unit_id);
        self.last_hash = Some((bucket, hash));
        hash
    }

    /// The user's value of `field`: named field, custom, global custom, private. Blank named
    /// fields and nulls are passed over; blank custom values are values.
    fn field(&mut self, field: &'a Field) -> ValueRef<'a> {
        let seat = usize::from(field.seat) % FIELD_SEATS;
        if let Some(Some((known, value))) = self.fields.get(seat)
            && std::ptr::eq(*known, field)
        {
            return *value;
        }
        let value = self.named_field(field.top, &field.exact, field.lower.as_deref());
        if let Some(seat) = self.fields.get_mut(seat) {
            *seat = Some((field, value));
        }
        value
    }

    fn named_field(&self, top: Option<TopLevel>, exact: &str, lower: Option<&str>) -> ValueRef<'a> {
        match logged_field(&self.world, top, exact, lower) {
            ValueRef::Missing => first_given(exact, lower, |name| {
                self.world.user.entry(Group::Private, name)
            }),
            value => value,
        }
    }

    fn ip_field(&mut self, field: &'a Field) -> ValueRef<'a> {
        let value = self.field(field);
        if !value.is_blank() || &*field.exact != "country" {
            return value;
        }
        let ValueRef::Text(ip) = self.named_field(Some(TopLevel::Ip), "ip", None) else {
            return ValueRef::Missing;
        };
        self.country_of(ip)
    }

    #[cfg(feature = "country")]
    fn country_of(&mut self, ip: &str) -> ValueRef<'a> {
        if !self.world.country_enabled {
            self.notes.country_not_loaded = true;
            return ValueRef::Missing;
        }
        crate::derive::country::country_of_ip(ip).map_or(ValueRef::Missing, ValueRef::Text)
    }

    #[cfg(not(feature = "country"))]
    fn country_of(&mut self, _ip: &str) -> ValueRef<'a> {
        self.notes.country_not_loaded = true;
        ValueRef::Missing
    }

    fn user_agent_field(
        &mut self,
        field: &'a Field,
        derived: Option<UserAgentField>,
    ) -> ValueRef<'a> {
        let value = self.field(field);
        let Some(wanted) = derived.filter(|_| value == ValueRef::Missing) else {
            return value;
        };
        match self.named_field(Some(TopLevel::UserAgent), "userAgent", Some("useragent")) {
            ValueRef::Text(text) => self.read_user_agent(text, wanted),
            _ => ValueRef::Missing,
        }
    }

    #[cfg(feature = "ua")]
    fn read_user_agent(&mut self, text: &str, wanted: UserAgentField) -> ValueRef<'a> {
        if !self.world.user_agent_enabled {
            self.notes.user_agent_not_loaded = true;
            return ValueRef::Missing;
        }
        let Some(agent) = self.world.user.user_agent(text) else {
            return ValueRef::Missing;
        };
        match wanted {
            UserAgentField::OsName => ValueRef::Text(&agent.os_name),
            UserAgentField::BrowserName => ValueRef::Text(&agent.browser_name),
            UserAgentField::OsVersion => optional(agent.os_version.as_deref()),
            UserAgentField::BrowserVersion => optional(agent.browser_version.as_deref()),
        }
    }

    #[cfg(not(feature = "ua"))]
    fn read_user_agent(&mut self, _text: &str, _wanted: UserAgentField) -> ValueRef<'a> {
        self.notes.user_agent_not_loaded = true;
        ValueRef::Missing
    }

    /// The options' environment replaces the user's, which beats the specs' default.
    fn environment(&self, field: &Field) -> ValueRef<'a> {
        let (exact, lower) = (&*field.exact, field.lower.as_deref());
        let in_map = |map: &'a serde_json::Map<String, Value>| {
            first_given(exact, lower, |name| {
                map.get(name).map_or(ValueRef::Missing, ValueRef::from)
            })
        };
        let user = self.world.user;
        if let Some(environment) = self.world.environment {
            in_map(environment)
        } else if user.has_environment() {
            first_given(exact, lower, |name| user.entry(Group::Environment, name))
        } else {
            self.world
                .specs
                .default_environment
                .as_ref()
                .map_or(ValueRef::Missing, in_map)
        }
    }

    fn in_list(&self, list: Option<&str>, value: ValueRef<'_>) -> bool {
        let Some(list) = list else { return false };
        match value {
            ValueRef::Missing => false,
            ValueRef::Text(id) => self
                .world
                .id_lists
                .contains(list, self.world.user.unit_hash(id)),
            other => other.to_text().is_some_and(|id| {
                self.world
                    .id_lists
                    .contains(list, crate::spec::id_list::id_hash(&id))
            }),
        }
    }

    /// Evaluates an experiment for its group only: its exposures are not this spec's.
    fn experiment(&mut self, slot: u32) -> Verdict {
        let gathered = self.nested.len();
        let name = self.world.specs.configs.names.name(slot);
        let verdict = self.spec(Namespace::Configs, Some(slot), name);
        self.nested.truncate(gathered);
        verdict
    }

    fn group_name(&self, origin: Origin) -> ValueRef<'a> {
        optional(
            super::result::rule_of(self.world.specs, origin).and_then(|rule| rule.group_name()),
        )
    }
}

fn optional(text: Option<&str>) -> ValueRef<'_> {
    text.map_or(ValueRef::Missing, ValueRef::Text)
}

/// The value of a field outside the private attributes.
fn logged_field<'a>(
    world: &World<'a>,
    top: Option<TopLevel>,
    exact: &str,
    lower: Option<&str>,
) -> ValueRef<'a> {
    let user = world.user;
    if let Some(top) = top {
        let value = user.top_level(top);
        if !value.is_blank() {
            return value;
        }
    }
    match first_given(exact, lower, |name| user.entry(Group::Custom, name)) {
        ValueRef::Missing => first_given(exact, lower, |name| {
            world
                .global_custom_fields
                .get(name)
                .map_or(ValueRef::Missing, ValueRef::from)
        }),
        value => value,
    }
}

/// What `read` has under the exact name, else under the lower-cased one.
fn first_given<'a>(
    exact: &str,
    lower: Option<&str>,
    read: impl Fn(&str) -> ValueRef<'a>,
) -> ValueRef<'a> {
    match (read(exact), lower) {
        (ValueRef::Missing, Some(lower)) => read(lower),
        (value, _) => value,
    }
}

/// Whether a value from `source` comes from the private attributes, itself or what it is derived
/// from.
pub(super) fn is_private(world: &World<'_>, source: &ValueSource) -> bool {
    let (field, derived_from) = match source {
        ValueSource::Field(field) => (field, None),
        ValueSource::Ip(field) => (field, Some((TopLevel::Ip, "ip", None))),
        ValueSource::UserAgent(field, _) => {
            let agent = (TopLevel::UserAgent, "userAgent", Some("useragent"));
            (field, Some(agent))
        }
        _ => return false,
    };
    let lower = field.lower.as_deref();
    if !logged_field(world, field.top, &field.exact, lower).is_blank() {
        return false;
    }
    let given = first_given(&field.exact, lower, |name| {
        world.user.entry(Group::Private, name)
    });
    match derived_from {
        Some((top, exact, lower)) if given.is_blank() => {
            logged_field(world, Some(top), exact, lower) == ValueRef::Missing
        }
        _ => given != ValueRef::Missing,
    }
}
