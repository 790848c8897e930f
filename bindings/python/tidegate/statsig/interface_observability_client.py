"""A receiver of the SDK's own metrics."""

from __future__ import annotations

from typing import Any


class ObservabilityClient:
    """Receives the SDK's own metrics, named ``statsig.sdk.*``. Override what you need."""

    def init(self, *args: Any, **kwargs: Any) -> None:
        """Called at the start of ``initialize``."""

    def increment(
        self, metric_name: str, value: int = 1, tags: dict[str, Any] | None = None
    ) -> None:
        """Adds to a counter."""

    def gauge(self, metric_name: str, value: float, tags: dict[str, Any] | None = None) -> None:
        """Sets a gauge."""

    def distribution(
        self, metric_name: str, value: float, tags: dict[str, Any] | None = None
    ) -> None:
        """Records one value of a distribution."""

    def should_enable_high_cardinality_for_this_tag(self, tag: str) -> bool:
        """Whether to receive this tag, which has many values."""
        return False

    def shutdown(self) -> None:
        """Called at the end of ``shutdown``."""
