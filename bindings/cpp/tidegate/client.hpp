/// \file
/// A client: one secret key, its rules, and the events that it leaves behind.

#ifndef TIDEGATE_CLIENT_HPP
#define TIDEGATE_CLIENT_HPP

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include "load.hpp"
#include "object.hpp"
#include "options.hpp"
#include "result.hpp"
#include "user.hpp"

namespace tidegate {

/// Whether an evaluation is recorded as an exposure.
enum class Exposure : std::uint32_t {
  logged = 0,
  none = TIDEGATE_EVAL_NO_EXPOSURE,
};

/// What became of the events.
struct FlushReport {
  /// Accepted by the server during the call.
  std::uint64_t sent = 0;
  /// Written to the spool during the call.
  std::uint64_t spooled = 0;
  /// Given up during the call.
  std::uint64_t dropped = 0;
  /// Still waiting after the call.
  std::uint64_t queued = 0;
};

/// The value of an event: nothing, a number or a text.
class EventValue {
public:
  EventValue() = default;
  template <class T, std::enable_if_t<detail::is_number_v<T>, int> = 0>
  EventValue(T number) : number_(static_cast<double>(number)) {}
  template <class T, std::enable_if_t<std::is_convertible_v<const T &, std::string_view>, int> = 0>
  EventValue(const T &text) : text_(text) {}

private:
  friend class Client;
  std::optional<double> number_;
  std::string_view text_;
};

/// Evaluates gates, configs, experiments and layers, and delivers what is logged.
///
/// Make one for each secret key and process, and keep it. It works in forked children.
///
/// Evaluating before `initialize` and after `shutdown` is `Status::state`. A name that is not
/// known is no error: gates are then off, and configs empty.
class Client {
public:
  using Milliseconds = std::chrono::milliseconds;

  /// How long calls wait unless told otherwise.
  static constexpr Milliseconds default_timeout{10'000};
  /// How long the destructor waits for events to be delivered.
  static constexpr Milliseconds close_timeout{3'000};

  /// Makes a client. Touches no network, file or thread before `initialize`.
  static Expected<Client> create(std::string_view sdk_key, const Options &options = {}) {
    if (options.error().status() != Status::ok) {
      return options.error();
    }
    tidegate_client id = 0;
    const auto status =
        tidegate_client_new(detail::data(sdk_key), sdk_key.size(), options.id(), &id);
    if (status < 0) {
      return detail::failure(status);
    }
    return Client(id);
  }

  Client(Client &&) noexcept = default;
  Client &operator=(Client &&other) noexcept {
    Client moved(std::move(other));
    std::swap(handle_, moved.handle_);
    return *this;
  }

  /// Delivers what is queued, for up to `close_timeout`, and frees the client. Call `shutdown`
  /// before it to choose another bound, or to know what became of the events.
  ~Client() {
    if (id() != 0) {
      tidegate_client_shutdown(id(), detail::to_ms(close_timeout), nullptr);
    }
  }

  // Life.

  /// Loads rules and starts to keep them fresh.
  ///
  /// `Status::timeout` when the time is over while the work goes on in the background. A network
  /// that fails is no error: evaluations then give defaults, and `init_details` says why.
  Expected<void> initialize(Milliseconds timeout = default_timeout) {
    return detail::outcome(tidegate_client_initialize(id(), detail::to_ms(timeout)));
  }

  /// Does the same in the background, and then calls `done(std::string_view details_json)`, on a
  /// thread of the library.
  template <class F> Expected<void> initialize_async(F done) {
    static_assert(std::is_invocable_v<F &, std::string_view>, "takes (std::string_view)");
    using Done = detail::Closure<F>;
    return detail::outcome(tidegate_client_initialize_async(
        id(), &Done::json, new F(std::move(done)), &Done::destroy));
  }
  Expected<void> initialize_async() {
    return detail::outcome(tidegate_client_initialize_async(id(), nullptr, nullptr, nullptr));
  }

  /// Waits until initialized; `Status::timeout` when the time is over.
  Expected<void> wait_initialized(Milliseconds timeout) const {
    return detail::outcome(tidegate_client_wait_initialized(id(), detail::to_ms(timeout)));
  }

  /// Whether evaluations work, if only with defaults.
  [[nodiscard]] bool is_initialized() const noexcept {
    return tidegate_client_is_initialized(id()) != 0;
  }

  /// How the initialization went, as JSON.
  [[nodiscard]] Expected<std::string> init_details() const {
    return read(&tidegate_client_init_details);
  }

  /// Delivers what is queued, within the time, and tells what became of it.
  Expected<FlushReport> flush(Milliseconds timeout = default_timeout) {
    return deliver(&tidegate_client_flush, timeout);
  }

  /// Delivers what is queued, within the time, and stops the client's threads.
  Expected<FlushReport> shutdown(Milliseconds timeout = default_timeout) {
    return deliver(&tidegate_client_shutdown, timeout);
  }

  /// Lets no callback start any more and waits for those that run. Needed where what they use is
  /// about to go away before the client does.
  Expected<void> close_callbacks(Milliseconds timeout = default_timeout) {
    return detail::outcome(tidegate_callbacks_close(id(), detail::to_ms(timeout)));
  }

  /// With `{"threads", "none"}`: does what is due, and tells in how long more is.
  Expected<Milliseconds> tick(Milliseconds budget) {
    std::uint32_t next = 0;
    const auto status = tidegate_client_tick(id(), detail::to_ms(budget), &next);
    if (status < 0) {
      return detail::failure(status);
    }
    return Milliseconds(next);
  }

  /// The next notification that nobody has taken, as JSON, if there is one.
  Expected<std::optional<std::string>> poll_event() {
    return detail::read_optional(
        [&](tidegate_buf **out) { return tidegate_client_poll_event(id(), out); });
  }

  // Rules.

  /// Fetches rules and id lists now.
  Expected<void> sync_now(Milliseconds timeout = default_timeout) {
    return detail::outcome(tidegate_client_sync_now(id(), detail::to_ms(timeout)));
  }

  /// Pauses or resumes the regular fetching of rules.
  Expected<void> set_polling(bool on) {
    return detail::outcome(tidegate_client_set_polling(id(), on ? 1 : 0));
  }

  /// Replaces the rules with some that you got by other means.
  Expected<void> update_specs(std::string_view specs_json) {
    return detail::outcome(
        tidegate_client_update_specs(id(), detail::data(specs_json), specs_json.size()));
  }

  /// Replaces the environment of the options, `tier` included, from here on. An empty one leaves the
  /// environment to the users and the rules.
  Expected<void> set_environment(const Object &environment) {
    const std::string json = environment.json();
    return detail::outcome(tidegate_client_set_environment(id(), json.data(), json.size()));
  }

  /// The rules in use as received, if there are any.
  [[nodiscard]] Expected<std::optional<std::string>> specs() const {
    return detail::read_optional(
        [&](tidegate_buf **out) { return tidegate_client_get_specs(id(), out); });
  }

  /// The client's health as JSON: last sync, queues, counters, threads, forks.
  [[nodiscard]] Expected<std::string> stats() const { return read(&tidegate_client_stats); }

  /// The names of one kind as a JSON array; without a kind, those of all kinds as an object.
  [[nodiscard]] Expected<std::string> list_entities(std::optional<Kind> kind = {}) const {
    return detail::read([&](tidegate_buf **out) {
      return tidegate_list_entities(id(), kind ? number(*kind) : 0, out);
    });
  }

  // Evaluation.

  /// Whether the user passes a gate. False also if the call fails; `try_check_gate` tells.
  [[nodiscard]] bool check_gate(const User &user, std::string_view name,
                                Exposure exposure = Exposure::logged) const noexcept {
    std::int32_t value = 0;
    tidegate_check_gate(id(), user.id(), detail::data(name), name.size(), flags(exposure), &value);
    return value != 0;
  }

  /// The same, telling a failure from a gate that is off.
  Expected<bool> try_check_gate(const User &user, std::string_view name,
                                Exposure exposure = Exposure::logged) const {
    std::int32_t value = 0;
    const auto status = tidegate_check_gate(id(), user.id(), detail::data(name), name.size(),
                                            flags(exposure), &value);
    return passed(status, value);
  }

  /// The same for a user in JSON, in one call: for a user that is asked about once.
  Expected<bool> check_gate_json(std::string_view user_json, std::string_view name,
                                 Exposure exposure = Exposure::logged) const {
    std::int32_t value = 0;
    const auto status =
        tidegate_check_gate_json(id(), detail::data(user_json), user_json.size(),
                                 detail::data(name), name.size(), flags(exposure), &value);
    return passed(status, value);
  }

  /// A gate with its rule and details.
  Expected<Gate> get_feature_gate(const User &user, std::string_view name,
                                  Exposure exposure = Exposure::logged) const {
    return get<Gate>(&tidegate_get_gate, user, name, exposure);
  }

  /// A dynamic config.
  Expected<Config> get_config(const User &user, std::string_view name,
                              Exposure exposure = Exposure::logged) const {
    return get<Config>(&tidegate_get_config, user, name, exposure);
  }

  /// An experiment.
  Expected<Experiment> get_experiment(const User &user, std::string_view name,
                                      Exposure exposure = Exposure::logged) const {
    return get<Experiment>(&tidegate_get_experiment, user, name, exposure);
  }

  /// A layer. Reading one of its parameters logs that parameter's exposure.
  Expected<Layer> get_layer(const User &user, std::string_view name,
                            Exposure exposure = Exposure::logged) const {
    return get<Layer>(&tidegate_get_layer, user, name, exposure);
  }

  /// Any kind of evaluation, JSON in and out. Parameters of a layer log no exposure this way.
  Expected<std::string> evaluate(Kind kind, std::string_view user_json, std::string_view name,
                                 Exposure exposure = Exposure::logged) const {
    return detail::read([&](tidegate_buf **out) {
      return tidegate_evaluate_json(id(), number(kind), detail::data(user_json), user_json.size(),
                                    detail::data(name), name.size(), flags(exposure), out);
    });
  }

  /// Many evaluations at once:
  /// `{"users":[user],"entities":[{"kind":"gate","name":"..."}],"log_exposures":false}` gives
  /// `{"results":[[result]]}`, a row for each user.
  Expected<std::string> evaluate_batch(std::string_view request_json) const {
    return detail::read([&](tidegate_buf **out) {
      return tidegate_evaluate_batch(id(), detail::data(request_json), request_json.size(), out);
    });
  }

  /// All gates, configs and experiments for one user as JSON, without exposures.
  [[nodiscard]] Expected<std::string> evaluate_all(const User &user) const {
    return detail::read(
        [&](tidegate_buf **out) { return tidegate_evaluate_all(id(), user.id(), out); });
  }

  /// Why the user gets what it gets, as JSON: rules, conditions, values, hashes. No exposure.
  [[nodiscard]] Expected<std::string> explain(const User &user, Kind kind,
                                              std::string_view name) const {
    return detail::read([&](tidegate_buf **out) {
      return tidegate_explain(id(), user.id(), number(kind), detail::data(name), name.size(), out);
    });
  }

  /// What a browser or mobile SDK needs to start for this user, as JSON. The options are
  /// `client_sdk_key`, `hash` (`sha256`, `djb2` or `none`), `include_local_overrides` and
  /// `target_app_id`.
  [[nodiscard]] Expected<std::string> client_init_response(const User &user,
                                                           const Object &options = {}) const {
    const std::string json = options.json();
    return detail::read([&](tidegate_buf **out) {
      return tidegate_get_client_init_response(id(), user.id(), json.data(), json.size(), out);
    });
  }

  // Events and exposures.

  /// Logs a custom event.
  Expected<void> log_event(const User &user, std::string_view name, const EventValue &value = {},
                           const Object &metadata = {}) const {
    const std::string json = metadata.empty() ? std::string() : metadata.json();
    return detail::outcome(tidegate_log_event(
        id(), user.id(), detail::data(name), name.size(), value.number_ ? &*value.number_ : nullptr,
        value.text_.data(), value.text_.size(), json.empty() ? nullptr : json.data(), json.size()));
  }

  /// Logs one event, or an array of them, each with its user:
  /// `{"user":{},"event_name":"...","value":1,"metadata":{}}`.
  Expected<void> log_events(std::string_view events_json) const {
    return detail::outcome(
        tidegate_log_event_json(id(), detail::data(events_json), events_json.size()));
  }

  /// Evaluates and logs the exposure as a manual one; `parameter` is that of a layer.
  Expected<void> log_exposure(const User &user, Kind kind, std::string_view name,
                              std::string_view parameter = {}) const {
    return detail::outcome(tidegate_log_exposure(id(), user.id(), number(kind), detail::data(name),
                                                 name.size(), parameter.data(), parameter.size()));
  }

  /// Logs the manual exposure of a result that was taken without one.
  Expected<void> log_exposure_for(const Result &result, std::string_view parameter = {}) const {
    return detail::outcome(
        tidegate_log_exposure_for_result(id(), result.id(), parameter.data(), parameter.size()));
  }

  // Overrides.

  /// Makes everybody, or one user id or custom id, get a value of your choice.
  Expected<void> override_gate(std::string_view name, bool value, std::string_view id = {}) {
    return override_json(Kind::gate, name, value ? "true" : "false", id);
  }
  /// The same for a dynamic config.
  Expected<void> override_config(std::string_view name, const Object &value,
                                 std::string_view id = {}) {
    return override_json(Kind::config, name, value.json(), id);
  }
  /// The same for an experiment. Does not reach the layer that holds it.
  Expected<void> override_experiment(std::string_view name, const Object &value,
                                     std::string_view id = {}) {
    return override_json(Kind::experiment, name, value.json(), id);
  }
  /// The same for a layer.
  Expected<void> override_layer(std::string_view name, const Object &value,
                                std::string_view id = {}) {
    return override_json(Kind::layer, name, value.json(), id);
  }
  /// The same for any kind, with the value as JSON.
  Expected<void> override_json(Kind kind, std::string_view name, std::string_view value_json,
                               std::string_view id = {}) {
    return detail::outcome(tidegate_override(this->id(), number(kind), detail::data(name),
                                             name.size(), detail::data(value_json),
                                             value_json.size(), id.data(), id.size()));
  }

  /// Removes one override, if it is there.
  Expected<void> remove_override(Kind kind, std::string_view name, std::string_view id = {}) {
    return detail::outcome(tidegate_remove_override(this->id(), number(kind), detail::data(name),
                                                    name.size(), id.data(), id.size()));
  }

  /// Removes every override.
  Expected<void> remove_all_overrides() {
    return detail::outcome(tidegate_remove_all_overrides(id()));
  }

  /// Replaces all overrides: `{"gates":{"new_checkout":{"":true,"ada":false}},"configs":{}}`. The
  /// empty id means all users.
  Expected<void> load_overrides(std::string_view overrides_json) {
    return detail::outcome(
        tidegate_load_overrides(id(), detail::data(overrides_json), overrides_json.size()));
  }

  /// All overrides as JSON, in the form that `load_overrides` takes.
  [[nodiscard]] Expected<std::string> dump_overrides() const {
    return read(&tidegate_dump_overrides);
  }

  /// The id, for calls to the C interface; 0 if moved from.
  [[nodiscard]] tidegate_client id() const noexcept { return handle_.get(); }

private:
  explicit Client(tidegate_client id) noexcept : handle_(id) {}

  static std::uint32_t flags(Exposure exposure) noexcept {
    return static_cast<std::uint32_t>(exposure);
  }
  static std::int32_t number(Kind kind) noexcept { return static_cast<std::int32_t>(kind); }

  static Expected<bool> passed(tidegate_status status, std::int32_t value) {
    if (status < 0) {
      return detail::failure(status);
    }
    return value != 0;
  }

  template <class T, class Call>
  Expected<T> get(Call call, const User &user, std::string_view name, Exposure exposure) const {
    tidegate_result result = 0;
    const auto status =
        call(id(), user.id(), detail::data(name), name.size(), flags(exposure), &result);
    if (status < 0) {
      return detail::failure(status);
    }
    return T(result);
  }

  Expected<std::string> read(tidegate_status (*call)(tidegate_client, tidegate_buf **)) const {
    return detail::read([&](tidegate_buf **out) { return call(id(), out); });
  }

  Expected<FlushReport> deliver(tidegate_status (*call)(tidegate_client, std::uint32_t,
                                                        tidegate_flush_info *),
                                Milliseconds timeout) {
    tidegate_flush_info info = {};
    info.struct_size = sizeof info;
    const auto status = call(id(), detail::to_ms(timeout), &info);
    if (status < 0) {
      return detail::failure(status);
    }
    return FlushReport{info.sent, info.spooled, info.dropped, info.queued};
  }

  detail::Handle<&tidegate_client_release> handle_;
};

} // namespace tidegate

#endif
