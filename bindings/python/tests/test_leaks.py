"""Memory stays where it is over many calls of each kind: TIDEGATE_LEAK_CALLS says how many."""

from __future__ import annotations

import contextlib
import gc
import json
import os
import threading
from pathlib import Path
from typing import Any, Callable

import pytest
from local_server import LocalServer, gate, rules

import tidegate
from tidegate import Kind
from tidegate.statsig import StatsigEvent, StatsigOptions, StatsigServer, StatsigUser

Make = Callable[..., tidegate.Client]

CHOSEN = os.environ.get("TIDEGATE_LEAK_CALLS")
CALLS = int(CHOSEN or "6000")
#: What no program does on each request, and what takes long in a debug build: fewer unless chosen.
RARE = ("batch", "everything", "explain", "init_response", "stats", "entities", "options")
#: The smallest leak that there could be is larger than this.
BYTES_PER_CALL_MAX = 24
#: What the interpreter may take for itself meanwhile.
SLACK_BYTES = 1 << 20

USER = {"userID": "ada", "email": "ada@example.com", "custom": {"plan": "pro"}}
RULES = json.dumps(rules(feature_gates=[gate("one")]))
legacy_user = StatsigUser("ada", email="ada@example.com")


def resident_bytes() -> int:
    gc.collect()
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def assert_flat(name: str, call: Callable[[int], Any]) -> None:
    calls = 1000 if name in RARE and CHOSEN is None else CALLS
    for number in range(calls // 4):
        call(number)
    before = resident_bytes()
    for number in range(calls):
        call(number)
    grown = resident_bytes() - before
    assert grown < SLACK_BYTES + calls * BYTES_PER_CALL_MAX, f"{name}: {grown} bytes more"


def parameters(client: tidegate.Client, user: tidegate.User) -> None:
    config = client.get_config(user, "c")
    for name in ("n", "absent"):
        config.get(name)
    config.get_str("s")
    config.get_int("n")
    config.get_float("n")
    config.get_bool("n")
    assert "n" in config
    config.close()


def overridden(client: tidegate.Client, user: tidegate.User) -> None:
    client.override_gate("o", True, "ada")
    client.dump_overrides()
    client.remove_override(Kind.GATE, "o", "ada")


def refused(client: tidegate.Client, user: tidegate.User) -> None:
    bad: Any
    for bad in ({}, "{", 7):
        with contextlib.suppress(tidegate.TidegateError):
            client.check_gate(bad, "one")


def closed(client: tidegate.Client, user: tidegate.User) -> None:
    with tidegate.User("ada") as made:
        made.to_dict()


CASES: dict[str, Callable[[tidegate.Client, tidegate.User], Any]] = {
    "user": lambda c, u: tidegate.User.parse(USER),
    "user closed": closed,
    "user json": lambda c, u: u.to_json(),
    "check_gate": lambda c, u: c.check_gate(u, "one"),
    "check_gate json": lambda c, u: c.check_gate(USER, "one"),
    "gate": lambda c, u: c.get_feature_gate(u, "one").reason,
    "config": lambda c, u: c.get_config(u, "c").value,
    "experiment": lambda c, u: c.get_experiment(u, "c").rule_id,
    "parameters": parameters,
    "layer": lambda c, u: c.get_layer(u, "l").get("s"),
    "evaluate": lambda c, u: c.evaluate(Kind.CONFIG, u, "c"),
    "batch": lambda c, u: c.evaluate_batch([USER], [{"kind": "gate", "name": "one"}]),
    "everything": lambda c, u: c.evaluate_all(u),
    "explain": lambda c, u: c.explain(u, Kind.GATE, "one"),
    "init_response": lambda c, u: c.client_init_response(u),
    "overrides": overridden,
    "stats": lambda c, u: c.stats(),
    "specs": lambda c, u: c.specs(),
    "entities": lambda c, u: c.list_entities(),
    "errors": refused,
    "options": lambda c, u: tidegate.describe_options(),
}


@pytest.fixture
def small(make: Make) -> tidegate.Client:
    """A client with few rules and no events, so that a call is cheap even in a debug build."""
    client = make(options={"local_mode": True, "bootstrap_values": RULES})
    client.override_config("c", {"n": 1, "s": "text"})
    client.override_layer("l", {"s": "text"})
    return client


@pytest.mark.parametrize("name", CASES)
def test_a_call(name: str, small: tidegate.Client) -> None:
    user, call = tidegate.User.parse(USER), CASES[name]
    assert_flat(name, lambda _: call(small, user))


def test_an_evaluation_callback(make: Make) -> None:
    seen = [0]

    def count(_: dict[str, Any]) -> None:
        seen[0] += 1

    client = make(options={"local_mode": True, "bootstrap_values": RULES}, on_evaluation=count)
    assert_flat("callback", lambda _: client.check_gate(USER, "one"))
    assert seen[0] >= CALLS


def test_names_that_are_always_new(small: tidegate.Client) -> None:
    user = tidegate.User.parse(USER)
    assert_flat("names", lambda number: small.check_gate(user, f"gate {number}"))


def test_events_and_exposures(make: Make, server: LocalServer, key: str) -> None:
    """More than the server takes: the queue is full, and stays as it is."""
    client = make(options={"event_queue_size": 100, "retry_queue_size": 2})
    client.flush(30)
    server.faults({"endpoint": "log_event", "status": 503, "times": -1, "key": key})
    user = tidegate.User.parse(USER)

    def log(number: int) -> None:
        client.log_event(user, "e", number, {"n": str(number)})
        client.log_events([{"user": USER, "event_name": "e"}])
        client.check_gate({"userID": f"u{number}"}, "employees_only")
        client.log_exposure(user, Kind.GATE, "employees_only")

    # The exposures that are remembered have a bound too, which has to be reached.
    assert_flat("events", log)
    with contextlib.suppress(tidegate.TimeoutError):
        client.shutdown(0.1)


def test_clients(server: LocalServer, key: str) -> None:
    """A client leaves nothing behind: no memory, thread, callback or event."""
    options = {"local_mode": True, "bootstrap_values": RULES}

    def live() -> None:
        with tidegate.Client(key, options, on_evaluation=print, on_flushed=print) as client:
            client.initialize()

    for _ in range(100):
        live()
    before, kept, threads = resident_bytes(), tidegate.callbacks.kept(), threading.active_count()
    for _ in range(500):
        live()
    assert tidegate.callbacks.kept() == kept
    assert resident_bytes() - before < SLACK_BYTES
    assert threading.active_count() == threads


LEGACY: dict[str, Callable[[StatsigServer], Any]] = {
    "check_gate": lambda s: s.check_gate(legacy_user, "one"),
    "get_feature_gate": lambda s: s.get_feature_gate(legacy_user, "one"),
    "get_config": lambda s: s.get_config(legacy_user, "c").get("n"),
    "get_layer": lambda s: s.get_layer(legacy_user, "l").get("s"),
    "log_event": lambda s: s.log_event(StatsigEvent(legacy_user, "e", 1, {"a": "b"})),
    "manual": lambda s: s.manually_log_gate_exposure(legacy_user, "one"),
    "groups": lambda s: s.get_experiment_groups("c"),
}


@pytest.mark.parametrize("name", LEGACY)
def test_a_call_in_the_legacy_names(name: str) -> None:
    instance = StatsigServer()
    instance.initialize("secret-leak", StatsigOptions(local_mode=True, bootstrap_values=RULES))
    try:
        instance.override_config("c", {"n": 1})
        instance.override_layer("l", {"s": "text"})
        assert_flat(name, lambda _: LEGACY[name](instance))
    finally:
        instance.shutdown()
