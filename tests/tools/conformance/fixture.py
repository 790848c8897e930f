"""A ruleset that has a little of everything, in v1: the fixture `f1`."""

from conformance.model import (
    DROP,
    PUBLIC,
    Ruleset,
    Suite,
    case,
    condition,
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
    user_field,
    without_rule,
)

T, F = True, False
DEVELOPMENT = condition("environment_field", "any", ["development"], "tier")


def full(document):
    """Conditions with every member that a server sends."""
    if isinstance(document, dict):
        document = {key: full(value) for key, value in document.items()}
        if "targetValue" in document:
            return {**document, "additionalValues": {}}
        return document
    if isinstance(document, list):
        return [full(item) for item in document]
    return document


def email(suffix: str) -> dict:
    return user_field("email", "str_ends_with_any", [suffix])


def any_of(name: str, value: str) -> dict:
    return user_field(name, "any", [value])


GATES = [
    gate("g_on", rule("r_on", PUBLIC, groupName="everyone"), version=7),
    gate("g_off", enabled=F),
    gate("g_email", rule("r_email", email("@x.com"))),
    gate("g_nested", rule("r_nested", pass_gate("g_on"), pass_gate("segment:s1"))),
    gate("segment:s1", rule("r_seg", PUBLIC), entity="segment"),
    gate("g_env", rule("r_env", DEVELOPMENT)),
    gate("g_custom", rule("r_custom", any_of("plan", "pro"))),
    gate("g_priv", rule("r_priv", any_of("secret", "s3"))),
    gate("g_pct0", rule("r_pct0", PUBLIC, percent=0)),
    gate("g_sampled", rule("r_sampled", PUBLIC, samplingRate=10)),
    gate("g_fwd", rule("r_fwd", PUBLIC, samplingRate=10), forwardAllExposures=T),
    gate("g_analytic", rule("r_analytic", pass_gate("g_on"), samplingRate=10)),
    gate("g_override_rule", rule("abc:override", PUBLIC, samplingRate=10)),
    gate("g_unsup", rule("r_unsup", condition("zzz_new", "any"))),
    gate("g_old", rule("r_old", email("@never.zz"))),
    gate("g_new", rule("r_new", PUBLIC), version=2),
    gate("g_err", rule("r_err", user_field("n", "gt", 5))),
    gate(
        "g_ua", rule("r_ua", condition("ua_based", "any", ["Chrome"], "browser_name"))
    ),
    gate(
        "g_many",
        rule(
            "r_many",
            pass_gate("segment:s1"),
            pass_gate("g_on"),
            pass_gate("g_on"),
            pass_gate("g_nested"),
            fail_gate("g_off"),
            condition("multi_pass_gate", None, ["g_off", "g_on"]),
        ),
    ),
    gate("g_missing_dep", rule("r_md", pass_gate("zzz"))),
]
C_ONE = {"num": 7, "str": "a", "bool": T, "arr": [1], "obj": {"k": "v"}, "nul": None}
UNLAYERED = {
    "an_int": 99,
    "f": 1.5,
    "arr": [],
    "nul": None,
    "zero": 0,
    "empty": "",
    "no": F,
}
CONFIGS = [
    config(
        "c_one",
        {"num": 1, "str": "d"},
        rule("r_c1", email("@x.com"), value=C_ONE, groupName="grp one"),
        version=5,
    ),
    config("c_off", {"num": 0}, enabled=F),
    config("c_sampled", {}, rule("r_cs", PUBLIC, value={"a": 1}, samplingRate=10)),
    experiment(
        "exp_a",
        {"p_exp": "dflt", "p_shared": 0},
        group(
            "r_exp", "Test", email("@x.com"), value={"p_exp": "exp_val", "p_shared": 2}
        ),
        version=9,
        hasSharedParams=T,
        explicitParameters=["p_exp"],
    ),
    experiment(
        "exp_s",
        {},
        group("r_exp_s", "T", PUBLIC, value={"p": 1}, samplingRate=10),
        hasSharedParams=DROP,
        explicitParameters=["p"],
    ),
]
LAYERS = [
    layer(
        "layer_a",
        {"p_exp": "ldef", "p_shared": 0, "nul": None},
        rule(
            "r_layer_a",
            pass_gate("g_on"),
            value={"p_exp": "layer_val", "p_shared": 1},
            configDelegate="exp_a",
        ),
        version=4,
    ),
    layer("layer_un", UNLAYERED),
    layer(
        "layer_s",
        {"p": 0},
        rule("r_layer_s", PUBLIC, value={"p": 1}, configDelegate="exp_s"),
    ),
]


def _ruleset(**more) -> Ruleset:
    mapping = {
        "new_config_name": "g_new",
        "rules": [{"rule_name": "ovr", "start_time": 0}],
    }
    extra = {
        "layers": {"layer_a": ["exp_a"], "layer_s": ["exp_s"]},
        "overrides": {"g_old": [mapping]},
        "override_rules": {"ovr": full(rule("ovr", email("@x.com")))},
        **more,
    }
    return Ruleset(full(GATES), full(CONFIGS), full(LAYERS), extra)


A = {"userID": "a"}
AX = {"userID": "a", "email": "q@x.com"}
B = {"userID": "b"}
CID = {"customIDs": {"companyID": "cid"}}
EVERYTHING = {
    "userID": 5,
    "email": "e",
    "ip": "i",
    "userAgent": "ua",
    "country": "c",
    "locale": "l",
    "appVersion": "1",
    "custom": {"k": [1]},
    "privateAttributes": {"p": 1},
    "customIDs": {"companyID": 42},
}
ON = "g_on:true:r_on"
R_ON = result(T, "r_on", group_name="everyone", version=7)
IN_TEST = {
    "group_name": "Test",
    "is_experiment_group": T,
    "version": 9,
    "explicit_parameters": ["p_exp"],
}
IN_T = {"group_name": "T", "is_experiment_group": T, "explicit_parameters": ["p"]}
EXP_A = {"p_exp": "exp_val", "p_shared": 2}
EXP_A_DEFAULT = {"p_exp": "dflt", "p_shared": 0}
NOT_IN_A = {"passed": F, "version": 9, "explicit_parameters": ["p_exp"]}
OFF_BY_ID = {"gates": {"g_off": {"cid": T, "": F}}}
THREE = {
    "configs": {"c_one": {"": {"z": 1}}},
    "layers": {"layer_a": {"": {"p_exp": "OV"}}},
    "experiments": {"exp_a": {"cid1": {"k": 2}}},
}

# fmt: off
# id, kind, name, user, expected result, overrides
ROWS = [
    ("A1", "gate", "g_on", A, R_ON),
    ("A2", "gate", "g_off", A, result(F, "disabled")),
    ("A3", "gate", "g_email", A, result(F, "default")),
    ("A4", "gate", "nope", A, unrecognized(F)),
    ("A5", "gate", "g_unsup", A, without_rule(F, "Unsupported")),
    ("A6", "gate", "g_nested", A, result(T, "r_nested", ON)),
    ("A7", "gate", "g_many", A,
     result(T, "r_many", ON, "g_nested:true:r_nested", "g_off:false:disabled")),
    ("A8", "gate", "g_missing_dep", A, result(F, "default", "zzz:false:")),
    ("A9", "gate", "g_pct0", A, result(F, "r_pct0")),
    ("A10", "gate", "g_err", A | {"custom": {"n": "abc"}}, result(F, "default")),
    ("A12_ax", "gate", "g_old", AX,
     result(T, "r_new", version=2, override_config_name="g_new")),
    ("A12_a", "gate", "g_old", A, result(F, "default")),
    ("A13", "gate", "g_priv", A | {"privateAttributes": {"secret": "s3"}}, result(T, "r_priv")),
    ("A16", "gate", "g_env", A, result(F, "default")),
    ("A20", "gate", "g_on", {"customIDs": {"companyID": "c1"}}, R_ON),
    ("A21", "gate", "", A, {"value": F, "passed": F, "rule_id": ""}),
    ("B1", "config", "c_one", AX, result(C_ONE, "r_c1", group_name="grp one", version=5)),
    ("B2", "config", "c_one", A, result({"num": 1, "str": "d"}, "default", passed=F, version=5)),
    ("B3", "config", "c_off", A, result({"num": 0}, "disabled", passed=F)),
    ("B4", "config", "nope", A, unrecognized({})),
    ("B5", "experiment", "exp_a", AX, result(EXP_A, "r_exp", **IN_TEST)),
    ("B6", "config", "exp_a", AX, result(EXP_A, "r_exp", **IN_TEST)),
    ("B7", "config", "", A, {"value": {}, "passed": F, "rule_id": ""}),
    ("L1", "layer", "layer_a", AX,
     result(EXP_A, "r_exp", ON, **IN_TEST, allocated_experiment="exp_a")),
    ("L3", "layer", "layer_un", A, result(UNLAYERED, "default", passed=F)),
    ("L5", "layer", "nope", A, unrecognized({})),
    ("O1_a", "gate", "g_off", A, overridden(T), {"gates": {"g_off": {"a": T}}}),
    ("O1_b", "gate", "g_off", B, result(F, "disabled"), {"gates": {"g_off": {"a": T}}}),
    ("O1_c", "gate", "g_off", {"userID": "c"}, overridden(T),
     {"gates": {"g_off": {"a": T, "": T}}}),
    ("O2_config", "config", "c_one", A, overridden({"z": 1}), THREE),
    ("O2_layer", "layer", "layer_a", A, overridden({"p_exp": "OV"}), THREE),
    ("O2_experiment", "experiment", "exp_a", {"userID": "q", "customIDs": {"k": "cid1"}},
     overridden({"k": 2}), THREE),
    ("O3_set", "gate", "zzz", A, overridden(T), {"gates": {"zzz": {"": T}}}),
    ("O3_removed", "gate", "zzz", A, unrecognized(F)),
    ("O4_custom", "gate", "g_off", CID, overridden(T), OFF_BY_ID),
    ("O4_user", "gate", "g_off", CID | {"userID": "zz"}, overridden(T), OFF_BY_ID),
    ("email_ax", "gate", "g_email", AX, result(T, "r_email")),
    ("custom_pro", "gate", "g_custom", A | {"custom": {"plan": "pro"}}, result(T, "r_custom")),
    ("sampled", "gate", "g_sampled", A, result(T, "r_sampled")),
    ("forwarded", "gate", "g_fwd", A, result(T, "r_fwd")),
    ("analytic", "gate", "g_analytic", A, result(T, "r_analytic", ON)),
    ("override_rule", "gate", "g_override_rule", A, result(T, "abc:override")),
    ("new", "gate", "g_new", A, result(T, "r_new", version=2)),
    ("number", "gate", "g_err", A | {"custom": {"n": 6}}, result(T, "r_err")),
    ("c_sampled", "config", "c_sampled", A, result({"a": 1}, "r_cs")),
    ("exp_a_default", "experiment", "exp_a", A, result(EXP_A_DEFAULT, "default", **NOT_IN_A)),
    ("exp_s", "experiment", "exp_s", A, result({"p": 1}, "r_exp_s", **IN_T)),
    ("layer_a_default", "layer", "layer_a", A,
     result(EXP_A_DEFAULT, "default", ON, **NOT_IN_A, allocated_experiment="exp_a")),
    ("layer_s", "layer", "layer_s", A,
     result({"p": 1}, "r_exp_s", **IN_T, allocated_experiment="exp_s")),
]
CHROME = A | {"userAgent": "Mozilla/5.0 Chrome/100"}
NO_PARSER = details(source="UAParserNotLoaded")
IN_ENV, NOT_IN_ENV = result(T, "r_env"), result(F, "default")
# name, specs, options, rows
WITH_OPTIONS = [
    ("f1_no_ua_parser", "f1", {"disable_ua_parser": T}, [
        ("A11", "gate", "g_ua", CHROME, result(F, "default", details=NO_PARSER))]),
    ("f1_global_fields", "f1", {"global_custom_fields": {"plan": "pro"}}, [
        ("A14_a", "gate", "g_custom", A, result(T, "r_custom")),
        ("A14_b", "gate", "g_custom", B | {"custom": {"plan": "free"}}, result(F, "default"))]),
    ("f1_development", "f1", {"tier": "development"}, [("A15", "gate", "g_env", A, IN_ENV)]),
    ("f1_staging", "f1_default_tier", {"tier": "staging"}, [
        ("A18", "gate", "g_env", A, NOT_IN_ENV)]),
    ("f1_qa", "f1", {"tier": "qa"}, [("A19", "gate", "g_on", EVERYTHING, R_ON)]),
]
# fmt: on


def _case(row: str, kind: str, name: str, user: dict, expect: dict, overrides=None):
    more = {} if overrides is None else {"overrides": overrides}
    return case(f"f1_{row}", name, expect, user, kind, **more)


def _suite(name: str, specs: str, options, rows: list, **more) -> Suite:
    about = f"The ruleset {specs}, options: {options}."
    cases = [_case(*row) for row in rows]
    return Suite(name, about, cases, specs=specs, options=options, formats=(), **more)


DEFAULT_TIER = [("A17", "gate", "g_env", A, IN_ENV)]
DEVELOPMENT_BY_DEFAULT = _ruleset(default_environment="development")

SUITES = [
    _suite("f1", "f1", None, ROWS, ruleset=_ruleset()),
    _suite(
        "f1_default_tier",
        "f1_default_tier",
        None,
        DEFAULT_TIER,
        ruleset=DEVELOPMENT_BY_DEFAULT,
    ),
    *(_suite(*row) for row in WITH_OPTIONS),
]
