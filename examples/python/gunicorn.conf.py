"""How gunicorn runs the shop: three workers, forked from a master that has loaded it."""

import os
from typing import Any

bind = os.environ.get("BIND", "127.0.0.1:9292")
workers = 3
threads = 2
preload_app = True


def worker_exit(server: Any, worker: Any) -> None:
    """Delivers what the worker has logged. Without this the end of the process does it."""
    import tidegate

    tidegate.shutdown()
