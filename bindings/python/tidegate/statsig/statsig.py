"""The functions of the process-wide instance of the SDK."""

from __future__ import annotations

from typing import Any, Dict, Optional

from .dynamic_config import DynamicConfig
from .feature_gate import FeatureGate
from .initialize_details import InitializeDetails
from .layer import Layer
from .statsig_event import StatsigEvent
from .statsig_options import StatsigOptions
from .statsig_server import StatsigServer
from .statsig_user import StatsigUser
from .utils import HashingAlgorithm

ClientInitializeResponse = Optional[Dict[str, Any]]

__instance = StatsigServer()


def initialize(secret_key: str | None, options: StatsigOptions | None = None) -> InitializeDetails:
    """Loads rules and starts to keep them fresh."""
    return __instance.initialize(secret_key, options)


def is_initialized() -> bool:
    """Whether ``initialize`` is over."""
    return __instance.is_initialized()


def get_instance() -> StatsigServer:
    """The process-wide instance."""
    return __instance


def check_gate(user: StatsigUser, gate: str) -> bool:
    """Whether the user passes a gate."""
    return __instance.check_gate(user, gate)


def check_gate_with_exposure_logging_disabled(user: StatsigUser, gate: str) -> bool:
    """The same without an exposure."""
    return __instance.check_gate(user, gate, log_exposure=False)


def get_feature_gate(user: StatsigUser, gate: str, log_exposure: bool = True) -> FeatureGate:
    """A gate with its rule and details."""
    return __instance.get_feature_gate(user, gate, log_exposure)


def manually_log_gate_exposure(user: StatsigUser, gate: str) -> None:
    """Logs that the user was shown the gate."""
    __instance.manually_log_gate_exposure(user, gate)


def get_config(user: StatsigUser, config: str) -> DynamicConfig:
    """A dynamic config."""
    return __instance.get_config(user, config)


def get_config_with_exposure_logging_disabled(user: StatsigUser, config: str) -> DynamicConfig:
    """The same without an exposure."""
    return __instance.get_config(user, config, log_exposure=False)


def manually_log_config_exposure(user: StatsigUser, config: str) -> None:
    """Logs that the user was shown the config."""
    __instance.manually_log_config_exposure(user, config)


def log_exposure_for_config(config_value: DynamicConfig) -> None:
    """Logs that the user was shown the config, as it was evaluated."""
    __instance.log_exposure_for_config(config_value)


def get_experiment(user: StatsigUser, experiment: str) -> DynamicConfig:
    """An experiment."""
    return __instance.get_experiment(user, experiment)


def get_experiment_with_exposure_logging_disabled(
    user: StatsigUser, experiment: str
) -> DynamicConfig:
    """The same without an exposure."""
    return __instance.get_experiment(user, experiment, log_exposure=False)


def manually_log_experiment_exposure(user: StatsigUser, experiment: str) -> None:
    """Logs that the user was shown the experiment."""
    __instance.manually_log_experiment_exposure(user, experiment)


def get_experiment_groups(experiment: str) -> dict[str, Any]:
    """Whether an experiment is active, and its groups."""
    return __instance.get_experiment_groups(experiment)


def get_layer(user: StatsigUser, layer: str) -> Layer:
    """A layer. Reading one of its parameters logs that parameter's exposure."""
    return __instance.get_layer(user, layer)


def get_layer_with_exposure_logging_disabled(user: StatsigUser, layer: str) -> Layer:
    """The same without exposures."""
    return __instance.get_layer(user, layer, log_exposure=False)


def manually_log_layer_parameter_exposure(user: StatsigUser, layer: str, parameter: str) -> None:
    """Logs that the user was shown the parameter of the layer."""
    __instance.manually_log_layer_parameter_exposure(user, layer, parameter)


def log_event(event: StatsigEvent) -> None:
    """Logs a custom event."""
    __instance.log_event(event)


def override_gate(gate: str, value: bool, user_id: str | None = None) -> None:
    """Makes everybody, or one user id or custom id, get a value of your choice."""
    __instance.override_gate(gate, value, user_id)


def override_config(config: str, value: object, user_id: str | None = None) -> None:
    """The same for a dynamic config."""
    __instance.override_config(config, value, user_id)


def override_experiment(experiment: str, value: object, user_id: str | None = None) -> None:
    """The same for an experiment."""
    __instance.override_experiment(experiment, value, user_id)


def override_layer(layer: str, value: object, user_id: str | None = None) -> None:
    """The same for a layer."""
    __instance.override_layer(layer, value, user_id)


def remove_gate_override(gate: str, user_id: str | None = None) -> None:
    """Removes the override of a gate."""
    __instance.remove_gate_override(gate, user_id)


def remove_config_override(config: str, user_id: str | None = None) -> None:
    """Removes the override of a dynamic config."""
    __instance.remove_config_override(config, user_id)


def remove_experiment_override(experiment: str, user_id: str | None = None) -> None:
    """Removes the override of an experiment."""
    __instance.remove_experiment_override(experiment, user_id)


def remove_layer_override(layer: str, user_id: str | None = None) -> None:
    """Removes the override of a layer."""
    __instance.remove_layer_override(layer, user_id)


def remove_all_overrides() -> None:
    """Removes every override."""
    __instance.remove_all_overrides()


def get_client_initialize_response(
    user: StatsigUser,
    client_sdk_key: str | None = None,
    hash: HashingAlgorithm | None = HashingAlgorithm.SHA256,
    include_local_overrides: bool | None = False,
    target_app_id: str | None = None,
) -> ClientInitializeResponse:
    """What a client SDK needs to start for this user; None if there are no rules."""
    return __instance.get_client_initialize_response(
        user, client_sdk_key, hash, include_local_overrides, target_app_id
    )


def evaluate_all(user: StatsigUser) -> dict[str, Any]:
    """All gates, configs and experiments for one user, without exposures."""
    return __instance.evaluate_all(user)


def flush() -> None:
    """Delivers what is queued."""
    __instance.flush()


def shutdown() -> None:
    """Delivers what is queued and stops."""
    __instance.shutdown()


def pause_polling_dcs() -> None:
    """Pauses the regular fetching of rules."""
    __instance.pause_polling_dcs()


def start_polling_dcs() -> None:
    """Resumes the regular fetching of rules."""
    __instance.start_polling_dcs()
