"""Dynamic configs and experiments."""

from conformance.gates import HELPERS, P_PUB, PRIV, PUB
from conformance.model import (
    FUTURE,
    NOBODY,
    PUBLIC,
    By,
    Ruleset,
    Suite,
    case,
    config,
    experiment,
    fail_gate,
    group,
    layer,
    pass_gate,
    result,
    rule,
    unrecognized,
    user_is,
    without_rule,
)

T, F = True, False
A0, A1 = {"a": 0}, {"a": 1}
EVERY_TYPE = {
    "string": "text",
    "empty": "",
    "unicode": "\u00fc \u65e5 \U0001f600",
    "int": 7,
    "big": 9007199254740991,
    "float": 1.5,
    "yes": True,
    "no": False,
    "none": None,
    "list": [1, "two", None, [3]],
    "object": {"k": {"deep": []}},
}


def targeting(*conditions: dict, value: dict) -> dict:
    return rule("targetingGate", *conditions, value=value)


CONFIGS = [
    config("matched", A0, rule("dcr", PUBLIC, value=A1)),
    config("unmatched", A0, rule("dcr", NOBODY, value=A1)),
    config("disabled", A0, rule("r1", PUBLIC, value=A1), enabled=F),
    config("disabled_bare", A0, enabled=F),
    config("no_roll", A0, rule("pp0", PUBLIC, percent=0, value=A1)),
    config("no_rules", A0),
    config("second", A0, rule("r1", NOBODY, value=A1), rule("r2", value={"a": 2})),
    config("empty_default", {}, rule("r1", NOBODY, value=A1)),
    config("empty_value", A0, rule("r1", PUBLIC, value={})),
    config("every_type", A0, rule("r1", PUBLIC, value=EVERY_TYPE)),
    config("every_default", EVERY_TYPE),
    config("versioned", A0, rule("r1", PUBLIC, value=A1, groupName="g"), version=5),
    config("nesting", A0, rule("r1", pass_gate("p_pub"), fail_gate("priv"), value=A1)),
    config("nesting_no", A0, rule("r1", pass_gate("versioned"), NOBODY, value=A1)),
    config("company", A0, rule("r1", PUBLIC, value=A1), idType="companyID"),
    config("future", A0, rule("r1", FUTURE, value=A1)),
    config("future_later", A0, rule("r1", PUBLIC, value=A1), rule("r2", FUTURE)),
    config("future_nested", A0, rule("r1", pass_gate("unknown_op"), value=A1)),
    config("autotune", A0, rule("r1", PUBLIC, value=A1), entity="autotune"),
]

EXPLICIT = {"explicitParameters": ["x"]}
EXP1 = experiment(
    "exp1",
    {"x": "default"},
    targeting(fail_gate("pub"), value={"x": "untargeted"}),
    group("control", "Control", user_is("u1"), value={"x": "control"}),
    group("test", "Test", user_is("u2"), value={"x": "test"}),
    version=7,
    **EXPLICIT,
)
EXPERIMENTS = [
    EXP1,
    experiment(
        "no_roll_exp",
        {"x": "default"},
        group("gg", "G", PUBLIC, percent=0, value={"x": "g"}),
    ),
    experiment(
        "held",
        {"x": "default"},
        rule("holdoutRule", pass_gate("hold_all"), value={"x": "held"}),
        group("g", "G", PUBLIC, value={"x": "g"}),
    ),
    experiment(
        "untargeted",
        {"x": "default"},
        targeting(fail_gate("priv"), value={"x": "untargeted"}),
        group("g", "G", PUBLIC, value={"x": "g"}),
    ),
    experiment(
        "layered",
        {"x": "default"},
        rule("layerAssignment", NOBODY, value={"x": "default"}),
        group("g", "G", PUBLIC, value={"x": "g"}),
        hasSharedParams=T,
        explicitParameters=["x", "y"],
    ),
    experiment(
        "stopped", {"x": "default"}, rule("abandoned", value={"x": "s"}), isActive=F
    ),
    experiment(
        "off", {"x": "default"}, group("g", "G", PUBLIC, value={"x": "g"}), enabled=F
    ),
    experiment("future_exp", {"x": "default"}, group("g", "G", FUTURE, value={})),
    experiment(
        "company_exp",
        {"x": "default"},
        group("g", "G", pass_gate("p_pub"), value={"x": "c"}),
        idType="companyID",
        version=3,
    ),
    experiment(
        "control_group",
        {"x": "default"},
        group("c", "C", PUBLIC, value={"x": "c"}, isControlGroup=T),
    ),
]
HOLDOUT = [
    {
        **HELPERS[0],
        "name": "hold_all",
        "entity": "holdout",
        "rules": [rule("hr", PUBLIC)],
    }
]
CONTROL = {"group_name": "Control", "version": 7, "is_experiment_group": T}
HOLD_ALL = "hold_all:true:hr"
IN_G = {"group_name": "G", "is_experiment_group": T}

# fmt: off
# id, name, expected value and rest of the result
CONFIG_ROWS = [
    ("cf01", "matched", result(A1, "dcr")),
    ("cf02", "unmatched", result(A0, "default", passed=F)),
    ("cf03", "disabled", By(result(A0, "disabled", passed=F), result(A1, "r1"))),
    ("cf04", "no_roll", result(A0, "pp0", passed=F)),
    ("cf05", "pub", unrecognized({})),
    ("cf20", "disabled_bare", result(A0, "disabled", passed=F)),
    ("cf21", "no_rules", result(A0, "default", passed=F)),
    ("cf22", "second", result({"a": 2}, "r2")),
    ("cf23", "empty_default", result({}, "default", passed=F)),
    ("cf24", "empty_value", result({}, "r1")),
    ("cf25", "every_type", result(EVERY_TYPE, "r1")),
    ("cf26", "every_default", result(EVERY_TYPE, "default", passed=F)),
    ("cf27", "versioned", result(A1, "r1", version=5, group_name="g")),
    ("cf28", "nesting", result(A1, "r1", PUB, P_PUB, PRIV)),
    ("cf29", "nesting_no", result(A0, "default", "versioned:true:r1", passed=F)),
    ("cf30", "company", result(A1, "r1", id_type="companyID")),
    ("cf31", "future", without_rule({}, "Unsupported")),
    ("cf32", "future_later", result(A1, "r1")),
    ("cf33", "future_nested", without_rule({}, "Unsupported")),
    ("cf34", "autotune", result(A1, "r1")),
    ("cf35", "nope", unrecognized({})),
    ("cf36", "a_layer", unrecognized({})),
    ("cf37", "", {"value": {}, "passed": F, "rule_id": ""}),
    ("cf38", "exp1", result({"x": "control"}, "control", PUB, **CONTROL,
                            explicit_parameters=["x"])),
    ("cf39", "matched", result(A1, "dcr", kind="config", name="matched")),
]

EXPERIMENT_ROWS = [
    ("ex01", "exp1", result({"x": "control"}, "control", PUB, **CONTROL,
                            explicit_parameters=["x"])),
    ("ex02", "no_roll_exp", result({"x": "default"}, "gg", passed=F, **IN_G)),
    ("ex20", "held", result({"x": "held"}, "holdoutRule", HOLD_ALL)),
    ("ex21", "untargeted", result({"x": "untargeted"}, "targetingGate", PRIV)),
    ("ex22", "layered", result({"x": "g"}, "g", **IN_G, explicit_parameters=["x", "y"])),
    ("ex23", "stopped", result({"x": "s"}, "abandoned")),
    ("ex24", "off", By(result({"x": "default"}, "disabled", passed=F),
                       result({"x": "g"}, "g", **IN_G))),
    ("ex25", "future_exp", without_rule({}, "Unsupported")),
    ("ex26", "company_exp", result({"x": "c"}, "g", PUB, P_PUB, **IN_G, version=3,
                                   id_type="companyID")),
    ("ex27", "control_group", result({"x": "c"}, "c", group_name="C", is_experiment_group=T)),
    ("ex28", "matched", result(A1, "dcr")),
    ("ex29", "nope", unrecognized({})),
    ("ex30", "pub", unrecognized({})),
    ("ex31", "a_layer", unrecognized({})),
    ("ex32", "", {"value": {}, "passed": F, "rule_id": ""}),
    ("ex33", "held", result({"x": "held"}, "holdoutRule", HOLD_ALL, kind="experiment",
                            name="held")),
    ("ex34", "exp1", result({"x": "test"}, "test", PUB, **CONTROL | {"group_name": "Test"},
                            explicit_parameters=["x"]), "u2"),
    ("ex35", "exp1", result({"x": "default"}, "default", PUB, passed=F, version=7,
                            explicit_parameters=["x"]), "u3"),
]
# fmt: on


def suite(name: str, about: str, kind: str, rows: list, **more) -> Suite:
    """Rows of one kind, about the user u1 unless the row names another."""
    cases = []
    for row, entity, expect, *user in rows:
        cases.append(
            case(row, entity, expect, {"userID": user[0] if user else "u1"}, kind)
        )
    return Suite(name, about, cases, **more)


_GATES = [*HELPERS, *HOLDOUT]
_LAYERS = [layer("a_layer", {}, rule("r1", PUBLIC))]
SUITES = [
    suite(
        "dynamic_config",
        "Dynamic configs.",
        "config",
        CONFIG_ROWS,
        ruleset=Ruleset(_GATES, [*CONFIGS, *EXPERIMENTS], _LAYERS),
    ),
    suite(
        "experiment",
        "Experiments: groups, targeting, holdouts.",
        "experiment",
        EXPERIMENT_ROWS,
        specs="dynamic_config",
    ),
]
