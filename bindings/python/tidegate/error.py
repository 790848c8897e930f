"""Statuses of the library as exceptions."""

from __future__ import annotations

import builtins


class TidegateError(Exception):
    """Base of every error of this package. ``code`` is the library's status, 0 for our own."""

    code = 0


class LibraryError(TidegateError, OSError):
    """The shared library was not found, or is not one that this package can use."""


class HandleError(TidegateError, ValueError):
    """A client, user or result that has been closed."""

    code = -2


class EncodingError(TidegateError, ValueError):
    """Text that UTF-8 cannot express."""

    code = -3


class JsonError(TidegateError, ValueError):
    """Text that is not JSON."""

    code = -4


class ArgumentError(TidegateError, ValueError):
    """A value that is not accepted; the message names it."""

    code = -5


class StateError(TidegateError, RuntimeError):
    """Not possible now: before initialize, after shutdown, or inside this callback."""

    code = -6


class TimeoutError(TidegateError, builtins.TimeoutError):
    """The time-out was reached."""

    code = -7


class NetworkError(TidegateError, OSError):
    """The network or a server failed."""

    code = -8


class FileError(TidegateError, OSError):
    """A file or folder failed."""

    code = -9


class UnsupportedError(TidegateError, NotImplementedError):
    """This build of the library does not do that."""

    code = -11


class ForkError(TidegateError, RuntimeError):
    """Not possible in this forked child, by the option ``on_fork``."""

    code = -12


class BusyError(TidegateError, RuntimeError):
    """Too many of something that is bounded."""

    code = -15


BY_CODE: dict[int, type[TidegateError]] = {
    error.code: error
    for error in (
        HandleError,
        EncodingError,
        JsonError,
        ArgumentError,
        StateError,
        TimeoutError,
        NetworkError,
        FileError,
        UnsupportedError,
        ForkError,
        BusyError,
    )
}


def from_status(code: int, message: str) -> TidegateError:
    """The exception for a status below 0."""
    error = BY_CODE.get(code, TidegateError)(message)
    error.code = code
    return error
