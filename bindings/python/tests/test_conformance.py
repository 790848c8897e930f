"""The conformance cases, see tests/cases/README.md. A runner skips none."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from local_server import ROOT, LocalServer

import tidegate

CASES = ROOT / "tests" / "cases"
QUIET = {"disable_all_logging": True, "disable_diagnostics": True}
GETTERS = {
    "gate": tidegate.Client.get_feature_gate,
    "config": tidegate.Client.get_config,
    "experiment": tidegate.Client.get_experiment,
    "layer": tidegate.Client.get_layer,
}


def same(expected: Any, found: Any) -> bool:
    """Equality of JSON: numbers by value, and true is no number."""
    if isinstance(expected, bool) or isinstance(found, bool):
        return expected is found
    if isinstance(expected, dict) and isinstance(found, dict):
        return expected.keys() == found.keys() and all(
            same(value, found[name]) for name, value in expected.items()
        )
    if isinstance(expected, list) and isinstance(found, list):
        return len(expected) == len(found) and all(map(same, expected, found))
    return bool(expected == found)


def differences(expected: dict[str, Any], found: dict[str, Any]) -> list[str]:
    told = []
    for member, value in expected.items():
        if member == "details":
            told += differences(value, found["details"])
        elif member not in found or not same(value, found[member]):
            told.append(f"{member}: expected {value!r}, found {found.get(member)!r}")
    return told


def evaluations(client: tidegate.Client, case: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """The result of a case in each of the ways there are."""
    kind, user, name = case["kind"], case["user"], case["name"]
    number = tidegate.Kind[kind.upper()]
    entity = {"kind": kind, "name": name}
    ways = {
        "evaluate": client.evaluate(number, user, name, log_exposure=False),
        "getter": GETTERS[kind](client, user, name, log_exposure=False).to_dict(),
        "batch": client.evaluate_batch([user], [entity])[0][0],
    }
    if kind == "gate":
        passed = client.check_gate(user, name, log_exposure=False)
        handle = client.check_gate(tidegate.User.parse(user), name, log_exposure=False)
        ways["check_gate"] = {**ways["evaluate"], "value": passed}
        ways["check_gate, User"] = {**ways["evaluate"], "value": handle}
    return ways


def run_file(api: str, path: Path, failures: list[str]) -> int:
    document = json.loads(path.read_text())
    options = {**document.get("options", {}), "api": api, **QUIET}
    with tidegate.Client(f"secret-{document['specs']}", options) as client:
        details = client.init_details()
        assert (details.source, details.store_populated) == ("Network", True), (path, details)
        for case in document["cases"]:
            if "overrides" in case:
                client.load_overrides(case["overrides"])
            for way, found in evaluations(client, case).items():
                for told in differences(case["expect"], found):
                    failures.append(f"{path.name}: {case['id']}: {way}: {told}")
            client.remove_all_overrides()
    return len(document["cases"])


def test_every_case() -> None:
    server = LocalServer("--dir", str(ROOT / "tests" / "specs"))
    failures: list[str] = []
    try:
        files = sorted(CASES.glob("*.json"))
        count = sum(run_file(server.api, path, failures) for path in files)
    finally:
        server.close()
    assert count == int((CASES / "COUNT").read_text())
    if failures:
        pytest.fail("\n".join(failures[:50]) + f"\n{len(failures)} in all")
