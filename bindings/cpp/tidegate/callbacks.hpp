/// \file
/// The program's own objects and functions, made callable for the library.

#ifndef TIDEGATE_CALLBACKS_HPP
#define TIDEGATE_CALLBACKS_HPP

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include <tidegate.h>

#include "load.hpp"

namespace tidegate {

/// A key-value store for specs and id lists, for example on Redis. Override what you need.
///
/// Called on the library's sync thread, or inside `Client::initialize` and `Client::tick`. A
/// method that throws counts as failed.
class DataStore {
public:
  DataStore() = default;
  DataStore(const DataStore &) = delete;
  DataStore &operator=(const DataStore &) = delete;
  virtual ~DataStore() = default;

  /// The value of `key`, if there is one.
  virtual std::optional<std::string> get([[maybe_unused]] std::string_view key) { return {}; }
  /// Stores `value`; `time_ms` is the time of the specs in it, or 0. False if that failed.
  virtual bool set([[maybe_unused]] std::string_view key, [[maybe_unused]] std::string_view value,
                   [[maybe_unused]] std::int64_t time_ms) {
    return true;
  }
  /// Whether the store is polled for updates of `path` instead of the network.
  virtual bool supports_polling([[maybe_unused]] std::string_view path) { return false; }
  /// Called once, after the last use.
  virtual void shutdown() {}
};

/// Receives the library's own metrics, named `statsig.sdk.*`. Called on any thread.
///
/// `tags_json` is a JSON object of texts.
class Metrics {
public:
  Metrics() = default;
  Metrics(const Metrics &) = delete;
  Metrics &operator=(const Metrics &) = delete;
  virtual ~Metrics() = default;

  /// Adds to a counter.
  virtual void increment(std::string_view name, double value, std::string_view tags_json) = 0;
  /// Sets a gauge.
  virtual void gauge(std::string_view name, double value, std::string_view tags_json) = 0;
  /// Records one value of a distribution.
  virtual void distribution(std::string_view name, double value, std::string_view tags_json) = 0;
  /// Whether to receive tags with many values (`lcut`, `prev_lcut`) too.
  [[nodiscard]] virtual bool high_cardinality() const { return false; }
};

/// How much is logged; each level contains those before it.
enum class LogLevel : std::int32_t {
  none = TIDEGATE_LOG_NONE,
  error = TIDEGATE_LOG_ERROR,
  warning = TIDEGATE_LOG_WARNING,
  info = TIDEGATE_LOG_INFO,
  debug = TIDEGATE_LOG_DEBUG,
};

/// Takes the message of an exception that a callback let out.
using CallbackFailure = void (*)(const char *what) noexcept;

namespace detail {

inline std::atomic<CallbackFailure> callback_failure{nullptr};

#if TIDEGATE_HAS_EXCEPTIONS
inline void report_exception() noexcept {
  const CallbackFailure handler = callback_failure.load();
  if (handler == nullptr) {
    return;
  }
  try {
    throw;
  } catch (const std::exception &error) {
    handler(error.what());
  } catch (...) {
    handler("not a std::exception");
  }
}
#endif

/// Runs `body`; what it throws stays here, and the answer is `failed`.
template <class T, class Body> T contain(T failed, Body &&body) noexcept {
#if TIDEGATE_HAS_EXCEPTIONS
  try {
    return body();
  } catch (...) {
    report_exception();
    return failed;
  }
#else
  static_cast<void>(failed);
  return body();
#endif
}

/// An `F` on the heap, behind functions of the shapes that the library calls.
template <class F> struct Closure {
  static void destroy(void *self) { delete static_cast<F *>(self); }

  template <class... Arguments> static void call(void *self, Arguments... arguments) noexcept {
    contain(0, [&] {
      (*static_cast<F *>(self))(arguments...);
      return 0;
    });
  }

  static void json(void *self, const char *text, std::size_t length) {
    call(self, std::string_view(text, length));
  }
  static void rules(void *self, std::int64_t time_ms, const char *specs, std::size_t length) {
    call(self, time_ms, std::string_view(specs, length));
  }
  static void error(void *self, const char *tag, std::size_t tag_length, const char *code,
                    std::size_t code_length, const char *message, std::size_t length) {
    call(self, std::string_view(tag, tag_length), std::string_view(code, code_length),
         std::string_view(message, length));
  }
  static void log(void *self, std::int32_t level, const char *tag, std::size_t tag_length,
                  const char *message, std::size_t length) {
    call(self, static_cast<LogLevel>(level), std::string_view(tag, tag_length),
         std::string_view(message, length));
  }
};

/// A shared object of the host, as user data.
template <class T> struct Shared {
  static T &of(void *self) noexcept { return **static_cast<std::shared_ptr<T> *>(self); }
  static void destroy(void *self) { delete static_cast<std::shared_ptr<T> *>(self); }
};

inline tidegate_data_store_vtable data_store_vtable(std::shared_ptr<DataStore> store) {
  using Store = Shared<DataStore>;
  tidegate_data_store_vtable table = {};
  table.struct_size = sizeof table;
  table.user_data = new std::shared_ptr<DataStore>(std::move(store));
  table.destroy = &Store::destroy;
  table.get = [](void *self, const char *key, std::size_t length, tidegate_reply *reply) {
    return contain(std::int32_t{-1}, [&]() -> std::int32_t {
      const auto value = Store::of(self).get(std::string_view(key, length));
      return value ? tidegate_reply_set(reply, value->data(), value->size()) : 0;
    });
  };
  table.set = [](void *self, const char *key, std::size_t length, const char *value,
                 std::size_t value_length, std::int64_t time_ms) {
    return contain(std::int32_t{-1}, [&]() -> std::int32_t {
      const std::string_view text(value, value_length);
      return Store::of(self).set(std::string_view(key, length), text, time_ms) ? 0 : -1;
    });
  };
  table.supports_polling = [](void *self, const char *path, std::size_t length) {
    return contain(std::int32_t{0}, [&]() -> std::int32_t {
      return Store::of(self).supports_polling(std::string_view(path, length)) ? 1 : 0;
    });
  };
  table.shutdown = [](void *self) {
    contain(0, [&] {
      Store::of(self).shutdown();
      return 0;
    });
  };
  return table;
}

template <void (Metrics::*Record)(std::string_view, double, std::string_view)>
void record(void *self, const char *name, std::size_t length, double value, const char *tags,
            std::size_t tags_length) {
  contain(0, [&] {
    (Shared<Metrics>::of(self).*Record)(std::string_view(name, length), value,
                                        std::string_view(tags, tags_length));
    return 0;
  });
}

inline tidegate_metrics_vtable metrics_vtable(std::shared_ptr<Metrics> metrics) {
  tidegate_metrics_vtable table = {};
  table.struct_size = sizeof table;
  table.high_cardinality = metrics->high_cardinality() ? 1 : 0;
  table.user_data = new std::shared_ptr<Metrics>(std::move(metrics));
  table.destroy = &Shared<Metrics>::destroy;
  table.increment = &record<&Metrics::increment>;
  table.gauge = &record<&Metrics::gauge>;
  table.distribution = &record<&Metrics::distribution>;
  return table;
}

} // namespace detail

/// Sets who hears of exceptions that callbacks let out; null for nobody, as at the start. The
/// exception goes no further, and a data store's counts as a failure of the store.
inline void on_callback_failure(CallbackFailure handler) noexcept {
  detail::callback_failure.store(handler);
}

/// Sends what the library logs, for all clients of the process, to
/// `log(LogLevel, std::string_view tag, std::string_view message)`, on any thread. Secret keys are
/// masked. How much each client logs is its option `output_logger_level`.
template <class F> Expected<void> set_log_sink(LogLevel level, F log) {
  static_assert(std::is_invocable_v<F &, LogLevel, std::string_view, std::string_view>,
                "takes (LogLevel, std::string_view tag, std::string_view message)");
  if (auto fits = detail::check_abi(); !fits) {
    return fits;
  }
  tidegate_log_vtable table = {};
  table.struct_size = sizeof table;
  table.user_data = new F(std::move(log));
  table.destroy = &detail::Closure<F>::destroy;
  table.level = static_cast<std::int32_t>(level);
  table.log = &detail::Closure<F>::log;
  return detail::outcome(tidegate_set_log_sink(&table));
}

/// Sends what the library logs nowhere any more.
inline Expected<void> remove_log_sink() { return detail::outcome(tidegate_set_log_sink(nullptr)); }

} // namespace tidegate

#endif
