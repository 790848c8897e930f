// Tidegate: feature gates, configs, experiments and layers, evaluated locally.
//
// This header is generated; edit src/ffi and cbindgen.toml instead.
//
//   tidegate_client client;
//   tidegate_user user;
//   int32_t passed;
//   tidegate_client_new("secret-...", TIDEGATE_NUL, 0, &client);
//   tidegate_client_initialize(client, 3000);
//   tidegate_user_new("{\"userID\":\"ada\"}", TIDEGATE_NUL, &user);
//   tidegate_check_gate(client, user, "new_checkout", TIDEGATE_NUL, 0, &passed);
//   tidegate_user_release(user);
//   tidegate_client_shutdown(client, 3000, NULL);
//   tidegate_client_release(client);
//
// # Calls
//
// Functions that can fail return a tidegate_status: 0 is success, below 0 an error, above 0
// success with a note. Results go to trailing out-parameters, which are always written: on failure
// with a safe default, which each function names. An out-parameter may be NULL if the result is not
// wanted, except where a new id would be lost. tidegate_last_error gives the message of the last
// failure on this thread.
//
// # Ids and pointers
//
// Options, clients, users and results are numbers. A wrong, old or twice released one is
// TIDEGATE_E_HANDLE, never a crash. Releasing 0 is allowed. Releases work on any thread, also while
// other calls use the object: those finish first. A tidegate_buf is memory: free it once.
// A struct that you pass has its size in its first member.
//
// # Text
//
// Text goes in as a pointer and a length in bytes, without a NUL, or TIDEGATE_NUL if it ends in
// one. It is UTF-8, and borrowed for the call only. NULL with length 0 or TIDEGATE_NUL is "absent".
//
// # The last lines of each comment
//
// "Blocks" gives the bound; "Threads" who may call; "In callbacks", "After shutdown" and "After
// fork" whether the call works there, or the status that it gives. After shutdown means
// tidegate_client_shutdown; after release every call gives TIDEGATE_E_HANDLE.
//
// # JSON
//
// User: {"userID","email","ip","userAgent","country","locale","appVersion","custom":{},
//   "privateAttributes":{},"customIDs":{},"statsigEnvironment":{}}, all optional, but a userID or a
//   custom id must be there. Names in snake case (user_id) are accepted too.
// Options: times in seconds, fractions allowed, unless the name ends in _ms. api,
//   api_for_download_config_specs, api_for_get_id_lists, api_for_log_event, tier, environment,
//   init_timeout, overall_init_timeout, timeout, rulesets_sync_interval, idlists_sync_interval,
//   logging_interval, event_queue_size, retry_queue_size, local_mode, bootstrap_values,
//   initialize_sources, config_sync_sources, fallback_to_statsig_api, proxy_configs, network_proxy,
//   ca_pem, disable_all_logging, disable_diagnostics, output_logger_level, event_spool_dir,
//   event_spool_sync_ms, event_spool_max_bytes, spec_cache_dir, threads ("own" or "none"), on_fork
//   ("restart", "evaluate_only" or "disable"), wrapper {"name","version"}, strict, and more:
//   tidegate_options_describe shows all with their defaults.
// Result: {"kind","name","value","passed","rule_id","group_name","id_type","version",
//   "is_experiment_group","secondary_exposures":[{"gate","gateValue","ruleID"}],
//   "undelegated_secondary_exposures":[],"explicit_parameters":[],"allocated_experiment",
//   "override_config_name","details":{"source","reason","detailed_reason","config_sync_time",
//   "init_time","server_time"}}. "kind" is "gate", "config", "experiment" or "layer".
// Client initialize response, options: {"client_sdk_key","hash":"sha256"|"djb2"|"none",
//   "include_local_overrides":false,"target_app_id"}.
// Batch: {"users":[user],"entities":[{"kind","name"}],"log_exposures":false} gives
//   {"results":[[result]]}, one row a user; a cell that failed is {"error":{"code","message"}}.
// Event: {"user":{},"event_name","value":null|string|number,"metadata":{},"time":ms}.
// Overrides: {"gates":{name:{id:true}},"configs":{name:{id:{}}},"experiments":{},"layers":{}}; the
//   empty id means all users.


#ifndef TIDEGATE_H
#define TIDEGATE_H

#include <stddef.h>
#include <stdint.h>

#if !defined(TIDEGATE_API)
#if defined(_WIN32) && !defined(TIDEGATE_STATIC)
#define TIDEGATE_API __declspec(dllimport)
#elif defined(__GNUC__)
#define TIDEGATE_API __attribute__((visibility("default")))
#else
#define TIDEGATE_API
#endif
#endif

#if !defined(TIDEGATE_NODISCARD)
#if defined(__GNUC__)
#define TIDEGATE_NODISCARD __attribute__((warn_unused_result))
#else
#define TIDEGATE_NODISCARD
#endif
#endif

/// As the length of a text: the text ends in a NUL.
#define TIDEGATE_NUL SIZE_MAX

/// Success.
#define TIDEGATE_OK 0

/// Success, but not every event was delivered: some were spooled, dropped or are still queued.
#define TIDEGATE_NOTE_PARTIAL 1

/// Success, but an unknown option was ignored because of `"strict": false`.
#define TIDEGATE_NOTE_DEFAULTED 2

/// A pointer that must not be NULL was NULL.
#define TIDEGATE_E_NULL -1

/// An id that is 0, released, or of another kind.
#define TIDEGATE_E_HANDLE -2

/// Text that is not UTF-8.
#define TIDEGATE_E_UTF8 -3

/// Text that is not JSON.
#define TIDEGATE_E_JSON -4

/// A value that is not accepted; the message names it.
#define TIDEGATE_E_ARG -5

/// The call is not possible now: before initialize, after shutdown, or inside this callback.
#define TIDEGATE_E_STATE -6

/// The time-out was reached.
#define TIDEGATE_E_TIMEOUT -7

/// The network or a server failed.
#define TIDEGATE_E_NETWORK -8

/// A file or folder failed.
#define TIDEGATE_E_IO -9

/// Out of memory.
#define TIDEGATE_E_NOMEM -10

/// This build or this version does not do that.
#define TIDEGATE_E_UNSUPPORTED -11

/// Not possible in this forked child, by the option `on_fork`.
#define TIDEGATE_E_FORK -12

/// A defect of the library was contained; please report it with the message.
#define TIDEGATE_E_PANIC -13

/// A struct whose `struct_size` no version of the header has.
#define TIDEGATE_E_ABI -14

/// Too many of something that is bounded.
#define TIDEGATE_E_BUSY -15

/// Raised when a program built against an older header would break.
#define TIDEGATE_ABI_MAJOR 1

/// Raised when something was added.
#define TIDEGATE_ABI_MINOR 0

/// Level of the output log: nothing.
#define TIDEGATE_LOG_NONE 0

/// Level of the output log: errors.
#define TIDEGATE_LOG_ERROR 1

/// Level of the output log: warnings too.
#define TIDEGATE_LOG_WARNING 2

/// Level of the output log: events of note too.
#define TIDEGATE_LOG_INFO 3

/// Level of the output log: everything.
#define TIDEGATE_LOG_DEBUG 4

/// A feature gate.
#define TIDEGATE_GATE 1

/// A dynamic config.
#define TIDEGATE_CONFIG 2

/// An experiment.
#define TIDEGATE_EXPERIMENT 3

/// A layer.
#define TIDEGATE_LAYER 4

/// Flag of an evaluation: log no exposure.
#define TIDEGATE_EVAL_NO_EXPOSURE 1

/// JSON type of a parameter: null.
#define TIDEGATE_JSON_NULL 1

/// JSON type of a parameter: true or false.
#define TIDEGATE_JSON_BOOL 2

/// JSON type of a parameter: a number.
#define TIDEGATE_JSON_NUMBER 3

/// JSON type of a parameter: a string.
#define TIDEGATE_JSON_STRING 4

/// JSON type of a parameter: an array.
#define TIDEGATE_JSON_ARRAY 5

/// JSON type of a parameter: an object.
#define TIDEGATE_JSON_OBJECT 6

/// An owned, immutable text. Read it with `tidegate_buf_data` and `tidegate_buf_len`, then free it
/// with `tidegate_buf_free`.
typedef struct tidegate_buf tidegate_buf;

/// Where a callback puts its answer. Valid during the callback only.
typedef struct tidegate_reply tidegate_reply;

/// The outcome of a call: 0 is success, below 0 an error, above 0 success with a note.
typedef int32_t tidegate_status;

/// Frees what `user_data` points to. Called exactly once, after the last use, on any thread.
typedef void (*tidegate_destroy_fn)(void *user_data);

/// Receives what the library logs, from every client and any thread. Texts are borrowed for the
/// callback and not terminated by a NUL; secret keys are masked.
typedef struct tidegate_log_vtable {
  /// `sizeof(tidegate_log_vtable)`.
  size_t struct_size;
  /// Passed to every function.
  void *user_data;
  /// Frees `user_data`.
  tidegate_destroy_fn destroy;
  /// The most talkative level wanted: one of `TIDEGATE_LOG_*`.
  int32_t level;
  /// Takes one message.
  void (*log)(void *user_data,
              int32_t level,
              const char *tag,
              size_t tag_len,
              const char *message,
              size_t message_len);
} tidegate_log_vtable;

/// Options for clients. 0 is never valid, and stands for the defaults where that is said.
typedef uint64_t tidegate_options;

/// A key-value store of the host, for specs and id lists. Called on the sync thread, or inside
/// `tidegate_client_initialize` and `tidegate_client_tick` on the thread that calls those.
///
/// Texts are borrowed for the callback and not terminated by a NUL. A result other than 0 means
/// failure. Any function may be NULL.
typedef struct tidegate_data_store_vtable {
  /// `sizeof(tidegate_data_store_vtable)`.
  size_t struct_size;
  /// Passed to every function.
  void *user_data;
  /// Frees `user_data`.
  tidegate_destroy_fn destroy;
  /// Answers with `tidegate_reply_set`; without an answer the key is not there.
  int32_t (*get)(void *user_data,
                 const char *key,
                 size_t key_len,
                 struct tidegate_reply *reply);
  /// Stores `value`; `time_ms` is the time of the specs in it, or 0.
  int32_t (*set)(void *user_data,
                 const char *key,
                 size_t key_len,
                 const char *value,
                 size_t value_len,
                 int64_t time_ms);
  /// 1 if the store is polled for updates of `path` instead of the network, else 0.
  int32_t (*supports_polling)(void *user_data, const char *path, size_t path_len);
  /// Called once, after the last use of the store.
  void (*shutdown)(void *user_data);
} tidegate_data_store_vtable;

/// Records one metric. `tags_json` is an object of texts.
typedef void (*tidegate_metric_fn)(void *user_data,
                                   const char *name,
                                   size_t name_len,
                                   double value,
                                   const char *tags_json,
                                   size_t tags_json_len);

/// Receives the library's own metrics, named `statsig.sdk.*`. Called on any thread of the library
/// and on threads that call it. Texts are borrowed for the callback and not terminated by a NUL.
typedef struct tidegate_metrics_vtable {
  /// `sizeof(tidegate_metrics_vtable)`.
  size_t struct_size;
  /// Passed to every function.
  void *user_data;
  /// Frees `user_data`.
  tidegate_destroy_fn destroy;
  /// Adds to a counter.
  tidegate_metric_fn increment;
  /// Sets a gauge.
  tidegate_metric_fn gauge;
  /// Records one value of a distribution.
  tidegate_metric_fn distribution;
  /// 1 to receive tags with many values (`lcut`, `prev_lcut`) too, else 0.
  int32_t high_cardinality;
} tidegate_metrics_vtable;

/// Takes the result of an evaluation as JSON, on the thread that evaluates.
typedef void (*tidegate_evaluation_fn)(void *user_data,
                                       const char *result_json,
                                       size_t result_json_len);

/// Takes the time of the specs in use and the specs as received, after each update.
typedef void (*tidegate_rules_fn)(void *user_data,
                                  int64_t time_ms,
                                  const char *specs_json,
                                  size_t specs_json_len);

/// Takes the outcome of one attempt to deliver events, as JSON:
/// `{"success":true,"events":3,"status":202,"error":null}`. With the option
/// `"events_in_flush_callback": true` it has the member `body` too: what was sent.
typedef void (*tidegate_flush_fn)(void *user_data,
                                  const char *delivery_json,
                                  size_t delivery_json_len);

/// Takes an error inside the library: where it happened, what kind it is, and what is known of it.
typedef void (*tidegate_error_fn)(void *user_data,
                                  const char *tag,
                                  size_t tag_len,
                                  const char *code,
                                  size_t code_len,
                                  const char *message,
                                  size_t message_len);

/// A client: one secret key, its rules and its events. 0 is never valid.
typedef uint64_t tidegate_client;

/// Takes the outcome of an initialization as JSON, see `tidegate_client_init_details`.
typedef void (*tidegate_init_fn)(void *user_data,
                                 const char *details_json,
                                 size_t details_json_len);

/// What became of the events. Set `struct_size` before the call.
typedef struct tidegate_flush_info {
  /// `sizeof(tidegate_flush_info)`.
  size_t struct_size;
  /// Accepted by the server during the call.
  uint64_t sent;
  /// Written to the spool during the call.
  uint64_t spooled;
  /// Given up during the call.
  uint64_t dropped;
  /// Still waiting after the call.
  uint64_t queued;
} tidegate_flush_info;

/// A user, parsed once and immutable. 0 is never valid.
typedef uint64_t tidegate_user;

/// The result of an evaluation. 0 is never valid; reading it gives defaults.
typedef uint64_t tidegate_result;

/// The times of a result, in ms since 1970. Set `struct_size` before the call.
typedef struct tidegate_eval_times {
  /// `sizeof(tidegate_eval_times)`.
  size_t struct_size;
  /// Time of the specs the result was made with.
  int64_t config_sync;
  /// Time of the specs the client was initialized with.
  int64_t init;
  /// Time of the evaluation.
  int64_t server;
} tidegate_eval_times;

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

/// The ABI of the loaded library as `major << 16 | minor`. Compare it with `TIDEGATE_ABI_MAJOR`
/// and `TIDEGATE_ABI_MINOR` before anything else: majors must be equal, and the library's minor
/// must not be below that of the header.
///
/// Blocks: no. Threads: any. In callbacks: yes. After shutdown: yes. After fork: yes.
TIDEGATE_API
uint32_t tidegate_abi_version(void);

/// The release of the loaded library, for example "0.1.0". Static.
///
/// Blocks: no. Threads: any. In callbacks: yes. After shutdown: yes. After fork: yes.
TIDEGATE_API
const char *tidegate_version(void);

/// How the loaded library was built, as JSON: `version`, `abi_major`, `target`, `libc`, `profile`,
/// `features`, `tls`, `source_id` and, where the builder told it, `git`. Static.
///
/// Blocks: no. Threads: any. In callbacks: yes. After shutdown: yes. After fork: yes.
TIDEGATE_API
const char *tidegate_build_info(void);

/// The name of a status, for example `TIDEGATE_E_HANDLE`. Static; never NULL.
///
/// Blocks: no. Threads: any. In callbacks: yes. After shutdown: yes. After fork: yes.
TIDEGATE_API
const char *tidegate_status_name(tidegate_status status);

/// Copies the message of this thread's last failed call and returns its length without the NUL.
/// A call that succeeds leaves the message alone.
///
/// `buf` receives at most `cap` bytes, the last one a NUL; it may be NULL if `cap` is 0. A result
/// of `cap` or more means that the message was cut.
///
/// Blocks: no. Threads: any. In callbacks: yes. After shutdown: yes. After fork: yes.
TIDEGATE_API
size_t tidegate_last_error(char *buf,
                           size_t cap);

/// Sends what the library logs to the host. For the whole process, all clients.
///
/// `vtable` is read during the call; its `user_data` is destroyed when the sink has been replaced
/// and is not in use any more, or at once if the call fails. NULL removes the sink: then only
/// clients whose options name a level write lines, to standard error.
/// The sink may be called on any thread. Nothing is logged from within the sink.
///
/// Blocks: no. Threads: any. In callbacks: yes. After shutdown: yes. After fork: yes.
TIDEGATE_API
tidegate_status tidegate_set_log_sink(const struct tidegate_log_vtable *vtable);

/// To be called right before `fork` by a host that does not go through the C library's `fork`.
/// Otherwise not needed: the library registers itself with `pthread_atfork`. Calling it anyway
/// does no harm.
///
/// Blocks: shortly. Threads: the one that forks. In callbacks: no. After shutdown: yes. After fork:
/// yes.
TIDEGATE_API
tidegate_status tidegate_before_fork(void);

/// To be called in the parent after `tidegate_before_fork` and `fork`.
///
/// Blocks: no. Threads: the one that forked. In callbacks: no. After shutdown: yes. After fork:
/// yes.
TIDEGATE_API
tidegate_status tidegate_after_fork_parent(void);

/// To be called first thing in the child after `fork`, by the same hosts. In a process that is not
/// a fresh child it does nothing.
///
/// Blocks: no. Threads: the one that forked. In callbacks: no. After shutdown: yes. After fork:
/// yes.
TIDEGATE_API
tidegate_status tidegate_after_fork_child(void);

/// The bytes of a buffer, with a NUL after the end; "" for NULL. Never NULL itself.
///
/// `buf` is only read; its bytes are borrowed until it is freed.
///
/// Blocks: no. Threads: any. In callbacks: yes. After shutdown: yes. After fork: yes.
TIDEGATE_API
const char *tidegate_buf_data(const struct tidegate_buf *buf);

/// The length of a buffer in bytes, without the NUL; 0 for NULL.
///
/// `buf` is only read.
///
/// Blocks: no. Threads: any. In callbacks: yes. After shutdown: yes. After fork: yes.
TIDEGATE_API
size_t tidegate_buf_len(const struct tidegate_buf *buf);

/// Frees a buffer.
///
/// `buf` may be NULL, and is freed once.
///
/// Blocks: no. Threads: any. In callbacks: yes. After shutdown: yes. After fork: yes.
TIDEGATE_API
void tidegate_buf_free(struct tidegate_buf *buf);

/// Inside a callback that was given a reply: copies the answer. A second call replaces the first.
///
/// `reply` is the one that the callback was given. `value` is copied before the call returns.
/// Without a call there is no answer ("not found").
///
/// Blocks: no. Threads: the one the callback runs on. In callbacks: only there. After shutdown:
/// yes. After fork: yes.
TIDEGATE_API
tidegate_status tidegate_reply_set(struct tidegate_reply *reply,
                                   const char *value,
                                   size_t value_len);

/// Makes options from JSON (see "Options" above). NULL or empty text means the defaults.
///
/// `json` is borrowed for the call. On success `*out_options` is an id that you release with
/// `tidegate_options_release`. On failure it is 0 and the message names the key and what was
/// expected. `TIDEGATE_NOTE_DEFAULTED` if unknown keys were ignored because of `"strict": false`.
///
/// Blocks: no. Threads: any. In callbacks: yes. After shutdown: yes. After fork: yes.
TIDEGATE_API
TIDEGATE_NODISCARD
tidegate_status tidegate_options_new(const char *json,
                                     size_t json_len,
                                     tidegate_options *out_options);

/// Ends the life of options. Clients made from them keep their own copy. 0 is allowed.
///
/// Blocks: no. Threads: any. In callbacks: yes. After shutdown: yes. After fork: yes.
TIDEGATE_API
tidegate_status tidegate_options_release(tidegate_options options);

/// Sets the data store of clients made from these options.
///
/// `vtable` is read during the call. Its `user_data` is the library's from here on: it is
/// destroyed once, when the last client that uses it is gone, or at once if the call fails.
///
/// Blocks: no. Threads: one at a time for the same options. In callbacks: yes. After shutdown: yes.
/// After fork: yes.
TIDEGATE_API
tidegate_status tidegate_options_set_data_store(tidegate_options options,
                                                const struct tidegate_data_store_vtable *vtable);

/// Sets the receiver of the metrics of clients made from these options.
///
/// `vtable` is read during the call. Its `user_data` is the library's from here on: it is
/// destroyed once, when the last client that uses it is gone, or at once if the call fails.
///
/// Blocks: no. Threads: one at a time for the same options. In callbacks: yes. After shutdown: yes.
/// After fork: yes.
TIDEGATE_API
tidegate_status tidegate_options_set_metrics(tidegate_options options,
                                             const struct tidegate_metrics_vtable *vtable);

/// Sets what is called after each evaluation, on the thread that evaluates, with the result as
/// JSON (see "Result" above).
///
/// `callback` NULL removes it. `user_data` is the library's from here on: `destroy` (may be NULL)
/// is called with it once, when the last client that uses it is gone, or at once if the call
/// fails or `callback` is NULL.
/// Evaluating inside the callback calls it again; the third such call within each other fails with
/// `TIDEGATE_E_STATE`.
///
/// Blocks: no. Threads: one at a time for the same options. In callbacks: yes. After shutdown: yes.
/// After fork: yes.
TIDEGATE_API
tidegate_status tidegate_options_set_evaluation_callback(tidegate_options options,
                                                         tidegate_evaluation_fn callback,
                                                         void *user_data,
                                                         tidegate_destroy_fn destroy);

/// Sets what is called with the time of the specs and the specs as received, after each update, on
/// the sync thread (or the thread that initializes, ticks or hands in specs).
///
/// `callback` NULL removes it. `user_data` is the library's from here on: `destroy` (may be NULL)
/// is called with it once, when the last client that uses it is gone, or at once if the call
/// fails or `callback` is NULL.
///
/// Blocks: no. Threads: one at a time for the same options. In callbacks: yes. After shutdown: yes.
/// After fork: yes.
TIDEGATE_API
tidegate_status tidegate_options_set_rules_callback(tidegate_options options,
                                                    tidegate_rules_fn callback,
                                                    void *user_data,
                                                    tidegate_destroy_fn destroy);

/// Sets what is called with the outcome of each attempt to deliver events, on the events thread
/// (or the thread that ticks, flushes or shuts down).
///
/// `callback` NULL removes it. `user_data` is the library's from here on: `destroy` (may be NULL)
/// is called with it once, when the last client that uses it is gone, or at once if the call
/// fails or `callback` is NULL.
///
/// Blocks: no. Threads: one at a time for the same options. In callbacks: yes. After shutdown: yes.
/// After fork: yes.
TIDEGATE_API
tidegate_status tidegate_options_set_flush_callback(tidegate_options options,
                                                    tidegate_flush_fn callback,
                                                    void *user_data,
                                                    tidegate_destroy_fn destroy);

/// Sets what is called with errors inside the library, on the thread that meets them. An error is
/// reported once, however often it happens.
///
/// `callback` NULL removes it. `user_data` is the library's from here on: `destroy` (may be NULL)
/// is called with it once, when the last client that uses it is gone, or at once if the call
/// fails or `callback` is NULL.
///
/// Blocks: no. Threads: one at a time for the same options. In callbacks: yes. After shutdown: yes.
/// After fork: yes.
TIDEGATE_API
tidegate_status tidegate_options_set_error_callback(tidegate_options options,
                                                    tidegate_error_fn callback,
                                                    void *user_data,
                                                    tidegate_destroy_fn destroy);

/// The effective options as JSON: every option with its value, defaults included, passwords and
/// keys masked, long texts as their length, and `callbacks`, the names of those that are set.
///
/// `*out_json` is freed with `tidegate_buf_free`; NULL on failure.
///
/// Blocks: no. Threads: one at a time for the same options. In callbacks: yes. After shutdown: yes.
/// After fork: yes.
TIDEGATE_API
tidegate_status tidegate_options_describe(tidegate_options options,
                                          struct tidegate_buf **out_json);

/// Makes a client. No file, network or thread is touched before `tidegate_client_initialize`.
///
/// `sdk_key` is the server secret key. `options` are copied; 0 means the defaults. On success
/// `*out_client` is an id that you release with `tidegate_client_release`; on failure it is 0.
///
/// Blocks: no. Threads: any. In callbacks: yes. After shutdown: yes. After fork: yes.
TIDEGATE_API
TIDEGATE_NODISCARD
tidegate_status tidegate_client_new(const char *sdk_key,
                                    size_t sdk_key_len,
                                    tidegate_options options,
                                    tidegate_client *out_client);

/// Ends the life of a client. If it was not shut down, its threads are told to stop without
/// waiting for them, and queued events go to the spool if there is one. 0 is allowed.
///
/// Inside one of the client's callbacks the id ends at once and the rest follows the callback.
///
/// Blocks: no. Threads: any. In callbacks: yes. After shutdown: yes. After fork: yes.
TIDEGATE_API
tidegate_status tidegate_client_release(tidegate_client client);

/// Loads rules from the sources of the options and starts to keep them fresh.
///
/// `TIDEGATE_E_TIMEOUT` when `timeout_ms` is over; 0 does not wait and is `TIDEGATE_OK`. The work
/// goes on in the background then. A second caller waits for the first. Afterwards evaluations work, with defaults if
/// no source could be reached; `tidegate_client_init_details` tells how it went.
///
/// Blocks: up to `timeout_ms`. Threads: any. In callbacks: `TIDEGATE_E_STATE`. After shutdown:
/// `TIDEGATE_E_STATE`. After fork: yes.
TIDEGATE_API
tidegate_status tidegate_client_initialize(tidegate_client client,
                                           uint32_t timeout_ms);

/// Does the same in the background and then calls `callback` with the details.
///
/// `callback` may be NULL. It is called once, on a thread of the library (with `"threads": "none"`
/// before this call returns), unless the call fails or callbacks are closed. `user_data` is the
/// library's from here on: `destroy` (may be NULL) is called with it once, in any case.
///
/// Blocks: no. Threads: any. In callbacks: `TIDEGATE_E_STATE`. After shutdown: `TIDEGATE_E_STATE`.
/// After fork: yes.
TIDEGATE_API
tidegate_status tidegate_client_initialize_async(tidegate_client client,
                                                 tidegate_init_fn callback,
                                                 void *user_data,
                                                 tidegate_destroy_fn destroy);

/// Waits until an initialization that was started has ended. `TIDEGATE_E_TIMEOUT` when
/// `timeout_ms` is over.
///
/// Blocks: up to `timeout_ms`. Threads: any. In callbacks: `TIDEGATE_E_STATE`. Before initialize
/// and after shutdown: `TIDEGATE_E_STATE`. After fork: yes.
TIDEGATE_API
tidegate_status tidegate_client_wait_initialized(tidegate_client client,
                                                 uint32_t timeout_ms);

/// 1 if the client is initialized and not shut down, else 0.
///
/// Blocks: no. Threads: any. In callbacks: yes. After shutdown: yes. After fork: yes.
TIDEGATE_API
int32_t tidegate_client_is_initialized(tidegate_client client);

/// How the initialization went, as JSON: `duration_ms`, `source`, `init_success`,
/// `store_populated`, `specs_time`, `id_list_count`, `error`, `init_source_api`,
/// `init_source_api_id_lists`, `fallback_spec_used`, `fallback_id_lists_used`, `timed_out`.
///
/// `*out_json` is freed with `tidegate_buf_free`; NULL on failure.
///
/// Blocks: no. Threads: any. In callbacks: yes. After shutdown: yes. After fork: yes.
TIDEGATE_API
tidegate_status tidegate_client_init_details(tidegate_client client,
                                             struct tidegate_buf **out_json);

/// Delivers what is queued, and tells what became of it.
///
/// `*out_info` may be NULL. `TIDEGATE_NOTE_PARTIAL` if not everything was delivered.
///
/// Blocks: up to `timeout_ms`. Threads: any. In callbacks: `TIDEGATE_E_STATE`. After shutdown: yes,
/// does nothing. After fork: yes.
TIDEGATE_API
tidegate_status tidegate_client_flush(tidegate_client client,
                                      uint32_t timeout_ms,
                                      struct tidegate_flush_info *out_info);

/// Delivers what is queued, spools the rest if there is a spool, and stops the client's threads.
/// Evaluations fail with `TIDEGATE_E_STATE` from here on.
///
/// `*out_info` may be NULL. `TIDEGATE_NOTE_PARTIAL` if not everything was delivered. Further calls
/// do nothing. Inside one of the client's callbacks it returns at once, with zeros, and follows the
/// callback.
///
/// A process that ends without it, by `exit` or a return from `main`, leaves what is queued in the
/// spool, if there is one, and delivers nothing more.
///
/// Blocks: up to `timeout_ms`. Threads: any. In callbacks: yes. After shutdown: yes. After fork:
/// yes.
TIDEGATE_API
tidegate_status tidegate_client_shutdown(tidegate_client client,
                                         uint32_t timeout_ms,
                                         struct tidegate_flush_info *out_info);

/// Lets no callback of this client start any more and waits for those that run. To be called
/// before the host can no longer be called, for example from `atexit` or an interpreter's end.
///
/// `TIDEGATE_E_TIMEOUT` if callbacks still run when `timeout_ms` is over; none starts then either.
///
/// Blocks: up to `timeout_ms`. Threads: any. In callbacks: `TIDEGATE_E_STATE`. After shutdown: yes.
/// After fork: yes.
TIDEGATE_API
tidegate_status tidegate_callbacks_close(tidegate_client client,
                                         uint32_t timeout_ms);

/// With `"threads": "none"`: does the work that is due, on this thread.
///
/// `*out_next_ms` (may be NULL) says in how many ms the next work is due; 0 on failure.
/// `TIDEGATE_E_STATE` for a client with threads of its own.
///
/// Blocks: about `budget_ms`. Threads: any. In callbacks: `TIDEGATE_E_STATE`. Before initialize
/// and after shutdown: `TIDEGATE_E_STATE`. After fork: yes.
TIDEGATE_API
tidegate_status tidegate_client_tick(tidegate_client client,
                                     uint32_t budget_ms,
                                     uint32_t *out_next_ms);

/// Takes the next notification, as JSON with a `type`, for hosts that cannot be called from other
/// threads. The oldest are dropped when nobody takes them.
///
/// `*out_json` is freed with `tidegate_buf_free`; NULL if there is none and on failure.
///
/// Blocks: no. Threads: any. In callbacks: yes. After shutdown: yes. After fork: yes.
TIDEGATE_API
tidegate_status tidegate_client_poll_event(tidegate_client client,
                                           struct tidegate_buf **out_json);

/// Fetches rules and id lists now. `TIDEGATE_E_TIMEOUT` when `timeout_ms` is over.
///
/// Blocks: up to `timeout_ms`. Threads: any. In callbacks: `TIDEGATE_E_STATE`. Before initialize
/// and after shutdown: `TIDEGATE_E_STATE`. After fork: yes.
TIDEGATE_API
tidegate_status tidegate_client_sync_now(tidegate_client client,
                                         uint32_t timeout_ms);

/// Pauses (0) or resumes (any other number) the regular fetching of rules. Id lists go on.
///
/// Blocks: no. Threads: any. In callbacks: yes. Before initialize and after shutdown:
/// `TIDEGATE_E_STATE`. After fork: yes.
TIDEGATE_API
tidegate_status tidegate_client_set_polling(tidegate_client client,
                                            int32_t on);

/// Replaces the rules with specs that you got by other means. Specs that are older than those in
/// use, or not meant for this key, are refused with `TIDEGATE_E_ARG`.
///
/// `specs_json` is copied.
///
/// Blocks: no. Threads: any. In callbacks: `TIDEGATE_E_STATE`. After shutdown: `TIDEGATE_E_STATE`.
/// After fork: yes.
TIDEGATE_API
tidegate_status tidegate_client_update_specs(tidegate_client client,
                                             const char *specs_json,
                                             size_t specs_json_len);

/// Replaces the environment of the options, `tier` included, for evaluations and events from here
/// on.
///
/// `environment_json` is an object of texts, copied; an empty one leaves the environment to the
/// users and the rules.
///
/// Blocks: no. Threads: any. In callbacks: yes. Before initialize: yes. After shutdown: yes. After
/// fork: yes.
TIDEGATE_API
tidegate_status tidegate_client_set_environment(tidegate_client client,
                                                const char *environment_json,
                                                size_t environment_json_len);

/// The specs in use, as received: to keep them, or to hand them to another process.
/// Large specs are kept compressed if they came so, and are unpacked for each call: some
/// milliseconds a megabyte.
///
/// `*out_json` is freed with `tidegate_buf_free`; NULL if there are none and on failure.
///
/// Blocks: no. Threads: any. In callbacks: yes. After shutdown: yes. After fork: yes.
TIDEGATE_API
tidegate_status tidegate_client_get_specs(tidegate_client client,
                                          struct tidegate_buf **out_json);

/// The client's health as JSON: last sync and its age for each source, queues, counters, threads,
/// fork generation. Times are in ms.
///
/// `*out_json` is freed with `tidegate_buf_free`; NULL on failure.
///
/// Blocks: no. Threads: any. In callbacks: yes. After shutdown: yes. After fork: yes.
TIDEGATE_API
tidegate_status tidegate_client_stats(tidegate_client client,
                                      struct tidegate_buf **out_json);

/// Makes a user from JSON (see "User" above).
///
/// `user_json` is borrowed for the call. On success `*out_user` is an id that you release with
/// `tidegate_user_release`; any number of threads and clients may use it. On failure it is 0;
/// `TIDEGATE_E_ARG` if the user has neither a user id nor a custom id.
///
/// Blocks: no. Threads: any. In callbacks: yes. After shutdown: yes. After fork: yes.
TIDEGATE_API
TIDEGATE_NODISCARD
tidegate_status tidegate_user_new(const char *user_json,
                                  size_t user_json_len,
                                  tidegate_user *out_user);

/// Ends the life of a user; calls that use it finish first. 0 is allowed.
///
/// Blocks: no. Threads: any. In callbacks: yes. After shutdown: yes. After fork: yes.
TIDEGATE_API
tidegate_status tidegate_user_release(tidegate_user user);

/// The user as JSON, as it would be logged: without private attributes unless `with_private` is 1.
///
/// `*out_json` is freed with `tidegate_buf_free`; NULL on failure.
///
/// Blocks: no. Threads: any. In callbacks: yes. After shutdown: yes. After fork: yes.
TIDEGATE_API
tidegate_status tidegate_user_to_json(tidegate_user user,
                                      int32_t with_private,
                                      struct tidegate_buf **out_json);

/// Whether the user passes a gate. A gate that is not known is `TIDEGATE_OK` and 0.
///
/// `name` is borrowed for the call. `*out_value` is 0 or 1; 0 on failure. Logs an exposure unless
/// `flags` say otherwise. Allocates nothing for a plain gate.
///
/// Blocks: no. Threads: any. In callbacks: yes. Before initialize and after shutdown:
/// `TIDEGATE_E_STATE`. After fork: yes.
TIDEGATE_API
tidegate_status tidegate_check_gate(tidegate_client client,
                                    tidegate_user user,
                                    const char *name,
                                    size_t name_len,
                                    uint32_t flags,
                                    int32_t *out_value);

/// A gate with its rule and details.
///
/// `name` is borrowed for the call. `*out_result` is an id that you release with
/// `tidegate_result_release`; 0 on failure. Logs an exposure unless `flags` say otherwise.
///
/// Blocks: no. Threads: any. In callbacks: yes. Before initialize and after shutdown:
/// `TIDEGATE_E_STATE`. After fork: yes.
TIDEGATE_API
tidegate_status tidegate_get_gate(tidegate_client client,
                                  tidegate_user user,
                                  const char *name,
                                  size_t name_len,
                                  uint32_t flags,
                                  tidegate_result *out_result);

/// A dynamic config. Its parameters are read with `tidegate_result_get_*`.
///
/// `name` is borrowed for the call. `*out_result` is an id that you release with
/// `tidegate_result_release`; 0 on failure. Logs an exposure unless `flags` say otherwise.
///
/// Blocks: no. Threads: any. In callbacks: yes. Before initialize and after shutdown:
/// `TIDEGATE_E_STATE`. After fork: yes.
TIDEGATE_API
tidegate_status tidegate_get_config(tidegate_client client,
                                    tidegate_user user,
                                    const char *name,
                                    size_t name_len,
                                    uint32_t flags,
                                    tidegate_result *out_result);

/// An experiment. Its parameters are read with `tidegate_result_get_*`.
///
/// `name` is borrowed for the call. `*out_result` is an id that you release with
/// `tidegate_result_release`; 0 on failure. Logs an exposure unless `flags` say otherwise.
///
/// Blocks: no. Threads: any. In callbacks: yes. Before initialize and after shutdown:
/// `TIDEGATE_E_STATE`. After fork: yes.
TIDEGATE_API
tidegate_status tidegate_get_experiment(tidegate_client client,
                                        tidegate_user user,
                                        const char *name,
                                        size_t name_len,
                                        uint32_t flags,
                                        tidegate_result *out_result);

/// A layer. Nothing is logged by this call: reading a parameter with `tidegate_result_get_*` logs
/// the exposure of that parameter, unless `flags` say otherwise.
///
/// `name` is borrowed for the call. `*out_result` is an id that you release with
/// `tidegate_result_release`; 0 on failure.
///
/// Blocks: no. Threads: any. In callbacks: yes. Before initialize and after shutdown:
/// `TIDEGATE_E_STATE`. After fork: yes.
TIDEGATE_API
tidegate_status tidegate_get_layer(tidegate_client client,
                                   tidegate_user user,
                                   const char *name,
                                   size_t name_len,
                                   uint32_t flags,
                                   tidegate_result *out_result);

/// Whether the user passes a gate, in one call without a user id: for languages in which each call
/// is dear.
///
/// `user_json` and `name` are borrowed for the call. `*out_value` is 0 or 1; 0 on failure. Logs an
/// exposure unless `flags` say otherwise.
///
/// Blocks: no. Threads: any. In callbacks: yes. Before initialize and after shutdown:
/// `TIDEGATE_E_STATE`. After fork: yes.
TIDEGATE_API
tidegate_status tidegate_check_gate_json(tidegate_client client,
                                         const char *user_json,
                                         size_t user_json_len,
                                         const char *name,
                                         size_t name_len,
                                         uint32_t flags,
                                         int32_t *out_value);

/// Any kind of evaluation in one call: user JSON in, result JSON out (see "User" and "Result"
/// above). A layer's parameters log no exposure this way; see `tidegate_log_exposure`.
///
/// `user_json` and `name` are borrowed for the call. `*out_json` is freed with `tidegate_buf_free`;
/// NULL on failure. Logs an exposure, except for layers, unless `flags` say otherwise.
///
/// Blocks: no. Threads: any. In callbacks: yes. Before initialize and after shutdown:
/// `TIDEGATE_E_STATE`. After fork: yes.
TIDEGATE_API
tidegate_status tidegate_evaluate_json(tidegate_client client,
                                       int32_t kind,
                                       const char *user_json,
                                       size_t user_json_len,
                                       const char *name,
                                       size_t name_len,
                                       uint32_t flags,
                                       struct tidegate_buf **out_json);

/// Many evaluations in one call (see "Batch" above).
///
/// `request_json` is borrowed for the call. `*out_json` is freed with `tidegate_buf_free`; NULL on
/// failure. An error in one cell of the answer stands in that cell.
///
/// Blocks: no. Threads: any. In callbacks: yes. Before initialize and after shutdown:
/// `TIDEGATE_E_STATE`. After fork: yes.
TIDEGATE_API
tidegate_status tidegate_evaluate_batch(tidegate_client client,
                                        const char *request_json,
                                        size_t request_json_len,
                                        struct tidegate_buf **out_json);

/// All gates, configs and experiments for one user, as JSON, without exposures:
/// `{"feature_gates":{name:{"value","rule_id"}},"dynamic_configs":{name:{"value","rule_id"}}}`.
///
/// `*out_json` is freed with `tidegate_buf_free`; NULL on failure.
///
/// Blocks: no. Threads: any. In callbacks: yes. Before initialize and after shutdown:
/// `TIDEGATE_E_STATE`. After fork: yes.
TIDEGATE_API
tidegate_status tidegate_evaluate_all(tidegate_client client,
                                      tidegate_user user,
                                      struct tidegate_buf **out_json);

/// Why the user gets what it gets: the rules and conditions that were looked at, in order, with
/// the values and hashes that decided, as JSON. Logs no exposure.
///
/// `name` is borrowed for the call. `*out_json` is freed with `tidegate_buf_free`; NULL on failure.
///
/// Blocks: no. Threads: any. In callbacks: yes. Before initialize and after shutdown:
/// `TIDEGATE_E_STATE`. After fork: yes.
TIDEGATE_API
tidegate_status tidegate_explain(tidegate_client client,
                                 tidegate_user user,
                                 int32_t kind,
                                 const char *name,
                                 size_t name_len,
                                 struct tidegate_buf **out_json);

/// What a browser or mobile SDK needs to start for this user, as JSON; `null` while there are no
/// specs. Logs no exposure.
///
/// `options_json` (see "Client initialize response" above) may be NULL; it is borrowed for the
/// call. `*out_json` is freed with `tidegate_buf_free`; NULL on failure.
///
/// Blocks: no. Threads: any. In callbacks: yes. Before initialize and after shutdown: yes. After
/// fork: yes.
TIDEGATE_API
tidegate_status tidegate_get_client_init_response(tidegate_client client,
                                                  tidegate_user user,
                                                  const char *options_json,
                                                  size_t options_json_len,
                                                  struct tidegate_buf **out_json);

/// The names of the entities of one kind, as a JSON array; with kind 0 those of all kinds, as an
/// object.
///
/// `*out_json` is freed with `tidegate_buf_free`; NULL on failure.
///
/// Blocks: no. Threads: any. In callbacks: yes. Before initialize and after shutdown: yes. After
/// fork: yes.
TIDEGATE_API
tidegate_status tidegate_list_entities(tidegate_client client,
                                       int32_t kind,
                                       struct tidegate_buf **out_json);

/// The kind of a result: one of `TIDEGATE_GATE` to `TIDEGATE_LAYER`; 0 on failure.
///
/// Blocks: no. Threads: any. In callbacks: yes. After shutdown: yes. After fork: yes.
TIDEGATE_API
int32_t tidegate_result_kind(tidegate_result result);

/// The value of a gate, or whether a config's rule was passed: 0 or 1; 0 on failure.
///
/// Blocks: no. Threads: any. In callbacks: yes. After shutdown: yes. After fork: yes.
TIDEGATE_API
int32_t tidegate_result_bool(tidegate_result result);

/// The name that was asked for; "" on failure.
///
/// Borrowed until the result is released, and terminated by a NUL; `*out_len` (may be NULL) is the
/// length without it.
///
/// Blocks: no. Threads: any. In callbacks: yes. After shutdown: yes. After fork: yes.
TIDEGATE_API
const char *tidegate_result_name(tidegate_result result,
                                 size_t *out_len);

/// The id of the rule that decided; "" if there was none and on failure.
///
/// Borrowed until the result is released, and terminated by a NUL; `*out_len` (may be NULL) is the
/// length without it.
///
/// Blocks: no. Threads: any. In callbacks: yes. After shutdown: yes. After fork: yes.
TIDEGATE_API
const char *tidegate_result_rule_id(tidegate_result result,
                                    size_t *out_len);

/// The name of the experiment group; NULL if there is none and on failure.
///
/// Borrowed until the result is released, and terminated by a NUL; `*out_len` (may be NULL) is the
/// length without it.
///
/// Blocks: no. Threads: any. In callbacks: yes. After shutdown: yes. After fork: yes.
TIDEGATE_API
const char *tidegate_result_group_name(tidegate_result result,
                                       size_t *out_len);

/// The type of the id that was evaluated, for example "userID"; "" if not known and on failure.
///
/// Borrowed until the result is released, and terminated by a NUL; `*out_len` (may be NULL) is the
/// length without it.
///
/// Blocks: no. Threads: any. In callbacks: yes. After shutdown: yes. After fork: yes.
TIDEGATE_API
const char *tidegate_result_id_type(tidegate_result result,
                                    size_t *out_len);

/// Where the value came from, for example "Network" or "Network:Unrecognized"; "" on failure.
///
/// Borrowed until the result is released, and terminated by a NUL; `*out_len` (may be NULL) is the
/// length without it.
///
/// Blocks: no. Threads: any. In callbacks: yes. After shutdown: yes. After fork: yes.
TIDEGATE_API
const char *tidegate_result_reason(tidegate_result result,
                                   size_t *out_len);

/// The times of a result.
///
/// `out_times->struct_size` must be set; the other members are 0 on failure.
///
/// Blocks: no. Threads: any. In callbacks: yes. After shutdown: yes. After fork: yes.
TIDEGATE_API
tidegate_status tidegate_result_times(tidegate_result result,
                                      struct tidegate_eval_times *out_times);

/// The whole value as JSON: true or false for a gate, otherwise an object. Logs no exposure.
///
/// `*out_json` is freed with `tidegate_buf_free`; NULL on failure.
///
/// Blocks: no. Threads: any. In callbacks: yes. After shutdown: yes. After fork: yes.
TIDEGATE_API
tidegate_status tidegate_result_value_json(tidegate_result result,
                                           struct tidegate_buf **out_json);

/// Everything about a result as JSON (see "Result" above). Logs no exposure.
///
/// `*out_json` is freed with `tidegate_buf_free`; NULL on failure.
///
/// Blocks: no. Threads: any. In callbacks: yes. After shutdown: yes. After fork: yes.
TIDEGATE_API
tidegate_status tidegate_result_to_json(tidegate_result result,
                                        struct tidegate_buf **out_json);

/// One parameter as JSON. Reading a parameter of a layer logs its exposure.
///
/// `key` is borrowed for the call. `*out_json` is freed with `tidegate_buf_free`; NULL if the
/// parameter is absent and on failure.
///
/// Blocks: no. Threads: any. In callbacks: yes. After shutdown: yes. After fork: yes.
TIDEGATE_API
tidegate_status tidegate_result_get_json(tidegate_result result,
                                         const char *key,
                                         size_t key_len,
                                         struct tidegate_buf **out_json);

/// One parameter that is true or false. Reading a parameter of a layer logs its exposure.
///
/// `key` is borrowed for the call. `*out_value` is `default_value` if the parameter is absent or of
/// another type, and on failure.
///
/// Blocks: no. Threads: any. In callbacks: yes. After shutdown: yes. After fork: yes.
TIDEGATE_API
tidegate_status tidegate_result_get_bool(tidegate_result result,
                                         const char *key,
                                         size_t key_len,
                                         int32_t default_value,
                                         int32_t *out_value);

/// One parameter that is a whole number. Reading a parameter of a layer logs its exposure.
///
/// `key` is borrowed for the call. `*out_value` is `default_value` if the parameter is absent or of
/// another type, and on failure.
///
/// Blocks: no. Threads: any. In callbacks: yes. After shutdown: yes. After fork: yes.
TIDEGATE_API
tidegate_status tidegate_result_get_i64(tidegate_result result,
                                        const char *key,
                                        size_t key_len,
                                        int64_t default_value,
                                        int64_t *out_value);

/// One parameter that is a number. Reading a parameter of a layer logs its exposure.
///
/// `key` is borrowed for the call. `*out_value` is `default_value` if the parameter is absent or of
/// another type, and on failure.
///
/// Blocks: no. Threads: any. In callbacks: yes. After shutdown: yes. After fork: yes.
TIDEGATE_API
tidegate_status tidegate_result_get_f64(tidegate_result result,
                                        const char *key,
                                        size_t key_len,
                                        double default_value,
                                        double *out_value);

/// One parameter that is a string. Reading a parameter of a layer logs its exposure.
///
/// `key` is borrowed for the call. `*out_text` is borrowed until the result is released and
/// terminated by a NUL; `*out_len` (may be NULL) is the length without it. NULL and 0 if the
/// parameter is absent or of another type, and on failure.
///
/// Blocks: no. Threads: any. In callbacks: yes. After shutdown: yes. After fork: yes.
TIDEGATE_API
tidegate_status tidegate_result_get_str(tidegate_result result,
                                        const char *key,
                                        size_t key_len,
                                        const char **out_text,
                                        size_t *out_len);

/// The JSON type of a parameter, one of `TIDEGATE_JSON_*`; 0 if it is absent and on failure. Logs
/// no exposure.
///
/// `key` is borrowed for the call.
///
/// Blocks: no. Threads: any. In callbacks: yes. After shutdown: yes. After fork: yes.
TIDEGATE_API
int32_t tidegate_result_has(tidegate_result result,
                            const char *key,
                            size_t key_len);

/// Ends the life of a result and of the texts borrowed from it. 0 is allowed.
///
/// Blocks: no. Threads: any. In callbacks: yes. After shutdown: yes. After fork: yes.
TIDEGATE_API
tidegate_status tidegate_result_release(tidegate_result result);

/// Logs a custom event.
///
/// `number` (may be NULL) or `value` (may be NULL) is the value of the event; giving both is
/// `TIDEGATE_E_ARG`. `metadata_json` (may be NULL) is a JSON object. `name` and these are copied.
///
/// Blocks: no. Threads: any. In callbacks: yes. Before initialize and after shutdown:
/// `TIDEGATE_E_STATE`. After fork: yes.
TIDEGATE_API
tidegate_status tidegate_log_event(tidegate_client client,
                                   tidegate_user user,
                                   const char *name,
                                   size_t name_len,
                                   const double *number,
                                   const char *value,
                                   size_t value_len,
                                   const char *metadata_json,
                                   size_t metadata_json_len);

/// Logs one custom event, or an array of them, each with its user (see "Event" above).
///
/// `events_json` is copied. An event that is refused does not keep the others out; the message names
/// the first such. Nothing is logged if the text as a whole is not JSON.
///
/// Blocks: no. Threads: any. In callbacks: yes. Before initialize and after shutdown:
/// `TIDEGATE_E_STATE`. After fork: yes.
TIDEGATE_API
tidegate_status tidegate_log_event_json(tidegate_client client,
                                        const char *events_json,
                                        size_t events_json_len);

/// Evaluates and logs the exposure, marked as manual.
///
/// `name` and `parameter` are borrowed for the call. `parameter` is that of a layer, and NULL for
/// other kinds.
///
/// Blocks: no. Threads: any. In callbacks: yes. Before initialize and after shutdown:
/// `TIDEGATE_E_STATE`. After fork: yes.
TIDEGATE_API
tidegate_status tidegate_log_exposure(tidegate_client client,
                                      tidegate_user user,
                                      int32_t kind,
                                      const char *name,
                                      size_t name_len,
                                      const char *parameter,
                                      size_t parameter_len);

/// Logs the exposure of a result that was taken without one, marked as manual, as it was
/// evaluated.
///
/// `parameter` is the parameter of a layer, and NULL for other kinds; it is borrowed for the call.
///
/// Blocks: no. Threads: any. In callbacks: yes. Before initialize and after shutdown:
/// `TIDEGATE_E_STATE`. After fork: yes.
TIDEGATE_API
tidegate_status tidegate_log_exposure_for_result(tidegate_client client,
                                                 tidegate_result result,
                                                 const char *parameter,
                                                 size_t parameter_len);

/// Makes everybody, or one id, get a value of your choice.
///
/// `value_json` is true or false for a gate, otherwise an object. `id` is a user id or custom id;
/// NULL or empty means all users. `name` and these are copied. An override of an experiment does
/// not reach layers that hold the experiment.
///
/// Blocks: no. Threads: any. In callbacks: yes. Before initialize: yes. After shutdown: yes. After
/// fork: yes.
TIDEGATE_API
tidegate_status tidegate_override(tidegate_client client,
                                  int32_t kind,
                                  const char *name,
                                  size_t name_len,
                                  const char *value_json,
                                  size_t value_json_len,
                                  const char *id,
                                  size_t id_len);

/// Removes one override. One that is not there is `TIDEGATE_OK`.
///
/// `name` and `id`, as for `tidegate_override`, are borrowed for the call.
///
/// Blocks: no. Threads: any. In callbacks: yes. Before initialize: yes. After shutdown: yes. After
/// fork: yes.
TIDEGATE_API
tidegate_status tidegate_remove_override(tidegate_client client,
                                         int32_t kind,
                                         const char *name,
                                         size_t name_len,
                                         const char *id,
                                         size_t id_len);

/// Removes every override.
///
/// Blocks: no. Threads: any. In callbacks: yes. Before initialize: yes. After shutdown: yes. After
/// fork: yes.
TIDEGATE_API
tidegate_status tidegate_remove_all_overrides(tidegate_client client);

/// Replaces all overrides by those in `overrides_json` (see "Overrides" above). If one is refused,
/// nothing changes.
///
/// `overrides_json` is borrowed for the call.
///
/// Blocks: no. Threads: any. In callbacks: yes. Before initialize: yes. After shutdown: yes. After
/// fork: yes.
TIDEGATE_API
tidegate_status tidegate_load_overrides(tidegate_client client,
                                        const char *overrides_json,
                                        size_t overrides_json_len);

/// All overrides as JSON, in the form that `tidegate_load_overrides` takes.
///
/// `*out_json` is freed with `tidegate_buf_free`; NULL on failure.
///
/// Blocks: no. Threads: any. In callbacks: yes. Before initialize: yes. After shutdown: yes. After
/// fork: yes.
TIDEGATE_API
tidegate_status tidegate_dump_overrides(tidegate_client client,
                                        struct tidegate_buf **out_json);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* TIDEGATE_H */
