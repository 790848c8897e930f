"""Where the SDK says what it does."""

from __future__ import annotations

import logging
from enum import Enum
from typing import Any


class LogLevel(Enum):
    """From which level on messages are logged."""

    DEBUG = logging.DEBUG
    INFO = logging.INFO
    WARNING = logging.WARNING
    ERROR = logging.ERROR


class OutputLogger:
    """Logs to a logger of Python's ``logging``. Override what you need."""

    def __init__(self, name: str) -> None:
        self._logger = logging.getLogger(name)

    def log_process(self, process: str, msg: str) -> None:
        """A step of a longer work."""
        self.debug(f"{process}: {msg}")

    def debug(self, msg: str, *args: Any, **kwargs: Any) -> None:
        """Details."""
        self._logger.debug(msg, *args, **kwargs)

    def info(self, msg: str, *args: Any, **kwargs: Any) -> None:
        """Events of note."""
        self._logger.info(msg, *args, **kwargs)

    def warning(self, msg: str, *args: Any, **kwargs: Any) -> None:
        """Something that does not work but is coped with."""
        self._logger.warning(msg, *args, **kwargs)

    def error(self, msg: str, *args: Any, **kwargs: Any) -> None:
        """Something that does not work."""
        self._logger.error(msg, *args, **kwargs)

    def exception(self, msg: str, *args: Any, **kwargs: Any) -> None:
        """An exception that was caught."""
        self._logger.exception(msg, *args, **kwargs)

    def set_log_level(self, log_level: LogLevel) -> None:
        """Logs messages from this level on."""
        self._logger.setLevel(log_level.value)
