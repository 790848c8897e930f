"""Real ruleset files as rulesets, with users that vary over what their conditions look at."""

import json
from pathlib import Path

import users as pools
from documents import MAPS, PART, specs_of, to_v1
from generate import Ruleset


def real_rulesets(paths, user_count, seed):
    for path in paths:
        document = json.loads(Path(path).read_text(encoding="utf-8"))
        yield real_ruleset(Path(path).stem, document, user_count, seed)


def real_ruleset(name, document, user_count, seed):
    """A v2 document is kept as it is; the legacy package gets its translation."""
    is_v2 = isinstance(document.get("feature_gates"), dict)
    rng = pools.seeded(seed, name)
    v1 = to_v1(document) if is_v2 else document
    met = Met(v1)
    made = Ruleset(
        number=name,
        v1=v1,
        given_v2=document if is_v2 else None,
        users=[met.user(rng, at) for at in range(user_count)],
        id_lists=met.id_lists(rng),
        gcir=responses(v1),
    )
    made.overrides = overrides(rng, v1)
    return made


def responses(v1):
    """Responses for every client key and every target app of a ruleset."""
    keys = v1.get("sdk_keys_to_app_ids") or {}
    apps = {
        app for part in MAPS for spec in v1.get(part) or [] for app in spec.get("targetAppIDs") or []
    }
    return [
        *({"hash": algorithm, "client_sdk_key": key}
          for key in keys for algorithm in ("none", "djb2", "sha256")),
        *({"hash": "none", "target_app_id": app} for app in sorted(apps)[:4]),
    ]  # fmt: skip


def overrides(rng, v1):
    made = []
    for kind, value in (("gate", True), ("gate", False), ("config", {"overridden": 1})):
        names = sorted(specs_of(v1, PART[kind]))
        if kind == "config":
            # What is an experiment to one package is a config to all.
            names = [x for x in names if specs_of(v1, PART[kind])[x]["entity"] != "experiment"]
        if names:
            made.append((kind, rng.choice(names), value, rng.choice(["", "user_1"])))
    return made


class Met:
    """The values that the conditions of a ruleset hold fields and ids against."""

    def __init__(self, v1):
        self.fields = {}
        self.units = {}
        self.lists = {}
        for condition in conditions_of(v1):
            target = condition.get("targetValue")
            targets = target if isinstance(target, list) else [target]
            kind = str(condition.get("type")).lower()
            if str(condition.get("operator")).endswith("segment_list"):
                self.lists[target] = condition
            elif kind in ("user_field", "ua_based", "ip_based"):
                self.fields.setdefault(condition.get("field") or "", []).extend(targets)
            elif kind == "unit_id":
                self.units.setdefault(condition.get("idType") or "userID", []).extend(targets)
            if condition.get("idType"):
                self.units.setdefault(condition["idType"], [])
        for part in MAPS:
            for spec in v1.get(part) or []:
                for rule in spec.get("rules") or []:
                    self.units.setdefault(rule.get("idType") or "userID", [])

    def user(self, rng, at):
        """A user who often has what a condition asks for, and sometimes something near it."""
        made = {"userID": f"user_{at}"}
        wanted = [*self.units.get("userID", []), *self.fields.get("userID", [])]
        if wanted and rng.random() < 0.4:
            made["userID"] = str(rng.choice(wanted))
        for id_type, values in self.units.items():
            if id_type.lower() != "userid" and rng.random() < 0.7:
                ids = [str(x) for x in values if x is not None] or [f"{id_type}_{at % 23}"]
                made.setdefault("customIDs", {})[id_type] = rng.choice([*ids, f"{id_type}_{at}"])
        for name, values in self.fields.items():
            if rng.random() < 0.8:
                give(made, name, near(rng, rng.choice(values)))
        if rng.random() < 0.7:
            made["userAgent"] = rng.choice(pools.USER_AGENTS)
        if rng.random() < 0.7:
            made["ip"] = rng.choice(pools.ADDRESSES)
        if rng.random() < 0.5:
            made["statsigEnvironment"] = {"tier": rng.choice(pools.TIERS)}
        return made

    def id_lists(self, rng):
        ids = [f"user_{at}" for at in range(0, 1000, 3)] + ["companyID_1", "companyID_2"]
        return {name: rng.sample(ids, len(ids) // 2) for name in self.lists if name}


DERIVED = {"os_name", "os_version", "browser_name", "browser_version"}


def give(user, name, value):
    """Puts a value where the field of a condition is found; derived fields stay derived."""
    if value is None or name.lower() in DERIVED or name.lower() in ("userid", "user_id"):
        return
    if name in ("email", "ip", "country", "locale", "appVersion"):
        user[name] = str(value)
    else:
        user.setdefault("custom", {})[name] = value


def near(rng, value):
    if isinstance(value, bool) or value is None:
        return value
    if isinstance(value, (int, float)):
        return value + rng.choice([-1, 0, 0, 1])
    if isinstance(value, str) and rng.random() < 0.4:
        return rng.choice([value.upper(), value + "x", "x" + value, value[:-1] or "x"])
    return value


def conditions_of(v1):
    for part in MAPS:
        for spec in v1.get(part) or []:
            for rule in spec.get("rules") or []:
                yield from rule.get("conditions") or []
    for rule in (v1.get("override_rules") or {}).values():
        yield from rule.get("conditions") or []
