/// \file
/// What a user gets: `Gate`, `Config`, `Experiment` and `Layer`.

#ifndef TIDEGATE_RESULT_HPP
#define TIDEGATE_RESULT_HPP

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "load.hpp"

namespace tidegate {

/// What is evaluated.
enum class Kind : std::int32_t {
  gate = TIDEGATE_GATE,
  config = TIDEGATE_CONFIG,
  experiment = TIDEGATE_EXPERIMENT,
  layer = TIDEGATE_LAYER,
};

/// The JSON type of a parameter.
enum class JsonType : std::int32_t {
  absent = 0,
  null = TIDEGATE_JSON_NULL,
  boolean = TIDEGATE_JSON_BOOL,
  number = TIDEGATE_JSON_NUMBER,
  string = TIDEGATE_JSON_STRING,
  array = TIDEGATE_JSON_ARRAY,
  object = TIDEGATE_JSON_OBJECT,
};

/// Times of a result, in ms since 1970.
struct Times {
  /// Of the specs the result was made with.
  std::int64_t config_sync;
  /// Of the specs the client was initialized with.
  std::int64_t init;
  /// Of the evaluation.
  std::int64_t server;
};

/// The result of an evaluation. Does not change, whatever the rules do afterwards.
///
/// The views that it gives out are valid as long as it lives; a temporary gives out copies.
class Result {
public:
  [[nodiscard]] Kind kind() const noexcept { return static_cast<Kind>(tidegate_result_kind(id())); }

  /// The name that was asked for.
  [[nodiscard]] std::string_view name() const & noexcept { return text(&tidegate_result_name); }
  [[nodiscard]] std::string name() && { return std::string(text(&tidegate_result_name)); }

  /// The rule that decided; empty if there was none.
  [[nodiscard]] std::string_view rule_id() const & noexcept {
    return text(&tidegate_result_rule_id);
  }
  [[nodiscard]] std::string rule_id() && { return std::string(text(&tidegate_result_rule_id)); }

  /// The experiment group, if there is one.
  [[nodiscard]] std::optional<std::string_view> group_name() const & noexcept {
    std::size_t length = 0;
    const char *group = tidegate_result_group_name(id(), &length);
    if (group == nullptr) {
      return std::nullopt;
    }
    return std::string_view(group, length);
  }
  [[nodiscard]] std::optional<std::string> group_name() && {
    const auto group = static_cast<const Result &>(*this).group_name();
    return group ? std::optional<std::string>(std::in_place, *group) : std::nullopt;
  }

  /// The type of the id that was evaluated, for example `userID`; empty if not known.
  [[nodiscard]] std::string_view id_type() const & noexcept {
    return text(&tidegate_result_id_type);
  }
  [[nodiscard]] std::string id_type() && { return std::string(text(&tidegate_result_id_type)); }

  /// Where the value came from, for example `Network` or `Network:Unrecognized`.
  [[nodiscard]] std::string_view reason() const & noexcept { return text(&tidegate_result_reason); }
  [[nodiscard]] std::string reason() && { return std::string(text(&tidegate_result_reason)); }

  /// When the rules and the evaluation were made.
  [[nodiscard]] Expected<Times> times() const {
    tidegate_eval_times out = {};
    out.struct_size = sizeof out;
    const auto status = tidegate_result_times(id(), &out);
    if (status < 0) {
      return detail::failure(status);
    }
    return Times{out.config_sync, out.init, out.server};
  }

  /// Everything about the result as JSON. Logs no exposure.
  [[nodiscard]] Expected<std::string> to_json() const {
    return detail::read([&](tidegate_buf **out) { return tidegate_result_to_json(id(), out); });
  }

  /// The id, for calls to the C interface; 0 if moved from.
  [[nodiscard]] tidegate_result id() const noexcept { return handle_.get(); }

protected:
  explicit Result(tidegate_result id) noexcept : handle_(id) {}

private:
  friend class Client;

  std::string_view text(const char *(*read)(tidegate_result, std::size_t *)) const noexcept {
    std::size_t length = 0;
    const char *found = read(id(), &length);
    return {found, length};
  }

  detail::Handle<&tidegate_result_release> handle_;
};

/// The result of a feature gate.
class Gate : public Result {
public:
  /// Whether the user passes.
  [[nodiscard]] bool value() const noexcept { return tidegate_result_bool(id()) != 0; }

private:
  friend class Client;
  using Result::Result;
};

/// The result of a dynamic config.
class Config : public Result {
public:
  /// All parameters as a JSON object. Logs no exposure.
  [[nodiscard]] Expected<std::string> value_json() const {
    return detail::read([&](tidegate_buf **out) { return tidegate_result_value_json(id(), out); });
  }

  /// Whether the user passes the rule that decided.
  [[nodiscard]] bool passed() const noexcept { return tidegate_result_bool(id()) != 0; }

  /// One parameter; `other` if it is absent or not true or false.
  [[nodiscard]] bool get_bool(std::string_view key, bool other = false) const noexcept {
    std::int32_t out = 0;
    tidegate_result_get_bool(id(), detail::data(key), key.size(), other ? 1 : 0, &out);
    return out != 0;
  }

  /// One parameter; `other` if it is absent or not a whole number of 64 bits.
  [[nodiscard]] std::int64_t get_int(std::string_view key, std::int64_t other = 0) const noexcept {
    std::int64_t out = 0;
    tidegate_result_get_i64(id(), detail::data(key), key.size(), other, &out);
    return out;
  }

  /// One parameter; `other` if it is absent or not a number.
  [[nodiscard]] double get_double(std::string_view key, double other = 0.0) const noexcept {
    double out = 0;
    tidegate_result_get_f64(id(), detail::data(key), key.size(), other, &out);
    return out;
  }

  /// One parameter; `other` if it is absent or not a string. Valid as long as this object lives,
  /// or `other` does.
  [[nodiscard]] std::string_view get_string(std::string_view key,
                                            std::string_view other = "") const & noexcept {
    const char *out = nullptr;
    std::size_t length = 0;
    tidegate_result_get_str(id(), detail::data(key), key.size(), &out, &length);
    return out == nullptr ? other : std::string_view(out, length);
  }
  [[nodiscard]] std::string get_string(std::string_view key, std::string_view other = "") && {
    return std::string(static_cast<const Config &>(*this).get_string(key, other));
  }

  /// One parameter as JSON; nothing if it is absent, and `null` if it is null.
  [[nodiscard]] Expected<std::optional<std::string>> get_json(std::string_view key) const {
    return detail::read_optional([&](tidegate_buf **out) {
      return tidegate_result_get_json(id(), detail::data(key), key.size(), out);
    });
  }

  /// The type of a parameter. Logs no exposure.
  [[nodiscard]] JsonType type(std::string_view key) const noexcept {
    return static_cast<JsonType>(tidegate_result_has(id(), detail::data(key), key.size()));
  }

  /// Whether there is such a parameter, even if it is null. Logs no exposure.
  [[nodiscard]] bool contains(std::string_view key) const noexcept {
    return type(key) != JsonType::absent;
  }

private:
  friend class Client;
  using Result::Result;
};

/// The result of an experiment.
class Experiment : public Config {
private:
  friend class Client;
  using Config::Config;
};

/// A layer. Reading one of its parameters with `get_...` logs that parameter's exposure.
class Layer : public Config {
private:
  friend class Client;
  using Config::Config;
};

} // namespace tidegate

#endif
