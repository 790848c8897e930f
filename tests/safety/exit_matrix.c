/* Ways to end a process that has a client, none of which shuts it down by the book. No way crashes or
   hangs, and with a spool no accepted event is lost: the next process delivers it. */
#include <pthread.h>

#include "stage.h"

static tidegate_client client;
static tidegate_user user;

static void start_with(tidegate_options options) {
  user = make_user(ADA);
  client = started(options);
  CHECK(passes(client, user) == 1);
  log_some(client, user, "end");
}

static void start(void) { start_with(make_options(options_json)); }

static void *flush(void *unused) {
  tidegate_client_flush(client, WAIT_MS, NULL);
  return unused;
}

static void begin_thread(void *(*body)(void *)) {
  pthread_t thread;
  CHECK(pthread_create(&thread, NULL, body, NULL) == 0);
  CHECK(pthread_detach(thread) == 0);
}

static void return_from_main(void) { start(); }

static void exit_early(void) {
  start();
  exit(end());
}

static void during_init(void) {
  user = make_user(ADA);
  client = make_client(make_options(options_json));
  CHECK(tidegate_client_initialize(client, 0) == TIDEGATE_OK);
  ask("the first request for specs");
}

static void during_flush(void) {
  start();
  begin_thread(flush);
  ask("the first delivery");
  log_some(client, user, "late");
}

static void before_init(void) {
  client = make_client(make_options(options_json));
}

static void *leave(void *unused) {
  exit(0);
  return unused;
}

static void from_a_thread(void) {
  start();
  begin_thread(leave);
  for (;;) {
    pause();
  }
}

static void rules_come(void *unused, int64_t time_ms, const char *specs,
                       size_t len) {
  (void)unused;
  (void)time_ms;
  (void)specs;
  (void)len;
  /* Not for the rules of initialize: the events are logged after those. */
  if (__atomic_load_n(&client, __ATOMIC_ACQUIRE) != 0) {
    exit(0);
  }
}

/* On a thread of the library. */
static void from_a_callback(void) {
  tidegate_options options = make_options(options_json);
  tidegate_client made;
  CHECK(tidegate_options_set_rules_callback(options, rules_come, NULL, NULL) ==
        TIDEGATE_OK);
  made = started(options);
  user = make_user(ADA);
  CHECK(passes(made, user) == 1);
  log_some(made, user, "end");
  __atomic_store_n(&client, made, __ATOMIC_RELEASE);
  ask("newer specs");
  for (;;) {
    pause();
  }
}

static void *work(void *unused) {
  int number = 0;
  for (;;) {
    tidegate_user own = make_user(ADA);
    passes(client, own);
    if (++number % 20 == 0) {
      tidegate_log_event(client, own, "statsig::nobody_counts", TIDEGATE_NUL,
                         NULL, NULL, 0, NULL, 0);
    }
    tidegate_user_release(own);
  }
  return unused;
}

static void while_threads_evaluate(void) {
  int number;
  start();
  for (number = 0; number < 4; number++) {
    begin_thread(work);
  }
  usleep(5000);
}

static void shut_down(void) {
  CHECK(tidegate_client_shutdown(client, 1000, NULL) >= TIDEGATE_OK);
  CHECK(tidegate_callbacks_close(client, 1000) == TIDEGATE_OK);
}

/* The host's own handler, before and after the library's. */
static void host_handler_last(void) {
  CHECK(atexit(shut_down) == 0);
  start();
}

static void host_handler_first(void) {
  start();
  CHECK(atexit(shut_down) == 0);
}

/* Three events, the exposure of the gate, and what the library reports of itself. */
static void until_spooled(void) {
  until_stat(client, "\"spooled\":", 4, 100);
  until_stat(client, "\"queued\":", 0, 0);
}

static void underscore_exit(void) {
  start();
  until_spooled();
  _exit(end());
}

static void sigterm(void) {
  start();
  until_spooled();
  ask("SIGTERM");
  for (;;) {
    pause();
  }
}

static volatile sig_atomic_t is_asked_to_end;

static void note(int number) {
  (void)number;
  is_asked_to_end = 1;
}

static void sigterm_handled(void) {
  signal(SIGTERM, note);
  start();
  ask("SIGTERM");
  while (!is_asked_to_end) {
    usleep(1000);
  }
}

/* A forked child has the handler, too, and a spool of its own. */
static void in_a_child(void) {
  pid_t child;
  int status = -1;
  start();
  child = fork();
  if (child == 0) {
    bound_process();
    CHECK(passes(client, user) == 1);
    log_some(client, user, "child");
    exit(end());
  }
  CHECK(waitpid(child, &status, 0) == child);
  CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
  log_some(client, user, "late");
}

/* Released, which stops without waiting. */
static void released(void) {
  start();
  CHECK(tidegate_client_release(client) == TIDEGATE_OK);
}

static void without_threads(void) {
  start_with(options_with("\"threads\":\"none\""));
}

/* What the next process does: it delivers what was left. */
static void collect(void) {
  client = started(make_options(options_json));
  CHECK(tidegate_client_flush(client, WAIT_MS, NULL) == TIDEGATE_OK);
  until_stat(client, "\"waiting\":", 0, 0);
  end_client(client);
}

int main(int argc, char **argv) {
  static const scenario all[] = {
      {"return_from_main", return_from_main},
      {"exit_early", exit_early},
      {"before_init", before_init},
      {"during_init", during_init},
      {"during_flush", during_flush},
      {"from_a_thread", from_a_thread},
      {"from_a_callback", from_a_callback},
      {"while_threads_evaluate", while_threads_evaluate},
      {"host_handler_last", host_handler_last},
      {"host_handler_first", host_handler_first},
      {"underscore_exit", underscore_exit},
      {"sigterm", sigterm},
      {"sigterm_handled", sigterm_handled},
      {"in_a_child", in_a_child},
      {"released", released},
      {"without_threads", without_threads},
      {"collect", collect},
  };
  return run_scenario(argc, argv, all, sizeof all / sizeof *all);
}
