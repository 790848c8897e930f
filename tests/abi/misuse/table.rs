//! What each function answers, phase by phase. A function of the header that has no row, or a row
//! without its function, fails the test.

/// One function. Statuses are names of the header, or `ANY_SUCCESS`.
pub(crate) struct Row {
    pub(crate) name: &'static str,
    /// What a call without fault answers, with a client that is ready.
    pub(crate) ready: &'static str,
    /// The same before initialize.
    pub(crate) before: &'static str,
    /// The same after shutdown.
    pub(crate) after: &'static str,
    /// The same from inside a callback of the client.
    pub(crate) inside: &'static str,
    pub(crate) shape: Shape,
}

pub(crate) enum Shape {
    /// Gives a status; misuse of each parameter follows from its type.
    Status,
    /// Gives a value, and this one on misuse.
    Value(&'static str),
    /// Takes what has no type to derive misuse from: these checks, in C.
    ByHand(&'static str),
}

const OK: &str = "TIDEGATE_OK";
const STATE: &str = "TIDEGATE_E_STATE";
const SUCCESS: &str = "ANY_SUCCESS";

/// Works at every time.
const fn always(name: &'static str) -> Row {
    Row {
        name,
        ready: OK,
        before: OK,
        after: OK,
        inside: OK,
        shape: Shape::Status,
    }
}

/// Works when the client is ready, in callbacks as well.
const fn when_ready(name: &'static str) -> Row {
    Row {
        before: STATE,
        after: STATE,
        ..always(name)
    }
}

/// Reads a result, which has no phase.
const fn value(name: &'static str, on_misuse: &'static str) -> Row {
    Row {
        shape: Shape::Value(on_misuse),
        ..always(name)
    }
}

const fn by_hand(name: &'static str, checks: &'static str) -> Row {
    Row {
        shape: Shape::ByHand(checks),
        ..always(name)
    }
}

pub(crate) const TABLE: &[Row] = &[
    by_hand(
        "tidegate_abi_version",
        "expect(\"tidegate_abi_version\", \"value\", tidegate_abi_version() != 0);",
    ),
    by_hand(
        "tidegate_version",
        "expect(\"tidegate_version\", \"value\", tidegate_version()[0] != '\\0');",
    ),
    by_hand(
        "tidegate_build_info",
        "expect(\"tidegate_build_info\", \"value\", tidegate_build_info()[0] == '{');",
    ),
    by_hand(
        "tidegate_status_name",
        "expect(\"tidegate_status_name\", \"unknown\", tidegate_status_name(INT32_MIN) != NULL);",
    ),
    by_hand(
        "tidegate_last_error",
        "char c = 'x';
         (void)tidegate_user_release(7);
         expect(\"tidegate_last_error\", \"NULL, 0\", tidegate_last_error(NULL, 0) > 0);
         expect(\"tidegate_last_error\", \"NULL, 9\", tidegate_last_error(NULL, 9) > 0);
         expect(\"tidegate_last_error\", \"no room\", tidegate_last_error(&c, 0) > 0 && c == 'x');
         expect(\"tidegate_last_error\", \"a NUL\", tidegate_last_error(&c, 1) > 0 && c == 0);",
    ),
    by_hand(
        "tidegate_set_log_sink",
        "tidegate_log_vtable sink = {0};
         expect_status(\"tidegate_set_log_sink\", \"size 0\", tidegate_set_log_sink(&sink),
                       TIDEGATE_E_ABI);
         sink.struct_size = sizeof sink;
         sink.level = -1;
         expect_status(\"tidegate_set_log_sink\", \"level\", tidegate_set_log_sink(&sink),
                       TIDEGATE_E_ARG);
         sink.level = TIDEGATE_LOG_DEBUG;
         expect_status(\"tidegate_set_log_sink\", \"no function\", tidegate_set_log_sink(&sink),
                       TIDEGATE_OK);
         (void)tidegate_user_release(7);
         expect_status(\"tidegate_set_log_sink\", \"NULL\", tidegate_set_log_sink(NULL),
                       TIDEGATE_OK);",
    ),
    always("tidegate_before_fork"),
    always("tidegate_after_fork_parent"),
    always("tidegate_after_fork_child"),
    by_hand(
        "tidegate_buf_data",
        "expect(\"tidegate_buf_data\", \"NULL\", tidegate_buf_data(NULL)[0] == '\\0');",
    ),
    by_hand(
        "tidegate_buf_len",
        "expect(\"tidegate_buf_len\", \"NULL\", tidegate_buf_len(NULL) == 0);",
    ),
    by_hand(
        "tidegate_buf_free",
        "tidegate_buf_free(NULL);
         expect(\"tidegate_buf_free\", \"NULL\", 1);",
    ),
    by_hand(
        "tidegate_reply_set",
        "expect_status(\"tidegate_reply_set\", \"NULL\", tidegate_reply_set(NULL, \"x\", 1),
                       TIDEGATE_E_NULL);",
    ),
    always("tidegate_options_new"),
    always("tidegate_options_release"),
    always("tidegate_options_set_data_store"),
    always("tidegate_options_set_metrics"),
    always("tidegate_options_set_evaluation_callback"),
    always("tidegate_options_set_rules_callback"),
    always("tidegate_options_set_flush_callback"),
    always("tidegate_options_set_error_callback"),
    always("tidegate_options_describe"),
    always("tidegate_client_new"),
    always("tidegate_client_release"),
    Row {
        after: STATE,
        inside: STATE,
        ..always("tidegate_client_initialize")
    },
    Row {
        after: STATE,
        inside: STATE,
        ..always("tidegate_client_initialize_async")
    },
    Row {
        inside: STATE,
        ..when_ready("tidegate_client_wait_initialized")
    },
    Row {
        shape: Shape::Value("0"),
        ..always("tidegate_client_is_initialized")
    },
    always("tidegate_client_init_details"),
    Row {
        ready: SUCCESS,
        inside: STATE,
        ..always("tidegate_client_flush")
    },
    Row {
        ready: SUCCESS,
        ..always("tidegate_client_shutdown")
    },
    Row {
        inside: STATE,
        ..always("tidegate_callbacks_close")
    },
    Row {
        before: STATE,
        after: STATE,
        inside: STATE,
        ..always("tidegate_client_tick")
    },
    always("tidegate_client_poll_event"),
    Row {
        inside: STATE,
        ..when_ready("tidegate_client_sync_now")
    },
    when_ready("tidegate_client_set_polling"),
    Row {
        after: STATE,
        inside: STATE,
        ..always("tidegate_client_update_specs")
    },
    always("tidegate_client_set_environment"),
    always("tidegate_client_get_specs"),
    always("tidegate_client_stats"),
    always("tidegate_user_new"),
    always("tidegate_user_release"),
    always("tidegate_user_to_json"),
    when_ready("tidegate_check_gate"),
    when_ready("tidegate_get_gate"),
    when_ready("tidegate_get_config"),
    when_ready("tidegate_get_experiment"),
    when_ready("tidegate_get_layer"),
    when_ready("tidegate_check_gate_json"),
    when_ready("tidegate_evaluate_json"),
    when_ready("tidegate_evaluate_batch"),
    when_ready("tidegate_evaluate_all"),
    when_ready("tidegate_explain"),
    always("tidegate_get_client_init_response"),
    always("tidegate_list_entities"),
    value("tidegate_result_kind", "0"),
    value("tidegate_result_bool", "0"),
    value("tidegate_result_name", "\"\""),
    value("tidegate_result_rule_id", "\"\""),
    value("tidegate_result_group_name", "NULL"),
    value("tidegate_result_id_type", "\"\""),
    value("tidegate_result_reason", "\"\""),
    always("tidegate_result_times"),
    always("tidegate_result_value_json"),
    always("tidegate_result_to_json"),
    always("tidegate_result_get_json"),
    always("tidegate_result_get_bool"),
    always("tidegate_result_get_i64"),
    always("tidegate_result_get_f64"),
    always("tidegate_result_get_str"),
    value("tidegate_result_has", "0"),
    always("tidegate_result_release"),
    when_ready("tidegate_log_event"),
    when_ready("tidegate_log_event_json"),
    when_ready("tidegate_log_exposure"),
    when_ready("tidegate_log_exposure_for_result"),
    always("tidegate_override"),
    always("tidegate_remove_override"),
    always("tidegate_remove_all_overrides"),
    always("tidegate_load_overrides"),
    always("tidegate_dump_overrides"),
];
