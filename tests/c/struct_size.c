/* Structs of every size that an older or a newer header may give them. Each is an allocation of
 * just that size, so that what checks memory sees a read or write beyond it. */
#include "world.h"

#define WORD sizeof(void *)

static int destroyed;

static void destroy(void *user_data) {
  (void)user_data;
  destroyed++;
}

/* A struct of `size` bytes, of which as many as there are come from `full`; what a newer header
 * added is not zero. */
static void *cut(const void *full, size_t full_size, size_t size) {
  unsigned char *made = malloc(size);
  if (made == NULL) {
    exit(2);
  }
  memset(made, 0xee, size);
  memcpy(made, full, size < full_size ? size : full_size);
  memcpy(made, &size, sizeof size);
  return made;
}

static int is_untouched(const unsigned char *bytes, size_t from, size_t to) {
  size_t at;
  for (at = from; at < to; at++) {
    if (bytes[at] != 0xee) {
      return 0;
    }
  }
  return 1;
}

typedef tidegate_status (*take_fn)(const void *vtable);

static tidegate_options options;

static tidegate_status take_store(const void *vtable) {
  return tidegate_options_set_data_store(options, vtable);
}

static tidegate_status take_metrics(const void *vtable) {
  return tidegate_options_set_metrics(options, vtable);
}

static tidegate_status take_sink(const void *vtable) {
  tidegate_status status = tidegate_set_log_sink(vtable);
  CHECK(tidegate_set_log_sink(NULL) == TIDEGATE_OK);
  return status;
}

/* All functions of the vtable are NULL: only what is read of it matters here. */
static void vtable_of_any_size(take_fn take, const void *full, size_t full_size,
                               size_t head) {
  size_t size;
  for (size = sizeof(size_t); size <= full_size + 3 * WORD; size += WORD) {
    int before = destroyed;
    void *made = cut(full, full_size, size);
    tidegate_status status = take(made);
    free(made);
    options = (tidegate_options_release(options), make_options(LOCAL));
    if (size < head) {
      CHECK(status == TIDEGATE_E_ABI);
      CHECK(destroyed == before);
    } else {
      CHECK(status == TIDEGATE_OK);
      CHECK(destroyed == before + 1);
    }
  }
}

static void vtables(void) {
  tidegate_data_store_vtable store = {0};
  tidegate_metrics_vtable metrics = {0};
  tidegate_log_vtable sink = {0};
  options = make_options(LOCAL);
  store.destroy = metrics.destroy = sink.destroy = destroy;
  vtable_of_any_size(take_store, &store, sizeof store,
                     offsetof(tidegate_data_store_vtable, get));
  vtable_of_any_size(take_metrics, &metrics, sizeof metrics,
                     offsetof(tidegate_metrics_vtable, increment));
  vtable_of_any_size(take_sink, &sink, sizeof sink,
                     offsetof(tidegate_log_vtable, level));
  CHECK(tidegate_options_release(options) == TIDEGATE_OK);
}

/* A struct is filled up to its end, and keeps its size and what lies behind. */
static void filled(const void *made, size_t size, size_t full_size) {
  const unsigned char *bytes = made;
  size_t known = size < full_size ? size : full_size, at;
  CHECK(memcmp(bytes, &size, sizeof size) == 0);
  for (at = sizeof size; at < known; at += sizeof(uint64_t)) {
    CHECK(!is_untouched(bytes, at, at + sizeof(uint64_t)));
  }
  CHECK(is_untouched(bytes, known, size));
}

static void flush_infos(tidegate_client client) {
  size_t size;
  for (size = sizeof(size_t); size <= sizeof(tidegate_flush_info) + 3 * WORD;
       size += WORD) {
    void *made = cut("", 0, size);
    CHECK(tidegate_client_flush(client, 1000, made) >= TIDEGATE_OK);
    filled(made, size, sizeof(tidegate_flush_info));
    free(made);
  }
}

static void eval_times(tidegate_client client) {
  tidegate_user user = make_user(ADA);
  tidegate_result result = 0;
  size_t size;
  CHECK(tidegate_get_gate(client, user, "employees_only", TIDEGATE_NUL, 0,
                          &result) == TIDEGATE_OK);
  for (size = sizeof(size_t); size <= sizeof(tidegate_eval_times) + 3 * WORD;
       size += WORD) {
    void *made = cut("", 0, size);
    CHECK(tidegate_result_times(result, made) == TIDEGATE_OK);
    filled(made, size, sizeof(tidegate_eval_times));
    free(made);
  }
  CHECK(tidegate_result_release(result) == TIDEGATE_OK);
  CHECK(tidegate_user_release(user) == TIDEGATE_OK);
}

int main(int argc, char **argv) {
  tidegate_client client;
  begin(argc, argv);
  vtables();
  client = ready_client(make_options(LOCAL));
  flush_infos(client);
  eval_times(client);
  end_client(client);
  return end();
}
