/* Many lives of clients in few slots: an id of an earlier client never reaches a later one, from
   whichever thread, and each client is released once. The second argument is the number of
   lives. */
#include <pthread.h>
#include <sched.h>

#include "world.h"

enum { THREADS = 3, TEXT_SIZE = 64 };

/* The low half of an id is the slot; nobody but a test of the slots has to know. */
static unsigned slot_of(tidegate_client client) {
  return (unsigned)(client & 0xffffffffu);
}

/* A client that can be told from others: its overrides hold a number. */
static tidegate_client numbered(tidegate_options options, long number) {
  char config[TEXT_SIZE];
  tidegate_client client = 0;
  CHECK(tidegate_client_new(KEY, TIDEGATE_NUL, options, &client) ==
        TIDEGATE_OK);
  snprintf(config, sizeof config, "{\"number\":%ld}", number);
  CHECK(tidegate_override(client, TIDEGATE_CONFIG, "life", TIDEGATE_NUL, config,
                          TIDEGATE_NUL, NULL, 0) == TIDEGATE_OK);
  return client;
}

/* Whether the id still leads to a client, which then has to be the one with this number. */
static int is_alive(tidegate_client client, long number) {
  char config[TEXT_SIZE];
  tidegate_buf *overrides = NULL;
  tidegate_status status = tidegate_dump_overrides(client, &overrides);
  if (status == TIDEGATE_E_HANDLE) {
    CHECK(overrides == NULL);
    return 0;
  }
  CHECK(status == TIDEGATE_OK);
  snprintf(config, sizeof config, "{\"number\":%ld}", number);
  CHECK_OWNED(overrides, config);
  return 1;
}

static void is_refused(tidegate_client client, tidegate_user user) {
  tidegate_flush_info info;
  int32_t passed = 77;
  info.struct_size = sizeof info;
  CHECK(!is_alive(client, -1));
  CHECK(tidegate_check_gate(client, user, "g", 1, 0, &passed) ==
        TIDEGATE_E_HANDLE);
  CHECK(passed == 0);
  CHECK(tidegate_log_event(client, user, "e", 1, NULL, NULL, 0, NULL, 0) ==
        TIDEGATE_E_HANDLE);
  CHECK(tidegate_client_is_initialized(client) == 0);
  CHECK(tidegate_client_initialize(client, 0) == TIDEGATE_E_HANDLE);
  CHECK(tidegate_client_shutdown(client, 0, &info) == TIDEGATE_E_HANDLE);
  CHECK(tidegate_client_release(client) == TIDEGATE_E_HANDLE);
}

/* One client at a time needs one slot, and never gets an id twice. */
static void one_after_the_other(tidegate_options options, long lives) {
  tidegate_client *earlier = calloc((size_t)lives, sizeof *earlier);
  tidegate_user user = make_user(ADA);
  long number, other;
  CHECK(earlier != NULL);
  for (number = 0; number < lives; number++) {
    tidegate_client client = numbered(options, number);
    CHECK(number == 0 || slot_of(client) == slot_of(earlier[0]));
    for (other = 0; other < number; other++) {
      CHECK(earlier[other] != client);
    }
    if (number > 0) {
      is_refused(earlier[number - 1], user);
      is_refused(earlier[number / 2], user);
    }
    CHECK(is_alive(client, number));
    CHECK(tidegate_client_release(client) == TIDEGATE_OK);
    earlier[number] = client;
  }
  CHECK(tidegate_user_release(user) == TIDEGATE_OK);
  free(earlier);
}

/* As many slots as clients at once. */
static void some_at_once(tidegate_options options) {
  enum { CLIENTS = 20, ROUNDS = 5 };
  tidegate_client clients[CLIENTS];
  unsigned highest = 0;
  int round, number;
  for (round = 0; round < ROUNDS; round++) {
    for (number = 0; number < CLIENTS; number++) {
      clients[number] = numbered(options, number);
      if (slot_of(clients[number]) > highest) {
        highest = slot_of(clients[number]);
      }
    }
    for (number = 0; number < CLIENTS; number++) {
      CHECK(is_alive(clients[number], number));
      CHECK(tidegate_client_release(clients[number]) == TIDEGATE_OK);
    }
  }
  CHECK(highest < CLIENTS);
}

struct shared {
  tidegate_options options;
  long lives;
  /* Written before `made` says so. */
  tidegate_client *clients;
  int *releases;
  long made;
  long refused;
};

static void release(struct shared *shared, long number) {
  tidegate_status status = tidegate_client_release(shared->clients[number]);
  CHECK(status == TIDEGATE_OK || status == TIDEGATE_E_HANDLE);
  if (status == TIDEGATE_OK) {
    __atomic_fetch_add(&shared->releases[number], 1, __ATOMIC_RELAXED);
  } else {
    __atomic_fetch_add(&shared->refused, 1, __ATOMIC_RELAXED);
  }
}

/* Uses the latest clients, which others end at any time, and releases them too. */
static void *use(void *argument) {
  struct shared *shared = argument;
  long seen = 0;
  while (seen < shared->lives) {
    long number, made = __atomic_load_n(&shared->made, __ATOMIC_ACQUIRE);
    if (made == seen) {
      sched_yield();
      continue;
    }
    seen = made;
    for (number = made - 1; number >= 0 && number > made - 4; number--) {
      is_alive(shared->clients[number], number);
      release(shared, number);
      CHECK(!is_alive(shared->clients[number], number));
    }
  }
  return NULL;
}

static void from_several_threads(tidegate_options options, long lives) {
  struct shared shared = {0, 0, NULL, NULL, 0, 0};
  pthread_t threads[THREADS];
  long number;
  shared.options = options;
  shared.lives = lives;
  shared.clients = calloc((size_t)lives, sizeof *shared.clients);
  shared.releases = calloc((size_t)lives, sizeof *shared.releases);
  CHECK(shared.clients != NULL && shared.releases != NULL);
  for (number = 0; number < THREADS; number++) {
    CHECK(pthread_create(&threads[number], NULL, use, &shared) == 0);
  }
  for (number = 0; number < lives; number++) {
    shared.clients[number] = numbered(options, number);
    __atomic_store_n(&shared.made, number + 1, __ATOMIC_RELEASE);
    if (number % 2 == 0) {
      release(&shared, number);
    }
  }
  for (number = 0; number < THREADS; number++) {
    CHECK(pthread_join(threads[number], NULL) == 0);
  }
  for (number = 0; number < lives; number++) {
    release(&shared, number);
    CHECK(shared.releases[number] == 1);
  }
  /* Half of them were released before the last loop came to them. */
  CHECK(shared.refused >= lives / 2);
  free(shared.clients);
  free(shared.releases);
}

int main(int argc, char **argv) {
  long lives = argc > 2 ? atol(argv[2]) : 100;
  tidegate_options options;
  begin(argc, argv);
  options = make_options(LOCAL);
  some_at_once(options);
  one_after_the_other(options, lives);
  from_several_threads(options, lives);
  CHECK(tidegate_options_release(options) == TIDEGATE_OK);
  return end();
}
