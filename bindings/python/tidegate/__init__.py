"""Tidegate: feature gates, configs, experiments and layers, evaluated locally.

    import tidegate

    with tidegate.Client("secret-...") as client:
        user = tidegate.User("ada", email="ada@example.com")
        if client.check_gate(user, "new_checkout"):
            ...

``tidegate.statsig`` has the names of the package ``statsig``, for programs that use that.
"""

from .callbacks import DataStore, Delivery, Metrics
from .client import Client, FlushReport, InitDetails, describe_options
from .error import (
    ArgumentError,
    BusyError,
    EncodingError,
    FileError,
    ForkError,
    HandleError,
    JsonError,
    LibraryError,
    NetworkError,
    StateError,
    TidegateError,
    TimeoutError,
    UnsupportedError,
)
from .load import build_info, load_library
from .load import version as library_version
from .log import set_log_sink
from .options import Options
from .process import get_client, initialize, shutdown
from .result import Config, Details, Experiment, Gate, Kind, Layer, Result, Times
from .user import User
from .version import __version__

__all__ = [
    "ArgumentError",
    "BusyError",
    "Client",
    "Config",
    "DataStore",
    "Delivery",
    "Details",
    "EncodingError",
    "Experiment",
    "FileError",
    "FlushReport",
    "ForkError",
    "Gate",
    "HandleError",
    "InitDetails",
    "JsonError",
    "Kind",
    "Layer",
    "LibraryError",
    "Metrics",
    "NetworkError",
    "Options",
    "Result",
    "StateError",
    "TidegateError",
    "TimeoutError",
    "Times",
    "UnsupportedError",
    "User",
    "__version__",
    "build_info",
    "describe_options",
    "get_client",
    "initialize",
    "library_version",
    "load_library",
    "set_log_sink",
    "shutdown",
]
