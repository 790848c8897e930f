"""The C functions, structs and callbacks of tidegate.h, one line each.

A test compares every line with tidegate_cdef.h. Text goes in as bytes and a length. Owned or
borrowed text comes out as a plain address: ``c_char_p`` would copy it and lose the address.
"""

from __future__ import annotations

import ctypes
from ctypes import POINTER, c_char_p, c_double, c_int32, c_int64, c_size_t, c_uint32, c_uint64
from ctypes import c_void_p as c_address
from typing import Any

ABI_MAJOR = 1
ABI_MINOR = 0

c_id = c_uint64
c_status = c_int32

Destroy = ctypes.CFUNCTYPE(None, c_address)
Log = ctypes.CFUNCTYPE(None, c_address, c_int32, c_address, c_size_t, c_address, c_size_t)
StoreGet = ctypes.CFUNCTYPE(c_int32, c_address, c_address, c_size_t, c_address)
StoreSet = ctypes.CFUNCTYPE(c_int32, c_address, c_address, c_size_t, c_address, c_size_t, c_int64)
StorePolls = ctypes.CFUNCTYPE(c_int32, c_address, c_address, c_size_t)
StoreShutdown = ctypes.CFUNCTYPE(None, c_address)
Metric = ctypes.CFUNCTYPE(None, c_address, c_address, c_size_t, c_double, c_address, c_size_t)
Evaluated = ctypes.CFUNCTYPE(None, c_address, c_address, c_size_t)
RulesUpdated = ctypes.CFUNCTYPE(None, c_address, c_int64, c_address, c_size_t)
Flushed = ctypes.CFUNCTYPE(None, c_address, c_address, c_size_t)
Failed = ctypes.CFUNCTYPE(
    None, c_address, c_address, c_size_t, c_address, c_size_t, c_address, c_size_t
)
Initialized = ctypes.CFUNCTYPE(None, c_address, c_address, c_size_t)


class LogVtable(ctypes.Structure):
    """``tidegate_log_vtable``."""

    _fields_ = [
        ("struct_size", c_size_t),
        ("user_data", c_address),
        ("destroy", Destroy),
        ("level", c_int32),
        ("log", Log),
    ]


class DataStoreVtable(ctypes.Structure):
    """``tidegate_data_store_vtable``."""

    _fields_ = [
        ("struct_size", c_size_t),
        ("user_data", c_address),
        ("destroy", Destroy),
        ("get", StoreGet),
        ("set", StoreSet),
        ("supports_polling", StorePolls),
        ("shutdown", StoreShutdown),
    ]


class MetricsVtable(ctypes.Structure):
    """``tidegate_metrics_vtable``."""

    _fields_ = [
        ("struct_size", c_size_t),
        ("user_data", c_address),
        ("destroy", Destroy),
        ("increment", Metric),
        ("gauge", Metric),
        ("distribution", Metric),
        ("high_cardinality", c_int32),
    ]


class FlushInfo(ctypes.Structure):
    """``tidegate_flush_info``."""

    _fields_ = [
        ("struct_size", c_size_t),
        ("sent", c_uint64),
        ("spooled", c_uint64),
        ("dropped", c_uint64),
        ("queued", c_uint64),
    ]


class EvalTimes(ctypes.Structure):
    """``tidegate_eval_times``."""

    _fields_ = [
        ("struct_size", c_size_t),
        ("config_sync", c_int64),
        ("init", c_int64),
        ("server", c_int64),
    ]


_text = (c_char_p, c_size_t)
_out_buf = POINTER(c_address)
_out_len = POINTER(c_size_t)
_out_id = POINTER(c_id)
_out_int = POINTER(c_int32)
_evaluate = (c_status, (c_id, c_id, *_text, c_uint32, _out_id))
_result_text = (c_address, (c_id, _out_len))
_callback = (c_address, Destroy)

#: Name to (result, arguments), in the order of the header.
SIGNATURES: dict[str, tuple[Any, tuple[Any, ...]]] = {
    "tidegate_abi_version": (c_uint32, ()),
    "tidegate_version": (c_char_p, ()),
    "tidegate_build_info": (c_char_p, ()),
    "tidegate_status_name": (c_char_p, (c_status,)),
    "tidegate_last_error": (c_size_t, (c_char_p, c_size_t)),
    "tidegate_set_log_sink": (c_status, (POINTER(LogVtable),)),
    "tidegate_before_fork": (c_status, ()),
    "tidegate_after_fork_parent": (c_status, ()),
    "tidegate_after_fork_child": (c_status, ()),
    "tidegate_buf_data": (c_address, (c_address,)),
    "tidegate_buf_len": (c_size_t, (c_address,)),
    "tidegate_buf_free": (None, (c_address,)),
    "tidegate_reply_set": (c_status, (c_address, *_text)),
    "tidegate_options_new": (c_status, (*_text, _out_id)),
    "tidegate_options_release": (c_status, (c_id,)),
    "tidegate_options_set_data_store": (c_status, (c_id, POINTER(DataStoreVtable))),
    "tidegate_options_set_metrics": (c_status, (c_id, POINTER(MetricsVtable))),
    "tidegate_options_set_evaluation_callback": (c_status, (c_id, Evaluated, *_callback)),
    "tidegate_options_set_rules_callback": (c_status, (c_id, RulesUpdated, *_callback)),
    "tidegate_options_set_flush_callback": (c_status, (c_id, Flushed, *_callback)),
    "tidegate_options_set_error_callback": (c_status, (c_id, Failed, *_callback)),
    "tidegate_options_describe": (c_status, (c_id, _out_buf)),
    "tidegate_client_new": (c_status, (*_text, c_id, _out_id)),
    "tidegate_client_release": (c_status, (c_id,)),
    "tidegate_client_initialize": (c_status, (c_id, c_uint32)),
    "tidegate_client_initialize_async": (c_status, (c_id, Initialized, *_callback)),
    "tidegate_client_wait_initialized": (c_status, (c_id, c_uint32)),
    "tidegate_client_is_initialized": (c_int32, (c_id,)),
    "tidegate_client_init_details": (c_status, (c_id, _out_buf)),
    "tidegate_client_flush": (c_status, (c_id, c_uint32, POINTER(FlushInfo))),
    "tidegate_client_shutdown": (c_status, (c_id, c_uint32, POINTER(FlushInfo))),
    "tidegate_callbacks_close": (c_status, (c_id, c_uint32)),
    "tidegate_client_tick": (c_status, (c_id, c_uint32, POINTER(c_uint32))),
    "tidegate_client_poll_event": (c_status, (c_id, _out_buf)),
    "tidegate_client_sync_now": (c_status, (c_id, c_uint32)),
    "tidegate_client_set_polling": (c_status, (c_id, c_int32)),
    "tidegate_client_update_specs": (c_status, (c_id, *_text)),
    "tidegate_client_set_environment": (c_status, (c_id, *_text)),
    "tidegate_client_get_specs": (c_status, (c_id, _out_buf)),
    "tidegate_client_stats": (c_status, (c_id, _out_buf)),
    "tidegate_user_new": (c_status, (*_text, _out_id)),
    "tidegate_user_release": (c_status, (c_id,)),
    "tidegate_user_to_json": (c_status, (c_id, c_int32, _out_buf)),
    "tidegate_check_gate": (c_status, (c_id, c_id, *_text, c_uint32, _out_int)),
    "tidegate_get_gate": _evaluate,
    "tidegate_get_config": _evaluate,
    "tidegate_get_experiment": _evaluate,
    "tidegate_get_layer": _evaluate,
    "tidegate_check_gate_json": (c_status, (c_id, *_text, *_text, c_uint32, _out_int)),
    "tidegate_evaluate_json": (
        c_status,
        (c_id, c_int32, *_text, *_text, c_uint32, _out_buf),
    ),
    "tidegate_evaluate_batch": (c_status, (c_id, *_text, _out_buf)),
    "tidegate_evaluate_all": (c_status, (c_id, c_id, _out_buf)),
    "tidegate_explain": (c_status, (c_id, c_id, c_int32, *_text, _out_buf)),
    "tidegate_get_client_init_response": (c_status, (c_id, c_id, *_text, _out_buf)),
    "tidegate_list_entities": (c_status, (c_id, c_int32, _out_buf)),
    "tidegate_result_kind": (c_int32, (c_id,)),
    "tidegate_result_bool": (c_int32, (c_id,)),
    "tidegate_result_name": _result_text,
    "tidegate_result_rule_id": _result_text,
    "tidegate_result_group_name": _result_text,
    "tidegate_result_id_type": _result_text,
    "tidegate_result_reason": _result_text,
    "tidegate_result_times": (c_status, (c_id, POINTER(EvalTimes))),
    "tidegate_result_value_json": (c_status, (c_id, _out_buf)),
    "tidegate_result_to_json": (c_status, (c_id, _out_buf)),
    "tidegate_result_get_json": (c_status, (c_id, *_text, _out_buf)),
    "tidegate_result_get_bool": (c_status, (c_id, *_text, c_int32, _out_int)),
    "tidegate_result_get_i64": (c_status, (c_id, *_text, c_int64, POINTER(c_int64))),
    "tidegate_result_get_f64": (c_status, (c_id, *_text, c_double, POINTER(c_double))),
    "tidegate_result_get_str": (c_status, (c_id, *_text, _out_buf, _out_len)),
    "tidegate_result_has": (c_int32, (c_id, *_text)),
    "tidegate_result_release": (c_status, (c_id,)),
    "tidegate_log_event": (
        c_status,
        (c_id, c_id, *_text, POINTER(c_double), *_text, *_text),
    ),
    "tidegate_log_event_json": (c_status, (c_id, *_text)),
    "tidegate_log_exposure": (c_status, (c_id, c_id, c_int32, *_text, *_text)),
    "tidegate_log_exposure_for_result": (c_status, (c_id, c_id, *_text)),
    "tidegate_override": (c_status, (c_id, c_int32, *_text, *_text, *_text)),
    "tidegate_remove_override": (c_status, (c_id, c_int32, *_text, *_text)),
    "tidegate_remove_all_overrides": (c_status, (c_id,)),
    "tidegate_load_overrides": (c_status, (c_id, *_text)),
    "tidegate_dump_overrides": (c_status, (c_id, _out_buf)),
}
