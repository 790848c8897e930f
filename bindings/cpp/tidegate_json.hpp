/// \file
/// Tidegate with nlohmann-json, for programs that have it: parsed answers, and JSON as input.
///
/// \code
/// auto stats = tidegate::parse(client.stats()).value();
/// auto user = tidegate::User::parse(nlohmann::json{{"userID", "ada"}}.dump());
/// auto sizes = tidegate::get<std::vector<int>>(config, "sizes", {});
/// client.override_config("shop_banner", tidegate::object(json).value());
/// \endcode

#ifndef TIDEGATE_JSON_HPP
#define TIDEGATE_JSON_HPP

#include <string>
#include <string_view>
#include <utility>

#include <nlohmann/json.hpp>

#include "tidegate.hpp"

namespace tidegate {

/// The JSON of an answer, or the answer's error.
inline Expected<nlohmann::json> parse(const Expected<std::string> &answer) {
  if (!answer) {
    return answer.error();
  }
  auto json = nlohmann::json::parse(*answer, nullptr, false);
  if (json.is_discarded()) {
    return Error(Status::json, "the answer is not JSON");
  }
  return json;
}

/// A JSON value, as the library takes it.
inline Value value(const nlohmann::json &json) {
  return Value::from_json(json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace));
}

/// A JSON object, as the library takes it.
inline Expected<Object> object(const nlohmann::json &json) {
  if (!json.is_object()) {
    return Error(Status::argument, std::string("expected a JSON object, got ") + json.type_name());
  }
  Object object;
  for (const auto &[key, member] : json.items()) {
    object.set(key, value(member));
  }
  return object;
}

/// All parameters of a config, experiment or layer. Logs no exposure.
inline Expected<nlohmann::json> value(const Config &config) { return parse(config.value_json()); }

#if TIDEGATE_HAS_EXCEPTIONS
/// One parameter of any type that nlohmann-json reads; `other` if it is absent or does not fit.
/// Not offered without exceptions: nlohmann-json aborts then on what does not fit.
template <class T> T get(const Config &config, std::string_view key, T other) {
  const auto text = config.get_json(key);
  if (!text || !*text) {
    return other;
  }
  const auto json = nlohmann::json::parse(**text, nullptr, false);
  try {
    return json.get<T>();
  } catch (const nlohmann::json::exception &) {
    return other;
  }
}
#endif

} // namespace tidegate

#endif
