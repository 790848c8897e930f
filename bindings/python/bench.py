"""How long a call takes, in ns: this package, and the vendor's two beside it.

    TIDEGATE_LIBRARY=target/release/libtidegate.so python bindings/python/bench.py

All have the rules of the example shop and the same user, without a network. The columns are the
legacy names on this package, the package ``statsig`` and the package ``statsig-python-core``.
"""

from __future__ import annotations

import gc
import importlib.metadata
import json
import os
import sys
import tempfile
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Callable

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))
RULES = HERE.parents[1] / "examples" / "rules"
CALLS = int(os.environ.get("BENCH_CALLS", "50000"))
ROUNDS = 5

Calls = dict[str, Callable[[], Any]]


def measure(call: Callable[[], Any]) -> float:
    """The best of some rounds, in ns per call."""
    for _ in range(CALLS // 10):
        call()
    best = float("inf")
    gc.disable()
    try:
        for _ in range(ROUNDS):
            start = time.perf_counter_ns()
            for _ in range(CALLS // ROUNDS):
                call()
            best = min(best, (time.perf_counter_ns() - start) / (CALLS // ROUNDS))
    finally:
        gc.enable()
    return best


class Rules(BaseHTTPRequestHandler):
    """Serves the shop in both formats, and takes events."""

    def log_message(self, format: str, *args: Any) -> None:
        pass

    def do_GET(self) -> None:
        name = "shop_v2.json" if "/v2/" in self.path else "shop.json"
        self.answer((RULES / name).read_bytes() if "download_config_specs" in self.path else b"{}")

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers.get("content-length") or 0))
        self.answer(b"{}")

    def answer(self, body: bytes) -> None:
        self.send_response(202 if self.command == "POST" else 200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def idiomatic() -> Calls:
    """This package as itself."""
    import tidegate

    options: Any = {"local_mode": True, "bootstrap_values": (RULES / "shop.json").read_text()}
    client = tidegate.Client("secret-bench", options)
    client.initialize()
    user = tidegate.User("ada", email="ada@shop.example", custom={"orders": 3})
    fields = {"userID": "ada", "email": "ada@shop.example", "custom": {"orders": 3}}
    return {
        "check_gate, User": lambda: client.check_gate(user, "employees_only"),
        "check_gate, dict": lambda: client.check_gate(fields, "employees_only"),
        "User": lambda: tidegate.User("ada", email="ada@shop.example", custom={"orders": 3}),
        "get_feature_gate, value": lambda: client.get_feature_gate(user, "employees_only").value,
        "get_config, get_str": lambda: client.get_config(user, "shop_banner").get_str("title"),
        "get_config, value": lambda: client.get_config(user, "shop_banner").value,
        "get_layer, get_str": lambda: client.get_layer(user, "checkout_layer").get_str(
            "button_text"
        ),
        "log_event": lambda: client.log_event(user, "e", 1, {"k": "v"}),
    }


def legacy(package: str, api: str) -> Calls:
    """The names of the legacy package, from it or from this one."""
    options_of = importlib.import_module(f"{package}.statsig_options").StatsigOptions
    user_of = importlib.import_module(f"{package}.statsig_user").StatsigUser
    event_of = importlib.import_module(f"{package}.statsig_event").StatsigEvent
    server = importlib.import_module(f"{package}.statsig_server").StatsigServer()
    server.initialize("secret-bench", options_of(api=f"{api}/v1", disable_diagnostics=True))

    def make() -> Any:
        return user_of("ada", email="ada@shop.example", custom={"orders": 3})

    user = make()
    return {
        "check_gate": lambda: server.check_gate(user, "employees_only"),
        "user and check_gate": lambda: server.check_gate(make(), "employees_only"),
        "get_feature_gate": lambda: server.get_feature_gate(user, "employees_only").value,
        "get_config": lambda: server.get_config(user, "shop_banner").get("title"),
        "get_experiment": lambda: server.get_experiment(user, "free_shipping_threshold").value,
        "get_layer": lambda: server.get_layer(user, "checkout_layer").get("button_text"),
        "log_event": lambda: server.log_event(event_of(user, "e", 1, {"k": "v"})),
    }


def core(api: str) -> Calls:
    """The package ``statsig-python-core``."""
    import statsig_python_core as package

    options = package.StatsigOptions(
        specs_url=f"{api}/v2/download_config_specs",
        log_event_url=f"{api}/v1/log_event",
        disable_disk_access=True,
    )
    statsig = package.Statsig("secret-bench", options)
    statsig.initialize().wait()

    def make() -> Any:
        return package.StatsigUser("ada", email="ada@shop.example", custom={"orders": 3})

    user = make()
    return {
        "check_gate": lambda: statsig.check_gate(user, "employees_only"),
        "user and check_gate": lambda: statsig.check_gate(make(), "employees_only"),
        "get_feature_gate": lambda: statsig.get_feature_gate(user, "employees_only").value,
        "get_config": lambda: statsig.get_dynamic_config(user, "shop_banner").get("title", ""),
        "get_experiment": lambda: statsig.get_experiment(
            user, "free_shipping_threshold"
        ).get_value(),
        "get_layer": lambda: statsig.get_layer(user, "checkout_layer").get("button_text", ""),
        "log_event": lambda: statsig.log_event(user, "e", 1, {"k": "v"}),
    }


def side(name: str, api: str) -> Calls:
    if name == "idiomatic":
        return idiomatic()
    return core(api) if name == "core" else legacy(name, api)


def run_in_process_of_its_own(name: str, api: str) -> dict[str, float]:
    """Forks: whatever threads and signals a package has, the others are not disturbed by."""
    with tempfile.TemporaryFile("w+") as answer:
        child = os.fork()
        if child == 0:
            # A call of each has to give the right value before it is worth anything.
            calls = side(name, api)
            assert next(iter(calls.values()))() is True, name
            json.dump({what: measure(call) for what, call in calls.items()}, answer)
            answer.flush()
            os._exit(0)
        _, status = os.waitpid(child, 0)
        assert status == 0, f"{name} failed"
        answer.seek(0)
        found: dict[str, float] = json.load(answer)
        return found


def main() -> None:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Rules)
    server.daemon_threads = True
    api = f"http://127.0.0.1:{server.server_address[1]}"
    # What is not served here must not be asked for elsewhere.
    os.environ.update(dict.fromkeys(("HTTP_PROXY", "HTTPS_PROXY"), "http://127.0.0.1:9"))
    os.environ["NO_PROXY"] = os.environ["no_proxy"] = "127.0.0.1"
    serving = threading.Thread(target=server.serve_forever, daemon=True)
    serving.start()
    versions = [importlib.metadata.version(name) for name in ("statsig", "statsig-python-core")]
    print(f"Python {sys.version.split()[0]}, ns per call, best of {ROUNDS} rounds")
    for what, spent in run_in_process_of_its_own("idiomatic", api).items():
        print(f"  tidegate: {what:30} {spent:10.0f}")
    names = ("tidegate.statsig", "statsig", "core")
    sides = [run_in_process_of_its_own(name, api) for name in names]
    titles = ("tidegate.statsig", f"statsig {versions[0]}", f"core {versions[1]}")
    print(f"  {'':22}" + "".join(f"{title:>20}" for title in titles))
    for what in sides[0]:
        print(f"  {what:22}" + "".join(f"{spent[what]:20.0f}" for spent in sides))
    server.shutdown()


if __name__ == "__main__":
    main()
