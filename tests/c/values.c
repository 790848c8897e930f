/* Every function once, used as it is meant to be used. */
#include "world.h"

static void library(void) {
  char small[8];
  CHECK(tidegate_abi_version() ==
        ((uint32_t)TIDEGATE_ABI_MAJOR << 16 | TIDEGATE_ABI_MINOR));
  CHECK(strlen(tidegate_version()) >= 5);
  CHECK(strstr(tidegate_build_info(), "\"target\":") != NULL);
  CHECK(tidegate_user_release(7) == TIDEGATE_E_HANDLE);
  CHECK_TEXT(message(), "tidegate_user_release: not a live user id");
  CHECK(tidegate_last_error(small, sizeof small) == strlen(message()));
  CHECK_TEXT(small, "tidegat");
  CHECK(tidegate_user_release(0) == TIDEGATE_OK);
  CHECK_TEXT(message(), "tidegate_user_release: not a live user id");
  CHECK_TEXT(tidegate_buf_data(NULL), "");
  CHECK(tidegate_buf_len(NULL) == 0);
  tidegate_buf_free(NULL);
}

static void options(void) {
  tidegate_options options = 0;
  tidegate_buf *json = NULL;
  CHECK(tidegate_options_new("{\"strict\":false,\"zzz\":1}", TIDEGATE_NUL,
                             &options) == TIDEGATE_NOTE_DEFAULTED);
  CHECK(tidegate_options_describe(options, &json) == TIDEGATE_OK);
  CHECK_OWNED(json, "\"event_queue_size\":500");
  CHECK(tidegate_options_release(options) == TIDEGATE_OK);
  CHECK(tidegate_options_release(options) == TIDEGATE_E_HANDLE);
  CHECK(tidegate_options_new("{\"zzz\":1}", TIDEGATE_NUL, &options) ==
        TIDEGATE_E_ARG);
  CHECK(options == 0 && strstr(message(), "zzz") != NULL);
  CHECK(tidegate_options_new(NULL, 0, &options) == TIDEGATE_OK);
  CHECK(tidegate_options_release(options) == TIDEGATE_OK);
}

static void users(void) {
  tidegate_user user = make_user(ADA);
  tidegate_buf *json = NULL;
  CHECK(tidegate_user_to_json(user, 0, &json) == TIDEGATE_OK);
  CHECK(strstr(tidegate_buf_data(json), "1234") == NULL);
  CHECK(tidegate_buf_len(json) == strlen(tidegate_buf_data(json)));
  CHECK_OWNED(json, "ada@shop.example");
  CHECK(tidegate_user_to_json(user, 1, &json) == TIDEGATE_OK);
  CHECK_OWNED(json, "1234");
  CHECK(tidegate_user_release(user) == TIDEGATE_OK);
  CHECK(tidegate_user_new("{}", TIDEGATE_NUL, &user) == TIDEGATE_E_ARG);
  CHECK(user == 0);
}

static void gates(tidegate_client client, tidegate_user user) {
  tidegate_result result = 0;
  tidegate_eval_times times = {0, -1, -1, -1};
  tidegate_buf *json = NULL;
  int32_t passed = -1;
  size_t len = 99;
  CHECK(tidegate_check_gate(client, user, "employees_only!", 14, 0, &passed) ==
        TIDEGATE_OK);
  CHECK(passed == 1);
  CHECK(tidegate_check_gate(client, user, "nobody_knows", TIDEGATE_NUL, 0,
                            &passed) == TIDEGATE_OK);
  CHECK(passed == 0);
  CHECK(tidegate_check_gate_json(client, ADA, TIDEGATE_NUL, "employees_only",
                                 TIDEGATE_NUL, TIDEGATE_EVAL_NO_EXPOSURE,
                                 &passed) == TIDEGATE_OK);
  CHECK(passed == 1);
  CHECK(tidegate_get_gate(client, user, "employees_only", TIDEGATE_NUL, 0,
                          &result) == TIDEGATE_OK);
  CHECK(tidegate_result_kind(result) == TIDEGATE_GATE);
  CHECK(tidegate_result_bool(result) == 1);
  CHECK_TEXT(tidegate_result_name(result, &len), "employees_only");
  CHECK(len == strlen("employees_only"));
  CHECK(tidegate_result_name(result, NULL) ==
        tidegate_result_name(result, NULL));
  CHECK_TEXT(tidegate_result_rule_id(result, NULL), "wy0F6cP4khTeP3cJb7PpBq");
  CHECK_TEXT(tidegate_result_id_type(result, NULL), "userID");
  CHECK(strlen(tidegate_result_reason(result, NULL)) > 0);
  times.struct_size = sizeof times;
  CHECK(tidegate_result_times(result, &times) == TIDEGATE_OK);
  CHECK(times.config_sync > 0 && times.server > 0);
  CHECK(tidegate_result_value_json(result, &json) == TIDEGATE_OK);
  CHECK_TEXT(tidegate_buf_data(json), "true");
  tidegate_buf_free(json);
  CHECK(tidegate_result_to_json(result, &json) == TIDEGATE_OK);
  CHECK_OWNED(json, "\"rule_id\":\"wy0F6cP4khTeP3cJb7PpBq\"");
  CHECK(tidegate_log_exposure_for_result(client, result, NULL, 0) ==
        TIDEGATE_OK);
  CHECK(tidegate_result_release(result) == TIDEGATE_OK);
  CHECK_TEXT(tidegate_result_name(result, &len), "");
  CHECK(len == 0);
}

static void parameters(tidegate_client client, tidegate_user user) {
  tidegate_result result = 0;
  tidegate_buf *json = NULL;
  const char *text = NULL;
  size_t len = 0;
  int64_t whole = 0;
  double number = 0;
  int32_t yes = -1;
  CHECK(tidegate_get_config(client, user, "shop_banner", TIDEGATE_NUL, 0,
                            &result) == TIDEGATE_OK);
  CHECK(tidegate_result_kind(result) == TIDEGATE_CONFIG);
  CHECK(tidegate_result_get_str(result, "title", TIDEGATE_NUL, &text, &len) ==
        TIDEGATE_OK);
  CHECK(text != NULL && strlen(text) == len && len > 0);
  CHECK(tidegate_result_get_str(result, "discount_percent", TIDEGATE_NUL, &text,
                                &len) == TIDEGATE_OK);
  CHECK(text == NULL && len == 0);
  CHECK(tidegate_result_get_i64(result, "discount_percent", TIDEGATE_NUL, 77,
                                &whole) == TIDEGATE_OK);
  CHECK(whole != 77);
  CHECK(tidegate_result_get_f64(result, "discount_percent", TIDEGATE_NUL, 77,
                                &number) == TIDEGATE_OK);
  CHECK(number == (double)whole);
  CHECK(tidegate_result_get_i64(result, "title", TIDEGATE_NUL, 77, &whole) ==
        TIDEGATE_OK);
  CHECK(whole == 77);
  CHECK(tidegate_result_get_bool(result, "absent", TIDEGATE_NUL, 1, &yes) ==
        TIDEGATE_OK);
  CHECK(yes == 1);
  CHECK(tidegate_result_has(result, "links", 5) == TIDEGATE_JSON_ARRAY);
  CHECK(tidegate_result_has(result, "absent", TIDEGATE_NUL) == 0);
  CHECK(tidegate_result_get_json(result, "links", 5, &json) == TIDEGATE_OK);
  CHECK_OWNED(json, "[\"/");
  CHECK(tidegate_result_get_json(result, "absent", TIDEGATE_NUL, &json) ==
        TIDEGATE_OK);
  CHECK(json == NULL);
  CHECK(tidegate_result_release(result) == TIDEGATE_OK);

  CHECK(tidegate_get_experiment(client, user, "free_shipping_threshold",
                                TIDEGATE_NUL, 0, &result) == TIDEGATE_OK);
  CHECK(tidegate_result_kind(result) == TIDEGATE_EXPERIMENT);
  CHECK(tidegate_result_get_i64(result, "threshold", TIDEGATE_NUL, 0, &whole) ==
        TIDEGATE_OK);
  CHECK(whole > 0);
  CHECK(tidegate_result_release(result) == TIDEGATE_OK);

  CHECK(tidegate_get_layer(client, user, "checkout_layer", TIDEGATE_NUL, 0,
                           &result) == TIDEGATE_OK);
  CHECK(tidegate_result_kind(result) == TIDEGATE_LAYER);
  CHECK(tidegate_result_get_bool(result, "show_reviews", TIDEGATE_NUL, 7,
                                 &yes) == TIDEGATE_OK);
  CHECK(yes == 0 || yes == 1);
  CHECK(tidegate_result_get_str(result, "button_text", TIDEGATE_NUL, &text,
                                NULL) == TIDEGATE_OK);
  CHECK(text != NULL && text[0] != '\0');
  CHECK(tidegate_log_exposure_for_result(client, result, "button_text",
                                         TIDEGATE_NUL) == TIDEGATE_OK);
  CHECK(tidegate_result_release(result) == TIDEGATE_OK);

  CHECK(tidegate_get_experiment(client, user, "nobody_knows", TIDEGATE_NUL, 0,
                                &result) == TIDEGATE_OK);
  CHECK(tidegate_result_group_name(result, &len) == NULL && len == 0);
  CHECK(strstr(tidegate_result_reason(result, NULL), "Unrecognized") != NULL);
  CHECK(tidegate_result_release(result) == TIDEGATE_OK);
}

static void documents(tidegate_client client, tidegate_user user) {
  tidegate_buf *json = NULL;
  CHECK(tidegate_evaluate_json(client, TIDEGATE_LAYER, ADA, TIDEGATE_NUL,
                               "checkout_layer", TIDEGATE_NUL, 0,
                               &json) == TIDEGATE_OK);
  CHECK_OWNED(json, "\"kind\":\"layer\"");
  CHECK(tidegate_evaluate_batch(
            client,
            "{\"users\":[{\"userID\":\"bo\"},{}],\"entities\":[{\"kind\":"
            "\"gate\",\"name\":\"employees_only\"}]}",
            TIDEGATE_NUL, &json) == TIDEGATE_OK);
  CHECK(strstr(tidegate_buf_data(json), "\"error\"") != NULL);
  CHECK_OWNED(json, "\"passed\":false");
  CHECK(tidegate_evaluate_all(client, user, &json) == TIDEGATE_OK);
  CHECK_OWNED(json, "\"employees_only\"");
  CHECK(tidegate_explain(client, user, TIDEGATE_GATE, "employees_only",
                         TIDEGATE_NUL, &json) == TIDEGATE_OK);
  CHECK_OWNED(json, "employees_only");
  CHECK(tidegate_get_client_init_response(client, user, "{\"hash\":\"none\"}",
                                          TIDEGATE_NUL, &json) == TIDEGATE_OK);
  CHECK_OWNED(json, "\"employees_only\"");
  CHECK(tidegate_list_entities(client, 0, &json) == TIDEGATE_OK);
  CHECK_OWNED(json, "\"checkout_layer\"");
  CHECK(tidegate_list_entities(client, TIDEGATE_GATE, &json) == TIDEGATE_OK);
  CHECK_OWNED(json, "\"employees_only\"");
  CHECK(tidegate_client_get_specs(client, &json) == TIDEGATE_OK);
  CHECK_TEXT(tidegate_buf_data(json), rules);
  tidegate_buf_free(json);
  CHECK(tidegate_client_stats(client, &json) == TIDEGATE_OK);
  CHECK_OWNED(json, "\"fork_generation\"");
  CHECK(tidegate_client_init_details(client, &json) == TIDEGATE_OK);
  CHECK_OWNED(json, "{");
}

static void overrides(tidegate_client client, tidegate_user user) {
  tidegate_buf *json = NULL;
  int32_t passed = -1;
  CHECK(tidegate_override(client, TIDEGATE_GATE, "employees_only", TIDEGATE_NUL,
                          "false", TIDEGATE_NUL, "ada", 3) == TIDEGATE_OK);
  CHECK(tidegate_check_gate(client, user, "employees_only", TIDEGATE_NUL, 0,
                            &passed) == TIDEGATE_OK);
  CHECK(passed == 0);
  CHECK(tidegate_dump_overrides(client, &json) == TIDEGATE_OK);
  CHECK(tidegate_remove_override(client, TIDEGATE_GATE, "employees_only",
                                 TIDEGATE_NUL, "ada", 3) == TIDEGATE_OK);
  CHECK(tidegate_check_gate(client, user, "employees_only", TIDEGATE_NUL, 0,
                            &passed) == TIDEGATE_OK);
  CHECK(passed == 1);
  CHECK(tidegate_load_overrides(client, tidegate_buf_data(json),
                                tidegate_buf_len(json)) == TIDEGATE_OK);
  CHECK_OWNED(json, "\"ada\":false");
  CHECK(tidegate_check_gate(client, user, "employees_only", TIDEGATE_NUL, 0,
                            &passed) == TIDEGATE_OK);
  CHECK(passed == 0);
  CHECK(tidegate_remove_all_overrides(client) == TIDEGATE_OK);
  CHECK(tidegate_check_gate(client, user, "employees_only", TIDEGATE_NUL, 0,
                            &passed) == TIDEGATE_OK);
  CHECK(passed == 1);
  CHECK(tidegate_override(client, TIDEGATE_GATE, "employees_only", TIDEGATE_NUL,
                          "{}", TIDEGATE_NUL, NULL, 0) == TIDEGATE_E_ARG);
}

static void events(tidegate_client client, tidegate_user user) {
  const double price = 12.5;
  CHECK(tidegate_log_event(client, user, "purchase", TIDEGATE_NUL, &price, NULL,
                           0, "{\"item\":\"cup\"}",
                           TIDEGATE_NUL) == TIDEGATE_OK);
  CHECK(tidegate_log_event(client, user, "search", TIDEGATE_NUL, NULL, "cup", 3,
                           NULL, 0) == TIDEGATE_OK);
  CHECK(tidegate_log_event(client, user, "search", TIDEGATE_NUL, &price, "cup",
                           3, NULL, 0) == TIDEGATE_E_ARG);
  CHECK(tidegate_log_event_json(client,
                                "[{\"user\":{\"userID\":\"bo\"},"
                                "\"event_name\":\"visit\"}]",
                                TIDEGATE_NUL) == TIDEGATE_OK);
  CHECK(tidegate_log_exposure(client, user, TIDEGATE_GATE, "employees_only",
                              TIDEGATE_NUL, NULL, 0) == TIDEGATE_OK);
  CHECK(tidegate_log_exposure(client, user, TIDEGATE_LAYER, "checkout_layer",
                              TIDEGATE_NUL, "button_text",
                              TIDEGATE_NUL) == TIDEGATE_OK);
}

static void lifecycle(tidegate_client client) {
  tidegate_flush_info info = {sizeof(tidegate_flush_info), 9, 9, 9, 9};
  tidegate_buf *json = NULL;
  uint32_t next_ms = 0;
  CHECK(tidegate_client_is_initialized(client) == 1);
  CHECK(tidegate_client_wait_initialized(client, 0) == TIDEGATE_OK);
  CHECK(tidegate_client_initialize(client, 1000) == TIDEGATE_OK);
  CHECK(tidegate_client_tick(client, 100, &next_ms) == TIDEGATE_OK);
  CHECK(tidegate_client_set_polling(client, 0) == TIDEGATE_OK);
  CHECK(tidegate_client_set_polling(client, 1) == TIDEGATE_OK);
  do {
    CHECK(tidegate_client_poll_event(client, &json) == TIDEGATE_OK);
    tidegate_buf_free(json);
  } while (json != NULL);
  CHECK(tidegate_client_flush(client, 30000, &info) >= TIDEGATE_OK);
  CHECK(info.queued == 0);
  CHECK(tidegate_client_shutdown(client, 30000, &info) >= TIDEGATE_OK);
  CHECK(tidegate_client_shutdown(client, 30000, &info) == TIDEGATE_OK);
  CHECK(info.sent == 0);
  CHECK(tidegate_client_is_initialized(client) == 0);
  CHECK(tidegate_client_initialize(client, 1000) == TIDEGATE_E_STATE);
  CHECK(tidegate_callbacks_close(client, 1000) == TIDEGATE_OK);
  CHECK(tidegate_client_release(client) == TIDEGATE_OK);
  CHECK(tidegate_client_release(client) == TIDEGATE_E_HANDLE);
}

int main(int argc, char **argv) {
  tidegate_client client;
  tidegate_user user;
  begin(argc, argv);
  library();
  options();
  users();
  client = ready_client(make_options(LOCAL));
  user = make_user(ADA);
  gates(client, user);
  parameters(client, user);
  documents(client, user);
  overrides(client, user);
  events(client, user);
  CHECK(tidegate_user_release(user) == TIDEGATE_OK);
  lifecycle(client);
  return end();
}
