"""Random conditions over the users of a ruleset, all types and operators."""

import users as pools
from seen import EQUAL, MATCH, NUMERIC, OPERATORS, TIME, VERSION
from values import lookup

PATTERNS = [
    "^a", "b$", "a.c", "[0-9]+", "^user_\\d+$", "(?:pro|free)", "^$", ".*", "é", "x|y",
    "@example\\.(com|org)$", "^[^@]+@", "(?=a)a", "\\d{2,}", "10",
]  # fmt: skip
TOP_LEVEL = [
    "userID", "userid", "USERID", "user_id", "email", "Email", "ip", "ipAddress", "userAgent",
    "country", "COUNTRY", "locale", "LOCALE", "appVersion", "app_version", "appversion",
]  # fmt: skip
UA_NAMES = [
    "os_name", "osName", "OS_NAME", "os_version", "osversion", "browser_name", "browserName",
    "browser_version", "browserversion", "device",
]  # fmt: skip
UA_TARGETS = [
    "iOS", "Android", "Windows", "Mac OS X", "mac os x", "Linux", "Chrome", "Chrome Mobile",
    "Mobile Safari", "Firefox", "Edge", "Other", "15.6.1", "12.0.0", "10.0.0", "104.0.5112",
]  # fmt: skip
SALTS = ["bs", "bucket_salt", "söl", "", None, "7a1f"]
CUSTOM = [*pools.CUSTOM_FIELDS, "LEVEL", "Plan", "Tags", "absent"]
ARRAY_TARGETS = [
    ["a"], ["A"], ["a", "b"], ["1"], [1], [1, 2], ["z"], [], ["a", 5], ["é"], [7], ["true"],
]  # fmt: skip
# Moments around the times users carry, in milliseconds.
MOMENTS = [
    1_700_000_000_000, 1_699_999_999_000, 1_600_000_000_000, 1_650_000_000_000, 1_000_000_000_000,
    1_700_003_600_000, 20_000_000_000, 4_000_000_000_000,
]  # fmt: skip
ALL_OPERATORS = sorted(OPERATORS)
KINDS = [
    ("public", 8), ("user_field", 40), ("unit_id", 12), ("user_bucket", 14), ("ua_based", 7),
    ("ip_based", 6), ("environment_field", 5), ("current_time", 4), ("target_app", 2),
    ("pass_gate", 14), ("fail_gate", 7),
]  # fmt: skip


class Conditions:
    """Makes conditions; `gates` are the names a nested gate may have so far."""

    def __init__(self, rng, users, id_lists, app_ids):
        self.rng = rng
        self.users = users
        self.id_lists = id_lists
        self.app_ids = app_ids

    def any(self, gates):
        kinds = [kind for kind in KINDS if gates or not kind[0].endswith("_gate")]
        names, weights = zip(*kinds)
        kind = self.rng.choices(names, weights)[0]
        condition = {"type": kind, "targetValue": None, "operator": None, "field": None}
        condition.update(getattr(self, kind)(gates))
        if self.rng.random() < 0.3:
            condition["idType"] = condition.get("idType", "userID")
        if self.rng.random() < 0.3:
            condition.setdefault("additionalValues", {"custom_field": condition["field"] or ""})
        if condition["field"] is None and self.rng.random() < 0.5:
            del condition["field"]
        return condition

    def public(self, _):
        return {"operator": self.rng.choice([None, "none", "any"])}

    def user_field(self, _):
        name = self.rng.choice(CUSTOM if self.rng.random() < 0.6 else TOP_LEVEL)
        operator = self.rng.choice(ALL_OPERATORS)
        return {"field": name, **self.compare(operator, self.values_of(name))}

    def unit_id(self, _):
        operator = self.rng.choice(
            ["any", "none", "in_segment_list", "in_segment_list", "eq", "neq", "str_starts_with_any"]
        )
        id_type = self.rng.choice(pools.ID_TYPES)
        ids = [user.get("userID") for user in self.users]
        return {"idType": id_type, **self.compare(operator, [x for x in ids if x is not None])}

    def user_bucket(self, _):
        made = {"idType": self.rng.choice(pools.ID_TYPES[:-1])}
        salt = self.rng.choice(SALTS)
        if salt is not None:
            made["additionalValues"] = {"salt": salt}
        if self.rng.random() < 0.6:
            operator = self.rng.choice(sorted(NUMERIC))
            made.update(operator=operator, targetValue=self.rng.choice([0, 1, 250, 500, 900, 1000]))
        else:
            low = self.rng.randrange(1000)
            buckets = list(range(low, min(1000, low + self.rng.choice([1, 100, 500]))))
            made.update(operator=self.rng.choice(["any", "none"]), targetValue=buckets)
        return made

    def ua_based(self, _):
        name = self.rng.choice(UA_NAMES)
        if "ersion" in name:
            operator = self.rng.choice(["version_gte", "version_lt", "version_eq", "any"])
        else:
            operator = self.rng.choice(["any", "none", "any_case_sensitive", "str_matches", "neq"])
        return {"field": name, **self.compare(operator, UA_TARGETS)}

    def ip_based(self, _):
        operator = self.rng.choice(["any", "none", "eq", "neq", "str_contains_any"])
        name = self.rng.choice(["country", "country", "country", "ip", "COUNTRY", "locale"])
        return {"field": name, **self.compare(operator, pools.COUNTRIES)}

    def environment_field(self, _):
        operator = self.rng.choice(["any", "none", "eq", "str_contains_any", "any_case_sensitive"])
        return {"field": "tier", **self.compare(operator, pools.TIERS)}

    def current_time(self, _):
        return {
            "operator": self.rng.choice(["before", "after", "on"]),
            "targetValue": self.rng.choice(MOMENTS),
        }

    def target_app(self, _):
        return self.compare(self.rng.choice(["any", "none", "eq", "neq"]), self.app_ids)

    def pass_gate(self, gates):
        return {"operator": self.rng.choice([None, "any"]), "targetValue": self.rng.choice(gates)}

    fail_gate = pass_gate

    def values_of(self, name):
        return [x for x in (lookup(user, name) for user in self.users) if x is not None]

    def some(self, values, count):
        return [self.rng.choice(values or pools.TEXTS) for _ in range(count)]

    def compare(self, operator, values):
        """A target of the shape the operator wants, near the values users have."""
        return {"operator": operator, "targetValue": self.target(operator, values)}

    def target(self, operator, values):
        rng = self.rng
        if rng.random() < 0.02:
            return None
        if operator in NUMERIC:
            return rng.choice([*pools.NUMBERS, rng.choice(pools.NUMBER_TEXTS)])
        if operator in VERSION:
            return rng.choice(pools.VERSIONS)
        if operator in TIME:
            return rng.choice(MOMENTS)
        if operator in MATCH:
            return rng.choice(PATTERNS)
        if operator in EQUAL:
            return rng.choice([None, *self.some(values, 3), rng.choice(pools.TEXTS)])
        if operator.endswith("segment_list"):
            return rng.choice([*self.id_lists, "no_such_list"])
        if "array_contains" in operator:
            return rng.choice(ARRAY_TARGETS)
        targets = self.some(values, rng.randrange(4)) + self.some(pools.TEXTS, rng.randrange(3))
        if operator.startswith("str_"):
            targets = [piece(rng, x) if isinstance(x, str) else x for x in targets]
        return targets


def piece(rng, whole):
    if len(whole) < 2 or rng.random() < 0.4:
        return whole
    start = rng.randrange(len(whole) - 1)
    return whole[start : start + rng.randrange(1, 4)]
