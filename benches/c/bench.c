/* What calls cost over a C ABI. Linked once with each side (see side.h).
 *
 *   bench rows URL [ROW...]         processor time per call in ns: the median of nine rounds
 *   bench once SPECS ROW COUNT      one row COUNT times, without a server: to count instructions
 *   bench init URL                  time of initialize, and memory after it
 *   bench gates URL NAMES           every gate of a file of names, with a pool of users
 *   bench threads URL MS            gates per second with one and two threads, and busy loops
 *   bench latency URL MS            a fresh user each, 10,000 a second, while events are delivered
 *   bench deliver URL COUNT         processor time of the library's threads per exposure
 *   bench users URL COUNT           memory of live users
 *
 * The server serves a ruleset of benches/rules.py, whose names the rows know. One JSON line a
 * result.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "side.h"

#define POOL 4096
#define ROUNDS 9
#define PER_SECOND 10000
#define JSON_MAX 400
#define NAME(text) text, sizeof text - 1

static side_user hot, pool[POOL];
static char pool_json[POOL][JSON_MAX];
static size_t pool_len[POOL];
static volatile int64_t sink;

static double clock_ns(clockid_t clock) {
    struct timespec t;
    clock_gettime(clock, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static double now_ns(void) { return clock_ns(CLOCK_MONOTONIC); }

/* Time of this thread on a processor: what a call costs, however busy the machine is. */
static double spent_ns(void) { return clock_ns(CLOCK_THREAD_CPUTIME_ID); }

static size_t user_json(char *out, long number) {
    return (size_t)snprintf(
        out, JSON_MAX,
        "{\"userID\":\"user-%ld\",\"email\":\"user-%ld@mail.example\",\"country\":\"DE\","
        "\"appVersion\":\"2.3.4\",\"custom\":{\"plan\":\"pro\",\"age\":%ld,\"lang\":\"de\"},"
        "\"customIDs\":{\"companyID\":\"company-%ld\"}}",
        number, number, 20 + number % 60, number % 97);
}

/* ------------------------------------------------------------------ rows: one call each
 *
 * instructions.py knows these functions by their names. */

static void row_public(int i) { (void)i; sink += side_gate(hot, NAME("bench_public"), 0); }
static void row_public_exposed(int i) { (void)i; sink += side_gate(hot, NAME("bench_public"), 1); }
static void row_half(int i) { (void)i; sink += side_gate(hot, NAME("bench_half"), 0); }
static void row_half_pool(int i) { sink += side_gate(pool[i % POOL], NAME("bench_half"), 0); }
static void row_many_rules(int i) { (void)i; sink += side_gate(hot, NAME("bench_many_rules"), 0); }
static void row_nested(int i) { (void)i; sink += side_gate(hot, NAME("bench_nested"), 0); }
static void row_unknown(int i) { (void)i; sink += side_gate(hot, NAME("bench_no_such_gate"), 0); }

static void row_user(int i) {
    i %= POOL;
    side_user_release(side_user_new(pool_json[i], pool_len[i]));
}

static void row_user_and_gate(int i) {
    side_user user;
    i %= POOL;
    user = side_user_new(pool_json[i], pool_len[i]);
    sink += side_gate(user, NAME("bench_public"), 1);
    side_user_release(user);
}

static void row_config(int i) { (void)i; sink += side_config(hot, NAME("bench_config")); }
static void row_experiment(int i) { (void)i; sink += side_experiment(hot, NAME("bench_experiment")); }
static void row_layer(int i) { (void)i; sink += side_layer(hot, NAME("bench_layer")); }
static void row_log_event(int i) { side_event(hot, i); }
static void row_init_response(int i) { (void)i; sink += (int64_t)side_init_response(hot); }

/* A round of events is small enough for the queues to hold and is delivered before the next. */
static const struct { const char *name; void (*run)(int); int count, delivers; } ROWS[] = {
    {"public", row_public, 100000, 0},
    {"public_exposed", row_public_exposed, 100000, 0},
    {"half", row_half, 50000, 0},
    {"half_pool", row_half_pool, 20480, 0},
    {"many_rules", row_many_rules, 20000, 0},
    {"nested", row_nested, 20000, 0},
    {"unknown", row_unknown, 100000, 0},
    {"user", row_user, 12288, 0},
    {"user_and_gate", row_user_and_gate, 12288, 0},
    {"config", row_config, 20000, 0},
    {"experiment", row_experiment, 20000, 0},
    {"layer", row_layer, 10000, 0},
    {"log_event", row_log_event, 1000, 1},
    {"init_response", row_init_response, 20, 0},
};
#define ROW_COUNT (sizeof ROWS / sizeof ROWS[0])

static void make_users(void) {
    int i;
    for (i = 0; i < POOL; i++) {
        pool_len[i] = user_json(pool_json[i], i);
        pool[i] = side_user_new(pool_json[i], pool_len[i]);
    }
    hot = pool[7];
}

static void release_users(void) {
    int i;
    for (i = 0; i < POOL; i++) side_user_release(pool[i]);
}

static int by_value(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void row(size_t at) {
    double rounds[ROUNDS];
    int round, i;
    for (i = 0; i < ROWS[at].count / 4; i++) ROWS[at].run(i);
    for (round = 0; round < ROUNDS; round++) {
        double start;
        if (ROWS[at].delivers) side_flush();
        start = spent_ns();
        for (i = 0; i < ROWS[at].count; i++) ROWS[at].run(i);
        rounds[round] = (spent_ns() - start) / ROWS[at].count;
    }
    qsort(rounds, ROUNDS, sizeof *rounds, by_value);
    printf("{\"row\":\"%s\",\"value\":%.1f}\n", ROWS[at].name, rounds[ROUNDS / 2]);
}

static void rows(int count, char **names) {
    size_t at;
    int i;
    make_users();
    for (at = 0; at < ROW_COUNT; at++) {
        int wanted = count == 0;
        for (i = 0; i < count; i++) wanted |= !strcmp(names[i], ROWS[at].name);
        if (wanted) row(at);
    }
    release_users();
}

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

static void gates(const char *path) {
    enum { NAMES_MAX = 8192 };
    static char *names[NAMES_MAX];
    size_t lens[NAMES_MAX], len;
    double rounds[ROUNDS];
    char *text = read_file(path, &len), *name;
    int count = 0, round, i;
    make_users();
    for (name = strtok(text, "\n"); name && count < NAMES_MAX; name = strtok(NULL, "\n")) {
        names[count] = name;
        lens[count++] = strlen(name);
    }
    for (round = 0; round < ROUNDS; round++) {
        double start = spent_ns();
        for (i = 0; i < 20480; i++) {
            sink += side_gate(pool[i % POOL], names[i % count], lens[i % count], 0);
        }
        rounds[round] = (spent_ns() - start) / 20480;
    }
    qsort(rounds, ROUNDS, sizeof *rounds, by_value);
    printf("{\"row\":\"gates\",\"value\":%.1f}\n", rounds[ROUNDS / 2]);
    release_users();
    free(text);
}

static void once(const char *name, int count) {
    size_t at;
    int i;
    make_users();
    for (at = 0; at < ROW_COUNT; at++) {
        if (strcmp(name, ROWS[at].name)) continue;
        for (i = 0; i < count; i++) ROWS[at].run(i);
    }
    release_users();
}

/* ------------------------------------------------------------------ memory */

/* Kilobytes, by their name in /proc/self/status. */
static long memory_kb(const char *name) {
    FILE *file = fopen("/proc/self/status", "r");
    char line[200];
    long kb = 0;
    while (file && fgets(line, sizeof line, file)) {
        if (!strncmp(line, name, strlen(name))) kb = atol(line + strlen(name) + 1);
    }
    if (file) fclose(file);
    return kb;
}

static void users(long count) {
    side_user *made = malloc((size_t)count * sizeof *made);
    char json[JSON_MAX];
    long i, before, after;
    if (!made) exit(1);
    memset(made, 1, (size_t)count * sizeof *made);
    for (i = 0; i < 1000; i++) side_user_release(side_user_new(json, user_json(json, i)));
    before = memory_kb("VmRSS");
    for (i = 0; i < count; i++) made[i] = side_user_new(json, user_json(json, i));
    after = memory_kb("VmRSS");
    printf("{\"row\":\"user_bytes\",\"value\":%.0f}\n", (double)(after - before) * 1024 / (double)count);
    for (i = 0; i < count; i++) side_user_release(made[i]);
    free(made);
}

/* ------------------------------------------------------------------ threads */

static volatile int stop;

struct worker { side_user user; int spins; unsigned long done; pthread_t thread; };

static void *work(void *argument) {
    struct worker *worker = argument;
    unsigned long done = 0;
    uint64_t x = 88172645463325252u;
    while (!stop) {
        int i;
        if (worker->spins) {
            for (i = 0; i < 200; i++) { x ^= x << 13; x ^= x >> 7; x ^= x << 17; }
        } else {
            for (i = 0; i < 50; i++) {
                x += (unsigned)side_gate(worker->user, NAME("bench_public"), 1)
                   + (unsigned)side_gate(worker->user, NAME("bench_half"), 1);
            }
        }
        done++;
    }
    sink = (int64_t)x;
    worker->done = done;
    return NULL;
}

static double throughput(int threads, int spins, int ms) {
    /* Apart from each other, so that the counters share no cache line. */
    static struct { struct worker worker; char apart[256]; } workers[2];
    double start = now_ns(), sum = 0;
    int i;
    stop = 0;
    for (i = 0; i < threads; i++) {
        workers[i].worker.user = pool[i * 1000 + 7];
        workers[i].worker.spins = spins;
        if (pthread_create(&workers[i].worker.thread, NULL, work, &workers[i].worker)) exit(1);
    }
    usleep((useconds_t)ms * 1000);
    stop = 1;
    for (i = 0; i < threads; i++) {
        pthread_join(workers[i].worker.thread, NULL);
        sum += (double)workers[i].worker.done;
    }
    return sum / (now_ns() - start);
}

/* One after the other in short turns, so that a change of the machine's speed meets all four. */
static void threads(int ms) {
    double gates[ROUNDS], loops[ROUNDS];
    int round;
    make_users();
    for (round = 0; round < ROUNDS; round++) {
        double one = throughput(1, 0, ms), two = throughput(2, 0, ms);
        double loop = throughput(1, 1, ms), both = throughput(2, 1, ms);
        gates[round] = two / one;
        loops[round] = both / loop;
    }
    qsort(gates, ROUNDS, sizeof *gates, by_value);
    qsort(loops, ROUNDS, sizeof *loops, by_value);
    printf("{\"row\":\"threads\",\"value\":%.3f}\n", gates[ROUNDS / 2]);
    printf("{\"row\":\"busy_loops\",\"value\":%.3f}\n", loops[ROUNDS / 2]);
    release_users();
}

/* ------------------------------------------------------------------ under load */

static void wait_until(double when) {
    double left = when - now_ns();
    struct timespec pause;
    if (left <= 0) return;
    pause.tv_sec = (time_t)(left / 1e9);
    pause.tv_nsec = (long)(left - (double)pause.tv_sec * 1e9);
    nanosleep(&pause, NULL);
}

/* Users are made in lots before the calls are due, so that only the calls are measured. */
#define LOT 100

static void latency(int ms) {
    long total = (long)ms * PER_SECOND / 1000, done = 0, i;
    double *took = malloc((size_t)total * sizeof *took), start = now_ns();
    if (!took) exit(1);
    while (done + LOT <= total) {
        side_user lot[LOT];
        char json[JSON_MAX];
        for (i = 0; i < LOT; i++) lot[i] = side_user_new(json, user_json(json, done + i));
        wait_until(start + (double)done * 1e9 / PER_SECOND);
        for (i = 0; i < LOT; i++) {
            double before = now_ns();
            sink += side_gate(lot[i], NAME("bench_half"), 1);
            took[done + i] = now_ns() - before;
        }
        for (i = 0; i < LOT; i++) side_user_release(lot[i]);
        done += LOT;
    }
    qsort(took, (size_t)done, sizeof *took, by_value);
    printf("{\"row\":\"p50\",\"value\":%.0f}\n", took[done / 2]);
    printf("{\"row\":\"p99\",\"value\":%.0f}\n", took[done * 99 / 100]);
    printf("{\"row\":\"p99.9\",\"value\":%.0f}\n", took[done * 999 / 1000]);
    printf("{\"row\":\"max\",\"value\":%.0f}\n", took[done - 1]);
    free(took);
}

/* The time of all threads but this one, which is the host's. */
static double others_ns(void) {
    return clock_ns(CLOCK_PROCESS_CPUTIME_ID) - clock_ns(CLOCK_THREAD_CPUTIME_ID);
}

static void deliver(long count) {
    double start = now_ns(), before = others_ns();
    char json[JSON_MAX];
    long i;
    for (i = 0; i < count; i++) {
        side_user user = side_user_new(json, user_json(json, i));
        if (i % LOT == 0) wait_until(start + (double)i * 1e9 / PER_SECOND);
        sink += side_gate(user, NAME("bench_half"), 1);
        side_user_release(user);
    }
    side_flush();
    printf("{\"row\":\"deliver_ns\",\"value\":%.0f}\n", others_ns() - before);
    printf("{\"row\":\"exposures\",\"value\":%ld}\n", count);
}

int main(int argc, char **argv) {
    const char *mode = argc > 2 ? argv[1] : "";
    int number = argc > 3 ? atoi(argv[3]) : 0;
    if (!strcmp(mode, "once") && argc == 5) {
        size_t len;
        char *specs = read_file(argv[2], &len);
        side_start(NULL);
        if (!side_specs(specs, len)) return 2;
        free(specs);
        once(argv[3], atoi(argv[4]));
        side_stop();
        return 0;
    }
    if (*mode) {
        double start = now_ns(), cpu = clock_ns(CLOCK_PROCESS_CPUTIME_ID);
        side_start(argv[2]);
        if (!strcmp(mode, "init")) {
            printf("{\"row\":\"init_ms\",\"value\":%.2f}\n", (now_ns() - start) / 1e6);
            printf("{\"row\":\"init_cpu_ms\",\"value\":%.2f}\n",
                   (clock_ns(CLOCK_PROCESS_CPUTIME_ID) - cpu) / 1e6);
            printf("{\"row\":\"rss_kb\",\"value\":%ld}\n", memory_kb("VmRSS"));
            printf("{\"row\":\"peak_kb\",\"value\":%ld}\n", memory_kb("VmHWM"));
        }
    }
    if (!strcmp(mode, "rows")) rows(argc - 3, argv + 3);
    else if (!strcmp(mode, "gates") && argc == 4) gates(argv[3]);
    else if (!strcmp(mode, "threads")) threads(number);
    else if (!strcmp(mode, "latency")) latency(number);
    else if (!strcmp(mode, "deliver")) deliver(number);
    else if (!strcmp(mode, "users")) users(number);
    else if (strcmp(mode, "init")) return 2;
    side_stop();
    return 0;
}
