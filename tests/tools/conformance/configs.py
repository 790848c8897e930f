"""Dynamic configs, experiments and layers."""

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
    details,
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
NO_RULE = {"passed": F}
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
]
# fmt: on
EXP1_BY_USER = [
    (
        "ex34",
        "u2",
        result(
            {"x": "test"},
            "test",
            PUB,
            **(CONTROL | {"group_name": "Test"}),
            explicit_parameters=["x"],
        ),
    ),
    (
        "ex35",
        "u3",
        result(
            {"x": "default"},
            "default",
            PUB,
            passed=F,
            version=7,
            explicit_parameters=["x"],
        ),
    ),
]


def allocate(rule_id: str, experiment_name, *conditions: dict, **more) -> dict:
    """A layer's rule that hands over to an experiment."""
    more = {"value": {"x": "layer"}, "configDelegate": experiment_name, **more}
    return rule(rule_id, *conditions, **more)


L0 = {"x": "layer default"}
L1 = {"x": "layer"}
LAYERS = [
    layer(
        "ly01",
        L0,
        rule("first", fail_gate("p_pub"), value=L1),
        allocate("ea", "exp1", pass_gate("pub")),
    ),
    layer("ly02", L0, allocate("ea", "no_exp", PUBLIC)),
    layer("ly03", L0, allocate("ea", "exp1", PUBLIC, percent=0)),
    layer("ly04", L0, allocate("ea", "off", PUBLIC)),
    layer("ly05", L0, allocate("ea", "future_exp", PUBLIC)),
    layer("a_layer", L0, rule("r1", PUBLIC, value=L1)),
    layer("no_rules", L0),
    layer("unmatched", L0, rule("r1", NOBODY, value=L1)),
    layer("no_roll", L0, rule("r1", PUBLIC, percent=0, value=L1, groupName="g")),
    layer("grouped", L0, rule("r1", PUBLIC, value=L1, groupName="g"), version=4),
    layer("own_explicit", L0, rule("r1", PUBLIC, value=L1), explicitParameters=["y"]),
    layer("off_layer", L0, rule("r1", PUBLIC, value=L1), enabled=F),
    layer("off_allocated", L0, allocate("ea", "exp1", PUBLIC), enabled=F),
    layer("future_layer", L0, rule("r1", FUTURE, value=L1)),
    layer("future_later", L0, allocate("ea", "exp1", PUBLIC), rule("r2", FUTURE)),
    layer("null_delegate", L0, rule("r1", PUBLIC, value=L1, configDelegate=None)),
    layer("empty_delegate", L0, rule("r1", PUBLIC, value=L1, configDelegate="")),
    layer("gate_delegate", L0, allocate("ea", "pub", PUBLIC)),
    layer("layer_delegate", L0, allocate("ea", "a_layer", PUBLIC)),
    layer("config_delegate", L0, allocate("ea", "matched", PUBLIC)),
    layer(
        "two",
        L0,
        allocate("first", "untargeted", user_is("u2")),
        allocate("second", "exp1", PUBLIC),
    ),
    layer(
        "not_in_group",
        L0,
        allocate("first", "exp1", user_is("u3")),
        allocate("second", "layered", PUBLIC),
    ),
    layer("no_roll_delegate", L0, allocate("ea", "no_roll_exp", PUBLIC)),
    layer(
        "company_delegate",
        L0,
        allocate("ea", "company_exp", pass_gate("versioned")),
        version=9,
        explicitParameters=["y"],
    ),
    layer("held_delegate", L0, allocate("ea", "held", pass_gate("pub"))),
    layer(
        "group_unused",
        L0,
        allocate("ea", "matched", PUBLIC, groupName="layer group"),
        version=9,
    ),
    layer("nesting", L0, rule("r1", pass_gate("p_pub"), value=L1)),
    layer("segments", L0, allocate("ea", "exp1", pass_gate("segment:s2"))),
    layer("every_type", EVERY_TYPE),
    layer("pub", L0),
    layer("matched", L0, rule("r1", PUBLIC, value=L1)),
    layer("company", L0, rule("r1", PUBLIC, value=L1), idType="companyID"),
]
IN_EXP1 = {**CONTROL, "explicit_parameters": ["x"], "allocated_experiment": "exp1"}
CONTROL_VALUE = {"x": "control"}
OFF = {"allocated_experiment": "off"}
OFF_DEFAULT = result({"x": "default"}, "disabled", passed=F, **OFF)
VERSIONED = "versioned:true:r1"

# fmt: off
LAYER_ROWS = [
    ("ly01", "ly01", result(CONTROL_VALUE, "control", PUB, P_PUB, **IN_EXP1)),
    ("ly02", "ly02", result(L1, "ea")),
    ("ly03", "ly03", result(CONTROL_VALUE, "control", PUB, undelegated=(), **IN_EXP1)),
    ("ly04", "ly04", By(OFF_DEFAULT, result({"x": "g"}, "g", **OFF, **IN_G))),
    ("ly05", "ly05", without_rule({}, "Unsupported")),
    ("ly20", "a_layer", result(L1, "r1")),
    ("ly21", "no_rules", result(L0, "default", passed=F)),
    ("ly22", "unmatched", result(L0, "default", passed=F)),
    ("ly23", "no_roll", result(L0, "r1", passed=F, group_name="g")),
    ("ly24", "grouped", result(L1, "r1", group_name="g", version=4)),
    ("ly25", "own_explicit", result(L1, "r1", explicit_parameters=["y"])),
    ("ly26", "off_layer", By(result(L0, "disabled", passed=F), result(L1, "r1"))),
    ("ly27", "off_allocated", By(result(L0, "disabled", passed=F),
        result(CONTROL_VALUE, "control", PUB, undelegated=(), **IN_EXP1))),
    ("ly28", "future_layer", without_rule({}, "Unsupported")),
    ("ly29", "future_later", result(CONTROL_VALUE, "control", PUB, undelegated=(), **IN_EXP1)),
    ("ly30", "null_delegate", result(L1, "r1")),
    ("ly31", "empty_delegate", result(L1, "r1")),
    ("ly32", "gate_delegate", result(L1, "ea")),
    ("ly33", "layer_delegate", result(L1, "ea")),
    ("ly34", "config_delegate", result(A1, "dcr", allocated_experiment="matched")),
    ("ly35", "two", result(CONTROL_VALUE, "control", PUB, undelegated=(), **IN_EXP1)),
    ("ly36", "not_in_group", result({"x": "g"}, "g", **IN_G, explicit_parameters=["x", "y"],
                                    allocated_experiment="layered")),
    ("ly37", "no_roll_delegate", result({"x": "default"}, "gg", passed=F, **IN_G,
                                        allocated_experiment="no_roll_exp")),
    ("ly38", "company_delegate", result({"x": "c"}, "g", VERSIONED, PUB, P_PUB,
        undelegated=(VERSIONED,), **IN_G, version=3, id_type="companyID",
        allocated_experiment="company_exp")),
    ("ly39", "held_delegate", result({"x": "held"}, "holdoutRule", PUB, HOLD_ALL,
        undelegated=(PUB,), allocated_experiment="held")),
    ("ly40", "group_unused", result(A1, "dcr", allocated_experiment="matched")),
    ("ly41", "nesting", result(L1, "r1", PUB, P_PUB)),
    ("ly42", "segments", result(CONTROL_VALUE, "control", PUB, **IN_EXP1)),
    ("ly43", "every_type", result(EVERY_TYPE, "default", passed=F)),
    ("ly44", "pub", result(L0, "default", passed=F)),
    ("ly45", "matched", result(L1, "r1")),
    ("ly46", "company", result(L1, "r1", id_type="companyID")),
    ("ly47", "nope", unrecognized({})),
    ("ly48", "exp1", unrecognized({})),
    ("ly49", "", {"value": {}, "passed": F, "rule_id": ""}),
    ("ly50", "ly02", result(L1, "ea", kind="layer", name="ly02",
                            details=details() | {"detailed_reason": "Network"})),
]
# fmt: on
LAYER_BY_USER = [
    (
        "ly51",
        "two",
        "u2",
        result(
            {"x": "untargeted"},
            "targetingGate",
            PRIV,
            undelegated=(),
            allocated_experiment="untargeted",
        ),
    ),
    (
        "ly52",
        "not_in_group",
        "u3",
        result(
            {"x": "default"},
            "default",
            PUB,
            undelegated=(),
            passed=F,
            version=7,
            explicit_parameters=["x"],
            allocated_experiment="exp1",
        ),
    ),
]


def _ruleset() -> Ruleset:
    layers = {"ly01": ["exp1"], "not_in_group": ["layered"]}
    return Ruleset(
        [*HELPERS, *HOLDOUT], [*CONFIGS, *EXPERIMENTS], LAYERS, {"layers": layers}
    )


def _suite(name: str, about: str, kind: str, rows: list, extra: list, **more) -> Suite:
    cases = [case(row, entity, expect, kind=kind) for row, entity, expect in rows]
    cases += [
        case(row, entity, expect, {"userID": user}, kind)
        for row, entity, user, expect in extra
    ]
    return Suite(name, about, cases, **more)


SUITES = [
    _suite(
        "dynamic_config",
        "Dynamic configs.",
        "config",
        CONFIG_ROWS,
        [],
        ruleset=_ruleset(),
    ),
    _suite(
        "experiment",
        "Experiments: groups, targeting, holdouts.",
        "experiment",
        EXPERIMENT_ROWS,
        [(row, "exp1", user, expect) for row, user, expect in EXP1_BY_USER],
        specs="dynamic_config",
    ),
    _suite(
        "layer",
        "Layers, by themselves and handed over to an experiment.",
        "layer",
        LAYER_ROWS,
        LAYER_BY_USER,
        specs="dynamic_config",
    ),
]
