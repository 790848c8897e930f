"""The options of a client, for editors and type checkers; the library checks them."""

from __future__ import annotations

from typing import Any, Mapping, TypedDict

from .error import ArgumentError


class Options(TypedDict, total=False):
    """Options by name. Times are in seconds unless the name ends in ``_ms``.

    An option that is not given has its default, see ``tidegate.describe_options``.
    """

    # Where the service is. Each base contains the version: https://host/v1
    api: str
    api_for_download_config_specs: str
    api_for_get_id_lists: str
    api_for_log_event: str
    api_for_statsig_network: str
    api_for_sdk_exception: str
    proxy_configs: Mapping[str, Mapping[str, Any]]
    network_proxy: str
    ca_pem: str

    # Who we are.
    tier: str
    environment: Mapping[str, str]
    service_name: str
    wrapper: Mapping[str, str]
    global_custom_fields: Mapping[str, Any]

    # Time-outs and intervals.
    init_timeout: float
    overall_init_timeout: float
    timeout: float
    rulesets_sync_interval: float
    idlists_sync_interval: float
    sync_jitter: float
    logging_interval: float

    # Where rules come from.
    local_mode: bool
    bootstrap_values: str
    initialize_sources: list[str]
    config_sync_sources: list[str]
    fallback_to_statsig_api: bool
    out_of_sync_threshold_in_s: float
    data_store_key_schema: str
    redis_url: str
    spec_cache_dir: str
    idlists_thread_limit: int

    # Events.
    event_queue_size: int
    retry_queue_size: int
    disable_all_logging: bool
    disable_diagnostics: bool
    disable_error_reporting: bool
    log_event_connection_reuse: bool
    events_in_flush_callback: bool
    event_spool_dir: str
    event_spool_sync_ms: int
    event_spool_max_bytes: int
    event_spool_max_age_ms: int

    # The process.
    output_logger_level: str
    enable_debug_logs: bool
    disable_ua_parser: bool
    disable_country_lookup: bool
    threads: str
    on_fork: str
    strict: bool


#: What a client takes as options: checked names, or any mapping.
OptionsLike = Mapping[str, Any]

WRAPPER_KEY = "wrapper"


def with_wrapper(options: OptionsLike, wrapper: dict[str, str]) -> dict[str, Any]:
    """The options, saying which package wraps the library unless they say it themselves."""
    if not isinstance(options, Mapping):
        raise ArgumentError(f"options: expected a dict, not {type(options).__name__}")
    return {WRAPPER_KEY: wrapper, **options}
