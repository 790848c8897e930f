"""Gates: rules and their order, nested gates and the exposures they leave."""

from itertools import product

from conformance.lookups import agent, country, tier, unit
from conformance.model import (
    DROP,
    FUTURE,
    NOBODY,
    PUBLIC,
    TIME,
    By,
    Ruleset,
    Suite,
    bucket,
    case,
    condition,
    details,
    experiment,
    fail_gate,
    gate,
    group,
    pass_gate,
    result,
    rule,
    unrecognized,
    user_field,
    user_is,
    without_rule,
)

T, F = True, False


def multi(kind: str, *names) -> dict:
    return condition(f"multi_{kind}_gate", None, list(names))


# Gates that others nest.
HELPERS = [
    gate("pub", rule("pubrule", PUBLIC)),
    gate("priv", rule("privrule", NOBODY)),
    gate("dis", rule("r1", PUBLIC), enabled=False),
    gate("p_pub", rule("r1", pass_gate("pub"))),
    gate("roll", rule("rollrule", PUBLIC, percent=0)),
    gate("unknown_op", rule("r1", user_field("f", "bogus_op", ["a"]))),
    gate("versioned", rule("r1", PUBLIC, groupName="inner"), version=7),
    gate("segment:s", rule("seg", user_is("u1")), entity="segment"),
    gate("segment:s2", rule("seg2", pass_gate("pub")), entity="segment"),
    gate("segment:s3", rule("seg3", pass_gate("segment:s2")), entity="segment"),
    gate("hold", rule("hrule", PUBLIC, percent=0), entity="holdout"),
    # The same holdout as the server words it in each of the formats.
    gate(
        "hold_wire",
        rule("hrule", PUBLIC, percent=By(0, 100), value=By(T, F)),
        entity="holdout",
    ),
]
EXPERIMENT = experiment(
    "exp",
    {"x": 0},
    group("control", "Control", user_is("u1"), value={"x": 1}),
    group("test", "Test", user_is("u2"), value={"x": 2}),
)

PUB = "pub:true:pubrule"
P_PUB = "p_pub:true:r1"
PRIV = "priv:false:default"
ROLL = "roll:false:rollrule"
NOPE = "nope:false:"
DIS = By("dis:false:disabled", "dis:true:r1")
UNSUPPORTED = without_rule(F, "Unsupported")

# fmt: off
# id, rules, what the gate gives the user u1
NESTED = [
    ("ng01", [rule("r1", pass_gate("pub"))], result(T, "r1", PUB)),
    ("ng02", [rule("r1", fail_gate("priv"))], result(T, "r1", PRIV)),
    ("ng03", [rule("r1", pass_gate("p_pub"))], result(T, "r1", PUB, P_PUB)),
    ("ng04", [rule("r1", pass_gate("dis"))], result(By(F, T), By("default", "r1"), DIS)),
    ("ng05", [rule("r1", pass_gate("nope"))], result(F, "default", NOPE)),
    ("ng06", [rule("r1", fail_gate("nope"))], result(T, "r1", NOPE)),
    ("ng07", [rule("r1", fail_gate(None))], result(T, "r1")),
    ("ng08", [rule("a", pass_gate("priv"), pass_gate("pub")),
              rule("b", pass_gate("pub")), rule("c", pass_gate("dis"))],
     result(T, "b", PRIV, PUB)),
    ("ng09", [rule("r1", pass_gate("pub"), fail_gate("nope"))], result(T, "r1", PUB, NOPE)),
    ("ng10", [rule("r1", pass_gate("segment:s"))], result(T, "r1")),
    ("ng11", [rule("r1", pass_gate("segment:s2"))], result(T, "r1", PUB)),
    ("ng12", [rule("r1", pass_gate("hold")), rule("r2", PUBLIC)],
     result(T, "r2", "hold:false:hrule")),
    ("ng20", [rule("r1", fail_gate("pub"))], result(F, "default", PUB)),
    ("ng21", [rule("r1", pass_gate("priv"))], result(F, "default", PRIV)),
    ("ng22", [rule("r1", fail_gate("dis"))], result(By(T, F), By("r1", "default"), DIS)),
    ("ng23", [rule("r1", pass_gate("roll"))], result(F, "default", ROLL)),
    ("ng24", [rule("r1", fail_gate("roll"))], result(T, "r1", ROLL)),
    ("ng25", [rule("r1", pass_gate("ng24"))], result(T, "r1", ROLL, "ng24:true:r1")),
    ("ng26", [rule("r1", pass_gate("ng03"))], result(T, "r1", PUB, P_PUB, "ng03:true:r1")),
    ("ng27", [rule("r1", pass_gate("p_pub"), pass_gate("pub"), pass_gate("p_pub"))],
     result(T, "r1", PUB, P_PUB)),
    ("ng28", [rule("r1", pass_gate("pub"), pass_gate("p_pub"), pass_gate("priv")),
              rule("r2", PUBLIC)], result(T, "r2", PUB, P_PUB, PRIV)),
    ("ng29", [rule("r1", PUBLIC), rule("r2", pass_gate("pub"))], result(T, "r1")),
    ("ng30", [rule("r1", NOBODY, pass_gate("pub"))], result(F, "default", PUB)),
    ("ng31", [rule("r1", pass_gate("pub"), percent=0), rule("r2", pass_gate("priv"))],
     result(F, "r1", PUB)),
    ("ng32", [rule("r1", fail_gate("segment:s"))], result(F, "default")),
    ("ng33", [rule("r1", pass_gate("segment:s3"))], result(T, "r1", PUB)),
    ("ng34", [rule("r1", pass_gate("segment:none"))], result(F, "default")),
    ("ng35", [rule("r1", fail_gate("segment:none"))], result(T, "r1")),
    ("ng36", [rule("r1", pass_gate("segment:s2"), pass_gate("pub"))], result(T, "r1", PUB)),
    ("ng37", [rule("r1", pass_gate("hold_wire")), rule("r2", PUBLIC)],
     result(T, "r2", "hold_wire:false:hrule")),
    ("ng38", [rule("r1", fail_gate("hold_wire"))], result(T, "r1", "hold_wire:false:hrule")),
    ("ng39", [rule("r1", pass_gate(None))], result(F, "default")),
    ("ng40", [rule("r1", pass_gate(""))], result(F, "default")),
    ("ng41", [rule("r1", fail_gate(""))], result(T, "r1")),
    ("ng42", [rule("r1", pass_gate(7))], result(F, "default")),
    ("ng43", [rule("r1", fail_gate(7))], result(T, "r1")),
    ("ng44", [rule("r1", condition("pass_gate", "any", "pub"))], result(T, "r1", PUB)),
    ("ng45", [rule("r1", pass_gate("nope"), pass_gate("nope"))], result(F, "default", NOPE)),
    ("ng46", [rule("r1", pass_gate("exp"))], result(F, "default", "exp:false:")),
    ("ng47", [rule("r1", pass_gate("versioned"))], result(T, "r1", "versioned:true:r1")),
    ("mg01", [rule("r1", multi("pass", "priv", "p_pub", "pub"))],
     result(T, "r1", PRIV, PUB, P_PUB)),
    ("mg02", [rule("r1", multi("fail", "pub", "priv"))], result(T, "r1", PUB, PRIV)),
    ("mg03", [rule("r1", multi("fail", "pub"))], result(F, "default", PUB)),
    ("mg04", [rule("r1", multi("pass"))], result(F, "default")),
    ("mg20", [rule("r1", multi("pass", "priv", "dis", "nope"))],
     result(By(F, T), By("default", "r1"), PRIV, DIS, By(NOPE, DROP))),
    ("mg21", [rule("r1", multi("pass", "pub", "priv"))], result(T, "r1", PUB)),
    ("mg22", [rule("r1", multi("fail", "priv", "pub"))], result(T, "r1", PRIV)),
    ("mg23", [rule("r1", multi("fail"))], result(F, "default")),
    ("mg24", [rule("r1", condition("multi_pass_gate"))], result(F, "default")),
    ("mg25", [rule("r1", condition("multi_fail_gate"))], result(F, "default")),
    ("mg26", [rule("r1", multi("pass", "segment:s"))], result(T, "r1")),
    ("mg27", [rule("r1", multi("pass", "segment:s2", "pub"))], result(T, "r1", PUB)),
    ("mg28", [rule("r1", multi("fail", "nope"))], result(T, "r1", NOPE)),
    ("mg29", [rule("r1", multi("fail", "p_pub", "priv"))], result(T, "r1", PUB, P_PUB, PRIV)),
]

BOGUS = user_field("f", "bogus_op", ["a"])
RULES = [
    ("st01", [], result(F, "default")),
    ("st02", [rule("r1")], result(T, "r1")),
    ("st03", [rule("first", PUBLIC, percent=0), rule("second", PUBLIC)], result(F, "first")),
    ("st04", [rule("r1", PUBLIC)], result(By(F, T), By("disabled", "r1")), {"enabled": F}),
    ("st05", [], result(By(F, T), "default"), {"default": T}),
    ("st06", [rule("rvf", PUBLIC, value=F)], result(By(T, F), "rvf")),
    ("st07", [rule("r1", PUBLIC, percent=0)], result(By(F, T), "r1"), {"default": T}),
    ("st08", [rule("ppm", PUBLIC, percent=DROP)], {"value": F, "passed": F}),
    ("st10", [rule("r1", condition("PUBLIC"))], result(T, "r1")),
    ("st11", [rule("r1", user_field("userID", "ANY", ["u1"]))], result(T, "r1")),
    ("st12", [rule("r1", BOGUS)], UNSUPPORTED),
    ("st13", [rule("r1", PUBLIC), rule("r2", BOGUS)], result(T, "r1")),
    ("st14", [rule("r1", user_field("f", None, ["a"]))], UNSUPPORTED),
    ("st15", [rule("r1", pass_gate("unknown_op"))], UNSUPPORTED),
    ("st16", [rule("r1", fail_gate("unknown_op"))], UNSUPPORTED),
    ("eg01", [rule("r1", condition("experiment_group", "any", ["Control"], "exp"))],
     {"value": T, "rule_id": "r1", "details": details()}),
    ("eg02", [rule("r1", condition("experiment_group", "any", ["Test"], "exp"))],
     {"value": F, "rule_id": "default", "details": details()}),
    ("eg03", [rule("r1", condition("experiment_group", "none", ["Control"], "no_exp"))],
     {"value": T, "rule_id": "r1", "details": details()}),
    ("st20", [rule("r1", NOBODY), rule("r2", PUBLIC), rule("r3", PUBLIC)], result(T, "r2")),
    ("st21", [rule("r1", PUBLIC, user_is("u1"))], result(T, "r1")),
    ("st22", [rule("r1", PUBLIC, NOBODY)], result(F, "default")),
    ("st23", [rule("r1", NOBODY), rule("r2")], result(T, "r2")),
    ("st24", [rule("r1", condition("public", "none", ["u1"]))], result(T, "r1")),
    ("st25", [rule("r1", PUBLIC, groupName="everyone")], result(T, "r1", group_name="everyone")),
    ("st26", [rule("r1", PUBLIC, groupName="g", percent=0)], result(F, "r1", group_name="g")),
    ("st27", [rule("r1", NOBODY, groupName="g")], result(F, "default")),
    ("st28", [rule("r1", PUBLIC, groupName=None)], result(T, "r1")),
    ("st29", [rule("r1", PUBLIC, isExperimentGroup=T, groupName="g", percent=0)],
     result(F, "r1", group_name="g", is_experiment_group=T)),
    ("st30", [rule("r1", PUBLIC)], result(T, "r1", version=7), {"version": 7}),
    ("st31", [], result(F, "default", version=7), {"version": 7}),
    ("st32", [rule("r1", PUBLIC)],
     result(By(F, T), By("disabled", "r1"), version=3), {"version": 3, "enabled": F}),
    ("st33", [], result(F, "disabled"), {"enabled": F}),
    ("st34", [rule("r1", PUBLIC)], result(T, "r1", id_type="companyID"), {"idType": "companyID"}),
    ("st35", [], result(F, "default", id_type="stableID"), {"idType": "stableID"}),
    ("st36", [rule("r1", PUBLIC, idType="companyID")], result(T, "r1")),
    ("st37", [rule("r1", PUBLIC, samplingRate=10)], result(T, "r1"), {"forwardAllExposures": T}),
    ("st38", [rule("", PUBLIC)], {"value": T, "details": details()}),
    ("st39", [rule("r1", PUBLIC)],
     result(T, "r1", kind="gate", name="st39",
            details=details() | {"detailed_reason": "Network", "config_sync_time": TIME,
                                 "init_time": TIME})),
    ("st40", [rule("r1", PUBLIC)], result(T, "r1"), {"entity": "segment"}),
    ("st41", [rule("r1", PUBLIC, zzz_new={"a": 1})], result(T, "r1"), {"zzz_new": [1]}),
    ("un01", [rule("r1", NOBODY), rule("r2", FUTURE)], UNSUPPORTED),
    ("un02", [rule("r1", NOBODY, FUTURE), rule("r2", PUBLIC)], UNSUPPORTED),
    ("un03", [rule("r1", FUTURE)], UNSUPPORTED),
    ("un04", [rule("r1", user_field("f", "encoded_any", ["a"]))], UNSUPPORTED),
    ("un05", [rule("r1", user_field("f", DROP, ["a"]))], UNSUPPORTED),
    ("un06", [rule("r1", PUBLIC), rule("r2", pass_gate("unknown_op"))], result(T, "r1")),
    ("un07", [rule("r1", multi("pass", "pub", "unknown_op"))], result(T, "r1", PUB)),
    ("un08", [rule("r1", multi("pass", "priv", "unknown_op"))], UNSUPPORTED),
    ("un09", [rule("r1", pass_gate("st15"))], UNSUPPORTED),
    ("un10", [rule("r1", unit(None, ["u1"]))], UNSUPPORTED),
    ("un11", [rule("r1", condition("environment_field", None, ["a"], "tier"))], UNSUPPORTED),
    ("un12", [rule("r1", bucket(None, 500))], UNSUPPORTED),
    ("un13", [rule("r1", condition("current_time", None, TIME))], UNSUPPORTED),
    ("un14", [rule("r1", FUTURE)], By(result(F, "disabled"), UNSUPPORTED), {"enabled": F}),
    ("un15", [rule("r1", PUBLIC, percent=0), rule("r2", FUTURE)], result(F, "r1")),
    ("un16", [rule("r1", pass_gate("pub"), FUTURE)], UNSUPPORTED),
    ("un17", [rule("r1", condition("PASS_GATES", None, "pub"))], UNSUPPORTED),
]

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


def _rows(name: str, about: str, rows: list) -> Suite:
    gates, cases = list(HELPERS), []
    for row, rules, expect, *more in rows:
        gates.append(gate(row, *rules, **(more[0] if more else {})))
        cases.append(case(row, row, expect))
    return Suite(name, about, cases, Ruleset(gates, [EXPERIMENT]))


def _values() -> Suite:
    """Every combination of what decides a gate's value."""
    gates, cases = [], []
    for on, default, value, how in product(
        (T, F), (T, F), (T, F), ("pass", "roll", "no")
    ):
        words = ["on" if on else "off", f"default_{default}", f"return_{value}", how]
        name = "_".join(words).lower()
        test = NOBODY if how == "no" else PUBLIC
        percent = 0 if how == "roll" else 100
        one = rule("r1", test, value=value, percent=percent)
        gates.append(gate(name, one, default=default, enabled=on))
        unmatched = "default" if on else "disabled"
        v2_rule = unmatched if how == "no" else "r1"
        v1_rule = v2_rule if on else "disabled"
        v1_value = on and how == "pass"
        v2_value = value if how == "pass" else default
        cases.append(
            case(name, name, result(By(v1_value, v2_value), By(v1_rule, v2_rule)))
        )
    return Suite(
        "gate_value",
        "A gate's value: in v1 whether a rule passed, in v2 the rule's or the default.",
        cases,
        Ruleset(gates),
    )


def _coercion() -> Suite:
    """A value that an operator cannot use makes its condition false, no more."""
    number = user_field("f", "gt", 5)
    gates = [
        *HELPERS,
        gate("er01", rule("r1", pass_gate("pub"), number)),
        gate("er02", rule("r1", number), rule("r2", PUBLIC)),
        gate("er03", rule("r1", pass_gate("er02"))),
    ]
    user = {"userID": "u1", "custom": {"f": "abc"}}
    cases = [
        case("er01", "er01", result(F, "default", PUB), user),
        case("er02", "er02", result(T, "r2"), user),
        case("er03", "er03", result(T, "r1", "er02:true:r2"), user),
    ]
    return Suite("coercion", "Values an operator cannot use.", cases, Ruleset(gates))


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


def _depth() -> Suite:
    """Long chains of gates, and gates that lead back to themselves."""
    chain = [gate("c0", rule("r0", PUBLIC))]
    chain += [
        gate(f"c{n}", rule(f"r{n}", pass_gate(f"c{n - 1}"))) for n in range(1, 401)
    ]
    circle = [
        gate("a", rule("r1", pass_gate("b"))),
        gate("b", rule("r1", pass_gate("a"))),
        gate("self", rule("r1", fail_gate("self")), default=T),
        gate("x", rule("r1", pass_gate("y"))),
        gate("y", rule("r1", multi("pass", "z"))),
        gate("z", rule("r1", fail_gate("x"))),
        gate("lazy", rule("r1", PUBLIC), rule("r2", pass_gate("lazy"))),
    ]
    configs = [
        experiment("to_circle", {"x": 0}, rule("r1", pass_gate("a"), value={"x": 1}))
    ]
    cases = [
        case(
            f"depth_{n}",
            f"c{n}",
            {"value": T, "rule_id": f"r{n}", "details": details()},
        )
        for n in (0, 1, 50, 100, 250)
    ]
    error = without_rule(F, "error")
    cases.append(case("depth_400", "c400", error, about="Deeper than gates may nest."))
    cases += [
        case(f"ng13_{name}", name, error) for name in ("a", "b", "self", "x", "y")
    ]
    cases += [
        case("ng13_not_reached", "lazy", result(T, "r1")),
        case("ng13_config", "to_circle", without_rule({}, "error"), kind="experiment"),
    ]
    about = "Chains of gates, and circles."
    return Suite("depth", about, cases, Ruleset([*chain, *circle], configs))


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


SUITES = [
    _rows("nested_gate", "Nested gates, segments, holdouts and exposures.", NESTED),
    _rows("gate_rule", "Rules, their order and what a result reports.", RULES),
    _values(),
    _coercion(),
    _any_case(),
    _target_app("target_app", "The document has an app.", 2, "", {"app_id": "app_a"}),
    _target_app("no_target_app", "The document has no app.", 3, "no_", {}),
    _depth(),
    _names(),
    _missing_condition(),
]
