#!/usr/bin/env python3
"""Makes rulesets of the size and mix of real ones: rules.py [--v1] SIZE > rules.json.

SIZE is small (20 gates and 15 configs), medium (about 400 KB), large (about 10 MB) or a number of
gates. Deterministic. Version 2 of the format unless told otherwise. Contains the entities that
benches/c/bench.c asks for, whatever the size.
"""

import json
import random
import sys
import uuid

SIZES = {"small": 20, "medium": 205, "large": 4700}


class Maker:
    """Draws specs one after the other; the same seed makes the same ruleset."""

    def __init__(self, seed):
        self.draw = random.Random(seed)
        self.gates = []

    def salt(self):
        return str(uuid.UUID(int=self.draw.getrandbits(128), version=4))

    def condition(self, kind, operator=None, target=None, field=None, salt=None, unit="userID"):
        extra = {"salt": salt} if salt else {}
        return {"type": kind, "operator": operator, "targetValue": target, "field": field,
                "additionalValues": extra, "isDeviceBased": False, "idType": unit}

    def rule(self, conditions, value=True, percentage=100, **more):
        name = "".join(self.draw.choices("0123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijk", k=22))
        return {"name": name, "groupName": f"group {name[:4]}", "id": name, "salt": self.salt(),
                "passPercentage": percentage, "conditions": conditions, "returnValue": value,
                "isDeviceBased": False, "idType": "userID", **more}

    def spec(self, name, rules, default=False, entity="feature_gate", **more):
        is_gate = entity in ("feature_gate", "segment", "holdout")
        return {"name": name, "type": "feature_gate" if is_gate else "dynamic_config",
                "salt": self.salt(), "enabled": True, "defaultValue": default, "rules": rules,
                "isDeviceBased": False, "idType": "userID", "entity": entity, "version": 3, **more}

    def public(self):
        return self.condition("public")

    def half(self, name):
        return self.spec(name, [self.rule([self.public()], percentage=50)])

    def some_condition(self):
        """One condition, of the types in the shares that real projects have."""
        draw = self.draw
        field = "user_field"
        emails = [f"@{draw.randrange(10**6)}.example" for _ in range(draw.choice([1, 1, 1, 2, 4]))]
        ids = [str(draw.randrange(10**9)) for _ in range(draw.choice([1, 1, 2, 3, 30]))]
        made = [
            (24, "pass_gate", None, draw.choice(self.gates or ["bench_holdout"]), None),
            (4, "fail_gate", None, "bench_holdout", None),
            (16, field, "any", ids, "userID"),
            (7, field, "none", ids[:2], "userID"),
            (8, field, "str_contains_any", emails, "email"),
            (4, field, "str_matches", f"^user-{draw.randrange(100)}.*$", "userID"),
            (8, field, "version_gte", f"{draw.randrange(4)}.{draw.randrange(10)}.0", "appVersion"),
            (5, field, "gt", draw.randrange(80), "age"),
            (8, "public", None, None, None),
            (6, "ip_based", "any", draw.sample(["US", "DE", "NZ", "FR", "JP"], 2), "country"),
            (6, "ua_based", "any", ["iOS", "Android"], "os_name"),
            (4, "environment_field", "any", ["development"], "tier"),
            (3, "current_time", "after", 1_700_000_000_000 + draw.randrange(10**9), None),
        ]
        chosen = draw.choices(made, [weight for weight, *_ in made])[0]
        _, kind, operator, target, name = chosen
        return self.condition(kind, operator, target, name)

    def some_gate(self, name):
        draw = self.draw
        count = draw.choices([1, 2, 3, 6, 18], [46, 36, 10, 5, 3])[0]
        rules = [self.rule([self.some_condition() for _ in range(draw.choice([1] * 7 + [2, 2, 3]))],
                           percentage=draw.choice([100] * 6 + [0, 0, 10, 50]))
                 for _ in range(count)]
        return self.spec(name, rules)

    def some_value(self):
        draw = self.draw
        return {f"key_{n}": draw.choice(["a text of some length", n, True, 0.5, [n, n + 1]])
                for n in range(draw.choice([1, 1, 2, 2, 8]))}

    def groups(self, count, value):
        """The groups of an experiment: one salt, and a share of the buckets each."""
        salt, unit = self.salt(), self.draw.choice(["userID"] * 4 + ["companyID"])
        bounds = [1000 * (n + 1) // count for n in range(count)]
        return [self.rule([self.condition("user_bucket", "lt", bound, salt=salt, unit=unit)],
                          value(), isExperimentGroup=True) for bound in bounds]

    def some_config(self, name):
        draw = self.draw
        if draw.random() < 0.2:
            return self.spec(name, [self.rule([self.some_condition()], self.some_value())],
                             self.some_value(), "dynamic_config")
        gated = [self.rule([self.condition("pass_gate", None, draw.choice(self.gates))], {})]
        rules = gated * draw.choice([0, 0, 1]) + self.groups(draw.choice([2, 2, 3]), self.some_value)
        return self.spec(name, rules, {}, "experiment", isActive=True)


def fixed_gates(make):
    many = [make.rule([make.condition("user_field", "any", [f"nobody-{i}"], "email"),
                       make.condition("user_field", "gt", 200 + i, "age")]) for i in range(16)]

    def gate_condition(kind, name):
        return make.condition(kind, None, name)

    return [
        make.spec("bench_public", [make.rule([make.public()])]),
        make.half("bench_half"),
        make.spec("bench_holdout", [make.rule([make.public()], percentage=0)], entity="holdout"),
        make.spec("bench_many_rules", [*many, make.rule([make.public()])]),
        make.spec("bench_inner", [make.rule([make.condition("user_field", "any", ["de"], "lang")])]),
        make.spec("bench_middle", [make.rule([gate_condition("pass_gate", "bench_inner"),
                                              gate_condition("fail_gate", "bench_holdout")])]),
        make.spec("bench_nested", [make.rule([gate_condition("pass_gate", "bench_middle"),
                                              gate_condition("pass_gate", "bench_public")])]),
    ]


def fixed_configs(make):
    value = {"title": "Hello", "count": 42, "ratio": 0.5, "list": [1, 2, 3]}
    salt = make.salt()
    groups = [make.rule([make.condition("user_bucket", "lt", bound, salt=salt)], value,
                        isExperimentGroup=True) for bound in (500, 1000)]
    return [
        make.spec("bench_config", [make.rule([make.public()], value)], {}, "dynamic_config"),
        make.spec("bench_experiment", groups, {}, "experiment", isActive=True),
        make.spec("bench_allocated", groups, {}, "experiment", isActive=True, hasSharedParams=True,
                  explicitParameters=["title"]),
    ]


def ruleset(count):
    """A ruleset of version 1."""
    make = Maker(7)
    gates, configs = fixed_gates(make), fixed_configs(make)
    layers = [make.spec("bench_layer", [make.rule([make.public()], {},
                                                  configDelegate="bench_allocated")],
                        {"title": "Default"}, "layer")]
    for i in range(count):
        # Every third gate nests nothing, and only those are nested: shallow, as most projects are.
        make.gates = [f"gate_number_{n}" for n in range(1, i + 1, 3) if i % 3 != 1]
        gates.append(make.some_gate(f"gate_number_{i}"))
    make.gates = [f"gate_number_{n}" for n in range(1, count, 3)]
    for i in range(count * 3 // 4):
        configs.append(make.some_config(f"config_number_{i}"))
    return {"has_updates": True, "time": 1_700_000_000_000, "feature_gates": gates,
            "dynamic_configs": configs, "layer_configs": layers,
            "layers": {"bench_layer": ["bench_allocated"]}, "id_lists": {}, "sdk_configs": {},
            "sdk_flags": {}, "diagnostics": {}}


def version_2(v1):
    """The same ruleset in version 2: specs by name, conditions once and by key."""
    keys, conditions = {}, {}

    def key_of(condition):
        text = json.dumps(condition)
        if text not in keys:
            keys[text] = str(2_000_000_000 + len(keys))
            conditions[keys[text]] = condition
        return keys[text]

    def by_name(specs):
        return {spec["name"]: {**{k: v for k, v in spec.items() if k != "name"}, "rules": [
            {**rule, "conditions": [key_of(c) for c in rule["conditions"]]}
            for rule in spec["rules"]]} for spec in specs}

    parts = {part: by_name(v1[part]) for part in ("feature_gates", "dynamic_configs",
                                                  "layer_configs")}
    layer_of = {name: layer for layer, names in v1.get("layers", {}).items() for name in names}
    kept = {k: v for k, v in v1.items() if k not in ("layers", "id_lists")}
    return {**kept, **parts, "condition_map": conditions, "experiment_to_layer": layer_of,
            "response_format": "dcs-v2", "company_id": "bench"}


def main():
    arguments = [argument for argument in sys.argv[1:] if argument != "--v1"]
    size = arguments[0] if arguments else "medium"
    made = ruleset(SIZES.get(size) or int(size))
    if "--v1" not in sys.argv:
        made = version_2(made)
    json.dump(made, sys.stdout, separators=(",", ":"))


if __name__ == "__main__":
    main()
