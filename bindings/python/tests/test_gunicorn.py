"""The example application on gunicorn: workers forked from a master that has loaded it."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import threading
import urllib.request
from collections import Counter
from typing import Any, Iterator

import pytest
from local_server import ROOT, LocalServer
from processes import environment

EXAMPLE = ROOT / "examples" / "python"
WORKERS = 3
REQUESTS_MAX = 5000


class Gunicorn:
    """gunicorn with the example: app.py, as gunicorn.conf.py says."""

    def __init__(self, server: LocalServer, key: str) -> None:
        options = {"api": server.api, "rulesets_sync_interval": 0.05}
        env = environment(
            TIDEGATE_OPTIONS=json.dumps(options), TIDEGATE_KEY=key, BIND="127.0.0.1:0"
        )
        command = [sys.executable, "-m", "gunicorn", "app:application"]
        self.process = subprocess.Popen(
            command, cwd=EXAMPLE, env=env, stderr=subprocess.PIPE, text=True
        )
        self.lines: list[str] = []
        self.port, booted = "", 0
        assert self.process.stderr is not None
        while not self.port or booted < WORKERS:
            line = self.process.stderr.readline()
            assert line, "".join(self.lines)
            self.lines.append(line)
            found = re.search(r"Listening at: http://127.0.0.1:(\d+)", line)
            self.port = found[1] if found else self.port
            booted += "Booting worker" in line
        self.reader = threading.Thread(target=lambda: self.lines.extend(self.process.stderr or ()))
        self.reader.start()

    def get(self, path: str) -> dict[str, Any]:
        url = f"http://127.0.0.1:{self.port}{path}"
        with urllib.request.urlopen(url, timeout=60) as answer:
            page: dict[str, Any] = json.loads(answer.read())
            return page

    def end(self) -> None:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        self.process.wait(60)
        self.reader.join(60)
        assert self.process.stderr is not None
        self.process.stderr.close()


@pytest.fixture
def gunicorn(server: LocalServer, key: str) -> Iterator[Gunicorn]:
    running = Gunicorn(server, key)
    yield running
    running.end()


def pages_of_every_worker(gunicorn: Gunicorn) -> list[dict[str, Any]]:
    """Pages of many requests at once, until each worker has given some."""
    pages: list[dict[str, Any]] = []

    def ask() -> None:
        while len(pages) < 100 or len({page["worker"] for page in pages}) < WORKERS:
            assert len(pages) < REQUESTS_MAX
            pages.append(gunicorn.get("/cart?user=alice&email=alice@shop.example"))

    threads = [threading.Thread(target=ask) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    return pages


def sessions(server: LocalServer, key: str) -> list[str]:
    requests = server.control("GET", "requests", key=key, endpoint="specs")
    return [request["headers"]["statsig-server-session-id"] for request in requests]


def until_everybody_syncs(server: LocalServer, key: str) -> None:
    """Until the master and each worker, a session each, have fetched rules again."""
    while True:
        found = sessions(server, key)
        if sum(count > 1 for count in Counter(found).values()) == WORKERS + 1:
            return
        assert len(found) < REQUESTS_MAX, Counter(found)
        server.wait("specs", len(found) + 1, key=key)


def test_workers_evaluate_sync_and_deliver(
    gunicorn: Gunicorn, server: LocalServer, key: str
) -> None:
    # The first answers of the workers: nothing but the master's rules can be in them.
    pages = pages_of_every_worker(gunicorn)
    until_everybody_syncs(server, key)
    gunicorn.end()
    assert gunicorn.process.returncode == 0, "".join(gunicorn.lines)
    workers = Counter(page.pop("worker") for page in pages)
    assert len(workers) == WORKERS
    assert gunicorn.process.pid not in workers
    shown = {"new_checkout": True, "banner": "Welcome to the shop", "button": "Buy now"}
    assert all(page == shown for page in pages)
    views = [one for one in server.events(key) if one["eventName"] == "page_view"]
    assert Counter(int(view["metadata"]["worker"]) for view in views) == workers
    assert {view["value"] for view in views} == {"/cart"}


def test_a_worker_that_is_replaced(gunicorn: Gunicorn, server: LocalServer, key: str) -> None:
    """A reload: every worker ends and delivers, and new ones take over."""
    before = pages_of_every_worker(gunicorn)
    for worker in {page["worker"] for page in before}:
        os.kill(worker, signal.SIGTERM)
    old = {page["worker"] for page in before}
    after: list[dict[str, Any]] = []
    while len({page["worker"] for page in after} - old) < WORKERS:
        assert len(after) < REQUESTS_MAX
        try:
            after.append(gunicorn.get("/?user=bob"))
        except OSError:
            # A worker that is ending closes what it has accepted.
            continue
    gunicorn.end()
    views = [one for one in server.events(key) if one["eventName"] == "page_view"]
    found = Counter(int(view["metadata"]["worker"]) for view in views)
    asked = Counter(page["worker"] for page in [*before, *after])
    # Every page that was answered is there; a page whose connection was closed may be, too.
    assert all(found[worker] >= count for worker, count in asked.items())
    assert len(views) - len(before) - len(after) < WORKERS * 2
