"""A key-value store for specs and id lists."""

from __future__ import annotations


class IDataStore:
    """A key-value store for specs and id lists, for example on Redis."""

    def get(self, key: str) -> str | None:
        """The value of ``key``, or None."""
        return None

    def set(self, key: str, value: str) -> None:
        """Stores ``value``."""

    def shutdown(self) -> None:
        """Called once, after the last use."""

    def should_be_used_for_querying_updates(self, key: str) -> bool:
        """Whether to poll the store for updates instead of the network."""
        return False
