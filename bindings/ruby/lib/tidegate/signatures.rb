# frozen_string_literal: true

require 'ffi'

module Tidegate
  # The C functions, structs and callbacks of tidegate.h, one line each.
  #
  # A test compares every line with tidegate_cdef.h. Text goes in as a pointer (a String will do)
  # and a length in bytes.
  # @api private
  module Signatures
    ABI_MAJOR = 1
    ABI_MINOR = 0

    # `tidegate_flush_info`
    class FlushInfo < FFI::Struct
      layout :struct_size, :size_t, :sent, :uint64, :spooled, :uint64, :dropped, :uint64, :queued, :uint64
    end

    # `tidegate_eval_times`
    class EvalTimes < FFI::Struct
      layout :struct_size, :size_t, :config_sync, :int64, :init, :int64, :server, :int64
    end

    # `tidegate_log_vtable`
    class LogVtable < FFI::Struct
      layout :struct_size, :size_t, :user_data, :pointer, :destroy, :pointer, :level, :int32, :log, :pointer
    end

    # `tidegate_data_store_vtable`
    class DataStoreVtable < FFI::Struct
      layout :struct_size, :size_t, :user_data, :pointer, :destroy, :pointer, :get, :pointer,
             :set, :pointer, :supports_polling, :pointer, :shutdown, :pointer
    end

    # `tidegate_metrics_vtable`
    class MetricsVtable < FFI::Struct
      layout :struct_size, :size_t, :user_data, :pointer, :destroy, :pointer, :increment, :pointer,
             :gauge, :pointer, :distribution, :pointer, :high_cardinality, :int32
    end

    ID = :uint64
    STATUS = :int32
    TEXT = %i[pointer size_t].freeze
    BYTES = TEXT
    OUT = :pointer
    USER_DATA = :pointer
    CALLBACK = %i[pointer pointer pointer].freeze
    EVALUATE = [ID, ID, *TEXT, :uint32, OUT].freeze
    RESULT_TEXT = [ID, OUT].freeze

    # What the library calls: [arguments, result].
    CALLBACKS = {
      destroy: [[USER_DATA], :void],
      log: [[USER_DATA, :int32, *BYTES, *BYTES], :void],
      data_store_get: [[USER_DATA, *BYTES, :pointer], :int32],
      data_store_set: [[USER_DATA, *BYTES, *BYTES, :int64], :int32],
      data_store_supports_polling: [[USER_DATA, *BYTES], :int32],
      data_store_shutdown: [[USER_DATA], :void],
      metric: [[USER_DATA, *BYTES, :double, *BYTES], :void],
      evaluation: [[USER_DATA, *BYTES], :void],
      rules: [[USER_DATA, :int64, *BYTES], :void],
      flush: [[USER_DATA, *BYTES], :void],
      error: [[USER_DATA, *BYTES, *BYTES, *BYTES], :void]
    }.freeze

    # What we call, in the order of the header: [arguments, result].
    FUNCTIONS = {
      tidegate_abi_version: [[], :uint32],
      tidegate_version: [[], :string],
      tidegate_build_info: [[], :string],
      tidegate_status_name: [[STATUS], :string],
      tidegate_last_error: [[OUT, :size_t], :size_t],
      tidegate_set_log_sink: [[:pointer], STATUS],
      tidegate_before_fork: [[], STATUS],
      tidegate_after_fork_parent: [[], STATUS],
      tidegate_after_fork_child: [[], STATUS],
      tidegate_buf_data: [[:pointer], :pointer],
      tidegate_buf_len: [[:pointer], :size_t],
      tidegate_buf_free: [[:pointer], :void],
      tidegate_reply_set: [[:pointer, *TEXT], STATUS],
      tidegate_options_new: [[*TEXT, OUT], STATUS],
      tidegate_options_release: [[ID], STATUS],
      tidegate_options_set_data_store: [[ID, :pointer], STATUS],
      tidegate_options_set_metrics: [[ID, :pointer], STATUS],
      tidegate_options_set_evaluation_callback: [[ID, *CALLBACK], STATUS],
      tidegate_options_set_rules_callback: [[ID, *CALLBACK], STATUS],
      tidegate_options_set_flush_callback: [[ID, *CALLBACK], STATUS],
      tidegate_options_set_error_callback: [[ID, *CALLBACK], STATUS],
      tidegate_options_describe: [[ID, OUT], STATUS],
      tidegate_client_new: [[*TEXT, ID, OUT], STATUS],
      tidegate_client_release: [[ID], STATUS],
      tidegate_client_initialize: [[ID, :uint32], STATUS],
      tidegate_client_initialize_async: [[ID, *CALLBACK], STATUS],
      tidegate_client_wait_initialized: [[ID, :uint32], STATUS],
      tidegate_client_is_initialized: [[ID], :int32],
      tidegate_client_init_details: [[ID, OUT], STATUS],
      tidegate_client_flush: [[ID, :uint32, OUT], STATUS],
      tidegate_client_shutdown: [[ID, :uint32, OUT], STATUS],
      tidegate_callbacks_close: [[ID, :uint32], STATUS],
      tidegate_client_tick: [[ID, :uint32, OUT], STATUS],
      tidegate_client_poll_event: [[ID, OUT], STATUS],
      tidegate_client_sync_now: [[ID, :uint32], STATUS],
      tidegate_client_set_polling: [[ID, :int32], STATUS],
      tidegate_client_update_specs: [[ID, *TEXT], STATUS],
      tidegate_client_set_environment: [[ID, *TEXT], STATUS],
      tidegate_client_get_specs: [[ID, OUT], STATUS],
      tidegate_client_stats: [[ID, OUT], STATUS],
      tidegate_user_new: [[*TEXT, OUT], STATUS],
      tidegate_user_release: [[ID], STATUS],
      tidegate_user_to_json: [[ID, :int32, OUT], STATUS],
      tidegate_check_gate: [[ID, ID, *TEXT, :uint32, OUT], STATUS],
      tidegate_get_gate: [EVALUATE, STATUS],
      tidegate_get_config: [EVALUATE, STATUS],
      tidegate_get_experiment: [EVALUATE, STATUS],
      tidegate_get_layer: [EVALUATE, STATUS],
      tidegate_check_gate_json: [[ID, *TEXT, *TEXT, :uint32, OUT], STATUS],
      tidegate_evaluate_json: [[ID, :int32, *TEXT, *TEXT, :uint32, OUT], STATUS],
      tidegate_evaluate_batch: [[ID, *TEXT, OUT], STATUS],
      tidegate_evaluate_all: [[ID, ID, OUT], STATUS],
      tidegate_explain: [[ID, ID, :int32, *TEXT, OUT], STATUS],
      tidegate_get_client_init_response: [[ID, ID, *TEXT, OUT], STATUS],
      tidegate_list_entities: [[ID, :int32, OUT], STATUS],
      tidegate_result_kind: [[ID], :int32],
      tidegate_result_bool: [[ID], :int32],
      tidegate_result_name: [RESULT_TEXT, :pointer],
      tidegate_result_rule_id: [RESULT_TEXT, :pointer],
      tidegate_result_group_name: [RESULT_TEXT, :pointer],
      tidegate_result_id_type: [RESULT_TEXT, :pointer],
      tidegate_result_reason: [RESULT_TEXT, :pointer],
      tidegate_result_times: [[ID, OUT], STATUS],
      tidegate_result_value_json: [[ID, OUT], STATUS],
      tidegate_result_to_json: [[ID, OUT], STATUS],
      tidegate_result_get_json: [[ID, *TEXT, OUT], STATUS],
      tidegate_result_get_bool: [[ID, *TEXT, :int32, OUT], STATUS],
      tidegate_result_get_i64: [[ID, *TEXT, :int64, OUT], STATUS],
      tidegate_result_get_f64: [[ID, *TEXT, :double, OUT], STATUS],
      tidegate_result_get_str: [[ID, *TEXT, OUT, OUT], STATUS],
      tidegate_result_has: [[ID, *TEXT], :int32],
      tidegate_result_release: [[ID], STATUS],
      tidegate_log_event: [[ID, ID, *TEXT, :pointer, *TEXT, *TEXT], STATUS],
      tidegate_log_event_json: [[ID, *TEXT], STATUS],
      tidegate_log_exposure: [[ID, ID, :int32, *TEXT, *TEXT], STATUS],
      tidegate_log_exposure_for_result: [[ID, ID, *TEXT], STATUS],
      tidegate_override: [[ID, :int32, *TEXT, *TEXT, *TEXT], STATUS],
      tidegate_remove_override: [[ID, :int32, *TEXT, *TEXT], STATUS],
      tidegate_remove_all_overrides: [[ID], STATUS],
      tidegate_load_overrides: [[ID, *TEXT], STATUS],
      tidegate_dump_overrides: [[ID, OUT], STATUS]
    }.freeze

    # Called with the interpreter's lock released: they wait, or may call back on another thread.
    # None of them is given a String: another thread could change it meanwhile.
    BLOCKING = %i[
      tidegate_set_log_sink tidegate_client_initialize tidegate_client_initialize_async
      tidegate_client_wait_initialized tidegate_client_flush tidegate_client_shutdown
      tidegate_callbacks_close tidegate_client_tick tidegate_client_sync_now
      tidegate_client_update_specs
    ].freeze
  end
end
