from __future__ import annotations

import itertools
import json
import os
import sys
from pathlib import Path
from typing import Any, Callable, Iterator

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from local_server import LIBRARY, LISTS, SHOP, LocalServer

os.environ.setdefault("TIDEGATE_LIBRARY", str(LIBRARY))

import tidegate

_numbers = itertools.count()


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalServer]:
    # Diagnostics are drawn by lot; without them what is sent is what the tests log.
    silent = dict.fromkeys(("initialize", "dcs", "idlist", "api_call", "logevent"), 0)
    rules = tmp_path_factory.mktemp("rules") / "shop.json"
    rules.write_text(json.dumps({**json.loads(SHOP.read_text()), "diagnostics": silent}))
    running = LocalServer("--rules", str(rules), "--lists", str(LISTS))
    yield running
    running.close()


@pytest.fixture
def key() -> str:
    """A secret key of the test's own: the server keeps the tests apart by it."""
    return f"secret-test{next(_numbers)}"


@pytest.fixture(scope="session")
def shop() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(SHOP.read_text())
    return found


@pytest.fixture
def make(server: LocalServer, key: str) -> Iterator[Callable[..., tidegate.Client]]:
    """Makes clients of the server that are closed after the test."""
    made: list[tidegate.Client] = []

    def make(initialize: bool = True, options: Any = None, **callbacks: Any) -> tidegate.Client:
        given = {"api": server.api, "disable_diagnostics": True, **(options or {})}
        client = tidegate.Client(key, given, **callbacks)
        made.append(client)
        if initialize:
            details = client.initialize(30)
            assert details.init_success, details
        return client

    yield make
    for client in made:
        client.close()


@pytest.fixture
def alice() -> tidegate.User:
    return tidegate.User("alice", email="alice@shop.example", custom_ids={"companyID": "acme"})


@pytest.fixture
def local(make: Callable[..., tidegate.Client]) -> Callable[..., tidegate.Client]:
    """Makes clients that have the shop's rules and no network."""

    def local(options: Any = None, **callbacks: Any) -> tidegate.Client:
        given = {"local_mode": True, "bootstrap_values": SHOP.read_text(), **(options or {})}
        return make(options=given, **callbacks)

    return local


@pytest.fixture
def client(make: Callable[..., tidegate.Client]) -> tidegate.Client:
    return make()
