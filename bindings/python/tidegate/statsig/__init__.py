"""The names of the package ``statsig``: to move, import from ``tidegate.statsig`` instead.

from tidegate.statsig import statsig
from tidegate.statsig.statsig_user import StatsigUser

statsig.initialize("secret-...")
statsig.check_gate(StatsigUser("ada"), "new_checkout")
"""

from .dynamic_config import DynamicConfig
from .evaluation_details import DataSource, EvaluationDetails, EvaluationReason
from .feature_gate import FeatureGate
from .initialize_details import InitializeDetails
from .interface_data_store import IDataStore
from .interface_network import NetworkEndpoint, NetworkProtocol
from .interface_observability_client import ObservabilityClient
from .layer import Layer
from .output_logger import LogLevel, OutputLogger
from .statsig_environment_tier import StatsigEnvironmentTier
from .statsig_errors import (
    StatsigNameError,
    StatsigRuntimeError,
    StatsigTimeoutError,
    StatsigValueError,
)
from .statsig_event import StatsigEvent
from .statsig_options import AuthenticationMode, ProxyConfig, StatsigOptions
from .statsig_server import StatsigServer
from .statsig_user import StatsigUser
from .utils import HashingAlgorithm
from .version import __version__

__all__ = [
    "AuthenticationMode",
    "DataSource",
    "DynamicConfig",
    "EvaluationDetails",
    "EvaluationReason",
    "FeatureGate",
    "HashingAlgorithm",
    "IDataStore",
    "InitializeDetails",
    "Layer",
    "LogLevel",
    "NetworkEndpoint",
    "NetworkProtocol",
    "ObservabilityClient",
    "OutputLogger",
    "ProxyConfig",
    "StatsigEnvironmentTier",
    "StatsigEvent",
    "StatsigNameError",
    "StatsigOptions",
    "StatsigRuntimeError",
    "StatsigServer",
    "StatsigTimeoutError",
    "StatsigUser",
    "StatsigValueError",
    "__version__",
]
