/// \file
/// The options of a client.

#ifndef TIDEGATE_OPTIONS_HPP
#define TIDEGATE_OPTIONS_HPP

#include <cstdint>
#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include "callbacks.hpp"
#include "load.hpp"
#include "object.hpp"

namespace tidegate {

/// The options of a client: values by name, and what the library may call.
///
/// \code
/// tidegate::Options options{{"tier", "staging"}, {"rulesets_sync_interval", 2.5}};
/// options.on_rules_updated([](std::int64_t time_ms, std::string_view specs_json) { ... });
/// auto client = tidegate::Client::create("secret-...", options);
/// \endcode
///
/// Names, units and defaults are in the project's README; `describe` shows them all. A name that
/// is not known, or a value of the wrong type, is an error that names it. It comes out of
/// `Client::create`; `error` tells it before.
///
/// Use one on one thread at a time. Any number of clients can be made from it.
class Options {
public:
  Options() : Options(Object()) {}
  Options(std::initializer_list<Member> values) : Options(Object(values)) {}
  explicit Options(Object values) {
    // So that the service can tell which wrapper the library is used through.
    if (!values.contains("wrapper")) {
      values.set("wrapper", {{"name", "cpp"}, {"version", header_version}});
    }
    open(values.json());
  }

  /// Options from JSON text, as it is.
  [[nodiscard]] static Options parse(std::string_view json) { return Options(Text{json}); }

  /// The first thing that went wrong here; `Status::ok` if nothing did.
  [[nodiscard]] const Error &error() const noexcept { return error_; }

  /// Sets the data store of the clients.
  Options &data_store(std::shared_ptr<DataStore> store) {
    if (store == nullptr) {
      return note(Error(Status::null, "data_store: expected a store"));
    }
    const auto table = detail::data_store_vtable(std::move(store));
    return note(tidegate_options_set_data_store(id(), &table));
  }

  /// Sets the receiver of the clients' metrics.
  Options &metrics(std::shared_ptr<Metrics> metrics) {
    if (metrics == nullptr) {
      return note(Error(Status::null, "metrics: expected a receiver"));
    }
    const auto table = detail::metrics_vtable(std::move(metrics));
    return note(tidegate_options_set_metrics(id(), &table));
  }

  /// Calls `f(std::string_view result_json)` after each evaluation, on the thread that evaluates.
  template <class F> Options &on_evaluation(F f) {
    return set<std::string_view>(&tidegate_options_set_evaluation_callback,
                                 &detail::Closure<F>::json, std::move(f));
  }

  /// Calls `f(std::int64_t time_ms, std::string_view specs_json)` after each update of the rules,
  /// on the library's sync thread (or the one that initializes, ticks or hands in specs).
  template <class F> Options &on_rules_updated(F f) {
    return set<std::int64_t, std::string_view>(&tidegate_options_set_rules_callback,
                                               &detail::Closure<F>::rules, std::move(f));
  }

  /// Calls `f(std::string_view delivery_json)` after each attempt to deliver events, with
  /// `{"success":true,"events":3,"status":202,"error":null}`, on the library's events thread (or
  /// the one that flushes, ticks or shuts down).
  template <class F> Options &on_flushed(F f) {
    return set<std::string_view>(&tidegate_options_set_flush_callback, &detail::Closure<F>::json,
                                 std::move(f));
  }

  /// Calls `f(std::string_view tag, std::string_view code, std::string_view message)` for errors
  /// inside the library, each once, on the thread that meets it.
  template <class F> Options &on_error(F f) {
    return set<std::string_view, std::string_view, std::string_view>(
        &tidegate_options_set_error_callback, &detail::Closure<F>::error, std::move(f));
  }

  /// Every option with its effective value as JSON; keys and passwords are masked.
  [[nodiscard]] Expected<std::string> describe() const {
    if (error_.status() != Status::ok) {
      return error_;
    }
    return detail::read([&](tidegate_buf **out) { return tidegate_options_describe(id(), out); });
  }

  /// The id, for calls to the C interface; 0 if moved from, or if the values were refused.
  [[nodiscard]] tidegate_options id() const noexcept { return handle_.get(); }

private:
  struct Text {
    std::string_view json;
  };
  explicit Options(Text text) { open(text.json); }

  void open(std::string_view json) {
    if (auto fits = detail::check_abi(); !fits) {
      error_ = std::move(fits).error();
      return;
    }
    tidegate_options id = 0;
    note(tidegate_options_new(detail::data(json), json.size(), &id));
    handle_ = detail::Handle<&tidegate_options_release>(id);
  }

  Options &note(tidegate_status status) {
    return status < 0 ? note(detail::failure(status)) : *this;
  }

  /// The first failure is the one to tell: the others follow from it.
  Options &note(Error error) {
    if (error_.status() == Status::ok) {
      error_ = std::move(error);
    }
    return *this;
  }

  /// The library destroys the function, also if it refuses it.
  template <class... Arguments, class Setter, class Call, class F>
  Options &set(Setter setter, Call call, F f) {
    static_assert(std::is_invocable_v<F &, Arguments...>, "takes the arguments named above");
    return note(setter(id(), call, new F(std::move(f)), &detail::Closure<F>::destroy));
  }

  detail::Handle<&tidegate_options_release> handle_;
  Error error_;
};

} // namespace tidegate

#endif
