"""Builders of rulesets and cases, and their translation to both ruleset formats.

Tables are written once, in the shape of a v1 document. A `By` marks a value that
depends on the format; `Suite.files` resolves it and translates the document.
"""

import json
from dataclasses import dataclass, field
from typing import Any

TIME = 1_700_000_000_000
FORMATS = ("v1", "v2")
# In place of a member or an item: leave it out.
DROP = object()


@dataclass(frozen=True)
class By:
    """A value that differs between the two ruleset formats."""

    v1: Any
    v2: Any


def resolve(value: Any, version: str) -> Any:
    if isinstance(value, By):
        return resolve(getattr(value, version), version)
    if isinstance(value, dict):
        return {key: resolve(item, version) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        items = [resolve(item, version) for item in value]
        return [item for item in items if item is not DROP]
    return value


def _merge(base: dict, more: dict) -> dict:
    return {key: item for key, item in {**base, **more}.items() if item is not DROP}


# --- Conditions, rules, specs ---


def condition(kind: str, operator=None, target=None, name=None, **more) -> dict:
    base = {
        "type": kind,
        "operator": operator,
        "targetValue": target,
        "field": name,
        "idType": "userID",
    }
    return _merge(base, more)


def user_field(name: str, operator: str, target, **more) -> dict:
    return condition("user_field", operator, target, name, **more)


def user_is(*ids: str) -> dict:
    return user_field("userID", "any", list(ids))


def pass_gate(name) -> dict:
    return condition("pass_gate", None, name)


def fail_gate(name) -> dict:
    return condition("fail_gate", None, name)


def bucket(operator: str, target, salt="bs", **more) -> dict:
    more = {"additionalValues": {"salt": salt}, **more}
    return condition("user_bucket", operator, target, **more)


PUBLIC = condition("public")
NOBODY = user_is("nobody")
# Same shape as a condition this library knows, but from a server that is ahead of it.
FUTURE = condition("zzz_new", "any", ["a"])


def rule(rule_id: str, *conditions: dict, value: Any = True, percent=100, **more):
    base = {
        "name": rule_id,
        "id": rule_id,
        "salt": rule_id,
        "passPercentage": percent,
        "conditions": list(conditions),
        "returnValue": value,
        "idType": "userID",
    }
    return _merge(base, more)


def _spec(name: str, kind: str, entity: str, default, rules, more: dict) -> dict:
    base = {
        "name": name,
        "type": kind,
        "entity": entity,
        "salt": f"s-{name}",
        "enabled": True,
        "defaultValue": default,
        "rules": list(rules),
        "idType": "userID",
    }
    return _merge(base, more)


def gate(name: str, *rules: dict, default=False, entity="feature_gate", **more):
    return _spec(name, "feature_gate", entity, default, rules, more)


def config(name: str, default: dict, *rules: dict, entity="dynamic_config", **more):
    return _spec(name, "dynamic_config", entity, default, rules, more)


def experiment(name: str, default: dict, *rules: dict, **more) -> dict:
    more = {"isActive": True, "hasSharedParams": False, **more}
    return config(name, default, *rules, entity="experiment", **more)


def layer(name: str, default: dict, *rules: dict, **more) -> dict:
    return config(name, default, *rules, entity="layer", **more)


def group(rule_id: str, group_name: str, *conditions: dict, value: dict, **more):
    """A rule of an experiment that puts a user into a group."""
    more = {"groupName": group_name, "isExperimentGroup": True, **more}
    return rule(rule_id, *conditions, value=value, **more)


# --- Rulesets ---


@dataclass
class Ruleset:
    gates: list = field(default_factory=list)
    configs: list = field(default_factory=list)
    layers: list = field(default_factory=list)
    extra: dict = field(default_factory=dict)
    id_lists: dict = field(default_factory=dict)

    def document(self, version: str) -> dict:
        v1 = {
            "has_updates": True,
            "time": TIME,
            "feature_gates": self.gates,
            "dynamic_configs": self.configs,
            "layer_configs": self.layers,
            "layers": {},
            "id_lists": dict.fromkeys(self.id_lists, True),
            "sdk_flags": {},
            "sdk_configs": {},
            "diagnostics": {},
            **self.extra,
        }
        v1 = resolve(v1, version)
        return v1 if version == "v1" else _to_v2(v1)


def _to_v2(document: dict) -> dict:
    """Maps instead of arrays, conditions by key, experiments to layers."""
    keys: dict[str, str] = {}
    conditions: dict[str, dict] = {}

    def key_of(item) -> str:
        if isinstance(item, str):  # already a key, perhaps one that leads nowhere
            return item
        if item["type"] == "user_bucket" and isinstance(item["targetValue"], list):
            target = {str(number): True for number in item["targetValue"]}
            item = {**item, "targetValue": target}
        text = json.dumps(item, sort_keys=True)
        key = keys.setdefault(text, str(1001 + len(keys)))
        conditions[key] = item
        return key

    # What is malformed on purpose stays as it is.
    def by_key(item):
        if not isinstance(item, dict) or not isinstance(item["conditions"], list):
            return item
        return {**item, "conditions": [key_of(one) for one in item["conditions"]]}

    def all_by_key(rules):
        return [by_key(item) for item in rules] if isinstance(rules, list) else rules

    def by_name(specs: list) -> dict:
        return {
            one["name"]: {
                **{key: item for key, item in one.items() if key != "name"},
                "rules": all_by_key(one["rules"]),
            }
            for one in specs
        }

    v2 = {"response_format": "dcs-v2", **document}
    for collection in ("feature_gates", "dynamic_configs", "layer_configs"):
        v2[collection] = by_name(document[collection])
    if "override_rules" in document:
        rules = document["override_rules"]
        v2["override_rules"] = {name: by_key(item) for name, item in rules.items()}
    v2["experiment_to_layer"] = {
        experiment_name: layer_name
        for layer_name, members in v2.pop("layers").items()
        for experiment_name in members
    }
    v2["condition_map"] = conditions
    return v2


# --- Expected results ---


def details(reason: str = "none", source: str = "Network") -> dict:
    detailed = source if reason == "none" else f"{source}:{reason}"
    return {"source": source, "reason": reason, "detailed_reason": detailed}


def without_rule(value, reason: str) -> dict:
    """Evaluation stopped: nothing but the value and the reason is promised."""
    return {"value": value, "passed": False, "rule_id": "", "details": details(reason)}


def exposure(entry):
    """From `gate:value:rule`."""
    if isinstance(entry, By):
        return By(exposure(entry.v1), exposure(entry.v2))
    if entry is DROP:
        return DROP
    return dict(zip(("gate", "gateValue", "ruleID"), entry.split(":", 2)))


def result(value, rule_id, *entries, undelegated: tuple | None = None, **more) -> dict:
    """All of an ordinary result; `entries` are the secondary exposures."""
    base = {
        "value": value,
        "passed": value if isinstance(value, (bool, By)) else True,
        "rule_id": rule_id,
        "group_name": None,
        "id_type": "userID",
        "version": None,
        "is_experiment_group": False,
        "secondary_exposures": [exposure(entry) for entry in entries],
        "undelegated_secondary_exposures": [
            exposure(entry)
            for entry in (entries if undelegated is None else undelegated)
        ],
        "explicit_parameters": [],
        "allocated_experiment": None,
        "override_config_name": None,
        "details": details(),
    }
    return _merge(base, more)


def unrecognized(value) -> dict:
    members = {"passed": False, "id_type": "", "details": details("Unrecognized")}
    return result(value, "", **members)


def overridden(value) -> dict:
    passed = value if isinstance(value, bool) else False
    members = {"passed": passed, "id_type": "", "details": details("LocalOverride")}
    return result(value, "override", **members)


# --- Cases and suites ---


def case(case_id: str, name: str, expect: dict, user=None, kind="gate", **more) -> dict:
    """`more`: about, overrides."""
    base = {
        "id": case_id,
        "about": more.pop("about", DROP),
        "kind": kind,
        "name": name,
        "user": {"userID": "u1"} if user is None else user,
        "overrides": more.pop("overrides", DROP),
        "expect": expect,
    }
    return _merge(base, more)


@dataclass
class Suite:
    """One file of cases for each format, and its ruleset unless another suite has it."""

    name: str
    about: str
    cases: list
    ruleset: Ruleset | None = None
    specs: str | None = None
    options: dict | None = None
    # None: one document, as it stands, and no suffix to names and ids.
    formats: tuple = FORMATS

    def files(self) -> dict[str, dict]:
        files: dict[str, dict] = {}
        for version in self.formats or (None,):
            suffix = f"_{version}" if version else ""
            specs = (self.specs or self.name) + suffix
            if self.ruleset is not None:
                document = self.ruleset.document(version or "v1")
                files[f"tests/specs/{specs}.json"] = document
                if self.ruleset.id_lists:
                    name = f"tests/specs/{specs}.id_lists.json"
                    files[name] = self.ruleset.id_lists
            head = {"about": self.about, "specs": specs}
            if self.options is not None:
                head["options"] = self.options
            cases = resolve(self.cases, version or "v1")
            head["cases"] = [{**one, "id": one["id"] + suffix} for one in cases]
            files[f"tests/cases/{self.name}{suffix}.json"] = head
        return files
