"""The result of a dynamic config or an experiment."""

from __future__ import annotations

from typing import Any, Mapping

from ..result import Result
from .evaluation_details import DataSource, EvaluationDetails, details_of
from .statsig_user import StatsigUser
from .typed import same_type


class DynamicConfig:
    """A dynamic config or an experiment with its rule and details."""

    #: What it was made from, for the exposure that may be logged later.
    _result: Result | None = None

    def __init__(
        self,
        data: dict[str, Any] | None,
        name: str | None,
        rule: str | None,
        user: StatsigUser | None = None,
        group_name: str | None = None,
        evaluation_details: EvaluationDetails | None = None,
        secondary_exposures: list[Any] | None = None,
        passed_rule: bool | None = None,
        version: int | None = None,
    ) -> None:
        self.value: dict[str, Any] = {} if data is None else data
        self.name = name or ""
        self.rule_id = rule or ""
        self.group_name = group_name
        self.evaluation_details = evaluation_details or EvaluationDetails(
            0, 0, DataSource.UNINITIALIZED
        )
        self.secondary_exposures = secondary_exposures or []
        self.user = user
        self.passed_rule = passed_rule
        self.version = version

    def __getstate__(self) -> dict[str, Any]:
        # Of another process, where the result would be somebody else's.
        return {name: value for name, value in vars(self).items() if name != "_result"}

    def get(self, key: str, default: Any = None) -> Any:
        """Returns the value of the config at the given key
        or the provided default if the key is not found
        """
        return self.value.get(key, default)

    def get_typed(self, key: str, default: Any = None) -> Any:
        """Returns the value of the config at the given key
        iff the type matches the type of the provided default.
        Otherwise, returns the default value
        """
        value = self.value.get(key, default)
        return value if default is None or same_type(value, default) else default

    def get_value(self) -> dict[str, Any]:
        """Returns the underlying value of this DynamicConfig"""
        return self.value

    def get_name(self) -> str:
        """Returns the name of this DynamicConfig"""
        return self.name

    def get_evaluation_details(self) -> EvaluationDetails:
        """Returns the evaluation detail of this DynamicConfig"""
        return self.evaluation_details

    def get_user(self) -> StatsigUser | None:
        """Returns the user this DynamicConfig was evaluated for"""
        return self.user


def config_of(result: Mapping[str, Any], user: StatsigUser | None) -> DynamicConfig:
    """From the library's JSON."""
    return DynamicConfig(
        result["value"],
        result["name"],
        result["rule_id"],
        user,
        result["group_name"],
        details_of(result["details"]),
        result["secondary_exposures"],
        result["passed"],
        result["version"],
    )
