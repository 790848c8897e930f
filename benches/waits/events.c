/* Whether logging ever waits: events SPECS.json
 *
 * Times calls of log_event, and of check_gate with a fresh exposure, with nothing else going on and
 * with a server that never answers and every queue full. A machine interrupts whoever runs: the
 * slowest of thousands of calls says more about its other work than about the call. So a run is
 * repeated, idle and dead in turn, and what counts is the run whose slowest call was quickest: a
 * call that waits by design waits in each of them. What a busy machine cannot blur is counted
 * besides: how often the thread gave up its core by itself (waits), and how often it did so for a
 * lock of the library (lock_waits). The others are the allocator's, in which the caller, who makes
 * events, meets the thread that frees them. Fails if more than one call in ten thousand waited for
 * a lock: the events thread may lose its core in the moment in which it takes what waits.
 */
#include "../client.h"

#include <dlfcn.h>
#include <linux/futex.h>
#include <stdarg.h>
#include <sys/syscall.h>

#define CALLS 2000
#define RUNS 60
#define LOCK_WAITS_MAX (CALLS * RUNS / 10000)
#define PEOPLE 130000
#define GATE "bench_public"

static __thread long lock_waits;

/* Stands before libc's: the library's locks wait through it, the allocator has its own way. */
long syscall(long number, ...) {
    static long (*real)(long, ...);
    long a[6];
    va_list rest;
    va_start(rest, number);
    for (int i = 0; i < 6; i++) a[i] = va_arg(rest, long);
    va_end(rest);
    if (number == SYS_futex) {
        long command = a[1] & FUTEX_CMD_MASK;
        lock_waits += command == FUTEX_WAIT || command == FUTEX_WAIT_BITSET;
    }
    if (real == NULL) *(void **)&real = dlsym(RTLD_NEXT, "syscall");
    return real(number, a[0], a[1], a[2], a[3], a[4], a[5]);
}

static char *rules;
static size_t rules_len;
static tidegate_user people[PEOPLE];

/* Batches and queues as large as `queues` says, and nobody who takes them. */
static tidegate_client client_of(const char *queues) {
    tidegate_client client;
    char json[600];
    int port = silent_server();
    snprintf(json, sizeof json,
             "{\"api\":\"http://127.0.0.1:%d/v1\",\"disable_diagnostics\":true,"
             "\"disable_error_reporting\":true,\"rulesets_sync_interval\":3600,"
             "\"idlists_sync_interval\":3600,\"init_timeout\":0.05,\"timeout\":30,"
             "\"output_logger_level\":\"none\",%s}",
             port, queues);
    client = client_with(json, NULL);
    check(tidegate_client_update_specs(client, rules, rules_len), "specs");
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
    check(tidegate_check_gate(client, people[turn++ % PEOPLE], GATE, NUL, 0, &passed), "gate");
}

/* Runs of one kind of call, and what they add up to. */
struct runs {
    int64_t slowest_ns[RUNS];
    long waits, lock_waits, preemptions;
};

static void run(struct runs *runs, int number, tidegate_client client,
                void (*call)(tidegate_client)) {
    int64_t slowest = 0;
    long waited, locked, preempted;
    /* Whoever was busy before is interrupted soon. */
    pause_ms(20);
    waited = waits();
    locked = lock_waits;
    preempted = preemptions();
    turn = number * CALLS;
    for (int i = 0; i < CALLS; i++) {
        int64_t start = now_ns(), took;
        call(client);
        took = now_ns() - start;
        if (took > slowest) slowest = took;
    }
    runs->waits += waits() - waited;
    runs->lock_waits += lock_waits - locked;
    runs->preemptions += preemptions() - preempted;
    runs->slowest_ns[number] = slowest;
}

static void print_row(const char *name, const char *state, struct runs *runs) {
    qsort(runs->slowest_ns, RUNS, sizeof *runs->slowest_ns, ascending);
    printf("{\"row\":\"%s, %s\",\"calls\":%d,\"slowest_ns\":%lld,\"median_run_slowest_ns\":%lld,"
           "\"waits\":%ld,\"lock_waits\":%ld,\"preempted\":%ld}\n",
           name, state, CALLS * RUNS, (long long)runs->slowest_ns[0],
           (long long)runs->slowest_ns[RUNS / 2], runs->waits, runs->lock_waits,
           runs->preemptions);
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

/* Whether too many calls have waited for a lock while the server was dead. */
static int measure(const char *name, void (*call)(tidegate_client)) {
    static struct runs idle, dead;
    double drops;
    /* Queues that take all that a run brings, and small ones, filled before. */
    tidegate_client busy = client_of("\"event_queue_size\":50,\"retry_queue_size\":1");
    if (lock_waits == 0) {
        fprintf(stderr, "initialize waits for the network, and that was not counted\n");
        exit(1);
    }
    memset(&idle, 0, sizeof idle);
    memset(&dead, 0, sizeof dead);
    for (int i = 0; i < 100000; i++) log_event(busy);
    drops = dropped(busy);
    for (int number = 0; number < RUNS; number++) {
        tidegate_client quiet = client_of("\"event_queue_size\":4000,\"retry_queue_size\":100");
        /* The first event starts a thread. */
        log_event(quiet);
        run(&idle, number, quiet, call);
        if (dropped(quiet) != 0) {
            fprintf(stderr, "%s: the idle client drops events\n", name);
            exit(1);
        }
        tidegate_client_shutdown(quiet, 0, NULL);
        tidegate_client_release(quiet);
        run(&dead, number, busy, call);
    }
    if (drops <= 0 || dropped(busy) <= drops) {
        fprintf(stderr, "%s: the queue was not full\n", name);
        exit(1);
    }
    tidegate_client_shutdown(busy, 0, NULL);
    tidegate_client_release(busy);
    print_row(name, "idle", &idle);
    print_row(name, "dead server", &dead);
    printf("{\"ratio\":\"%s, dead server : idle\",\"slowest\":%.2f,\"median_run\":%.2f,"
           "\"waits\":%ld,\"lock_waits\":%ld}\n",
           name, (double)dead.slowest_ns[0] / (double)idle.slowest_ns[0],
           (double)dead.slowest_ns[RUNS / 2] / (double)idle.slowest_ns[RUNS / 2], dead.waits,
           dead.lock_waits);
    fflush(stdout);
    return dead.lock_waits > LOCK_WAITS_MAX;
}

int main(int argc, char **argv) {
    char json[64];
    int failed;
    if (argc != 2) {
        fprintf(stderr, "usage: %s SPECS.json\n", argv[0]);
        return 2;
    }
    rules = read_file(argv[1], &rules_len);
    for (int i = 0; i < PEOPLE; i++) {
        sprintf(json, "{\"userID\":\"user-%d\"}", i);
        check(tidegate_user_new(json, NUL, &people[i]), "user");
    }
    failed = measure("log_event", log_event);
    failed |= measure("check_gate with an exposure", expose);
    return failed;
}
