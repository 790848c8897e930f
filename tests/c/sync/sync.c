/* Sync as a C program sees it: `sync RULES SCENARIO OPTIONS`. The server that the options name is
 * scripted by the test that runs this; it checks the requests, this program the rest. */
#include <pthread.h>
#include <stdint.h>
#include <time.h>

#include "world.h"

#define PATIENCE_MS 60000

/* What callbacks were told, from whichever thread. */
static struct {
  pthread_mutex_t lock;
  int updates;
  int64_t times[64];
  int inits;
  char init_details[4096];
  int gets, sets, polls, shutdowns, destroyed;
  int64_t set_time;
  char stored[65536];
  size_t stored_len;
  int get_fails, set_fails;
  tidegate_client client;
} told = {.lock = PTHREAD_MUTEX_INITIALIZER};

static void destroy(void *user_data) {
  CHECK(user_data == &told);
  pthread_mutex_lock(&told.lock);
  told.destroyed++;
  pthread_mutex_unlock(&told.lock);
}

static void updated(void *user_data, int64_t time_ms, const char *specs,
                    size_t len) {
  char expected[64];
  char *copy = calloc(1, len + 1);
  CHECK(user_data == &told && copy != NULL);
  memcpy(copy, specs, len);
  snprintf(expected, sizeof expected, "\"time\":%lld", (long long)time_ms);
  CHECK(strstr(copy, expected) != NULL);
  free(copy);
  pthread_mutex_lock(&told.lock);
  if (told.updates < 64) {
    told.times[told.updates] = time_ms;
  }
  told.updates++;
  pthread_mutex_unlock(&told.lock);
}

static void ends_the_client(void *user_data, int64_t time_ms, const char *specs,
                            size_t len) {
  updated(user_data, time_ms, specs, len);
  if (time_ms == 200) {
    CHECK(tidegate_client_shutdown(told.client, PATIENCE_MS, NULL) >=
          TIDEGATE_OK);
  }
}

static void initialized(void *user_data, const char *details, size_t len) {
  CHECK(user_data == &told);
  pthread_mutex_lock(&told.lock);
  told.inits++;
  snprintf(told.init_details, sizeof told.init_details, "%.*s", (int)len,
           details);
  pthread_mutex_unlock(&told.lock);
}

static int is_specs(const char *key, size_t len) {
  return len == strlen("statsig.cache") && memcmp(key, "statsig.cache", len) == 0;
}

static int32_t store_get(void *user_data, const char *key, size_t len,
                         tidegate_reply *reply) {
  int32_t failed;
  CHECK(user_data == &told);
  pthread_mutex_lock(&told.lock);
  failed = told.get_fails;
  if (is_specs(key, len)) {
    told.gets++;
    if (!failed && told.stored_len > 0) {
      CHECK(tidegate_reply_set(reply, told.stored, told.stored_len) ==
            TIDEGATE_OK);
    }
  }
  pthread_mutex_unlock(&told.lock);
  return failed;
}

static int32_t store_set(void *user_data, const char *key, size_t key_len,
                         const char *value, size_t len, int64_t time_ms) {
  int32_t failed;
  CHECK(user_data == &told);
  pthread_mutex_lock(&told.lock);
  failed = told.set_fails;
  if (is_specs(key, key_len)) {
    CHECK(len < sizeof told.stored);
    memcpy(told.stored, value, len);
    told.stored_len = len;
    told.set_time = time_ms;
    told.sets++;
  }
  pthread_mutex_unlock(&told.lock);
  return failed;
}

static int32_t store_polls(void *user_data, const char *path, size_t len) {
  CHECK(user_data == &told && is_specs(path, len));
  pthread_mutex_lock(&told.lock);
  told.polls++;
  pthread_mutex_unlock(&told.lock);
  return 0;
}

static void store_shutdown(void *user_data) {
  CHECK(user_data == &told);
  pthread_mutex_lock(&told.lock);
  told.shutdowns++;
  pthread_mutex_unlock(&told.lock);
}

static void use_store(tidegate_options options) {
  tidegate_data_store_vtable store = {
      sizeof store, &told, destroy, store_get, store_set, store_polls,
      store_shutdown};
  CHECK(tidegate_options_set_data_store(options, &store) == TIDEGATE_OK);
}

static void pause_ms(long ms) {
  struct timespec pause = {ms / 1000, ms % 1000 * 1000000};
  nanosleep(&pause, NULL);
}

static int has(tidegate_client client, tidegate_status (*get)(tidegate_client, tidegate_buf **),
               const char *part) {
  tidegate_buf *buf = NULL;
  int found;
  CHECK(get(client, &buf) == TIDEGATE_OK);
  found = strstr(tidegate_buf_data(buf), part) != NULL;
  tidegate_buf_free(buf);
  return found;
}

#define EVENTUALLY(condition)                                                  \
  do {                                                                         \
    int waited;                                                                \
    for (waited = 0; !(condition) && waited < PATIENCE_MS; waited += 5) {      \
      pause_ms(5);                                                             \
    }                                                                          \
    CHECK(condition);                                                          \
  } while (0)

#define SPECS_OF(time) has(client, tidegate_client_get_specs, "\"time\":" #time)
#define DETAILS(part) has(client, tidegate_client_init_details, (part))
#define STATS(part) has(client, tidegate_client_stats, (part))

static tidegate_client listening(const char *json, tidegate_rules_fn callback) {
  tidegate_options options = make_options(json);
  CHECK(tidegate_options_set_rules_callback(options, callback, &told,
                                            destroy) == TIDEGATE_OK);
  return told.client = make_client(options);
}

static int passes(tidegate_client client, const char *user) {
  int32_t passed = 7;
  CHECK(tidegate_check_gate_json(client, user, TIDEGATE_NUL, "g", TIDEGATE_NUL,
                                 0, &passed) == TIDEGATE_OK);
  return passed;
}

static void network(const char *json) {
  tidegate_client client = listening(json, updated);
  CHECK(tidegate_client_is_initialized(client) == 0);
  CHECK(tidegate_client_initialize(client, PATIENCE_MS) == TIDEGATE_OK);
  CHECK(tidegate_client_is_initialized(client) == 1);
  CHECK(DETAILS("\"source\":\"Network\"") && DETAILS("\"specs_time\":100"));
  EVENTUALLY(SPECS_OF(200));
  end_client(client);
  CHECK(told.updates == 2 && told.times[0] == 100 && told.times[1] == 200);
  EVENTUALLY(told.destroyed == 1);
}

static void failing(const char *json) {
  tidegate_client client = listening(json, updated);
  CHECK(tidegate_client_initialize(client, PATIENCE_MS) == TIDEGATE_OK);
  CHECK(DETAILS("\"init_success\":true") && DETAILS("\"store_populated\":false"));
  CHECK(DETAILS("\"source\":\"Uninitialized\"") && DETAILS("500"));
  CHECK(passes(client, ADA) == 0);
  EVENTUALLY(SPECS_OF(100));
  EVENTUALLY(STATS("\"source\":\"Network\""));
  end_client(client);
}

static void fallback(const char *json) {
  tidegate_client client = listening(json, updated);
  CHECK(tidegate_client_initialize(client, PATIENCE_MS) == TIDEGATE_OK);
  CHECK(DETAILS("\"source\":\"StatsigNetwork\"") &&
        DETAILS("\"fallback_spec_used\":true"));
  end_client(client);
}

static void bootstrap(const char *json) {
  tidegate_client client = listening(json, updated);
  CHECK(tidegate_client_initialize(client, PATIENCE_MS) == TIDEGATE_OK);
  CHECK(DETAILS("\"source\":\"Bootstrap\""));
  EVENTUALLY(SPECS_OF(150));
  EVENTUALLY(STATS("\"source\":\"Network\""));
  end_client(client);
}

static void overdue(const char *json) {
  tidegate_client client = listening(json, updated);
  CHECK(tidegate_client_initialize(client, PATIENCE_MS) == TIDEGATE_E_TIMEOUT);
  CHECK(tidegate_client_is_initialized(client) == 1);
  CHECK(DETAILS("\"timed_out\":true") && DETAILS("\"init_success\":false"));
  CHECK(passes(client, ADA) == 0);
  EVENTUALLY(SPECS_OF(100));
  end_client(client);
  CHECK(told.updates == 1);
}

static void asynchronous(const char *json) {
  tidegate_client client = make_client(make_options(json));
  CHECK(tidegate_client_sync_now(client, 1000) == TIDEGATE_E_STATE);
  CHECK(tidegate_client_initialize_async(client, initialized, &told, destroy) ==
        TIDEGATE_OK);
  CHECK(tidegate_client_wait_initialized(client, PATIENCE_MS) == TIDEGATE_OK);
  EVENTUALLY(told.inits == 1 && told.destroyed == 1);
  CHECK(strstr(told.init_details, "\"source\":\"Network\"") != NULL);
  end_client(client);
  CHECK(told.inits == 1 && told.destroyed == 1);
}

static void ended_by_its_callback(const char *json) {
  tidegate_client client = listening(json, ends_the_client);
  CHECK(tidegate_client_initialize(client, PATIENCE_MS) == TIDEGATE_OK);
  EVENTUALLY(STATS("\"phase\":\"shut_down\"") && STATS("\"thread_alive\":false"));
  CHECK(told.updates == 2);
  CHECK(tidegate_client_initialize(client, 1000) == TIDEGATE_E_STATE);
  CHECK(tidegate_client_release(client) == TIDEGATE_OK);
  EVENTUALLY(told.destroyed == 1);
}

static void bounded(const char *json) {
  tidegate_client client = make_client(make_options(json));
  CHECK(tidegate_client_initialize(client, 50) == TIDEGATE_E_TIMEOUT);
  CHECK(tidegate_client_wait_initialized(client, 10) == TIDEGATE_E_TIMEOUT);
  CHECK(tidegate_client_is_initialized(client) == 0);
  CHECK(tidegate_client_shutdown(client, 10000, NULL) >= TIDEGATE_OK);
  CHECK(tidegate_client_wait_initialized(client, 10) == TIDEGATE_E_STATE);
  CHECK(tidegate_client_release(client) == TIDEGATE_OK);
}

static void ticking(const char *json) {
  uint32_t next_ms = 0;
  tidegate_client client = listening(json, updated);
  CHECK(tidegate_client_tick(client, 1000, &next_ms) == TIDEGATE_E_STATE);
  CHECK(tidegate_client_initialize(client, PATIENCE_MS) == TIDEGATE_OK);
  CHECK(SPECS_OF(100));
  EVENTUALLY(tidegate_client_tick(client, 10000, &next_ms) == TIDEGATE_OK &&
             SPECS_OF(200));
  end_client(client);
  CHECK(told.updates == 2);
}

static void in_a_list(const char *json) {
  tidegate_client client = make_client(make_options(json));
  CHECK(tidegate_client_initialize(client, PATIENCE_MS) == TIDEGATE_OK);
  CHECK(DETAILS("\"id_list_count\":1"));
  CHECK(passes(client, "{\"userID\":\"regular_user_id\"}") == 1);
  CHECK(passes(client, "{\"userID\":\"Marcos\"}") == 0);
  EVENTUALLY(passes(client, "{\"userID\":\"Marcos\"}") == 1);
  CHECK(passes(client, "{\"userID\":\"regular_user_id\"}") == 0);
  end_client(client);
}

/* The store has specs, then loses them, then cannot be written. */
static void store(const char *json) {
  tidegate_options options = make_options(json);
  tidegate_client client;
  use_store(options);
  told.stored_len = (size_t)snprintf(
      told.stored, sizeof told.stored,
      "{\"time\":100,\"has_updates\":true,\"feature_gates\":[],"
      "\"dynamic_configs\":[],\"layer_configs\":[],\"layers\":{}}");
  client = make_client(options);
  CHECK(tidegate_client_initialize(client, PATIENCE_MS) == TIDEGATE_OK);
  CHECK(DETAILS("\"source\":\"DataAdapter\"") && told.gets == 1);
  EVENTUALLY(SPECS_OF(200));
  EVENTUALLY(told.sets == 1);
  CHECK(told.set_time == 200 && told.polls > 0);
  pthread_mutex_lock(&told.lock);
  told.set_fails = told.get_fails = 1;
  pthread_mutex_unlock(&told.lock);
  EVENTUALLY(SPECS_OF(300));
  CHECK(told.shutdowns == 0 && told.destroyed == 0);
  CHECK(tidegate_client_shutdown(client, PATIENCE_MS, NULL) >= TIDEGATE_OK);
  CHECK(told.shutdowns == 1);
  CHECK(tidegate_client_release(client) == TIDEGATE_OK);
  EVENTUALLY(told.destroyed == 1);
  CHECK(told.shutdowns == 1);
}

static void store_that_fails(const char *json) {
  tidegate_options options = make_options(json);
  tidegate_client client;
  use_store(options);
  told.get_fails = 1;
  client = make_client(options);
  CHECK(tidegate_client_initialize(client, PATIENCE_MS) == TIDEGATE_OK);
  CHECK(DETAILS("\"source\":\"Network\"") && DETAILS("\"init_success\":true"));
  end_client(client);
  EVENTUALLY(told.destroyed == 1);
}

static void disk_cache(const char *json) {
  tidegate_client client = make_client(make_options(json));
  CHECK(tidegate_client_initialize(client, PATIENCE_MS) == TIDEGATE_OK);
  CHECK(DETAILS("\"source\":\"DiskCache\"") && SPECS_OF(100));
  end_client(client);
}

static void refused(const char *json) {
  static const char *const keys[] = {"client-abc", "", "secret"};
  size_t i;
  for (i = 0; i < 3; i++) {
    tidegate_options options = make_options(json);
    tidegate_client client = 7;
    CHECK(tidegate_client_new(keys[i], TIDEGATE_NUL, options, &client) ==
          TIDEGATE_E_ARG);
    CHECK(client == 0 && strstr(message(), "secret-") != NULL);
    CHECK(tidegate_options_release(options) == TIDEGATE_OK);
  }
}

static void local(const char *json) {
  tidegate_client client = make_client(make_options(json));
  CHECK(tidegate_client_initialize(client, PATIENCE_MS) == TIDEGATE_OK);
  CHECK(tidegate_client_sync_now(client, PATIENCE_MS) == TIDEGATE_OK);
  CHECK(DETAILS("\"init_success\":true"));
  end_client(client);
}

static void redis(const char *json) {
  tidegate_client client = make_client(make_options(json));
  CHECK(tidegate_client_initialize(client, PATIENCE_MS) == TIDEGATE_OK);
  CHECK(DETAILS("\"source\":\"DataAdapter\"") && SPECS_OF(100));
  end_client(client);
}

static const struct {
  const char *name;
  void (*run)(const char *json);
} scenarios[] = {
    {"network", network},         {"failing", failing},
    {"fallback", fallback},       {"bootstrap", bootstrap},
    {"overdue", overdue},         {"asynchronous", asynchronous},
    {"ended", ended_by_its_callback}, {"bounded", bounded},
    {"ticking", ticking},         {"list", in_a_list},
    {"store", store},             {"store_that_fails", store_that_fails},
    {"disk_cache", disk_cache},   {"refused", refused},
    {"local", local},             {"redis", redis},
};

int main(int argc, char **argv) {
  size_t i;
  begin(argc, argv);
  if (argc != 4) {
    fprintf(stderr, "usage: %s RULES SCENARIO OPTIONS\n", argv[0]);
    return 2;
  }
  for (i = 0; i < sizeof scenarios / sizeof *scenarios; i++) {
    if (strcmp(scenarios[i].name, argv[2]) == 0) {
      scenarios[i].run(argv[3]);
      return end();
    }
  }
  fprintf(stderr, "no scenario %s\n", argv[2]);
  return 2;
}
