"""A client's life, its evaluations and its rules."""

from __future__ import annotations

import copy
import json
import pickle
import signal
import threading
from typing import Any, Callable

import pytest
from local_server import LocalServer, gate, rules

import tidegate

Make = Callable[..., tidegate.Client]


def test_every_kind_is_evaluated(client: tidegate.Client, alice: tidegate.User) -> None:
    assert client.check_gate(alice, "employees_only") is True
    assert client.check_gate(alice, "no_such_gate") is False
    assert client.get_feature_gate(alice, "employees_only").value is True
    assert client.get_config(alice, "price_test").get("currency") == "EUR"
    assert client.get_experiment(alice, "free_shipping_threshold").get_int("threshold") == 35
    assert client.get_layer(alice, "checkout_layer").get_str("button_text") == "Buy now"


def test_a_user_may_be_a_dict_or_json(client: tidegate.Client) -> None:
    json_text = '{"userID": "alice", "email": "alice@shop.example"}'
    for user in (json.loads(json_text), json_text, {"user_id": 7, "email": "x@shop.example"}):
        assert client.check_gate(user, "employees_only")
        assert client.get_feature_gate(user, "employees_only").value
    assert not client.check_gate({"userID": "bob"}, "employees_only")


def test_initialization_that_fails_gives_defaults(
    make: Make, server: LocalServer, key: str, alice: tidegate.User
) -> None:
    server.faults({"endpoint": "specs", "status": 503, "times": -1, "key": key})
    lame = make(initialize=False)
    details = lame.initialize(30)
    assert not details.store_populated
    assert "503" in (details.error or "")
    assert lame.is_initialized()
    assert not lame.check_gate(alice, "employees_only")


def test_initialization_may_go_on_in_the_background(
    make: Make, server: LocalServer, key: str, alice: tidegate.User
) -> None:
    server.faults({"endpoint": "specs", "hold": key, "key": key})
    slow = make(initialize=False)
    with pytest.raises(TimeoutError):
        slow.initialize(0.01)
    assert not slow.is_initialized()
    server.control("POST", "release", name=key)
    slow.wait_initialized(30)
    assert slow.check_gate(alice, "employees_only")


def test_initialization_without_waiting_tells_when_it_is_done(make: Make) -> None:
    client = make(initialize=False)
    told: list[tidegate.InitDetails] = []
    is_told = threading.Event()

    def done(details: tidegate.InitDetails) -> None:
        told.append(details)
        is_told.set()

    client.initialize_async(done)
    assert is_told.wait(30)
    assert told[0].init_success
    assert client.is_initialized()


def test_other_threads_run_while_a_call_blocks(make: Make, server: LocalServer, key: str) -> None:
    """Each blocking call is held by the server, which only a thread that runs meanwhile frees."""
    client = make(initialize=False, options={"disable_diagnostics": True})
    for endpoint, call in (
        ("specs", lambda: client.initialize(60)),
        ("specs", lambda: client.sync_now(60)),
        ("log_event", lambda: client.flush(60)),
        ("log_event", lambda: client.shutdown(60)),
    ):
        if endpoint == "log_event":
            client.log_event({"userID": "ada"}, "held")
        before = len(server.control("GET", "requests", key=key, endpoint=endpoint))
        hold = f"{key} {before} {endpoint}"
        server.faults({"endpoint": endpoint, "hold": hold, "key": key})
        blocked = threading.Thread(target=call)
        blocked.start()
        server.wait(endpoint, before + 1, key=key)
        assert blocked.is_alive()
        server.control("POST", "release", name=hold)
        blocked.join(60)
        assert not blocked.is_alive()


def test_evaluating_at_the_wrong_time_is_an_error(make: Make, alice: tidegate.User) -> None:
    client = make(initialize=False, options={"local_mode": True})
    with pytest.raises(tidegate.StateError) as raised:
        client.check_gate(alice, "employees_only")
    assert raised.value.code == -6
    assert isinstance(raised.value, RuntimeError)
    client.initialize()
    client.shutdown()
    with pytest.raises(tidegate.StateError):
        client.get_config(alice, "shop_banner")
    client.close()
    client.close()
    assert repr(client) == "Client(closed)"
    with pytest.raises(tidegate.HandleError):
        client.check_gate(alice, "employees_only")


def test_leaving_with_closes(key: str) -> None:
    with tidegate.Client(key, {"local_mode": True}) as client:
        assert repr(client) == "Client(ready)"
    assert repr(client) == "Client(closed)"


def test_with_an_initialization_that_raises_leaves_nothing_open(
    server: LocalServer, key: str
) -> None:
    options = {"api": server.api}
    client = tidegate.Client(key, options)
    client.initialize(30)
    client.shutdown(30)
    with pytest.raises(tidegate.StateError), client:
        pass
    assert repr(client) == "Client(closed)"


def test_rules_are_fetched_replaced_and_read(
    make: Make, server: LocalServer, key: str, alice: tidegate.User
) -> None:
    server.put_rules(rules(1, feature_gates=[gate("one")]), key)
    client = make(options={"rulesets_sync_interval": 3600})
    assert client.check_gate(alice, "one")
    server.put_rules(rules(2, feature_gates=[gate("two")]), key)
    client.sync_now(30)
    assert client.check_gate(alice, "two")
    assert not client.check_gate(alice, "one")
    client.update_specs(rules(3, feature_gates=[gate("three")]))
    assert client.check_gate(alice, "three")
    assert [one["name"] for one in json.loads(client.specs() or "")["feature_gates"]] == ["three"]
    assert client.list_entities(tidegate.Kind.GATE) == ["three"]
    assert client.list_entities()["gates"] == ["three"]
    assert client.stats()["specs"]["gates"] == 1
    client.set_polling(False)
    assert client.stats()["sync"]["polling"] is False
    client.set_polling(True)
    assert client.stats()["sync"]["polling"] is True


def test_rules_are_kept_fresh(
    make: Make, server: LocalServer, key: str, alice: tidegate.User
) -> None:
    server.put_rules(rules(1, feature_gates=[gate("one")]), key)
    client = make(options={"rulesets_sync_interval": 0.05, "sync_jitter": 0})
    server.put_rules(rules(2, feature_gates=[gate("two")]), key)
    while not client.check_gate(alice, "two", log_exposure=False):
        server.wait("specs", len(server.control("GET", "requests", key=key, endpoint="specs")) + 1)


def test_the_environment_may_change(client: tidegate.Client, alice: tidegate.User) -> None:
    assert not client.check_gate(alice, "debug_panel")
    client.set_environment({"tier": "staging"})
    assert client.check_gate(alice, "debug_panel")
    client.set_environment({})
    assert not client.check_gate(alice, "debug_panel")


def test_many_evaluations_in_one_call(client: tidegate.Client, alice: tidegate.User) -> None:
    rows = client.evaluate_batch(
        [alice, {"userID": "bob"}, {}],
        [{"kind": "gate", "name": "employees_only"}, {"kind": "config", "name": "price_test"}],
    )
    assert [row[0]["value"] for row in rows[:2]] == [True, False]
    assert rows[0][1]["value"]["currency"] == "EUR"
    assert rows[2][0]["error"]["code"] == -5
    assert client.evaluate_all(alice)["feature_gates"]["employees_only"]["value"] is True
    found = client.evaluate(tidegate.Kind.GATE, alice, "employees_only")
    assert (found["kind"], found["value"]) == ("gate", True)


def test_explain_says_why(client: tidegate.Client, alice: tidegate.User) -> None:
    found = client.explain(alice, tidegate.Kind.GATE, "employees_only")
    assert found["value"] is True
    assert found["steps"]


def test_a_client_sdk_is_told_what_it_needs(
    client: tidegate.Client, make: Make, alice: tidegate.User
) -> None:
    client.override_gate("employees_only", False)
    plain = client.client_init_response(alice, hash="none")
    assert plain and plain["feature_gates"]["employees_only"]["value"] is True
    overridden = client.client_init_response(alice, hash="none", include_local_overrides=True)
    assert overridden and overridden["feature_gates"]["employees_only"]["value"] is False
    hashed = client.client_init_response(alice)
    assert hashed and "employees_only" not in hashed["feature_gates"]
    with pytest.raises(tidegate.ArgumentError, match="hash"):
        client.client_init_response(alice, hash="md5")
    assert make(options={"local_mode": True}).client_init_response(alice) is None


def test_overrides_win(client: tidegate.Client, alice: tidegate.User) -> None:
    client.override_gate("employees_only", False)
    client.override_gate("employees_only", True, "bob")
    client.override_config("price_test", {"currency": "JPY"})
    client.override_experiment("free_shipping_threshold", {"threshold": 1})
    client.override_layer("checkout_layer", {"button_text": "Go"})
    assert not client.check_gate(alice, "employees_only")
    assert client.check_gate({"userID": "bob"}, "employees_only")
    assert client.get_config(alice, "price_test").get("currency") == "JPY"
    assert client.get_experiment(alice, "free_shipping_threshold").get("threshold") == 1
    assert client.get_layer(alice, "checkout_layer").get("button_text") == "Go"
    saved = client.dump_overrides()
    client.remove_override(tidegate.Kind.GATE, "employees_only")
    assert client.check_gate(alice, "employees_only")
    client.remove_all_overrides()
    assert client.get_config(alice, "price_test").get("currency") == "EUR"
    client.load_overrides(saved)
    assert client.dump_overrides() == saved


def test_clients_are_apart(local: Make, alice: tidegate.User) -> None:
    one, two = local(), local()
    one.override_gate("employees_only", False)
    assert not one.check_gate(alice, "employees_only")
    assert two.check_gate(alice, "employees_only")
    one.close()
    assert two.check_gate(alice, "employees_only")


def test_the_default_client(key: str, alice: tidegate.User) -> None:
    with pytest.raises(tidegate.StateError):
        tidegate.get_client()
    seen: list[Any] = []
    made = tidegate.initialize(key, {"local_mode": True}, on_evaluation=seen.append)
    try:
        assert tidegate.initialize("secret-other") is made
        assert tidegate.get_client() is made
        made.check_gate(alice, "g")
        assert [one["name"] for one in seen] == ["g"]
    finally:
        tidegate.shutdown()
    tidegate.shutdown()
    with pytest.raises(tidegate.StateError):
        tidegate.get_client()


def test_threads_evaluate_at_once(local: Make) -> None:
    client = local()
    wrong: list[str] = []

    def ask(number: int) -> None:
        shop = number % 2 == 0
        user = tidegate.User(f"u{number}", email=f"a@{'shop' if shop else 'mail'}.example")
        for turn in range(500):
            name = f"no_such_config_{number}_{turn}"
            if client.get_config(user, name).name != name:
                wrong.append(name)
            if client.check_gate(user, "employees_only") is not shop:
                wrong.append(f"{number} {turn}")

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for number in range(100):
        client.override_gate(f"other{number}", True)
    for thread in threads:
        thread.join(60)
    assert not wrong


def test_a_signal_handler_may_evaluate(local: Make, alice: tidegate.User) -> None:
    client = local()
    answers: list[bool] = []
    old = signal.signal(
        signal.SIGUSR1,
        lambda *_: answers.append(client.check_gate({"userID": "bob"}, "employees_only")),
    )
    try:
        for _ in range(200):
            signal.raise_signal(signal.SIGUSR1)
            assert client.check_gate(alice, "employees_only")
    finally:
        signal.signal(signal.SIGUSR1, old)
    assert answers == [False] * 200


def test_copies_are_the_client_and_pickles_are_refused(local: Make) -> None:
    client = local()
    assert copy.copy(client) is client
    assert copy.deepcopy(client) is client
    with pytest.raises(TypeError):
        pickle.dumps(client)


def test_options_are_described(key: str) -> None:
    described = tidegate.describe_options({"event_queue_size": 7})
    assert described["event_queue_size"] == 7
    assert described["wrapper"]["name"] == "python"
    assert described.keys() >= tidegate.Options.__annotations__.keys() - {"environment"}
    assert tidegate.Options.__annotations__.keys() >= described.keys() - {"callbacks"}
