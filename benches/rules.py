#!/usr/bin/env python3
"""Makes rulesets of the size and mix of real ones: rules.py GATES > rules.json.

80 gates give about 400 KB, 2,000 about 10 MB. Deterministic. Contains the entities that
benches/c/bench.c asks for, whatever the size.
"""

import json
import random
import sys


def condition(kind, operator=None, target=None, field=None, salt=None):
    extra = {"salt": salt} if salt else {}
    return {"type": kind, "operator": operator, "targetValue": target, "field": field,
            "additionalValues": extra, "isDeviceBased": False, "idType": "userID"}


def rule(name, conditions, value=True, percentage=100, **more):
    return {"name": name, "groupName": name, "id": name, "salt": f"{name}-0d5c-4b1e-9f5a",
            "passPercentage": percentage, "conditions": conditions, "returnValue": value,
            "isDeviceBased": False, "idType": "userID", **more}


def spec(name, rules, default=False, entity="feature_gate", **more):
    kind = "feature_gate" if entity in ("feature_gate", "segment", "holdout") else "dynamic_config"
    return {"name": name, "type": kind, "salt": f"{name}-9e1c-47a8-b7f1-2d3e", "enabled": True,
            "defaultValue": default, "rules": rules, "isDeviceBased": False, "idType": "userID",
            "entity": entity, "version": 3, **more}


PUBLIC = condition("public")


def random_condition(draw):
    emails = [f"@{draw.randrange(10**6)}.example" for _ in range(draw.randrange(1, 6))]
    return draw.choice([
        condition("user_field", "str_ends_with_any", emails, "email"),
        condition("user_field", "any", [str(draw.randrange(10**9)) for _ in range(30)], "userID"),
        condition("ip_based", "any", draw.sample(["US", "DE", "NZ", "FR", "JP"], 2), "country"),
        condition("user_field", "version_gte", f"{draw.randrange(4)}.{draw.randrange(10)}.0",
                  "appVersion"),
        condition("user_field", "gt", draw.randrange(80), "age"),
        condition("environment_field", "any", ["development"], "tier"),
        condition("pass_gate", None, "bench_holdout"),
    ])


def fixed_gates():
    many = [rule(f"many-{i}", [condition("user_field", "any", [f"nobody-{i}"], "email"),
                               condition("user_field", "gt", 200 + i, "age")])
            for i in range(16)]
    return [
        spec("bench_public", [rule("public", [PUBLIC])]),
        spec("bench_half", [rule("half", [PUBLIC], percentage=50)]),
        spec("bench_holdout", [rule("holdout", [PUBLIC], percentage=0)], entity="holdout"),
        spec("bench_many_rules", [*many, rule("last", [PUBLIC])]),
        spec("bench_inner", [rule("inner", [condition("user_field", "any", ["de"], "lang")])]),
        spec("bench_middle", [rule("middle", [condition("pass_gate", None, "bench_inner"),
                                              condition("fail_gate", None, "bench_holdout")])]),
        spec("bench_nested", [rule("nested", [condition("pass_gate", None, "bench_middle"),
                                              condition("pass_gate", None, "bench_public")])]),
    ]


def fixed_configs():
    value = {"title": "Hello", "count": 42, "ratio": 0.5, "list": [1, 2, 3]}
    half = condition("user_bucket", "lt", 500, salt="bench-experiment-salt")
    groups = [rule("Control", [half], value, isExperimentGroup=True),
              rule("Test", [condition("user_bucket", "lt", 1000, salt="bench-experiment-salt")],
                   value, isExperimentGroup=True)]
    return [
        spec("bench_config", [rule("config", [PUBLIC], value)], {}, "dynamic_config"),
        spec("bench_experiment", groups, {}, "experiment", isActive=True),
        spec("bench_allocated", groups, {}, "experiment", isActive=True, hasSharedParams=True,
             explicitParameters=["title"]),
    ]


def main():
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 80
    draw = random.Random(7)
    gates, configs = fixed_gates(), fixed_configs()
    layers = [spec("bench_layer", [rule("layer", [PUBLIC], {}, configDelegate="bench_allocated")],
                   {"title": "Default"}, "layer")]
    for i in range(count):
        rules = [rule(f"gate-{i}-{n}", [random_condition(draw) for _ in range(draw.randrange(1, 4))],
                      percentage=draw.choice([0, 10, 50, 100, 100])) for n in range(draw.randrange(1, 6))]
        gates.append(spec(f"gate_number_{i}", rules))
        value = {f"key_{n}": draw.choice(["text", n, True, [n]]) for n in range(8)}
        rules = [rule(f"config-{i}-{n}", [random_condition(draw)], value, isExperimentGroup=True)
                 for n in range(2)]
        configs.append(spec(f"config_number_{i}", rules, value,
                            draw.choice(["dynamic_config", "experiment"]), isActive=True))
    json.dump({"has_updates": True, "time": 1_700_000_000_000, "feature_gates": gates,
               "dynamic_configs": configs, "layer_configs": layers,
               "layers": {"bench_layer": ["bench_allocated"]}, "id_lists": {}, "sdk_configs": {},
               "sdk_flags": {}, "diagnostics": {}}, sys.stdout, separators=(",", ":"))


main()
