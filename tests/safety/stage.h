/* What the programs of this folder share: options from the test, a dialog with it, and an end with a
   stack when a process hangs. */
#ifndef STAGE_H
#define STAGE_H

#include <execinfo.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "process.h"
#include "world.h"

enum { WAIT_MS = 20000, HANG_S = 60 };

/* JSON object, the last argument of the program. */
static const char *options_json;

static void hangs(int number) {
  static const char text[] = "a process hangs, here:\n";
  void *frames[64];
  (void)number;
  if (write(2, text, sizeof text - 1) > 0) {
    backtrace_symbols_fd(frames, backtrace(frames, 64), 2);
  }
  _exit(9);
}

/* Alarms are not inherited: to be called in each process. */
static UNUSED void bound_process(void) {
  void *frames[1];
  /* Loads what the handler needs. */
  backtrace(frames, 1);
  signal(SIGALRM, hangs);
  alarm(HANG_S);
}

static UNUSED void say(char kind, const char *text) {
  char line[200];
  int len = snprintf(line, sizeof line, "%c%s\n", kind, text);
  /* One write, so that lines of several processes stay whole. */
  CHECK(write(1, line, (size_t)len) == len);
}

/* Asks the test for something and waits until it has answered with a line. */
static UNUSED void ask(const char *what) {
  char answer;
  say('?', what);
  do {
    if (read(0, &answer, 1) != 1) {
      fprintf(stderr, "no answer to %s\n", what);
      _exit(3);
    }
  } while (answer != '\n');
}

/* Logs an event under a name of its own and tells the test, which expects it once. */
static UNUSED void log_one(tidegate_client client, tidegate_user user,
                           const char *who, int number) {
  char name[100];
  snprintf(name, sizeof name, "%s.%d.%d", who, (int)getpid(), number);
  CHECK(tidegate_log_event(client, user, name, TIDEGATE_NUL, NULL, NULL, 0,
                           NULL, 0) == TIDEGATE_OK);
  say('+', name);
}

static UNUSED void log_some(tidegate_client client, tidegate_user user,
                            const char *who) {
  int number;
  for (number = 0; number < 3; number++) {
    log_one(client, user, who, number);
  }
}

/* The options of the test with one more member. */
static UNUSED tidegate_options options_with(const char *member) {
  char json[2000];
  snprintf(json, sizeof json, "%.*s,%s}", (int)strlen(options_json) - 1,
           options_json, member);
  return make_options(json);
}

static UNUSED tidegate_client started(tidegate_options options) {
  tidegate_client client = make_client(options);
  CHECK(tidegate_client_initialize(client, WAIT_MS) == TIDEGATE_OK);
  return client;
}

static UNUSED int passes(tidegate_client client, tidegate_user user) {
  int32_t passed = 0;
  CHECK(tidegate_check_gate(client, user, "employees_only", TIDEGATE_NUL, 0,
                            &passed) == TIDEGATE_OK);
  return passed;
}

/* Waits until a number of the stats is in the range. The member's name comes up once there. */
static UNUSED void until_stat(tidegate_client client, const char *member,
                              long least, long most) {
  long value = -1;
  while (value < least || value > most) {
    tidegate_buf *json = NULL;
    const char *at;
    CHECK(tidegate_client_stats(client, &json) == TIDEGATE_OK);
    at = strstr(tidegate_buf_data(json), member);
    CHECK(at != NULL);
    value = at == NULL ? least : atol(at + strlen(member));
    tidegate_buf_free(json);
    usleep(1000);
  }
}

typedef void scenario_fn(void);

typedef struct scenario {
  const char *name;
  scenario_fn *run;
} scenario;

/* Runs the scenario that the second argument names. */
static UNUSED int run_scenario(int argc, char **argv, const scenario *all,
                               size_t count) {
  size_t at;
  begin(argc, argv);
  if (argc != 4) {
    fprintf(stderr, "usage: %s RULES SCENARIO OPTIONS\n", argv[0]);
    return 2;
  }
  options_json = argv[3];
  bound_process();
  for (at = 0; at < count; at++) {
    if (strcmp(all[at].name, argv[2]) == 0) {
      all[at].run();
      return end();
    }
  }
  fprintf(stderr, "no scenario %s\n", argv[2]);
  return 2;
}

#endif
