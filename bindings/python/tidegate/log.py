"""What the library logs, for the whole process, as records of Python's ``logging``."""

from __future__ import annotations

import logging
from typing import Callable

from . import callbacks
from .fork_lock import ForkLock
from .load import check, library

LEVELS = {1: logging.ERROR, 2: logging.WARNING, 3: logging.INFO, 4: logging.DEBUG}
DEBUG = 4

LogFunction = Callable[[int, str, str], None]

_logger = logging.getLogger("tidegate")
_lock = ForkLock()
_sink: callbacks.LogSink | None = None
_chosen = False


def _to_logging(level: int, tag: str, message: str) -> None:
    _logger.log(LEVELS.get(level, logging.DEBUG), "%s: %s", tag, message)


def warn(message: str) -> None:
    """Logs something of the package's own."""
    _logger.warning(message)


def set_log_sink(log: LogFunction | None, level: int = DEBUG) -> None:
    """Sends what the library logs to ``log(level, tag, message)``; levels are 1 error to 4 debug.

    Without this it goes to the logger ``tidegate``. With None nothing is sent anywhere. How much
    a client logs is its option ``output_logger_level``; secret keys are masked.
    """
    global _chosen
    with _lock:
        _chosen = True
        _install(log, level)


def ensure_sink() -> None:
    """Sends it to the logger, unless somebody has chosen otherwise."""
    with _lock:
        if not _chosen and _sink is None:
            _install(_to_logging, DEBUG)


def _install(log: LogFunction | None, level: int) -> None:
    global _sink
    sink = None if log is None else callbacks.LogSink(log)
    if sink is None:
        check(library().tidegate_set_log_sink(None))
    else:
        sink.install(level)
    _sink = sink


def close_sink(timeout: float) -> None:
    """Lets the library log into Python no more: the interpreter is about to end."""
    sink = _sink
    if sink is not None:
        set_log_sink(None)
        sink.gone.wait(timeout)
