"""The host's functions and objects, made callable for the library.

The library holds a number that stands for a Python object; the C functions are made once and live
as long as the process. An exception ends at the border: it is logged to ``tidegate.callbacks``.
"""

from __future__ import annotations

import _thread
import itertools
import json
import logging
import threading
from ctypes import byref, sizeof, string_at
from typing import Any, Callable, NamedTuple

from .load import check, library
from .signatures import (
    DataStoreVtable,
    Destroy,
    Evaluated,
    Failed,
    Flushed,
    Initialized,
    Log,
    LogVtable,
    Metric,
    MetricsVtable,
    RulesUpdated,
    StoreGet,
    StorePolls,
    StoreSet,
    StoreShutdown,
)

_log = logging.getLogger("tidegate.callbacks")


class DataStore:
    """A key-value store for specs and id lists, for example on Redis. Override what you need.

    Called on a thread of the library. A method that raises counts as failed.
    """

    def get(self, key: str) -> str | bytes | None:
        """The value of ``key``, or None."""
        return None

    def set(self, key: str, value: str, time_ms: int) -> None:
        """Stores ``value``; ``time_ms`` is the time of the specs in it, or 0."""

    def supports_polling(self, path: str) -> bool:
        """Whether the store is polled for updates of ``path`` instead of the network."""
        return False

    def shutdown(self) -> None:
        """Called once, after the last use."""


class Metrics:
    """Receives the library's own metrics, named ``statsig.sdk.*``. Override what you need."""

    #: Whether to receive tags with many values (``lcut``, ``prev_lcut``) too.
    high_cardinality = False

    def increment(self, name: str, value: float, tags: dict[str, str]) -> None:
        """Adds to a counter."""

    def gauge(self, name: str, value: float, tags: dict[str, str]) -> None:
        """Sets a gauge."""

    def distribution(self, name: str, value: float, tags: dict[str, str]) -> None:
        """Records one value of a distribution."""


class Delivery(NamedTuple):
    """The outcome of one attempt to deliver a batch of events."""

    success: bool
    events: int
    status: int | None
    error: str | None


_numbers = itertools.count(1)
_objects: dict[int, Any] = {}


def keep(held: Any) -> int:
    """A number for ``held``, which is kept until the library destroys the number."""
    number = next(_numbers)
    _objects[number] = held
    return number


def kept() -> int:
    """How many objects the library holds."""
    return len(_objects)


def _exported(prototype: Any) -> Callable[[Callable[..., Any]], Any]:
    """Makes a function callable from C, for as long as the module lives."""
    return lambda function: prototype(function)


def _guarded(body: Callable[[], Any], failed: Any) -> Any:
    try:
        return body()
    except KeyboardInterrupt:
        # Not ours to swallow: raise it again once the library has returned.
        _thread.interrupt_main()
    except BaseException:
        _log.exception("a callback of the Tidegate library failed")
    return failed


def _read(address: int | None, length: int) -> str:
    return string_at(address, length).decode() if address else ""


@_exported(Destroy)
def destroy(number: int) -> None:
    held = _objects.pop(number, None)
    if isinstance(held, LogSink):
        held.gone.set()


@_exported(Evaluated)
def evaluated(number: int, result: int, length: int) -> None:
    _guarded(lambda: _objects[number](json.loads(_read(result, length))), None)


@_exported(RulesUpdated)
def rules_updated(number: int, time_ms: int, specs: int, length: int) -> None:
    _guarded(lambda: _objects[number](time_ms, _read(specs, length)), None)


@_exported(Flushed)
def flushed(number: int, delivery: int, length: int) -> None:
    _guarded(lambda: _objects[number](Delivery(**json.loads(_read(delivery, length)))), None)


@_exported(Failed)
def failed(
    number: int, tag: int, tag_len: int, code: int, code_len: int, text: int, n: int
) -> None:
    _guarded(
        lambda: _objects[number](_read(tag, tag_len), _read(code, code_len), _read(text, n)), None
    )


@_exported(Initialized)
def initialized(number: int, details: int, length: int) -> None:
    _guarded(lambda: _objects[number](json.loads(_read(details, length))), None)


@_exported(StoreGet)
def _store_get(number: int, key: int, length: int, reply: int) -> int:
    def body() -> int:
        value = _objects[number].get(_read(key, length))
        if value is None:
            return 0
        data = value if isinstance(value, bytes) else value.encode()
        status: int = library().tidegate_reply_set(reply, data, len(data))
        return status

    found: int = _guarded(body, -1)
    return found


@_exported(StoreSet)
def _store_set(number: int, key: int, length: int, value: int, value_len: int, time_ms: int) -> int:
    def body() -> int:
        _objects[number].set(_read(key, length), _read(value, value_len), time_ms)
        return 0

    status: int = _guarded(body, -1)
    return status


@_exported(StorePolls)
def _store_polls(number: int, path: int, length: int) -> int:
    polls: int = _guarded(
        lambda: int(bool(_objects[number].supports_polling(_read(path, length)))), 0
    )
    return polls


@_exported(StoreShutdown)
def _store_shutdown(number: int) -> None:
    _guarded(lambda: _objects[number].shutdown(), None)


def data_store(store: Any) -> DataStoreVtable:
    """The vtable of a ``DataStore``."""
    return DataStoreVtable(
        sizeof(DataStoreVtable),
        keep(store),
        destroy,
        _store_get,
        _store_set,
        _store_polls,
        _store_shutdown,
    )


def _metric(method: str) -> Any:
    def record(number: int, name: int, length: int, value: float, tags: int, tags_len: int) -> None:
        _guarded(
            lambda: getattr(_objects[number], method)(
                _read(name, length), value, json.loads(_read(tags, tags_len) or "{}")
            ),
            None,
        )

    return Metric(record)


_increment, _gauge, _distribution = map(_metric, ("increment", "gauge", "distribution"))


def metrics(receiver: Any) -> MetricsVtable:
    """The vtable of a ``Metrics``."""
    return MetricsVtable(
        sizeof(MetricsVtable),
        keep(receiver),
        destroy,
        _increment,
        _gauge,
        _distribution,
        int(bool(receiver.high_cardinality)),
    )


class LogSink:
    """A function that takes level (1 error to 4 debug), tag and message."""

    def __init__(self, log: Callable[[int, str, str], None]) -> None:
        self.log = log
        #: Set when the library uses it no more.
        self.gone = threading.Event()

    def install(self, level: int) -> None:
        """Makes it the sink of the whole process, in place of the one before."""
        vtable = LogVtable(sizeof(LogVtable), keep(self), destroy, level, _log_message)
        check(library().tidegate_set_log_sink(byref(vtable)))


@_exported(Log)
def _log_message(number: int, level: int, tag: int, tag_len: int, text: int, n: int) -> None:
    _guarded(lambda: _objects[number].log(level, _read(tag, tag_len), _read(text, n)), None)
