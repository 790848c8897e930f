"""The logger of the process: as with the package that this stands in for, there is one."""

from __future__ import annotations

import logging
from typing import Any

from .. import log
from .output_logger import LogLevel, OutputLogger
from .statsig_options import StatsigOptions

_logger: OutputLogger = OutputLogger("statsig.sdk")

_METHODS = {
    logging.ERROR: "error",
    logging.WARNING: "warning",
    logging.INFO: "info",
    logging.DEBUG: "debug",
}


def use(options: StatsigOptions) -> None:
    """Logs to the logger of these options from now on."""
    global _logger
    if options.custom_logger is not None:
        _logger = options.custom_logger
    else:
        _logger = OutputLogger("statsig.sdk")
        debug = LogLevel.DEBUG if options.enable_debug_logs else None
        _logger.set_log_level(debug or options.output_logger_level or LogLevel.WARNING)
    log.set_log_sink(_from_library)


def _from_library(level: int, tag: str, message: str) -> None:
    _call(_METHODS[log.LEVELS.get(level, logging.DEBUG)], "%s: %s", tag, message)


def _call(method: str, message: str, *args: Any) -> None:
    # A logger without the method, or one that raises, must not break what is being logged.
    try:
        getattr(_logger, method)(message, *args)
    except Exception:
        logging.getLogger("statsig.sdk").debug("the custom logger failed", exc_info=True)


def info(message: str, *args: Any) -> None:
    """Logs an event of note."""
    _call("info", message, *args)


def warning(message: str, *args: Any) -> None:
    """Logs something that does not work but is coped with."""
    _call("warning", message, *args)
