//! Config mapping: another spec that answers in place of the one asked for.

use super::condition::Check;
use super::trace::Trace;
use super::{Evaluator, Namespace, Reason, Verdict, below};
use crate::spec::{Rule, Share};

impl<T: Trace> Evaluator<'_, '_, T> {
    /// The result of the first mapping whose rule the user passes and whose target is known.
    #[cold]
    pub(super) fn mapped(
        &mut self,
        namespace: Namespace,
        slot: Option<u32>,
        name: &str,
    ) -> Option<Verdict> {
        let specs = self.world.specs;
        let table = namespace.table(specs);
        let mappings = specs.mappings.get(name)?;
        // The roll uses the salt of the spec that was asked for, even though another one answers.
        let salt = slot
            .and_then(|slot| table.spec(slot))
            .map_or("", |spec| &spec.salt);
        let gathered = self.nested.len();
        for mapping in mappings {
            let target = specs.mapping_targets.get(mapping.target as usize)?;
            for (rule, start_ms) in &mapping.rules {
                if *start_ms > 0 && *start_ms > (self.world.now_ms)() {
                    continue;
                }
                let Some(rule) = specs.mapping_rules.get(*rule as usize) else {
                    continue;
                };
                let check = self.conditions(rule);
                self.nested.truncate(gathered);
                if check == Check::TooDeep {
                    return Some(Verdict::nothing(Reason::Error));
                }
                let passes = check == Check::True && self.roll_salted(rule, salt);
                self.trace.mapping(name, target, rule, passes);
                if !passes {
                    continue;
                }
                let mut verdict = self.spec(namespace, table.slot_of(target), target);
                if matches!(verdict.reason, Reason::None | Reason::LocalOverride) {
                    verdict.mapping = verdict.mapping.or(Some(mapping.target));
                    return Some(verdict);
                }
                if verdict.reason == Reason::Error {
                    return Some(verdict);
                }
                self.nested.truncate(gathered);
            }
        }
        None
    }

    fn roll_salted(&self, rule: &Rule, spec_salt: &str) -> bool {
        match &rule.share {
            Share::All => true,
            Share::Nobody => false,
            Share::Below(portion) => {
                let hash = rule.salt(spec_salt).hash(self.unit_id(&rule.id_type));
                below(hash, portion.bound)
            }
        }
    }
}
