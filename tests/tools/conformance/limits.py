"""Depth, circles and size: what a ruleset may do to whoever evaluates it."""

from conformance.gates import F, T, multi
from conformance.model import (
    PUBLIC,
    Ruleset,
    Suite,
    case,
    details,
    experiment,
    fail_gate,
    gate,
    pass_gate,
    result,
    rule,
    user_field,
    user_is,
    without_rule,
)


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


def _wide() -> Suite:
    """Gates that share what they nest, many times over."""
    names = [f"w{number}" for number in range(40)]
    all_of_them = [pass_gate(name) for name in names]
    levels = [gate("d0", rule("r1", PUBLIC))]
    for number in range(1, 31):
        below = pass_gate(f"d{number - 1}")
        levels.append(gate(f"d{number}", rule("r1", below, below, fail_gate("none"))))
    gates = [
        gate("pub", rule("r1", PUBLIC)),
        gate("p_pub", rule("r1", pass_gate("pub"))),
        *(gate(name, rule("r1", pass_gate("p_pub"))) for name in names),
        gate("wide", rule("r1", *all_of_them)),
        gate(
            "twice", rule("r1", *all_of_them, user_is("u2")), rule("r2", *all_of_them)
        ),
        gate("none_of_them", rule("r1", multi("fail", *names))),
        gate("mapped", rule("r1", PUBLIC)),
        *levels,
    ]
    mapping = {"new_config_name": "wide", "rules": [{"rule_name": "if_wide"}]}
    extra = {
        "overrides": {"mapped": [mapping]},
        "override_rules": {"if_wide": rule("if_wide", *all_of_them)},
    }
    inner = ("pub:true:r1", "p_pub:true:r1")
    seen = (*inner, *(f"{name}:true:r1" for name in names))
    diamond = ("d0:true:r1", "none:false:", *(f"d{n}:true:r1" for n in range(1, 30)))
    cases = [
        case("wide", "wide", result(T, "r1", *seen)),
        case("wide_twice", "twice", result(T, "r2", *seen)),
        case("wide_multi", "none_of_them", result(F, "default", *seen)),
        case(
            "wide_mapped",
            "mapped",
            result(T, "r1", *seen, override_config_name="wide"),
            about="What the mapping's rule nested is forgotten, then seen again.",
        ),
        case(
            "diamond",
            "d30",
            result(T, "r1", *diamond),
            about="Two paths at each of thirty levels.",
        ),
    ]
    return Suite("wide", "Shared dependencies.", cases, Ruleset(gates, extra=extra))


def _long_lists() -> Suite:
    many = [f"Member {number}" for number in range(1000)]
    gates = [
        gate("any", rule("r1", user_field("f", "any", many))),
        gate("none", rule("r1", user_field("f", "none_case_sensitive", many))),
        gate("prefix", rule("r1", user_field("f", "str_starts_with_any", many))),
        gate("array", rule("r1", user_field("f", "array_contains_all", many))),
    ]
    # fmt: off
    rows = [
        ("any", "member 0", T), ("any", "MEMBER 999", T), ("any", "Member 1000", F),
        ("none", "Member 999", F), ("none", "member 999", T),
        ("prefix", "member 999, Esq.", T), ("prefix", "a member 999", F),
        ("array", many, T), ("array", many[1:], F),
    ]
    # fmt: on
    cases = []
    for number, (name, value, passes) in enumerate(rows):
        expect = result(passes, "r1" if passes else "default")
        user = {"userID": "u1", "custom": {"f": value}}
        cases.append(case(f"long_{number}_{name}", name, expect, user))
    return Suite("long_list", "Targets of a thousand values.", cases, Ruleset(gates))


SUITES = [_depth(), _wide(), _long_lists()]
