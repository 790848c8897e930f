/* Whether logging ever waits: the slowest call when nothing is going on, and when the server is
 * dead and every queue is full.
 *
 *   waits RULES.json     prints one JSON line for each kind of call
 *
 * A machine interrupts whoever runs: the slowest of thousands of calls says more about its other
 * work than about the call. So a run is repeated, idle and dead in turn, and what counts is the run
 * whose slowest call was quickest: a call that waits by design waits in each of them.
 */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <tidegate.h>
#include <time.h>
#include <unistd.h>

#define NUL TIDEGATE_NUL
#define CALLS 2000
#define RUNS 60
#define PEOPLE 130000
#define KEY "secret-0123456789abcdef"

static char *rules;
static tidegate_user people[PEOPLE];

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

/* A server that takes connections and never answers. */
static int dead_server(void) {
    struct sockaddr_in address = {0};
    socklen_t len = sizeof address;
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (bind(listener, (struct sockaddr *)&address, len) || listen(listener, 512) ||
        getsockname(listener, (struct sockaddr *)&address, &len)) {
        perror("a server");
        exit(1);
    }
    return ntohs(address.sin_port);
}

static tidegate_client client_with(const char *more) {
    tidegate_options options;
    tidegate_client client;
    size_t len = strlen(rules) * 2 + 1000;
    char *json = malloc(len), *at = json;
    at += sprintf(at,
                  "{\"api\":\"http://127.0.0.1:%d/v1\",\"disable_diagnostics\":true,"
                  "\"disable_error_reporting\":true,\"rulesets_sync_interval\":3600,"
                  "\"idlists_sync_interval\":3600,\"init_timeout\":0.05,%s,"
                  "\"bootstrap_values\":\"",
                  dead_server(), more);
    for (const char *c = rules; *c; c++) {
        if (*c == '"' || *c == '\\') *at++ = '\\';
        if ((unsigned char)*c >= ' ') *at++ = *c;
    }
    strcpy(at, "\"}");
    check(tidegate_options_new(json, NUL, &options), "options");
    check(tidegate_client_new(KEY, NUL, options, &client), "client");
    check(tidegate_client_initialize(client, 10000), "initialize");
    tidegate_options_release(options);
    free(json);
    return client;
}

static int turn;

static void log_event(tidegate_client client) {
    double value = 9.99;
    check(tidegate_log_event(client, people[turn++ % PEOPLE], "purchase", NUL, &value, NULL, 0,
                             "{\"sku\":\"a-17\"}", NUL),
          "log_event");
}

/* Another user each time, so that the exposure is a fresh one. */
static void expose(tidegate_client client) {
    int32_t passed;
    check(tidegate_check_gate(client, people[turn++ % PEOPLE], "g_on", NUL, 0, &passed), "gate");
}

static double slowest_ns(tidegate_client client, void (*call)(tidegate_client)) {
    double slowest = 0;
    for (int i = 0; i < CALLS; i++) {
        double start = now_ns(), took;
        call(client);
        took = now_ns() - start;
        if (took > slowest) slowest = took;
    }
    return slowest;
}

static double dropped(tidegate_client client) {
    tidegate_buf *stats;
    const char *found;
    double count;
    check(tidegate_client_stats(client, &stats), "stats");
    found = strstr(tidegate_buf_data(stats), "\"queue_full\":");
    count = found ? atof(found + strlen("\"queue_full\":")) : -1;
    tidegate_buf_free(stats);
    return count;
}

static int compare(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void measure(const char *name, void (*call)(tidegate_client)) {
    double idle[RUNS], dead[RUNS], drops;
    /* Queues that take all that a run brings, and small ones, filled before. */
    tidegate_client busy =
        client_with("\"event_queue_size\":50,\"retry_queue_size\":1,\"timeout\":30");
    for (int i = 0; i < 100000; i++) log_event(busy);
    drops = dropped(busy);
    for (int run = 0; run < RUNS; run++) {
        tidegate_client quiet =
            client_with("\"event_queue_size\":2000,\"retry_queue_size\":100,\"timeout\":30");
        turn = run * CALLS;
        idle[run] = slowest_ns(quiet, call);
        if (dropped(quiet) != 0) {
            fprintf(stderr, "%s: the idle client drops events\n", name);
            exit(1);
        }
        tidegate_client_shutdown(quiet, 0, NULL);
        tidegate_client_release(quiet);
        dead[run] = slowest_ns(busy, call);
    }
    if (drops <= 0 || dropped(busy) <= drops) {
        fprintf(stderr, "%s: the queue was not full\n", name);
        exit(1);
    }
    tidegate_client_shutdown(busy, 0, NULL);
    tidegate_client_release(busy);
    qsort(idle, RUNS, sizeof *idle, compare);
    qsort(dead, RUNS, sizeof *dead, compare);
    printf("{\"call\":\"%s\",\"calls\":%d,\"runs\":%d,\"slowest_idle_ns\":%.0f,"
           "\"slowest_dead_ns\":%.0f,\"ratio\":%.2f,\"median_idle_ns\":%.0f,"
           "\"median_dead_ns\":%.0f,\"median_ratio\":%.2f}\n",
           name, CALLS, RUNS, idle[0], dead[0], dead[0] / idle[0], idle[RUNS / 2],
           dead[RUNS / 2], dead[RUNS / 2] / idle[RUNS / 2]);
}

int main(int argc, char **argv) {
    FILE *file = argc == 2 ? fopen(argv[1], "rb") : NULL;
    char json[64];
    long len;
    if (!file) {
        fprintf(stderr, "usage: waits RULES.json\n");
        return 2;
    }
    fseek(file, 0, SEEK_END);
    len = ftell(file);
    rewind(file);
    rules = calloc(1, (size_t)len + 1);
    if (fread(rules, 1, (size_t)len, file) != (size_t)len) return 2;
    for (int i = 0; i < PEOPLE; i++) {
        sprintf(json, "{\"userID\":\"user-%d\"}", i);
        check(tidegate_user_new(json, NUL, &people[i]), "user");
    }
    measure("log_event", log_event);
    measure("check_gate with an exposure", expose);
    return 0;
}
