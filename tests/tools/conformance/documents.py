"""Documents at their edges: names, letter case, apps, and parts that are missing or bad."""

from conformance.derived import agent, country
from conformance.gates import EXPERIMENT, HELPERS, UNSUPPORTED, F, T, multi
from conformance.lookups import tier, unit
from conformance.model import (
    NOBODY,
    PUBLIC,
    Ruleset,
    Suite,
    bucket,
    case,
    condition,
    details,
    fail_gate,
    gate,
    pass_gate,
    result,
    rule,
    unrecognized,
    user_field,
)

# fmt: off
# Types and operators in any letter case, about u1 with an array, a version, an agent.
ANY_CASE_USER = {
    "userID": "u1", "email": "Ann@x.com", "appVersion": "1.2.3", "country": "NZ",
    "userAgent": "zzz", "statsigEnvironment": {"tier": "dev"},
    "custom": {"n": 5, "a": ["x"], "t": 1600000000},
}
ANY_CASE = [
    ("ci01", condition("Public"), T),
    ("ci02", condition("Pass_Gate", None, "pub"), T),
    ("ci03", condition("FAIL_GATE", None, "pub"), F),
    ("ci04", condition("USER_FIELD", "Any", ["u1"], "userID"), T),
    ("ci05", unit("ANY", ["u1"]) | {"type": "Unit_ID"}, T),
    ("ci06", tier("NONE", "dev") | {"type": "ENVIRONMENT_FIELD"}, F),
    ("ci07", country("Any", ["NZ"]) | {"type": "IP_Based"}, T),
    ("ci08", agent("os_name", "Any", ["Other"]) | {"type": "UA_BASED"}, T),
    ("ci09", condition("CURRENT_TIME", "AFTER", 1600000000000), T),
    ("ci10", bucket("LT", 1000) | {"type": "User_Bucket"}, T),
    ("ci11", multi("pass", "pub") | {"type": "MULTI_PASS_GATE"}, T),
    ("ci12", multi("fail", "priv") | {"type": "Multi_Fail_Gate"}, T),
    ("ci13", user_field("n", "GT", 4), T),
    ("ci14", user_field("n", "Lte", 4), F),
    ("ci15", user_field("appVersion", "VERSION_GTE", "1.2"), T),
    ("ci16", user_field("email", "Str_Ends_With_Any", ["@X.com"]), T),
    ("ci17", user_field("email", "STR_CONTAINS_NONE", ["@"]), F),
    ("ci18", user_field("email", "STR_MATCHES", "^Ann"), T),
    ("ci19", user_field("n", "EQ", 5), T),
    ("ci20", user_field("n", "Neq", 5), F),
    ("ci21", user_field("t", "BEFORE", 1700000000000), T),
    ("ci22", user_field("a", "Array_Contains_Any", ["x"]), T),
    ("ci23", user_field("email", "ANY_CASE_SENSITIVE", ["ann@x.com"]), F),
    ("ci24", user_field("email", "NOT_IN_SEGMENT_LIST", "nolist"), T),
]

TARGET_APP = [
    ("ta01_any", condition("target_app", "any", ["app_a"]), T, F),
    ("ta01_eq", condition("target_app", "eq", "app_a"), T, F),
    ("ta02", condition("target_app", "any", ["app_b"]), F, F),
    ("ta03", condition("target_app", "none", ["app_a"]), F, T),
    ("ta04", condition("target_app", "none", ["app_b"]), T, T),
]
# fmt: on


def _any_case() -> Suite:
    gates, cases = list(HELPERS), []
    for row, test, passes in ANY_CASE:
        gates.append(gate(row, rule("r1", test)))
        expect = {"value": passes, "rule_id": "r1" if passes else "default"}
        expect["details"] = details()
        cases.append(case(row, row, expect, ANY_CASE_USER))
    about = "Condition types and operators in any letter case."
    return Suite("letter_case", about, cases, Ruleset(gates))


def _target_app(name: str, about: str, column: int, prefix: str, extra: dict) -> Suite:
    gates, cases = [], []
    for row in TARGET_APP:
        gates.append(gate(row[0], rule("r1", row[1])))
        passes = row[column]
        expect = result(passes, "r1" if passes else "default")
        cases.append(case(prefix + row[0], row[0], expect))
    return Suite(name, about, cases, Ruleset(gates, extra=extra))


def _names() -> Suite:
    gates = [gate("a_gate", rule("r1", PUBLIC))]
    cases = [
        case("st09_unknown", "nope", unrecognized(F)),
        case("st09_case", "A_GATE", unrecognized(F)),
        case("st09_space", "a_gate ", unrecognized(F)),
        case("st09_kind", "exp", unrecognized(F)),
        case("st09_empty", "", {"value": F, "passed": F, "rule_id": ""}),
    ]
    return Suite("gate_name", "Names of gates.", cases, Ruleset(gates, [EXPERIMENT]))


def _missing_condition() -> Suite:
    """Only v2 can name a condition that the document lacks."""
    gates = [
        gate("mc01", rule("r1", "999999")),
        gate("mc02", rule("r1", PUBLIC), rule("r2", "999999")),
        gate("mc03", rule("r1", NOBODY), rule("r2", PUBLIC, "999999")),
        gate("mc04", rule("r1", pass_gate("mc01"))),
    ]
    cases = [
        case(name, name, result(T, "r1") if name == "mc02" else UNSUPPORTED)
        for name in ("mc01", "mc02", "mc03", "mc04")
    ]
    about = "A rule whose condition is not in the condition map is unsupported."
    return Suite("missing_condition", about, cases, Ruleset(gates), formats=("v2",))


def _malformed() -> Suite:
    """A bad entry is left out by itself; its neighbors stay."""
    good = gate("good", rule("r1", PUBLIC))
    gates = [
        good,
        {**good, "name": "rules_text", "rules": "none"},
        {**good, "name": "rule_number", "rules": [5]},
        gate("conditions_text", {**rule("r1"), "conditions": "none"}),
        gate("neighbor", rule("r1", fail_gate("rules_text"))),
        gate("last", rule("r1", pass_gate("good"))),
    ]
    cases = [
        case("bad_good", "good", result(T, "r1")),
        case("bad_neighbor", "neighbor", result(T, "r1", "rules_text:false:")),
        case("bad_last", "last", result(T, "r1", "good:true:r1")),
    ]
    for name in ("rules_text", "rule_number", "conditions_text"):
        cases.append(case(f"bad_{name}", name, unrecognized(F)))
    extra = {"zzz_new": {"a": [1]}, "sdk_flags": {"zzz_new": True}}
    about = "Entries that are no specs, and members nobody knows."
    return Suite("malformed", about, cases, Ruleset(gates, extra=extra))


SUITES = [
    _any_case(),
    _target_app("target_app", "The document has an app.", 2, "", {"app_id": "app_a"}),
    _target_app("no_target_app", "The document has no app.", 3, "no_", {}),
    _names(),
    _missing_condition(),
    _malformed(),
]
