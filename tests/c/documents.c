/* What is taken as a ruleset, what overrides do, and the answers that are about many entities:
 * the parts of evaluation that a case of tests/cases has no words for. */
#include "json.h"
#include "world.h"

#define GATE(name, apps)                                                       \
  "{\"name\":\"" name "\",\"type\":\"feature_gate\",\"entity\":"               \
  "\"feature_gate\",\"salt\":\"s\",\"enabled\":true,\"defaultValue\":false,"   \
  "\"idType\":\"userID\",\"targetAppIDs\":[" apps "],\"rules\":[{\"id\":"      \
  "\"r1\",\"passPercentage\":100,\"returnValue\":true,\"idType\":\"userID\","  \
  "\"conditions\":[{\"type\":\"public\"}]}]}"
#define DOCUMENT(head, gates)                                                  \
  "{" head "\"feature_gates\":[" gates                                         \
  "],\"dynamic_configs\":[],\"layer_configs\":[]}"

static json_value of_buf(const tidegate_buf *buf) {
  return json_at(tidegate_buf_data(buf));
}

static tidegate_client empty_client(void) {
  tidegate_client client = make_client(make_options(LOCAL));
  CHECK(tidegate_client_initialize(client, 30000) == TIDEGATE_OK);
  return client;
}

static int32_t gate(tidegate_client client, const char *user, const char *name) {
  int32_t value = -1;
  CHECK(tidegate_check_gate_json(client, user, TIDEGATE_NUL, name, TIDEGATE_NUL,
                                 TIDEGATE_EVAL_NO_EXPOSURE,
                                 &value) == TIDEGATE_OK);
  return value;
}

static tidegate_status give(tidegate_client client, const char *specs) {
  return tidegate_client_update_specs(client, specs, TIDEGATE_NUL);
}

static void rulesets(void) {
  tidegate_client client = empty_client();
  /* Without has_updates a ruleset counts, since it is there. */
  CHECK(give(client, DOCUMENT("\"time\":1,", GATE("one", ""))) == TIDEGATE_OK);
  CHECK(gate(client, ADA, "one") == 1);
  /* The hash of another key: refused, and what was there stays. */
  CHECK(give(client, DOCUMENT("\"time\":2,\"hashed_sdk_key_used\":\"7\",",
                              GATE("two", ""))) == TIDEGATE_E_ARG);
  CHECK(strstr(message(), "hashed_sdk_key_used") != NULL);
  CHECK(gate(client, ADA, "one") == 1 && gate(client, ADA, "two") == 0);
  CHECK(give(client, "{\"time\":3}") == TIDEGATE_E_ARG);
  CHECK(give(client, DOCUMENT("", GATE("two", ""))) == TIDEGATE_E_ARG);
  CHECK(give(client, "{") == TIDEGATE_E_JSON);
  CHECK(give(client, "[]") < 0);
  CHECK(gate(client, ADA, "one") == 1 && gate(client, ADA, "two") == 0);
  CHECK(give(client, DOCUMENT("\"time\":4,", GATE("two", ""))) == TIDEGATE_OK);
  CHECK(gate(client, ADA, "one") == 0 && gate(client, ADA, "two") == 1);
  end_client(client);
}

/* Hosts that cut UTF-16 text anywhere send halves of surrogate pairs. They stand for no character,
 * and whoever reads what comes out must be able to. */
static void half_surrogates(void) {
  static const char specs[] =
      "{\"time\":1,\"feature_gates\":[],\"layer_configs\":[],\"dynamic_configs\":[{"
      "\"name\":\"c\\ud83d\",\"entity\":\"dynamic_config\",\"salt\":\"s\",\"enabled\":true,"
      "\"defaultValue\":{\"cut\":\"a\\ud83d\",\"whole\":\"\\ud83d\\ude00\"},\"rules\":[]}]}";
  static const char user[] = "{\"userID\":\"ada\",\"custom\":{\"cut\":\"\\ude00 b\"}}";
  static const char name[] = "c\xef\xbf\xbd";
  tidegate_client client = empty_client();
  tidegate_user kept = 0;
  tidegate_result result = 0;
  tidegate_buf *json = NULL;
  const char *text = NULL;
  CHECK(give(client, specs) == TIDEGATE_OK);
  CHECK(tidegate_user_new(user, TIDEGATE_NUL, &kept) == TIDEGATE_OK);
  CHECK(tidegate_user_to_json(kept, 0, &json) == TIDEGATE_OK);
  CHECK_OWNED(json, "\"cut\":\"\xef\xbf\xbd b\"");
  CHECK(tidegate_get_config(client, kept, name, TIDEGATE_NUL, 0, &result) == TIDEGATE_OK);
  CHECK(tidegate_result_get_str(result, "cut", TIDEGATE_NUL, &text, NULL) == TIDEGATE_OK);
  CHECK_TEXT(text, "a\xef\xbf\xbd");
  CHECK(tidegate_result_get_str(result, "whole", TIDEGATE_NUL, &text, NULL) == TIDEGATE_OK);
  CHECK_TEXT(text, "\xf0\x9f\x98\x80");
  CHECK(tidegate_result_value_json(result, &json) == TIDEGATE_OK);
  CHECK(json_same(json_member(of_buf(json), "cut"), json_at("\"a\\ufffd\"")));
  tidegate_buf_free(json);
  tidegate_result_release(result);
  tidegate_user_release(kept);
  end_client(client);
}

/* A number beyond all numbers is JSON that no reader takes: its config is not there, and says why. */
static void unreadable_values(void) {
#define CONFIG(name, value)                                                    \
  "{\"name\":\"" name "\",\"salt\":\"s\",\"enabled\":true,\"defaultValue\":" value ",\"rules\":[]}"
  static const char specs[] =
      "{\"time\":1,\"feature_gates\":[],\"layer_configs\":[],\"dynamic_configs\":["
      CONFIG("big", "{\"n\":1e999}") "," CONFIG("same", "{\"n\":1e999}") ","
      CONFIG("small", "{\"n\":1e99}") "]}";
  static const char *const names[] = {"big", "same", "small"};
  tidegate_client client = empty_client();
  tidegate_user user = 0;
  size_t i;
  CHECK(give(client, specs) == TIDEGATE_OK);
  CHECK(tidegate_user_new(ADA, TIDEGATE_NUL, &user) == TIDEGATE_OK);
  for (i = 0; i < 3; i++) {
    tidegate_buf *json = NULL;
    CHECK(tidegate_evaluate_json(client, TIDEGATE_CONFIG, ADA, TIDEGATE_NUL, names[i],
                                 TIDEGATE_NUL, TIDEGATE_EVAL_NO_EXPOSURE,
                                 &json) == TIDEGATE_OK);
    CHECK(json_same(json_member(of_buf(json), "value"), json_at(i < 2 ? "{}" : "{\"n\":1e99}")));
    CHECK_OWNED(json, i < 2 ? "\"reason\":\"Unrecognized\"" : "\"reason\":\"none\"");
    CHECK(tidegate_explain(client, user, TIDEGATE_CONFIG, names[i], TIDEGATE_NUL,
                           &json) == TIDEGATE_OK);
    CHECK_OWNED(json, i < 2 ? "number out of range" : "1e+99");
  }
#undef CONFIG
  tidegate_user_release(user);
  end_client(client);
}

static void override(tidegate_client client, const char *value, const char *id) {
  CHECK(tidegate_override(client, TIDEGATE_GATE, "one", TIDEGATE_NUL, value,
                          TIDEGATE_NUL, id, TIDEGATE_NUL) == TIDEGATE_OK);
}

static void overrides(void) {
  static const char all[] =
      "{\"gates\":{\"one\":{\"\":false,\"ada\":true}},\"configs\":{\"c\":"
      "{\"\":{\"a\":[1,{\"b\":null}]}}},\"experiments\":{\"e\":{\"cid\":{}}},"
      "\"layers\":{\"l\":{\"\":{\"p\":\"\\u00e9\"}}}}";
  static const char by_custom_id[] = "{\"customIDs\":{\"k\":\"cid\"}}";
  tidegate_client client = empty_client();
  tidegate_buf *json = NULL, *again = NULL;
  CHECK(give(client, DOCUMENT("\"time\":1,", GATE("one", ""))) == TIDEGATE_OK);
  /* Removing the one for everybody leaves the one of an id. */
  override(client, "false", "");
  override(client, "true", "ada");
  CHECK(gate(client, ADA, "one") == 1 && gate(client, "{\"userID\":\"bo\"}", "one") == 0);
  CHECK(tidegate_remove_override(client, TIDEGATE_GATE, "one", TIDEGATE_NUL, NULL,
                                 0) == TIDEGATE_OK);
  override(client, "false", "ada");
  CHECK(gate(client, ADA, "one") == 0 && gate(client, "{\"userID\":\"bo\"}", "one") == 1);
  /* An id comes before everybody, also the custom id of a user without a user id. */
  override(client, "false", "");
  override(client, "true", "cid");
  CHECK(gate(client, by_custom_id, "one") == 1);
  /* What is dumped loads as the same; loading replaces. */
  CHECK(tidegate_load_overrides(client, all, TIDEGATE_NUL) == TIDEGATE_OK);
  CHECK(gate(client, by_custom_id, "one") == 0 && gate(client, ADA, "one") == 1);
  CHECK(tidegate_dump_overrides(client, &json) == TIDEGATE_OK);
  CHECK(json_same(json_member(json_at(all), "gates"), json_member(of_buf(json), "gates")));
  CHECK(json_same(json_member(json_at(all), "layers"), json_member(of_buf(json), "layers")));
  CHECK(tidegate_remove_all_overrides(client) == TIDEGATE_OK);
  CHECK(tidegate_load_overrides(client, tidegate_buf_data(json),
                                tidegate_buf_len(json)) == TIDEGATE_OK);
  CHECK(tidegate_dump_overrides(client, &again) == TIDEGATE_OK);
  CHECK_TEXT(tidegate_buf_data(again), tidegate_buf_data(json));
  tidegate_buf_free(again);
  tidegate_buf_free(json);
  /* What is malformed is named and changes nothing. */
  CHECK(tidegate_load_overrides(client, "{\"gates\":{\"one\":{\"\":1}}}",
                                TIDEGATE_NUL) == TIDEGATE_E_ARG);
  CHECK(strstr(message(), "gates.one") != NULL);
  CHECK(gate(client, ADA, "one") == 1);
  /* An override of an experiment is one of the config of that name. */
  CHECK(tidegate_evaluate_json(client, TIDEGATE_EXPERIMENT, ADA, TIDEGATE_NUL, "c",
                               TIDEGATE_NUL, TIDEGATE_EVAL_NO_EXPOSURE,
                               &json) == TIDEGATE_OK);
  CHECK_OWNED(json, "\"detailed_reason\":\"Bootstrap:LocalOverride\"");
  end_client(client);
}

/* The gates in a client initialize response with these options. */
static size_t gates_in(tidegate_client client, const char *options_json) {
  tidegate_user user = make_user(ADA);
  tidegate_buf *json = NULL;
  size_t count;
  CHECK(tidegate_get_client_init_response(client, user, options_json, TIDEGATE_NUL,
                                          &json) == TIDEGATE_OK);
  count = json_count(json_member(of_buf(json), "feature_gates"));
  tidegate_buf_free(json);
  CHECK(tidegate_user_release(user) == TIDEGATE_OK);
  return count;
}

static void apps(void) {
  static const char specs[] =
      DOCUMENT("\"time\":1,\"sdk_keys_to_app_ids\":{\"client-a\":\"app_a\"},"
               "\"hashed_sdk_keys_to_app_ids\":{\"1101277533\":\"app_b\"},",
               GATE("g_pub", "\"app_a\"") "," GATE("other", "\"app_b\"") "," GATE("none", ""));
  tidegate_client client = empty_client();
  CHECK(give(client, specs) == TIDEGATE_OK);
  CHECK(gates_in(client, NULL) == 3);
  CHECK(gates_in(client, "{\"client_sdk_key\":\"client-unknown\"}") == 3);
  CHECK(gates_in(client, "{\"client_sdk_key\":\"client-a\"}") == 1);
  /* 1101277533 is the hash of this key. */
  CHECK(gates_in(client, "{\"client_sdk_key\":\"client-key\"}") == 1);
  CHECK(gates_in(client, "{\"target_app_id\":\"app_b\"}") == 1);
  CHECK(gates_in(client, "{\"target_app_id\":\"\"}") == 3);
  CHECK(gates_in(client, "{\"target_app_id\":\"nobody\"}") == 0);
  CHECK(gates_in(client, "{\"target_app_id\":\"nobody\",\"client_sdk_key\":\"client-a\"}") == 0);
  end_client(client);
}

static void hashes(void) {
  /* name, djb2, SHA-256 in base64 */
  static const char *const names[][3] = {
      {"a", "97", "ypeBEsobvcr6wjGzmiPcTaeG7/gUfE5yuYB3ha/uSLs="},
      {"test_gate", "3114454104", "AoZS0F06Ub+W2ONx+94rPTS7MRxuxa+GnXro5Q1uaGY="},
      {"\xc3\xa9", "233", "SplVfkAzw1Od4utlRyAXytX5VX96BiWgnxw/biumnEw="},
      {"\xe6\x97\xa5\xe6\x9c\xac", "835047", "zyq/DFvjJsuSKnD4Fj+RB5xNmqhlXGDq2JrVRcneLpI="},
      {"\xf0\x9f\x98\x80", "128512", "8EQ6NCxe9UeDoRG1G6Vsk45HTDIyTZDDpgycjjo34tk="},
      {"g_pub", "98064165", "SBFPGRp5msaqPg/GA8iyYYliumnqbFElxzF/GH3Anuc="}};
  static const char *const options[] = {"{\"hash\":\"none\"}", "{\"hash\":\"djb2\"}",
                                        "{\"hash\":\"sha256\"}", "{}"};
  static const char specs[] =
      DOCUMENT("\"time\":1,", GATE("a", "") "," GATE("test_gate", "") "," GATE("\\u00e9", "") ","
               GATE("\\u65e5\\u672c", "") "," GATE("\\ud83d\\ude00", "") "," GATE("g_pub", ""));
  tidegate_client client = empty_client();
  tidegate_user user = make_user(ADA);
  size_t i, j;
  CHECK(give(client, specs) == TIDEGATE_OK);
  for (i = 0; i < 4; i++) {
    tidegate_buf *json = NULL;
    json_value gates;
    CHECK(tidegate_get_client_init_response(client, user, options[i], TIDEGATE_NUL, &json) ==
          TIDEGATE_OK);
    gates = json_member(of_buf(json), "feature_gates");
    for (j = 0; j < 6; j++) {
      char name[64];
      json_value entry = json_member(gates, names[j][i == 3 ? 2 : i]);
      CHECK(entry.at != NULL);
      json_copy(json_member(entry, "name"), name, sizeof name);
      CHECK_TEXT(name, names[j][i == 3 ? 2 : i]);
    }
    tidegate_buf_free(json);
  }
  CHECK(tidegate_user_release(user) == TIDEGATE_OK);
  end_client(client);
}

static size_t count_of(tidegate_client client, int32_t kind) {
  tidegate_buf *json = NULL;
  size_t count;
  CHECK(tidegate_list_entities(client, kind, &json) == TIDEGATE_OK);
  count = json_count(of_buf(json));
  tidegate_buf_free(json);
  return count;
}

/* Everything at once says what asking for each says. */
static void everything(void) {
  static const char *const parts[] = {"feature_gates", "dynamic_configs"};
  tidegate_client client = ready_client(make_options(LOCAL));
  tidegate_user user = make_user(ADA);
  tidegate_buf *json = NULL, *one = NULL;
  int part;
  CHECK(tidegate_evaluate_all(client, user, &json) == TIDEGATE_OK);
  CHECK(json_count(json_member(of_buf(json), parts[0])) == count_of(client, TIDEGATE_GATE));
  CHECK(json_count(json_member(of_buf(json), parts[1])) ==
        count_of(client, TIDEGATE_CONFIG) + count_of(client, TIDEGATE_EXPERIMENT));
  CHECK(count_of(client, TIDEGATE_LAYER) > 0);
  for (part = 0; part < 2; part++) {
    const char *at = json_first(json_member(of_buf(json), parts[part]));
    CHECK(at != NULL);
    while (at != NULL) {
      char name[128];
      json_value key = json_at(at);
      json_value entry = json_at(json_blank(key.at + key.len) + 1);
      json_copy(key, name, sizeof name);
      CHECK(tidegate_evaluate_json(client, part == 0 ? TIDEGATE_GATE : TIDEGATE_CONFIG, ADA,
                                   TIDEGATE_NUL, name, TIDEGATE_NUL, TIDEGATE_EVAL_NO_EXPOSURE,
                                   &one) == TIDEGATE_OK);
      CHECK(json_same(json_member(entry, "value"), json_member(of_buf(one), "value")));
      CHECK(json_same(json_member(entry, "rule_id"), json_member(of_buf(one), "rule_id")));
      tidegate_buf_free(one);
      at = json_next(entry);
    }
  }
  tidegate_buf_free(json);
  CHECK(tidegate_list_entities(client, 5, &json) == TIDEGATE_E_ARG && json == NULL);
  CHECK(tidegate_user_release(user) == TIDEGATE_OK);
  end_client(client);
}

static void batch(void) {
  static const char request[] =
      "{\"users\":[" ADA ",{},{\"userID\":\"bo\"}],\"entities\":["
      "{\"kind\":\"gate\",\"name\":\"employees_only\"},{\"kind\":\"zzz\",\"name\":\"x\"},"
      "{\"kind\":\"layer\",\"name\":\"checkout_layer\"},{\"kind\":\"config\",\"name\":\"none\"}]}";
  /* For each user, whether each entity has a result. */
  static const char *const results[] = {"1011", "0000", "1011"};
  tidegate_client client = ready_client(make_options(LOCAL));
  tidegate_buf *json = NULL;
  const char *row;
  size_t i, j;
  CHECK(tidegate_evaluate_batch(client, request, TIDEGATE_NUL, &json) == TIDEGATE_OK);
  row = json_first(json_member(of_buf(json), "results"));
  for (i = 0; i < 3; i++) {
    json_value cells;
    const char *cell;
    CHECK(row != NULL);
    if (row == NULL) break;
    cells = json_at(row);
    CHECK(json_count(cells) == 4);
    for (cell = json_first(cells), j = 0; cell != NULL && j < 4; j++) {
      json_value value = json_at(cell);
      CHECK((json_member(value, "rule_id").at != NULL) == (results[i][j] == '1'));
      CHECK((json_member(value, "error").at != NULL) == (results[i][j] == '0'));
      cell = json_next(value);
    }
    row = json_next(cells);
  }
  tidegate_buf_free(json);
  CHECK(tidegate_evaluate_batch(client, "{\"users\":[]}", TIDEGATE_NUL, &json) < 0);
  CHECK(json == NULL);
  end_client(client);
}

static long accepted(tidegate_client client) {
  tidegate_buf *json = NULL;
  long count;
  CHECK(tidegate_client_stats(client, &json) == TIDEGATE_OK);
  count = strtol(json_member(json_member(of_buf(json), "events"), "accepted").at, NULL, 10);
  tidegate_buf_free(json);
  return count;
}

/* Asking leaves no exposure where it says so; telling of a result afterwards leaves one. */
static void exposures(void) {
  /* Nobody listens there: what is accepted stays. */
  tidegate_client client =
      make_client(make_options("{\"api\":\"http://127.0.0.1:1/v1\",\"threads\":\"none\","
                               "\"disable_diagnostics\":true}"));
  tidegate_user user = make_user(ADA);
  tidegate_result result = 0;
  tidegate_buf *json = NULL;
  long before;
  CHECK(tidegate_client_initialize(client, 30000) == TIDEGATE_OK);
  CHECK(give(client, rules) == TIDEGATE_OK);
  before = accepted(client);
  CHECK(tidegate_get_gate(client, user, "employees_only", TIDEGATE_NUL,
                          TIDEGATE_EVAL_NO_EXPOSURE, &result) == TIDEGATE_OK);
  CHECK(tidegate_evaluate_all(client, user, &json) == TIDEGATE_OK);
  tidegate_buf_free(json);
  CHECK(tidegate_explain(client, user, TIDEGATE_GATE, "employees_only", TIDEGATE_NUL, &json) ==
        TIDEGATE_OK);
  CHECK(strstr(tidegate_buf_data(json), "1234") == NULL);
  tidegate_buf_free(json);
  CHECK(gates_in(client, NULL) > 0);
  batch();
  CHECK(accepted(client) == before);
  CHECK(tidegate_log_exposure_for_result(client, result, NULL, 0) == TIDEGATE_OK);
  CHECK(accepted(client) == before + 1);
  CHECK(tidegate_result_release(result) == TIDEGATE_OK);
  CHECK(tidegate_user_release(user) == TIDEGATE_OK);
  end_client(client);
}

int main(int argc, char **argv) {
  begin(argc, argv);
  rulesets();
  half_surrogates();
  unreadable_values();
  overrides();
  apps();
  hashes();
  everything();
  exposures();
  return end();
}
