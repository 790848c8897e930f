"""Where this package means to differ from the legacy one. Whatever else differs is a failure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Callable

from differential import ABSENT, Mismatch


@dataclass(frozen=True)
class Difference:
    """A narrow rule: where, what, and why it is meant to be."""

    name: str
    scenario: str
    path: str
    is_meant: Callable[[Any, Any], bool]
    reason: str

    def explains(self, found: Mismatch) -> bool:
        """Whether it is this difference, and nothing else."""
        return bool(
            re.fullmatch(self.scenario, found.scenario)
            and re.fullmatch(self.path, found.path)
            and self.is_meant(found.legacy, found.ours)
        )


def exactly(legacy: Any, ours: Any) -> Callable[[Any, Any], bool]:
    return lambda one, other: (one, other) == (legacy, ours) and type(one) is type(legacy)


SOURCES = ("Network", "Bootstrap", "DataAdapter", "Uninitialized")
UNSUPPORTED_HASHED = r"(g_unsup|4049778493|ddcueIdl1OW0BfE92CudtWsJtCsk81yFgq7pavDSmGk=)"
MANY_HASHED = r"(g_many|3039881015|zm4O1cIONP2LN\+LZ2sZ6HTPpHrU2ABDcMUpT/5pSU8U=)"

DIFFERENCES = [
    Difference(
        "reason repeats the source",
        ".*",
        r"answers.*\.details\.reason",
        lambda legacy, ours: legacy == "none" and ours in SOURCES,
        "documented is one list of reasons that begins with the sources; `source` and "
        "`detailed_reason()` are the same on both",
    ),
    Difference(
        "who we are",
        ".*",
        r"answers\[\d+\]\.(generator|sdkInfo\.sdkType)",
        lambda legacy, ours: ours == "tidegate-python",
        "an SDK names itself",
    ),
    Difference(
        "which release",
        ".*",
        r"answers\[\d+\]\.sdkInfo\.sdkVersion",
        lambda legacy, ours: legacy == "0.72.1",
        "an SDK names its own release",
    ),
    Difference(
        "batch id",
        ".*",
        r"envelopes\[0\]\.body\.statsigMetadata\.batchID",
        exactly(ABSENT, "str"),
        "lets a server tell a batch that was delivered again",
    ),
    Difference(
        "options of the core: times",
        ".*",
        r"diagnostics\[\d+\]\.metadata\.statsigOptions\.(rulesets|idlists)_sync_interval",
        lambda legacy, ours: isinstance(legacy, int) and legacy == ours,
        "the core keeps seconds as fractions; the number is the same",
    ),
    Difference(
        "options of the core: wrapper",
        ".*",
        r"diagnostics\[\d+\]\.metadata\.statsigOptions\.(wrapper|events_in_flush_callback)",
        lambda legacy, ours: legacy == ABSENT,
        "options that the legacy package does not have",
    ),
    Difference(
        "options of the core: custom fields",
        "custom_fields",
        r"diagnostics\[0\]\.metadata\.statsigOptions\.global_custom_fields",
        exactly({"plan": "pro"}, "SET"),
        "what an application puts there may be personal, and is not telemetry",
    ),
    Difference(
        "options of the core: environment",
        "environment",
        r"diagnostics\[0\]\.metadata\.statsigOptions\.environment\.(tier|foo)",
        lambda legacy, ours: (legacy, ours) in (("staging", "development"), ("bar", ABSENT)),
        "the copy is of the options at initialize; the legacy one changes afterwards",
    ),
    Difference(
        "version of a nested gate",
        "nested_gates",
        r"events\[[01]\]\.metadata\.configVersion",
        exactly("7", ABSENT),
        "the legacy package takes it from the nested gate",
    ),
    Difference(
        "a value that cannot be coerced",
        "coercion",
        r"(answers\[1\]\.(rule_id|id_type|details\.(reason|detailed))"
        r"|events\[0\]\.metadata\.(ruleID|reason))",
        lambda legacy, ours: (
            (legacy, ours)
            in (
                ("error", "default"),
                ("", "userID"),
                ("error", "Network"),
                ("Network:error", "Network"),
            )
        ),
        "that condition is false, not the whole gate an error",
    ),
    Difference(
        "a gate with an unknown condition",
        "everything|init_responses|the_facade",
        rf"answers\[\d+\]\.feature_gates\.{UNSUPPORTED_HASHED}",
        lambda legacy, ours: legacy == ABSENT and ours["value"] is False and ours["rule_id"] == "",
        "the gate exists; the legacy package drops it while loading",
    ),
    Difference(
        "overrides of nested gates in a response",
        "init_responses",
        rf"answers\[\d+\]\.feature_gates\.{MANY_HASHED}\."
        r"(value|rule_id|secondary_exposures\[2\]\.(gateValue|ruleID))",
        lambda legacy, ours: (
            (legacy, ours)
            in (
                (False, True),
                ("default", "r_many"),
                ("true", "false"),
                ("override", "disabled"),
            )
        ),
        "overrides are in a response only if asked for; the legacy package always applies those "
        "of nested gates",
    ),
    Difference(
        "true is no number",
        "typed",
        r"answers\[2\]\[3\]",
        exactly(7, True),
        "get_typed with a default of True for a number: a number would not be of its type",
    ),
    Difference(
        "override of a custom id",
        "override_of_a_custom_id_alone",
        r"(answers\[1\]|events\[0\]\.metadata\.gateValue)",
        lambda legacy, ours: (legacy, ours) in ((False, True), ("false", "true")),
        "of a user without a user id the legacy package takes the override for everybody",
    ),
    Difference(
        "a value of true",
        "events",
        r"events\[6\]\.value",
        exactly(True, 1),
        "a value is text or a number",
    ),
    Difference(
        "why a key is refused",
        "bad_keys",
        r"answers\[[0246]\]\.error",
        exactly(False, True),
        "the details of initialize say it; the legacy package leaves the error empty",
    ),
    Difference(
        "a callback that raises",
        "failing_evaluation_callback",
        r"answers\[[12]\]",
        lambda legacy, ours: (legacy, ours) in ((False, True), (None, 7)),
        "what a callback does is reported, and changes no result",
    ),
]
