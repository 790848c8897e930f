/* The vendor's published crate, behind the shim in benches/vendor. */
#include <stdio.h>
#include <stdlib.h>

#include "side.h"

const char *const side_name = "vendor";

struct vendor_user;
int vendor_start(const char *url);
struct vendor_user *vendor_user_new(const char *json, size_t len);
void vendor_user_release(struct vendor_user *user);
int vendor_check_gate(const struct vendor_user *user, const char *name, size_t len, int exposed);
int64_t vendor_config(const struct vendor_user *user, const char *name, size_t len);
int64_t vendor_experiment(const struct vendor_user *user, const char *name, size_t len);
int64_t vendor_layer(const struct vendor_user *user, const char *name, size_t len);
void vendor_event(const struct vendor_user *user, const char *name, size_t len, double value,
                  const char *metadata, size_t metadata_len);
size_t vendor_init_response(const struct vendor_user *user);
void vendor_flush(void);
void vendor_stop(void);

static struct vendor_user *user_of(side_user user) { return (struct vendor_user *)(uintptr_t)user; }

void side_start(const char *url) {
    if (!url || vendor_start(url)) {
        fprintf(stderr, "the vendor's client does not start\n");
        exit(1);
    }
}

int side_specs(const char *json, size_t len) {
    (void)json;
    (void)len;
    return 0;
}

side_user side_user_new(const char *json, size_t len) {
    return (side_user)(uintptr_t)vendor_user_new(json, len);
}

void side_user_release(side_user user) { vendor_user_release(user_of(user)); }

int side_gate(side_user user, const char *name, size_t len, int exposed) {
    return vendor_check_gate(user_of(user), name, len, exposed);
}

int64_t side_config(side_user user, const char *name, size_t len) {
    return vendor_config(user_of(user), name, len);
}

int64_t side_experiment(side_user user, const char *name, size_t len) {
    return vendor_experiment(user_of(user), name, len);
}

int64_t side_layer(side_user user, const char *name, size_t len) {
    return vendor_layer(user_of(user), name, len);
}

void side_event(side_user user, double value) {
    vendor_event(user_of(user), "purchase", 8, value, "{\"sku\":\"x\"}", 11);
}

size_t side_init_response(side_user user) { return vendor_init_response(user_of(user)); }

void side_flush(void) { vendor_flush(); }

void side_stop(void) { vendor_stop(); }
