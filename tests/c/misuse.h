/* The ground that the generated program `misuse.c` stands on: live ids and ids that are not, and
   checks that name the function and what was wrong. */
#ifndef MISUSE_H
#define MISUSE_H

#include "world.h"

/* Where a client is in its life. */
enum phase { BEFORE, READY, AFTER };

/* Any status that is not, or is, an error. */
enum { ANY_SUCCESS = 1000, ANY_ERROR = -1000 };

struct world {
  tidegate_options options, stale_options;
  tidegate_client client, stale_client;
  tidegate_user user, stale_user;
  tidegate_result result, stale_result;
};

/* Gives results to worlds whose own client cannot evaluate. */
static tidegate_client helper;

static int cases;

static tidegate_result make_result(tidegate_user user) {
  tidegate_result result = 0;
  CHECK(tidegate_get_config(helper, user, "shop_banner", TIDEGATE_NUL, 0,
                            &result) == TIDEGATE_OK);
  return result;
}

/* Runs inside the evaluation callback of a world's client. */
static void (*inside)(struct world *world);

static void call_inside(void *user_data, const char *json, size_t len) {
  void (*once)(struct world *) = inside;
  (void)json;
  (void)len;
  inside = NULL;
  if (once != NULL) {
    once(user_data);
  }
}

static void open_world(struct world *world, enum phase phase) {
  world->options = make_options(LOCAL);
  world->user = make_user(ADA);
  world->result = make_result(world->user);
  world->stale_options = make_options("{}");
  CHECK(tidegate_options_release(world->stale_options) == TIDEGATE_OK);
  world->stale_user = make_user(ADA);
  CHECK(tidegate_user_release(world->stale_user) == TIDEGATE_OK);
  world->stale_result = make_result(world->user);
  CHECK(tidegate_result_release(world->stale_result) == TIDEGATE_OK);
  world->stale_client = make_client(make_options(LOCAL));
  CHECK(tidegate_client_release(world->stale_client) == TIDEGATE_OK);

  CHECK(tidegate_options_set_evaluation_callback(world->options, call_inside,
                                                 world, NULL) == TIDEGATE_OK);
  CHECK(tidegate_client_new(KEY, TIDEGATE_NUL, world->options,
                            &world->client) == TIDEGATE_OK);
  if (phase != BEFORE) {
    CHECK(tidegate_client_initialize(world->client, 30000) == TIDEGATE_OK);
    CHECK(tidegate_client_update_specs(world->client, rules, TIDEGATE_NUL) ==
          TIDEGATE_OK);
  }
  if (phase == AFTER) {
    CHECK(tidegate_client_shutdown(world->client, 30000, NULL) >= TIDEGATE_OK);
  }
}

/* What a case has released before is released twice here, which must not hurt. */
static void close_world(struct world *world) {
  (void)tidegate_options_release(world->options);
  (void)tidegate_user_release(world->user);
  (void)tidegate_result_release(world->result);
  (void)tidegate_client_release(world->client);
}

static void run_inside(struct world *world, void (*call)(struct world *)) {
  inside = call;
  CHECK(tidegate_check_gate(world->client, world->user, "employees_only",
                            TIDEGATE_NUL, 0, NULL) == TIDEGATE_OK);
  CHECK(inside == NULL);
}

static void fail(const char *function, const char *what, const char *why) {
  failures++;
  fprintf(stderr, "%s: %s: %s\n  last error: %s\n", function, what, why,
          message());
}

static void expect_status(const char *function, const char *what,
                          tidegate_status got, tidegate_status wanted) {
  int right = wanted == ANY_SUCCESS ? got >= TIDEGATE_OK
              : wanted == ANY_ERROR ? got < TIDEGATE_OK
                                    : got == wanted;
  cases++;
  if (!right) {
    fail(function, what, tidegate_status_name(got));
  }
  if (got < TIDEGATE_OK && strncmp(message(), function, strlen(function)) != 0) {
    fail(function, what, "the message is that of another call");
  }
}

static void expect(const char *function, const char *what, int condition) {
  cases++;
  if (!condition) {
    fail(function, what, "an unexpected value");
  }
}

/* Callbacks that do nothing. */
static UNUSED void no_evaluation(void *user_data, const char *json,
                                 size_t len) {
  (void)user_data;
  (void)json;
  (void)len;
}

static UNUSED void no_rules(void *user_data, int64_t time_ms, const char *json,
                            size_t len) {
  (void)user_data;
  (void)time_ms;
  (void)json;
  (void)len;
}

static UNUSED void no_error(void *user_data, const char *tag, size_t tag_len,
                            const char *code, size_t code_len, const char *text,
                            size_t text_len) {
  (void)user_data;
  (void)tag;
  (void)tag_len;
  (void)code;
  (void)code_len;
  (void)text;
  (void)text_len;
}

#endif
