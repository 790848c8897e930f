//! Watching an evaluation, for those who want to know why. [`NoTrace`] compiles to nothing.

use super::condition::Check;
use super::overrides::Overridden;
use super::{Namespace, Verdict};
use crate::spec::{Condition, Rule, Salt, Spec};
use crate::user::ValueRef;

/// Told of each step of an evaluation, in order.
#[expect(private_interfaces, reason = "implemented inside the crate only")]
pub trait Trace {
    /// Whether steps that cost something to describe should be described.
    const ON: bool;

    /// A local override answered.
    fn overridden(&mut self, _name: &str, _value: &Overridden) {}
    /// A rule of a config mapping was tried.
    fn mapping(&mut self, _name: &str, _target: &str, _rule: &Rule, _passes: bool) {}
    /// There is no such spec.
    fn unrecognized(&mut self, _namespace: Namespace, _name: &str) {}
    /// The rules of a spec are looked at.
    fn enter(&mut self, _namespace: Namespace, _spec: &Spec, _depth: u32) {}
    /// A rule is looked at.
    fn rule(&mut self, _spec: &Spec, _rule: &Rule, _depth: u32) {}
    /// A condition was evaluated; after the nested gates it caused.
    fn condition(
        &mut self,
        _condition: &Condition,
        _value: ValueRef<'_>,
        _check: Check,
        _depth: u32,
    ) {
    }
    /// The roll of a matching rule.
    fn roll(&mut self, _rule: &Rule, _salt: &Salt, _bucket: u64, _passed: bool, _depth: u32) {}
    /// A spec is decided.
    fn leave(&mut self, _namespace: Namespace, _spec: &Spec, _verdict: &Verdict, _depth: u32) {}
}

/// Watches nothing, for free.
pub struct NoTrace;

impl Trace for NoTrace {
    const ON: bool = false;
}
