"""Runs the scenarios on both packages, and finds where the answers and what was sent differ."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Iterator

from local_server import ROOT, LocalServer
from processes import environment

SCENARIOS = Path(__file__).with_name("scenarios.py")
FIXTURE = ROOT / "tests" / "specs" / "f1.json"
TIMEOUT = 300

#: Events of several threads come in any order.
UNORDERED = ("many_threads",)

#: Whatever the other side does not have.
ABSENT = "(absent)"

#: The legacy package must not reach for anything but the local server.
CONFINED = {
    "NO_PROXY": "127.0.0.1",
    "no_proxy": "127.0.0.1",
    **dict.fromkeys(
        ("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"), "http://127.0.0.1:9"
    ),
}

SDK_CONFIGS: dict[str, dict[str, Any]] = {
    "sampling_on": {"sampling_mode": "on", "special_case_sampling_rate": 5},
    "sampling_shadow": {"sampling_mode": "shadow", "special_case_sampling_rate": 3},
    "sampling_in_development": {"sampling_mode": "on", "special_case_sampling_rate": 5},
}


@dataclass(frozen=True)
class Mismatch:
    """One place where the two differ."""

    scenario: str
    path: str
    legacy: Any
    ours: Any

    def __str__(self) -> str:
        return f"{self.scenario} {self.path}: legacy {self.legacy!r}, ours {self.ours!r}"


@dataclass
class Side:
    """What one package answered, and what the server got from it."""

    answers: dict[str, list[Any]]
    events: dict[str, list[Any]]
    diagnostics: dict[str, list[Any]]
    envelopes: dict[str, list[Any]]


def write_rules(path: Path) -> Path:
    """The rules of all scenarios, with diagnostics that are not drawn by lot."""
    rates = {"initialize": 10_000, "dcs": 0, "idlist": 0, "api_call": 0, "logevent": 0}
    path.write_text(json.dumps({**json.loads(FIXTURE.read_text()), "diagnostics": rates}))
    return path


def run_side(server: LocalServer, package: str, names: list[str], path: Path) -> Side:
    """All scenarios on one package; the rules are in a file."""
    prefix = f"{package.replace('.', '-')}-"
    rules = json.loads(path.read_text())
    for name, configs in SDK_CONFIGS.items():
        server.put_rules({**rules, "sdk_configs": configs}, f"secret-{prefix}{name}")
    server.faults(
        {"endpoint": "specs", "status": 500, "times": -1, "key": f"secret-{prefix}no_rules"}
    )
    done = subprocess.run(
        [sys.executable, str(SCENARIOS), package, server.api, prefix],
        input=f"{path}\n",
        env=environment(**CONFINED),
        capture_output=True,
        text=True,
        timeout=TIMEOUT,
    )
    assert done.returncode == 0, done.stderr[-5000:]
    side = Side(json.loads(done.stdout), {}, {}, {})
    for name in names:
        key = f"secret-{prefix}{name}"
        side.events[name], side.diagnostics[name], side.envelopes[name] = sent(server, key)
    return side


def sent(server: LocalServer, key: str) -> tuple[list[Any], list[Any], list[Any]]:
    """Events, diagnostics and envelopes of the posts of a key, without what differs anyway."""
    events, diagnostics, envelopes = [], [], []
    for batch in server.control("GET", "batches", key=key):
        body = batch["body"]
        for event in body.pop("events"):
            event = timeless(event)
            if event["eventName"] == "statsig::diagnostics":
                diagnostics.append(outline(event))
            else:
                events.append(event)
        headers = batch["headers"]
        assert headers["statsig-server-session-id"] == body["statsigMetadata"]["sessionID"]
        assert headers["statsig-api-key"] == key
        envelopes.append({"body": kinds(body), "headers": sorted(headers)})
    return events, diagnostics, envelopes


def timeless(event: dict[str, Any]) -> dict[str, Any]:
    """With the times of this run replaced by what they are."""
    event = dict(event)
    for members, names in (
        (event, ("time",)),
        (event.get("metadata", {}), ("serverTime",)),
    ):
        for name in names:
            if name in members:
                assert isinstance(members[name], int), event
                members[name] = "ms"
    return event


def kinds(value: Any) -> Any:
    """The members of an object and their types."""
    if isinstance(value, dict):
        return {name: kinds(one) for name, one in value.items()}
    return type(value).__name__


def outline(event: dict[str, Any]) -> dict[str, Any]:
    """A diagnostics event: what was marked, in which order, with which outcome."""
    metadata = dict(event["metadata"])
    wanted = ("key", "action", "step", "statusCode", "success", "idListCount", "networkProtocol")
    metadata["markers"] = [
        {name: marker[name] for name in wanted if name in marker} for marker in metadata["markers"]
    ]
    return {**event, "metadata": metadata}


def compared(legacy: Side, ours: Side) -> Iterator[Mismatch]:
    """Every place where the sides differ."""
    assert legacy.answers.keys() == ours.answers.keys()
    for name in legacy.answers:
        for what in ("answers", "events", "diagnostics"):
            one, other = getattr(legacy, what)[name], getattr(ours, what)[name]
            if name in UNORDERED:
                one, other = (sorted(found, key=json.dumps) for found in (one, other))
            yield from mismatches(name, what, one, other)
        envelopes = (first_of_each(side.envelopes[name]) for side in (legacy, ours))
        yield from mismatches(name, "envelopes", *envelopes)


def first_of_each(envelopes: list[Any]) -> list[Any]:
    """Envelopes that differ; how many posts there are depends on when what is sent."""
    found: list[Any] = []
    for envelope in envelopes:
        if envelope not in found:
            found.append(envelope)
    return found


def mismatches(scenario: str, path: str, legacy: Any, ours: Any) -> Iterator[Mismatch]:
    if isinstance(legacy, dict) and isinstance(ours, dict):
        for name in {**legacy, **ours}:
            yield from mismatches(
                scenario, f"{path}.{name}", legacy.get(name, ABSENT), ours.get(name, ABSENT)
            )
    elif isinstance(legacy, list) and isinstance(ours, list) and len(legacy) == len(ours):
        for at, pair in enumerate(zip(legacy, ours)):
            yield from mismatches(scenario, f"{path}[{at}]", *pair)
    elif type(legacy) is not type(ours) or legacy != ours:
        yield Mismatch(scenario, path, legacy, ours)
