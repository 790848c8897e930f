"""The groups of an experiment, read from the rules as received."""

from __future__ import annotations

import json
from typing import Any, Mapping


class ExperimentGroups:
    """Looks experiments up in rules, which it parses once for as long as they stay the same."""

    def __init__(self) -> None:
        self._parsed: tuple[str, dict[str, Mapping[str, Any]]] = ("", {})

    def of(self, specs: str | None, experiment: str) -> dict[str, Any]:
        """Whether the experiment is active, and its groups."""
        text, configs = self._parsed
        if specs != text:
            text, configs = specs or "", _configs(specs)
            self._parsed = text, configs
        found = configs.get(experiment)
        if found is None or found.get("entity") != "experiment":
            return {"is_experiment_active": None, "groups": []}
        return {
            "is_experiment_active": bool(found.get("isActive", False)),
            "groups": [
                {
                    "group_name": rule.get("groupName"),
                    "rule_id": rule.get("id"),
                    "id_type": rule.get("idType", "userID"),
                    "return_value": json.loads(json.dumps(rule.get("returnValue", {}))),
                }
                for rule in found.get("rules", [])
                if rule.get("isExperimentGroup") is True
            ],
        }


def _configs(specs: str | None) -> dict[str, Mapping[str, Any]]:
    configs = json.loads(specs).get("dynamic_configs", []) if specs else []
    if isinstance(configs, dict):
        # The second format is keyed by name.
        return configs
    return {str(config.get("name")): config for config in configs}
