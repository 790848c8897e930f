"""When a value is of the same type as a default."""

from __future__ import annotations

from typing import Any


def same_type(value: Any, default: Any) -> bool:
    """Whether ``default`` is of the type of ``value``, which comes from JSON.

    true and false are no numbers, and whole numbers are not fractions.
    """
    if isinstance(value, bool) or isinstance(default, bool):
        return isinstance(value, bool) and isinstance(default, bool)
    return value is not None and isinstance(default, type(value))
