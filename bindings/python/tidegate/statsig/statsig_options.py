"""What an SDK instance is told at its start."""

from __future__ import annotations

import weakref
from enum import Enum
from typing import TYPE_CHECKING, Any, Callable, Dict, List, Mapping, Optional, Union

from .dynamic_config import DynamicConfig
from .evaluation_details import DataSource
from .feature_gate import FeatureGate
from .interface_data_store import IDataStore
from .interface_network import NetworkEndpoint, NetworkProtocol
from .interface_observability_client import ObservabilityClient
from .layer import Layer
from .output_logger import LogLevel, OutputLogger
from .statsig_environment_tier import StatsigEnvironmentTier
from .statsig_errors import StatsigValueError

if TYPE_CHECKING:
    from .statsig_server import StatsigServer

DEFAULT_RULESET_SYNC_INTERVAL = 10
DEFAULT_IDLIST_SYNC_INTERVAL = 60
DEFAULT_EVENT_QUEUE_SIZE = 500
DEFAULT_IDLISTS_THREAD_LIMIT = 3
DEFAULT_LOGGING_INTERVAL = 60
DEFAULT_RETRY_QUEUE_SIZE = 10

EvaluationCallback = Callable[[Union[Layer, DynamicConfig, FeatureGate]], None]
ErrorCallback = Callable[[str, Exception], None]
FlushedCallback = Callable[[bool, List[Dict[str, Any]], Optional[int], Optional[Exception]], None]


class AuthenticationMode(str, Enum):
    """How a proxy's identity and ours are proven."""

    NONE = "none"
    TLS = "tls"
    MTLS = "mtls"


class ProxyConfig:
    """How one endpoint is reached through a forward proxy."""

    def __init__(
        self,
        protocol: NetworkProtocol,
        proxy_address: str,
        # What follows is for GRPC_WEBSOCKET: how it is retried, and when polling takes over.
        max_retry_attempt: int | None = None,
        retry_backoff_multiplier: int | None = None,
        retry_backoff_base_ms: int | None = None,
        push_worker_failover_threshold: int | None = None,
        authentication_mode: AuthenticationMode | None = AuthenticationMode.NONE,
        tls_client_cert_path: str | None = None,
        tls_client_key_path: str | None = None,
        tls_ca_cert_path: str | None = None,
    ) -> None:
        self.protocol = protocol
        self.proxy_address = proxy_address
        self.max_retry_attempt = max_retry_attempt
        self.retry_backoff_multiplier = retry_backoff_multiplier
        self.retry_backoff_base_ms = retry_backoff_base_ms
        self.push_worker_failover_threshold = push_worker_failover_threshold
        self.authentication_mode = authentication_mode
        self.tls_client_cert_path = tls_client_cert_path
        self.tls_client_key_path = tls_client_key_path
        self.tls_ca_cert_path = tls_ca_cert_path


class StatsigOptions:
    """An object of properties for initializing the sdk with additional parameters"""

    def __init__(
        self,
        api: str | None = None,
        api_for_download_config_specs: str | None = None,
        api_for_get_id_lists: str | None = None,
        api_for_log_event: str | None = None,
        tier: str | StatsigEnvironmentTier | None = None,
        init_timeout: float | None = None,
        timeout: float | None = None,
        rulesets_sync_interval: float = DEFAULT_RULESET_SYNC_INTERVAL,
        idlists_sync_interval: float = DEFAULT_IDLIST_SYNC_INTERVAL,
        local_mode: bool = False,
        bootstrap_values: str | None = None,
        rules_updated_callback: Callable[..., Any] | None = None,
        event_queue_size: int | None = DEFAULT_EVENT_QUEUE_SIZE,
        data_store: IDataStore | None = None,
        idlists_thread_limit: int = DEFAULT_IDLISTS_THREAD_LIMIT,
        logging_interval: float = DEFAULT_LOGGING_INTERVAL,
        disable_diagnostics: bool = False,
        custom_logger: OutputLogger | None = None,
        enable_debug_logs: bool = False,
        disable_all_logging: bool = False,
        evaluation_callback: EvaluationCallback | None = None,
        retry_queue_size: int = DEFAULT_RETRY_QUEUE_SIZE,
        proxy_configs: dict[NetworkEndpoint, ProxyConfig] | None = None,
        fallback_to_statsig_api: bool | None = False,
        out_of_sync_threshold_in_s: float | None = None,
        initialize_sources: list[DataSource] | None = None,
        config_sync_sources: list[DataSource] | None = None,
        output_logger_level: LogLevel | None = LogLevel.WARNING,
        overall_init_timeout: float | None = None,
        observability_client: ObservabilityClient | None = None,
        sdk_error_callback: ErrorCallback | None = None,
        events_flushed_callback: FlushedCallback | None = None,
        global_custom_fields: Mapping[str, Any] | None = None,
        disable_ua_parser: bool = False,
        disable_country_lookup: bool = False,
        service_name: str | None = None,
        log_event_connection_reuse: bool = False,
    ) -> None:
        if isinstance(api_for_download_config_specs, StatsigEnvironmentTier) and tier is None:
            # Documented as StatsigOptions(None, tier), and no tier is an address.
            api_for_download_config_specs, tier = None, api_for_download_config_specs
        self.api = api
        self.api_for_download_config_specs = api_for_download_config_specs
        self.api_for_get_id_lists = api_for_get_id_lists
        self.api_for_log_event = api_for_log_event
        self.init_timeout = init_timeout
        self.timeout = timeout
        self.rulesets_sync_interval = rulesets_sync_interval
        self.idlists_sync_interval = idlists_sync_interval
        self.local_mode = local_mode
        self.bootstrap_values = bootstrap_values
        self.rules_updated_callback = rules_updated_callback
        self.event_queue_size = event_queue_size
        self.data_store = data_store
        self.idlists_thread_limit = idlists_thread_limit
        self.logging_interval = logging_interval
        self.disable_diagnostics = disable_diagnostics
        self.custom_logger = custom_logger
        self.enable_debug_logs = enable_debug_logs
        self.disable_all_logging = disable_all_logging
        self.evaluation_callback = evaluation_callback
        self.retry_queue_size = retry_queue_size
        self.proxy_configs = proxy_configs
        self.fallback_to_statsig_api = fallback_to_statsig_api
        self.out_of_sync_threshold_in_s = out_of_sync_threshold_in_s
        self.initialize_sources = initialize_sources
        self.config_sync_sources = config_sync_sources
        self.output_logger_level = output_logger_level
        self.overall_init_timeout = overall_init_timeout
        self.observability_client = observability_client
        self.sdk_error_callback = sdk_error_callback
        self.events_flushed_callback = events_flushed_callback
        self.global_custom_fields = global_custom_fields
        self.disable_ua_parser = disable_ua_parser
        self.disable_country_lookup = disable_country_lookup
        self.service_name = service_name
        self.log_event_connection_reuse = log_event_connection_reuse
        self._environment: dict[str, str] | None = None
        self._servers: weakref.WeakSet[StatsigServer] = weakref.WeakSet()
        if tier is not None:
            if not isinstance(tier, str):
                raise StatsigValueError(
                    "StatsigOptions.tier must be a str or StatsigEnvironmentTier"
                )
            self.set_environment_parameter("tier", tier)

    def set_environment_parameter(self, key: str, value: str) -> None:
        """Sets a parameter of the environment. Works at once, also while the SDK runs."""
        text = str(value.value if isinstance(value, Enum) else value)
        self._environment = {**(self._environment or {}), str(key): text}
        for server in list(self._servers):
            server._environment_changed(self._environment)

    def get_sdk_environment_tier(self) -> str:
        """The tier that the SDK runs in; production unless set."""
        return (self._environment or {}).get("tier", "production")

    def get_logging_copy(self) -> dict[str, Any]:
        """The options that differ from their defaults, without those that hold code or secrets."""
        defaults = vars(StatsigOptions())
        found: dict[str, Any] = {}
        if self._environment is not None:
            found["environment"] = dict(self._environment)
        for name, value in vars(self).items():
            if name.startswith("_") or name in _NEVER_LOGGED or value == defaults[name]:
                continue
            logged = "idlist_threadpool_size" if name == "idlists_thread_limit" else name
            found[logged] = "SET" if name in _ONLY_THAT_SET else value
        if not self.log_event_connection_reuse:
            found["log_event_connection_reuse"] = False
        return found


_NEVER_LOGGED = (
    "proxy_configs",
    "custom_logger",
    "output_logger_level",
    "enable_debug_logs",
    "log_event_connection_reuse",
    "rules_updated_callback",
    "evaluation_callback",
    "events_flushed_callback",
)
_ONLY_THAT_SET = (
    "bootstrap_values",
    "data_store",
    "observability_client",
    "initialize_sources",
    "config_sync_sources",
    "sdk_error_callback",
)

#: Passed on as they are, unless None, 0 or empty: those mean the default.
_PLAIN = (
    "api",
    "api_for_download_config_specs",
    "api_for_get_id_lists",
    "api_for_log_event",
    "init_timeout",
    "timeout",
    "rulesets_sync_interval",
    "idlists_sync_interval",
    "bootstrap_values",
    "idlists_thread_limit",
    "logging_interval",
    "out_of_sync_threshold_in_s",
    "overall_init_timeout",
    "service_name",
    "global_custom_fields",
)
_SWITCHES = (
    "local_mode",
    "disable_diagnostics",
    "enable_debug_logs",
    "disable_all_logging",
    "fallback_to_statsig_api",
    "disable_ua_parser",
    "disable_country_lookup",
    "log_event_connection_reuse",
)


def settings(options: StatsigOptions) -> dict[str, Any]:
    """The options as the library takes them."""
    found: dict[str, Any] = {name: getattr(options, name) for name in _PLAIN}
    found = {name: value for name, value in found.items() if value}
    found.update({name: bool(getattr(options, name)) for name in _SWITCHES})
    if options.event_queue_size is not None:
        found["event_queue_size"] = max(1, int(options.event_queue_size))
    found["retry_queue_size"] = max(1, int(options.retry_queue_size or 1))
    if options.events_flushed_callback is not None:
        found["events_in_flush_callback"] = True
    if options._environment:
        found["environment"] = options._environment
    for name in ("initialize_sources", "config_sync_sources"):
        sources: list[DataSource] | None = getattr(options, name)
        if sources is not None:
            found[name] = [source.name.lower() for source in sources]
    if options.custom_logger is not None:
        # It filters for itself.
        found["output_logger_level"] = "debug"
    elif options.output_logger_level is not None and not options.enable_debug_logs:
        found["output_logger_level"] = options.output_logger_level.name.lower()
    if options.proxy_configs:
        found["proxy_configs"] = {
            endpoint.value: _proxy(proxy) for endpoint, proxy in options.proxy_configs.items()
        }
    return found


def _proxy(proxy: ProxyConfig) -> dict[str, Any]:
    plain = {
        name: value.value if isinstance(value, Enum) else value
        for name, value in vars(proxy).items()
    }
    return {name: value for name, value in plain.items() if value is not None}
