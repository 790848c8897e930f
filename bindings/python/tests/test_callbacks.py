"""The host's functions and objects, called by the library."""

from __future__ import annotations

import json
import logging
import queue
import signal
import threading
import time
from typing import Any, Callable, Iterator

import pytest
from local_server import LocalServer, gate, rules
from processes import in_child

import tidegate
from tidegate import callbacks

Make = Callable[..., tidegate.Client]
WAIT = 30


class Store(tidegate.DataStore):
    """A store in memory that tells what was asked of it."""

    def __init__(self, content: dict[str, str] | None = None) -> None:
        self.content = content or {}
        self.calls: queue.Queue[tuple[Any, ...]] = queue.Queue()

    def get(self, key: str) -> str | bytes | None:
        self.calls.put(("get", key))
        return self.content.get(key)

    def set(self, key: str, value: str, time_ms: int) -> None:
        self.content[key] = value
        self.calls.put(("set", key, time_ms))

    def shutdown(self) -> None:
        self.calls.put(("shutdown",))

    def until(self, kind: str) -> tuple[Any, ...]:
        while True:
            call = self.calls.get(timeout=WAIT)
            if call[0] == kind:
                return call


@pytest.fixture(autouse=True)
def nothing_is_kept(make: Make) -> Iterator[None]:
    """Whatever was handed to the library is given back when the clients are gone."""
    before = callbacks.kept()
    yield
    for client in list(tidegate.process._clients):
        client.close()
    assert callbacks.kept() == before


def test_evaluations_are_told_on_the_thread_that_evaluates(
    local: Make, alice: tidegate.User
) -> None:
    seen: list[tuple[int, str, Any]] = []
    client = local(
        on_evaluation=lambda found: seen.append(
            (threading.get_ident(), found["name"], found["value"])
        )
    )
    client.check_gate(alice, "employees_only")
    other = threading.Thread(target=client.get_feature_gate, args=(alice, "new_checkout"))
    other.start()
    other.join(WAIT)
    assert seen == [
        (threading.get_ident(), "employees_only", True),
        (other.ident, "new_checkout", True),
    ]


def test_a_callback_may_evaluate_and_a_circle_ends(local: Make, alice: tidegate.User) -> None:
    errors: list[Exception] = []

    def again(_: dict[str, Any]) -> None:
        try:
            client.check_gate(alice, "new_checkout")
        except tidegate.StateError as why:
            errors.append(why)

    client = local(on_evaluation=again)
    assert client.check_gate(alice, "employees_only")
    assert len(errors) == 1


def test_what_a_callback_raises_is_logged(
    local: Make, alice: tidegate.User, caplog: pytest.LogCaptureFixture
) -> None:
    raised: list[BaseException] = [ValueError("one"), SystemExit("two"), GeneratorExit("three")]

    def fail(_: dict[str, Any]) -> None:
        raise raised.pop(0)

    client = local(on_evaluation=fail)
    for text in ("one", "two", "three"):
        assert client.check_gate(alice, "employees_only")
        assert text in caplog.text


def test_an_interrupt_waits_until_the_library_has_returned(
    local: Make, alice: tidegate.User
) -> None:
    finished: list[bool] = []

    def interrupt(_: dict[str, Any]) -> None:
        finished.append(True)
        raise KeyboardInterrupt

    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    client = local(on_evaluation=interrupt)
    with pytest.raises(KeyboardInterrupt):
        client.check_gate(alice, "employees_only")
    with pytest.raises(KeyboardInterrupt):
        client.get_config(alice, "shop_banner")
    with pytest.raises(KeyboardInterrupt):
        client.evaluate(tidegate.Kind.GATE, alice, "employees_only")
    assert finished == [True] * 3


def test_an_interrupt_on_another_thread_reaches_the_main_thread(
    local: Make, alice: tidegate.User
) -> None:
    def interrupt(_: dict[str, Any]) -> None:
        raise KeyboardInterrupt

    client = local(on_evaluation=interrupt)
    other = threading.Thread(target=client.check_gate, args=(alice, "employees_only"))
    with pytest.raises(KeyboardInterrupt):
        other.start()
        other.join(WAIT)
        threading.Event().wait(WAIT)


def test_the_background_is_told(make: Make, server: LocalServer, key: str) -> None:
    updates: queue.Queue[tuple[int, int]] = queue.Queue()
    flushed: queue.Queue[tidegate.Delivery] = queue.Queue()
    errors: queue.Queue[tuple[str, str, str]] = queue.Queue()
    server.put_rules(rules(1, feature_gates=[gate("one")]), key)
    client = make(
        options={"rulesets_sync_interval": 0.05, "logging_interval": 0.05},
        on_rules_updated=lambda at, specs: updates.put((at, json.loads(specs)["time"])),
        on_flushed=flushed.put,
        on_error=lambda *error: errors.put(error),
    )
    assert updates.get(timeout=WAIT) == (1, 1)
    server.put_rules(rules(2, feature_gates=[gate("two")]), key)
    assert updates.get(timeout=WAIT) == (2, 2)
    assert client.check_gate({"userID": "ada"}, "two")
    client.log_event({"userID": "ada"}, "e")
    delivery = flushed.get(timeout=WAIT)
    assert (delivery.success, delivery.status, delivery.error) == (True, 202, None)
    assert delivery.events > 0
    server.put_rules(b"no rules", key)
    tag, code, message = errors.get(timeout=WAIT)
    assert tag and code and message


def test_closing_in_a_callback(make: Make, server: LocalServer, key: str) -> None:
    closed = threading.Event()

    def close(time_ms: int, specs: str) -> None:
        if time_ms == 2:
            client.shutdown()
            client._release()
            closed.set()

    server.put_rules(rules(1), key)
    client = make(options={"rulesets_sync_interval": 0.05}, on_rules_updated=close)
    server.put_rules(rules(2), key)
    assert closed.wait(WAIT)
    with pytest.raises(tidegate.HandleError):
        client.check_gate({"userID": "ada"}, "g")


def test_no_callback_starts_once_closed(make: Make, server: LocalServer, key: str) -> None:
    updates: queue.Queue[int] = queue.Queue()
    server.put_rules(rules(1), key)
    client = make(
        options={"rulesets_sync_interval": 0.05},
        on_rules_updated=lambda at, specs: updates.put(at),
    )
    assert updates.get(timeout=WAIT) == 1
    client.close_callbacks(WAIT)
    server.put_rules(rules(2, feature_gates=[gate("two")]), key)
    client.sync_now(WAIT)
    assert client.check_gate({"userID": "ada"}, "two")
    assert updates.empty()


def test_without_threads_callbacks_come_in_tick(make: Make, alice: tidegate.User) -> None:
    flushed: list[int] = []
    client = make(
        options={"threads": "none"},
        on_flushed=lambda delivery: flushed.append(threading.get_ident()),
    )
    client.log_event(alice, "e")
    client.flush(WAIT)
    assert set(flushed) == {threading.get_ident()}
    assert client.tick() >= 0


def test_ticks_are_for_clients_without_threads(client: tidegate.Client) -> None:
    with pytest.raises(tidegate.StateError):
        client.tick()


def test_notifications_can_be_polled(make: Make, alice: tidegate.User) -> None:
    client = make(options={"threads": "none"})
    client.log_event(alice, "e")
    client.flush(WAIT)
    types = [event["type"] for event in iter(client.poll_event, None)]
    assert {"rules_updated", "events_flushed"} <= set(types)
    assert client.poll_event() is None


def test_a_data_store_feeds_and_is_fed(make: Make, alice: tidegate.User) -> None:
    store = Store()
    client = make(options={"initialize_sources": ["datastore", "network"]}, data_store=store)
    assert store.calls.get(timeout=WAIT)[0] == "get"
    assert store.until("set")[2] == 1_768_471_200_000
    client.close()
    store.until("shutdown")
    assert store.calls.empty()
    offline = make(
        options={"initialize_sources": ["datastore"], "config_sync_sources": ["datastore"]},
        data_store=Store(store.content),
    )
    assert offline.init_details().source == "DataAdapter"
    assert offline.check_gate(alice, "employees_only")


def test_a_data_store_may_answer_in_bytes_and_may_be_polled(make: Make) -> None:
    class Polled(tidegate.DataStore):
        time = 1

        def get(self, key: str) -> str | bytes | None:
            return json.dumps(rules(self.time, feature_gates=[gate(f"g{self.time}")])).encode()

        def supports_polling(self, path: str) -> bool:
            return path == "statsig.cache"

    store = Polled()
    client = make(
        options={"initialize_sources": ["datastore"], "rulesets_sync_interval": 0.05},
        data_store=store,
    )
    assert client.check_gate({"userID": "ada"}, "g1")
    store.time = 2
    deadline = time.monotonic() + WAIT
    while not client.check_gate({"userID": "ada"}, "g2"):
        assert time.monotonic() < deadline
        time.sleep(0)


def test_a_data_store_that_raises_counts_as_failed(
    make: Make, alice: tidegate.User, caplog: pytest.LogCaptureFixture
) -> None:
    class Broken(tidegate.DataStore):
        def get(self, key: str) -> str | bytes | None:
            raise OSError("no store today")

        set = shutdown = supports_polling = get  # type: ignore[assignment]

    client = make(options={"initialize_sources": ["datastore", "network"]}, data_store=Broken())
    assert client.check_gate(alice, "employees_only")
    client.close()
    assert "no store today" in caplog.text


def test_metrics_are_counted(make: Make) -> None:
    seen: queue.Queue[tuple[str, str, float, dict[str, str]]] = queue.Queue()

    class Receiver(tidegate.Metrics):
        def increment(self, name: str, value: float, tags: dict[str, str]) -> None:
            seen.put(("increment", name, value, tags))

        def distribution(self, name: str, value: float, tags: dict[str, str]) -> None:
            seen.put(("distribution", name, value, tags))

    client = make(metrics=Receiver())
    client.flush(WAIT)
    client.close()
    found = {one[1]: one for one in iter(lambda: None if seen.empty() else seen.get(), None)}
    kind, _, value, tags = found["statsig.sdk.initialization"]
    assert kind == "distribution"
    assert value >= 0
    assert tags["init_success"] == "true"


def test_the_log_goes_to_logging_or_to_a_function(
    make: Make, caplog: pytest.LogCaptureFixture
) -> None:
    lines: list[tuple[int, str, str]] = []
    with caplog.at_level(logging.DEBUG, logger="tidegate"):
        tidegate.set_log_sink(tidegate.log._to_logging)
        make(options={"output_logger_level": "info"}).close()
        assert "sync: initialized" in caplog.text
        caplog.clear()
        tidegate.set_log_sink(lambda *line: lines.append(line), level=3)
        try:
            make(options={"output_logger_level": "debug"}).close()
        finally:
            tidegate.set_log_sink(tidegate.log._to_logging)
    assert not caplog.text
    assert {level for level, _, _ in lines} == {3}
    assert any("initialized" in message for _, _, message in lines)


def test_an_object_is_given_back_when_a_client_is_refused(key: str) -> None:
    before = callbacks.kept()
    with pytest.raises(tidegate.ArgumentError):
        tidegate.Client(7, on_evaluation=print)  # type: ignore[arg-type]
    with pytest.raises(tidegate.ArgumentError):
        tidegate.Client("no-secret", data_store=Store(), on_flushed=print)
    assert callbacks.kept() == before


def test_a_client_that_is_dropped_gives_everything_back(make: Make, server: LocalServer) -> None:
    before, store = callbacks.kept(), Store()
    client = tidegate.Client(
        "secret-dropped", {"api": server.api}, data_store=store, on_flushed=print
    )
    client.initialize(WAIT)
    client.initialize_async()
    client.initialize_async(lambda details: None)
    assert callbacks.kept() > before
    del client
    assert callbacks.kept() == before
    store.until("shutdown")
    assert store.calls.empty()


def test_callbacks_work_in_a_forked_child(make: Make, server: LocalServer, key: str) -> None:
    updates: queue.Queue[int] = queue.Queue()
    client = make(
        options={"rulesets_sync_interval": 0.05},
        on_rules_updated=lambda at, specs: updates.put(at),
        data_store=Store(),
    )
    updates.get(timeout=WAIT)

    def child() -> int:
        client.check_gate({"userID": "ada"}, "new")
        server.put_rules(rules(1_900_000_000_000, feature_gates=[gate("new")]), key)
        return updates.get(timeout=WAIT)

    assert in_child(child) == 1_900_000_000_000
    assert updates.get(timeout=WAIT) == 1_900_000_000_000
    assert client.check_gate({"userID": "ada"}, "new")
