"""Calls in the names of the legacy package, made on it or on the package that stands in for it.

    scenarios.py PACKAGE API KEY_PREFIX

prints, as JSON, what every call gave. Each scenario has a key of its own; what it sent is asked of
the server. Nothing here knows which of the two packages it runs on.
"""

from __future__ import annotations

import copy
import importlib
import json
import pickle
import sys
import threading
from enum import Enum
from pathlib import Path
from typing import Any, Callable

PACKAGE, API, PREFIX = sys.argv[1:] if __name__ == "__main__" else ("tidegate.statsig", "", "")


def module(name: str) -> Any:
    return importlib.import_module(f"{PACKAGE}.{name}" if name else PACKAGE)


Server: Any = module("statsig_server").StatsigServer
Options: Any = module("statsig_options").StatsigOptions
User: Any = module("statsig_user").StatsigUser
Event: Any = module("statsig_event").StatsigEvent
Tier: Any = module("statsig_environment_tier").StatsigEnvironmentTier
DataSource: Any = module("evaluation_details").DataSource
Hash: Any = module("utils").HashingAlgorithm
DataStore: Any = module("interface_data_store").IDataStore
facade: Any = module("statsig")

NEVER = 86_400
WAIT = 30


def shown(found: Any) -> Any:
    """A result as JSON."""
    if isinstance(found, Enum):
        return found.value
    if isinstance(found, (list, tuple)):
        return [shown(one) for one in found]
    if isinstance(found, dict):
        return {str(name): shown(value) for name, value in found.items()}
    if isinstance(found, BaseException):
        return {"error": [kind.__name__ for kind in type(found).__mro__[:-3]]}
    kind = type(found).__name__
    if kind in ("FeatureGate", "DynamicConfig", "Layer"):
        wanted = (
            "name value rule_id id_type group_name allocated_experiment override_config_name "
            "secondary_exposures user passed_rule version"
        ).split()
        members = {name: shown(getattr(found, name)) for name in wanted if hasattr(found, name)}
        if kind == "Layer":
            members["value"] = shown(found.get_values())
        details = found.get_evaluation_details()
        return {"kind": kind, **members, "details": shown(details), "get_name": found.get_name()}
    if kind == "EvaluationDetails":
        return {
            "source": found.source.value,
            "reason": found.reason.value,
            "detailed": found.detailed_reason(),
            "config_sync_time": found.config_sync_time,
            "init_time": found.init_time,
        }
    if kind == "StatsigUser":
        return found.to_dict()
    if kind == "InitializeDetails":
        members = dict(vars(found))
        members["duration"] = members["duration"] >= 0
        members["error"] = found.error is not None
        return {"kind": kind, **shown(members)}
    return found


class Run:
    """One scenario: an instance, its options, and the answers so far."""

    def __init__(self, name: str) -> None:
        self.key = f"secret-{PREFIX}{name}"
        self.answers: list[Any] = []
        self.server = Server()
        #: It has shut down itself. A second time would have the legacy package send all again.
        self.is_over = False

    def start(self, **options: Any) -> Any:
        given = {
            "api": API,
            "rulesets_sync_interval": NEVER,
            "idlists_sync_interval": NEVER,
            "disable_diagnostics": True,
            **options,
        }
        self.options = Options(**given)
        self.did(self.server.initialize(self.key, self.options))
        return self.server

    def did(self, *found: Any) -> None:
        self.answers += [shown(one) for one in found]

    def tries(self, call: Callable[[], Any]) -> None:
        try:
            self.did(call())
        except Exception as why:
            self.did(why)


a = User("a")
ax = User("a", email="q@x.com")

SCENARIOS: dict[str, Callable[[Run], None]] = {}


def scenario(body: Callable[[Run], None]) -> Callable[[Run], None]:
    SCENARIOS[body.__name__] = body
    return body


# Gates.


@scenario
def gates(run: Run) -> None:
    s = run.start()
    run.did(*[s.check_gate(a, "g_on") for _ in range(3)])
    for name in "g_off g_email nope g_unsup g_missing_dep g_pct0 g_env g_custom g_ua".split():
        run.did(s.check_gate(a, name), s.get_feature_gate(a, name))
    run.did(s.check_gate(ax, "g_email"), s.get_feature_gate(ax, "g_on"))
    run.did(s.check_gate(User("a", private_attributes={"secret": "s3"}), "g_priv"))


@scenario
def nested_gates(run: Run) -> None:
    s = run.start()
    run.did(s.check_gate(a, "g_nested"), s.check_gate(a, "g_many"))


@scenario
def coercion(run: Run) -> None:
    s = run.start()
    run.did(s.get_feature_gate(User("a", custom={"n": "abc"}), "g_err"))
    run.did(s.get_feature_gate(User("a", custom={"n": 7}), "g_err"))


@scenario
def redirected(run: Run) -> None:
    s = run.start()
    run.did(s.check_gate(ax, "g_old"), s.check_gate(a, "g_old"), s.get_feature_gate(ax, "g_old"))


@scenario
def user_agent_off(run: Run) -> None:
    s = run.start(disable_ua_parser=True)
    run.did(s.check_gate(User("a", user_agent="Mozilla/5.0 Chrome/100"), "g_ua"))


@scenario
def custom_fields(run: Run) -> None:
    s = run.start(global_custom_fields={"plan": "pro"})
    run.did(s.check_gate(a, "g_custom"))
    run.did(s.check_gate(User("b", custom={"plan": "free"}), "g_custom"))


@scenario
def users(run: Run) -> None:
    s = run.start(tier="qa")
    full = User(5, "e", "i", "ua", "c", "l", "1", {"k": [1]}, {"p": 1}, {"companyID": 42})
    run.did(s.check_gate(full, "g_on"), full.to_dict(), full.to_dict(True))
    run.did(full.to_hash_without_stable_id())
    run.did(s.check_gate(User(custom_ids={"companyID": "c1"}), "g_on"))
    run.did(s.check_gate(User("", custom_ids={"companyID": "c2"}), "g_on"))
    run.did(s.check_gate(User(1.5, email=5, country=True, custom={"t": Tier.staging}), "g_on"))
    for make in (User, lambda: User(""), lambda: User(0), lambda: User(None, custom_ids={})):
        run.tries(make)
    emptied = User("x")
    emptied.user_id = ""
    run.tries(lambda: s.check_gate(emptied, "g_on"))
    run.tries(lambda: s.check_gate(None, "g_on"))
    run.did(a == User("a"), a == ax)


@scenario
def environment(run: Run) -> None:
    s = run.start(tier=Tier.development)
    run.did(s.check_gate(a, "g_env"), run.options.get_sdk_environment_tier())
    run.options.set_environment_parameter("tier", "staging")
    run.did(s.get_feature_gate(a, "g_env"), run.options.get_sdk_environment_tier())
    run.options.set_environment_parameter("foo", "bar")
    run.did(s.check_gate(User("b"), "g_env"))
    run.tries(lambda: Options(tier=5))
    run.did(Options().get_sdk_environment_tier(), Options(tier="").get_sdk_environment_tier())


@scenario
def names(run: Run) -> None:
    seen: list[Any] = []
    s = run.start(evaluation_callback=seen.append)
    run.did(s.check_gate(a, ""), s.get_config(a, ""), s.get_experiment(a, None))
    run.did(s.get_layer(a, ""))
    run.did(seen)


# Configs, experiments, layers.


@scenario
def configs(run: Run) -> None:
    s = run.start(tier="production")
    for user in (ax, a):
        for name in ("c_one", "c_off", "nope", "exp_a"):
            run.did(s.get_config(user, name), s.get_experiment(user, name))
    run.did(s.get_config(a, "g_on"))


@scenario
def typed(run: Run) -> None:
    s = run.start()
    config = s.get_config(ax, "c_one")
    defaults: list[Any] = ["d", 5, 1.0, True, [], {}, None]
    for key in "num str bool arr obj nul missing".split():
        run.did([config.get(key, default) for default in defaults])
        run.did([config.get_typed(key, default) for default in defaults])
    run.did(config.get("num"), config.get_value(), config.get_user())


@scenario
def config_copies(run: Run) -> None:
    s = run.start()
    config = s.get_config(ax, "c_one")
    run.did(copy.deepcopy(config), pickle.loads(pickle.dumps(config)))


@scenario
def layers(run: Run) -> None:
    s = run.start()
    layer = s.get_layer(ax, "layer_a")
    run.did(layer, layer.get("p_exp"), layer.get("p_shared"), layer.get("p_exp"))
    run.did(layer.get("missing", "D"), layer.get_values())
    plain = s.get_layer(a, "layer_un")
    run.did(plain, plain.get("an_int", 0), plain.get("nul", "D"), plain.get("zero", 5))
    run.did(plain.get("no", True), plain.get("empty", "x"), plain.get("nul"))
    run.did(s.get_layer(a, "nope"), s.get_layer(a, "nope").get("x", "D"))


@scenario
def layers_typed(run: Run) -> None:
    layer = run.start().get_layer(a, "layer_un")
    run.did(layer.get_typed("an_int", "err"), layer.get_typed("f", 1), layer.get_typed("an_int", 1))
    run.did(layer.get_typed("arr", []), layer.get_typed("nul", None), layer.get_typed("nul", 1))
    run.did(layer.get_typed("missing", 3), layer.get_typed("f"))


@scenario
def without_exposure(run: Run) -> None:
    s = run.start()
    run.did(s.check_gate(a, "g_on", False), s.get_feature_gate(a, "g_on", log_exposure=False))
    run.did(s.get_config(ax, "c_one", False), s.get_experiment(ax, "exp_a", log_exposure=False))
    layer = s.get_layer(ax, "layer_a", log_exposure=False)
    run.did(layer, layer.get("p_exp"), layer.get_typed("p_shared", 0))
    run.did(s.check_gate(a, "g_on"))


@scenario
def experiment_groups(run: Run) -> None:
    s = run.start()
    for name in ("exp_a", "exp_s", "c_one", "nope", "layer_a"):
        run.did(s.get_experiment_groups(name))


@scenario
def everything(run: Run) -> None:
    s = run.start()
    run.did(s.evaluate_all(a), s.evaluate_all(ax))


@scenario
def init_responses(run: Run) -> None:
    s = run.start()
    s.override_gate("g_off", True)
    s.override_config("c_one", {"z": 1})
    answers = [
        s.get_client_initialize_response(ax),
        s.get_client_initialize_response(a, hash=Hash.NONE),
        s.get_client_initialize_response(ax, None, Hash.DJB2),
        s.get_client_initialize_response(ax, hash=None),
        s.get_client_initialize_response(a, hash=Hash.NONE, include_local_overrides=True),
        s.get_client_initialize_response(a, client_sdk_key="client-x", hash=Hash.NONE),
        s.get_client_initialize_response(a, hash=Hash.NONE, target_app_id="none"),
    ]
    run.did(*answers)


# Exposures by hand, and once only.


@scenario
def manual(run: Run) -> None:
    s = run.start()
    s.manually_log_gate_exposure(a, "g_on")
    s.manually_log_config_exposure(ax, "c_one")
    s.manually_log_experiment_exposure(ax, "exp_a")
    s.manually_log_layer_parameter_exposure(ax, "layer_a", "p_exp")
    s.manually_log_layer_parameter_exposure(ax, "layer_a", "zzz")
    s.manually_log_gate_exposure(a, "nope")
    s.manually_log_layer_parameter_exposure(a, "nope", "p")


@scenario
def manual_of_a_config(run: Run) -> None:
    s = run.start()
    s.log_exposure_for_config(s.get_config(ax, "c_one", log_exposure=False))
    s.log_exposure_for_config(s.get_experiment(ax, "exp_a", log_exposure=False))


@scenario
def once_only(run: Run) -> None:
    s = run.start()
    s.check_gate(a, "g_on")
    s.manually_log_gate_exposure(a, "g_on")
    s.manually_log_gate_exposure(a, "g_off")
    s.check_gate(a, "g_off")
    for ids in ({"x": 1, "y": 2}, {"y": 1, "x": 2}, {"x": 2, "y": 1}):
        s.check_gate(User("a", custom_ids=ids), "g_on")
    s.check_gate(a, "g_email")
    s.check_gate(ax, "g_email")
    s.check_gate(a, "g_email")


# Overrides.


@scenario
def overrides(run: Run) -> None:
    s = run.start()
    b, c = User("b"), User("c")
    s.override_gate("g_off", True, "a")
    run.did(s.check_gate(a, "g_off"), s.check_gate(b, "g_off"))
    s.override_gate("g_off", True)
    run.did(s.get_feature_gate(c, "g_off"))
    s.override_config("c_one", {"z": 1})
    s.override_layer("layer_a", {"p_exp": "OV"})
    s.override_experiment("exp_a", {"k": 2}, "cid1")
    run.did(s.get_config(a, "c_one"), s.get_layer(a, "layer_a").get("p_exp"))
    run.did(s.get_layer(a, "layer_a"))
    run.did(s.get_experiment(User("q", custom_ids={"k": "cid1"}), "exp_a"))
    s.override_gate("zzz", True)
    run.did(s.check_gate(a, "zzz"))
    s.remove_gate_override("zzz")
    run.did(s.check_gate(a, "zzz"))
    s.remove_config_override("c_one")
    s.remove_layer_override("layer_a")
    s.remove_experiment_override("exp_a", "cid1")
    run.did(s.get_config(b, "c_one"), s.get_layer(b, "layer_a").get("p_exp"))
    s.override_gate("g_on", False, "b")
    s.override_gate("g_on", False)
    s.remove_all_overrides()
    run.did(s.check_gate(c, "g_on"))


@scenario
def override_of_a_custom_id(run: Run) -> None:
    s = run.start()
    s.override_gate("g_off", True, "cid")
    s.override_gate("g_off", False)
    run.did(s.check_gate(User("zz", custom_ids={"x": "cid"}), "g_off"))


@scenario
def override_of_a_custom_id_alone(run: Run) -> None:
    s = run.start()
    s.override_gate("g_off", True, "cid")
    s.override_gate("g_off", False)
    run.did(s.check_gate(User(custom_ids={"x": "cid"}), "g_off"))


# Events.


@scenario
def events(run: Run) -> None:
    s = run.start(tier="dev")
    for value in (None, 9.99, 3, "SKU", 0, "", True):
        s.log_event(Event(a, "buy", value))
    metadata = {"s": "x", "n": 1, "b": True, "nul": None, "o": {"a": [1]}, "t": Tier.staging}
    s.log_event(Event(a, "buy", None, metadata))
    s.log_event(Event(a, "buy", metadata={}))
    s.log_event(Event(a, "buy", statsigMetadata={"foo": 1}))
    s.log_event(Event(User("a", private_attributes={"x": 1}), "buy"))
    same = Event(a, "same", metadata={"n": 1})
    s.log_event(same)
    same.metadata["n"] = 2
    s.log_event(same)
    run.did(Event(ax, "x", 1, {"m": 1}, _time=7).to_dict())


@scenario
def bad_events(run: Run) -> None:
    s = run.start()
    run.tries(lambda: Event(a, ""))
    run.tries(lambda: Event(a, None))
    run.tries(lambda: Event(a, "e", []))
    run.tries(lambda: Event(a, "e", {}))
    run.tries(lambda: s.log_event(Event(None, "e")))
    run.tries(lambda: s.log_event(Event(a, "after")))


# Life.


@scenario
def before_and_after(run: Run) -> None:
    s = run.server
    calls: list[Callable[[], Any]] = [
        lambda: s.check_gate(a, "g_on"),
        lambda: s.get_feature_gate(a, "g_on"),
        lambda: s.get_config(a, "c_one"),
        lambda: s.get_experiment(a, "exp_a"),
        lambda: s.get_layer(a, "layer_a"),
        lambda: s.get_experiment_groups("exp_a"),
        lambda: s.log_event(Event(a, "e")),
        s.pause_polling_dcs,
        s.start_polling_dcs,
        s.is_initialized,
        s.is_store_populated,
    ]
    for call in calls:
        run.tries(call)
    run.start()
    run.did(s.is_initialized(), s.is_store_populated(), s.get_init_source(), s.get_id_list_count())
    run.did(s.initialize("secret-other").init_success, s.check_gate(a, "g_on"))
    s.pause_polling_dcs()
    s.start_polling_dcs()
    s.shutdown()
    run.is_over = True
    for call in calls[:-1]:
        run.tries(call)


@scenario
def bad_keys(run: Run) -> None:
    for key in (None, "", "client-x", "secret"):
        run.did(run.server.initialize(key, Options(api=API)), run.server.is_initialized())


@scenario
def again(run: Run) -> None:
    run.start()
    run.server.override_gate("g_off", True)
    run.did(run.server.check_gate(a, "g_off"))
    run.server.shutdown()
    run.start()
    run.did(run.server.check_gate(a, "g_off"), run.server.check_gate(a, "g_on"))


@scenario
def local_mode(run: Run) -> None:
    s = run.start(local_mode=True)
    s.override_gate("g_on", True)
    run.did(s.check_gate(a, "g_on"), s.get_feature_gate(a, "nope"), s.is_initialized())
    s.log_event(Event(a, "never"))


@scenario
def no_logging(run: Run) -> None:
    s = run.start(disable_all_logging=True)
    run.did(s.check_gate(a, "g_on"))
    s.log_event(Event(a, "never"))


@scenario
def no_rules(run: Run) -> None:
    """The server has none for this key."""
    s = run.start()
    run.did(s.check_gate(a, "g_on"), s.get_feature_gate(a, "g_on"), s.is_store_populated())
    run.did(s.get_client_initialize_response(a), s.evaluate_all(a))


@scenario
def bootstrap(run: Run) -> None:
    s = run.start(bootstrap_values=Path(RULES).read_text())
    run.did(s.get_feature_gate(a, "g_on"), s.get_init_source())


class Store(DataStore):  # type: ignore[misc]
    def __init__(self) -> None:
        self.calls: list[Any] = []

    def get(self, key: str) -> Any:
        self.calls.append(["get", key])
        return Path(RULES).read_text() if key == "statsig.cache" else None

    def set(self, key: str, value: str) -> None:
        self.calls.append(["set", key])


@scenario
def data_store(run: Run) -> None:
    store = Store()
    s = run.start(data_store=store)
    s.override_gate("g_off", True)
    run.did(s.get_feature_gate(a, "g_on"), s.get_feature_gate(a, "g_off"))
    run.did(s.get_feature_gate(a, "nope"), store.calls[:1])


@scenario
def sources(run: Run) -> None:
    wanted = [DataSource.DATASTORE, DataSource.BOOTSTRAP, DataSource.NETWORK]
    s = run.start(initialize_sources=wanted, bootstrap_values=Path(RULES).read_text())
    # The vendor's package asks the network at once, on a thread of its own, and may have that for
    # the source of initialize.
    del run.answers[0]["init_source_api"]
    run.did(s.get_init_source())


# Callbacks.


@scenario
def evaluation_callback(run: Run) -> None:
    seen: list[Any] = []
    s = run.start(evaluation_callback=lambda found: seen.append(shown(found)))
    s.check_gate(a, "g_on")
    s.get_feature_gate(a, "g_on", False)
    s.get_config(ax, "c_one")
    s.get_experiment(ax, "exp_a")
    s.get_layer(ax, "layer_a").get("p_exp")
    s.manually_log_gate_exposure(a, "g_off")
    s.evaluate_all(a)
    run.did(seen)


@scenario
def other_callbacks(run: Run) -> None:
    flushed: list[Any] = []
    rules: list[Any] = []
    s = run.start(
        events_flushed_callback=lambda *told: flushed.append(told),
        rules_updated_callback=lambda *told: rules.append([len(told), json.loads(told[0])["time"]]),
    )
    s.flush()
    flushed.clear()
    s.log_event(Event(a, "one", 1, {"k": "v"}))
    s.log_event(Event(a, "two"))
    s.flush()
    run.did(rules)
    for success, sent, status, error in flushed:
        run.did(success, [[event["eventName"], event.get("value")] for event in sent], status)
        run.did(error is None)


@scenario
def failing_evaluation_callback(run: Run) -> None:
    told: list[Any] = []

    def fail(_: Any) -> None:
        raise ValueError("no")

    s = run.start(
        evaluation_callback=fail, sdk_error_callback=lambda tag, why: told.append(shown(why))
    )
    run.did(s.check_gate(a, "g_on"), s.get_config(ax, "c_one").get("num"))
    run.did(len(told) > 0)


# Sampling.


def sampled(run: Run, names: list[str], **options: Any) -> None:
    s = run.start(**options)
    for number in range(21):
        user = User("first" if number == 0 else f"user{number - 1}")
        for name in names:
            run.did(s.check_gate(user, name))
        s.get_config(user, "c_sampled")
        s.get_layer(user, "layer_s").get("p")
        s.get_layer(user, "layer_un").get("an_int")


GATES_SAMPLED = "g_sampled g_fwd g_email nope g_override_rule".split()


@scenario
def sampling_on(run: Run) -> None:
    sampled(run, GATES_SAMPLED)


@scenario
def sampling_shadow(run: Run) -> None:
    sampled(run, GATES_SAMPLED)


@scenario
def sampling_in_development(run: Run) -> None:
    sampled(run, GATES_SAMPLED, tier="development")


# The process-wide instance.


@scenario
def the_facade(run: Run) -> None:
    statsig = facade
    run.tries(lambda: statsig.check_gate(a, "g_on"))
    options = Options(api=API, rulesets_sync_interval=NEVER, idlists_sync_interval=NEVER)
    run.did(statsig.initialize(run.key, options), statsig.is_initialized())
    run.did(statsig.get_instance() is statsig.get_instance())
    run.did(statsig.check_gate(a, "g_on"), statsig.get_feature_gate(a, "g_off"))
    run.did(statsig.check_gate_with_exposure_logging_disabled(ax, "g_email"))
    run.did(statsig.get_config(ax, "c_one"), statsig.get_experiment(ax, "exp_a"))
    run.did(statsig.get_config_with_exposure_logging_disabled(a, "c_off"))
    run.did(statsig.get_experiment_with_exposure_logging_disabled(a, "exp_a"))
    run.did(statsig.get_layer(ax, "layer_a").get("p_exp"))
    run.did(statsig.get_layer_with_exposure_logging_disabled(a, "layer_un").get("zero"))
    statsig.manually_log_gate_exposure(a, "g_pct0")
    statsig.manually_log_config_exposure(a, "c_off")
    statsig.manually_log_experiment_exposure(a, "exp_s")
    statsig.manually_log_layer_parameter_exposure(a, "layer_un", "f")
    statsig.log_exposure_for_config(statsig.get_config_with_exposure_logging_disabled(a, "c_one"))
    statsig.override_gate("o", True)
    statsig.override_config("o", {"a": 1}, "a")
    statsig.override_experiment("oe", {"b": 1})
    statsig.override_layer("o", {"c": 1})
    run.did(statsig.check_gate(a, "o"), statsig.get_config(a, "o"), statsig.get_experiment(a, "oe"))
    run.did(statsig.get_layer(a, "o").get("c"))
    statsig.remove_gate_override("o")
    statsig.remove_config_override("o", "a")
    statsig.remove_experiment_override("oe")
    statsig.remove_layer_override("o")
    statsig.remove_all_overrides()
    run.did(statsig.evaluate_all(a), statsig.get_experiment_groups("exp_a"))
    run.did(statsig.get_client_initialize_response(a, hash=Hash.NONE))
    statsig.log_event(Event(a, "buy", 1))
    statsig.pause_polling_dcs()
    statsig.start_polling_dcs()
    statsig.flush()
    statsig.shutdown()
    run.did(statsig.is_initialized())


@scenario
def many_threads(run: Run) -> None:
    s = run.start()

    def log(number: int) -> None:
        for at in range(100):
            s.log_event(Event(User(f"u{number}"), "e", at))

    threads = [threading.Thread(target=log, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(WAIT)


RULES = ""


def main() -> None:
    global RULES
    RULES = sys.stdin.readline().strip()
    out = sys.stdout
    # The legacy package prints what it catches.
    sys.stdout = sys.stderr
    answers = {}
    for name, body in SCENARIOS.items():
        run = Run(name)
        try:
            body(run)
        finally:
            if not run.is_over:
                run.server.shutdown()
        answers[name] = run.answers
    json.dump(answers, out)


if __name__ == "__main__":
    main()
