"""Other processes: forked children, and programs of their own."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
import traceback
from typing import Any, Callable

from local_server import LIBRARY, ROOT

PACKAGE = str(ROOT / "bindings" / "python")
TIMEOUT = 120


def in_child(body: Callable[[], Any]) -> Any:
    """Runs ``body`` in a forked child, which ends without cleaning up; returns what it gives."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        code = 1
        try:
            os.close(reader)
            with os.fdopen(writer, "w") as answers:
                json.dump(body(), answers)
            code = 0
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(code)
    os.close(writer)
    with os.fdopen(reader) as answers:
        if not select.select([answers], [], [], TIMEOUT)[0]:
            os.kill(child, signal.SIGKILL)
        answer = answers.read()
    _, status = os.waitpid(child, 0)
    assert status == 0, f"the child ended with status {status}"
    return json.loads(answer)


def environment(**more: str) -> dict[str, str]:
    """That of a program which finds the package and the library."""
    return {**os.environ, "PYTHONPATH": PACKAGE, "TIDEGATE_LIBRARY": str(LIBRARY), **more}


def run(
    program: str, *arguments: str, env: dict[str, str] | None = None, **options: Any
) -> subprocess.CompletedProcess[str]:
    """Runs a program of its own; for a program that must succeed, ``check=True``."""
    return subprocess.run(
        [sys.executable, "-c", program, *arguments],
        env=environment() if env is None else env,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=TIMEOUT,
        # Not here, where the package would be found without being looked for.
        cwd="/",
        **options,
    )


def output(program: str, *arguments: str, env: dict[str, str] | None = None) -> str:
    """What a program prints; it has to succeed."""
    done = run(program, *arguments, env=env)
    assert done.returncode == 0, f"status {done.returncode}: {done.stdout}"
    return done.stdout
