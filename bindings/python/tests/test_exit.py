"""The end of the interpreter, with clients and callbacks that are still alive."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest
from local_server import LocalServer
from processes import environment, output

START = """
import gc, os, sys, threading, time
import tidegate
key, api, way = sys.argv[1:]
calls = []

class Store(tidegate.DataStore):
    def get(self, key):
        calls.append(key)
    def set(self, key, value, time_ms):
        calls.append(key)

class Metrics(tidegate.Metrics):
    def increment(self, name, value, tags):
        calls.append(name)
    distribution = gauge = increment

def slow(*arguments):
    calls.append(arguments)
    time.sleep(0.01)

def make(**more):
    options = {"api": api, "rulesets_sync_interval": 0.01, "idlists_sync_interval": 0.01,
               "logging_interval": 0.01, **more}
    if "dropped" not in way and way != "in a circle":
        # Without a sink such a client writes to standard error, what a dropped one may do late.
        options["output_logger_level"] = "debug"
    client = tidegate.Client(key, options, data_store=Store(), metrics=Metrics(),
        on_evaluation=slow, on_rules_updated=slow, on_flushed=slow, on_error=slow)
    client.initialize(30)
    client.log_event({"userID": "ada"}, "e")
    client.check_gate({"userID": "ada"}, "employees_only")
    return client

tidegate.set_log_sink(lambda *line: calls.append(line))
"""

WAYS = {
    "alive": "client = make()",
    "several": "clients = [make() for _ in range(3)]",
    "default": """
client = tidegate.initialize(key, {"api": api}, on_flushed=slow)
client.log_event({"userID": "ada"}, "e")
""",
    "dropped": """
for _ in range(3):
    make()
gc.collect()
""",
    "dropped just now": "client = make(); del client",
    "in a circle": """
client = make()
client.circle = [client]
del client
""",
    "closed": "client = make(); client.close()",
    "shut down": "client = make(); client.shutdown()",
    "held by a module": "client = sys.client = make(); user = sys.user = tidegate.User('a')",
    "with results": """
client = make()
kept = [client.get_layer({"userID": "ada"}, "checkout_layer") for _ in range(10)]
sys.kept = kept
""",
    "an error": "client = make(); raise SystemExit(0)",
    "while a daemon thread evaluates": """
client = make()
def evaluate():
    try:
        while True:
            client.check_gate({"userID": "ada"}, "employees_only")
    except tidegate.StateError:
        "It has been shut down."
threading.Thread(target=evaluate, daemon=True).start()
""",
    "while a daemon thread initializes": """
client = tidegate.Client(key, {"api": "http://127.0.0.1:9/v1"}, on_error=slow)
def initialize():
    try:
        client.initialize()
    except tidegate.TidegateError:
        "The end came first."
threading.Thread(target=initialize, daemon=True).start()
""",
    "in a thread's atexit": """
client = make()
import atexit
atexit.register(lambda: client.check_gate({"userID": "ada"}, "employees_only"))
""",
    "with a legacy instance": """
from tidegate.statsig import statsig, StatsigOptions, StatsigUser, StatsigEvent
statsig.initialize(key, StatsigOptions(api=api, rules_updated_callback=slow,
    events_flushed_callback=slow, evaluation_callback=slow))
statsig.log_event(StatsigEvent(StatsigUser("ada"), "e"))
""",
    "without threads": "client = make(threads='none')",
    "after a fork": """
client = make()
child = os.fork()
if child:
    assert os.waitpid(child, 0)[1] == 0
""",
}

#: Clients that are not closed, but not dropped either, deliver at the end.
DELIVERED = [
    way
    for way in WAYS
    if "dropped" not in way
    and way
    not in (
        "in a circle",
        "while a daemon thread initializes",
    )
]


@pytest.mark.parametrize("way", WAYS)
def test_the_interpreter_ends(way: str, server: LocalServer, key: str) -> None:
    said = output(START + WAYS[way], key, server.api, way)
    assert said == ""
    if way in DELIVERED:
        assert "e" in [event["eventName"] for event in server.events(key)]


def test_a_dropped_client_races_with_the_end(server: LocalServer, key: str) -> None:
    """The threads of a dropped client give its callbacks back whenever they come to it."""
    for _ in range(10):
        assert output(START + WAYS["dropped just now"], key, server.api, "dropped") == ""


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
def test_a_signal_ends_a_process_at_once(
    server: LocalServer, key: str, how: signal.Signals
) -> None:
    program = START + "client = make()\nprint('ready', flush=True)\nthreading.Event().wait()"
    process = subprocess.Popen(
        [sys.executable, "-c", program, key, server.api, ""],
        env=environment(),
        cwd="/",
        stdout=subprocess.PIPE,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == b"ready\n"
    os.kill(process.pid, how)
    assert process.wait(60) == -how
    process.stdout.close()


def test_an_interrupt_ends_a_process_and_delivers(server: LocalServer, key: str) -> None:
    program = (
        "import signal\nsignal.signal(signal.SIGINT, signal.default_int_handler)\n"
        + START
        + "client = make()\nprint('ready', flush=True)\nthreading.Event().wait()"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", program, key, server.api, ""],
        env=environment(),
        cwd="/",
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == b"ready\n"
    os.kill(process.pid, signal.SIGINT)
    assert process.wait(60) == -signal.SIGINT
    process.stdout.close()
    assert "e" in [event["eventName"] for event in server.events(key)]
