"""The result of a layer."""

from __future__ import annotations

from typing import Any, Callable, Mapping

from .evaluation_details import EvaluationDetails, details_of
from .typed import same_type

LogParameter = Callable[["Layer", str], None]


class Layer:
    """A layer. Reading a parameter with ``get`` or ``get_typed`` logs its exposure."""

    __create_key = object()

    def __init__(
        self,
        create_key: object,
        name: str,
        value: dict[str, Any] | None,
        rule: str,
        group_name: str | None,
        allocated_experiment: str | None,
        param_log_func: LogParameter | None,
        evaluation_details: EvaluationDetails | None = None,
    ) -> None:
        assert create_key is Layer.__create_key, "Must create Layer using get_layer"
        self.name = name or ""
        self.rule_id = rule or ""
        self.group_name = group_name
        self.allocated_experiment = allocated_experiment
        self.evaluation_details = evaluation_details
        self.__value = value or {}
        self.__param_log_func = param_log_func

    @staticmethod
    def _create(
        name: str,
        value: dict[str, Any] | None,
        rule: str,
        group_name: str | None = None,
        allocated_experiment: str | None = None,
        param_log_func: LogParameter | None = None,
        evaluation_details: EvaluationDetails | None = None,
    ) -> Layer:
        return Layer(
            Layer.__create_key,
            name,
            value,
            rule,
            group_name,
            allocated_experiment,
            param_log_func,
            evaluation_details,
        )

    def get(self, key: str, default: Any = None) -> Any:
        """Returns the value of the layer at the given key
        or the provided default if the key is not found
        """
        return self.__read(key, self.__value.get(key), default)

    def get_typed(self, key: str, default: Any = None) -> Any:
        """Returns the value of the layer at the given key
        iff the type matches the type of the provided default.
        Otherwise, returns the default value
        """
        value = self.__value.get(key)
        if default is not None and not same_type(value, default):
            return default
        return self.__read(key, value, default)

    def __read(self, key: str, value: Any, default: Any) -> Any:
        if value is None:
            return default
        if self.__param_log_func is not None:
            self.__param_log_func(self, key)
        return value

    def get_name(self) -> str:
        """Returns the name of this Layer"""
        return self.name

    def get_values(self) -> dict[str, Any]:
        """Returns all the values in this Layer but does not trigger an exposure log"""
        return self.__value

    def get_evaluation_details(self) -> EvaluationDetails | None:
        """Returns the evaluation detail of this Layer"""
        return self.evaluation_details


def layer_of(result: Mapping[str, Any], log_parameter: LogParameter | None) -> Layer:
    """From the library's JSON."""
    return Layer._create(
        result["name"],
        result["value"],
        result["rule_id"],
        result["group_name"],
        result["allocated_experiment"],
        log_parameter,
        details_of(result["details"]),
    )
