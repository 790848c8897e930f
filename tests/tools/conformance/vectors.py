"""The hash vectors as gates: half a bucket more lets the unit in, half a bucket less does not."""

from conformance.hashing import BUCKETS, USER_BUCKETS
from conformance.model import PUBLIC, Ruleset, Suite, bucket, case, gate, result, rule


def _user(unit_id: str) -> dict:
    """Without a user id, the unit is the empty text."""
    return {"userID": unit_id} if unit_id else {"customIDs": {"companyID": "c1"}}


def _suite() -> Suite:
    gates, cases = [], []

    def add(name: str, passes: bool, unit_id: str, one: dict, **more):
        gates.append(gate(name, one, **more))
        expect = result(passes, "r1" if passes or "roll" in name else "default")
        cases.append(case(name, name, expect, _user(unit_id)))

    for number, (salt, rule_salt, unit_id, _, within) in enumerate(BUCKETS):
        for half, passes in ((-0.5, False), (0.5, True)):
            one = rule("r1", PUBLIC, percent=(within + half) / 100, salt=rule_salt)
            side = "in" if passes else "out"
            add(f"vector_roll{number}_{side}", passes, unit_id, one, salt=salt)
    for number, (salt, unit_id, within) in enumerate(USER_BUCKETS):
        for bound, passes in ((within, False), (within + 1, True)):
            side = "in" if passes else "out"
            one = rule("r1", bucket("lt", bound, salt))
            add(f"vector_bucket{number}_{side}", passes, unit_id, one)
    about = "Units whose bucket is known, at the edges of that bucket."
    return Suite("hash_vector", about, cases, Ruleset(gates))


SUITES = [_suite()]
