/* Sixteen threads ask for entities of their own names and check that each answer is the one for
   the name asked for, while one thread swaps the rules, and clients, users and results come and go. */
#include <pthread.h>
#include <stdarg.h>

#include "world.h"

enum { THREADS = 16, ENTITIES = 64, SPECS_BYTES = 1 << 18 };

struct shared {
  tidegate_client client;
  long rounds;
  int running;
};

struct asker {
  struct shared *shared;
  int number;
};

struct text {
  char *bytes;
  size_t len;
};

static void add(struct text *text, const char *format, ...) {
  va_list arguments;
  int written;
  va_start(arguments, format);
  written = vsnprintf(text->bytes + text->len, SPECS_BYTES - text->len, format,
                      arguments);
  va_end(arguments);
  if (written < 0 || text->len + (size_t)written >= SPECS_BYTES) {
    fprintf(stderr, "the rules do not fit\n");
    exit(2);
  }
  text->len += (size_t)written;
}

/* One entity with a rule for a share of all users, whose rule and value say its name. */
static void add_spec(struct text *text, const char *noun, int number,
                     int percentage, const char *value) {
  add(text,
      "%s{\"name\":\"%s_%d\",\"type\":\"%s\",\"salt\":\"s%d\",\"enabled\":true,"
      "\"defaultValue\":{},\"idType\":\"userID\",\"entity\":\"%s\",\"rules\":[{"
      "\"name\":\"all\",\"id\":\"%s_rule_%d\",\"salt\":\"r\","
      "\"passPercentage\":%d,\"idType\":\"userID\",\"returnValue\":%s,"
      "\"conditions\":[{\"type\":\"public\",\"targetValue\":null,"
      "\"operator\":null,\"field\":null,\"additionalValues\":{},"
      "\"isDeviceBased\":false,\"idType\":\"userID\"}]}]}",
      number == 0 ? "" : ",", noun, number,
      strcmp(noun, "gate") == 0 ? "feature_gate" : "dynamic_config", number,
      strcmp(noun, "gate") == 0 ? "feature_gate" : "dynamic_config", noun,
      number, percentage, value);
}

/* A ruleset. Gates with an odd number pass; the edition differs, the answers do not. */
static char *make_specs(int edition) {
  struct text text = {malloc(SPECS_BYTES), 0};
  int number;
  if (text.bytes == NULL) {
    exit(2);
  }
  add(&text, "{\"has_updates\":true,\"time\":%d,\"feature_gates\":[",
      1000 + edition);
  for (number = 0; number < ENTITIES; number++) {
    add_spec(&text, "gate", number, number % 2 ? 100 : 0, "true");
  }
  add(&text, "],\"dynamic_configs\":[");
  for (number = 0; number < ENTITIES; number++) {
    char value[64];
    snprintf(value, sizeof value, "{\"me\":\"config_%d\",\"n\":%d}", number,
             number);
    add_spec(&text, "config", number, 100, value);
  }
  add(&text, "],\"layer_configs\":[],\"layers\":{},\"edition\":%d}", edition);
  return text.bytes;
}

static void ask_for_gate(tidegate_client client, tidegate_user user,
                         int number) {
  char name[32];
  int32_t passed = 77;
  snprintf(name, sizeof name, "gate_%d", number);
  CHECK(tidegate_check_gate(client, user, name, TIDEGATE_NUL, 0, &passed) ==
        TIDEGATE_OK);
  CHECK(passed == number % 2);
}

/* The result outlives the ruleset it came from. */
static void ask_for_config(tidegate_client client, tidegate_user user,
                           int number) {
  char name[32], rule[32];
  tidegate_result result = 0;
  const char *text = NULL;
  int64_t n = -1;
  snprintf(name, sizeof name, "config_%d", number);
  snprintf(rule, sizeof rule, "config_rule_%d", number);
  CHECK(tidegate_get_config(client, user, name, TIDEGATE_NUL, 0, &result) ==
        TIDEGATE_OK);
  CHECK_TEXT(tidegate_result_name(result, NULL), name);
  CHECK_TEXT(tidegate_result_rule_id(result, NULL), rule);
  CHECK(tidegate_result_get_str(result, "me", TIDEGATE_NUL, &text, NULL) ==
        TIDEGATE_OK);
  CHECK_TEXT(text, name);
  CHECK(tidegate_result_get_i64(result, "n", TIDEGATE_NUL, -1, &n) ==
        TIDEGATE_OK);
  CHECK(n == number);
  CHECK(tidegate_result_release(result) == TIDEGATE_OK);
}

static void *ask(void *argument) {
  struct asker *asker = argument;
  struct shared *shared = asker->shared;
  char id[64];
  long round;
  for (round = 0; round < shared->rounds; round++) {
    int number = (asker->number + (int)(round % ENTITIES)) % ENTITIES;
    tidegate_user user;
    snprintf(id, sizeof id, "{\"userID\":\"user-%d-%ld\"}", asker->number,
             round);
    user = make_user(id);
    ask_for_gate(shared->client, user, number);
    ask_for_config(shared->client, user, number);
    CHECK(tidegate_user_release(user) == TIDEGATE_OK);
    CHECK(tidegate_user_release(user) == TIDEGATE_E_HANDLE);
  }
  __atomic_fetch_sub(&shared->running, 1, __ATOMIC_RELEASE);
  return NULL;
}

int main(int argc, char **argv) {
  static struct shared shared;
  pthread_t threads[THREADS];
  struct asker askers[THREADS];
  char *specs;
  int number, edition;
  begin(argc, argv);
  shared.rounds = (argc > 2 ? atol(argv[2]) : 100) / 10 + 1;
  shared.client = make_client(make_options("{\"local_mode\":true}"));
  CHECK(tidegate_client_initialize(shared.client, 30000) == TIDEGATE_OK);
  specs = make_specs(0);
  CHECK(tidegate_client_update_specs(shared.client, specs, TIDEGATE_NUL) ==
        TIDEGATE_OK);
  free(specs);
  shared.running = THREADS;
  for (number = 0; number < THREADS; number++) {
    askers[number].shared = &shared;
    askers[number].number = number;
    CHECK(pthread_create(&threads[number], NULL, ask, &askers[number]) == 0);
  }
  /* Rules of a later time replace those of an earlier one, not the other way round. */
  for (edition = 1; __atomic_load_n(&shared.running, __ATOMIC_ACQUIRE) > 0;
       edition++) {
    tidegate_client brief = make_client(make_options(LOCAL));
    specs = make_specs(edition);
    CHECK(tidegate_client_update_specs(shared.client, specs, TIDEGATE_NUL) ==
          TIDEGATE_OK);
    free(specs);
    end_client(brief);
  }
  for (number = 0; number < THREADS; number++) {
    CHECK(pthread_join(threads[number], NULL) == 0);
  }
  end_client(shared.client);
  return end();
}
