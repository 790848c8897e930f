/* What calls cost over the C ABI.
 *
 *   bench SPECS.json [--rows a,b] [--count N]   nanoseconds per call, the best of five rounds
 *   bench SPECS.json --once ROW --count N       runs one row N times: for counting instructions
 *
 * SPECS is a ruleset made by benches/rules.py, whose names the rows know. Prints one JSON line a row.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <tidegate.h>
#include <time.h>

#define NUL TIDEGATE_NUL
#define POOL 4096

static tidegate_client client;
static tidegate_user hot, pool[POOL];
static char pool_json[POOL][400];

static const char *USER_FORMAT =
    "{\"userID\":\"user-%d\",\"email\":\"user-%d@mail.example\",\"country\":\"DE\","
    "\"appVersion\":\"2.3.4\",\"custom\":{\"plan\":\"pro\",\"age\":%d,\"lang\":\"de\"},"
    "\"customIDs\":{\"companyID\":\"company-%d\"}}";

static void check(tidegate_status status, const char *what) {
    if (status < 0) {
        char message[300];
        tidegate_last_error(message, sizeof message);
        fprintf(stderr, "%s: %s\n", what, message);
        exit(1);
    }
}

static double now_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static volatile int64_t sink;

static void gate(tidegate_user user, const char *name, size_t len, uint32_t flags) {
    int32_t passed;
    check(tidegate_check_gate(client, user, name, len, flags, &passed), "check_gate");
    sink += passed;
}

#define GATE(row, user, name, flags) \
    static void row(int i) { (void)i; gate(user, name, sizeof name - 1, flags); }

GATE(public_silent, hot, "bench_public", TIDEGATE_EVAL_NO_EXPOSURE)
GATE(public_exposed, hot, "bench_public", 0)
GATE(half_silent, hot, "bench_half", TIDEGATE_EVAL_NO_EXPOSURE)
GATE(half_pool, pool[i % POOL], "bench_half", TIDEGATE_EVAL_NO_EXPOSURE)
GATE(many_rules, hot, "bench_many_rules", TIDEGATE_EVAL_NO_EXPOSURE)
GATE(nested, hot, "bench_nested", TIDEGATE_EVAL_NO_EXPOSURE)
GATE(unknown, hot, "bench_no_such_gate", TIDEGATE_EVAL_NO_EXPOSURE)

static void user_from_json(int i) {
    tidegate_user user;
    const char *json = pool_json[i % POOL];
    check(tidegate_user_new(json, strlen(json), &user), "user");
    tidegate_user_release(user);
}

static void user_and_gate(int i) {
    tidegate_user user;
    const char *json = pool_json[i % POOL];
    check(tidegate_user_new(json, strlen(json), &user), "user");
    gate(user, "bench_public", 12, 0);
    tidegate_user_release(user);
}

static void read_two(tidegate_result result) {
    const char *text;
    int64_t number;
    check(tidegate_result_get_str(result, "title", 5, &text, NULL), "title");
    check(tidegate_result_get_i64(result, "count", 5, 0, &number), "count");
    sink += number;
    tidegate_result_release(result);
}

static void config(int i) {
    tidegate_result result;
    (void)i;
    check(tidegate_get_config(client, hot, "bench_config", 12, 0, &result), "config");
    read_two(result);
}

static void experiment(int i) {
    tidegate_result result;
    (void)i;
    check(tidegate_get_experiment(client, hot, "bench_experiment", 16, 0, &result), "experiment");
    read_two(result);
}

static void layer(int i) {
    tidegate_result result;
    const char *text;
    (void)i;
    check(tidegate_get_layer(client, hot, "bench_layer", 11, 0, &result), "layer");
    check(tidegate_result_get_str(result, "title", 5, &text, NULL), "title");
    tidegate_result_release(result);
}

static void log_event(int i) {
    double value = i;
    check(tidegate_log_event(client, hot, "purchase", 8, &value, NULL, 0, "{\"sku\":\"x\"}", 11), "event");
}

static void init_response(int i) {
    tidegate_buf *json;
    (void)i;
    check(tidegate_get_client_init_response(client, hot, "{\"hash\":\"djb2\"}", NUL, &json), "response");
    sink += (int64_t)tidegate_buf_len(json);
    tidegate_buf_free(json);
}

static const struct { const char *name; void (*run)(int); int count; } ROWS[] = {
    {"public", public_silent, 400000}, {"public_exposed", public_exposed, 400000},
    {"half", half_silent, 200000},     {"half_pool", half_pool, 200000},
    {"many_rules", many_rules, 100000}, {"nested", nested, 100000},
    {"unknown", unknown, 400000},      {"user", user_from_json, 100000},
    {"user_and_gate", user_and_gate, 100000}, {"config", config, 100000},
    {"experiment", experiment, 100000}, {"layer", layer, 100000},
    {"log_event", log_event, 100000},  {"init_response", init_response, 200},
};
#define ROW_COUNT (int)(sizeof ROWS / sizeof ROWS[0])

static char *read_file(const char *path, size_t *len) {
    FILE *file = fopen(path, "rb");
    char *text;
    if (!file) { perror(path); exit(1); }
    fseek(file, 0, SEEK_END);
    *len = (size_t)ftell(file);
    rewind(file);
    text = malloc(*len + 1);
    if (!text || fread(text, 1, *len, file) != *len) exit(1);
    text[*len] = 0;
    fclose(file);
    return text;
}

int main(int argc, char **argv) {
    const char *once = NULL;
    int count = 0, i, row;
    size_t len;
    tidegate_options options;
    if (argc < 2) return 2;
    for (i = 2; i + 1 < argc; i += 2) {
        if (!strcmp(argv[i], "--once")) once = argv[i + 1];
        if (!strcmp(argv[i], "--count")) count = atoi(argv[i + 1]);
    }
    /* Events are accepted, queued and serialized for real; nothing listens at the address. */
    check(tidegate_options_new("{\"api\":\"http://127.0.0.1:1/v1\",\"rulesets_sync_interval\":3600,"
                               "\"output_logger_level\":\"none\",\"disable_error_reporting\":true}",
                               NUL, &options), "options");
    check(tidegate_client_new("secret-bench", NUL, options, &client), "client");
    check(tidegate_client_initialize(client, 5000), "initialize");
    char *specs = read_file(argv[1], &len);
    check(tidegate_client_update_specs(client, specs, len), "specs");
    free(specs);
    for (i = 0; i < POOL; i++) {
        snprintf(pool_json[i], sizeof pool_json[i], USER_FORMAT, i, i, 20 + i % 60, i % 97);
        check(tidegate_user_new(pool_json[i], NUL, &pool[i]), "user");
    }
    hot = pool[7];
    for (row = 0; row < ROW_COUNT; row++) {
        int calls = count ? count : ROWS[row].count, round;
        double best = 0;
        if (once && strcmp(once, ROWS[row].name)) continue;
        for (round = 0; round < (once ? 1 : 5); round++) {
            double start = now_ns(), ns;
            for (i = 0; i < calls; i++) ROWS[row].run(i);
            ns = (now_ns() - start) / calls;
            if (round == 0 || ns < best) best = ns;
        }
        printf("{\"row\":\"%s\",\"ns\":%.1f}\n", ROWS[row].name, best);
    }
    for (i = 0; i < POOL; i++) tidegate_user_release(pool[i]);
    check(tidegate_client_shutdown(client, 100, NULL), "shutdown");
    tidegate_client_release(client);
    tidegate_options_release(options);
    return 0;
}
