"""One instance of the SDK."""

from __future__ import annotations

import copy
from typing import Any, Callable, Mapping, TypeVar

from .. import error
from ..client import Client
from ..client import InitDetails as _ClientDetails
from ..fork_lock import ForkLock
from ..result import Kind
from . import logger
from .dynamic_config import DynamicConfig, config_of
from .evaluation_details import DataSource
from .experiment_groups import ExperimentGroups
from .feature_gate import FeatureGate, gate_of
from .hooks import client_hooks
from .initialize_details import InitializeDetails
from .layer import Layer, layer_of
from .statsig_errors import StatsigRuntimeError, StatsigValueError
from .statsig_event import StatsigEvent
from .statsig_options import StatsigOptions, settings
from .statsig_user import StatsigUser, user_json
from .utils import HashingAlgorithm, dumps

_T = TypeVar("_T")

#: Longer than any sum of network time-outs: what bounds initialize is its options.
_UNBOUNDED = 3600.0

_TOLD_MAX = 1000

#: The bound of flush and shutdown, in seconds.
_DELIVERY = 10.0


class StatsigServer:
    """Evaluates gates, configs, experiments and layers, and delivers what is logged."""

    def __init__(self) -> None:
        self._client: Client | None = None
        self._options = StatsigOptions()
        self._lock = ForkLock()
        self._ready = False
        self._was_shut_down = False
        #: Overrides that are made before there is a client.
        self._early: list[Callable[[Client], None]] = []
        self._groups = ExperimentGroups()
        #: What the error callback was told of already.
        self._told: set[tuple[str, type]] = set()

    # Life.

    def initialize(
        self, sdkKey: str | None, options: StatsigOptions | None = None
    ) -> InitializeDetails:
        """Loads rules and starts to keep them fresh. Does not raise when the network fails."""
        with self._lock:
            if self._ready and self._client is not None:
                logger.info("Statsig is already initialized.")
                return self._details(self._client, duration=0, init_success=True, error=None)
            if not isinstance(options, StatsigOptions):
                options = StatsigOptions()
            logger.use(options)
            try:
                client = self._make_client(sdkKey, options)
            except error.ArgumentError as why:
                if "sdk_key" not in str(why):
                    raise StatsigValueError(str(why)) from None
                logger.info("Statsig cannot be initialized: %s", why)
                return _failed(StatsigValueError(str(why)))
            self._options = options
            self._client = client
            options._servers.add(self)
            if options.observability_client is not None:
                self._swallow("observability", options.observability_client.init, None)
            details = self._start(client, options.overall_init_timeout)
            self._ready, self._was_shut_down = True, False
            return details

    def _make_client(self, key: str | None, options: StatsigOptions) -> Client:
        if not isinstance(key, str):
            raise error.ArgumentError("sdk_key: expected a str")
        client = Client(key, settings(options), **client_hooks(options))
        early, self._early = self._early, []
        for override in early:
            override(client)
        return client

    def _start(self, client: Client, timeout: float | None) -> InitializeDetails:
        try:
            client.initialize(timeout or _UNBOUNDED)
        except error.TimeoutError as why:
            logger.warning("Statsig is not initialized in time and goes on in the background.")
            return self._details(client, init_success=False, timed_out=True, error=why)
        return self._details(client)

    def _details(self, client: Client, **other: Any) -> InitializeDetails:
        found: _ClientDetails = client.init_details()
        members = {
            "duration": found.duration_ms,
            "source": DataSource(found.source),
            "init_success": found.init_success,
            "store_populated": found.store_populated,
            "id_list_count": found.id_list_count,
            "error": None if found.error is None else StatsigRuntimeError(found.error),
            "init_source_api": found.init_source_api,
            "timed_out": found.timed_out,
            "init_source_api_id_lists": found.init_source_api_id_lists,
            "fallback_spec_used": found.fallback_spec_used,
            "fallback_id_lists_used": found.fallback_id_lists_used,
        }
        return InitializeDetails(**{**members, **other})

    def is_initialized(self) -> bool:
        """Whether ``initialize`` is over, even if it found no rules."""
        return self._ready

    def is_store_populated(self) -> bool:
        """Whether there are rules."""
        return self._client is not None and self._client.specs() is not None

    def get_init_source(self) -> DataSource:
        """Where the rules came from at the start."""
        if self._client is None:
            return DataSource.UNINITIALIZED
        return DataSource(self._client.init_details().source)

    def get_id_list_count(self) -> int:
        """How many id lists there are."""
        return 0 if self._client is None else int(self._client.stats()["id_lists"])

    def flush(self) -> None:
        """Delivers what is queued."""
        if self._client is not None:
            self._client.flush(_DELIVERY)

    def shutdown(self) -> None:
        """Delivers what is queued and stops."""
        with self._lock:
            client, self._client, self._ready = self._client, None, False
            self._options._servers.discard(self)
            if client is None:
                return
            self._was_shut_down = True
            self._swallow("shutdown", lambda: client.close(_DELIVERY), None)
            if self._options.observability_client is not None:
                self._swallow("observability", self._options.observability_client.shutdown, None)

    def pause_polling_dcs(self) -> None:
        """Pauses the regular fetching of rules."""
        client = self._running()
        self._swallow("pause_polling_dcs", lambda: client.set_polling(False), None)

    def start_polling_dcs(self) -> None:
        """Resumes the regular fetching of rules."""
        client = self._running()
        self._swallow("start_polling_dcs", lambda: client.set_polling(True), None)

    def _environment_changed(self, environment: Mapping[str, str]) -> None:
        if self._client is not None:
            self._client.set_environment(environment)

    # Evaluation.

    def check_gate(self, user: StatsigUser, gate_name: str, log_exposure: bool = True) -> bool:
        """Whether the user passes a gate."""
        client = self._verified(user)
        if not gate_name or self._options.evaluation_callback is not None:
            return self.get_feature_gate(user, gate_name, log_exposure).value
        return self._swallow(
            "check_gate",
            lambda: client.check_gate(_given(user), str(gate_name), log_exposure=log_exposure),
            False,
        )

    def get_feature_gate(
        self, user: StatsigUser, gate_name: str, log_exposure: bool = True
    ) -> FeatureGate:
        """A gate with its rule and details."""
        client = self._verified(user)
        gate = FeatureGate(False, gate_name, "", "")
        if gate_name:
            gate = self._swallow(
                "get_feature_gate",
                lambda: gate_of(
                    client.evaluate(
                        Kind.GATE, _given(user), str(gate_name), log_exposure=log_exposure
                    )
                ),
                gate,
            )
        self.safe_eval_callback(gate)
        return gate

    def get_config(
        self, user: StatsigUser, config_name: str, log_exposure: bool = True
    ) -> DynamicConfig:
        """A dynamic config."""
        client = self._verified(user)
        return self._config(client.get_config, self._normalized(user), config_name, log_exposure)

    def get_experiment(
        self, user: StatsigUser, experiment_name: str, log_exposure: bool = True
    ) -> DynamicConfig:
        """An experiment."""
        client = self._verified(user)
        return self._config(client.get_experiment, user, experiment_name, log_exposure)

    def _config(
        self, get: Callable[..., Any], user: StatsigUser, name: str, log_exposure: bool
    ) -> DynamicConfig:
        def evaluate() -> DynamicConfig:
            result = get(_given(user), str(name), log_exposure=log_exposure)
            made = config_of(result.to_dict(), user)
            made._result = result
            return made

        config = DynamicConfig({}, name, "")
        if name:
            config = self._swallow("get_config", evaluate, config)
        self.safe_eval_callback(config)
        return config

    def get_layer(self, user: StatsigUser, layer_name: str, log_exposure: bool = True) -> Layer:
        """A layer. Reading one of its parameters logs that parameter's exposure."""
        client = self._verified(user)

        def evaluate() -> Layer:
            result = client.get_layer(_given(user), str(layer_name), log_exposure=log_exposure)

            def log_parameter(layer: Layer, parameter: str) -> None:
                self._swallow("layer", lambda: result.get_json(parameter), None)

            return layer_of(result.to_dict(), log_parameter if log_exposure else None)

        layer = Layer._create(layer_name, {}, "")
        if layer_name:
            layer = self._swallow("get_layer", evaluate, layer)
        self.safe_eval_callback(layer)
        return layer

    def get_experiment_groups(self, experiment_name: str) -> dict[str, Any]:
        """Whether an experiment is active, and its groups."""
        client = self._running()
        return self._swallow(
            "get_experiment_groups",
            lambda: self._groups.of(client.specs(), experiment_name),
            {"is_experiment_active": None, "groups": []},
        )

    def evaluate_all(self, user: StatsigUser) -> dict[str, Any]:
        """All gates, configs and experiments for one user, without exposures."""
        client = self._client
        nothing: dict[str, Any] = {"feature_gates": {}, "dynamic_configs": {}}
        if client is None:
            return nothing
        return self._swallow("evaluate_all", lambda: client.evaluate_all(_given(user)), nothing)

    def get_client_initialize_response(
        self,
        user: StatsigUser,
        client_sdk_key: str | None = None,
        hash: HashingAlgorithm | None = HashingAlgorithm.SHA256,
        include_local_overrides: bool | None = False,
        target_app_id: str | None = None,
    ) -> dict[str, Any] | None:
        """What a client SDK needs to start for this user; None if there are no rules."""
        client = self._client
        if client is None:
            return None
        return self._swallow(
            "get_client_initialize_response",
            lambda: client.client_init_response(
                _given(user),
                client_sdk_key=client_sdk_key,
                hash=(hash or HashingAlgorithm.SHA256).value,
                include_local_overrides=bool(include_local_overrides),
                target_app_id=target_app_id,
            ),
            None,
        )

    def safe_eval_callback(self, config: FeatureGate | DynamicConfig | Layer) -> None:
        """Calls the evaluation callback, if there is one."""
        callback = self._options.evaluation_callback
        if callback is not None:
            self._swallow("evaluation_callback", lambda: callback(config), None)

    # Events and exposures.

    def log_event(self, event: StatsigEvent) -> None:
        """Logs a custom event."""
        client = self._running()
        user = event.user
        if user is None:
            logger.warning("An event without a user is dropped: %s", event.event_name)
            return

        def log() -> None:
            fields = {**event.to_dict(), "user": user.to_dict(for_evaluation=True)}
            fields.pop("secondaryExposures", None)
            client.log_events(dumps(fields))

        self._swallow("log_event", log, None)

    def manually_log_gate_exposure(self, user: StatsigUser, gate_name: str) -> None:
        """Logs that the user was shown the gate."""
        self._log_exposure(user, Kind.GATE, gate_name)

    def manually_log_config_exposure(self, user: StatsigUser, config_name: str) -> None:
        """Logs that the user was shown the config."""
        self._log_exposure(user, Kind.CONFIG, config_name)

    def manually_log_experiment_exposure(self, user: StatsigUser, experiment_name: str) -> None:
        """Logs that the user was shown the experiment."""
        self._log_exposure(user, Kind.EXPERIMENT, experiment_name)

    def manually_log_layer_parameter_exposure(
        self, user: StatsigUser, layer_name: str, parameter_name: str
    ) -> None:
        """Logs that the user was shown the parameter of the layer."""
        self._log_exposure(user, Kind.LAYER, layer_name, parameter_name)

    def log_exposure_for_config(self, config_eval: DynamicConfig) -> None:
        """Logs that the user was shown the config, as it was evaluated."""
        client, result, user = self._logging(), config_eval._result, config_eval.user
        if client is None:
            return
        if result is not None:
            self._swallow("log_exposure", lambda: client.log_exposure_for(result), None)
        elif user is not None:
            self._log_exposure(user, Kind.CONFIG, config_eval.name)

    def _log_exposure(
        self, user: StatsigUser, kind: Kind, name: str, parameter: str | None = None
    ) -> None:
        client = self._logging()
        if client is not None:
            self._swallow(
                "log_exposure",
                lambda: client.log_exposure(_given(user), kind, str(name), parameter),
                None,
            )

    # Overrides.

    def override_gate(self, gate: str, value: bool, user_id: str | None = None) -> None:
        """Makes everybody, or one user id or custom id, get a value of your choice."""
        self._override(lambda client: client.override_gate(gate, bool(value), user_id))

    def override_config(self, config: str, value: Any, user_id: str | None = None) -> None:
        """The same for a dynamic config."""
        self._override(lambda client: client.override_config(config, value, user_id))

    def override_experiment(self, experiment: str, value: Any, user_id: str | None = None) -> None:
        """The same for an experiment."""
        self._override(lambda client: client.override_experiment(experiment, value, user_id))

    def override_layer(self, layer: str, value: Any, user_id: str | None = None) -> None:
        """The same for a layer."""
        self._override(lambda client: client.override_layer(layer, value, user_id))

    def remove_gate_override(self, gate: str, user_id: str | None = None) -> None:
        """Removes the override of a gate."""
        self._override(lambda client: client.remove_override(Kind.GATE, gate, user_id))

    def remove_config_override(self, config: str, user_id: str | None = None) -> None:
        """Removes the override of a dynamic config."""
        self._override(lambda client: client.remove_override(Kind.CONFIG, config, user_id))

    def remove_experiment_override(self, experiment: str, user_id: str | None = None) -> None:
        """Removes the override of an experiment."""
        self._override(lambda client: client.remove_override(Kind.EXPERIMENT, experiment, user_id))

    def remove_layer_override(self, layer: str, user_id: str | None = None) -> None:
        """Removes the override of a layer."""
        self._override(lambda client: client.remove_override(Kind.LAYER, layer, user_id))

    def remove_all_overrides(self) -> None:
        """Removes every override."""
        self._early.clear()
        self._override(lambda client: client.remove_all_overrides())

    def _override(self, apply: Callable[[Client], None]) -> None:
        client = self._client
        if client is None:
            self._early.append(lambda made: self._swallow("override", lambda: apply(made), None))
        else:
            self._swallow("override", lambda: apply(client), None)

    # What the methods share.

    def _running(self) -> Client:
        client = self._client
        if client is None or not self._ready:
            raise StatsigRuntimeError(
                "Must call initialize before checking gates/configs/experiments or logging events"
            )
        return client

    def _logging(self) -> Client | None:
        """The client to log to; None after shutdown, which is too late and no error."""
        return None if self._was_shut_down else self._running()

    def _verified(self, user: StatsigUser) -> Client:
        client = self._running()
        if not user:
            raise StatsigValueError(
                "A non-empty StatsigUser with user_id or custom_ids is required"
            )
        if isinstance(user, StatsigUser):
            user._check_id()
        return client

    def _normalized(self, user: StatsigUser) -> StatsigUser:
        if not isinstance(user, StatsigUser) or not self._options._environment:
            return user
        made = copy.copy(user)
        made._statsig_environment = self._options._environment
        return made

    def _swallow(self, what: str, body: Callable[[], _T], otherwise: Any) -> _T:
        """What the application asks for must not fail because of us, or of its own callbacks."""
        try:
            return body()
        except (StatsigValueError, StatsigRuntimeError):
            raise
        except Exception as why:
            logger.warning("%s failed: %s: %s", what, type(why).__name__, why)
            self._tell(what, why)
            recovered: _T = otherwise
            return recovered

    def _tell(self, what: str, why: Exception) -> None:
        """Calls the error callback, once for each kind of error."""
        callback, kind = self._options.sdk_error_callback, (what, type(why))
        if callback is None or self._options.disable_all_logging or kind in self._told:
            return
        if len(self._told) < _TOLD_MAX:
            self._told.add(kind)
        try:
            callback(what, why)
        except Exception as failed:
            logger.warning("sdk_error_callback failed: %s", failed)


def _given(user: StatsigUser) -> str:
    if not isinstance(user, StatsigUser):
        raise TypeError(f"expected a StatsigUser, not {type(user).__name__}")
    return user_json(user)


def _failed(why: Exception) -> InitializeDetails:
    return InitializeDetails(0, DataSource.UNINITIALIZED, False, False, 0, why)
