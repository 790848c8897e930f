/* A fork in each phase of a client's life. The child evaluates at once, syncs and delivers by itself;
   the parent goes on as if nothing had happened. */
#include <netdb.h>
#include <pthread.h>
#include <dlfcn.h>
#include <sys/syscall.h>

#include "stage.h"

static tidegate_client client;
static tidegate_user user;

/* Delivers and ends, in a process of its own. */
static void deliver_and_end(const char *who) {
  tidegate_flush_info info;
  log_some(client, user, who);
  info.struct_size = sizeof info;
  CHECK(tidegate_client_flush(client, WAIT_MS, &info) == TIDEGATE_OK);
  CHECK(info.sent >= 3 && info.queued == 0 && info.dropped == 0);
  log_some(client, user, "last");
  CHECK(tidegate_client_shutdown(client, WAIT_MS, NULL) == TIDEGATE_OK);
}

/* A client that lives briefly, in a slot that others had and will have. */
static void live_briefly(void) {
  tidegate_client brief = make_client(make_options(LOCAL));
  CHECK(tidegate_client_initialize(brief, WAIT_MS) == TIDEGATE_OK);
  CHECK(tidegate_client_is_initialized(brief) == 1);
  CHECK(tidegate_client_release(brief) == TIDEGATE_OK);
  CHECK(tidegate_client_release(brief) == TIDEGATE_E_HANDLE);
}

/* All that a child does, the first call at once. */
static void live(void) {
  tidegate_user own;
  CHECK(passes(client, user) == 1);
  own = make_user(ADA);
  CHECK(passes(client, own) == 1);
  CHECK(tidegate_user_release(own) == TIDEGATE_OK);
  live_briefly();
  CHECK(tidegate_client_sync_now(client, WAIT_MS) == TIDEGATE_OK);
  CHECK(passes(client, user) == 1);
  deliver_and_end("child");
}

static void await(pid_t child) {
  int status = -1;
  CHECK(child > 0 && waitpid(child, &status, 0) == child);
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
    fprintf(stderr, "a child ended with %d\n", status);
    failures++;
  }
}

static void begin_child(void) {
  bound_process();
  failures = 0;
  CHECK(threads() == 1);
}

/* Ends without what the parent registered for its own end. */
static void end_child(void) { _exit(failures == 0 ? 0 : 1); }

/* A child that lives after it has made a first call of its own. */
static void fork_and(void (*first)(void)) {
  pid_t child = fork();
  if (child == 0) {
    begin_child();
    first();
    live();
    end_child();
  }
  await(child);
}

static void nothing(void) {}

static void fork_and_live(void) { fork_and(nothing); }

static void start(void) {
  user = make_user(ADA);
  client = started(make_options(options_json));
  CHECK(passes(client, user) == 1);
  log_some(client, user, "before");
}

static void finish(void) {
  CHECK(passes(client, user) == 1);
  CHECK(tidegate_client_sync_now(client, WAIT_MS) == TIDEGATE_OK);
  log_some(client, user, "after");
  end_client(client);
  CHECK(tidegate_user_release(user) == TIDEGATE_OK);
}

static void idle(void) {
  start();
  fork_and_live();
  fork_and_live();
  finish();
}

static void initialize(void) {
  CHECK(tidegate_client_initialize(client, WAIT_MS) == TIDEGATE_OK);
}

static void wait_initialized(void) {
  CHECK(tidegate_client_wait_initialized(client, WAIT_MS) == TIDEGATE_OK);
}

/* A client that was made, and nothing more. */
static void before_init(void) {
  user = make_user(ADA);
  client = make_client(make_options(options_json));
  fork_and(initialize);
  initialize();
  finish();
}

/* The library is loaded, and no client was ever made. */
static void before_any_client(void) {
  fork_and(start);
  start();
  fork_and_live();
  finish();
}

static void evaluate_too_early(void) {
  int32_t passed;
  CHECK(tidegate_check_gate(client, user, "employees_only", TIDEGATE_NUL, 0,
                            &passed) == TIDEGATE_E_STATE);
  wait_initialized();
}

/* The rules are on their way. What a child calls first must not matter. */
static void during_init(void) {
  user = make_user(ADA);
  client = make_client(make_options(options_json));
  CHECK(tidegate_client_initialize_async(client, NULL, NULL, NULL) ==
        TIDEGATE_OK);
  ask("the first request for specs");
  fork_and(initialize);
  fork_and(evaluate_too_early);
  fork_and(wait_initialized);
  CHECK(tidegate_client_is_initialized(client) == 0);
  ask("open");
  wait_initialized();
  finish();
}

static void mid_sync(void) {
  start();
  ask("the second request for specs");
  fork_and_live();
  ask("open");
  finish();
}

static void *flush(void *unused) {
  CHECK(tidegate_client_flush(client, WAIT_MS, NULL) == TIDEGATE_OK);
  return unused;
}

static void mid_flush(void) {
  pthread_t thread;
  start();
  CHECK(pthread_create(&thread, NULL, flush, NULL) == 0);
  ask("the first delivery");
  fork_and_live();
  ask("open");
  CHECK(pthread_join(thread, NULL) == 0);
  finish();
}

/* A resolver that answers when it is told to, and at once in children. */
static pid_t slow_process;
static int is_inside;
static int is_answered;

typedef int getaddrinfo_fn(const char *, const char *, const struct addrinfo *,
                           struct addrinfo **);

int getaddrinfo(const char *name, const char *service,
                const struct addrinfo *hints, struct addrinfo **found) {
  getaddrinfo_fn *real;
  void *symbol = dlsym(RTLD_NEXT, "getaddrinfo");
  memcpy(&real, &symbol, sizeof real);
  if (name != NULL && strcmp(name, "slow.test") == 0) {
    name = "127.0.0.1";
    if (getpid() == slow_process) {
      __atomic_store_n(&is_inside, 1, __ATOMIC_RELEASE);
      while (!__atomic_load_n(&is_answered, __ATOMIC_ACQUIRE)) {
        usleep(1000);
      }
    }
  }
  return real(name, service, hints, found);
}

static void mid_dns(void) {
  int round;
  slow_process = getpid();
  user = make_user(ADA);
  client = make_client(make_options(options_json));
  CHECK(tidegate_client_initialize(client, 0) == TIDEGATE_OK);
  while (!__atomic_load_n(&is_inside, __ATOMIC_ACQUIRE)) {
    usleep(1000);
  }
  for (round = 0; round < 2; round++) {
    fork_and(wait_initialized);
  }
  __atomic_store_n(&is_answered, 1, __ATOMIC_RELEASE);
  wait_initialized();
  finish();
}

static void nested(void) {
  pid_t child;
  start();
  child = fork();
  if (child == 0) {
    pid_t grandchild;
    begin_child();
    CHECK(passes(client, user) == 1);
    log_some(client, user, "between");
    grandchild = fork();
    if (grandchild == 0) {
      begin_child();
      live();
      end_child();
    }
    await(grandchild);
    fork_and_live();
    CHECK(tidegate_client_sync_now(client, WAIT_MS) == TIDEGATE_OK);
    deliver_and_end("child");
    end_child();
  }
  await(child);
  finish();
}

static int is_over;

/* Evaluates, makes and releases users and clients, and logs now and then. */
static void *work(void *unused) {
  static int logged;
  int number = 0;
  while (!__atomic_load_n(&is_over, __ATOMIC_ACQUIRE)) {
    tidegate_user own = make_user(ADA);
    CHECK(passes(client, own) == 1);
    CHECK(passes(client, user) == 1);
    if (++number % 50 == 0) {
      log_one(client, own, "thread",
              __atomic_add_fetch(&logged, 1, __ATOMIC_RELAXED));
    }
    live_briefly();
    CHECK(tidegate_user_release(own) == TIDEGATE_OK);
  }
  return unused;
}

static void parent_threads(void) {
  enum { THREADS = 4, FORKS = 8 };
  pthread_t workers[THREADS];
  int number;
  start();
  for (number = 0; number < THREADS; number++) {
    CHECK(pthread_create(&workers[number], NULL, work, NULL) == 0);
  }
  for (number = 0; number < FORKS; number++) {
    fork_and_live();
  }
  __atomic_store_n(&is_over, 1, __ATOMIC_RELEASE);
  for (number = 0; number < THREADS; number++) {
    CHECK(pthread_join(workers[number], NULL) == 0);
  }
  finish();
}

static void on_fork(void) {
  tidegate_client only_evaluates, disabled, unready;
  pid_t child;
  start();
  only_evaluates = started(options_with("\"on_fork\":\"evaluate_only\""));
  disabled = started(options_with("\"on_fork\":\"disable\""));
  unready = make_client(options_with("\"on_fork\":\"evaluate_only\""));
  child = fork();
  if (child == 0) {
    int32_t passed;
    begin_child();
    CHECK(passes(only_evaluates, user) == 1);
    CHECK(tidegate_log_event(only_evaluates, user, "nobody expects", 14, NULL,
                             NULL, 0, NULL, 0) == TIDEGATE_OK);
    CHECK(tidegate_client_sync_now(only_evaluates, 0) == TIDEGATE_E_FORK);
    CHECK(tidegate_client_initialize(only_evaluates, 0) == TIDEGATE_OK);
    CHECK(tidegate_client_flush(only_evaluates, WAIT_MS, NULL) == TIDEGATE_OK);
    CHECK(tidegate_client_initialize(unready, WAIT_MS) == TIDEGATE_E_FORK);
    CHECK(tidegate_client_wait_initialized(unready, WAIT_MS) ==
          TIDEGATE_E_FORK);
    CHECK(tidegate_check_gate(disabled, user, "employees_only", TIDEGATE_NUL, 0,
                              &passed) == TIDEGATE_E_FORK);
    CHECK(passed == 0);
    CHECK(tidegate_client_initialize(disabled, WAIT_MS) == TIDEGATE_E_FORK);
    CHECK(tidegate_client_flush(disabled, 0, NULL) == TIDEGATE_E_FORK);
    CHECK(threads() == 1);
    end_client(only_evaluates);
    end_client(disabled);
    end_client(unready);
    CHECK(threads() == 1);
    live();
    end_child();
  }
  await(child);
  log_some(only_evaluates, user, "evaluates");
  log_some(disabled, user, "disabled");
  end_client(only_evaluates);
  end_client(disabled);
  end_client(unready);
  finish();
}

static void explicit_hooks(void) {
  int round;
  start();
  for (round = 0; round < 2; round++) {
    pid_t child;
    CHECK(tidegate_before_fork() == TIDEGATE_OK);
    child = fork();
    if (child == 0) {
      begin_child();
      CHECK(tidegate_after_fork_child() == TIDEGATE_OK);
      CHECK(tidegate_after_fork_child() == TIDEGATE_OK);
      live();
      end_child();
    }
    CHECK(tidegate_after_fork_parent() == TIDEGATE_OK);
    await(child);
  }
  finish();
}

/* Past the C library, as some hosts fork: with hooks, and with nobody to tell. Other threads of the
   parent have to be quiet, as nobody cares for the allocator's locks. */
static void raw_fork(void) {
  int round;
  start();
  for (round = 0; round < 2; round++) {
    pid_t child;
    usleep(1000);
    CHECK(tidegate_before_fork() == TIDEGATE_OK);
    child = (pid_t)syscall(SYS_clone, SIGCHLD, NULL, NULL, NULL, NULL);
    if (child == 0) {
      begin_child();
      if (round == 0) {
        CHECK(tidegate_after_fork_child() == TIDEGATE_OK);
        live();
      } else {
        log_some(client, user, "untold");
        CHECK(tidegate_client_sync_now(client, WAIT_MS) == TIDEGATE_OK);
        deliver_and_end("child");
      }
      end_child();
    }
    CHECK(tidegate_after_fork_parent() == TIDEGATE_OK);
    await(child);
  }
  finish();
}

/* A client whose work is done by its callers. */
static void without_threads(void) {
  pid_t child;
  user = make_user(ADA);
  client = started(options_with("\"threads\":\"none\""));
  log_some(client, user, "before");
  child = fork();
  if (child == 0) {
    begin_child();
    CHECK(passes(client, user) == 1);
    CHECK(tidegate_client_tick(client, WAIT_MS, NULL) == TIDEGATE_OK);
    live();
    CHECK(threads() == 1);
    end_child();
  }
  await(child);
  finish();
}

/* A fork for the sake of another program costs nothing: no thread, no file. */
static void then_exec(void) {
  pid_t child;
  start();
  child = fork();
  if (child == 0) {
    begin_child();
    execl("/bin/true", "true", (char *)NULL);
    _exit(7);
  }
  await(child);
  finish();
}

static void *resolve(void *unused) {
  while (!__atomic_load_n(&is_over, __ATOMIC_ACQUIRE)) {
    struct addrinfo *found = NULL;
    if (getaddrinfo("localhost", "80", NULL, &found) == 0) {
      freeaddrinfo(found);
    }
  }
  return unused;
}

/* The system's resolver is busy in other threads whenever a fork comes. */
static void busy_resolver(void) {
  enum { THREADS = 2, FORKS = 8 };
  pthread_t workers[THREADS];
  int number;
  for (number = 0; number < THREADS; number++) {
    CHECK(pthread_create(&workers[number], NULL, resolve, NULL) == 0);
  }
  start();
  for (number = 0; number < FORKS; number++) {
    fork_and_live();
  }
  __atomic_store_n(&is_over, 1, __ATOMIC_RELEASE);
  for (number = 0; number < THREADS; number++) {
    CHECK(pthread_join(workers[number], NULL) == 0);
  }
  finish();
}

int main(int argc, char **argv) {
  static const scenario all[] = {
      {"idle", idle},
      {"before_any_client", before_any_client},
      {"before_init", before_init},
      {"during_init", during_init},
      {"mid_sync", mid_sync},
      {"mid_dns", mid_dns},
      {"mid_flush", mid_flush},
      {"nested", nested},
      {"parent_threads", parent_threads},
      {"on_fork", on_fork},
      {"explicit_hooks", explicit_hooks},
      {"raw_fork", raw_fork},
      {"without_threads", without_threads},
      {"then_exec", then_exec},
      {"busy_resolver", busy_resolver},
  };
  return run_scenario(argc, argv, all, sizeof all / sizeof *all);
}
