/* Two threads: one client and one user shared while ids are released, specs swapped, and the client
   shut down under them. */
#include <pthread.h>

#include "world.h"

enum { ROUNDS = 200, CALLS = 50 };

struct shared {
  tidegate_client client;
  /* Replaced and released by one thread while the other uses it. */
  tidegate_user user;
  tidegate_result result;
  int stop;
};

static int allowed(tidegate_status status) {
  return status == TIDEGATE_OK || status == TIDEGATE_E_HANDLE ||
         status == TIDEGATE_E_STATE;
}

static void *use(void *argument) {
  struct shared *shared = argument;
  long answers = 0;
  while (!__atomic_load_n(&shared->stop, __ATOMIC_ACQUIRE)) {
    tidegate_user user = __atomic_load_n(&shared->user, __ATOMIC_ACQUIRE);
    tidegate_result result = __atomic_load_n(&shared->result, __ATOMIC_ACQUIRE);
    tidegate_result mine = 0;
    tidegate_buf *json = NULL;
    int32_t passed = 77;
    tidegate_status status = tidegate_check_gate(
        shared->client, user, "employees_only", TIDEGATE_NUL, 0, &passed);
    CHECK(allowed(status));
    CHECK(passed == (status == TIDEGATE_OK));
    answers += status == TIDEGATE_OK;
    CHECK(allowed(tidegate_result_to_json(result, &json)));
    tidegate_buf_free(json);
    status = tidegate_get_layer(shared->client, user, "checkout_layer",
                                TIDEGATE_NUL, 0, &mine);
    CHECK(allowed(status));
    if (status == TIDEGATE_OK) {
      const char *text = NULL;
      CHECK(tidegate_result_get_str(mine, "button_text", TIDEGATE_NUL, &text,
                                    NULL) == TIDEGATE_OK);
      CHECK(text != NULL && strlen(text) > 0);
    }
    CHECK(tidegate_result_release(mine) == TIDEGATE_OK);
  }
  CHECK(answers > 0);
  return NULL;
}

int main(int argc, char **argv) {
  struct shared shared = {0, 0, 0, 0};
  pthread_t thread;
  int round, call;
  begin(argc, argv);
  shared.client = ready_client(make_options("{\"local_mode\":true}"));
  shared.user = make_user(ADA);
  CHECK(pthread_create(&thread, NULL, use, &shared) == 0);
  for (round = 0; round < ROUNDS; round++) {
    tidegate_user old_user;
    tidegate_result fresh = 0, old_result;
    tidegate_client brief;
    for (call = 0; call < CALLS; call++) {
      CHECK(tidegate_get_gate(shared.client, shared.user, "new_checkout",
                              TIDEGATE_NUL, 0, &fresh) == TIDEGATE_OK);
      old_result =
          __atomic_exchange_n(&shared.result, fresh, __ATOMIC_ACQ_REL);
      CHECK(tidegate_result_release(old_result) == TIDEGATE_OK);
    }
    old_user =
        __atomic_exchange_n(&shared.user, make_user(ADA), __ATOMIC_ACQ_REL);
    CHECK(tidegate_user_release(old_user) == TIDEGATE_OK);
    CHECK(tidegate_user_release(old_user) == TIDEGATE_E_HANDLE);
    CHECK(tidegate_client_update_specs(shared.client, rules, TIDEGATE_NUL) ==
          TIDEGATE_OK);
    brief = make_client(0);
    CHECK(tidegate_client_release(brief) == TIDEGATE_OK);
  }
  CHECK(tidegate_client_shutdown(shared.client, 30000, NULL) >= TIDEGATE_OK);
  CHECK(tidegate_client_release(shared.client) == TIDEGATE_OK);
  __atomic_store_n(&shared.stop, 1, __ATOMIC_RELEASE);
  CHECK(pthread_join(thread, NULL) == 0);
  CHECK(tidegate_user_release(shared.user) == TIDEGATE_OK);
  CHECK(tidegate_result_release(shared.result) == TIDEGATE_OK);
  return end();
}
