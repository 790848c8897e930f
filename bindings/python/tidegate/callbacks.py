"""The host's functions and objects, made callable for the library.

The library holds a number that stands for a Python object; the C functions are made once and live
as long as the process. An exception ends at the border: it is logged to ``tidegate.callbacks``.

The objects of a client are given back by the client, not by the library's own call when it has no
use for them any more: that comes on any thread and at any time, so also when the interpreter has
ended, which a thread of the library would not survive.
"""

from __future__ import annotations

import _thread
import itertools
import json
import logging
import threading
from ctypes import byref, sizeof, string_at
from typing import Any, Callable, Iterable, NamedTuple

from .load import check, interrupts, library
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
    #: What was sent, with the option ``events_in_flush_callback``.
    body: dict[str, Any] | None = None


_numbers = itertools.count(1)
_objects: dict[int, Any] = {}

#: Instead of a function that tells when the library has no use for an object any more.
untold = Destroy()


def keep(held: Any) -> int:
    """A number for ``held``, which is kept until the number is given back."""
    number = next(_numbers)
    _objects[number] = held
    return number


def give_back(numbers: Iterable[int]) -> None:
    """Lets go of what the numbers stand for; the library finds nothing there from now on."""
    for number in numbers:
        held = _objects.pop(number, None)
        if isinstance(held, _StoreOnce):
            _guarded(held.shutdown, None)


def kept() -> int:
    """How many objects the library holds for clients."""
    return sum(not isinstance(held, LogSink) for held in list(_objects.values()))


def _exported(prototype: Any) -> Callable[[Callable[..., Any]], Any]:
    """Makes a function callable from C, for as long as the module lives."""
    return lambda function: prototype(function)


class _StoreOnce:
    """A data store that is shut down once, whoever comes first."""

    def __init__(self, store: DataStore) -> None:
        self.get = store.get
        self.set = store.set
        self.supports_polling = store.supports_polling
        self._shutdown = [store.shutdown]

    def shutdown(self) -> None:
        if self._shutdown:
            self._shutdown.pop()()


def _call(number: int, body: Callable[[Any], Any], failed: Any) -> Any:
    """What ``body`` gives for the object of a number, if it is still there."""
    held = _objects.get(number)
    return failed if held is None else _guarded(lambda: body(held), failed)


def _guarded(body: Callable[[], Any], failed: Any) -> Any:
    try:
        return body()
    except KeyboardInterrupt as why:
        # Not ours to swallow, and not to be raised through the library.
        if threading.current_thread() is threading.main_thread():
            interrupts.append(why)
        else:
            _thread.interrupt_main()
    except BaseException:
        _log.exception("a callback of the Tidegate library failed")
    return failed


def _read(address: int | None, length: int) -> str:
    return string_at(address, length).decode() if address else ""


@_exported(Evaluated)
def evaluated(number: int, result: int, length: int) -> None:
    _call(number, lambda tell: tell(json.loads(_read(result, length))), None)


@_exported(RulesUpdated)
def rules_updated(number: int, time_ms: int, specs: int, length: int) -> None:
    _call(number, lambda tell: tell(time_ms, _read(specs, length)), None)


@_exported(Flushed)
def flushed(number: int, delivery: int, length: int) -> None:
    _call(number, lambda tell: tell(Delivery(**json.loads(_read(delivery, length)))), None)


@_exported(Failed)
def failed(
    number: int, tag: int, tag_len: int, code: int, code_len: int, text: int, n: int
) -> None:
    _call(
        number,
        lambda tell: tell(_read(tag, tag_len), _read(code, code_len), _read(text, n)),
        None,
    )


@_exported(Initialized)
def initialized(number: int, details: int, length: int) -> None:
    _call(number, lambda tell: tell(json.loads(_read(details, length))), None)
    give_back([number])


@_exported(StoreGet)
def _store_get(number: int, key: int, length: int, reply: int) -> int:
    def body(store: Any) -> int:
        value = store.get(_read(key, length))
        if value is None:
            return 0
        data = value if isinstance(value, bytes) else value.encode()
        status: int = library().tidegate_reply_set(reply, data, len(data))
        return status

    found: int = _call(number, body, -1)
    return found


@_exported(StoreSet)
def _store_set(number: int, key: int, length: int, value: int, value_len: int, time_ms: int) -> int:
    def body(store: Any) -> int:
        store.set(_read(key, length), _read(value, value_len), time_ms)
        return 0

    status: int = _call(number, body, -1)
    return status


@_exported(StorePolls)
def _store_polls(number: int, path: int, length: int) -> int:
    polls: int = _call(
        number, lambda store: int(bool(store.supports_polling(_read(path, length)))), 0
    )
    return polls


@_exported(StoreShutdown)
def _store_shutdown(number: int) -> None:
    _call(number, lambda store: store.shutdown(), None)


def data_store(store: DataStore) -> DataStoreVtable:
    """The vtable of a ``DataStore``."""
    return DataStoreVtable(
        sizeof(DataStoreVtable),
        keep(_StoreOnce(store)),
        untold,
        _store_get,
        _store_set,
        _store_polls,
        _store_shutdown,
    )


def _metric(method: str) -> Any:
    def record(number: int, name: int, length: int, value: float, tags: int, tags_len: int) -> None:
        _call(
            number,
            lambda receiver: getattr(receiver, method)(
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
        untold,
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
        vtable = LogVtable(sizeof(LogVtable), keep(self), _sink_is_gone, level, _log_message)
        check(library().tidegate_set_log_sink(byref(vtable)))


@_exported(Log)
def _log_message(number: int, level: int, tag: int, tag_len: int, text: int, n: int) -> None:
    _call(number, lambda sink: sink.log(level, _read(tag, tag_len), _read(text, n)), None)


@_exported(Destroy)
def _sink_is_gone(number: int) -> None:
    sink = _objects.pop(number, None)
    if sink is not None:
        sink.gone.set()
