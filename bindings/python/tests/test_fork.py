"""Children of a process that has a client: each evaluates at once, syncs and delivers by itself."""

from __future__ import annotations

import multiprocessing
import os
import subprocess
import sys
import threading
from collections import Counter
from functools import partial
from pathlib import Path
from typing import Any, Callable

import pytest
from local_server import LocalServer, gate
from processes import environment, in_child, output

import tidegate
from tidegate.statsig import StatsigEvent, StatsigOptions, StatsigUser, statsig

Make = Callable[..., tidegate.Client]
CHILDREN = 4
EVENTS = 50


def custom(server: LocalServer, key: str) -> Counter[str]:
    """How often each event of the test has arrived."""
    found = [event["eventName"] for event in server.events(key)]
    return Counter(name for name in found if not name.startswith("statsig::"))


def test_children_evaluate_sync_and_deliver_and_the_parent_is_undisturbed(
    make: Make, server: LocalServer, key: str, alice: tidegate.User, shop: dict[str, Any]
) -> None:
    client = make(options={"rulesets_sync_interval": 0.05})
    client.log_event(alice, "parent before")

    def child(number: int) -> list[Any]:
        # No sync has run in this process: these are the rules of the parent.
        answers = [client.check_gate(alice, "employees_only")]
        answers.append(client.get_feature_gate({"userID": "bob"}, "employees_only").value)
        assert client.stats()["fork_generation"] == 1
        later = {**shop, "time": 1_900_000_000_000 + number}
        later["feature_gates"] = [*shop["feature_gates"], gate(f"new {number}")]
        server.put_rules(later, key)
        while not client.check_gate(alice, f"new {number}", log_exposure=False):
            server.wait("specs", 1, key=key)
        for at in range(EVENTS):
            client.log_event(alice, f"child {number} event {at}")
        return [*answers, client.flush(30).queued]

    for number in range(CHILDREN):
        assert in_child(partial(child, number)) == [True, False, 0]
    while not client.check_gate(alice, f"new {CHILDREN - 1}", log_exposure=False):
        server.wait("specs", 1, key=key)
    client.log_event(alice, "parent after")
    client.close()
    expected = {f"child {n} event {at}": 1 for n in range(CHILDREN) for at in range(EVENTS)}
    assert custom(server, key) == {**expected, "parent before": 1, "parent after": 1}


def test_a_child_forked_in_the_middle_of_everything(
    make: Make, server: LocalServer, key: str
) -> None:
    """The parent syncs, flushes, evaluates and logs on threads of its own while it forks."""
    client = make(options={"rulesets_sync_interval": 0.01, "event_queue_size": 10})
    is_over = threading.Event()
    counts = [0, 0]

    def busy(number: int) -> None:
        while not is_over.is_set():
            client.check_gate({"userID": f"u{counts[number]}"}, "employees_only")
            client.log_event({"userID": "ada"}, f"parent {number}")
            counts[number] += 1

    threads = [threading.Thread(target=busy, args=(number,)) for number in range(2)]
    for thread in threads:
        thread.start()

    def child() -> bool:
        client.log_event({"userID": "ada"}, "child")
        passed = client.check_gate({"userID": "a", "email": "a@shop.example"}, "employees_only")
        return passed and client.flush(60).queued == 0

    try:
        assert all(in_child(child) for _ in range(20))
    finally:
        is_over.set()
        for thread in threads:
            thread.join()
    client.close(60)
    found = custom(server, key)
    assert found.pop("child") == 20
    # The queue is bounded, so the parent may have dropped some; none may come twice.
    assert all(found[f"parent {number}"] <= counts[number] for number in range(2))


def test_a_child_that_ends_normally_delivers_and_one_that_does_not_leaves_no_trace(
    server: LocalServer, key: str
) -> None:
    program = """
import os, sys, tidegate
client = tidegate.initialize(sys.argv[1], {"api": sys.argv[2]})
client.log_event({"userID": "ada"}, "from the parent")
for name, leave in ("from the child", sys.exit), ("never", lambda: os._exit(0)):
    child = os.fork()
    if child == 0:
        client.log_event({"userID": "ada"}, name)
        leave()
    assert os.waitpid(child, 0)[1] == 0
"""
    assert output(program, key, server.api) == ""
    assert custom(server, key) == {"from the parent": 1, "from the child": 1}


def test_a_child_of_a_child(client: tidegate.Client, alice: tidegate.User) -> None:
    def grandchild() -> list[Any]:
        return [client.check_gate(alice, "employees_only"), client.stats()["fork_generation"]]

    assert in_child(lambda: in_child(grandchild)) == [True, 2]


def test_objects_of_the_parent_may_be_freed_in_the_child(local: Make) -> None:
    client, user = local(), tidegate.User("ada")
    result = client.get_feature_gate(user, "employees_only")

    def child() -> str:
        user.close()
        result.close()
        client.close()
        return repr([user, result, client])

    assert in_child(child) == "[User(closed), Gate(closed), Client(closed)]"
    assert result.value is False
    assert client.check_gate(user, "employees_only") is False


def test_a_client_made_in_the_child(
    client: tidegate.Client, server: LocalServer, key: str, alice: tidegate.User
) -> None:
    def child() -> bool:
        with tidegate.Client(key, {"api": server.api}) as made:
            return made.check_gate(alice, "employees_only")

    assert in_child(child)


def test_a_fork_while_another_thread_initializes(
    make: Make, server: LocalServer, key: str, alice: tidegate.User
) -> None:
    server.faults({"endpoint": "specs", "hold": key, "key": key})
    client = make(initialize=False)
    waiting = threading.Thread(target=lambda: client.initialize(60))
    waiting.start()
    server.wait("specs", 1, key=key)

    def child() -> bool:
        return client.initialize(60).store_populated and client.check_gate(alice, "employees_only")

    assert in_child(child) is True
    server.control("POST", "release", name=key)
    waiting.join(60)
    assert client.check_gate(alice, "employees_only")


def _work(number: int) -> tuple[bool, int]:
    client = tidegate.get_client()
    client.log_event({"userID": "ada"}, f"work {number}")
    return client.check_gate({"userID": "a", "email": "a@shop.example"}, "employees_only"), (
        os.getpid()
    )


def test_workers_of_multiprocessing(server: LocalServer, key: str) -> None:
    tidegate.initialize(key, {"api": server.api})
    try:
        with multiprocessing.get_context("fork").Pool(3) as pool:
            answers = pool.map(_work, range(100), chunksize=1)
            # As opposed to terminate(), which kills: lets them end, and so deliver.
            pool.close()
            pool.join()
    finally:
        tidegate.shutdown()
    assert all(passed for passed, _ in answers)
    assert os.getpid() not in {worker for _, worker in answers}
    assert custom(server, key) == {f"work {number}": 1 for number in range(100)}


def _legacy(number: int) -> bool:
    user = StatsigUser("a", email="a@shop.example")
    statsig.log_event(StatsigEvent(user, f"legacy {number}"))
    return statsig.check_gate(user, "employees_only")


def test_a_process_of_multiprocessing_with_the_legacy_names(server: LocalServer, key: str) -> None:
    statsig.initialize(key, StatsigOptions(api=server.api))
    try:
        context = multiprocessing.get_context("fork")
        processes = [context.Process(target=_legacy, args=(number,)) for number in range(3)]
        for process in processes:
            process.start()
        for process in processes:
            process.join(60)
        assert [process.exitcode for process in processes] == [0, 0, 0]
        assert _legacy(3)
    finally:
        statsig.shutdown()
    assert custom(server, key) == {f"legacy {number}": 1 for number in range(4)}


@pytest.mark.parametrize("on_fork", ["evaluate_only", "disable"])
def test_what_a_child_does_is_an_option(
    make: Make, server: LocalServer, key: str, on_fork: str, alice: tidegate.User
) -> None:
    client = make(options={"on_fork": on_fork})
    client.flush(30)

    def child() -> str:
        try:
            passed = client.check_gate(alice, "employees_only")
            client.log_event(alice, "child")
            client.flush(30)
        except tidegate.ForkError:
            return "refused"
        return str(passed)

    assert in_child(child) == {"evaluate_only": "True", "disable": "refused"}[on_fork]
    assert custom(server, key) == {}
    assert client.check_gate(alice, "employees_only")


SPAWN = """
import multiprocessing, sys, tidegate
def work(user, key, api):
    with tidegate.Client(key, {"api": api}) as client:
        assert client.check_gate(user, "employees_only")
        client.log_event(user, "spawned")
if __name__ == "__main__":
    user = tidegate.User("a", email="a@shop.example")
    process = multiprocessing.get_context("spawn").Process(
        target=work, args=(user, *sys.argv[1:])
    )
    process.start()
    process.join(60)
    sys.exit(process.exitcode)
"""


def test_a_spawned_process_makes_its_own_client(
    server: LocalServer, key: str, tmp_path: Path
) -> None:
    """With spawn nothing is inherited; a user goes through a pickle."""
    # The child imports the program again, so it has to be a file.
    program = tmp_path / "program.py"
    program.write_text(SPAWN)
    command = [sys.executable, str(program), key, server.api]
    subprocess.run(command, env=environment(), check=True, timeout=120)
    assert custom(server, key) == {"spawned": 1}
