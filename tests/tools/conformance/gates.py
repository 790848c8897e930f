"""Gates: rules and their order, nested gates and the exposures they leave."""

from itertools import product

from conformance.lookups import unit
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


SUITES = [
    _rows("nested_gate", "Nested gates, segments, holdouts and exposures.", NESTED),
    _rows("gate_rule", "Rules, their order and what a result reports.", RULES),
    _values(),
    _coercion(),
]
