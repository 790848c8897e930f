/* A forked child evaluates at once with the rules of its parent, with and without explicit hooks,
   also when the fork happens while another thread makes and releases ids. */
#include <pthread.h>
#include <sys/wait.h>
#include <unistd.h>

#include "world.h"

static tidegate_client client;
static tidegate_user user;
static int stop;

static void *churn(void *unused) {
  while (!__atomic_load_n(&stop, __ATOMIC_ACQUIRE)) {
    CHECK(tidegate_user_release(make_user(ADA)) == TIDEGATE_OK);
  }
  return unused;
}

/* What a child does: everything, with inherited and with new ids. */
static void live(void) {
  tidegate_user own = make_user(ADA);
  tidegate_result result = 0;
  tidegate_buf *json = NULL;
  int32_t passed = 0;
  CHECK(tidegate_check_gate(client, user, "employees_only", TIDEGATE_NUL, 0,
                            &passed) == TIDEGATE_OK);
  CHECK(passed == 1);
  CHECK(tidegate_get_layer(client, own, "checkout_layer", TIDEGATE_NUL, 0,
                           &result) == TIDEGATE_OK);
  CHECK(tidegate_result_get_bool(result, "show_reviews", TIDEGATE_NUL, 0,
                                 &passed) == TIDEGATE_OK);
  CHECK(tidegate_result_release(result) == TIDEGATE_OK);
  CHECK(tidegate_user_release(own) == TIDEGATE_OK);
  CHECK(tidegate_client_stats(client, &json) == TIDEGATE_OK);
  CHECK(strstr(tidegate_buf_data(json), "\"fork_generation\":0") == NULL);
  tidegate_buf_free(json);
}

static void join(pid_t child) {
  int status = -1;
  CHECK(waitpid(child, &status, 0) == child);
  CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

static void fork_once(int explicitly, int nested) {
  pid_t child;
  if (explicitly) {
    CHECK(tidegate_before_fork() == TIDEGATE_OK);
    /* A host may still call between its hook and the fork. */
    CHECK(tidegate_user_release(make_user(ADA)) == TIDEGATE_OK);
  }
  child = fork();
  if (child == 0) {
    alarm(60);
    if (explicitly) {
      CHECK(tidegate_after_fork_child() == TIDEGATE_OK);
    }
    live();
    if (nested) {
      fork_once(explicitly, 0);
    }
    _exit(failures == 0 ? 0 : 1);
  }
  CHECK(child > 0);
  if (explicitly) {
    CHECK(tidegate_after_fork_parent() == TIDEGATE_OK);
  }
  join(child);
}

int main(int argc, char **argv) {
  pthread_t thread;
  int32_t passed = 0;
  int round;
  begin(argc, argv);
  CHECK(tidegate_after_fork_child() == TIDEGATE_OK);
  client = ready_client(make_options("{\"local_mode\":true}"));
  user = make_user(ADA);
  fork_once(0, 1);
  fork_once(1, 1);
  /* What another thread was making is lost to the child, which leak checkers resent: only in long
     runs. */
  if (argc > 2 && atol(argv[2]) >= 1000) {
    CHECK(pthread_create(&thread, NULL, churn, NULL) == 0);
    for (round = 0; round < 100; round++) {
      fork_once(round % 2, 0);
    }
    __atomic_store_n(&stop, 1, __ATOMIC_RELEASE);
    CHECK(pthread_join(thread, NULL) == 0);
  }
  CHECK(tidegate_check_gate(client, user, "employees_only", TIDEGATE_NUL, 0,
                            &passed) == TIDEGATE_OK);
  CHECK(passed == 1);
  CHECK(tidegate_user_release(user) == TIDEGATE_OK);
  end_client(client);
  return end();
}
