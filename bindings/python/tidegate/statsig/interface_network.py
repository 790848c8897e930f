"""Endpoints of the service and how they are spoken to."""

from enum import Enum


class NetworkProtocol(Enum):
    """How a proxy is spoken to."""

    HTTP = "http"
    GRPC = "grpc"
    GRPC_WEBSOCKET = "grpc_websocket"


class NetworkEndpoint(Enum):
    """One of the service's endpoints."""

    LOG_EVENT = "log_event"
    DOWNLOAD_CONFIG_SPECS = "download_config_specs"
    GET_ID_LISTS = "get_id_lists"
    DOWNLOAD_ID_LIST_FILE = "download_id_list_file"
    ALL = "all"
