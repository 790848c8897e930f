//! Gates inside other specs: evaluated, remembered, exposed.

use super::trace::Trace;
use super::{Evaluator, MAX_DEPTH, Namespace, NestedGate, Reason, Verdict, result};
use crate::spec::FastMap;
use crate::spec::condition::GateRef;

/// Nested gates evaluated after which results are remembered, so that gates that share
/// dependencies many levels deep cost linear time.
const MEMO_AFTER: u32 = 16;

/// What a nested gate came to, and the exposures it leaves (without its own): a piece of
/// [`Memo::nested`].
#[derive(Debug, Clone, Copy)]
struct Remembered {
    verdict: Verdict,
    start: usize,
    end: usize,
    /// Levels below the one it was evaluated at.
    height: u32,
}

/// Results of nested gates by their slots.
#[derive(Debug, Default)]
pub(super) struct Memo {
    gates: FastMap<u32, Remembered>,
    nested: Vec<NestedGate>,
}

impl<T: Trace> Evaluator<'_, '_, T> {
    /// Remembers the results of nested gates from now on, for evaluating much for one user.
    pub(crate) fn remember(&mut self) {
        self.memo.get_or_insert_default();
    }

    /// Starts with the next of many evaluations: what the last one gathered and spent is its own.
    pub(crate) fn start_next(&mut self) {
        self.nested.clear();
        self.rules_visited = 0;
    }

    /// A gate inside another spec: local override, mapping, spec; leaves an exposure.
    pub(super) fn nested_gate(&mut self, gate: GateRef) -> Verdict {
        self.gates_evaluated += 1;
        if self.gates_evaluated > MEMO_AFTER {
            self.remember();
        }
        let verdict = match self.memo {
            None => self.gate_or_override(gate.slot),
            Some(_) => self.remembered_gate(gate.slot),
        };
        if !verdict.is_fatal() && !gate.is_segment {
            self.expose_nested(gate.slot, &verdict);
        }
        verdict
    }

    /// Like [`Self::gate_or_override`], evaluated once and remembered. Says the same as evaluating
    /// it again: what is too deep from here ends in an error, however it was met before.
    pub(crate) fn remembered_gate(&mut self, slot: u32) -> Verdict {
        let known = self.memo.as_ref().and_then(|memo| memo.gates.get(&slot));
        let remembered = match known.copied() {
            Some(known) => known,
            None => self.evaluate_to_remember(slot),
        };
        if self.depth + remembered.height > MAX_DEPTH {
            return Verdict::nothing(Reason::Error);
        }
        self.deepest = self.deepest.max(self.depth + remembered.height);
        for index in remembered.start..remembered.end {
            let memo = self.memo.as_ref();
            if let Some(exposure) = memo.and_then(|memo| memo.nested.get(index)) {
                self.add_nested(*exposure);
            }
        }
        remembered.verdict
    }

    fn evaluate_to_remember(&mut self, slot: u32) -> Remembered {
        let outer = std::mem::take(&mut self.nested);
        let deepest = std::mem::replace(&mut self.deepest, self.depth);
        let verdict = self.gate_or_override(slot);
        let height = self.deepest - self.depth;
        self.deepest = deepest;
        let nested = std::mem::replace(&mut self.nested, outer);
        let memo = self.memo.get_or_insert_default();
        let start = memo.nested.len();
        // Too deep from here may be in reach from a place that is less deep.
        let is_known = verdict.reason != Reason::Error;
        if is_known {
            memo.nested.extend_from_slice(&nested);
        }
        let remembered = Remembered {
            verdict,
            start,
            end: memo.nested.len(),
            height,
        };
        if is_known {
            memo.gates.insert(slot, remembered);
        }
        remembered
    }

    fn gate_or_override(&mut self, slot: u32) -> Verdict {
        let name = self.world.specs.gates.names.name(slot);
        let overridden = match self.world.overrides {
            Some(overrides) if !overrides.is_empty() => {
                overrides.lookup(Namespace::Gates, name, self.world.user)
            }
            _ => None,
        };
        let Some(overridden) = overridden else {
            return self.spec(Namespace::Gates, Some(slot), name);
        };
        self.trace.overridden(name, &overridden);
        Verdict::overridden(overridden.as_bool())
    }

    /// Each exposure counts once; the first one gives the place.
    fn add_nested(&mut self, exposure: NestedGate) {
        if !self.nested.contains(&exposure) {
            self.nested.push(exposure);
        }
    }

    fn expose_nested(&mut self, gate: u32, verdict: &Verdict) {
        let specs = self.world.specs;
        let exposure = NestedGate {
            gate,
            value: verdict.value,
            origin: verdict.origin,
        };
        self.add_nested(exposure);
        if self.notes.seen_analytical_gates {
            return;
        }
        let rate = result::rule_of(specs, verdict.origin).and_then(|rule| rule.sampling_rate);
        if rate.is_none() && !result::rule_id(specs, verdict.origin).is_empty() {
            self.notes.seen_analytical_gates = true;
        }
    }
}
