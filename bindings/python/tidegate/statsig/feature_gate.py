"""The result of a feature gate."""

from __future__ import annotations

from typing import Any, Mapping

from .evaluation_details import EvaluationDetails, details_of


class FeatureGate:
    """A feature gate with its rule and details."""

    def __init__(
        self,
        data: bool | None,
        name: str | None,
        rule: str | None,
        id_type: str | None,
        group_name: str | None = None,
        evaluation_details: EvaluationDetails | None = None,
        override_config_name: str | None = None,
    ) -> None:
        self.value = False if data is None else data
        self.name = name or ""
        self.rule_id = rule or ""
        self.id_type = id_type or ""
        self.group_name = group_name
        self.evaluation_details = evaluation_details
        self.override_config_name = override_config_name

    def get_value(self) -> bool:
        """Returns the underlying value of this FeatureGate"""
        return self.value

    def get_name(self) -> str:
        """Returns the name of this FeatureGate"""
        return self.name

    def get_evaluation_details(self) -> EvaluationDetails | None:
        """Returns the evaluation detail of this FeatureGate"""
        return self.evaluation_details


def gate_of(result: Mapping[str, Any]) -> FeatureGate:
    """From the library's JSON."""
    return FeatureGate(
        result["value"],
        result["name"],
        result["rule_id"],
        result["id_type"],
        result["group_name"],
        details_of(result["details"]),
        result["override_config_name"],
    )
