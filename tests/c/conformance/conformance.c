/* The shared cases of tests/cases, through every function that evaluates.
 *
 *   conformance API COUNT FILE...
 *
 * API is the local server's, serving tests/specs; COUNT is the number of cases in all files. */
#include "json.h"
#include "world.h"

static const char *file_name;
static json_value id;

static void differs(const char *how, const char *member, json_value expected, json_value actual) {
  failures++;
  fprintf(stderr, "%s: %.*s: %s: %s: expected %.*s, got %.*s\n", file_name, (int)id.len, id.at, how,
          member, (int)expected.len, expected.at, actual.at ? (int)actual.len : 4,
          actual.at ? actual.at : "none");
}

/* Every member of `expected` against the one of the same name. */
static void compare(const char *how, json_value expected, json_value actual) {
  const char *at = json_first(expected);
  while (at != NULL) {
    char member[64];
    json_value name = json_at(at);
    json_value value = json_at(json_blank(name.at + name.len) + 1);
    json_value found = json_named(actual, name);
    json_copy(name, member, sizeof member);
    if (strcmp(member, "details") == 0) compare(how, value, found);
    else if (!json_same(value, found)) differs(how, member, value, found);
    at = json_next(value);
  }
}

static json_value of_buf(const tidegate_buf *buf) { return json_at(tidegate_buf_data(buf)); }

/* What the case is about. */
struct asked {
  tidegate_client client;
  json_value user;
  json_value kind_name;
  int32_t kind;
  char name[512];
  size_t name_len;
  json_value expected;
};

static tidegate_status get(const struct asked *q, tidegate_user user, tidegate_result *out) {
  const uint32_t flags = TIDEGATE_EVAL_NO_EXPOSURE;
  switch (q->kind) {
  case TIDEGATE_GATE:
    return tidegate_get_gate(q->client, user, q->name, q->name_len, flags, out);
  case TIDEGATE_CONFIG:
    return tidegate_get_config(q->client, user, q->name, q->name_len, flags, out);
  case TIDEGATE_EXPERIMENT:
    return tidegate_get_experiment(q->client, user, q->name, q->name_len, flags, out);
  default:
    return tidegate_get_layer(q->client, user, q->name, q->name_len, flags, out);
  }
}

/* A result and what its accessors say one by one. */
static void by_result(const struct asked *q, tidegate_user user) {
  tidegate_result result = 0;
  tidegate_buf *json = NULL, *value = NULL;
  json_value whole;
  char text[512];
  size_t len = 0;
  CHECK(get(q, user, &result) == TIDEGATE_OK);
  CHECK(tidegate_result_to_json(result, &json) == TIDEGATE_OK);
  whole = of_buf(json);
  compare("result", q->expected, whole);
  CHECK(tidegate_result_kind(result) == q->kind);
  CHECK((tidegate_result_bool(result) == 1) == (*json_member(whole, "passed").at == 't'));
  json_copy(json_member(whole, "rule_id"), text, sizeof text);
  CHECK_TEXT(tidegate_result_rule_id(result, &len), text);
  CHECK(len == strlen(text));
  json_copy(json_member(whole, "id_type"), text, sizeof text);
  CHECK_TEXT(tidegate_result_id_type(result, NULL), text);
  json_copy(json_member(json_member(whole, "details"), "detailed_reason"), text, sizeof text);
  CHECK_TEXT(tidegate_result_reason(result, NULL), text);
  CHECK((tidegate_result_group_name(result, NULL) == NULL) ==
        (*json_member(whole, "group_name").at == 'n'));
  CHECK(tidegate_result_value_json(result, &value) == TIDEGATE_OK);
  CHECK(json_same(json_member(whole, "value"), of_buf(value)));
  tidegate_buf_free(value);
  tidegate_buf_free(json);
  CHECK(tidegate_result_release(result) == TIDEGATE_OK);
}

static void by_check_gate(const struct asked *q, tidegate_user user) {
  const int expected = *json_member(q->expected, "value").at == 't';
  int32_t value = -1;
  CHECK(tidegate_check_gate(q->client, user, q->name, q->name_len, TIDEGATE_EVAL_NO_EXPOSURE,
                            &value) == TIDEGATE_OK);
  CHECK(value == expected);
  value = -1;
  CHECK(tidegate_check_gate_json(q->client, q->user.at, q->user.len, q->name, q->name_len,
                                 TIDEGATE_EVAL_NO_EXPOSURE, &value) == TIDEGATE_OK);
  CHECK(value == expected);
}

static void by_batch(const struct asked *q, json_value name) {
  const char *form = "{\"users\":[%.*s],\"entities\":[{\"kind\":%.*s,\"name\":%.*s}]}";
  const size_t room = strlen(form) + q->user.len + q->kind_name.len + name.len;
  char *request = malloc(room);
  tidegate_buf *json = NULL;
  snprintf(request, room, form, (int)q->user.len, q->user.at, (int)q->kind_name.len,
           q->kind_name.at, (int)name.len, name.at);
  CHECK(tidegate_evaluate_batch(q->client, request, TIDEGATE_NUL, &json) == TIDEGATE_OK);
  compare("batch", q->expected,
          json_at(json_first(json_at(json_first(json_member(of_buf(json), "results"))))));
  tidegate_buf_free(json);
  free(request);
}

/* The explanation says of the result what the result says of itself. */
static void by_explain(const struct asked *q, tidegate_user user, json_value result) {
  static const char *const members[] = {"kind",        "name",       "value",
                                        "passed",      "rule_id",    "group_name",
                                        "override_config_name", "allocated_experiment"};
  tidegate_buf *json = NULL;
  json_value expected, actual;
  size_t i;
  CHECK(tidegate_explain(q->client, user, q->kind, q->name, q->name_len, &json) == TIDEGATE_OK);
  for (i = 0; i < sizeof members / sizeof *members; i++) {
    expected = json_member(result, members[i]);
    actual = json_member(of_buf(json), members[i]);
    if (!json_same(expected, actual)) differs("explain", members[i], expected, actual);
  }
  expected = json_member(json_member(result, "details"), "detailed_reason");
  actual = json_member(of_buf(json), "reason");
  if (!json_same(expected, actual)) differs("explain", "reason", expected, actual);
  CHECK(json_member(of_buf(json), "why").len > 2 && json_member(of_buf(json), "text").len > 2);
  tidegate_buf_free(json);
}

static int32_t kind_of(json_value name) {
  static const char *const names[] = {"gate", "config", "experiment", "layer"};
  char text[16];
  int32_t i;
  json_copy(name, text, sizeof text);
  for (i = 0; i < 4; i++)
    if (strcmp(text, names[i]) == 0) return i + 1;
  return 0;
}

static void run_case(tidegate_client client, json_value item) {
  const json_value name = json_member(item, "name"), overrides = json_member(item, "overrides");
  struct asked q;
  tidegate_buf *json = NULL;
  tidegate_user user = 0;
  q.client = client;
  q.user = json_member(item, "user");
  q.kind_name = json_member(item, "kind");
  q.kind = kind_of(q.kind_name);
  q.expected = json_member(item, "expect");
  q.name_len = json_copy(name, q.name, sizeof q.name);
  id = json_member(item, "id");
  if (overrides.at != NULL)
    CHECK(tidegate_load_overrides(client, overrides.at, overrides.len) == TIDEGATE_OK);
  CHECK(tidegate_user_new(q.user.at, q.user.len, &user) == TIDEGATE_OK);
  CHECK(tidegate_evaluate_json(client, q.kind, q.user.at, q.user.len, q.name, q.name_len,
                               TIDEGATE_EVAL_NO_EXPOSURE, &json) == TIDEGATE_OK);
  compare("evaluate_json", q.expected, of_buf(json));
  by_explain(&q, user, of_buf(json));
  by_result(&q, user);
  by_batch(&q, name);
  if (q.kind == TIDEGATE_GATE) by_check_gate(&q, user);
  tidegate_buf_free(json);
  CHECK(tidegate_user_release(user) == TIDEGATE_OK);
  CHECK(tidegate_remove_all_overrides(client) == TIDEGATE_OK);
}

static tidegate_client client_for(const char *api, json_value file) {
  const json_value specs = json_member(file, "specs"), given = json_member(file, "options");
  const int more = json_first(given) != NULL;
  char key[128] = "secret-", options_json[1024];
  tidegate_options options;
  tidegate_client client = 0;
  tidegate_buf *json = NULL;
  json_copy(specs, key + strlen(key), sizeof key - strlen(key));
  snprintf(options_json, sizeof options_json,
           "{\"api\":\"%s\",\"disable_all_logging\":true,\"disable_diagnostics\":true%s%.*s}", api,
           more ? "," : "", more ? (int)given.len - 2 : 0, more ? given.at + 1 : "");
  options = make_options(options_json);
  CHECK(tidegate_client_new(key, TIDEGATE_NUL, options, &client) == TIDEGATE_OK);
  CHECK(tidegate_options_release(options) == TIDEGATE_OK);
  CHECK(tidegate_client_initialize(client, 60000) == TIDEGATE_OK);
  CHECK(tidegate_client_init_details(client, &json) == TIDEGATE_OK);
  CHECK_OWNED(json, "\"source\":\"Network\"");
  return client;
}

static size_t run_file(const char *api, const char *path) {
  char *text = read_file(path);
  const json_value file = json_at(text);
  const char *at = json_first(json_member(file, "cases"));
  const tidegate_client client = client_for(api, file);
  size_t count = 0;
  file_name = path;
  while (at != NULL) {
    const json_value item = json_at(at);
    run_case(client, item);
    count++;
    at = json_next(item);
  }
  end_client(client);
  free(text);
  return count;
}

int main(int argc, char **argv) {
  size_t count = 0;
  int i;
  if (argc < 4) {
    fprintf(stderr, "usage: %s API COUNT FILE...\n", argv[0]);
    return 2;
  }
  for (i = 3; i < argc; i++) count += run_file(argv[1], argv[i]);
  if (count != strtoul(argv[2], NULL, 10)) {
    fprintf(stderr, "%lu cases, not %s\n", (unsigned long)count, argv[2]);
    failures++;
  }
  printf("%lu cases\n", (unsigned long)count);
  return end();
}
