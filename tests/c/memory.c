/* Each family of calls again and again: the heap has to stay as it was. The second argument is the
   number of rounds. */
#include <malloc.h>

#include "world.h"

static tidegate_client client;
static tidegate_user user;

/* A call that gives a text in `json`, which is freed. */
#define OWNED(call)                                                            \
  do {                                                                         \
    CHECK((call) == TIDEGATE_OK);                                              \
    tidegate_buf_free(json);                                                   \
  } while (0)

static void users(void) {
  tidegate_buf *json = NULL;
  tidegate_user fresh = make_user(ADA);
  OWNED(tidegate_user_to_json(fresh, 1, &json));
  CHECK(tidegate_user_release(fresh) == TIDEGATE_OK);
  CHECK(tidegate_user_new("{", 1, &fresh) == TIDEGATE_E_JSON);
}

static void options(void) {
  tidegate_buf *json = NULL;
  tidegate_options fresh = make_options(LOCAL);
  OWNED(tidegate_options_describe(fresh, &json));
  CHECK(tidegate_options_release(fresh) == TIDEGATE_OK);
  CHECK(tidegate_options_new("{\"zzz\":1}", TIDEGATE_NUL, &fresh) ==
        TIDEGATE_E_ARG);
}

static void gates(void) {
  tidegate_result result = 0;
  int32_t passed;
  CHECK(tidegate_check_gate(client, user, "new_checkout", TIDEGATE_NUL, 0,
                            &passed) == TIDEGATE_OK);
  CHECK(tidegate_check_gate(client, user, "nobody_knows", TIDEGATE_NUL, 0,
                            &passed) == TIDEGATE_OK);
  CHECK(tidegate_check_gate_json(client, ADA, TIDEGATE_NUL, "new_checkout",
                                 TIDEGATE_NUL, 0, &passed) == TIDEGATE_OK);
  CHECK(tidegate_get_gate(client, user, "new_checkout", TIDEGATE_NUL, 0,
                          &result) == TIDEGATE_OK);
  CHECK(tidegate_result_name(result, NULL) != NULL);
  CHECK(tidegate_result_rule_id(result, NULL) != NULL);
  CHECK(tidegate_result_reason(result, NULL) != NULL);
  CHECK(tidegate_result_release(result) == TIDEGATE_OK);
}

static void parameters(void) {
  tidegate_result result = 0;
  tidegate_buf *json = NULL;
  const char *text;
  int64_t whole;
  CHECK(tidegate_get_config(client, user, "shop_banner", TIDEGATE_NUL, 0,
                            &result) == TIDEGATE_OK);
  CHECK(tidegate_result_get_str(result, "title", TIDEGATE_NUL, &text, NULL) ==
        TIDEGATE_OK);
  CHECK(tidegate_result_get_i64(result, "discount_percent", TIDEGATE_NUL, 0,
                                &whole) == TIDEGATE_OK);
  OWNED(tidegate_result_get_json(result, "links", 5, &json));
  CHECK(tidegate_result_release(result) == TIDEGATE_OK);
  CHECK(tidegate_get_layer(client, user, "checkout_layer", TIDEGATE_NUL, 0,
                           &result) == TIDEGATE_OK);
  CHECK(tidegate_result_get_str(result, "button_text", TIDEGATE_NUL, &text,
                                NULL) == TIDEGATE_OK);
  OWNED(tidegate_result_to_json(result, &json));
  CHECK(tidegate_result_release(result) == TIDEGATE_OK);
}

static void documents(void) {
  tidegate_buf *json = NULL;
  OWNED(tidegate_evaluate_json(client, TIDEGATE_CONFIG, ADA, TIDEGATE_NUL,
                               "shop_banner", TIDEGATE_NUL, 0, &json));
  OWNED(tidegate_evaluate_batch(client,
                                "{\"users\":[{\"userID\":\"bo\"}],"
                                "\"entities\":[{\"kind\":\"gate\","
                                "\"name\":\"new_checkout\"}]}",
                                TIDEGATE_NUL, &json));
  OWNED(tidegate_explain(client, user, TIDEGATE_GATE, "new_checkout",
                         TIDEGATE_NUL, &json));
}

static void events(void) {
  const double price = 12.5;
  tidegate_buf *json = NULL;
  CHECK(tidegate_log_event(client, user, "purchase", TIDEGATE_NUL, &price, NULL,
                           0, "{\"item\":\"cup\"}",
                           TIDEGATE_NUL) == TIDEGATE_OK);
  CHECK(tidegate_log_event_json(client,
                                "{\"user\":{\"userID\":\"bo\"},"
                                "\"event_name\":\"visit\"}",
                                TIDEGATE_NUL) == TIDEGATE_OK);
  CHECK(tidegate_log_exposure(client, user, TIDEGATE_GATE, "new_checkout",
                              TIDEGATE_NUL, NULL, 0) == TIDEGATE_OK);
  CHECK(tidegate_client_poll_event(client, &json) == TIDEGATE_OK);
  tidegate_buf_free(json);
}

static void overrides(void) {
  tidegate_buf *json = NULL;
  CHECK(tidegate_override(client, TIDEGATE_GATE, "new_checkout", TIDEGATE_NUL,
                          "true", 4, "ada", 3) == TIDEGATE_OK);
  OWNED(tidegate_dump_overrides(client, &json));
  CHECK(tidegate_remove_override(client, TIDEGATE_GATE, "new_checkout",
                                 TIDEGATE_NUL, "ada", 3) == TIDEGATE_OK);
}

static void misuse(void) {
  CHECK(tidegate_check_gate(client, 7, "g", 1, 0, NULL) == TIDEGATE_E_HANDLE);
  CHECK(tidegate_check_gate(client, user, NULL, 5, 0, NULL) == TIDEGATE_E_NULL);
  CHECK(tidegate_result_bool(7) == 0);
}

static void health(void) {
  tidegate_buf *json = NULL;
  OWNED(tidegate_client_stats(client, &json));
  OWNED(tidegate_client_init_details(client, &json));
  OWNED(tidegate_list_entities(client, 0, &json));
}

static tidegate_options local;
static long heard;

static void hear(void *unused, const char *json, size_t json_len) {
  (void)unused;
  CHECK(json != NULL && json_len > 0);
  heard++;
}

/* Whole lives, each with its own door for callbacks. */
static void clients(void) {
  tidegate_client brief = 0;
  int32_t passed;
  CHECK(tidegate_client_new(KEY, TIDEGATE_NUL, local, &brief) == TIDEGATE_OK);
  CHECK(tidegate_client_initialize(brief, 30000) == TIDEGATE_OK);
  heard = 0;
  CHECK(tidegate_check_gate(brief, user, "nobody_knows", TIDEGATE_NUL, 0,
                            &passed) == TIDEGATE_OK);
  CHECK(heard == 1);
  CHECK(tidegate_client_release(brief) == TIDEGATE_OK);
  CHECK(tidegate_client_release(brief) == TIDEGATE_E_HANDLE);
}

static size_t in_use(void) {
  struct mallinfo2 info = mallinfo2();
  return info.uordblks + info.hblkhd;
}

/* What the allocator keeps at hand of each size, counted as in use. The smallest block lost in each
   of 100000 rounds would be twenty times as much, and in a fifth of them four times. */
enum { SLACK = 64 * 1024 };

/* Rounds from which on growth is more than caches and pools that fill. */
enum { LONG_RUN = 10000 };

/* A first share of the rounds fills caches and pools; after it nothing may grow. */
static void stays_flat(const char *family, void (*call)(void), long rounds) {
  size_t before;
  long round;
  for (round = 0; round < rounds / 10 + 10; round++) {
    call();
  }
  before = in_use();
  for (round = 0; round < rounds; round++) {
    call();
  }
  if (rounds >= LONG_RUN && in_use() > before + SLACK) {
    fprintf(stderr, "%s: grew by %ld bytes in %ld rounds\n", family,
            (long)(in_use() - before), rounds);
    failures++;
  }
}

int main(int argc, char **argv) {
  long rounds = argc > 2 ? atol(argv[2]) : 100;
  begin(argc, argv);
  client = ready_client(make_options(LOCAL));
  user = make_user(ADA);
  local = make_options(LOCAL);
  CHECK(tidegate_options_set_evaluation_callback(local, hear, NULL, NULL) ==
        TIDEGATE_OK);
  stays_flat("clients", clients, rounds / 5);
  stays_flat("users", users, rounds);
  stays_flat("options", options, rounds / 5);
  stays_flat("gates", gates, rounds);
  stays_flat("parameters", parameters, rounds);
  stays_flat("documents", documents, rounds / 5);
  stays_flat("events", events, rounds);
  stays_flat("overrides", overrides, rounds);
  stays_flat("misuse", misuse, rounds);
  stays_flat("health", health, rounds / 5);
  CHECK(tidegate_options_release(local) == TIDEGATE_OK);
  CHECK(tidegate_user_release(user) == TIDEGATE_OK);
  end_client(client);
  return end();
}
