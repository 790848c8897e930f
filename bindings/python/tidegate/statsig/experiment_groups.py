"""The groups of an experiment, read from the rules as received."""

from __future__ import annotations

import json
from typing import Any, Mapping


def experiment_groups(specs: str | None, experiment: str) -> dict[str, Any]:
    """Whether the experiment is active, and its groups."""
    found = _find(json.loads(specs) if specs else {}, experiment)
    if found is None or found.get("entity") != "experiment":
        return {"is_experiment_active": None, "groups": []}
    return {
        "is_experiment_active": bool(found.get("isActive", False)),
        "groups": [
            {
                "group_name": rule.get("groupName"),
                "rule_id": rule.get("id"),
                "id_type": rule.get("idType", "userID"),
                "return_value": rule.get("returnValue", {}),
            }
            for rule in found.get("rules", [])
            if rule.get("isExperimentGroup") is True
        ],
    }


def _find(document: Mapping[str, Any], experiment: str) -> Mapping[str, Any] | None:
    configs = document.get("dynamic_configs", [])
    if isinstance(configs, dict):
        # The second format is keyed by name.
        found: Mapping[str, Any] | None = configs.get(experiment)
        return found
    return next((config for config in configs if config.get("name") == experiment), None)
