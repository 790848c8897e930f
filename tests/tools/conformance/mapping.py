"""Config mapping: for some users one name stands for another (`overrides`)."""

from conformance.hashing import bucket_of, unit_in
from conformance.model import (
    FUTURE,
    NOBODY,
    PUBLIC,
    TIME,
    By,
    Ruleset,
    Suite,
    case,
    config,
    details,
    experiment,
    fail_gate,
    gate,
    group,
    layer,
    overridden,
    pass_gate,
    result,
    rule,
    unrecognized,
    user_is,
)

T, F = True, False
FAR_FUTURE = 4_102_444_800_000  # 2100-01-01


def to(target: str, *rules: str | dict) -> dict:
    entries = [{"rule_name": one} if isinstance(one, str) else one for one in rules]
    return {"new_config_name": target, "rules": entries}


def start(rule_name: str, time) -> dict:
    return {"rule_name": rule_name, "start_time": time}


RULES = {
    "is_u1": rule("is_u1", user_is("u1")),
    "everyone": rule("everyone", PUBLIC),
    "no_conditions": rule("no_conditions"),
    "never": rule("never", NOBODY),
    "no_roll": rule("no_roll", PUBLIC, percent=0),
    "half": rule("half", PUBLIC, percent=50, salt="orsalt"),
    "is_future": rule("is_future", FUTURE),
    "if_pub": rule("if_pub", pass_gate("pub")),
    "unless_pub": rule("unless_pub", fail_gate("pub")),
    "returns_false": rule("returns_false", PUBLIC, value=F),
    "company": rule("company", PUBLIC, percent=50, salt="orsalt", idType="companyID"),
}
OVERRIDES = {
    "cm_a": [to("cm_b", "is_u1")],
    "cm_unknown": [to("pub", "everyone")],
    "to_unknown": [to("nowhere", "everyone")],
    "to_later": [to("cm_b", start("everyone", FAR_FUTURE))],
    "to_past": [to("cm_b", start("everyone", TIME))],
    "start_zero": [to("cm_b", start("everyone", 0))],
    "start_null": [to("cm_b", start("everyone", None))],
    "cm_percent": [to("cm_b", "half")],
    "cm_company": [to("cm_b", "company")],
    "unknown_percent": [to("pub", "half")],
    "no_rules": [to("cm_b")],
    "no_mapping": [],
    "missing_rule": [to("cm_b", "no_such_rule")],
    "second_rule": [to("cm_b", "never", "no_such_rule", "everyone")],
    "second_mapping": [to("cm_b", "never"), to("versioned", "everyone")],
    "first_wins": [to("versioned", "everyone"), to("cm_b", "everyone")],
    "after_unknown": [to("nowhere", "everyone"), to("cm_b", "everyone")],
    "after_future": [to("cm_b", "is_future"), to("versioned", "everyone")],
    "future_only": [to("cm_b", "is_future")],
    "to_future": [to("future", "everyone")],
    "to_late_future": [to("late_future", "everyone")],
    "zero_roll": [to("cm_b", "no_roll")],
    "bare": [to("cm_b", "no_conditions")],
    "by_gate": [to("grouped", "if_pub")],
    "by_failed_gate": [to("cm_b", "unless_pub")],
    "rule_value": [to("grouped", "returns_false")],
    "to_off": [to("off", "everyone")],
    "to_nesting": [to("nesting", "everyone")],
    "chain": [to("cm_a", "everyone")],
    "cm_config": [to("config_b", "is_u1")],
    "cm_experiment": [to("exp_b", "is_u1")],
    "cm_layer": [to("layer_b", "is_u1")],
    "config_to_gate": [to("cm_b", "everyone")],
    "layer_allocated": [to("layer_c", "everyone")],
}
# What stays itself: a gate that passes by a rule "orig".
GATES = [
    *(
        gate(name, rule("orig", PUBLIC), version=1)
        for name in OVERRIDES
        if name not in ("cm_unknown", "unknown_percent", "cm_percent", "cm_company")
        and not name.startswith(
            ("cm_config", "cm_exp", "cm_layer", "config_", "layer_")
        )
    ),
    gate("cm_percent", rule("orig", PUBLIC), salt="cmpct_salt", version=1),
    gate("cm_company", rule("orig", PUBLIC), salt="cmpct_salt", version=1),
    gate("pub", rule("pubrule", PUBLIC)),
    gate("cm_b", rule("b", NOBODY)),
    gate("versioned", rule("v", PUBLIC), version=2),
    gate("grouped", rule("g", PUBLIC, groupName="G"), idType="companyID"),
    gate("future", rule("r1", FUTURE)),
    gate("late_future", rule("r1", pass_gate("pub"), FUTURE)),
    gate("off", rule("r1", PUBLIC), enabled=F, version=5),
    gate("nesting", rule("r1", pass_gate("pub"))),
    gate("outer", rule("r1", pass_gate("cm_a"))),
    gate("outer_twice", rule("r1", pass_gate("pub"), fail_gate("cm_a"))),
    gate("outer_by_gate", rule("r1", pass_gate("nesting"), pass_gate("by_gate"))),
]
A, B = {"v": "a"}, {"v": "b"}
CONFIGS = [
    config("cm_config", {}, rule("orig", PUBLIC, value=A)),
    config("config_b", B, rule("b", NOBODY), version=3),
    config("config_to_gate", {}, rule("orig", PUBLIC, value=A)),
    experiment("cm_experiment", {}, group("orig", "A", PUBLIC, value=A)),
    experiment(
        "exp_b",
        {},
        group("b", "B", pass_gate("pub"), value=B),
        version=4,
        explicitParameters=["v"],
    ),
]
LAYERS = [
    layer("cm_layer", {}, rule("orig", PUBLIC, value=A)),
    layer("layer_b", {}, rule("b", PUBLIC, value=B)),
    layer("layer_allocated", {}, rule("orig", PUBLIC, value=A)),
    layer("layer_c", {}, rule("ea", PUBLIC, configDelegate="exp_b")),
]

ORIGINAL = result(T, "orig", version=1)
PUB = "pub:true:pubrule"


def mapped(value, rule_id: str, name: str, *entries: str, **more) -> dict:
    return result(value, rule_id, *entries, override_config_name=name, **more)


TO_B = mapped(F, "default", "cm_b")
TO_VERSIONED = mapped(T, "v", "versioned", version=2)
TO_GROUPED = mapped(T, "g", "grouped", group_name="G", id_type="companyID")
IN_B = {
    "group_name": "B",
    "version": 4,
    "is_experiment_group": T,
    "explicit_parameters": ["v"],
}
OVERRIDE = {"overrides": {"gates": {"cm_a": {"": True}}}}
ALLOCATED = {**IN_B, "allocated_experiment": "exp_b", "undelegated": ()}

# fmt: off
# id, name, what the user u1 gets
GATE_ROWS = [
    ("cm01", "cm_a", TO_B),
    ("cm02", "cm_unknown", mapped(T, "pubrule", "pub")),
    ("cm03", "to_unknown", ORIGINAL),
    ("cm04", "to_later", ORIGINAL),
    ("cm20", "to_past", TO_B),
    ("cm21", "start_zero", TO_B),
    ("cm22", "start_null", TO_B),
    ("cm23", "no_rules", ORIGINAL),
    ("cm24", "no_mapping", ORIGINAL),
    ("cm25", "missing_rule", ORIGINAL),
    ("cm26", "second_rule", TO_B),
    ("cm27", "second_mapping", TO_VERSIONED),
    ("cm28", "first_wins", TO_VERSIONED),
    ("cm29", "after_unknown", TO_B),
    ("cm30", "after_future", TO_VERSIONED),
    ("cm31", "future_only", ORIGINAL),
    ("cm32", "to_future", ORIGINAL),
    ("cm62", "to_late_future", ORIGINAL),
    ("cm33", "zero_roll", ORIGINAL),
    ("cm34", "bare", TO_B),
    ("cm35", "by_gate", TO_GROUPED),
    ("cm36", "by_failed_gate", ORIGINAL),
    ("cm37", "rule_value", TO_GROUPED),
    ("cm38", "to_off", By(mapped(F, "disabled", "off", version=5),
                          mapped(T, "r1", "off", version=5))),
    ("cm39", "to_nesting", mapped(T, "r1", "nesting", PUB)),
    ("cm40", "chain", {"value": F, "rule_id": "default", "details": details()}),
    ("cm41", "pub", result(T, "pubrule")),
    ("cm42", "outer", {"value": F, "rule_id": "default", "details": details(),
                       "secondary_exposures": [
                           {"gate": "cm_a", "gateValue": "false", "ruleID": "default"}]}),
    ("cm43", "outer_twice", {"value": T, "rule_id": "r1", "secondary_exposures": [
        {"gate": "pub", "gateValue": "true", "ruleID": "pubrule"},
        {"gate": "cm_a", "gateValue": "false", "ruleID": "default"}]}),
    ("cm44", "nowhere", unrecognized(F)),
]
OTHER_ROWS = [
    ("cm50", "cm_config", "config", mapped(B, "default", "config_b", passed=F, version=3)),
    ("cm51", "cm_experiment", "experiment", mapped(B, "b", "exp_b", PUB, **IN_B)),
    ("cm52", "cm_layer", "layer", mapped(B, "b", "layer_b")),
    ("cm53", "config_to_gate", "config", result(A, "orig")),
    ("cm54", "layer_allocated", "layer", mapped(B, "b", "layer_c", PUB, **ALLOCATED)),
]
OTHER_USER = [
    ("cm55", "cm_a", "gate", ORIGINAL),
    ("cm56", "cm_config", "config", result(A, "orig")),
    ("cm57", "cm_experiment", "experiment", result(
        A, "orig", group_name="A", is_experiment_group=T)),
    ("cm58", "cm_layer", "layer", result(A, "orig")),
]
# fmt: on


def _cases() -> list:
    cases = [case(row, name, expect) for row, name, expect in GATE_ROWS]
    for row, name, kind, expect in OTHER_ROWS:
        cases.append(case(row, name, expect, kind=kind))
    for row, name, kind, expect in OTHER_USER:
        cases.append(case(row, name, expect, {"userID": "u2"}, kind))
    # The roll of a mapping's rule is salted by the original gate, not the target.
    for number in range(6):
        expect = TO_B if number in (0, 5) else ORIGINAL
        user = {"userID": f"cp_{number}"}
        cases.append(case(f"cm05_{number}", "cm_percent", expect, user))
        user = {"userID": "u1", "customIDs": {"companyID": f"cp_{number}"}}
        cases.append(case(f"cm59_{number}", "cm_company", expect, user))
    # No original, no salt.
    for number in (4999, 5000):
        unit = unit_in(number, lambda one: bucket_of("", "orsalt", one))
        expect = mapped(T, "pubrule", "pub") if number < 5000 else unrecognized(F)
        cases.append(
            case(f"cm61_{number}", "unknown_percent", expect, {"userID": unit})
        )
    cases.append(case("cm60", "cm_a", overridden(T), **OVERRIDE))
    return cases


SUITES = [
    Suite(
        "config_mapping",
        "Names that stand for another one for some users.",
        _cases(),
        Ruleset(
            GATES, CONFIGS, LAYERS, {"overrides": OVERRIDES, "override_rules": RULES}
        ),
    )
]
