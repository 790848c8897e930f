"""A lock that a fork cannot leave held."""

from __future__ import annotations

import contextlib
import os
import threading
import weakref
from types import TracebackType


class ForkLock:
    """A re-entrant lock; in a forked child it is free, whoever held it in the parent."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        _all.add(self)

    def __enter__(self) -> None:
        self._lock.acquire()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        why: BaseException | None,
        where: TracebackType | None,
    ) -> None:
        # Not ours any more if this very block has forked: then it is another lock, and free.
        with contextlib.suppress(RuntimeError):
            self._lock.release()


_all: weakref.WeakSet[ForkLock] = weakref.WeakSet()


def _renew() -> None:
    for lock in list(_all):
        lock._lock = threading.RLock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_renew)
