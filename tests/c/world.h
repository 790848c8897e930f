/* What the test programs share: checks that tell where they failed, and a client that works. */
#ifndef WORLD_H
#define WORLD_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tidegate.h"

#define UNUSED __attribute__((unused))

static int failures;

static UNUSED const char *message(void) {
  static char text[256];
  tidegate_last_error(text, sizeof text);
  return text;
}

#define CHECK(condition)                                                       \
  do {                                                                         \
    if (!(condition)) {                                                        \
      __atomic_fetch_add(&failures, 1, __ATOMIC_RELAXED);                      \
      fprintf(stderr, "%s:%d: %s\n  last error: %s\n", __FILE__, __LINE__,     \
              #condition, message());                                          \
    }                                                                          \
  } while (0)

#define CHECK_TEXT(actual, expected)                                           \
  do {                                                                         \
    const char *actual_text = (actual);                                        \
    if (actual_text == NULL || strcmp(actual_text, (expected)) != 0) {         \
      __atomic_fetch_add(&failures, 1, __ATOMIC_RELAXED);                      \
      fprintf(stderr, "%s:%d: %s is %s, not %s\n", __FILE__, __LINE__,         \
              #actual, actual_text == NULL ? "NULL" : actual_text,             \
              (expected));                                                     \
    }                                                                          \
  } while (0)

/* Checks that an owned text contains a part, and frees it. */
#define CHECK_OWNED(buf, part)                                                 \
  do {                                                                         \
    if (strstr(tidegate_buf_data(buf), (part)) == NULL) {                      \
      __atomic_fetch_add(&failures, 1, __ATOMIC_RELAXED);                      \
      fprintf(stderr, "%s:%d: no %s in %s\n", __FILE__, __LINE__, (part),      \
              tidegate_buf_data(buf));                                         \
    }                                                                          \
    tidegate_buf_free(buf);                                                    \
  } while (0)

#define KEY "secret-test"
#define LOCAL "{\"local_mode\":true,\"threads\":\"none\"}"
#define ADA                                                                    \
  "{\"userID\":\"ada\",\"email\":\"ada@shop.example\","                        \
  "\"privateAttributes\":{\"pin\":\"1234\"}}"

/* The rules of the example shop. */
static char *rules;

static UNUSED char *read_file(const char *path) {
  FILE *file = fopen(path, "rb");
  long size;
  char *text;
  if (file == NULL || fseek(file, 0, SEEK_END) != 0) {
    perror(path);
    exit(2);
  }
  size = ftell(file);
  rewind(file);
  text = calloc(1, (size_t)size + 1);
  if (text == NULL || fread(text, 1, (size_t)size, file) != (size_t)size) {
    perror(path);
    exit(2);
  }
  fclose(file);
  return text;
}

static UNUSED tidegate_options make_options(const char *json) {
  tidegate_options options = 0;
  CHECK(tidegate_options_new(json, TIDEGATE_NUL, &options) == TIDEGATE_OK);
  return options;
}

static UNUSED tidegate_user make_user(const char *json) {
  tidegate_user user = 0;
  CHECK(tidegate_user_new(json, TIDEGATE_NUL, &user) == TIDEGATE_OK);
  return user;
}

/* A client with these options, which it takes over, before initialize. */
static UNUSED tidegate_client make_client(tidegate_options options) {
  tidegate_client client = 0;
  CHECK(tidegate_client_new(KEY, TIDEGATE_NUL, options, &client) ==
        TIDEGATE_OK);
  CHECK(tidegate_options_release(options) == TIDEGATE_OK);
  return client;
}

/* The same, initialized and with the rules of the example shop. */
static UNUSED tidegate_client ready_client(tidegate_options options) {
  tidegate_client client = make_client(options);
  CHECK(tidegate_client_initialize(client, 30000) == TIDEGATE_OK);
  CHECK(tidegate_client_update_specs(client, rules, TIDEGATE_NUL) ==
        TIDEGATE_OK);
  return client;
}

static UNUSED void end_client(tidegate_client client) {
  CHECK(tidegate_client_shutdown(client, 30000, NULL) >= TIDEGATE_OK);
  CHECK(tidegate_client_release(client) == TIDEGATE_OK);
}

/* The path of the rules is the first argument of every program. */
static UNUSED void begin(int argc, char **argv) {
  if (argc < 2) {
    fprintf(stderr, "usage: %s RULES.json\n", argv[0]);
    exit(2);
  }
  rules = read_file(argv[1]);
}

static UNUSED int end(void) {
  free(rules);
  rules = NULL;
  return failures == 0 ? 0 : 1;
}

#endif
