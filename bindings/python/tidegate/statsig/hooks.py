"""The callbacks and stores of ``StatsigOptions`` in the form that a client takes."""

from __future__ import annotations

import inspect
from typing import Any, Callable

from .. import callbacks
from .interface_data_store import IDataStore
from .interface_observability_client import ObservabilityClient
from .statsig_errors import StatsigRuntimeError
from .statsig_options import StatsigOptions


class _Store(callbacks.DataStore):
    def __init__(self, store: IDataStore) -> None:
        self._store = store

    def get(self, key: str) -> str | None:
        return self._store.get(key)

    def set(self, key: str, value: str, time_ms: int) -> None:
        self._store.set(key, value)

    def supports_polling(self, path: str) -> bool:
        return self._store.should_be_used_for_querying_updates(path)

    def shutdown(self) -> None:
        self._store.shutdown()


_MANY_VALUES = ("lcut", "prev_lcut")
_BOOLEANS = {"true": True, "false": False}


class _Observer(callbacks.Metrics):
    high_cardinality = True

    def __init__(self, client: ObservabilityClient) -> None:
        self._client = client

    def _tags(self, tags: dict[str, str]) -> dict[str, Any]:
        wanted = self._client.should_enable_high_cardinality_for_this_tag
        return {
            tag: _BOOLEANS.get(value, int(value) if value.isdigit() else value)
            for tag, value in tags.items()
            if tag not in _MANY_VALUES or wanted(tag)
        }

    def increment(self, name: str, value: float, tags: dict[str, str]) -> None:
        self._client.increment(name, int(value), self._tags(tags))

    def gauge(self, name: str, value: float, tags: dict[str, str]) -> None:
        self._client.gauge(name, value, self._tags(tags))

    def distribution(self, name: str, value: float, tags: dict[str, str]) -> None:
        self._client.distribution(name, value, self._tags(tags))


def _takes_time(callback: Callable[..., Any]) -> bool:
    """Whether a rules callback insists on two arguments: the time and the JSON.

    Documented is the time and the JSON, called it is with the JSON alone.
    """
    try:
        parameters = inspect.signature(callback).parameters.values()
    except (TypeError, ValueError):
        return False
    positional = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    required = [p for p in parameters if p.kind in positional and p.default is p.empty]
    return len(required) >= 2


def _rules(callback: Callable[..., Any]) -> Callable[[int, str], Any]:
    if _takes_time(callback):
        return callback
    return lambda time_ms, specs: callback(specs)


def client_hooks(options: StatsigOptions) -> dict[str, Any]:
    """The keyword arguments of a client."""
    found: dict[str, Any] = {}
    if options.data_store is not None:
        found["data_store"] = _Store(options.data_store)
    if options.observability_client is not None:
        found["metrics"] = _Observer(options.observability_client)
    if options.rules_updated_callback is not None:
        found["on_rules_updated"] = _rules(options.rules_updated_callback)
    failed = options.sdk_error_callback
    if failed is not None:
        found["on_error"] = lambda tag, code, message: failed(
            tag, StatsigRuntimeError(f"{code}: {message}")
        )
    flushed = options.events_flushed_callback
    if flushed is not None:

        def on_flushed(delivery: callbacks.Delivery) -> None:
            events: list[dict[str, Any]] = (delivery.body or {}).get("events", [])
            error = None if delivery.error is None else StatsigRuntimeError(delivery.error)
            flushed(delivery.success, events, delivery.status, error)

        found["on_flushed"] = on_flushed
    return found
