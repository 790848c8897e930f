/* The functions that the library calls. Each passes its arguments on to Go. */

#include "callbacks.h"
#include "_cgo_export.h"

/* Go's declarations know no const. */
static char *mutable(const char *text) { return (char *)(uintptr_t)text; }

static void destroy(void *value) { tidegateGoDestroy((uintptr_t)value); }

static void evaluated(void *value, const char *result, size_t length) {
  tidegateGoEvaluated((uintptr_t)value, mutable(result), length);
}

static void rules_updated(void *value, int64_t time_ms, const char *specs, size_t length) {
  tidegateGoRulesUpdated((uintptr_t)value, time_ms, mutable(specs), length);
}

static void flushed(void *value, const char *delivery, size_t length) {
  tidegateGoFlushed((uintptr_t)value, mutable(delivery), length);
}

static void failed(void *value, const char *tag, size_t tag_length, const char *code,
                   size_t code_length, const char *message, size_t length) {
  tidegateGoFailed((uintptr_t)value, mutable(tag), tag_length, mutable(code), code_length,
                   mutable(message), length);
}

static void initialized(void *value, const char *details, size_t length) {
  tidegateGoInitialized((uintptr_t)value, mutable(details), length);
}

static void logged(void *value, int32_t level, const char *tag, size_t tag_length,
                   const char *message, size_t length) {
  tidegateGoLogged((uintptr_t)value, level, mutable(tag), tag_length, mutable(message), length);
}

static int32_t store_get(void *value, const char *key, size_t length, tidegate_reply *reply) {
  return tidegateGoStoreGet((uintptr_t)value, mutable(key), length, reply);
}

static int32_t store_set(void *value, const char *key, size_t length, const char *text,
                         size_t text_length, int64_t time_ms) {
  return tidegateGoStoreSet((uintptr_t)value, mutable(key), length, mutable(text), text_length,
                            time_ms);
}

static int32_t store_polls(void *value, const char *path, size_t length) {
  return tidegateGoStorePolls((uintptr_t)value, mutable(path), length);
}

static void store_shutdown(void *value) { tidegateGoStoreShutdown((uintptr_t)value); }

static void increment(void *value, const char *name, size_t length, double number,
                      const char *tags, size_t tags_length) {
  tidegateGoMetric((uintptr_t)value, 0, mutable(name), length, number, mutable(tags), tags_length);
}

static void gauge(void *value, const char *name, size_t length, double number, const char *tags,
                  size_t tags_length) {
  tidegateGoMetric((uintptr_t)value, 1, mutable(name), length, number, mutable(tags), tags_length);
}

static void distribution(void *value, const char *name, size_t length, double number,
                         const char *tags, size_t tags_length) {
  tidegateGoMetric((uintptr_t)value, 2, mutable(name), length, number, mutable(tags), tags_length);
}

tidegate_status tg_set_data_store(tidegate_options options, uintptr_t store) {
  tidegate_data_store_vtable table = {sizeof table, (void *)store, destroy,       store_get,
                                      store_set,    store_polls,   store_shutdown};
  return tidegate_options_set_data_store(options, &table);
}

tidegate_status tg_set_metrics(tidegate_options options, uintptr_t metrics,
                               int32_t high_cardinality) {
  tidegate_metrics_vtable table = {sizeof table, (void *)metrics, destroy,         increment,
                                   gauge,        distribution,    high_cardinality};
  return tidegate_options_set_metrics(options, &table);
}

tidegate_status tg_set_evaluation_callback(tidegate_options options, uintptr_t callback) {
  return tidegate_options_set_evaluation_callback(options, evaluated, (void *)callback, destroy);
}

tidegate_status tg_set_rules_callback(tidegate_options options, uintptr_t callback) {
  return tidegate_options_set_rules_callback(options, rules_updated, (void *)callback, destroy);
}

tidegate_status tg_set_flush_callback(tidegate_options options, uintptr_t callback) {
  return tidegate_options_set_flush_callback(options, flushed, (void *)callback, destroy);
}

tidegate_status tg_set_error_callback(tidegate_options options, uintptr_t callback) {
  return tidegate_options_set_error_callback(options, failed, (void *)callback, destroy);
}

tidegate_status tg_client_initialize_async(tidegate_client client, uintptr_t callback) {
  return tidegate_client_initialize_async(client, initialized, (void *)callback, destroy);
}

tidegate_status tg_set_log_sink(int32_t level, uintptr_t sink) {
  tidegate_log_vtable table = {sizeof table, (void *)sink, destroy, level, logged};
  return tidegate_set_log_sink(&table);
}
