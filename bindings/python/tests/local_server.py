"""The local server as a child of the test process, and its control interface."""

from __future__ import annotations

import json
import os
import subprocess
import urllib.parse
import urllib.request
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[3]
TARGET = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
PROFILE = TARGET / os.environ.get("TIDEGATE_PROFILE", "debug")
LIBRARY = PROFILE / "libtidegate.so"
PROGRAM = PROFILE / "examples" / "local_server"
SHOP = ROOT / "examples" / "rules" / "shop.json"
LISTS = ROOT / "examples" / "rules" / "shop.id_lists.json"

WAIT_MS = 30_000


class LocalServer:
    """A running local server. Ends with the test process, however that ends."""

    def __init__(self, *arguments: str) -> None:
        self._process = subprocess.Popen(
            [str(PROGRAM), "--quiet", "--exit-with-parent", *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        assert self._process.stdout is not None
        ready = json.loads(self._process.stdout.readline())
        self.url: str = ready["url"]
        self.api: str = ready["api"]

    def close(self) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait(timeout=30)
        self._process.stdout.close()

    def control(self, method: str, command: str, body: Any = None, **query: Any) -> Any:
        wanted = {name: value for name, value in query.items() if value is not None}
        url = f"{self.url}/control/{command}?{urllib.parse.urlencode(wanted)}"
        data = (
            body if isinstance(body, bytes) else None if body is None else json.dumps(body).encode()
        )
        request = urllib.request.Request(url, data, method=method)
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.loads(answer.read())

    def events(self, key: str, name: str | None = None) -> list[dict[str, Any]]:
        """Accepted events of a key, in order."""
        return [entry["event"] for entry in self.control("GET", "events", key=key, name=name)]

    def wait(self, endpoint: str, count: int = 1, **query: Any) -> None:
        """Waits until so many requests or events have arrived; raises when they do not."""
        self.control("GET", "wait", endpoint=endpoint, count=count, timeout_ms=WAIT_MS, **query)

    def put_rules(self, rules: Any, key: str) -> None:
        self.control("PUT", "rules", rules, key=key)

    def faults(self, *faults: dict[str, Any]) -> None:
        self.control("POST", "faults", list(faults))


def rules(time: int = 1_700_000_000_000, **members: Any) -> dict[str, Any]:
    """A document with the given members."""
    return {
        "has_updates": True,
        "time": time,
        "feature_gates": [],
        "dynamic_configs": [],
        "layer_configs": [],
        **members,
    }


def gate(name: str, on: bool = True) -> dict[str, Any]:
    """A gate that everybody, or nobody, passes."""
    rule = {
        "name": "everyone",
        "id": "rule_everyone",
        "salt": "salt",
        "groupName": None,
        "passPercentage": 100 if on else 0,
        "returnValue": True,
        "idType": "userID",
        "conditions": [{"type": "public", "targetValue": None, "operator": None, "field": None}],
    }
    return {
        "name": name,
        "type": "feature_gate",
        "entity": "feature_gate",
        "salt": name,
        "enabled": True,
        "defaultValue": False,
        "idType": "userID",
        "rules": [rule],
    }
