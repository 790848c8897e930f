"""The legacy names: what the comparison with the legacy package does not reach."""

from __future__ import annotations

import json
import logging
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any, Callable, Iterator
from unittest import mock

import pytest
from local_server import SHOP, LocalServer, gate, rules
from processes import environment

import tidegate
from tidegate.statsig import (
    DataSource,
    EvaluationReason,
    HashingAlgorithm,
    IDataStore,
    LogLevel,
    NetworkEndpoint,
    NetworkProtocol,
    ObservabilityClient,
    OutputLogger,
    ProxyConfig,
    StatsigEnvironmentTier,
    StatsigEvent,
    StatsigOptions,
    StatsigRuntimeError,
    StatsigServer,
    StatsigUser,
    StatsigValueError,
    statsig,
)
from tidegate.statsig.statsig_options import settings

WAIT = 30
alice = StatsigUser("alice", email="alice@shop.example")

Start = Callable[..., StatsigServer]


@pytest.fixture
def start(server: LocalServer, key: str) -> Iterator[Start]:
    made: list[StatsigServer] = []

    def start(**options: Any) -> StatsigServer:
        instance = StatsigServer()
        made.append(instance)
        instance.initialize(key, StatsigOptions(**{"api": server.api, **options}))
        return instance

    yield start
    for instance in made:
        instance.shutdown()


@pytest.fixture
def local(start: Start) -> StatsigServer:
    return start(local_mode=True, bootstrap_values=SHOP.read_text())


# The interface.

#: Names that are inner workings of the legacy package.
INNER = {
    "interface_network.IStatsigNetworkWorker",
    "interface_network.IStatsigWebhookWorker",
    "interface_network.IStreamingFallback",
    "interface_network.IStreamingListeners",
    "output_logger.sanitize",
    ".StreamDecompressor",
}


def interface(package: str) -> dict[str, Any]:
    program = Path(__file__).with_name("interface.py")
    done = subprocess.run(
        [sys.executable, str(program), package],
        env=environment(),
        check=True,
        stdout=subprocess.PIPE,
        timeout=120,
    )
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_names_arguments_and_defaults_are_those_of_the_legacy_package() -> None:
    legacy, ours = interface("statsig"), interface("tidegate.statsig")
    assert len(legacy) > 60
    missing = {name for name in legacy if name not in ours}
    inner = {name for name in missing if name in INNER or name.startswith("utils.")}
    assert missing - inner == set()
    for name in legacy.keys() & ours.keys():
        if name.startswith("utils.") and name != "utils.HashingAlgorithm":
            continue
        one, other = legacy[name], ours[name]
        if name.endswith("StatsigOptions"):
            # The default that the documentation gives.
            queue_size = next(given for given in other["()"] if given[0] == "event_queue_size")
            assert queue_size[2] == "500"
            queue_size[2] = "1000"
        if isinstance(one, dict):
            # Members of our own do not matter.
            other = {member: other.get(member) for member in one}
        assert other == one, name


# What the documentation shows.


def test_documented_reasons(local: StatsigServer) -> None:
    details = local.get_feature_gate(alice, "employees_only").evaluation_details
    assert details is not None
    assert details.reason == EvaluationReason.bootstrap
    assert details.source == DataSource.BOOTSTRAP
    assert details.detailed_reason() == "Bootstrap"
    assert details.config_sync_time == 1_768_471_200_000
    assert details.server_time >= details.init_time
    unknown = local.get_config(alice, "no_such_config").evaluation_details
    assert unknown.reason == EvaluationReason.unrecognized
    assert unknown.detailed_reason() == "Bootstrap:Unrecognized"
    local.override_gate("employees_only", False)
    gate = local.get_feature_gate(alice, "employees_only")
    assert gate.get_value() is False
    details = gate.get_evaluation_details()
    assert details and details.reason == EvaluationReason.local_override


def test_documented_ways_to_give_a_tier() -> None:
    for options in (
        StatsigOptions(None, StatsigEnvironmentTier.development),
        StatsigOptions(tier=StatsigEnvironmentTier.development),
        StatsigOptions(tier="development"),
    ):
        assert settings(options)["environment"] == {"tier": "development"}
    options = StatsigOptions()
    options.set_environment_parameter("tier", StatsigEnvironmentTier.development.value)
    assert settings(options)["environment"] == {"tier": "development"}


def test_the_documented_facade(server: LocalServer, key: str) -> None:
    options = StatsigOptions(api=server.api, tier=StatsigEnvironmentTier.development)
    details = statsig.initialize(key, options).wait()
    try:
        assert details.init_success
        assert statsig.is_initialized()
        assert statsig.check_gate(alice, "debug_panel")
        layer = statsig.get_layer(alice, "checkout_layer")
        assert layer.get("button_text", "Buy") == "Buy now"
        values = statsig.get_client_initialize_response(user=alice, include_local_overrides=True)
        assert values and values["has_updates"]
        config = statsig.get_config(alice, "shop_banner")
        assert config.get_value()["title"] == config.get("title") == "Welcome to the shop"
    finally:
        statsig.shutdown()
    with pytest.raises(StatsigRuntimeError):
        statsig.check_gate(alice, "debug_panel")


def test_documented_forward_proxy_options() -> None:
    proxy = ProxyConfig(
        protocol=NetworkProtocol.GRPC_WEBSOCKET,
        proxy_address="0.0.0.0:50051",
        push_worker_failover_threshold=1,
        retry_backoff_multiplier=2,
        max_retry_attempt=8,
        retry_backoff_base_ms=5000,
    )
    options = StatsigOptions(
        proxy_configs={NetworkEndpoint.DOWNLOAD_CONFIG_SPECS: proxy},
        initialize_sources=[
            DataSource.NETWORK,
            DataSource.DATASTORE,
            DataSource.STATSIG_NETWORK,
        ],
    )
    described = tidegate.describe_options(settings(options))
    found = described["proxy_configs"]["download_config_specs"]
    assert found["protocol"] == "grpc_websocket"
    assert found["max_retry_attempt"] == 8
    assert described["initialize_sources"] == ["network", "datastore", "statsig_network"]


def test_every_option_reaches_the_library() -> None:
    options = StatsigOptions(
        api="http://a/v1",
        api_for_download_config_specs="http://b/v1",
        api_for_get_id_lists="http://c/v1",
        api_for_log_event="http://d/v1",
        tier="staging",
        init_timeout=3,
        timeout=4,
        rulesets_sync_interval=5,
        idlists_sync_interval=6,
        local_mode=True,
        event_queue_size=7,
        idlists_thread_limit=2,
        logging_interval=8,
        disable_diagnostics=True,
        enable_debug_logs=True,
        disable_all_logging=True,
        retry_queue_size=9,
        fallback_to_statsig_api=True,
        out_of_sync_threshold_in_s=10.5,
        config_sync_sources=[DataSource.NETWORK],
        overall_init_timeout=11,
        global_custom_fields={"plan": "pro"},
        disable_ua_parser=True,
        disable_country_lookup=True,
        service_name="shop",
        log_event_connection_reuse=True,
    )
    described = tidegate.describe_options(settings(options))
    for name, value in {
        "api": "http://a/v1",
        "api_for_log_event": "http://d/v1",
        "init_timeout": 3,
        "timeout": 4,
        "rulesets_sync_interval": 5,
        "idlists_sync_interval": 6,
        "local_mode": True,
        "event_queue_size": 7,
        "idlists_thread_limit": 2,
        "logging_interval": 8,
        "disable_diagnostics": True,
        "enable_debug_logs": True,
        "disable_all_logging": True,
        "retry_queue_size": 9,
        "fallback_to_statsig_api": True,
        "out_of_sync_threshold_in_s": 10.5,
        "config_sync_sources": ["network"],
        "overall_init_timeout": 11,
        "disable_ua_parser": True,
        "disable_country_lookup": True,
        "service_name": "shop",
        "log_event_connection_reuse": True,
    }.items():
        assert described[name] == value, name
    # 0 and None mean the default, as there.
    nothing = StatsigOptions(
        timeout=0,
        rulesets_sync_interval=0,
        idlists_sync_interval=0,
        event_queue_size=None,
        retry_queue_size=0,
    )
    described = tidegate.describe_options(settings(nothing))
    assert described["rulesets_sync_interval"] == 10
    assert described["retry_queue_size"] == 1


# Callbacks.


def test_rules_updated_callbacks_of_every_shape(server: LocalServer, key: str) -> None:
    server.put_rules(rules(7), key)
    calls: list[tuple[Any, ...]] = []

    class Takes:
        def one(self, specs: str) -> None:
            calls.append((specs,))

        def one_and_more(self, specs: str, more: int = 1) -> None:
            calls.append((specs,))

        def both(self, time: int, specs: str) -> None:
            calls.append((time, specs))

        def any(self, *told: Any) -> None:
            calls.append(told)

    takes, mocked = Takes(), mock.Mock()
    for callback in (takes.one, takes.one_and_more, takes.both, takes.any, mocked, calls.append):
        calls.clear()
        instance = StatsigServer()
        instance.initialize(key, StatsigOptions(api=server.api, rules_updated_callback=callback))
        instance.shutdown()
        if callback is mocked:
            calls.append(mocked.call_args.args)
        told = (calls[0],) if callback == calls.append else calls[0]
        assert json.loads(told[-1])["time"] == 7
        assert told[:-1] == ((7,) if callback == takes.both else ())


def test_flushed_events_are_given(start: Start, server: LocalServer, key: str) -> None:
    calls: list[tuple[Any, ...]] = []
    instance = start(events_flushed_callback=lambda *told: calls.append(told))
    instance.flush()
    calls.clear()
    server.faults({"endpoint": "log_event", "status": 400, "key": key})
    instance.log_event(StatsigEvent(alice, "refused", 1, {"k": "v"}))
    instance.flush()
    ((success, events, status, error),) = calls
    assert (success, status) == (False, 400)
    assert isinstance(error, Exception)
    assert [one["eventName"] for one in events] == ["refused"]
    assert events[0]["metadata"] == {"k": "v"}


def test_errors_are_told_once_of_a_kind(start: Start) -> None:
    told: list[tuple[str, Exception]] = []

    def fail(_: Any) -> None:
        raise KeyError("mine")

    instance = start(
        evaluation_callback=fail, sdk_error_callback=lambda tag, why: told.append((tag, why))
    )
    for _ in range(3):
        assert instance.check_gate(alice, "employees_only") is True
    assert [(tag, type(why)) for tag, why in told] == [("evaluation_callback", KeyError)]
    # What is no user gives the default, and is told too.
    assert instance.check_gate({"userID": "a"}, "employees_only") is False  # type: ignore[arg-type]
    assert told[-1][0] == "get_feature_gate"
    assert type(told[-1][1]) is TypeError


def test_errors_of_the_library_are_told(start: Start, server: LocalServer, key: str) -> None:
    told: list[str] = []
    server.faults({"endpoint": "specs", "disconnect": True, "times": -1, "key": key})
    start(sdk_error_callback=lambda tag, why: told.append(tag))
    assert "request:download_config_specs" in told


class Observer(ObservabilityClient):
    def __init__(self) -> None:
        self.calls: list[tuple[Any, ...]] = []

    def init(self, *args: Any, **kwargs: Any) -> None:
        self.calls.append(("init",))

    def increment(
        self, metric_name: str, value: int = 1, tags: dict[str, Any] | None = None
    ) -> None:
        self.calls.append((metric_name, value, tags))

    def distribution(
        self, metric_name: str, value: float, tags: dict[str, Any] | None = None
    ) -> None:
        self.calls.append((metric_name, value, tags))

    def shutdown(self) -> None:
        self.calls.append(("shutdown",))


def test_an_observability_client(start: Start) -> None:
    observer = Observer()
    instance = start(observability_client=observer)
    assert instance.check_gate(alice, "employees_only")
    instance.flush()
    instance.shutdown()
    instance.shutdown()
    assert observer.calls[0] == ("init",)
    assert observer.calls.count(("shutdown",)) == 1
    found = {call[0]: call for call in observer.calls}
    _, value, tags = found["statsig.sdk.initialization"]
    assert value >= 0
    assert tags["init_success"] is True
    assert found["statsig.sdk.events_successfully_sent_count"][1] >= 1


def test_an_observability_client_that_raises_disturbs_nothing(start: Start) -> None:
    broken = mock.Mock(spec=ObservabilityClient)
    for method in ("init", "increment", "distribution", "shutdown"):
        getattr(broken, method).side_effect = OSError("no")
    instance = start(observability_client=broken)
    assert instance.check_gate(alice, "employees_only")
    instance.shutdown()


def test_a_custom_logger_gets_what_is_logged(start: Start, server: LocalServer, key: str) -> None:
    class Lines(OutputLogger):
        def __init__(self) -> None:
            super().__init__("lines")
            self.lines: list[str] = []

        def warning(self, msg: str, *args: Any, **kwargs: Any) -> None:
            self.lines.append(msg % args)

        debug = info = error = warning

    lines = Lines()
    server.faults({"endpoint": "specs", "status": 500, "times": -1, "key": key})
    start(custom_logger=lines).shutdown()
    assert any("500" in line for line in lines.lines)
    # Keys are masked before anybody sees them.
    assert not any(key in line for line in lines.lines)
    start(custom_logger=object())
    start(custom_logger=mock.Mock(warning=mock.Mock(side_effect=OSError)))


def test_the_log_level_is_an_option(start: Start, caplog: pytest.LogCaptureFixture) -> None:
    for level, is_told in ((LogLevel.INFO, True), (LogLevel.WARNING, False)):
        caplog.clear()
        start(output_logger_level=level).shutdown()
        assert any(one.levelno == logging.INFO for one in caplog.records) is is_told


# Data stores, polling, sources.


class Store(IDataStore):
    def __init__(self) -> None:
        self.content: dict[str, str] = {}
        self.is_shut_down = 0

    def get(self, key: str) -> str | None:
        return self.content.get(key)

    def set(self, key: str, value: str) -> None:
        self.content[key] = value

    def shutdown(self) -> None:
        self.is_shut_down += 1

    def should_be_used_for_querying_updates(self, key: str) -> bool:
        return key == "statsig.cache"


def test_a_data_store_bootstraps_and_is_polled(start: Start) -> None:
    store = Store()
    store.content["statsig.cache"] = json.dumps(rules(1, feature_gates=[gate("one")]))
    instance = start(data_store=store, rulesets_sync_interval=0.05)
    assert instance.get_init_source() == DataSource.DATASTORE
    assert instance.check_gate(alice, "one")
    store.content["statsig.cache"] = json.dumps(rules(2, feature_gates=[gate("two")]))
    is_over = threading.Event()
    threading.Timer(WAIT, is_over.set).start()
    while not instance.check_gate(alice, "two"):
        assert not is_over.is_set()
    is_over.set()
    instance.shutdown()
    assert store.is_shut_down == 1


def test_polling_may_be_paused(start: Start, server: LocalServer, key: str) -> None:
    server.put_rules(rules(1), key)
    instance = start(rulesets_sync_interval=0.05)
    instance.pause_polling_dcs()
    server.put_rules(rules(2, feature_gates=[gate("two")]), key)
    instance.start_polling_dcs()
    while not instance.check_gate(alice, "two"):
        server.wait("specs", 1, key=key)


def test_an_initialize_that_takes_long_goes_on(server: LocalServer, key: str) -> None:
    server.faults({"endpoint": "specs", "hold": key, "key": key})
    instance = StatsigServer()
    details = instance.initialize(key, StatsigOptions(api=server.api, overall_init_timeout=0.05))
    assert details.timed_out
    assert not details.init_success
    assert instance.is_initialized()
    assert not instance.check_gate(alice, "employees_only")
    server.control("POST", "release", name=key)
    while not instance.check_gate(alice, "employees_only"):
        server.wait("specs", 1, key=key)
    instance.shutdown()


# Overrides and life.


def test_overrides_before_initialize_apply(server: LocalServer, key: str) -> None:
    instance = StatsigServer()
    instance.override_gate("a", True)
    instance.remove_all_overrides()
    instance.override_gate("b", True)
    instance.initialize(key, StatsigOptions(local_mode=True))
    assert not instance.check_gate(alice, "a")
    assert instance.check_gate(alice, "b")
    instance.shutdown()


def test_flush_and_shutdown_at_any_time() -> None:
    instance = StatsigServer()
    instance.flush()
    instance.shutdown()
    instance.initialize("secret-x", StatsigOptions(local_mode=True))
    instance.shutdown()
    instance.flush()
    instance.shutdown()
    # Too late to be logged, and no error: a request may be the last to end.
    instance.manually_log_gate_exposure(alice, "g")
    instance.log_exposure_for_config(mock.Mock())


def test_instances_are_apart(start: Start) -> None:
    one = start(local_mode=True)
    two = start(local_mode=True)
    one.override_gate("g", True)
    assert one.check_gate(alice, "g")
    assert not two.check_gate(alice, "g")
    one.shutdown()
    assert not two.check_gate(alice, "g")


def test_a_bad_option_is_named(key: str) -> None:
    with pytest.raises(StatsigValueError, match="bootstrap_values"):
        StatsigServer().initialize(key, StatsigOptions(bootstrap_values=7))  # type: ignore[arg-type]


def test_values_that_json_does_not_know(start: Start, server: LocalServer, key: str) -> None:
    """None of them spoils what is sent with it."""
    instance = start()
    circle: dict[str, Any] = {}
    circle["self"] = circle
    for bad in (float("nan"), {1, 2}, object(), circle, b"bytes", HashingAlgorithm.NONE, 1 << 80):
        instance.log_event(StatsigEvent(alice, "odd", metadata={"bad": bad}))
        instance.log_event(StatsigEvent(StatsigUser("u", custom={"bad": bad}), "odd"))
        instance.check_gate(StatsigUser("u", private_attributes={"bad": bad}), "employees_only")
    instance.log_event(StatsigEvent(alice, "odd", float("inf")))
    instance.log_event(StatsigEvent(alice, "good", 1))
    instance.shutdown()
    found = [one["eventName"] for one in server.events(key)]
    assert found.count("good") == 1
    assert found.count("odd") == 15


def test_metadata_must_be_a_dict() -> None:
    with pytest.raises(StatsigValueError, match="metadata"):
        StatsigEvent(alice, "e", metadata=[1])  # type: ignore[arg-type]
    with pytest.raises(StatsigValueError, match="custom"):
        StatsigUser("u", custom=[1])  # type: ignore[arg-type]


def test_events_are_as_they_were_when_logged(start: Start, server: LocalServer, key: str) -> None:
    instance = start()
    inner = {"n": 1}
    event = StatsigEvent(alice, "e", metadata={"inner": inner})
    instance.log_event(event)
    inner["n"] = 2
    instance.shutdown()
    (found,) = (one for one in server.events(key) if one["eventName"] == "e")
    assert found["metadata"] == {"inner": {"n": 1}}
    assert found["time"] == event._time


def test_values_of_a_config_are_copies(local: StatsigServer) -> None:
    local.get_config(alice, "shop_banner").value["title"] = "mine"
    assert local.get_config(alice, "shop_banner").get("title") == "Welcome to the shop"


def test_many_threads(start: Start, server: LocalServer, key: str) -> None:
    instance = start()
    wrong: list[int] = []

    def use(number: int) -> None:
        user = StatsigUser(f"u{number}", email=f"u@{'shop' if number % 2 else 'mail'}.example")
        for at in range(100):
            if instance.check_gate(user, "employees_only") is not bool(number % 2):
                wrong.append(at)
            instance.log_event(StatsigEvent(user, "e", at))

    threads = [threading.Thread(target=use, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(WAIT)
    instance.shutdown()
    found = [one["value"] for one in server.events(key) if one["eventName"] == "e"]
    assert not wrong
    assert sorted(found) == sorted(list(range(100)) * 8)
