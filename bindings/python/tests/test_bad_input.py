"""Whatever is handed over, the answer is an exception of the package or a safe default."""

from __future__ import annotations

import itertools
import re
from typing import Any, Callable

import pytest

import tidegate
from tidegate import Kind

Make = Callable[..., tidegate.Client]

circle: list[Any] = []
circle.append(circle)
deep: Any = 1
for _ in range(100_000):
    deep = [deep]

#: What no argument is meant to be.
BAD: list[Any] = [
    None,
    True,
    0,
    -1,
    1 << 80,
    1 << 5000,
    float("nan"),
    float("inf"),
    1j,
    "",
    "\0",
    "a\0b",
    "{",
    "[]",
    "null",
    "\ud800",
    "x" * 1_000_000,
    b"bytes",
    b"\xff",
    bytearray(b"x"),
    memoryview(b"x"),
    [],
    [None],
    {},
    {1: 2},
    {"userID": None},
    {"userID": []},
    {"userID": "u", "custom": 1},
    {"userID": "u", "custom": {"x": float("nan")}},
    {"userID": "u", "custom": {"x": "\ud800"}},
    {"userID": "u", "custom": {"x": deep}},
    {"userID": "u", "customIDs": [1]},
    circle,
    deep,
    {"a": circle},
    object(),
    object,
    len,
    Ellipsis,
    tidegate,
]

#: Every public call with the places where a user hands something over.
CALLS: dict[str, Callable[..., Any]] = {
    "User": lambda c, u, a, b: tidegate.User(a, email=b, custom=b),
    "User.custom_ids": lambda c, u, a, b: tidegate.User(custom_ids=a, environment=b),
    "User.parse": lambda c, u, a, b: tidegate.User.parse(a),
    "Client": lambda c, u, a, b: tidegate.Client(a, b),
    "describe_options": lambda c, u, a, b: tidegate.describe_options(a),
    "check_gate": lambda c, u, a, b: c.check_gate(a, b),
    "check_gate, User": lambda c, u, a, b: c.check_gate(u, a, log_exposure=b),
    "get_feature_gate": lambda c, u, a, b: c.get_feature_gate(a, b),
    "get_config": lambda c, u, a, b: c.get_config(u, a).get(b),
    "get_experiment": lambda c, u, a, b: c.get_experiment(a, b),
    "get_layer": lambda c, u, a, b: c.get_layer(u, a).get(b),
    "evaluate": lambda c, u, a, b: c.evaluate(a, u, b),
    "evaluate, user": lambda c, u, a, b: c.evaluate(Kind.GATE, a, b),
    "evaluate_batch": lambda c, u, a, b: c.evaluate_batch(a, b),
    "evaluate_all": lambda c, u, a, b: c.evaluate_all(a),
    "explain": lambda c, u, a, b: c.explain(u, a, b),
    "client_init_response": lambda c, u, a, b: c.client_init_response(u, hash=a, client_sdk_key=b),
    "log_event": lambda c, u, a, b: c.log_event(a, b),
    "log_event, value": lambda c, u, a, b: c.log_event(u, "e", a, b),
    "log_events": lambda c, u, a, b: c.log_events(a),
    "log_exposure": lambda c, u, a, b: c.log_exposure(u, a, b, b),
    "override_gate": lambda c, u, a, b: c.override_gate(a, b),
    "override_config": lambda c, u, a, b: c.override_config("c", a, b),
    "override_layer": lambda c, u, a, b: c.override_layer(a, b),
    "remove_override": lambda c, u, a, b: c.remove_override(a, b, b),
    "load_overrides": lambda c, u, a, b: c.load_overrides(a),
    "update_specs": lambda c, u, a, b: c.update_specs(a),
    "set_environment": lambda c, u, a, b: c.set_environment(a),
    "list_entities": lambda c, u, a, b: c.list_entities(a),
    "initialize": lambda c, u, a, b: c.initialize(a),
    "wait_initialized": lambda c, u, a, b: c.wait_initialized(a),
    "flush": lambda c, u, a, b: c.flush(a),
    "sync_now": lambda c, u, a, b: c.sync_now(a),
    "tick": lambda c, u, a, b: c.tick(a),
    "close_callbacks": lambda c, u, a, b: tidegate.Client("secret-x").close_callbacks(a),
    "result": lambda c, u, a, b: c.get_config(u, "shop_banner").get_str(a, b),
    "result, int": lambda c, u, a, b: c.get_config(u, "shop_banner").get_int(a, b),
    "result, float": lambda c, u, a, b: c.get_config(u, "shop_banner").get_float(a, b),
    "result, bool": lambda c, u, a, b: c.get_config(u, "shop_banner").get_bool(a, b),
    "result, json": lambda c, u, a, b: c.get_config(u, "shop_banner").get_json(a),
    "result, in": lambda c, u, a, b: a in c.get_config(u, "shop_banner"),
    "log_exposure_for": lambda c, u, a, b: c.log_exposure_for(a, b),
}


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_bad_input(call: Callable[..., Any], local: Make) -> None:
    client = local()
    user = tidegate.User("alice", email="alice@shop.example")
    refused = 0
    pairs = itertools.chain(
        ((bad, "x") for bad in BAD), (("x", bad) for bad in BAD), zip(BAD, reversed(BAD))
    )
    for first, second in pairs:
        try:
            call(client, user, first, second)
        except (tidegate.TidegateError, RecursionError) as why:
            refused += 1
            assert str(why), (first, second)
    assert refused, "nothing of it was refused"
    # It still works, whatever it was told.
    client.remove_all_overrides()
    if call is not CALLS["update_specs"]:
        assert client.check_gate(user, "employees_only")


def test_every_public_call_is_tried() -> None:
    tried = " ".join(CALLS)
    untried = {
        name
        for name in vars(tidegate.Client)
        if not name.startswith("_") and callable(getattr(tidegate.Client, name))
        if not re.search(rf"\b{name}\b", tried)
    }
    # They take nothing that could be bad, or what others of the list take.
    assert untried == {
        "close",
        "dump_overrides",
        "init_details",
        "initialize_async",
        "is_initialized",
        "override_experiment",
        "poll_event",
        "remove_all_overrides",
        "set_polling",
        "shutdown",
        "specs",
        "stats",
    }


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"no_such_option": 1}, "no_such_option"),
        ({"event_queue_size": "many"}, "event_queue_size"),
        ({"proxy_configs": {"all": {"protocol": "smoke"}}}, "proxy_configs"),
        ({"bootstrap_values": 7}, "bootstrap_values"),
        ({"threads": "many"}, "threads"),
    ],
)
def test_a_bad_option_is_named(options: Any, named: str, key: str) -> None:
    with pytest.raises(tidegate.ArgumentError, match=named):
        tidegate.Client(key, options)


def test_unknown_options_may_be_let_pass(key: str) -> None:
    with tidegate.Client(key, {"strict": False, "no_such_option": 1, "local_mode": True}):
        pass


def test_classes_are_those_of_the_language(local: Make) -> None:
    client = local()
    for kind, base in (
        (tidegate.ArgumentError, ValueError),
        (tidegate.JsonError, ValueError),
        (tidegate.EncodingError, ValueError),
        (tidegate.HandleError, ValueError),
        (tidegate.StateError, RuntimeError),
        (tidegate.TimeoutError, TimeoutError),
        (tidegate.NetworkError, OSError),
        (tidegate.LibraryError, OSError),
    ):
        assert issubclass(kind, base)
        assert issubclass(kind, tidegate.TidegateError)
    with pytest.raises(tidegate.JsonError):
        client.check_gate("{", "g")
    with pytest.raises(tidegate.EncodingError):
        client.check_gate({"userID": "a"}, "\ud800")
    with pytest.raises(tidegate.ArgumentError, match=r"user id|custom id|userID"):
        client.check_gate({}, "g")
    with pytest.raises(tidegate.ArgumentError, match="name: expected a str, not int"):
        client.check_gate({"userID": "a"}, 5)  # type: ignore[arg-type]
