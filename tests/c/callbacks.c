/* Callbacks: what they get, what they may do, and that user data is destroyed exactly once. */
#include <sched.h>

#include "world.h"

/* User data that counts what happens to it. */
struct data {
  int calls;
  int destroyed;
  tidegate_client client;
  tidegate_user user;
  tidegate_status inner;
  int depth;
  char text[256];
};

static void destroy(void *user_data) {
  struct data *data = user_data;
  __atomic_fetch_add(&data->destroyed, 1, __ATOMIC_SEQ_CST);
}

static int destroyed(struct data *data) {
  return __atomic_load_n(&data->destroyed, __ATOMIC_SEQ_CST);
}

static void keep(struct data *data, const char *text, size_t len) {
  size_t fits = len < sizeof data->text - 1 ? len : sizeof data->text - 1;
  memcpy(data->text, text, fits);
  data->text[fits] = '\0';
}

/* --- registration ------------------------------------------------------- */

static void evaluated(void *user_data, const char *json, size_t len) {
  struct data *data = user_data;
  data->calls++;
  keep(data, json, len);
}

static void a_registration_owns_its_data_whatever_comes_of_it(void) {
  struct data data = {0};
  tidegate_options options = make_options(LOCAL);
  tidegate_data_store_vtable store = {0};
  tidegate_log_vtable log = {0};
  CHECK(tidegate_options_set_evaluation_callback(
            options, evaluated, &data, destroy) == TIDEGATE_OK);
  CHECK(destroyed(&data) == 0);
  /* Replaced. */
  CHECK(tidegate_options_set_evaluation_callback(
            options, evaluated, &data, destroy) == TIDEGATE_OK);
  CHECK(destroyed(&data) == 1);
  /* No function: nothing to keep the data for. */
  CHECK(tidegate_options_set_rules_callback(options, NULL, &data, destroy) ==
        TIDEGATE_OK);
  CHECK(destroyed(&data) == 2);
  /* No options: refused after the data was accepted. */
  CHECK(tidegate_options_set_flush_callback(7, evaluated, &data, destroy) ==
        TIDEGATE_E_HANDLE);
  CHECK(destroyed(&data) == 3);
  store.user_data = &data;
  store.destroy = destroy;
  store.struct_size = sizeof store;
  CHECK(tidegate_options_set_data_store(0, &store) == TIDEGATE_E_HANDLE);
  CHECK(destroyed(&data) == 4);
  /* Not understood: nothing is accepted. */
  store.struct_size = sizeof(size_t);
  CHECK(tidegate_options_set_data_store(options, &store) == TIDEGATE_E_ABI);
  CHECK(tidegate_options_set_data_store(options, NULL) == TIDEGATE_E_NULL);
  CHECK(destroyed(&data) == 4);
  log.struct_size = sizeof log;
  log.user_data = &data;
  log.destroy = destroy;
  log.level = 99;
  CHECK(tidegate_set_log_sink(&log) == TIDEGATE_E_ARG);
  CHECK(destroyed(&data) == 5);
  CHECK(tidegate_options_release(options) == TIDEGATE_OK);
  CHECK(destroyed(&data) == 6);
  CHECK(data.calls == 0);
}

static void two_clients_share_a_registration(void) {
  struct data data = {0};
  tidegate_options options = make_options(LOCAL);
  tidegate_client first = 0, second = 0;
  CHECK(tidegate_options_set_evaluation_callback(
            options, evaluated, &data, destroy) == TIDEGATE_OK);
  CHECK(tidegate_client_new(KEY, TIDEGATE_NUL, options, &first) ==
        TIDEGATE_OK);
  second = ready_client(options);
  CHECK(tidegate_check_gate_json(second, ADA, TIDEGATE_NUL, "employees_only",
                                 TIDEGATE_NUL, 0, NULL) == TIDEGATE_OK);
  CHECK(data.calls == 1);
  CHECK(strstr(data.text, "employees_only") != NULL);
  end_client(second);
  CHECK(destroyed(&data) == 0);
  CHECK(tidegate_client_release(first) == TIDEGATE_OK);
  CHECK(destroyed(&data) == 1);
}

/* --- calling back ------------------------------------------------------- */

/* Evaluates without end: the library has to stop it. */
static void recurses(void *user_data, const char *json, size_t len) {
  struct data *data = user_data;
  int32_t passed = 77;
  tidegate_status status;
  (void)json;
  (void)len;
  data->calls++;
  data->depth++;
  if (data->calls > 100) {
    CHECK(!"the recursion was not stopped");
    return;
  }
  status = tidegate_check_gate(data->client, data->user, "employees_only",
                               TIDEGATE_NUL, 0, &passed);
  if (status != TIDEGATE_OK) {
    data->inner = status;
    CHECK(passed == 0);
  }
  data->depth--;
}

static void recursion_is_stopped(void) {
  struct data data = {0};
  tidegate_options options = make_options(LOCAL);
  int32_t passed = 0;
  CHECK(tidegate_options_set_evaluation_callback(options, recurses, &data,
                                                 destroy) == TIDEGATE_OK);
  data.client = ready_client(options);
  data.user = make_user(ADA);
  CHECK(tidegate_check_gate(data.client, data.user, "employees_only",
                            TIDEGATE_NUL, 0, &passed) == TIDEGATE_OK);
  CHECK(passed == 1);
  CHECK(data.inner == TIDEGATE_E_STATE);
  CHECK(data.calls == 2 && data.depth == 0);
  CHECK(tidegate_user_release(data.user) == TIDEGATE_OK);
  end_client(data.client);
  CHECK(destroyed(&data) == 1);
}

/* Does what is allowed, and tries what is not. */
static void calls_back(void *user_data, const char *json, size_t len) {
  struct data *data = user_data;
  tidegate_buf *stats = NULL;
  (void)json;
  (void)len;
  if (data->calls++ > 0) {
    return;
  }
  CHECK(tidegate_check_gate(data->client, data->user, "employees_only",
                            TIDEGATE_NUL, 0, NULL) == TIDEGATE_OK);
  CHECK(tidegate_log_event(data->client, data->user, "inside", TIDEGATE_NUL,
                           NULL, NULL, 0, NULL, 0) == TIDEGATE_OK);
  CHECK(tidegate_client_stats(data->client, &stats) == TIDEGATE_OK);
  CHECK_OWNED(stats, "{");
  CHECK(tidegate_client_initialize(data->client, 1000) == TIDEGATE_E_STATE);
  CHECK(tidegate_client_wait_initialized(data->client, 1000) ==
        TIDEGATE_E_STATE);
  CHECK(tidegate_client_flush(data->client, 1000, NULL) == TIDEGATE_E_STATE);
  CHECK(tidegate_client_sync_now(data->client, 1000) == TIDEGATE_E_STATE);
  CHECK(tidegate_client_tick(data->client, 1000, NULL) == TIDEGATE_E_STATE);
  CHECK(tidegate_callbacks_close(data->client, 1000) == TIDEGATE_E_STATE);
  CHECK(tidegate_client_update_specs(data->client, rules, TIDEGATE_NUL) ==
        TIDEGATE_E_STATE);
}

static void evaluation_and_logging_are_allowed_inside(void) {
  struct data data = {0};
  tidegate_options options = make_options(LOCAL);
  CHECK(tidegate_options_set_evaluation_callback(options, calls_back, &data,
                                                 destroy) == TIDEGATE_OK);
  data.client = ready_client(options);
  data.user = make_user(ADA);
  CHECK(tidegate_check_gate(data.client, data.user, "employees_only",
                            TIDEGATE_NUL, 0, NULL) == TIDEGATE_OK);
  CHECK(data.calls == 2);
  CHECK(tidegate_callbacks_close(data.client, 1000) == TIDEGATE_OK);
  CHECK(tidegate_check_gate(data.client, data.user, "employees_only",
                            TIDEGATE_NUL, 0, NULL) == TIDEGATE_OK);
  CHECK(data.calls == 2);
  CHECK(tidegate_user_release(data.user) == TIDEGATE_OK);
  end_client(data.client);
}

/* Shuts its own client down and lets it go. */
static void ends_its_client(void *user_data, const char *json, size_t len) {
  struct data *data = user_data;
  tidegate_flush_info info = {sizeof(tidegate_flush_info), 9, 9, 9, 9};
  (void)json;
  (void)len;
  data->calls++;
  CHECK(tidegate_client_shutdown(data->client, 30000, &info) == TIDEGATE_OK);
  CHECK(info.sent == 0 && info.queued == 0);
  CHECK(tidegate_client_release(data->client) == TIDEGATE_OK);
  CHECK(tidegate_client_release(data->client) == TIDEGATE_E_HANDLE);
  CHECK(tidegate_check_gate_json(data->client, ADA, TIDEGATE_NUL, "g", 1, 0,
                                 NULL) == TIDEGATE_E_HANDLE);
}

static void a_client_may_be_ended_from_its_own_callback(const char *json) {
  static struct data data;
  tidegate_options options = make_options(json);
  int32_t passed = 0;
  memset(&data, 0, sizeof data);
  CHECK(tidegate_options_set_evaluation_callback(options, ends_its_client,
                                                 &data, destroy) ==
        TIDEGATE_OK);
  data.client = ready_client(options);
  CHECK(tidegate_check_gate_json(data.client, ADA, TIDEGATE_NUL,
                                 "employees_only", TIDEGATE_NUL, 0,
                                 &passed) == TIDEGATE_OK);
  CHECK(passed == 1 && data.calls == 1);
  /* With threads of the library's own the end comes in the background. */
  while (destroyed(&data) == 0) {
    sched_yield();
  }
  CHECK(destroyed(&data) == 1);
}

/* --- data store, init callback, log sink -------------------------------- */

static int32_t store_get(void *user_data, const char *key, size_t key_len,
                         tidegate_reply *reply) {
  struct data *data = user_data;
  (void)key;
  CHECK(key_len > 0);
  data->calls++;
  CHECK(tidegate_reply_set(reply, "\xff", 1) == TIDEGATE_E_UTF8);
  CHECK(tidegate_reply_set(reply, "replaced", 8) == TIDEGATE_OK);
  CHECK(tidegate_reply_set(reply, rules, TIDEGATE_NUL) == TIDEGATE_OK);
  return 0;
}

static void a_shorter_vtable_is_a_store_with_fewer_functions(void) {
  struct data data = {0};
  tidegate_options options = make_options(LOCAL);
  tidegate_data_store_vtable store;
  tidegate_client client;
  memset(&store, 0xee, sizeof store);
  store.struct_size = offsetof(tidegate_data_store_vtable, set);
  store.user_data = &data;
  store.destroy = destroy;
  store.get = store_get;
  CHECK(tidegate_options_set_data_store(options, &store) == TIDEGATE_OK);
  client = ready_client(options);
  end_client(client);
  CHECK(destroyed(&data) == 1);
}

static void initialized(void *user_data, const char *json, size_t len) {
  struct data *data = user_data;
  keep(data, json, len);
  __atomic_fetch_add(&data->calls, 1, __ATOMIC_SEQ_CST);
}

static void an_init_callback_runs_once(void) {
  struct data data = {0};
  tidegate_client client = make_client(make_options("{\"local_mode\":true}"));
  CHECK(tidegate_client_initialize_async(client, initialized, &data, destroy) ==
        TIDEGATE_OK);
  CHECK(tidegate_client_wait_initialized(client, 30000) == TIDEGATE_OK);
  while (destroyed(&data) == 0) {
    sched_yield();
  }
  CHECK(data.calls == 1 && data.text[0] == '{');
  CHECK(tidegate_client_initialize_async(client, NULL, NULL, NULL) ==
        TIDEGATE_OK);
  end_client(client);
  CHECK(tidegate_client_initialize_async(client, initialized, &data, destroy) ==
        TIDEGATE_E_HANDLE);
  CHECK(data.calls == 1 && destroyed(&data) == 2);
}

static void logged(void *user_data, int32_t level, const char *tag,
                   size_t tag_len, const char *text, size_t text_len) {
  struct data *data = user_data;
  CHECK(level >= TIDEGATE_LOG_ERROR && level <= TIDEGATE_LOG_DEBUG);
  (void)tag;
  CHECK(tag_len > 0);
  if (strcmp(data->text, "") == 0) {
    keep(data, text, text_len);
  }
  data->calls++;
  /* Fails, and would log that without end. */
  CHECK(tidegate_user_release(7) == TIDEGATE_E_HANDLE);
}

static void a_log_sink_hears_of_failures(void) {
  struct data data = {0};
  tidegate_log_vtable sink = {sizeof sink, &data, destroy, TIDEGATE_LOG_DEBUG,
                              logged};
  CHECK(tidegate_set_log_sink(&sink) == TIDEGATE_OK);
  CHECK(tidegate_result_release(7) == TIDEGATE_E_HANDLE);
  CHECK(strstr(data.text, "tidegate_result_release") != NULL);
  CHECK(data.calls == 1);
  CHECK(tidegate_set_log_sink(NULL) == TIDEGATE_OK);
  CHECK(tidegate_result_release(7) == TIDEGATE_E_HANDLE);
  CHECK(data.calls == 1 && destroyed(&data) == 1);
}

static void metric(void *user_data, const char *name, size_t name_len,
                   double value, const char *tags_json, size_t tags_len) {
  struct data *data = user_data;
  (void)name;
  (void)name_len;
  (void)value;
  CHECK(tags_len >= 2 && tags_json[0] == '{');
  __atomic_fetch_add(&data->calls, 1, __ATOMIC_SEQ_CST);
}

static void failed(void *user_data, const char *tag, size_t tag_len,
                   const char *code, size_t code_len, const char *text,
                   size_t text_len) {
  (void)user_data;
  (void)tag;
  (void)tag_len;
  (void)code;
  (void)code_len;
  (void)text;
  (void)text_len;
}

static void ruled(void *user_data, int64_t time_ms, const char *json,
                  size_t len) {
  struct data *data = user_data;
  CHECK(time_ms > 0);
  CHECK(len == strlen(rules) && memcmp(json, rules, len) == 0);
  __atomic_fetch_add(&data->calls, 1, __ATOMIC_SEQ_CST);
}

static void the_other_callbacks_are_kept_and_destroyed(void) {
  struct data metrics = {0}, rules_data = {0}, flush = {0}, error = {0};
  tidegate_metrics_vtable vtable = {sizeof vtable, &metrics, destroy, metric,
                                    metric,        metric,   1};
  tidegate_options options = make_options(LOCAL);
  tidegate_buf *json = NULL;
  CHECK(tidegate_options_set_metrics(options, &vtable) == TIDEGATE_OK);
  CHECK(tidegate_options_set_rules_callback(options, ruled, &rules_data,
                                            destroy) == TIDEGATE_OK);
  CHECK(tidegate_options_set_flush_callback(options, initialized, &flush,
                                            destroy) == TIDEGATE_OK);
  CHECK(tidegate_options_set_error_callback(options, failed, &error, destroy) ==
        TIDEGATE_OK);
  CHECK(tidegate_options_describe(options, &json) == TIDEGATE_OK);
  CHECK_OWNED(json, "\"callbacks\":[\"metrics\",\"rules\",\"flush\",\"error\"]");
  end_client(ready_client(options));
  CHECK(rules_data.calls == 1);
  CHECK(destroyed(&metrics) == 1 && destroyed(&rules_data) == 1);
  CHECK(destroyed(&flush) == 1 && destroyed(&error) == 1);
}

int main(int argc, char **argv) {
  begin(argc, argv);
  a_registration_owns_its_data_whatever_comes_of_it();
  two_clients_share_a_registration();
  recursion_is_stopped();
  evaluation_and_logging_are_allowed_inside();
  a_client_may_be_ended_from_its_own_callback(LOCAL);
  a_client_may_be_ended_from_its_own_callback("{\"local_mode\":true}");
  a_shorter_vtable_is_a_store_with_fewer_functions();
  an_init_callback_runs_once();
  a_log_sink_hears_of_failures();
  the_other_callbacks_are_kept_and_destroyed();
  return end();
}
