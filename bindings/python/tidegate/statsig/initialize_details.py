"""How the initialization went."""

from __future__ import annotations


class InitializeDetails:
    """How the initialization went. ``initialize`` returns it when it is over."""

    def __init__(
        self,
        duration: int,
        source: str,
        init_success: bool,
        store_populated: bool,
        id_list_count: int,
        error: Exception | None,
        init_source_api: str | None = None,
        timed_out: bool = False,
        init_source_api_id_lists: str | None = None,
        fallback_spec_used: bool = False,
        fallback_id_lists_used: bool = False,
    ) -> None:
        self.duration = duration
        self.source = source
        self.init_success = init_success
        self.store_populated = store_populated
        self.id_list_count = id_list_count
        self.error = error
        self.init_source_api = init_source_api
        self.timed_out = timed_out
        self.init_source_api_id_lists = init_source_api_id_lists
        self.fallback_spec_used = fallback_spec_used
        self.fallback_id_lists_used = fallback_id_lists_used

    def wait(self, timeout: float | None = None) -> InitializeDetails:
        """Returns at once: ``initialize`` has waited already."""
        return self
