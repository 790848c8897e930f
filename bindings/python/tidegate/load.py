"""Finds and loads the shared library, and the few ways of crossing into it."""

from __future__ import annotations

import ctypes
import ctypes.util
import json
import os
import sys
import threading
from pathlib import Path
from typing import Any, Callable, Iterator

from . import error
from .fork_lock import ForkLock
from .signatures import ABI_MAJOR, ABI_MINOR, SIGNATURES

_lock = ForkLock()
_library: ctypes.CDLL | None = None
_path = ""

if sys.platform == "darwin":
    _FILES = ("libtidegate.dylib",)
elif sys.platform == "win32":
    _FILES = ("tidegate.dll",)
else:
    _FILES = ("libtidegate.so", f"libtidegate.so.{ABI_MAJOR}")


def load_library(path: str | os.PathLike[str] | None = None) -> str:
    """Loads the library, once for the process, and returns the path it came from.

    Looks at ``path``, else at the environment's ``TIDEGATE_LIBRARY``, else in this package's
    folder, else where the system looks. Needed only to choose a path: everything else loads the
    library on first use.
    """
    global _library, _path
    with _lock:
        if _library is None:
            _library, _path = _find(None if path is None else os.fspath(path))
        elif path is not None and os.path.realpath(path) != os.path.realpath(_path):
            raise error.LibraryError(f"cannot load {path}: {_path} is loaded already")
        return _path


def library() -> Any:
    """The loaded library: its functions as attributes, typed as in ``SIGNATURES``."""
    if _library is None:
        load_library()
    return _library


def _candidates(path: str | None) -> Iterator[str]:
    chosen = path or os.environ.get("TIDEGATE_LIBRARY")
    if chosen:
        # Somebody's choice: nothing else will do.
        yield chosen
        return
    here = Path(__file__).resolve().parent
    for name in _FILES:
        yield str(here / name)
    # Elsewhere this would run a compiler to ask; there the loader's own search has to do.
    if sys.platform in ("darwin", "win32"):
        found = ctypes.util.find_library("tidegate")
        if found:
            yield found
    yield from _FILES


def _find(path: str | None) -> Any:
    tried: list[str] = []
    for candidate in _candidates(path):
        try:
            # Local scope and no lazy symbols: a second library of the same kind does no harm.
            return _typed(ctypes.CDLL(candidate), candidate), candidate
        except OSError as why:
            if isinstance(why, error.LibraryError):
                raise
            tried.append(f"  {candidate}: {why}")
    here = Path(__file__).resolve().parent
    raise error.LibraryError(
        "the Tidegate library was not found. Set TIDEGATE_LIBRARY to its path, call "
        "tidegate.load_library(path), or put it into " + str(here) + ". Tried:\n" + "\n".join(tried)
    )


def _typed(cdll: ctypes.CDLL, path: str) -> ctypes.CDLL:
    try:
        version = cdll.tidegate_abi_version
    except AttributeError:
        raise error.LibraryError(f"{path} is not the Tidegate library") from None
    version.restype = ctypes.c_uint32
    major, minor = divmod(version(), 1 << 16)
    if major != ABI_MAJOR or minor < ABI_MINOR:
        raise error.LibraryError(
            f"{path} has ABI {major}.{minor}, this package needs {ABI_MAJOR}.{ABI_MINOR}"
        )
    for name, (result, arguments) in SIGNATURES.items():
        function = getattr(cdll, name)
        function.restype = result
        function.argtypes = arguments
    return cdll


#: Interrupts that callbacks met on the main thread, to be raised when the library has returned.
interrupts: list[BaseException] = []


def check(status: int) -> None:
    """Raises the exception for a status below 0, or the interrupt that a callback met."""
    if interrupts and threading.current_thread() is threading.main_thread():
        raise interrupts.pop()
    if status < 0:
        raise error.from_status(status, last_error())


def last_error() -> str:
    """The message of this thread's last failed call."""
    size = 512
    while True:
        text = ctypes.create_string_buffer(size)
        needed = library().tidegate_last_error(text, size)
        if needed < size:
            return text.value.decode("utf-8", "replace")
        size = needed + 1


def text(value: str) -> bytes:
    """Text as the library takes it."""
    if not isinstance(value, str):
        raise error.ArgumentError(f"expected a str, not {type(value).__name__}")
    try:
        return value.encode()
    except UnicodeEncodeError as why:
        raise error.EncodingError(str(why)) from None


def sized(value: bytes | None) -> tuple[bytes | None, int]:
    """Text as the two arguments that it takes; None is absent."""
    return value, 0 if value is None else len(value)


def optional(value: str | None) -> tuple[bytes | None, int]:
    """Text that may be absent, as the two arguments that it takes."""
    return sized(None if value is None else text(value))


_NAMES_MAX = 10_000
_names: dict[str, bytes] = {}


def name_text(value: str) -> bytes:
    """Like ``text``, for the names that a program uses again and again."""
    try:
        found = _names.get(value)
    except TypeError:
        found = None
    if found is None:
        if not isinstance(value, str):
            raise error.ArgumentError(f"name: expected a str, not {type(value).__name__}")
        found = text(value)
        if len(_names) >= _NAMES_MAX:
            _names.clear()
        _names[value] = found
    return found


def to_json(value: object) -> bytes:
    """A value as JSON; text is taken to be JSON already."""
    if isinstance(value, str):
        return text(value)
    try:
        return text(json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False))
    except (TypeError, ValueError) as why:
        if isinstance(why, error.TidegateError):
            raise
        raise error.ArgumentError(f"not expressible as JSON: {why}") from None


def read_text(call: Callable[[Any], int]) -> str | None:
    """Makes a call that fills a buffer, and returns what was in it, or None."""
    buffer = ctypes.c_void_p()
    status = call(ctypes.byref(buffer))
    lib = library()
    try:
        check(status)
        if not buffer.value:
            return None
        address = lib.tidegate_buf_data(buffer)
        return ctypes.string_at(address, lib.tidegate_buf_len(buffer)).decode()
    finally:
        lib.tidegate_buf_free(buffer)


def read_json(call: Callable[[Any], int]) -> Any:
    """Like ``read_text``, parsed."""
    found = read_text(call)
    return None if found is None else json.loads(found)


def seconds_to_ms(seconds: float) -> int:
    """A time-out as the library takes it, within its range; less than 1 ms becomes 1 ms."""
    if not isinstance(seconds, (int, float)) or not seconds >= 0:
        raise error.ArgumentError(f"time-out: expected seconds of 0 or more, not {seconds!r:.50}")
    return 0 if seconds == 0 else int(min(max(seconds * 1000, 1), 0xFFFF_FFFF))


def version() -> str:
    """The release of the loaded library."""
    found: bytes = library().tidegate_version()
    return found.decode()


def build_info() -> dict[str, Any]:
    """How the loaded library was built."""
    found: dict[str, Any] = json.loads(library().tidegate_build_info())
    return found
