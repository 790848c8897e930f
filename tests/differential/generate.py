"""Random but valid rulesets with users, reproducible from a seed and a number.

By default nothing is generated that could show an intended difference: a condition that could
for one of the users is thrown away and another is made. A ruleset that is given a *feature*
(features.py) carries that one on purpose.
"""

from dataclasses import dataclass, field

import users as pools
from conditions import Conditions
from differences import detect
from documents import HASHED_KEY, PLAIN_KEY, djb2, to_v2
from features import Feature
from seen import World
from values import core_lookup, legacy_lookup, lookup

NAMES = ["alpha", "beta", "check out", "dark_mode", "größe", "日本", "😀", "new.flow", "a/b"]
SALTS = ["", "s", "salt", "söl", "0b6e", "long salt with spaces"]
VALUES = [
    True, False, None, 0, 1, -7, 2.5, 0.1, 1.0, 1e21, 12345678901, "text", "", "é", "日本", "a\"b",
    [], {}, [1, "two", None], {"nested": {"deep": [1, {"x": 2}]}}, "</script>",
]  # fmt: skip
KEYS = ["color", "size", "limit", "title", "on", "ключ"]
SHARES = [100, 100, 100, 100, 0, 50, 10, 99, 33.3, 0.5, 0.07, 1]
APPS = ["app_a", "app_b", "app_c"]


@dataclass
class Ruleset:
    """One generated ruleset with the users and requests it is asked with."""

    number: str
    v1: dict
    users: list
    id_lists: dict
    feature: Feature | None = None
    environment: dict | None = None
    global_custom_fields: dict | None = None
    overrides: list = field(default_factory=list)
    # Further options of client initialize responses.
    gcir: list = field(default_factory=list)
    keep_disabled_rules: bool = False
    given_v2: dict | None = None

    @property
    def v2(self):
        return self.given_v2 or to_v2(self.v1, self.keep_disabled_rules)

    @property
    def world(self):
        return World(
            environment=self.environment,
            default_environment=self.v1.get("default_environment"),
            id_lists=self.id_lists,
            app_id=self.v1.get("app_id"),
            shared=self.global_custom_fields,
        )


def generate(seed, number, user_count, feature=None):
    return Maker(seed, number, user_count, feature).ruleset()


class Maker:
    def __init__(self, seed, number, user_count, feature):
        self.rng = pools.seeded(seed, number)
        self.number = str(number)
        self.feature = feature
        self.allowed = feature.names if feature else frozenset()
        self.users = pools.users(self.rng, user_count)
        if feature:
            feature.prepare_users(self.rng, self.users)
        self.world = World()
        if self.rng.random() < 0.4:
            self.world.environment = {"tier": self.rng.choice(pools.TIERS)}
        if self.rng.random() < 0.3:
            self.world.default_environment = self.rng.choice(pools.TIERS)
        if self.rng.random() < 0.4:
            self.world.app_id = self.rng.choice(APPS)
        if self.rng.random() < 0.1:
            self.world.shared = {"plan": "pro", "glob": 5, "wild": "shared"}
        self.world.id_lists = self.id_lists()
        self.conditions = Conditions(self.rng, self.users, self.world.id_lists, APPS)
        self.distinct = {}
        self.usable_gates = []
        self.gates, self.configs, self.layers = [], [], []
        self.delegated = {}

    # -- Conditions ----------------------------------------------------------------------

    def condition(self):
        for _ in range(50):
            made = self.conditions.any(self.usable_gates)
            if self.is_allowed(made):
                return made
        return {"type": "public", "operator": None, "targetValue": None}

    def is_allowed(self, condition):
        for user in self.witnesses(condition):
            if any(
                known.name not in self.allowed for known in detect(condition, user, self.world)
            ):
                return False
        return True

    def witnesses(self, condition):
        """Users that differ in what the condition looks at: the others need no check."""
        kind, name = condition["type"], condition.get("field") or ""
        key = (kind, name, condition.get("idType"))
        if key not in self.distinct:
            seen = {}
            for user in self.users:
                looked_at = [
                    f(user, x, self.world.shared)
                    for f in (lookup, legacy_lookup, core_lookup)
                    for x in (name, "ip" if kind == "ip_based" else "userAgent")
                ]
                looked_at.append(user.get("country"))
                if kind == "unit_id":
                    looked_at = [user.get("userID"), user.get("customIDs")]
                elif kind == "environment_field":
                    looked_at = user.get("statsigEnvironment")
                elif kind not in ("user_field", "ua_based", "ip_based"):
                    looked_at = None
                seen.setdefault(repr(looked_at), user)
            self.distinct[key] = list(seen.values())
        return self.distinct[key]

    # -- Rules ---------------------------------------------------------------------------

    def rule(self, number, return_value, **members):
        rng = self.rng
        made = {
            "name": f"rule {number}",
            "id": f"{self.number}r{number}_{rng.randrange(10**6)}",
            "salt": rng.choice([*SALTS, f"rs{number}"]),
            "passPercentage": rng.choice(SHARES),
            "conditions": [self.condition() for _ in range(rng.choice([0, 1, 1, 1, 2, 3]))],
            "returnValue": return_value,
            "idType": rng.choice(["userID", "userID", "stableID", "companyID", "USERID"]),
            "groupName": rng.choice([None, "Control", "Test", "grüppe"]),
            "isExperimentGroup": rng.random() < 0.4,
        }
        made.update(members)
        for optional in ("name", "salt", "groupName", "isExperimentGroup"):
            if rng.random() < 0.15:
                del made[optional]
        return made

    def rules(self, return_value, limit=4):
        return [
            self.rule(at, return_value()) for at in range(self.rng.randrange(limit + 1))
        ]

    def spec(self, name, kind, entity, rules, default):
        rng = self.rng
        made = {
            "name": name,
            "type": kind,
            "entity": entity,
            "salt": rng.choice([*SALTS, name]),
            "enabled": rng.random() < 0.9,
            "defaultValue": default,
            "rules": rules,
            "idType": rng.choice(["userID", "userID", "stableID", "companyID", "stableid"]),
            "version": rng.choice([None, 1, 7, 123]),
            "isActive": rng.random() < 0.6,
            "forwardAllExposures": rng.random() < 0.2,
        }
        if rng.random() < 0.5:
            made["targetAppIDs"] = rng.sample(APPS, rng.randrange(3))
        for optional in ("isActive", "version", "forwardAllExposures"):
            if rng.random() < 0.2:
                del made[optional]
        if rng.random() < 0.1:
            made["someUnknownMember"] = {"x": [1]}
        return made

    def value(self):
        count = self.rng.randrange(4)
        return {key: self.rng.choice(VALUES) for key in self.rng.sample(KEYS, count)}

    # -- Entities ------------------------------------------------------------------------

    def gate(self, name, entity, rules=None):
        """Adds a gate, which gates made from now on may nest."""
        if rules is not None:
            pass
        elif entity == "holdout":
            rules = [self.rule(0, True, passPercentage=self.rng.choice([0, 0, 100]))]
        else:
            rules = self.rules(lambda: True)
        made = self.spec(name, "feature_gate", entity, rules, False)
        self.gates.append(made)
        self.usable_gates.append(name)
        return made

    def config(self, name, entity):
        experiment = entity == "experiment"
        rules = []
        for at in range(self.rng.randrange(5)):
            members = {"groupName": self.rng.choice(["Control", "Test", None])}
            if experiment:
                members["id"] = self.rng.choice(
                    ["layerAssignment", "targetingGate", "prestart", f"group{at}"]
                )
            rules.append(self.rule(at, self.value(), **members))
        made = self.spec(name, "dynamic_config", entity, rules, self.value())
        if experiment and self.rng.random() < 0.5:
            made["hasSharedParams"] = self.rng.random() < 0.8
            made["explicitParameters"] = self.rng.sample(KEYS, self.rng.randrange(4))
        self.configs.append(made)
        return made

    def layer(self, name):
        rules = []
        experiments = [x["name"] for x in self.configs if x["entity"] == "experiment"]
        for at in range(self.rng.randrange(4)):
            members = {}
            if experiments and self.rng.random() < 0.7:
                members["configDelegate"] = self.rng.choice(experiments)
                self.delegated.setdefault(name, []).append(members["configDelegate"])
            elif self.rng.random() < 0.1:
                members["configDelegate"] = self.rng.choice(["no_such_experiment", "", None])
            rules.append(self.rule(at, self.value(), **members))
        made = self.spec(name, "dynamic_config", "layer", rules, self.value())
        if self.rng.random() < 0.3:
            made["explicitParameters"] = self.rng.sample(KEYS, self.rng.randrange(3))
        self.layers.append(made)

    def id_lists(self):
        ids = [str(user.get("userID")) for user in self.users]
        ids += [str(x) for user in self.users for x in (user.get("customIDs") or {}).values()]
        return {
            f"list_{at}": self.rng.sample(ids, len(ids) // 3) + ["pro", "10", "é"]
            for at in range(self.rng.randrange(3))
        }

    # -- The document --------------------------------------------------------------------

    def ruleset(self):
        rng = self.rng
        for at in range(rng.randrange(4)):
            self.gate(f"segment:{rng.choice(NAMES)}_{at}", "segment")
        for at in range(rng.randrange(3)):
            self.gate(f"holdout_{at}", "holdout")
        for at in range(rng.randrange(2, 9)):
            self.gate(f"gate_{rng.choice(NAMES)}_{at}", "feature_gate")
        for at in range(rng.randrange(1, 8)):
            entity = rng.choice(["dynamic_config", "experiment", "experiment", "autotune"])
            self.config(f"{entity}_{rng.choice(NAMES)}_{at}", entity)
        for at in range(rng.randrange(1, 4)):
            self.layer(f"layer_{rng.choice(NAMES)}_{at}")
        made = Ruleset(
            number=self.number,
            v1=self.document(),
            users=self.users,
            id_lists=self.world.id_lists,
            environment=self.world.environment,
            feature=self.feature,
            global_custom_fields=self.world.shared,
        )
        made.overrides = self.overrides()
        if self.feature:
            self.feature.apply(self, made)
        return made

    def document(self):
        rng = self.rng
        made = {
            "has_updates": True,
            "time": 1_700_000_000_000 + rng.randrange(10**6),
            "feature_gates": self.gates,
            "dynamic_configs": self.configs,
            "layer_configs": self.layers,
            "layers": self.delegated,
            "id_lists": {name: True for name in self.world.id_lists},
            "diagnostics": {},
            "sdk_flags": {},
            "sdk_configs": {},
        }
        if self.world.app_id:
            made["app_id"] = self.world.app_id
        if self.world.default_environment:
            made["default_environment"] = self.world.default_environment
        keys = rng.randrange(3)
        if keys == 1:
            made["sdk_keys_to_app_ids"] = {PLAIN_KEY: rng.choice(APPS)}
        if keys == 2:
            made["hashed_sdk_keys_to_app_ids"] = {djb2(HASHED_KEY): rng.choice(APPS)}
        if rng.random() < 0.3:
            made.update(self.mapping())
        return made

    def mapping(self):
        """Config mapping of entities that nothing nests, and of a name that does not exist."""
        rng = self.rng
        nested = {
            condition.get("targetValue")
            for spec in [*self.gates, *self.configs, *self.layers]
            for rule in spec["rules"]
            for condition in rule["conditions"]
            if condition["type"].endswith("_gate")
        }
        top = [spec["name"] for spec in self.gates if spec["name"] not in nested]
        sources = [*top, "mapped_unknown"]
        rules = {}
        overrides = {}
        gates, self.usable_gates = self.usable_gates, []
        sources = rng.sample(sources, min(len(sources), 2))
        targets = [spec["name"] for spec in self.gates if spec["name"] not in sources]
        for at, source in enumerate(sources if targets else []):
            # No nested gates: they might be mapped back.
            rules[f"mapping_{at}"] = self.rule(at, True)
            entry = {"rule_name": f"mapping_{at}"}
            if rng.random() < 0.5:
                entry["start_time"] = rng.choice([0, 1_600_000_000_000, 4_000_000_000_000])
            overrides[source] = [{"new_config_name": rng.choice(targets), "rules": [entry]}]
        self.usable_gates = gates
        return {"overrides": overrides, "override_rules": rules}

    def overrides(self):
        """Local overrides, of kinds and ids that every side treats alike."""
        rng = self.rng
        made = []
        ids = [user["userID"] for user in self.users if isinstance(user.get("userID"), str)]
        top = [(spec["name"], True) for spec in self.gates]
        for name, _ in rng.sample(top, min(2, len(top))):
            made.append(("gate", name, rng.random() < 0.5, rng.choice(["", rng.choice(ids or [""])])))
        made.append(("gate", "overridden_unknown", True, ""))
        configs = [spec for spec in self.configs if spec["entity"] != "experiment"]
        if configs:
            made.append(("config", rng.choice(configs)["name"], self.value(), ""))
        return made
