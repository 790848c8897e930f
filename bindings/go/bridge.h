/* The C functions in the shape that cgo likes: Go strings in, everything out in one value.
 *
 * The message of a failure belongs to the thread of the call, and a goroutine may go on on another
 * one, so it is fetched before the call returns to Go. */

#ifndef TIDEGATE_GO_BRIDGE_H
#define TIDEGATE_GO_BRIDGE_H

#include <stdlib.h>
#include <string.h>
#include <tidegate.h>

#include "callbacks.h"

/* The status of a call; a message, to be freed, if it failed. */
typedef struct {
  tidegate_status status;
  int32_t flag;
  char *message;
} tg_status;

/* The same with whatever the call gave. */
typedef struct {
  tg_status outcome;
  uint64_t id;
  tidegate_buf *buf;
  const char *text;
  size_t len;
} tg_answer;

/* Text that has to be there: an empty Go string may have no address. */
#define TG_TEXT(s) (_GoStringLen(s) == 0 ? "" : _GoStringPtr(s)), _GoStringLen(s)
/* Text that is absent if it is empty. */
#define TG_OPTIONAL(s) (_GoStringLen(s) == 0 ? NULL : _GoStringPtr(s)), _GoStringLen(s)

static inline tg_status tg_outcome(tidegate_status status) {
  tg_status outcome = {status, 0, NULL};
  if (status < 0) {
    size_t size = tidegate_last_error(NULL, 0) + 1;
    outcome.message = malloc(size);
    if (outcome.message != NULL) {
      tidegate_last_error(outcome.message, size);
    }
  }
  return outcome;
}

static inline tg_status tg_flag(tidegate_status status, int32_t flag) {
  tg_status outcome = tg_outcome(status);
  outcome.flag = flag;
  return outcome;
}

static inline tg_answer tg_id(tidegate_status status, uint64_t id) {
  tg_answer answer = {tg_outcome(status), id, NULL, NULL, 0};
  return answer;
}

static inline tg_answer tg_buf(tidegate_status status, tidegate_buf *buf) {
  tg_answer answer = {tg_outcome(status), 0, buf, NULL, 0};
  if (buf != NULL) {
    answer.text = tidegate_buf_data(buf);
    answer.len = tidegate_buf_len(buf);
  }
  return answer;
}

static inline tg_answer tg_text(const char *text, size_t len) {
  tg_answer answer = {{0, 0, NULL}, 0, NULL, text, len};
  return answer;
}

/* The process. */

static inline tg_status tg_remove_log_sink(void) {
  return tg_outcome(tidegate_set_log_sink(NULL));
}

static inline tidegate_status tg_reply_set(tidegate_reply *reply, _GoString_ value) {
  return tidegate_reply_set(reply, TG_TEXT(value));
}

/* Options. */

static inline tg_answer tg_options_new(_GoString_ json) {
  tidegate_options options = 0;
  tidegate_status status = tidegate_options_new(TG_TEXT(json), &options);
  return tg_id(status, options);
}

static inline tg_answer tg_options_describe(tidegate_options options) {
  tidegate_buf *buf = NULL;
  tidegate_status status = tidegate_options_describe(options, &buf);
  return tg_buf(status, buf);
}

/* Clients. */

static inline tg_answer tg_client_new(_GoString_ key, tidegate_options options) {
  tidegate_client client = 0;
  tidegate_status status = tidegate_client_new(TG_TEXT(key), options, &client);
  return tg_id(status, client);
}


typedef struct {
  tg_status outcome;
  tidegate_flush_info info;
} tg_delivery;

static inline tg_delivery tg_client_flush(tidegate_client client, uint32_t timeout_ms) {
  tg_delivery delivery = {{0, 0, NULL}, {sizeof(tidegate_flush_info), 0, 0, 0, 0}};
  delivery.outcome = tg_outcome(tidegate_client_flush(client, timeout_ms, &delivery.info));
  return delivery;
}

static inline tg_delivery tg_client_shutdown(tidegate_client client, uint32_t timeout_ms) {
  tg_delivery delivery = {{0, 0, NULL}, {sizeof(tidegate_flush_info), 0, 0, 0, 0}};
  delivery.outcome = tg_outcome(tidegate_client_shutdown(client, timeout_ms, &delivery.info));
  return delivery;
}

static inline tg_status tg_client_initialize(tidegate_client client, uint32_t timeout_ms) {
  return tg_outcome(tidegate_client_initialize(client, timeout_ms));
}

static inline tg_status tg_initialize_async(tidegate_client client, uintptr_t callback) {
  return tg_outcome(tg_client_initialize_async(client, callback));
}

static inline tg_status tg_client_wait_initialized(tidegate_client client, uint32_t timeout_ms) {
  return tg_outcome(tidegate_client_wait_initialized(client, timeout_ms));
}

static inline tg_status tg_client_sync_now(tidegate_client client, uint32_t timeout_ms) {
  return tg_outcome(tidegate_client_sync_now(client, timeout_ms));
}

static inline tg_status tg_callbacks_close(tidegate_client client, uint32_t timeout_ms) {
  return tg_outcome(tidegate_callbacks_close(client, timeout_ms));
}

static inline tg_answer tg_client_tick(tidegate_client client, uint32_t budget_ms) {
  uint32_t next = 0;
  tidegate_status status = tidegate_client_tick(client, budget_ms, &next);
  return tg_id(status, next);
}

static inline tg_status tg_client_set_polling(tidegate_client client, int32_t on) {
  return tg_outcome(tidegate_client_set_polling(client, on));
}

static inline tg_status tg_client_set_environment(tidegate_client client, _GoString_ json) {
  return tg_outcome(tidegate_client_set_environment(client, TG_TEXT(json)));
}

static inline tg_status tg_client_update_specs(tidegate_client client, _GoString_ json) {
  return tg_outcome(tidegate_client_update_specs(client, TG_TEXT(json)));
}

static inline tg_answer tg_client_init_details(tidegate_client client) {
  tidegate_buf *buf = NULL;
  tidegate_status status = tidegate_client_init_details(client, &buf);
  return tg_buf(status, buf);
}

static inline tg_answer tg_client_poll_event(tidegate_client client) {
  tidegate_buf *buf = NULL;
  tidegate_status status = tidegate_client_poll_event(client, &buf);
  return tg_buf(status, buf);
}

static inline tg_answer tg_client_get_specs(tidegate_client client) {
  tidegate_buf *buf = NULL;
  tidegate_status status = tidegate_client_get_specs(client, &buf);
  return tg_buf(status, buf);
}

static inline tg_answer tg_client_stats(tidegate_client client) {
  tidegate_buf *buf = NULL;
  tidegate_status status = tidegate_client_stats(client, &buf);
  return tg_buf(status, buf);
}

static inline tg_answer tg_list_entities(tidegate_client client, int32_t kind) {
  tidegate_buf *buf = NULL;
  tidegate_status status = tidegate_list_entities(client, kind, &buf);
  return tg_buf(status, buf);
}

/* Users. */

static inline tg_answer tg_user_new(_GoString_ json) {
  tidegate_user user = 0;
  tidegate_status status = tidegate_user_new(TG_TEXT(json), &user);
  return tg_id(status, user);
}

static inline tg_answer tg_user_to_json(tidegate_user user, int32_t with_private) {
  tidegate_buf *buf = NULL;
  tidegate_status status = tidegate_user_to_json(user, with_private, &buf);
  return tg_buf(status, buf);
}

/* Evaluation. */

static inline tg_status tg_check_gate(tidegate_client client, tidegate_user user, _GoString_ name,
                                      uint32_t flags) {
  int32_t value = 0;
  tidegate_status status = tidegate_check_gate(client, user, TG_TEXT(name), flags, &value);
  return tg_flag(status, value);
}

static inline tg_status tg_check_gate_json(tidegate_client client, _GoString_ user_json,
                                           _GoString_ name, uint32_t flags) {
  int32_t value = 0;
  tidegate_status status =
      tidegate_check_gate_json(client, TG_TEXT(user_json), TG_TEXT(name), flags, &value);
  return tg_flag(status, value);
}

static inline tg_answer tg_get(tidegate_client client, int32_t kind, tidegate_user user,
                               _GoString_ name, uint32_t flags) {
  tidegate_result result = 0;
  tidegate_status status = TIDEGATE_E_ARG;
  switch (kind) {
  case TIDEGATE_GATE:
    status = tidegate_get_gate(client, user, TG_TEXT(name), flags, &result);
    break;
  case TIDEGATE_CONFIG:
    status = tidegate_get_config(client, user, TG_TEXT(name), flags, &result);
    break;
  case TIDEGATE_EXPERIMENT:
    status = tidegate_get_experiment(client, user, TG_TEXT(name), flags, &result);
    break;
  case TIDEGATE_LAYER:
    status = tidegate_get_layer(client, user, TG_TEXT(name), flags, &result);
    break;
  }
  return tg_id(status, result);
}

static inline tg_answer tg_evaluate_json(tidegate_client client, int32_t kind, _GoString_ user_json,
                                         _GoString_ name, uint32_t flags) {
  tidegate_buf *buf = NULL;
  tidegate_status status =
      tidegate_evaluate_json(client, kind, TG_TEXT(user_json), TG_TEXT(name), flags, &buf);
  return tg_buf(status, buf);
}

static inline tg_answer tg_evaluate_batch(tidegate_client client, _GoString_ request) {
  tidegate_buf *buf = NULL;
  tidegate_status status = tidegate_evaluate_batch(client, TG_TEXT(request), &buf);
  return tg_buf(status, buf);
}

static inline tg_answer tg_evaluate_all(tidegate_client client, tidegate_user user) {
  tidegate_buf *buf = NULL;
  tidegate_status status = tidegate_evaluate_all(client, user, &buf);
  return tg_buf(status, buf);
}

static inline tg_answer tg_explain(tidegate_client client, tidegate_user user, int32_t kind,
                                   _GoString_ name) {
  tidegate_buf *buf = NULL;
  tidegate_status status = tidegate_explain(client, user, kind, TG_TEXT(name), &buf);
  return tg_buf(status, buf);
}

static inline tg_answer tg_client_init_response(tidegate_client client, tidegate_user user,
                                                _GoString_ options) {
  tidegate_buf *buf = NULL;
  tidegate_status status =
      tidegate_get_client_init_response(client, user, TG_TEXT(options), &buf);
  return tg_buf(status, buf);
}

/* Results. */

typedef struct {
  tg_status outcome;
  tidegate_eval_times times;
} tg_times;

static inline tg_times tg_result_times(tidegate_result result) {
  tg_times times = {{0, 0, NULL}, {sizeof(tidegate_eval_times), 0, 0, 0}};
  times.outcome = tg_outcome(tidegate_result_times(result, &times.times));
  return times;
}

static inline tg_answer tg_result_name(tidegate_result result) {
  size_t len = 0;
  const char *text = tidegate_result_name(result, &len);
  return tg_text(text, len);
}

static inline tg_answer tg_result_rule_id(tidegate_result result) {
  size_t len = 0;
  const char *text = tidegate_result_rule_id(result, &len);
  return tg_text(text, len);
}

static inline tg_answer tg_result_group_name(tidegate_result result) {
  size_t len = 0;
  const char *text = tidegate_result_group_name(result, &len);
  return tg_text(text, len);
}

static inline tg_answer tg_result_id_type(tidegate_result result) {
  size_t len = 0;
  const char *text = tidegate_result_id_type(result, &len);
  return tg_text(text, len);
}

static inline tg_answer tg_result_reason(tidegate_result result) {
  size_t len = 0;
  const char *text = tidegate_result_reason(result, &len);
  return tg_text(text, len);
}

static inline tg_answer tg_result_value_json(tidegate_result result) {
  tidegate_buf *buf = NULL;
  tidegate_status status = tidegate_result_value_json(result, &buf);
  return tg_buf(status, buf);
}

static inline tg_answer tg_result_to_json(tidegate_result result) {
  tidegate_buf *buf = NULL;
  tidegate_status status = tidegate_result_to_json(result, &buf);
  return tg_buf(status, buf);
}

static inline tg_answer tg_result_get_json(tidegate_result result, _GoString_ key) {
  tidegate_buf *buf = NULL;
  tidegate_status status = tidegate_result_get_json(result, TG_TEXT(key), &buf);
  return tg_buf(status, buf);
}

static inline int32_t tg_result_get_bool(tidegate_result result, _GoString_ key, int32_t other) {
  int32_t value = other;
  tidegate_result_get_bool(result, TG_TEXT(key), other, &value);
  return value;
}

static inline int64_t tg_result_get_i64(tidegate_result result, _GoString_ key, int64_t other) {
  int64_t value = other;
  tidegate_result_get_i64(result, TG_TEXT(key), other, &value);
  return value;
}

static inline double tg_result_get_f64(tidegate_result result, _GoString_ key, double other) {
  double value = other;
  tidegate_result_get_f64(result, TG_TEXT(key), other, &value);
  return value;
}

static inline tg_answer tg_result_get_str(tidegate_result result, _GoString_ key) {
  const char *text = NULL;
  size_t len = 0;
  tidegate_result_get_str(result, TG_TEXT(key), &text, &len);
  return tg_text(text, len);
}

static inline int32_t tg_result_has(tidegate_result result, _GoString_ key) {
  return tidegate_result_has(result, TG_TEXT(key));
}

/* Events and exposures. */

static inline tg_status tg_log_event(tidegate_client client, tidegate_user user, _GoString_ name,
                                     _GoString_ metadata) {
  return tg_outcome(tidegate_log_event(client, user, TG_TEXT(name), NULL, NULL, 0,
                                       TG_OPTIONAL(metadata)));
}

static inline tg_status tg_log_event_number(tidegate_client client, tidegate_user user,
                                            _GoString_ name, double number, _GoString_ metadata) {
  return tg_outcome(tidegate_log_event(client, user, TG_TEXT(name), &number, NULL, 0,
                                       TG_OPTIONAL(metadata)));
}

static inline tg_status tg_log_event_text(tidegate_client client, tidegate_user user,
                                          _GoString_ name, _GoString_ value, _GoString_ metadata) {
  return tg_outcome(tidegate_log_event(client, user, TG_TEXT(name), NULL, TG_TEXT(value),
                                       TG_OPTIONAL(metadata)));
}

static inline tg_status tg_log_event_json(tidegate_client client, _GoString_ events) {
  return tg_outcome(tidegate_log_event_json(client, TG_TEXT(events)));
}

static inline tg_status tg_log_exposure(tidegate_client client, tidegate_user user, int32_t kind,
                                        _GoString_ name, _GoString_ parameter) {
  return tg_outcome(
      tidegate_log_exposure(client, user, kind, TG_TEXT(name), TG_OPTIONAL(parameter)));
}

static inline tg_status tg_log_exposure_for_result(tidegate_client client, tidegate_result result,
                                                   _GoString_ parameter) {
  return tg_outcome(tidegate_log_exposure_for_result(client, result, TG_OPTIONAL(parameter)));
}

/* Overrides. */

static inline tg_status tg_override(tidegate_client client, int32_t kind, _GoString_ name,
                                    _GoString_ value, _GoString_ id) {
  return tg_outcome(
      tidegate_override(client, kind, TG_TEXT(name), TG_TEXT(value), TG_OPTIONAL(id)));
}

static inline tg_status tg_remove_override(tidegate_client client, int32_t kind, _GoString_ name,
                                           _GoString_ id) {
  return tg_outcome(tidegate_remove_override(client, kind, TG_TEXT(name), TG_OPTIONAL(id)));
}

static inline tg_status tg_remove_all_overrides(tidegate_client client) {
  return tg_outcome(tidegate_remove_all_overrides(client));
}

static inline tg_status tg_load_overrides(tidegate_client client, _GoString_ json) {
  return tg_outcome(tidegate_load_overrides(client, TG_TEXT(json)));
}

static inline tg_answer tg_dump_overrides(tidegate_client client) {
  tidegate_buf *buf = NULL;
  tidegate_status status = tidegate_dump_overrides(client, &buf);
  return tg_buf(status, buf);
}

#endif
