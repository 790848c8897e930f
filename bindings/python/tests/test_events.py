"""Events and exposures, and what becomes of them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Callable

import pytest
from local_server import LocalServer
from processes import output

import tidegate

Make = Callable[..., tidegate.Client]


def names(server: LocalServer, key: str) -> list[str]:
    return [event["eventName"] for event in server.events(key)]


@pytest.fixture
def quiet(client: tidegate.Client) -> tidegate.Client:
    """With nothing queued: what the library sends by itself has gone."""
    client.flush(30)
    return client


def test_events_arrive_with_all_they_hold(
    quiet: tidegate.Client, server: LocalServer, key: str, alice: tidegate.User
) -> None:
    quiet.flush(30)
    before = len(server.events(key))
    quiet.log_event(alice, "purchase", 9.5, {"item": "lamp", "n": 1, "none": None})
    quiet.log_event({"userID": "bob"}, "view", "home")
    quiet.log_event(alice, "plain")
    quiet.log_event(alice, "whole", 3)
    quiet.log_events(
        [{"user": {"userID": "carol"}, "event_name": "batch", "value": 1, "metadata": {"n": "1"}}]
    )
    assert quiet.flush(30) == tidegate.FlushReport(5, 0, 0, 0)
    purchase, view, plain, whole, batch = server.events(key)[before:]
    assert purchase["eventName"] == "purchase"
    assert purchase["value"] == 9.5
    assert purchase["metadata"] == {"item": "lamp", "n": 1, "none": None}
    assert purchase["user"]["userID"] == "alice"
    assert (view["eventName"], view["value"], view["user"]["userID"]) == ("view", "home", "bob")
    assert (plain["eventName"], plain.get("value")) == ("plain", None)
    assert whole["value"] == 3
    assert (batch["eventName"], batch["value"], batch["user"]["userID"]) == ("batch", 1, "carol")


def shown(events: list[dict[str, Any]]) -> list[list[str]]:
    wanted = ("gate", "config", "parameterName")
    return [
        [event["metadata"][name] for name in wanted if name in event["metadata"]]
        for event in events
        if event["eventName"].endswith("_exposure")
    ]


def test_evaluations_leave_exposures_unless_told_not_to(
    quiet: tidegate.Client, server: LocalServer, key: str, alice: tidegate.User
) -> None:
    quiet.check_gate(alice, "employees_only")
    quiet.check_gate(alice, "new_checkout", log_exposure=False)
    quiet.get_feature_gate(alice, "new_checkout", log_exposure=False)
    quiet.get_config(alice, "price_test")
    quiet.evaluate_all(alice)
    quiet.client_init_response(alice)
    quiet.explain(alice, tidegate.Kind.GATE, "new_checkout")
    layer = quiet.get_layer(alice, "checkout_layer")
    assert layer.value["show_reviews"] is True
    assert "button_text" in layer
    layer.get("show_reviews")
    unlogged = quiet.get_layer({"userID": "bob"}, "checkout_layer", log_exposure=False)
    unlogged.get("show_reviews")
    quiet.flush(30)
    assert shown(server.events(key)) == [
        ["employees_only"],
        ["price_test"],
        ["checkout_layer", "show_reviews"],
    ]


def test_exposures_can_be_logged_by_hand(
    quiet: tidegate.Client, server: LocalServer, key: str, alice: tidegate.User
) -> None:
    found = quiet.get_feature_gate(alice, "employees_only", log_exposure=False)
    layer = quiet.get_layer({"userID": "bob"}, "checkout_layer", log_exposure=False)
    quiet.log_exposure_for(found)
    quiet.log_exposure_for(layer, "show_reviews")
    quiet.log_exposure(alice, tidegate.Kind.CONFIG, "price_test")
    quiet.log_exposure(alice, tidegate.Kind.LAYER, "checkout_layer", "button_text")
    quiet.flush(30)
    events = [one for one in server.events(key) if one["eventName"].endswith("_exposure")]
    assert shown(events) == [
        ["employees_only"],
        ["checkout_layer", "show_reviews"],
        ["price_test"],
        ["checkout_layer", "button_text"],
    ]
    assert {event["metadata"]["isManualExposure"] for event in events} == {"true"}


def test_closing_delivers(client: tidegate.Client, server: LocalServer, key: str) -> None:
    client.log_event({"userID": "ada"}, "last words")
    client.close(30)
    assert names(server, key)[-1] == "last words"


def test_the_end_of_the_process_delivers(server: LocalServer, key: str) -> None:
    program = """
import sys, tidegate
client = tidegate.initialize(sys.argv[1], {"api": sys.argv[2], "disable_diagnostics": True})
client.log_event({"userID": "ada"}, "at exit")
"""
    assert output(program, key, server.api) == ""
    assert "at exit" in names(server, key)


def test_what_cannot_be_delivered_waits_on_disk(
    make: Make, server: LocalServer, key: str, alice: tidegate.User, tmp_path: Path
) -> None:
    spool = {"event_spool_dir": str(tmp_path)}
    client = make(options=spool)
    client.flush(30)
    server.faults({"endpoint": "log_event", "status": 503, "times": -1, "key": key})
    client.log_event(alice, "stored")
    assert client.shutdown(5).spooled == 1
    server.control("POST", "reset", what="faults")
    later = make(options=spool)
    server.wait("events", 1, key=key, name="stored")
    later.close(30)
    assert names(server, key).count("stored") == 1


def test_a_report_counts_what_is_given_up_and_what_waits(
    make: Make, server: LocalServer, key: str, alice: tidegate.User
) -> None:
    client = make()
    client.flush(30)
    server.faults({"endpoint": "log_event", "status": 400, "key": key})
    client.log_event(alice, "refused")
    assert client.flush(30) == tidegate.FlushReport(0, 0, 1, 0)
    assert client.stats()["events"]["dropped"]["rejected"] == 1
    server.faults({"endpoint": "log_event", "status": 503, "times": -1, "key": key})
    client.log_event(alice, "waits")
    report = client.flush(0.5)
    assert (report.sent, report.queued) == (0, 1)


def test_who_sends_is_told(quiet: tidegate.Client, server: LocalServer, key: str) -> None:
    quiet.log_event({"userID": "ada"}, "e")
    quiet.flush(30)
    batch = server.control("GET", "batches", key=key)[-1]
    body = json.loads(batch["body"]) if isinstance(batch["body"], str) else batch["body"]
    assert "python" in json.dumps(body["statsigMetadata"])
