"""The same calls on the legacy package and on the one that stands in for it."""

from __future__ import annotations

from collections import Counter

import pytest
from differences import DIFFERENCES
from differential import Side, compared, run_side, write_rules
from local_server import LocalServer
from scenarios import SCENARIOS

LEGACY = "statsig"
OURS = "tidegate.statsig"


@pytest.fixture(scope="module")
def sides(tmp_path_factory: pytest.TempPathFactory) -> tuple[Side, Side]:
    rules = write_rules(tmp_path_factory.mktemp("rules") / "f1.json")
    server = LocalServer("--rules", str(rules))
    names = list(SCENARIOS)
    try:
        return run_side(server, LEGACY, names, rules), run_side(server, OURS, names, rules)
    finally:
        server.close()


def test_answers_and_posts_are_the_same_but_for_what_is_meant(sides: tuple[Side, Side]) -> None:
    used: Counter[str] = Counter()
    unexplained = []
    for found in compared(*sides):
        names = [one.name for one in DIFFERENCES if one.explains(found)]
        used.update(names)
        if not names:
            unexplained.append(str(found))
    assert not unexplained, "\n".join(unexplained)
    assert {one.name for one in DIFFERENCES} == used.keys(), "a difference that there is not"


def test_there_is_something_to_compare(sides: tuple[Side, Side]) -> None:
    legacy, ours = sides
    silent = {"bad_keys", "local_mode", "no_logging"}
    for name in SCENARIOS:
        assert len(ours.answers[name]) + len(ours.events[name]) > 0, name
        assert bool(ours.diagnostics[name]) is (name not in silent), name
    assert sum(map(len, legacy.events.values())) > 700
    assert legacy.events["sampling_on"] != legacy.events["sampling_in_development"]


def test_each_rule_is_narrow(sides: tuple[Side, Side]) -> None:
    """Were the answers of a scenario lost, no rule would hide it."""
    legacy, ours = sides
    for name in SCENARIOS:
        if legacy.answers[name]:
            emptied = Side(
                {**ours.answers, name: []}, ours.events, ours.diagnostics, ours.envelopes
            )
            lost = [found for found in compared(legacy, emptied) if found.scenario == name]
            assert any(not any(one.explains(found) for one in DIFFERENCES) for found in lost), name
