"""Where a value came from."""

from __future__ import annotations

import time
from enum import Enum
from typing import Mapping


class DataSource(str, Enum):
    """Where rules come from."""

    DATASTORE = "DataAdapter"
    BOOTSTRAP = "Bootstrap"
    NETWORK = "Network"
    STATSIG_NETWORK = "StatsigNetwork"
    UNINITIALIZED = "Uninitialized"
    UA_NOT_LOADED = "UAParserNotLoaded"
    COUNTRY_NOT_LOADED = "CountryLookupNotLoaded"
    DISK_CACHE = "DiskCache"


class EvaluationReason(str, Enum):
    """Why a value is what it is: the source of the rules, or what was special."""

    network = "Network"
    statsig_network = "StatsigNetwork"
    local_override = "LocalOverride"
    unrecognized = "Unrecognized"
    uninitialized = "Uninitialized"
    bootstrap = "Bootstrap"
    data_adapter = "DataAdapter"
    disk_cache = "DiskCache"
    unsupported = "Unsupported"
    error = "error"
    none = "none"


class EvaluationDetails:
    """Where a value came from, and when. Times are in ms since 1970.

    ``source`` is where the rules came from. ``reason`` says what was special about the evaluation
    and repeats the source if nothing was.
    """

    def __init__(
        self,
        config_sync_time: int,
        init_time: int,
        source: DataSource,
        reason: EvaluationReason = EvaluationReason.none,
    ) -> None:
        self.config_sync_time = config_sync_time
        self.init_time = init_time
        self.source = source
        self.reason = _reason(source, reason)
        self.server_time = round(time.time() * 1000)

    def detailed_reason(self) -> str:
        """Both in one text, for example ``Network`` or ``Network:Unrecognized``."""
        if self.reason.value in (self.source.value, "none"):
            return self.source.value
        return f"{self.source.value}:{self.reason.value}"


def _reason(source: DataSource, reason: EvaluationReason) -> EvaluationReason:
    if reason is not EvaluationReason.none:
        return reason
    return _REASONS.get(source.value, EvaluationReason.none)


_SOURCES = {source.value: source for source in DataSource}
_REASONS = {reason.value: reason for reason in EvaluationReason}


def details_of(details: Mapping[str, str | int]) -> EvaluationDetails:
    """From the library's JSON."""
    made = EvaluationDetails(
        int(details["config_sync_time"]),
        int(details["init_time"]),
        _SOURCES.get(str(details["source"]), DataSource.UNINITIALIZED),
        _REASONS.get(str(details["reason"]), EvaluationReason.error),
    )
    made.server_time = int(details["server_time"])
    return made
