/* A program of the time of ABI 1.0: it is compiled with the frozen header beside it, and has to run
 * with the library of today. */
#include "world.h"

struct data {
  int calls;
  int destroyed;
};

static void destroy(void *user_data) {
  ((struct data *)user_data)->destroyed++;
}

static void evaluated(void *user_data, const char *json, size_t len) {
  CHECK(len > 0 && json[0] == '{');
  ((struct data *)user_data)->calls++;
}

static int32_t get(void *user_data, const char *key, size_t key_len,
                   tidegate_reply *reply) {
  (void)key;
  (void)key_len;
  ((struct data *)user_data)->calls++;
  return tidegate_reply_set(reply, rules, TIDEGATE_NUL);
}

static void metric(void *user_data, const char *name, size_t name_len,
                   double value, const char *tags_json, size_t tags_len) {
  (void)name;
  (void)name_len;
  (void)value;
  (void)tags_json;
  (void)tags_len;
  ((struct data *)user_data)->calls++;
}

static void logged(void *user_data, int32_t level, const char *tag,
                   size_t tag_len, const char *text, size_t text_len) {
  (void)level;
  (void)tag;
  (void)tag_len;
  (void)text;
  (void)text_len;
  ((struct data *)user_data)->calls++;
}

static void evaluates(tidegate_client client, tidegate_user user) {
  tidegate_eval_times times = {sizeof times, -1, -1, -1};
  tidegate_result result = 0;
  tidegate_buf *json = NULL;
  const char *text = NULL;
  size_t len = 0;
  int32_t passed = 77;
  CHECK(tidegate_check_gate(client, user, "employees_only", TIDEGATE_NUL, 0,
                            &passed) == TIDEGATE_OK);
  CHECK(passed == 1);
  CHECK(tidegate_get_config(client, user, "shop_banner", TIDEGATE_NUL,
                            TIDEGATE_EVAL_NO_EXPOSURE,
                            &result) == TIDEGATE_OK);
  CHECK(tidegate_result_kind(result) == TIDEGATE_CONFIG);
  CHECK(tidegate_result_has(result, "title", TIDEGATE_NUL) ==
        TIDEGATE_JSON_STRING);
  CHECK(tidegate_result_get_str(result, "title", TIDEGATE_NUL, &text, &len) ==
        TIDEGATE_OK);
  CHECK(text != NULL && strlen(text) == len);
  CHECK(tidegate_result_times(result, &times) == TIDEGATE_OK);
  CHECK(times.config_sync > 0 && times.init >= 0 && times.server > 0);
  CHECK(tidegate_result_release(result) == TIDEGATE_OK);
  CHECK(tidegate_evaluate_json(client, TIDEGATE_LAYER, ADA, TIDEGATE_NUL,
                               "checkout_layer", TIDEGATE_NUL, 0,
                               &json) == TIDEGATE_OK);
  CHECK_OWNED(json, "\"kind\":\"layer\"");
}

int main(int argc, char **argv) {
  struct data store_data = {0}, metrics_data = {0}, log_data = {0}, data = {0};
  tidegate_data_store_vtable store = {
      sizeof store, &store_data, destroy, get, NULL, NULL, NULL};
  tidegate_metrics_vtable metrics = {sizeof metrics, &metrics_data, destroy,
                                     metric,         metric,        metric,
                                     0};
  tidegate_log_vtable sink = {sizeof sink, &log_data, destroy,
                              TIDEGATE_LOG_DEBUG, logged};
  tidegate_flush_info info = {sizeof info, 9, 9, 9, 9};
  tidegate_options options;
  tidegate_client client;
  tidegate_user user;
  double number = 1.5;
  begin(argc, argv);
  CHECK(tidegate_abi_version() >> 16 == (uint32_t)TIDEGATE_ABI_MAJOR);
  CHECK(tidegate_abi_version() >=
        ((uint32_t)TIDEGATE_ABI_MAJOR << 16 | (uint32_t)TIDEGATE_ABI_MINOR));
  CHECK(tidegate_set_log_sink(&sink) == TIDEGATE_OK);
  options = make_options("{\"local_mode\":true,\"threads\":\"none\","
                         "\"initialize_sources\":[\"DATASTORE\"]}");
  CHECK(tidegate_options_set_data_store(options, &store) == TIDEGATE_OK);
  CHECK(tidegate_options_set_metrics(options, &metrics) == TIDEGATE_OK);
  CHECK(tidegate_options_set_evaluation_callback(options, evaluated, &data,
                                                 destroy) == TIDEGATE_OK);
  client = ready_client(options);
  user = make_user(ADA);
  evaluates(client, user);
  CHECK(data.calls == 3);
  CHECK(tidegate_log_event(client, user, "purchase", TIDEGATE_NUL, &number,
                           NULL, 0, "{\"sku\":\"hat\"}",
                           TIDEGATE_NUL) == TIDEGATE_OK);
  CHECK(tidegate_check_gate(client, 7, "employees_only", TIDEGATE_NUL, 0,
                            NULL) == TIDEGATE_E_HANDLE);
  CHECK_TEXT(tidegate_status_name(TIDEGATE_E_HANDLE), "TIDEGATE_E_HANDLE");
  CHECK(log_data.calls > 0);
  CHECK(tidegate_client_shutdown(client, 30000, &info) >= TIDEGATE_OK);
  CHECK(info.sent == 0 && info.queued == 0);
  CHECK(tidegate_user_release(user) == TIDEGATE_OK);
  CHECK(tidegate_client_release(client) == TIDEGATE_OK);
  CHECK(tidegate_set_log_sink(NULL) == TIDEGATE_OK);
  CHECK(data.destroyed == 1 && store_data.destroyed == 1);
  CHECK(metrics_data.destroyed == 1 && log_data.destroyed == 1);
  return end();
}
