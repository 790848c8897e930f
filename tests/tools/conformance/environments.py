"""Whose environment counts: the options', then the user's, then the ruleset's."""

from conformance.lookups import environment, tier
from conformance.model import (
    Ruleset,
    Suite,
    case,
    config,
    gate,
    layer,
    pass_gate,
    result,
    rule,
)

VALUES = ("development", "staging", "production")


def _ruleset(**extra) -> Ruleset:
    gates = [gate(value, rule("r1", tier("any", value))) for value in VALUES]
    gates += [
        gate("no_tier", rule("r1", tier("none", *VALUES))),
        gate("eu", rule("r1", tier("any", "eu", name="region"))),
        gate("nested", rule("r1", pass_gate("development"))),
    ]
    configs = [
        config("config", {"a": 0}, rule("r1", tier("any", "staging"), value={"a": 1}))
    ]
    layers = [
        layer("layer", {"a": 0}, rule("r1", tier("any", "staging"), value={"a": 1}))
    ]
    return Ruleset(gates, configs, layers, extra)


# fmt: off
NOTHING = {}
PRODUCTION = environment(tier="production")
STAGING = environment(tier="staging")
EU_ONLY = environment(region="eu")
# A suite: name, the one whose ruleset it shares, options, default_environment, and rows
# of the user's environment with the gates that then pass.
SUITE_ROWS = [
    ("plain", None, None, None, [
        (NOTHING, ["no_tier"]),
        (STAGING, ["staging"]),
        (EU_ONLY, ["no_tier", "eu"]),
        (environment(tier="Production"), ["production"]),
    ]),
    ("option_tier", "plain", {"tier": "development"}, None, [
        (NOTHING, ["development", "nested"]),
        (PRODUCTION, ["development", "nested"]),
        (EU_ONLY, ["development", "nested"]),
    ]),
    ("option_environment", "plain", {"environment": {"tier": "staging", "region": "eu"}}, None, [
        (NOTHING, ["staging", "eu"]),
        (PRODUCTION, ["staging", "eu"]),
    ]),
    ("option_without_tier", "plain", {"environment": {"region": "eu"}}, None, [
        (NOTHING, ["no_tier", "eu"]),
        (PRODUCTION, ["no_tier", "eu"]),
    ]),
    ("option_both", "plain", {"tier": "staging", "environment": {"region": "eu"}}, None, [
        (PRODUCTION, ["staging", "eu"]),
    ]),
    ("default_tier", None, None, "development", [
        (NOTHING, ["development", "nested"]),
        (PRODUCTION, ["production"]),
        (EU_ONLY, ["no_tier", "eu"]),
    ]),
    ("default_and_option", "default_tier", {"tier": "staging"}, "development", [
        (NOTHING, ["staging"]),
        (PRODUCTION, ["staging"]),
    ]),
    ("default_null", None, None, "null", [
        (NOTHING, ["no_tier"]),
        (STAGING, ["staging"]),
    ]),
]
# fmt: on
ABOUT = "Environment of the options: {}; of the ruleset: {}."
GATES = [*VALUES, "no_tier", "eu"]


def _expected(name: str, passing: list) -> dict:
    passes = name in passing
    if name == "nested":
        entry = f"development:{str(passes).lower()}:{'r1' if passes else 'default'}"
        return result(passes, "r1" if passes else "default", entry)
    return result(passes, "r1" if passes else "default")


def _suite(name: str, shared, options, default, rows: list) -> Suite:
    name = f"environment_{name}"
    cases = []
    for number, (extra, passing) in enumerate(rows):
        user = {"userID": "u1", **extra}
        for one in (*GATES, "nested"):
            cases.append(
                case(f"{name}_{number}_{one}", one, _expected(one, passing), user)
            )
        passes = "staging" in passing
        rule_id = "r1" if passes else "default"
        expect = result({"a": int(passes)}, rule_id, passed=passes)
        for kind in ("config", "layer"):
            cases.append(case(f"{name}_{number}_{kind}", kind, expect, user, kind))
    extra = {}
    if default is not None:
        extra["default_environment"] = None if default == "null" else default
    about = ABOUT.format(options, extra.get("default_environment"))
    if shared:
        return Suite(name, about, cases, specs=f"environment_{shared}", options=options)
    return Suite(name, about, cases, _ruleset(**extra), options=options)


SUITES = [_suite(*row) for row in SUITE_ROWS]
