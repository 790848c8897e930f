/* A call of each family panics, at its door and after its out-parameters were written. Needs the
   library with the feature `test-panics`. */
#include "world.h"

void tidegate_test_panic(int32_t point);

enum { ENTRY = 1, LOOKUP = 2 };

/* The call fails with TIDEGATE_E_PANIC, says so, and succeeds when repeated. */
#define PANICS(point, call)                                                    \
  do {                                                                         \
    tidegate_test_panic(point);                                                \
    CHECK((call) == TIDEGATE_E_PANIC);                                         \
    CHECK(strstr(message(), "internal panic: asked for by a test") != NULL);   \
    CHECK((call) >= TIDEGATE_OK);                                              \
  } while (0)

/* The same for calls that give a value. */
#define PANICS_TO(point, call, value)                                          \
  do {                                                                         \
    tidegate_test_panic(point);                                                \
    CHECK((call) == (value));                                                  \
    CHECK((call) != (value));                                                  \
  } while (0)

static int destroyed;

static void destroy(void *user_data) {
  (void)user_data;
  destroyed++;
}

static void evaluated(void *user_data, const char *json, size_t len) {
  (void)user_data;
  (void)json;
  (void)len;
}

int main(int argc, char **argv) {
  tidegate_options options = 0;
  tidegate_client client = 0;
  tidegate_user user = 0;
  tidegate_result result = 0;
  tidegate_buf *json = NULL;
  int32_t passed = 77;
  int64_t whole = 77;
  begin(argc, argv);

  PANICS_TO(ENTRY, tidegate_abi_version(), 0);
  PANICS(ENTRY, tidegate_set_log_sink(NULL));
  PANICS(ENTRY, tidegate_before_fork());
  PANICS(ENTRY, tidegate_after_fork_parent());
  PANICS(ENTRY, tidegate_options_new(LOCAL, TIDEGATE_NUL, &options));
  CHECK(options != 0);
  PANICS(ENTRY, tidegate_options_set_evaluation_callback(options, evaluated,
                                                         NULL, destroy));
  CHECK(destroyed == 1);
  PANICS(ENTRY,
         tidegate_client_new(KEY, TIDEGATE_NUL, options, &client));
  PANICS(LOOKUP, tidegate_client_initialize(client, 1000));
  PANICS(ENTRY, tidegate_client_update_specs(client, rules, TIDEGATE_NUL));
  PANICS(ENTRY, tidegate_user_new(ADA, TIDEGATE_NUL, &user));
  PANICS_TO(LOOKUP, tidegate_client_is_initialized(client), 0);

  tidegate_test_panic(LOOKUP);
  CHECK(tidegate_check_gate(client, user, "employees_only", TIDEGATE_NUL, 0,
                            &passed) == TIDEGATE_E_PANIC);
  CHECK(passed == 0);
  CHECK(tidegate_check_gate(client, user, "employees_only", TIDEGATE_NUL, 0,
                            &passed) == TIDEGATE_OK);
  CHECK(passed == 1);
  PANICS(ENTRY, tidegate_get_config(client, user, "shop_banner", TIDEGATE_NUL,
                                    0, &result));
  tidegate_test_panic(LOOKUP);
  CHECK(tidegate_result_get_i64(result, "discount_percent", TIDEGATE_NUL, 42,
                                &whole) == TIDEGATE_E_PANIC);
  CHECK(whole == 42);
  PANICS(LOOKUP, tidegate_result_get_i64(result, "discount_percent",
                                         TIDEGATE_NUL, 42, &whole));
  PANICS_TO(LOOKUP, tidegate_result_kind(result), 0);
  json = (tidegate_buf *)&failures;
  tidegate_test_panic(LOOKUP);
  CHECK(tidegate_result_to_json(result, &json) == TIDEGATE_E_PANIC);
  CHECK(json == NULL);
  PANICS(LOOKUP, tidegate_log_event(client, user, "visit", TIDEGATE_NUL, NULL,
                                    NULL, 0, NULL, 0));
  PANICS(LOOKUP, tidegate_override(client, TIDEGATE_GATE, "g", 1, "true", 4,
                                   NULL, 0));
  PANICS(LOOKUP, tidegate_remove_all_overrides(client));
  PANICS(ENTRY, tidegate_callbacks_close(client, 1000));
  PANICS(LOOKUP, tidegate_client_flush(client, 1000, NULL));
  PANICS(ENTRY, tidegate_result_release(result));
  PANICS(ENTRY, tidegate_user_release(user));
  PANICS(ENTRY, tidegate_options_release(options));
  PANICS(LOOKUP, tidegate_client_shutdown(client, 1000, NULL));
  PANICS(ENTRY, tidegate_client_release(client));
  CHECK(destroyed == 2);
  return end();
}
