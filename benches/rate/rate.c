/* Fresh exposures at a steady rate: rate OPTIONS RATE SECONDS
 *
 * One thread makes a user that nobody has seen, asks a gate for it, which is an exposure, and lets
 * the user go: RATE times a second, in as many calls a millisecond as are due. Then it flushes, and
 * prints what was measured. Fails if an exposure was dropped, or is not accounted for.
 */
#include "../client.h"

#define NAME "bench_public"
#define ONE_SECOND 1000000000LL
/* Percentiles come from counters: 64 for each power of two, so that they are up to 1.6 % high, and
 * take the same memory however long a run is. */
#define SUB_BITS 6
#define SUB (1 << SUB_BITS)
#define COUNTERS (64 * SUB)

static uint64_t counters[COUNTERS];

static unsigned counter_of(uint64_t ns) {
    unsigned shift = 0;
    while (ns >> shift >= 2 * SUB) shift++;
    return shift * SUB + (unsigned)(ns >> shift);
}

/* The largest value that a counter counts. */
static uint64_t top_of(unsigned counter) {
    unsigned shift = counter < 2 * SUB ? 0 : counter / SUB - 1;
    return ((uint64_t)(counter - shift * SUB + 1) << shift) - 1;
}

static uint64_t percentile(double share, uint64_t calls) {
    uint64_t seen = 0;
    unsigned counter;
    for (counter = 0; counter < COUNTERS; counter++) {
        seen += counters[counter];
        if ((double)seen >= share * (double)calls) return top_of(counter);
    }
    return 0;
}

static double clock_s(clockid_t clock) {
    struct timespec t;
    clock_gettime(clock, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static long memory_kb(const char *name) {
    char line[200];
    long kb = -1;
    FILE *file = fopen("/proc/self/status", "r");
    while (file != NULL && fgets(line, sizeof line, file) != NULL)
        if (strncmp(line, name, strlen(name)) == 0) kb = strtol(line + strlen(name) + 1, NULL, 10);
    if (file != NULL) fclose(file);
    return kb;
}

/* A count in the stats about events. */
static long long number(const char *events, const char *member) {
    const char *at = strstr(events, member);
    if (at == NULL) {
        fprintf(stderr, "no %s in %s\n", member, events);
        exit(1);
    }
    return strtoll(at + strlen(member), NULL, 10);
}

/* One call: the time of the gate in ns. */
static uint64_t expose(tidegate_client client, uint64_t turn) {
    char json[200];
    tidegate_user user;
    int32_t passed;
    int64_t start, took;
    int len = snprintf(json, sizeof json,
                       "{\"userID\":\"user-%llu\",\"country\":\"DE\","
                       "\"custom\":{\"plan\":\"pro\"}}",
                       (unsigned long long)turn);
    check(tidegate_user_new(json, (size_t)len, &user), "user");
    start = now_ns();
    check(tidegate_check_gate(client, user, NAME, sizeof NAME - 1, 0, &passed), "gate");
    took = now_ns() - start;
    tidegate_user_release(user);
    if (!passed) {
        fprintf(stderr, "nobody passes %s\n", NAME);
        exit(1);
    }
    return (uint64_t)took;
}

/* Prints what became of the exposures; 0 if all of `calls` were delivered. */
static int print_events(tidegate_client client, uint64_t calls) {
    tidegate_buf *stats;
    const char *events, *drops;
    long long accepted, sent, spooled, queued, dropped;
    int is_balanced;
    check(tidegate_client_stats(client, &stats), "stats");
    events = strstr(tidegate_buf_data(stats), "\"events\":{");
    drops = events == NULL ? NULL : strstr(events, "\"dropped\":{");
    if (drops == NULL) {
        fprintf(stderr, "no events in %s\n", tidegate_buf_data(stats));
        exit(1);
    }
    accepted = number(events, "\"accepted\":");
    sent = number(events, "\"sent\":");
    spooled = number(events, "\"spooled\":");
    queued = number(events, "\"queued\":");
    dropped = number(drops, "\"total\":");
    tidegate_buf_free(stats);
    is_balanced = accepted == sent + spooled + queued + dropped && (uint64_t)accepted == calls;
    printf("{\"row\":\"events\",\"accepted\":%lld,\"delivered\":%lld,\"spooled\":%lld,"
           "\"queued\":%lld,\"dropped\":%lld,\"balanced\":%s}\n",
           accepted, sent, spooled, queued, dropped, is_balanced ? "true" : "false");
    return !is_balanced || dropped != 0 || queued != 0;
}

int main(int argc, char **argv) {
    tidegate_client client;
    uint64_t rate, turn = 0, slowest = 0;
    int64_t start, length, sample_ns;
    double cpu, thread_cpu, seconds, used, thread_used;
    long kb = -1;
    tidegate_flush_info info;
    int failed;
    if (argc != 4) {
        fprintf(stderr, "usage: %s OPTIONS RATE SECONDS\n", argv[0]);
        return 2;
    }
    rate = strtoull(argv[2], NULL, 10);
    length = strtoll(argv[3], NULL, 10) * ONE_SECOND;
    /* Resident memory after a minute, or after half of a run that has none. */
    sample_ns = length > 60 * ONE_SECOND ? 60 * ONE_SECOND : length / 2;
    client = client_with(argv[1], NULL);
    memset(counters, 0, sizeof counters);
    cpu = clock_s(CLOCK_PROCESS_CPUTIME_ID);
    thread_cpu = clock_s(CLOCK_THREAD_CPUTIME_ID);
    start = now_ns();
    for (;;) {
        int64_t passed = now_ns() - start;
        uint64_t due;
        if (passed > length) passed = length;
        due = (uint64_t)((double)passed * (double)rate / 1e9);
        while (turn < due) {
            uint64_t took = expose(client, turn++);
            counters[counter_of(took)]++;
            if (took > slowest) slowest = took;
        }
        if (kb < 0 && passed >= sample_ns) kb = memory_kb("VmRSS");
        if (passed == length) break;
        pause_ms(1);
    }
    seconds = (double)(now_ns() - start) / 1e9;
    thread_used = clock_s(CLOCK_THREAD_CPUTIME_ID) - thread_cpu;
    memset(&info, 0, sizeof info);
    info.struct_size = sizeof info;
    check(tidegate_client_flush(client, 60000, &info), "flush");
    used = clock_s(CLOCK_PROCESS_CPUTIME_ID) - cpu;
    printf("{\"row\":\"calls\",\"calls\":%llu,\"seconds\":%.2f,\"per_second\":%.0f}\n",
           (unsigned long long)turn, seconds, (double)turn / seconds);
    printf("{\"row\":\"check_gate with a fresh exposure\",\"p50_ns\":%llu,\"p99_ns\":%llu,"
           "\"p999_ns\":%llu,\"slowest_ns\":%llu}\n",
           (unsigned long long)percentile(0.5, turn), (unsigned long long)percentile(0.99, turn),
           (unsigned long long)percentile(0.999, turn), (unsigned long long)slowest);
    printf("{\"row\":\"processor time per exposure\",\"process_us\":%.2f,"
           "\"calling_thread_us\":%.2f,\"other_threads_us\":%.2f}\n",
           used * 1e6 / (double)turn, thread_used * 1e6 / (double)turn,
           (used - thread_used) * 1e6 / (double)turn);
    printf("{\"row\":\"resident memory\",\"kb_after_%.0f_s\":%ld,\"kb_at_the_end\":%ld,"
           "\"peak_kb\":%ld}\n",
           (double)sample_ns / 1e9, kb, memory_kb("VmRSS"), memory_kb("VmHWM"));
    failed = print_events(client, turn);
    client_end(client, 10000);
    return failed;
}
