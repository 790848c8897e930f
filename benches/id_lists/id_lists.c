/* Memory of large id lists: id_lists OPTIONS IDS INCREMENT
 *
 * The server that the options name has a list of IDS ids, then INCREMENT more, then the same in a
 * new file. Prints resident memory and its peak after each, and how long a reader had to wait.
 */
#include "../client.h"

static tidegate_client client;
static volatile int is_over;
static int64_t slowest_ns, reads;

static long memory_kb(const char *name) {
    char line[200];
    long kb = 0;
    FILE *file = fopen("/proc/self/status", "r");
    while (file != NULL && fgets(line, sizeof line, file) != NULL)
        if (strncmp(line, name, strlen(name)) == 0) kb = strtol(line + strlen(name) + 1, NULL, 10);
    if (file != NULL) fclose(file);
    return kb;
}

static void reset_peak(void) {
    FILE *file = fopen("/proc/self/clear_refs", "w");
    if (file != NULL) {
        fputs("5", file);
        fclose(file);
    }
}

static long long number(const char *json, const char *member) {
    const char *at = strstr(json, member);
    return at == NULL ? -1 : strtoll(at + strlen(member), NULL, 10);
}

/* Waits until the list has `ids` ids and the file `file` was read; returns the bytes of its table. */
static long long wait_for(long long ids) {
    long long found, bytes;
    int waited;
    for (waited = 0; waited < 600000; waited += 5) {
        tidegate_buf *stats = NULL;
        const char *lists;
        check(tidegate_client_stats(client, &stats), "stats");
        lists = strstr(tidegate_buf_data(stats), "\"id_lists\":{");
        found = lists == NULL ? -1 : number(lists, "\"ids\":");
        bytes = lists == NULL ? -1 : number(lists, "\"bytes\":");
        tidegate_buf_free(stats);
        if (found == ids) return bytes;
        pause_ms(5);
    }
    fprintf(stderr, "there are never %lld ids\n", ids);
    exit(1);
}

static void *read_on(void *unused) {
    static const char user[] = "{\"userID\":\"regular_user_id\"}";
    tidegate_user id;
    (void)unused;
    check(tidegate_user_new(user, sizeof user - 1, &id), "user");
    while (!is_over) {
        int32_t passed;
        int64_t before = now_ns(), took;
        tidegate_check_gate(client, id, "in_list", 7, TIDEGATE_EVAL_NO_EXPOSURE, &passed);
        took = now_ns() - before;
        if (took > slowest_ns) slowest_ns = took;
        reads++;
    }
    tidegate_user_release(id);
    return NULL;
}

static void report(const char *row, long long ids, long long bytes, long before_kb, int64_t start) {
    long now = memory_kb("VmRSS") - before_kb, peak = memory_kb("VmHWM") - before_kb;
    printf("{\"row\":\"%s\",\"ids\":%lld,\"table_bytes_per_id\":%.2f,\"resident_bytes_per_id\":%.2f,"
           "\"peak_bytes_per_id\":%.2f,\"seconds\":%.2f}\n",
           row, ids, (double)bytes / (double)ids, 1024.0 * (double)now / (double)ids,
           1024.0 * (double)peak / (double)ids, (double)(now_ns() - start) / 1e9);
    fflush(stdout);
}

int main(int argc, char **argv) {
    pthread_t reader;
    long before_kb;
    long long ids, increment, bytes;
    int64_t start;
    if (argc != 4) {
        fprintf(stderr, "usage: %s OPTIONS IDS INCREMENT\n", argv[0]);
        return 2;
    }
    ids = strtoll(argv[2], NULL, 10);
    increment = strtoll(argv[3], NULL, 10);
    before_kb = memory_kb("VmRSS");
    start = now_ns();
    client = client_with(argv[1], NULL);
    report("whole file", ids, wait_for(ids), before_kb, start);
    pthread_create(&reader, NULL, read_on, NULL);
    reset_peak();
    start = now_ns();
    bytes = wait_for(ids + increment);
    report("increment", ids + increment, bytes, before_kb, start);
    /* The new file has one id more, to be told from the old one. */
    reset_peak();
    start = now_ns();
    bytes = wait_for(ids + increment + 1);
    report("rewritten file, beside the old one", ids + increment + 1, bytes, before_kb, start);
    is_over = 1;
    pthread_join(reader, NULL);
    printf("%lld reads meanwhile, the slowest took %.3f ms\n", (long long)reads,
           (double)slowest_ns / 1e6);
    client_end(client, 10000);
    return 0;
}
