"""One condition as one user meets it, and the registry of named differences."""

import time
from dataclasses import dataclass, field

from values import UA_FIELDS, environment_value, lookup, unit_id

LEGACY = "legacy"
CORE = "core"

NUMERIC = {"gt", "gte", "lt", "lte"}
VERSION = {"version_gt", "version_gte", "version_lt", "version_lte", "version_eq", "version_neq"}
FOLDED_SET = {"any", "none"}
EXACT_SET = {"any_case_sensitive", "none_case_sensitive"}
TEXT = {"str_starts_with_any", "str_ends_with_any", "str_contains_any", "str_contains_none"}
MATCH = {"str_matches"}
EQUAL = {"eq", "neq"}
TIME = {"before", "after", "on"}
ID_LIST = {"in_segment_list", "not_in_segment_list"}
ARRAY = {
    "array_contains_any",
    "array_contains_none",
    "array_contains_all",
    "not_array_contains_all",
}
OPERATORS = (
    NUMERIC | VERSION | FOLDED_SET | EXACT_SET | TEXT | MATCH | EQUAL | TIME | ID_LIST | ARRAY
)
# Conditions whose operator is not looked at.
GATES = {"public", "pass_gate", "fail_gate", "multi_pass_gate", "multi_fail_gate"}
FIELD_KINDS = {"user_field", "ip_based", "ua_based"}
KINDS = GATES | FIELD_KINDS | {
    "environment_field",
    "current_time",
    "user_bucket",
    "unit_id",
    "target_app",
}


@dataclass
class World:
    """What an evaluation depends on besides the specs and the user."""

    environment: dict | None = None
    default_environment: str | None = None
    id_lists: dict = field(default_factory=dict)
    app_id: str | None = None
    shared: dict | None = None


@dataclass
class Seen:
    """A condition with the value it compares; `value` is None when that is missing."""

    condition: dict
    user: dict
    world: World
    kind: str
    operator: str | None
    target: object
    field: str
    value: object = None

    def read(self, lookup, name=None):
        """What one of the lookups finds for this user."""
        return lookup(self.user, self.field if name is None else name, self.world.shared)

    @property
    def targets(self):
        return self.target if isinstance(self.target, list) else []


def environment_of(user, world):
    if world.environment:
        return world.environment
    if user.get("statsigEnvironment"):
        return user["statsigEnvironment"]
    return {"tier": world.default_environment} if world.default_environment else None


def see(condition, user, world):
    kind = str(condition.get("type")).lower()
    name = condition.get("field") or ""
    operator = condition.get("operator")
    seen = Seen(condition, user, world, kind, operator, condition.get("targetValue"), name)
    if kind in FIELD_KINDS:
        seen.value = lookup(user, name, world.shared)
        if kind == "ua_based" and seen.value is None and name.lower() in UA_FIELDS:
            # Which text a user agent gives is up to the parser: only its presence counts.
            seen.value = lookup(user, "userAgent", world.shared)
    elif kind == "environment_field":
        seen.value = environment_value(environment_of(user, world), name)
    elif kind == "unit_id":
        seen.value = unit_id(user, condition.get("idType"))
    elif kind == "current_time":
        seen.value = int(time.time() * 1000)
    elif kind == "user_bucket":
        seen.value = 500
    elif kind == "target_app":
        seen.value = world.app_id
    return seen


@dataclass(frozen=True)
class Difference:
    """A difference from a vendor that is intended: its name, whose, when, and in what."""

    name: str
    vendor: str
    applies: object
    fields: frozenset


RESULT = frozenset({"result"})
EXPOSURES = frozenset({"exposures"})
# A nested gate whose value differs shows it in the exposures of what is around it.
BOTH = RESULT | EXPOSURES

ON_CONDITIONS = []


def difference(name, *vendors, fields=BOTH):
    """Registers a predicate over `Seen` as a named difference from each of the vendors."""

    def register(applies):
        for vendor in vendors:
            ON_CONDITIONS.append(Difference(name, vendor, applies, fields))
        return applies

    return register
