/* Tidegate, as its users call it. */
#include <stdio.h>
#include <stdlib.h>
#include <tidegate.h>

#include "side.h"

const char *const side_name = "tidegate";

static tidegate_client client;

static void check(tidegate_status status, const char *what) {
    if (status < 0) {
        char message[300];
        tidegate_last_error(message, sizeof message);
        fprintf(stderr, "%s: %s\n", what, message);
        exit(1);
    }
}

void side_start(const char *url) {
    char json[400];
    tidegate_options options;
    /* Nobody listens at the address of a run without a server. */
    snprintf(json, sizeof json,
             "{\"api\":\"%s/v2\",\"rulesets_sync_interval\":3600,\"idlists_sync_interval\":3600,"
             "\"output_logger_level\":\"none\",\"disable_error_reporting\":true}",
             url ? url : "http://127.0.0.1:1");
    check(tidegate_options_new(json, TIDEGATE_NUL, &options), "options");
    check(tidegate_client_new("secret-bench", TIDEGATE_NUL, options, &client), "client");
    tidegate_options_release(options);
    check(tidegate_client_initialize(client, 30000), "initialize");
}

int side_specs(const char *json, size_t len) {
    check(tidegate_client_update_specs(client, json, len), "specs");
    return 1;
}

side_user side_user_new(const char *json, size_t len) {
    tidegate_user user;
    check(tidegate_user_new(json, len, &user), "user");
    return user;
}

void side_user_release(side_user user) {
    check(tidegate_user_release(user), "release");
}

int side_gate(side_user user, const char *name, size_t len, int exposed) {
    int32_t passed;
    uint32_t flags = exposed ? 0 : TIDEGATE_EVAL_NO_EXPOSURE;
    check(tidegate_check_gate(client, user, name, len, flags, &passed), "check_gate");
    return passed;
}

static int64_t read_two(tidegate_result result) {
    const char *text;
    int64_t number;
    check(tidegate_result_get_str(result, "title", 5, &text, NULL), "title");
    check(tidegate_result_get_i64(result, "count", 5, 0, &number), "count");
    number += text ? *text : 0;
    check(tidegate_result_release(result), "release");
    return number;
}

int64_t side_config(side_user user, const char *name, size_t len) {
    tidegate_result result;
    check(tidegate_get_config(client, user, name, len, 0, &result), "config");
    return read_two(result);
}

int64_t side_experiment(side_user user, const char *name, size_t len) {
    tidegate_result result;
    check(tidegate_get_experiment(client, user, name, len, 0, &result), "experiment");
    return read_two(result);
}

int64_t side_layer(side_user user, const char *name, size_t len) {
    tidegate_result result;
    const char *text;
    int64_t sum;
    check(tidegate_get_layer(client, user, name, len, 0, &result), "layer");
    check(tidegate_result_get_str(result, "title", 5, &text, NULL), "title");
    sum = text ? *text : 0;
    check(tidegate_result_release(result), "release");
    return sum;
}

void side_event(side_user user, double value) {
    check(tidegate_log_event(client, user, "purchase", 8, &value, NULL, 0, "{\"sku\":\"x\"}", 11),
          "log_event");
}

size_t side_init_response(side_user user) {
    tidegate_buf *json;
    size_t len;
    check(tidegate_get_client_init_response(client, user, "{\"hash\":\"djb2\"}", 15, &json),
          "init_response");
    len = tidegate_buf_len(json);
    tidegate_buf_free(json);
    return len;
}

void side_flush(void) {
    check(tidegate_client_flush(client, 30000, NULL), "flush");
}

void side_stop(void) {
    check(tidegate_client_shutdown(client, 10000, NULL), "shutdown");
    tidegate_client_release(client);
}
