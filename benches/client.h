/* What the programs share that measure one client. To be included first. */
#ifndef CLIENT_H
#define CLIENT_H

#define _GNU_SOURCE
#include <netinet/in.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <tidegate.h>
#include <time.h>
#include <unistd.h>

#define NUL TIDEGATE_NUL
#define KEY "secret-bench"

static inline void check(tidegate_status status, const char *what) {
    if (status < 0) {
        char message[300];
        tidegate_last_error(message, sizeof message);
        fprintf(stderr, "%s: %s\n", what, message);
        exit(1);
    }
}

static inline int64_t now_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static inline void pause_ms(long ms) {
    struct timespec t = {ms / 1000, ms % 1000 * 1000000};
    nanosleep(&t, NULL);
}

/* How often this thread gave up its core by itself: what waiting for a lock, a page or a file is
 * to the system, and no other work on the machine adds to. */
static inline long waits(void) {
    struct rusage usage;
    getrusage(RUSAGE_THREAD, &usage);
    return usage.ru_nvcsw;
}

/* How often the system took the core from this thread. */
static inline long preemptions(void) {
    struct rusage usage;
    getrusage(RUSAGE_THREAD, &usage);
    return usage.ru_nivcsw;
}

/* The whole file, with a NUL behind it. */
static inline char *read_file(const char *path, size_t *len) {
    FILE *file = fopen(path, "rb");
    char *text = NULL;
    if (file != NULL && fseek(file, 0, SEEK_END) == 0) {
        *len = (size_t)ftell(file);
        rewind(file);
        text = calloc(1, *len + 1);
    }
    if (text == NULL || fread(text, 1, *len, file) != *len) {
        perror(path);
        exit(1);
    }
    fclose(file);
    return text;
}

/* The port of a server that takes connections and never answers. */
static inline int silent_server(void) {
    struct sockaddr_in address = {.sin_family = AF_INET};
    socklen_t len = sizeof address;
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (listener < 0 || bind(listener, (struct sockaddr *)&address, len) != 0 ||
        listen(listener, 1000) != 0 ||
        getsockname(listener, (struct sockaddr *)&address, &len) != 0) {
        perror("a listener");
        exit(1);
    }
    return ntohs(address.sin_port);
}

/* An initialized client; `store` may be NULL. */
static inline tidegate_client client_with(const char *json,
                                          const tidegate_data_store_vtable *store) {
    tidegate_options options;
    tidegate_client client;
    check(tidegate_options_new(json, NUL, &options), "options");
    if (store != NULL) check(tidegate_options_set_data_store(options, store), "store");
    check(tidegate_client_new(KEY, NUL, options, &client), "client");
    tidegate_options_release(options);
    check(tidegate_client_initialize(client, 600000), "initialize");
    return client;
}

static inline void client_end(tidegate_client client, uint32_t timeout_ms) {
    check(tidegate_client_shutdown(client, timeout_ms, NULL), "shutdown");
    tidegate_client_release(client);
}

static inline int ascending(const void *a, const void *b) {
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

#endif
