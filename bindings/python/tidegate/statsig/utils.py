"""Small things that the other modules share."""

from __future__ import annotations

import json
import math
from enum import Enum
from typing import Any, Mapping


class HashingAlgorithm(Enum):
    """How names are hashed in a client initialize response."""

    SHA256 = "sha256"
    DJB2 = "djb2"
    NONE = "none"


def str_or_none(value: Any) -> str | None:
    """The value as text; None stays None."""
    return None if value is None else str(value)


def dumps(value: Any) -> str:
    """JSON of whatever an application puts into a user or an event."""
    try:
        return json.dumps(
            value, ensure_ascii=False, separators=(",", ":"), allow_nan=False, default=_plain
        )
    except (TypeError, ValueError):
        # NaN, keys that are not text, a cycle.
        return json.dumps(
            _expressible(value, 0), ensure_ascii=False, separators=(",", ":"), allow_nan=False
        )


def _plain(value: Any) -> Any:
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, (set, frozenset)):
        return list(value)
    if isinstance(value, Mapping):
        return dict(value)
    return str(value)


_DEPTH_MAX = 64


def _expressible(value: Any, depth: int) -> Any:
    if depth > _DEPTH_MAX:
        return None
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if isinstance(value, Mapping):
        return {str(key): _expressible(item, depth + 1) for key, item in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [_expressible(item, depth + 1) for item in value]
    if value is None or isinstance(value, (str, int, float)):
        return value
    plain = _plain(value)
    return plain if isinstance(plain, str) else _expressible(plain, depth + 1)


def djb2_hash(text: str) -> str:
    """The 32-bit hash of a text, in decimal."""
    result = 0
    for character in text:
        result = (result * 31 + ord(character)) & 0xFFFF_FFFF
    return str(result)
