"""The roll of a rule: which units are within its percentage."""

from conformance.hashing import bucket_of, unit_in
from conformance.model import (
    DROP,
    PUBLIC,
    Ruleset,
    Suite,
    case,
    config,
    gate,
    result,
    rule,
)

COMPANY = {"idType": "companyID"}
# id, salt of the gate, members of the rule, and for unit 0 to 9 whether it is in
KNOWN = [
    ("pp01", "half_spec_salt", {"salt": "half_salt"}, "user", "TFFTFFTTTT"),
    ("pp02", "hs", {"id": "nosaltid", "salt": DROP}, "user", "TTFTTFFFFT"),
    ("pp03", "hs", {"id": "nosaltid", "salt": ""}, "user", "TFFFTTFFFT"),
    ("pp04", "hs2", {"salt": "hcs"} | COMPANY, "co", "FFTFTFTTFF"),
    ("pp20", "hs", {"id": "nosaltid", "salt": None}, "user", "TTFTTFFFFT"),
]
# Percentages, down to parts that do not fill a bucket.
PERCENTAGES = [0, 0.005, 0.01, 0.5, 1, 12.345, 33.33, 50, 99.99, 100]
SALT, RULE_SALT = "edge", "edge_rule"


def _known() -> tuple[list, list]:
    gates, cases = [], []
    for name, salt, members, unit, within in KNOWN:
        members = {"id": "r1", **members}
        rule_id = members["id"]
        gates.append(gate(name, rule("r1", PUBLIC, percent=50, **members), salt=salt))
        for number, mark in enumerate(within):
            unit_id = f"{unit}_{number}"
            user = {"userID": unit_id}
            if members.get("idType"):
                user = {"userID": "u1", "customIDs": {"companyID": unit_id}}
            expect = result(mark == "T", rule_id)
            cases.append(case(f"{name}_{number}", name, expect, user))
    missing = {"about": "A missing unit hashes as the empty text."}
    cases.append(case("pp05", "pp04", result(False, "r1"), **missing))
    return gates, cases


def _edges() -> tuple[list, list]:
    """The last unit within each percentage and the first one beyond it."""
    gates, cases = [], []
    for percent in PERCENTAGES:
        name = f"pct_{percent}"
        gates.append(
            gate(name, rule("r1", PUBLIC, percent=percent, salt=RULE_SALT), salt=SALT)
        )
        first_out = -(-round(percent * 1000) // 10)  # rounded up
        for number in (first_out - 1, first_out):
            if 0 <= number <= 9999:
                unit = unit_in(number, lambda one: bucket_of(SALT, RULE_SALT, one))
                expect = result(number < first_out, "r1")
                cases.append(
                    case(f"{name}_at_{number}", name, expect, {"userID": unit})
                )
    return gates, cases


def _within(name: str, unit_id: str, user: dict, **members) -> tuple[list, list]:
    """Two gates: the least whole percentage that has this unit in, and the one below."""
    low = bucket_of(SALT, RULE_SALT, unit_id) // 100
    gates, cases = [], []
    for percent, passes in ((low, False), (low + 1, True)):
        one = rule("r1", PUBLIC, percent=percent, salt=RULE_SALT, **members)
        full = f"{name}_{'in' if passes else 'out'}"
        gates.append(gate(full, one, salt=SALT))
        cases.append(case(full, full, result(passes, "r1"), user))
    return gates, cases


def _units() -> tuple[list, list]:
    company = {"userID": "u1", "customIDs": {"companyID": "c1"}}
    lower = {"userID": "u1", "customIDs": {"companyid": "c1"}}
    upper = {"userID": "u1", "customIDs": {"COMPANYID": "c1"}}
    # fmt: off
    rows = [
        ("unit_unicode", "\u00fcser_\u00e9", {"userID": "\u00fcser_\u00e9"}, {}),
        ("unit_number", "5", {"userID": 5}, {}),
        ("unit_user_id_case", "u1", company, {"idType": "USERID"}),
        ("unit_company", "c1", company, COMPANY),
        ("unit_company_lower", "c1", lower, COMPANY),
        ("unit_company_upper", "", upper, COMPANY),
        ("unit_company_number", "42", {"customIDs": {"companyID": 42}}, COMPANY),
        ("unit_company_missing", "", {"userID": "u1"}, COMPANY),
        ("unit_user_missing", "", {"customIDs": {"companyID": "c1"}}, {}),
        ("unit_stable_id", "s1", {"customIDs": {"stableID": "s1"}}, {"idType": "stableID"}),
        ("unit_dots", "a.b.c", {"userID": "a.b.c"}, {}),
        ("unit_space", " u1 ", {"userID": " u1 "}, {}),
        ("unit_long", "x" * 300, {"userID": "x" * 300}, {}),
        ("unit_empty_with_custom", "", {"userID": "", "customIDs": {"companyID": "c"}}, {}),
    ]
    # fmt: on
    gates, cases = [], []
    for name, unit_id, user, members in rows:
        more = _within(name, unit_id, user, **members)
        gates += more[0]
        cases += more[1]
    return gates, cases


def _suite() -> Suite:
    gates, cases = [], []
    for more in (_known(), _edges(), _units()):
        gates += more[0]
        cases += more[1]
    half = rule("r1", PUBLIC, percent=50, salt="half_salt", value={"a": 1})
    configs = [config("half", {"a": 0}, half, salt="half_spec_salt")]
    for number, passes in ((0, True), (1, False)):
        expect = result({"a": int(passes)}, "r1", passed=passes)
        user = {"userID": f"user_{number}"}
        cases.append(case(f"pp21_{number}", "half", expect, user, "config"))
    about = "Percentages: salts, units and the edges of the buckets."
    return Suite("percentage", about, cases, Ruleset(gates, configs))


SUITES = [_suite()]
