"""The process: its default client, its clients at exit, and in children of multiprocessing."""

from __future__ import annotations

import atexit
import os
import sys
import weakref
from typing import TYPE_CHECKING, Any

from . import error, log
from .fork_lock import ForkLock

if TYPE_CHECKING:
    from .client import Client
    from .options import Options, OptionsLike

#: How long the end of the process waits for events to be delivered, in seconds.
EXIT_TIMEOUT = 3.0

_clients: weakref.WeakSet[Client] = weakref.WeakSet()
_lock = ForkLock()
_default: Client | None = None


def initialize(
    sdk_key: str,
    options: Options | OptionsLike | None = None,
    timeout: float = 10.0,
    **callbacks: Any,
) -> Client:
    """Makes and initializes the process's default client, or returns the one there is."""
    from .client import Client

    global _default
    with _lock:
        if _default is None:
            client = Client(sdk_key, options, **callbacks)
            client.initialize(timeout)
            _default = client
        return _default


def get_client() -> Client:
    """The process's default client."""
    if _default is None:
        raise error.StateError("call tidegate.initialize first")
    return _default


def shutdown(timeout: float = 10.0) -> None:
    """Shuts the default client down, if there is one. Afterwards there is none."""
    global _default
    with _lock:
        client, _default = _default, None
    if client is not None:
        client.close(timeout)


def track(client: Client) -> None:
    """Sees to the client at the end of the process."""
    _clients.add(client)


def _at_exit() -> None:
    for client in list(_clients):
        if client._id:
            try:
                client.shutdown(EXIT_TIMEOUT)
                client.close_callbacks()
            except error.TidegateError as why:
                log.warn(f"at exit: {why}")
            # Not released: that would call back into an interpreter that is going away.
            client._id = 0
    log.close_sink(1.0)


def _in_child() -> None:
    # Its children end without running atexit, but run its finalizers.
    util: Any = sys.modules.get("multiprocessing.util")
    if util is not None:
        util.register_after_fork(_lock, lambda _: util.Finalize(None, _at_exit, exitpriority=0))


atexit.register(_at_exit)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_in_child)
