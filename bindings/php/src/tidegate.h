#define FFI_SCOPE "TIDEGATE"
#define FFI_LIB "libtidegate.so.1"

/* Generated from the same source as tidegate.h, for PHP FFI, cffi and the like. */

enum {
  TIDEGATE_OK = 0,
  TIDEGATE_NOTE_PARTIAL = 1,
  TIDEGATE_NOTE_DEFAULTED = 2,
  TIDEGATE_E_NULL = -1,
  TIDEGATE_E_HANDLE = -2,
  TIDEGATE_E_UTF8 = -3,
  TIDEGATE_E_JSON = -4,
  TIDEGATE_E_ARG = -5,
  TIDEGATE_E_STATE = -6,
  TIDEGATE_E_TIMEOUT = -7,
  TIDEGATE_E_NETWORK = -8,
  TIDEGATE_E_IO = -9,
  TIDEGATE_E_NOMEM = -10,
  TIDEGATE_E_UNSUPPORTED = -11,
  TIDEGATE_E_FORK = -12,
  TIDEGATE_E_PANIC = -13,
  TIDEGATE_E_ABI = -14,
  TIDEGATE_E_BUSY = -15,
  TIDEGATE_ABI_MAJOR = 1,
  TIDEGATE_ABI_MINOR = 0,
  TIDEGATE_LOG_NONE = 0,
  TIDEGATE_LOG_ERROR = 1,
  TIDEGATE_LOG_WARNING = 2,
  TIDEGATE_LOG_INFO = 3,
  TIDEGATE_LOG_DEBUG = 4,
  TIDEGATE_GATE = 1,
  TIDEGATE_CONFIG = 2,
  TIDEGATE_EXPERIMENT = 3,
  TIDEGATE_LAYER = 4,
  TIDEGATE_EVAL_NO_EXPOSURE = 1,
  TIDEGATE_JSON_NULL = 1,
  TIDEGATE_JSON_BOOL = 2,
  TIDEGATE_JSON_NUMBER = 3,
  TIDEGATE_JSON_STRING = 4,
  TIDEGATE_JSON_ARRAY = 5,
  TIDEGATE_JSON_OBJECT = 6,
};

typedef struct tidegate_buf tidegate_buf;

typedef struct tidegate_reply tidegate_reply;

typedef int32_t tidegate_status;

typedef void (*tidegate_destroy_fn)(void *user_data);

typedef struct tidegate_log_vtable {
  size_t struct_size;
  void *user_data;
  tidegate_destroy_fn destroy;
  int32_t level;
  void (*log)(void *user_data,
              int32_t level,
              const uint8_t *tag,
              size_t tag_len,
              const uint8_t *message,
              size_t message_len);
} tidegate_log_vtable;

typedef uint64_t tidegate_options;

typedef struct tidegate_data_store_vtable {
  size_t struct_size;
  void *user_data;
  tidegate_destroy_fn destroy;
  int32_t (*get)(void *user_data,
                 const uint8_t *key,
                 size_t key_len,
                 struct tidegate_reply *reply);
  int32_t (*set)(void *user_data,
                 const uint8_t *key,
                 size_t key_len,
                 const uint8_t *value,
                 size_t value_len,
                 int64_t time_ms);
  int32_t (*supports_polling)(void *user_data, const uint8_t *path, size_t path_len);
  void (*shutdown)(void *user_data);
} tidegate_data_store_vtable;

typedef void (*tidegate_metric_fn)(void *user_data,
                                   const uint8_t *name,
                                   size_t name_len,
                                   double value,
                                   const uint8_t *tags_json,
                                   size_t tags_json_len);

typedef struct tidegate_metrics_vtable {
  size_t struct_size;
  void *user_data;
  tidegate_destroy_fn destroy;
  tidegate_metric_fn increment;
  tidegate_metric_fn gauge;
  tidegate_metric_fn distribution;
  int32_t high_cardinality;
} tidegate_metrics_vtable;

typedef void (*tidegate_evaluation_fn)(void *user_data,
                                       const uint8_t *result_json,
                                       size_t result_json_len);

typedef void (*tidegate_rules_fn)(void *user_data,
                                  int64_t time_ms,
                                  const uint8_t *specs_json,
                                  size_t specs_json_len);

typedef void (*tidegate_flush_fn)(void *user_data,
                                  const uint8_t *delivery_json,
                                  size_t delivery_json_len);

typedef void (*tidegate_error_fn)(void *user_data,
                                  const uint8_t *tag,
                                  size_t tag_len,
                                  const uint8_t *code,
                                  size_t code_len,
                                  const uint8_t *message,
                                  size_t message_len);

typedef uint64_t tidegate_client;

typedef void (*tidegate_init_fn)(void *user_data,
                                 const uint8_t *details_json,
                                 size_t details_json_len);

typedef struct tidegate_flush_info {
  size_t struct_size;
  uint64_t sent;
  uint64_t spooled;
  uint64_t dropped;
  uint64_t queued;
} tidegate_flush_info;

typedef uint64_t tidegate_user;

typedef uint64_t tidegate_result;

typedef struct tidegate_eval_times {
  size_t struct_size;
  int64_t config_sync;
  int64_t init;
  int64_t server;
} tidegate_eval_times;

uint32_t tidegate_abi_version(void);

const char *tidegate_version(void);

const char *tidegate_build_info(void);

const char *tidegate_status_name(tidegate_status status);

size_t tidegate_last_error(char *buf, size_t cap);

tidegate_status tidegate_set_log_sink(const struct tidegate_log_vtable *vtable);

tidegate_status tidegate_before_fork(void);

tidegate_status tidegate_after_fork_parent(void);

tidegate_status tidegate_after_fork_child(void);

const char *tidegate_buf_data(const struct tidegate_buf *buf);

size_t tidegate_buf_len(const struct tidegate_buf *buf);

void tidegate_buf_free(struct tidegate_buf *buf);

tidegate_status tidegate_reply_set(struct tidegate_reply *reply,
                                   const char *value,
                                   size_t value_len);

tidegate_status tidegate_options_new(const char *json,
                                     size_t json_len,
                                     tidegate_options *out_options);

tidegate_status tidegate_options_release(tidegate_options options);

tidegate_status tidegate_options_set_data_store(tidegate_options options,
                                                const struct tidegate_data_store_vtable *vtable);

tidegate_status tidegate_options_set_metrics(tidegate_options options,
                                             const struct tidegate_metrics_vtable *vtable);

tidegate_status tidegate_options_set_evaluation_callback(tidegate_options options,
                                                         tidegate_evaluation_fn callback,
                                                         void *user_data,
                                                         tidegate_destroy_fn destroy);

tidegate_status tidegate_options_set_rules_callback(tidegate_options options,
                                                    tidegate_rules_fn callback,
                                                    void *user_data,
                                                    tidegate_destroy_fn destroy);

tidegate_status tidegate_options_set_flush_callback(tidegate_options options,
                                                    tidegate_flush_fn callback,
                                                    void *user_data,
                                                    tidegate_destroy_fn destroy);

tidegate_status tidegate_options_set_error_callback(tidegate_options options,
                                                    tidegate_error_fn callback,
                                                    void *user_data,
                                                    tidegate_destroy_fn destroy);

tidegate_status tidegate_options_describe(tidegate_options options,
                                          struct tidegate_buf **out_json);

tidegate_status tidegate_client_new(const char *sdk_key,
                                    size_t sdk_key_len,
                                    tidegate_options options,
                                    tidegate_client *out_client);

tidegate_status tidegate_client_release(tidegate_client client);

tidegate_status tidegate_client_initialize(tidegate_client client,
                                           uint32_t timeout_ms);

tidegate_status tidegate_client_initialize_async(tidegate_client client,
                                                 tidegate_init_fn callback,
                                                 void *user_data,
                                                 tidegate_destroy_fn destroy);

tidegate_status tidegate_client_wait_initialized(tidegate_client client,
                                                 uint32_t timeout_ms);

int32_t tidegate_client_is_initialized(tidegate_client client);

tidegate_status tidegate_client_init_details(tidegate_client client,
                                             struct tidegate_buf **out_json);

tidegate_status tidegate_client_flush(tidegate_client client,
                                      uint32_t timeout_ms,
                                      struct tidegate_flush_info *out_info);

tidegate_status tidegate_client_shutdown(tidegate_client client,
                                         uint32_t timeout_ms,
                                         struct tidegate_flush_info *out_info);

tidegate_status tidegate_callbacks_close(tidegate_client client,
                                         uint32_t timeout_ms);

tidegate_status tidegate_client_tick(tidegate_client client,
                                     uint32_t budget_ms,
                                     uint32_t *out_next_ms);

tidegate_status tidegate_client_poll_event(tidegate_client client,
                                           struct tidegate_buf **out_json);

tidegate_status tidegate_client_sync_now(tidegate_client client,
                                         uint32_t timeout_ms);

tidegate_status tidegate_client_set_polling(tidegate_client client, int32_t on);

tidegate_status tidegate_client_update_specs(tidegate_client client,
                                             const char *specs_json,
                                             size_t specs_json_len);

tidegate_status tidegate_client_set_environment(tidegate_client client,
                                                const char *environment_json,
                                                size_t environment_json_len);

tidegate_status tidegate_client_get_specs(tidegate_client client,
                                          struct tidegate_buf **out_json);

tidegate_status tidegate_client_stats(tidegate_client client,
                                      struct tidegate_buf **out_json);

tidegate_status tidegate_user_new(const char *user_json,
                                  size_t user_json_len,
                                  tidegate_user *out_user);

tidegate_status tidegate_user_release(tidegate_user user);

tidegate_status tidegate_user_to_json(tidegate_user user,
                                      int32_t with_private,
                                      struct tidegate_buf **out_json);

tidegate_status tidegate_check_gate(tidegate_client client,
                                    tidegate_user user,
                                    const char *name,
                                    size_t name_len,
                                    uint32_t flags,
                                    int32_t *out_value);

tidegate_status tidegate_get_gate(tidegate_client client,
                                  tidegate_user user,
                                  const char *name,
                                  size_t name_len,
                                  uint32_t flags,
                                  tidegate_result *out_result);

tidegate_status tidegate_get_config(tidegate_client client,
                                    tidegate_user user,
                                    const char *name,
                                    size_t name_len,
                                    uint32_t flags,
                                    tidegate_result *out_result);

tidegate_status tidegate_get_experiment(tidegate_client client,
                                        tidegate_user user,
                                        const char *name,
                                        size_t name_len,
                                        uint32_t flags,
                                        tidegate_result *out_result);

tidegate_status tidegate_get_layer(tidegate_client client,
                                   tidegate_user user,
                                   const char *name,
                                   size_t name_len,
                                   uint32_t flags,
                                   tidegate_result *out_result);

tidegate_status tidegate_check_gate_json(tidegate_client client,
                                         const char *user_json,
                                         size_t user_json_len,
                                         const char *name,
                                         size_t name_len,
                                         uint32_t flags,
                                         int32_t *out_value);

tidegate_status tidegate_evaluate_json(tidegate_client client,
                                       int32_t kind,
                                       const char *user_json,
                                       size_t user_json_len,
                                       const char *name,
                                       size_t name_len,
                                       uint32_t flags,
                                       struct tidegate_buf **out_json);

tidegate_status tidegate_evaluate_batch(tidegate_client client,
                                        const char *request_json,
                                        size_t request_json_len,
                                        struct tidegate_buf **out_json);

tidegate_status tidegate_evaluate_all(tidegate_client client,
                                      tidegate_user user,
                                      struct tidegate_buf **out_json);

tidegate_status tidegate_explain(tidegate_client client,
                                 tidegate_user user,
                                 int32_t kind,
                                 const char *name,
                                 size_t name_len,
                                 struct tidegate_buf **out_json);

tidegate_status tidegate_get_client_init_response(tidegate_client client,
                                                  tidegate_user user,
                                                  const char *options_json,
                                                  size_t options_json_len,
                                                  struct tidegate_buf **out_json);

tidegate_status tidegate_list_entities(tidegate_client client,
                                       int32_t kind,
                                       struct tidegate_buf **out_json);

int32_t tidegate_result_kind(tidegate_result result);

int32_t tidegate_result_bool(tidegate_result result);

const char *tidegate_result_name(tidegate_result result, size_t *out_len);

const char *tidegate_result_rule_id(tidegate_result result, size_t *out_len);

const char *tidegate_result_group_name(tidegate_result result, size_t *out_len);

const char *tidegate_result_id_type(tidegate_result result, size_t *out_len);

const char *tidegate_result_reason(tidegate_result result, size_t *out_len);

tidegate_status tidegate_result_times(tidegate_result result,
                                      struct tidegate_eval_times *out_times);

tidegate_status tidegate_result_value_json(tidegate_result result,
                                           struct tidegate_buf **out_json);

tidegate_status tidegate_result_to_json(tidegate_result result,
                                        struct tidegate_buf **out_json);

tidegate_status tidegate_result_get_json(tidegate_result result,
                                         const char *key,
                                         size_t key_len,
                                         struct tidegate_buf **out_json);

tidegate_status tidegate_result_get_bool(tidegate_result result,
                                         const char *key,
                                         size_t key_len,
                                         int32_t default_value,
                                         int32_t *out_value);

tidegate_status tidegate_result_get_i64(tidegate_result result,
                                        const char *key,
                                        size_t key_len,
                                        int64_t default_value,
                                        int64_t *out_value);

tidegate_status tidegate_result_get_f64(tidegate_result result,
                                        const char *key,
                                        size_t key_len,
                                        double default_value,
                                        double *out_value);

tidegate_status tidegate_result_get_str(tidegate_result result,
                                        const char *key,
                                        size_t key_len,
                                        const char **out_text,
                                        size_t *out_len);

int32_t tidegate_result_has(tidegate_result result,
                            const char *key,
                            size_t key_len);

tidegate_status tidegate_result_release(tidegate_result result);

tidegate_status tidegate_log_event(tidegate_client client,
                                   tidegate_user user,
                                   const char *name,
                                   size_t name_len,
                                   const double *number,
                                   const char *value,
                                   size_t value_len,
                                   const char *metadata_json,
                                   size_t metadata_json_len);

tidegate_status tidegate_log_event_json(tidegate_client client,
                                        const char *events_json,
                                        size_t events_json_len);

tidegate_status tidegate_log_exposure(tidegate_client client,
                                      tidegate_user user,
                                      int32_t kind,
                                      const char *name,
                                      size_t name_len,
                                      const char *parameter,
                                      size_t parameter_len);

tidegate_status tidegate_log_exposure_for_result(tidegate_client client,
                                                 tidegate_result result,
                                                 const char *parameter,
                                                 size_t parameter_len);

tidegate_status tidegate_override(tidegate_client client,
                                  int32_t kind,
                                  const char *name,
                                  size_t name_len,
                                  const char *value_json,
                                  size_t value_json_len,
                                  const char *id,
                                  size_t id_len);

tidegate_status tidegate_remove_override(tidegate_client client,
                                         int32_t kind,
                                         const char *name,
                                         size_t name_len,
                                         const char *id,
                                         size_t id_len);

tidegate_status tidegate_remove_all_overrides(tidegate_client client);

tidegate_status tidegate_load_overrides(tidegate_client client,
                                        const char *overrides_json,
                                        size_t overrides_json_len);

tidegate_status tidegate_dump_overrides(tidegate_client client,
                                        struct tidegate_buf **out_json);
