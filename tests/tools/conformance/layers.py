"""Layers, by themselves and handed over to an experiment."""

from conformance.configs import (
    A1,
    CONFIGS,
    CONTROL,
    EVERY_TYPE,
    EXPERIMENTS,
    HOLD_ALL,
    HOLDOUT,
    IN_G,
    suite,
)
from conformance.gates import HELPERS, P_PUB, PRIV, PUB, F
from conformance.model import (
    FUTURE,
    NOBODY,
    PUBLIC,
    By,
    Ruleset,
    details,
    fail_gate,
    layer,
    pass_gate,
    result,
    rule,
    unrecognized,
    user_is,
    without_rule,
)


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
    ("ly51", "two", result({"x": "untargeted"}, "targetingGate", PRIV, undelegated=(),
                           allocated_experiment="untargeted"), "u2"),
    ("ly52", "not_in_group", result({"x": "default"}, "default", PUB, undelegated=(),
        passed=F, version=7, explicit_parameters=["x"], allocated_experiment="exp1"), "u3"),
]
# fmt: on

_EXTRA = {"layers": {"ly01": ["exp1"], "not_in_group": ["layered"]}}
SUITES = [
    suite(
        "layer",
        "Layers, by themselves and handed over to an experiment.",
        "layer",
        LAYER_ROWS,
        ruleset=Ruleset([*HELPERS, *HOLDOUT], [*CONFIGS, *EXPERIMENTS], LAYERS, _EXTRA),
    )
]
