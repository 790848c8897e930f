"""Users and results."""

from __future__ import annotations

import copy
import gc
import json
import pickle
from typing import Any, Callable

import pytest

import tidegate

Make = Callable[..., tidegate.Client]

FIELDS: dict[str, Any] = {
    "email": "a@b.c",
    "ip": "1.2.3.4",
    "user_agent": "agent",
    "country": "NL",
    "locale": "nl_NL",
    "app_version": "1.2",
    "custom": {"plan": "pro"},
    "private_attributes": {"hidden": 1},
    "custom_ids": {"companyID": "acme"},
    "environment": {"tier": "staging"},
}
LOGGED = {
    "userID": "ada",
    "email": "a@b.c",
    "ip": "1.2.3.4",
    "userAgent": "agent",
    "country": "NL",
    "locale": "nl_NL",
    "appVersion": "1.2",
    "custom": {"plan": "pro"},
    "customIDs": {"companyID": "acme"},
    "statsigEnvironment": {"tier": "staging"},
}
VALUE = {
    "text": "caf\u00e9",
    "whole": 9_007_199_254_740_993,
    "part": 0.5,
    "yes": True,
    "none": None,
    "list": [1, "two"],
    "map": {"deep": {}},
    "": "empty key",
}


def test_every_field_of_a_user_arrives() -> None:
    user = tidegate.User("ada", **FIELDS)
    assert user.to_dict() == LOGGED
    assert user.to_dict(private=True) == {**LOGGED, "privateAttributes": {"hidden": 1}}
    assert json.loads(user.to_json()) == LOGGED
    assert "hidden" not in repr(user)


def test_a_user_from_a_dict_or_json() -> None:
    expected = {"userID": "7", "customIDs": {"companyID": "acme"}}
    assert tidegate.User.parse({"user_id": 7, "custom_ids": {"companyID": "acme"}}).to_dict() == (
        expected
    )
    assert tidegate.User.parse('{"userID":7,"customIDs":{"companyID":"acme"}}').to_dict() == (
        expected
    )
    assert tidegate.User(7).to_dict() == {"userID": "7"}


def test_copies_and_pickles_of_a_user() -> None:
    user = tidegate.User("ada", **FIELDS)
    assert copy.deepcopy(user) is user
    assert copy.copy(user) is user
    assert pickle.loads(pickle.dumps(user)).to_dict(private=True) == user.to_dict(private=True)


def test_a_closed_user_is_an_error(local: Make) -> None:
    client = local()
    with tidegate.User("ada") as user:
        client.check_gate(user, "employees_only")
    user.close()
    assert repr(user) == "User(closed)"
    with pytest.raises(tidegate.HandleError):
        client.check_gate(user, "employees_only")
    with pytest.raises(tidegate.HandleError):
        user.to_dict()


@pytest.fixture
def config(local: Make, alice: tidegate.User) -> tidegate.Config:
    client = local()
    client.override_config("everything", VALUE)
    return client.get_config(alice, "everything")


def test_parameters_of_every_type(config: tidegate.Config) -> None:
    assert config.value == VALUE
    for name, value in VALUE.items():
        assert config.get(name, 7) == value
        assert name in config
    assert config.get_str("text") == "caf\u00e9"
    assert config.get_int("whole") == 9_007_199_254_740_993
    assert config.get_float("part") == 0.5
    assert config.get_float("whole") == 9_007_199_254_740_993.0
    assert config.get_bool("yes") is True
    assert config.get_json("list") == '[1,"two"]'


def test_a_value_is_a_copy(config: tidegate.Config) -> None:
    config.value["text"] = "changed"
    config.get("list").append(3)
    assert config.value == VALUE


def test_defaults_stand_in_for_what_is_absent_or_of_another_type(config: tidegate.Config) -> None:
    assert config.get("absent") is None
    assert config.get_json("absent") is None
    assert config.get("absent", "mine") == "mine"
    assert config.get_str("whole", "d") == "d"
    assert config.get_int("text", 7) == 7
    assert config.get_int("part", 7) == 7
    assert config.get_float("absent", 1.5) == 1.5
    assert config.get_bool("text", True) is True
    assert "absent" not in config


def test_where_a_value_came_from(local: Make, alice: tidegate.User) -> None:
    client = local()
    found = client.get_feature_gate(alice, "employees_only")
    assert (found.name, found.kind, found.id_type) == (
        "employees_only",
        tidegate.Kind.GATE,
        "userID",
    )
    assert found.group_name == "by email"
    assert found.rule_id == found.to_dict()["rule_id"] != ""
    assert found.reason == "Bootstrap"
    assert found.details.reason == "none"
    assert found.details.source == "Bootstrap"
    assert found.times.config_sync == found.details.config_sync_time == 1_768_471_200_000
    assert found.times.server > found.times.init
    assert json.loads(found.to_json()) == found.to_dict()
    unknown = client.get_config(alice, "no_such_config")
    assert unknown.reason == "Bootstrap:Unrecognized"
    assert unknown.group_name is None
    assert unknown.passed is False
    assert unknown.value == {}


def test_a_gate_is_not_mistaken_for_its_value(local: Make, alice: tidegate.User) -> None:
    with pytest.raises(TypeError, match="value"):
        bool(local().get_feature_gate(alice, "no_such_gate"))


def test_a_result_outlives_its_user_and_client(local: Make) -> None:
    client = local()
    user = tidegate.User("alice", email="alice@shop.example")
    layer = client.get_layer(user, "checkout_layer", log_exposure=False)
    user.close()
    client.close()
    assert layer.get_str("button_text") == "Buy now"


def test_a_closed_result_is_an_error(config: tidegate.Config) -> None:
    config.close()
    config.close()
    assert repr(config) == "Config(closed)"
    for reader in ("name", "kind", "value", "passed", "times", "reason", "details", "rule_id"):
        with pytest.raises(tidegate.HandleError):
            getattr(config, reader)
    for read in (config.to_dict, lambda: config.get("text"), lambda: config.get_str("text")):
        with pytest.raises(tidegate.HandleError):
            read()
    with pytest.raises(tidegate.HandleError):
        assert "text" in config


def test_copies_are_the_result_and_pickles_are_refused(config: tidegate.Config) -> None:
    assert copy.deepcopy(config) is config
    with pytest.raises(TypeError, match="to_dict"):
        pickle.dumps(config)


def test_results_and_users_that_nobody_closes_are_freed(local: Make) -> None:
    client = local()
    for _ in range(2):
        # The library has room for many more, but the numbers show that slots are used again.
        ids = {client.get_feature_gate({"userID": "a"}, "g")._id & 0xFFFF_FFFF for _ in range(500)}
        assert len(ids) < 20
    gc.collect()
