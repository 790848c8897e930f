"""The ruleset documents: v1 is what is generated, v2 is made from it; and what reaches what."""

import copy
from dataclasses import dataclass, field

# Client keys that requests use; what they are mapped to is up to the ruleset.
PLAIN_KEY, HASHED_KEY, UNKNOWN_KEY = "client-plain", "client-hashed", "client-unknown"

MAPS = ("feature_gates", "dynamic_configs", "layer_configs")


def specs_of(document, part):
    """The specs of one part, by name, in either version."""
    specs = document.get(part) or {}
    if isinstance(specs, dict):
        return specs
    return {spec["name"]: spec for spec in specs}


def to_v2(v1, keep_disabled_rules=False):
    """The same ruleset as a v2 document.

    The service leaves out the rules of disabled specs, since v2 readers evaluate them. A
    holdout rule turns from "0 % true" into "100 % false".
    """
    v2 = {key: value for key, value in v1.items() if key not in (*MAPS, "layers")}
    v2["response_format"] = "dcs-v2"
    v2["condition_map"] = {}
    v2["experiment_to_layer"] = {
        experiment: layer for layer, names in v1.get("layers", {}).items() for experiment in names
    }
    v2.setdefault("has_updates", True)
    for part in MAPS:
        v2[part] = {}
        for spec in v1.get(part, []):
            spec = copy.deepcopy(spec)
            name = spec.pop("name")
            # The unit of a spec is for reports only, and a v1 spec without one reports none.
            fill(spec, {"salt": "", "enabled": False, "defaultValue": {}, "idType": ""})
            if not spec["enabled"] and not keep_disabled_rules:
                spec["rules"] = []
            for rule in spec.setdefault("rules", []):
                convert_rule(rule, v2["condition_map"])
                holdout = spec.get("entity") == "holdout"
                if holdout and rule["passPercentage"] == 0 and rule["returnValue"] is True:
                    rule.update(passPercentage=100, returnValue=False)
            v2[part][name] = spec
    if v1.get("override_rules"):
        v2["override_rules"] = copy.deepcopy(v1["override_rules"])
        for rule in v2["override_rules"].values():
            convert_rule(rule, v2["condition_map"])
    return v2


def to_v1(v2):
    """The same ruleset as a v1 document, as far as v1 can say it."""
    conditions = v2.get("condition_map") or {}

    def with_conditions(rule):
        met = [copy.deepcopy(conditions[key]) for key in rule.get("conditions") or []]
        for condition in met:
            if condition["type"] == "user_bucket" and isinstance(condition["targetValue"], dict):
                condition["targetValue"] = [int(bucket) for bucket in condition["targetValue"]]
        return {**rule, "conditions": met}

    dropped = (*MAPS, "condition_map", "experiment_to_layer", "response_format", "checksum")
    v1 = {key: value for key, value in v2.items() if key not in dropped}
    for part in MAPS:
        v1[part] = [
            {**spec, "name": name, "rules": [with_conditions(x) for x in spec.get("rules") or []]}
            for name, spec in (v2.get(part) or {}).items()
        ]
    v1["layers"] = {}
    for experiment, layer in (v2.get("experiment_to_layer") or {}).items():
        v1["layers"].setdefault(layer, []).append(experiment)
    if v2.get("override_rules"):
        v1["override_rules"] = {x: with_conditions(y) for x, y in v2["override_rules"].items()}
    return v1


def fill(target, defaults):
    for key, value in defaults.items():
        target.setdefault(key, value)


def convert_rule(rule, condition_map):
    fill(rule, {"name": "", "id": "", "idType": "userID", "returnValue": {}})
    keys = []
    for condition in rule.get("conditions", []):
        condition = copy.deepcopy(condition)
        fill(condition, {"idType": "userID", "operator": None, "targetValue": None, "field": None})
        fill(condition, {"additionalValues": {}})
        buckets = condition["type"].lower() == "user_bucket"
        if buckets and isinstance(condition["targetValue"], list):
            condition["targetValue"] = {str(at): True for at in condition["targetValue"]}
        key = str(1000 + len(condition_map))
        condition_map[key] = condition
        keys.append(key)
    rule["conditions"] = keys


@dataclass
class Reach:
    """What evaluating an entity can come by: everything a difference may depend on."""

    conditions: list = field(default_factory=list)
    specs: dict = field(default_factory=dict)
    missing_gates: set = field(default_factory=set)
    nested: set = field(default_factory=set)
    delegates: set = field(default_factory=set)
    mapped_to: set = field(default_factory=set)
    mapped_nested: bool = False
    cyclic: bool = False


PART = {
    "gate": "feature_gates",
    "config": "dynamic_configs",
    "experiment": "dynamic_configs",
    "layer": "layer_configs",
}


class Index:
    """Specs of a document by name, and `reach` from an entity."""

    def __init__(self, document):
        self.document = document
        self.specs = {part: specs_of(document, part) for part in MAPS}
        self.memo = {}

    def conditions_of(self, rule):
        table = self.document.get("condition_map")
        if table is None:
            return rule.get("conditions") or []
        return [table[key] for key in rule["conditions"] if key in table]

    def reach(self, kind, name):
        key = (PART.get(kind), name)
        if key not in self.memo:
            found = Reach()
            if kind in PART:
                self.visit(PART[kind], name, found, ())
            self.memo[key] = found
        return self.memo[key]

    def visit(self, part, name, found, path):
        if (part, name) in path:
            found.cyclic = True
            return
        if (part, name) in found.specs:
            return
        path = (*path, (part, name))
        for mapping in (self.document.get("overrides") or {}).get(name) or []:
            found.mapped_nested |= len(path) > 1
            for entry in mapping["rules"]:
                rule = (self.document.get("override_rules") or {}).get(entry["rule_name"])
                if rule is not None:
                    self.visit_rule(rule, found, path)
            found.mapped_to.add(mapping["new_config_name"])
            self.visit(part, mapping["new_config_name"], found, path)
        spec = self.specs[part].get(name)
        if spec is None:
            if len(path) > 1 and part == "feature_gates":
                found.missing_gates.add(name)
            return
        found.specs[(part, name)] = spec
        for rule in spec.get("rules") or []:
            self.visit_rule(rule, found, path)

    def visit_rule(self, rule, found, path):
        for condition in self.conditions_of(rule):
            found.conditions.append(condition)
            kind = str(condition.get("type")).lower()
            target = condition.get("targetValue")
            if kind in ("pass_gate", "fail_gate"):
                gates = [target]
            elif kind in ("multi_pass_gate", "multi_fail_gate"):
                gates = target if isinstance(target, list) else []
            else:
                gates = []
            for gate in gates:
                if isinstance(gate, str) and gate:
                    found.nested.add(gate)
                    self.visit("feature_gates", gate, found, path)
            if kind == "experiment_group":
                self.visit("dynamic_configs", condition.get("field"), found, path)
        delegate = rule.get("configDelegate")
        if delegate:
            found.delegates.add(delegate)
            self.visit("dynamic_configs", delegate, found, path)

def djb2(name):
    h = 0
    for character in name:
        h = (h * 31 + ord(character)) & 0xFFFFFFFF
    return str(h)
