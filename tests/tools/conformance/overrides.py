"""Local overrides: of what, for whom, and how far they reach."""

from conformance.model import (
    FUTURE,
    NOBODY,
    PUBLIC,
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
)

T, F = True, False
A, OV = {"a": 1}, {"ov": [1, None, {"k": "v"}]}

RULESET = Ruleset(
    [
        gate("pub", rule("pubrule", PUBLIC, groupName="g"), version=7),
        gate("priv", rule("privrule", NOBODY)),
        gate("off", rule("r1", PUBLIC), enabled=F),
        gate("future", rule("r1", FUTURE)),
        gate("p_pub", rule("r1", pass_gate("pub"))),
        gate("not_priv", rule("r1", fail_gate("priv"))),
        gate("p_nope", rule("r1", pass_gate("nope"))),
        gate("p_future", rule("r1", pass_gate("future"))),
        gate("p_p_pub", rule("r1", pass_gate("p_pub"))),
        gate("p_segment", rule("r1", pass_gate("segment:s"))),
        gate("segment:s", rule("seg", pass_gate("pub")), entity="segment"),
        gate("held", rule("r1", pass_gate("hold")), rule("r2", PUBLIC)),
        gate("hold", rule("hr", NOBODY), entity="holdout"),
    ],
    [
        config("conf", {}, rule("r1", PUBLIC, value=A, groupName="g"), version=5),
        config("conf_gate", {}, rule("r1", pass_gate("priv"), value=A)),
        experiment(
            "exp",
            {},
            group("g", "G", PUBLIC, value=A),
            version=9,
            explicitParameters=["a"],
        ),
    ],
    [
        layer("lay", {}, rule("ea", pass_gate("pub"), configDelegate="exp"), version=4),
        layer("plain", {}, rule("r1", PUBLIC, value=A)),
    ],
)


def gates(**more) -> dict:
    return {"gates": more}


# Custom ids in this order; the first whose value has an entry wins.
TWO_IDS = {"customIDs": {"x": "second", "y": "first"}}
ONLY_CUSTOM = {"customIDs": {"k": "cid"}}
U2 = {"userID": "u2"}
PUBRULE = result(T, "pubrule", group_name="g", version=7)
OVERRIDDEN_PUB = "pub:false:override"
DELEGATED = result(
    A,
    "g",
    "pub:true:pubrule",
    group_name="G",
    is_experiment_group=T,
    version=9,
    explicit_parameters=["a"],
    allocated_experiment="exp",
)

# fmt: off
# id, kind, name, overrides, user, expected result
ROWS = [
    ("lo01", "gate", "pub", gates(pub={"": F}), None, overridden(F)),
    ("lo01_nested", "gate", "p_pub", gates(pub={"": F}), None,
     result(F, "default", OVERRIDDEN_PUB)),
    ("lo02_u1", "gate", "pub", gates(pub={"": F, "u1": T}), None, overridden(T)),
    ("lo02_u2", "gate", "pub", gates(pub={"": F, "u1": T}), U2, overridden(F)),
    ("lo03", "gate", "pub", gates(pub={"": F, "cid": T}), ONLY_CUSTOM, overridden(T)),
    ("lo05", "gate", "nope", gates(nope={"": T}), None, overridden(T)),
    ("lo06", "config", "conf", {"configs": {"conf": {"": {}}}}, None, overridden({})),
    ("lo20", "gate", "pub", gates(pub={"u1": F}), None, overridden(F)),
    ("lo21", "gate", "pub", gates(pub={"u1": F}), U2, PUBRULE),
    ("lo22", "gate", "pub", gates(priv={"": T}), None, PUBRULE),
    ("lo23", "gate", "off", gates(off={"": T}), None, overridden(T)),
    ("lo24", "gate", "future", gates(future={"": T}), None, overridden(T)),
    ("lo25", "gate", "pub", gates(pub={"cid": F}), {"userID": "u1"} | ONLY_CUSTOM,
     overridden(F)),
    ("lo26", "gate", "pub", gates(pub={"u1": T, "cid": F}), {"userID": "u1"} | ONLY_CUSTOM,
     overridden(T)),
    ("lo27", "gate", "pub", gates(pub={"first": T, "second": F}), TWO_IDS, overridden(F)),
    ("lo28", "gate", "pub", gates(pub={"first": F}), TWO_IDS, overridden(F)),
    ("lo29", "gate", "pub", gates(pub={"k": F}), ONLY_CUSTOM, PUBRULE),
    ("lo30", "gate", "pub", gates(pub={"42": F}), {"customIDs": {"k": 42}}, overridden(F)),
    ("lo31", "gate", "pub", gates(pub={"U1": F}), None, PUBRULE),
    ("lo32", "gate", "PUB", gates(pub={"": F}), None, unrecognized(F)),
    ("lo33", "gate", "p_pub", gates(pub={"u1": F}), None, result(F, "default", OVERRIDDEN_PUB)),
    ("lo34", "gate", "p_pub", gates(pub={"u1": F}), U2, result(T, "r1", "pub:true:pubrule")),
    ("lo35", "gate", "not_priv", gates(priv={"": T}), None,
     result(F, "default", "priv:true:override")),
    ("lo36", "gate", "p_nope", gates(nope={"": T}), None, result(T, "r1", "nope:true:override")),
    ("lo37", "gate", "p_future", gates(future={"": T}), None,
     result(T, "r1", "future:true:override")),
    ("lo38", "gate", "p_p_pub", gates(pub={"": F}), None,
     result(F, "default", OVERRIDDEN_PUB, "p_pub:false:default")),
    ("lo39", "gate", "p_p_pub", gates(p_pub={"": T}), None,
     result(T, "r1", "p_pub:true:override")),
    ("lo40", "gate", "p_segment", gates(pub={"": F}), None, result(F, "default", OVERRIDDEN_PUB)),
    ("lo41", "gate", "p_segment", gates(**{"segment:s": {"": F}}), None, result(F, "default")),
    ("lo42", "gate", "held", gates(hold={"": T}), None, result(T, "r1", "hold:true:override")),
    ("lo43", "gate", "p_pub", gates(p_pub={"": F}), None, overridden(F)),
    ("lo50", "config", "conf", {"configs": {"conf": {"": OV}}}, None, overridden(OV)),
    ("lo51", "config", "conf", {"configs": {"conf": {"u1": OV}}}, None, overridden(OV)),
    ("lo52", "config", "conf", {"configs": {"conf": {"u1": OV}}}, U2,
     result(A, "r1", group_name="g", version=5)),
    ("lo53", "config", "nope", {"configs": {"nope": {"": OV}}}, None, overridden(OV)),
    ("lo54", "config", "conf_gate", gates(priv={"": T}), None,
     result(A, "r1", "priv:true:override")),
    ("lo55", "config", "conf", gates(conf={"": T}), None,
     result(A, "r1", group_name="g", version=5)),
    ("lo56", "config", "conf", {"layers": {"conf": {"": OV}}}, None,
     result(A, "r1", group_name="g", version=5)),
    ("lo60", "experiment", "exp", {"experiments": {"exp": {"": OV}}}, None, overridden(OV)),
    ("lo61", "experiment", "exp", {"experiments": {"exp": {"": A, "u2": OV}}}, U2,
     overridden(OV)),
    ("lo62", "experiment", "exp", {"experiments": {"exp": {"cid": OV}}}, ONLY_CUSTOM,
     overridden(OV)),
    ("lo63", "experiment", "nope", {"experiments": {"nope": {"": {}}}}, None, overridden({})),
    ("lo70", "layer", "lay", {"layers": {"lay": {"": OV}}}, None, overridden(OV)),
    ("lo71", "layer", "plain", {"layers": {"plain": {"u1": OV}}}, None, overridden(OV)),
    ("lo72", "layer", "plain", {"layers": {"plain": {"u1": OV}}}, U2, result(A, "r1")),
    ("lo73", "layer", "nope", {"layers": {"nope": {"": OV}}}, None, overridden(OV)),
    ("lo74", "layer", "lay", {"experiments": {"exp": {"": OV}}}, None, DELEGATED),
    ("lo75", "layer", "lay", {"configs": {"exp": {"": OV}}}, None, DELEGATED),
    ("lo76", "layer", "lay", gates(pub={"": F}), None,
     result({}, "default", OVERRIDDEN_PUB, passed=F, version=4)),
    ("lo77", "layer", "lay", {"experiments": {"lay": {"": OV}}}, None, DELEGATED),
    ("lo80", "gate", "pub", {}, None, PUBRULE),
    ("lo81", "gate", "pub", {"gates": {}, "configs": {}, "experiments": {}, "layers": {}},
     None, PUBRULE),
    ("lo82", "gate", "pub", gates(pub={"": F}), None, overridden(F) | {
        "details": details("LocalOverride") | {"detailed_reason": "Network:LocalOverride"}}),
    ("lo83", "gate", "pub", None, None, PUBRULE),
]
# fmt: on


def _case(row: str, kind: str, name: str, overrides, user, expect: dict) -> dict:
    more = {} if overrides is None else {"overrides": overrides}
    return case(row, name, expect, user, kind, **more)


SUITES = [
    Suite(
        "override",
        "Local overrides of every kind.",
        [_case(*row) for row in ROWS],
        RULESET,
    )
]
