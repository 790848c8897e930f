"""Prints the public names of a package that stands for the legacy SDK, with their arguments."""

from __future__ import annotations

import enum
import importlib
import inspect
import json
import sys
from typing import Any

#: The modules that documents and programs import from.
MODULES = [
    "",
    "dynamic_config",
    "evaluation_details",
    "feature_gate",
    "initialize_details",
    "interface_data_store",
    "interface_network",
    "interface_observability_client",
    "layer",
    "output_logger",
    "statsig",
    "statsig_environment_tier",
    "statsig_errors",
    "statsig_event",
    "statsig_options",
    "statsig_server",
    "statsig_user",
    "utils",
    "version",
]


def arguments(call: Any) -> list[list[str]]:
    """Names, kinds and defaults; types are told in other words by each."""
    try:
        found = inspect.signature(call).parameters.values()
    except (TypeError, ValueError):
        return []
    return [[one.name, one.kind.name, default(one.default)] for one in found]


def default(value: Any) -> str:
    if value is inspect.Parameter.empty:
        return "required"
    if isinstance(value, enum.Enum):
        return f"{type(value).__name__}.{value.name}"
    # An object that says where it is in memory says nothing else.
    return repr(value) if " at 0x" not in repr(value) else type(value).__name__


def members(kind: type) -> dict[str, Any]:
    if issubclass(kind, enum.Enum):
        return {one.name: one.value for one in kind}
    found = {
        name: arguments(value)
        for name, value in inspect.getmembers(kind)
        if not name.startswith("_") and callable(value)
    }
    if issubclass(kind, BaseException):
        return {"bases": [base.__name__ for base in kind.__mro__]}
    return {"()": arguments(kind), **found}


def main(package: str) -> dict[str, Any]:
    told: dict[str, Any] = {}
    for name in MODULES:
        path = f"{package}.{name}".rstrip(".")
        module = importlib.import_module(path)
        for public, value in inspect.getmembers(module):
            is_own = getattr(value, "__module__", None) == path or not name
            if public.startswith("_") or inspect.ismodule(value) or not is_own:
                continue
            if inspect.isclass(value):
                told[f"{name}.{public}"] = members(value)
            elif callable(value):
                told[f"{name}.{public}"] = arguments(value)
    return told


if __name__ == "__main__":
    json.dump(main(sys.argv[1]), sys.stdout)
