"""What an application logs."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, field
from typing import Any, Mapping

from .statsig_errors import StatsigValueError
from .statsig_user import StatsigUser


@dataclass
class StatsigEvent:
    """A custom event: who, what, and optionally a value and metadata."""

    user: StatsigUser | None
    event_name: str
    value: str | int | float | None = None
    metadata: dict[str, Any] | None = None
    statsigMetadata: dict[str, Any] | None = None
    _secondary_exposures: list[Any] | None = None
    _time: int = field(default_factory=lambda: round(time.time() * 1000))

    def __post_init__(self) -> None:
        if not self.event_name or not isinstance(self.event_name, str):
            raise StatsigValueError("StatsigEvent.event_name must be a valid str")
        if self.user is not None and not isinstance(self.user, StatsigUser):
            raise StatsigValueError("StatsigEvent.user must be a StatsigUser")
        if self.value is not None and not isinstance(self.value, (str, int, float)):
            raise StatsigValueError("StatsigEvent.value must be a str, float, or int")
        if isinstance(self.value, float) and not math.isfinite(self.value):
            # No number that JSON knows.
            self.value = None
        if isinstance(self.value, bool):
            # To Python a number, to the service none.
            self.value = int(self.value)
        if self.metadata is not None and not isinstance(self.metadata, Mapping):
            raise StatsigValueError("StatsigEvent.metadata must be a dict")

    def to_dict(self) -> dict[str, Any]:
        """The event in the form that is sent."""
        fields = {
            "user": self.user.to_dict() if self.user is not None else None,
            "eventName": self.event_name,
            "value": self.value,
            "metadata": self.metadata,
            "time": self._time,
            "statsigMetadata": self.statsigMetadata,
            "secondaryExposures": self._secondary_exposures,
        }
        return {name: value for name, value in fields.items() if value is not None}
