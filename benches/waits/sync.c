/* Whether an evaluation ever waits for sync: sync SPECS.json
 *
 * Times each of a million check_gate calls three times: with nothing else going on; beside threads
 * of this program that keep the cores and the memory busy; and while a data store sleeps in each of
 * its callbacks, every list of id lists comes from a server that never answers, and rulesets of ten
 * megabytes, all of whose specs have changed, are compiled one after the other. What the second has
 * too is the machine's noise. What a busy machine cannot blur is counted besides: how often the
 * thread gave up its core by itself while it was in a call. Fails if it ever did.
 */
#include "../client.h"

#define CALLS 1000000
#define BATCH 1000
#define NOISE_THREADS 2
#define STORE_SLEEP_MS 20
/* What stands before the hexadecimal digits that are counted up. */
#define MARK "\"salt\":\""
#define MAX_MARKS 1000000
#define GATE "bench_half"

static char *document;
static size_t document_len, marks[MAX_MARKS], mark_count;
static char *time_digits;
static volatile int is_over;
static volatile int delivered;

static void read_document(const char *path) {
    char *at;
    document = read_file(path, &document_len);
    for (at = document; (at = strstr(at, MARK)) != NULL && mark_count < MAX_MARKS; at++)
        marks[mark_count++] = (size_t)(at - document) + strlen(MARK);
    time_digits = strstr(document, "\"time\":");
    if (time_digits != NULL) time_digits += strcspn(time_digits, "123456789");
    if (mark_count == 0 || time_digits == NULL) {
        fprintf(stderr, "%s is not a ruleset of benches/rules.py\n", path);
        exit(1);
    }
}

/* Another ruleset in which nothing is as it was. */
static void next_document(void) {
    char digits[24];
    size_t i, width = strspn(time_digits, "0123456789");
    delivered++;
    for (i = 0; i < mark_count; i++) {
        snprintf(digits, sizeof digits, "%04x", delivered & 0xffff);
        memcpy(document + marks[i], digits, 4);
    }
    snprintf(digits, sizeof digits, "%0*lld", (int)width, strtoll(time_digits, NULL, 10) + 1);
    memcpy(time_digits, digits, width);
}

static int32_t store_get(void *user_data, const char *key, size_t len, tidegate_reply *reply) {
    (void)user_data;
    pause_ms(STORE_SLEEP_MS);
    if (len != strlen("statsig.cache") || memcmp(key, "statsig.cache", len) != 0) return 0;
    next_document();
    return tidegate_reply_set(reply, document, document_len) == TIDEGATE_OK ? 0 : 1;
}

static int32_t store_set(void *user_data, const char *key, size_t key_len, const char *value,
                         size_t len, int64_t time_ms) {
    (void)user_data, (void)key, (void)key_len, (void)value, (void)len, (void)time_ms;
    pause_ms(STORE_SLEEP_MS);
    return 0;
}

static int32_t store_polls(void *user_data, const char *path, size_t len) {
    (void)user_data, (void)path, (void)len;
    pause_ms(STORE_SLEEP_MS);
    return 1;
}

static tidegate_client idle_client(void) {
    tidegate_client client = client_with("{\"local_mode\":true}", NULL);
    check(tidegate_client_update_specs(client, document, document_len), "specs");
    return client;
}

static tidegate_client syncing_client(void) {
    static const char *format =
        "{\"api\":\"http://127.0.0.1:%d/v1\","
        "\"api_for_statsig_network\":\"http://127.0.0.1:%d/v1\","
        "\"api_for_sdk_exception\":\"http://127.0.0.1:%d/v1/sdk_exception\","
        "\"initialize_sources\":[\"datastore\"],\"rulesets_sync_interval\":0.001,"
        "\"idlists_sync_interval\":0.001,\"timeout\":0.2,\"init_timeout\":0.2,"
        "\"output_logger_level\":\"none\"}";
    tidegate_data_store_vtable store = {sizeof store, NULL, NULL, store_get, store_set,
                                        store_polls, NULL};
    char json[800];
    int port = silent_server();
    snprintf(json, sizeof json, format, port, port, port);
    return client_with(json, &store);
}

static void *noise(void *unused) {
    char *copy = malloc(document_len);
    (void)unused;
    while (!is_over) {
        free(copy);
        copy = malloc(document_len);
        if (copy != NULL) memcpy(copy, document, document_len);
    }
    free(copy);
    return NULL;
}

static long waits_in_calls;

/* Nanoseconds of the slowest call. */
static double measure(const char *row, tidegate_client client) {
    static int64_t times[CALLS];
    static const char user_json[] =
        "{\"userID\":\"user-1\",\"email\":\"user-1@mail.example\",\"country\":\"DE\"}";
    tidegate_user user;
    int64_t before, after;
    int32_t passed;
    int i, first = delivered;
    long waited = 0, forced = preemptions(), before_batch = 0;
    memset(times, 0, sizeof times);
    check(tidegate_user_new(user_json, sizeof user_json - 1, &user), "user");
    for (i = 0; i < CALLS; i++) {
        /* Spread over some time, so that every phase of a round is met. */
        if (i % BATCH == 0) {
            if (i > 0) waited += waits() - before_batch;
            pause_ms(10);
            before_batch = waits();
        }
        before = now_ns();
        tidegate_check_gate(client, user, GATE, sizeof GATE - 1, TIDEGATE_EVAL_NO_EXPOSURE,
                            &passed);
        after = now_ns();
        times[i] = after - before;
    }
    waited += waits() - before_batch;
    forced = preemptions() - forced;
    tidegate_user_release(user);
    qsort(times, CALLS, sizeof *times, ascending);
    printf("{\"row\":\"%s\",\"calls\":%d,\"p50_ns\":%lld,\"p999_ns\":%lld,\"p9999_ns\":%lld,"
           "\"slowest_ns\":%lld,\"waits\":%ld,\"preempted\":%ld,\"rulesets\":%d}\n",
           row, CALLS, (long long)times[CALLS / 2], (long long)times[CALLS - CALLS / 1000],
           (long long)times[CALLS - CALLS / 10000], (long long)times[CALLS - 1], waited, forced,
           delivered - first);
    fflush(stdout);
    waits_in_calls = waited;
    return (double)times[CALLS - 1];
}

int main(int argc, char **argv) {
    pthread_t threads[NOISE_THREADS];
    tidegate_client client;
    double idle, noisy, syncing;
    int i;
    if (argc != 2) {
        fprintf(stderr, "usage: %s SPECS.json\n", argv[0]);
        return 2;
    }
    read_document(argv[1]);
    printf("a ruleset has %.1f MB and %zu salts\n", (double)document_len / 1e6, mark_count);
    client = idle_client();
    idle = measure("idle", client);
    for (i = 0; i < NOISE_THREADS; i++) pthread_create(&threads[i], NULL, noise, NULL);
    noisy = measure("busy machine", client);
    is_over = 1;
    for (i = 0; i < NOISE_THREADS; i++) pthread_join(threads[i], NULL);
    client_end(client, 10000);
    client = syncing_client();
    syncing = measure("syncing", client);
    client_end(client, 10000);
    printf("{\"ratio\":\"check_gate, syncing : busy machine\",\"slowest\":%.2f,\"waits\":%ld}\n",
           syncing / noisy, waits_in_calls);
    printf("{\"ratio\":\"check_gate, syncing : idle\",\"slowest\":%.2f}\n", syncing / idle);
    return waits_in_calls > 0;
}
