/// \file
/// A writer of JSON, for the objects that go into the library: users, options, metadata.

#ifndef TIDEGATE_OBJECT_HPP
#define TIDEGATE_OBJECT_HPP

#include <cmath>
#include <initializer_list>
#include <limits>
#include <locale>
#include <sstream>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace tidegate {

struct Member;

namespace detail {

inline std::string quote(std::string_view text) {
  constexpr const char *digits = "0123456789abcdef";
  std::string json = "\"";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      json += '\\';
      json += c;
    } else if (byte < 0x20) {
      json += "\\u00";
      json += digits[byte >> 4U];
      json += digits[byte & 0xFU];
    } else {
      json += c;
    }
  }
  json += '"';
  return json;
}

/// The shortest of the texts that read back as the same number.
inline std::string number(double value) {
  if (!std::isfinite(value)) {
    return "null";
  }
  for (int digits = std::numeric_limits<double>::digits10;; ++digits) {
    std::ostringstream out;
    // The host's locale may write a comma.
    out.imbue(std::locale::classic());
    out.precision(digits);
    out << value;
    std::istringstream in(out.str());
    in.imbue(std::locale::classic());
    double back = 0;
    if ((in >> back && back == value) || digits >= std::numeric_limits<double>::max_digits10) {
      return out.str();
    }
  }
}

template <class T>
inline constexpr bool is_character_v = std::is_same_v<T, char> || std::is_same_v<T, wchar_t> ||
                                       std::is_same_v<T, char16_t> || std::is_same_v<T, char32_t>;

template <class T>
inline constexpr bool is_number_v =
    std::is_arithmetic_v<T> && !std::is_same_v<T, bool> && !is_character_v<T>;

} // namespace detail

/// A JSON value: a text, a number, true or false, null, or with braces an object.
class Value {
public:
  /// null
  Value() : json_("null") {}
  Value(std::nullptr_t) : Value() {}

  /// true or false; other types do not turn into it.
  template <class T, std::enable_if_t<std::is_same_v<T, bool>, int> = 0>
  Value(T value) : json_(value ? "true" : "false") {}

  /// A number. What JSON cannot say (infinity, not a number) is null.
  template <class T, std::enable_if_t<detail::is_number_v<T>, int> = 0> Value(T value) {
    if constexpr (std::is_integral_v<T>) {
      json_ = std::to_string(value);
    } else {
      json_ = detail::number(static_cast<double>(value));
    }
  }

  /// A text, in UTF-8.
  template <class T, std::enable_if_t<std::is_convertible_v<const T &, std::string_view>, int> = 0>
  Value(const T &text) : json_(detail::quote(text)) {}

  /// An object: `{{"plan", "pro"}, {"orders", 12}}`.
  inline Value(std::initializer_list<Member> members);

  /// JSON text as it is. The library checks it.
  [[nodiscard]] static Value from_json(std::string_view json) {
    Value value;
    value.json_ = json;
    return value;
  }

  /// The value as JSON text.
  [[nodiscard]] const std::string &json() const & noexcept { return json_; }
  [[nodiscard]] std::string json() && noexcept { return std::move(json_); }

private:
  std::string json_;
};

/// One member of an object.
struct Member {
  std::string_view key;
  Value value;
};

/// A JSON array: `Array{"a", 1, true}`.
class Array {
public:
  Array() = default;
  Array(std::initializer_list<Value> values) {
    for (const Value &value : values) {
      add(value);
    }
  }

  /// Appends a value.
  Array &add(const Value &value) {
    members_ += members_.empty() ? "" : ",";
    members_ += value.json();
    return *this;
  }

  [[nodiscard]] std::string json() const { return "[" + members_ + "]"; }
  operator Value() const { return Value::from_json(json()); }

private:
  std::string members_;
};

/// A JSON object: `Object{{"userID", "ada"}, {"custom", {{"orders", 12}}}}`. Keeps its order.
class Object {
public:
  Object() = default;
  Object(std::initializer_list<Member> members) {
    for (const Member &member : members) {
      set(member.key, member.value);
    }
  }

  /// Adds a member, or replaces that of the same name.
  Object &set(std::string_view key, Value value) {
    for (auto &member : members_) {
      if (member.first == key) {
        member.second = std::move(value);
        return *this;
      }
    }
    members_.emplace_back(key, std::move(value));
    return *this;
  }

  [[nodiscard]] bool contains(std::string_view key) const noexcept {
    for (const auto &member : members_) {
      if (member.first == key) {
        return true;
      }
    }
    return false;
  }
  [[nodiscard]] bool empty() const noexcept { return members_.empty(); }

  [[nodiscard]] std::string json() const {
    std::string json = "{";
    for (const auto &[key, value] : members_) {
      json += json.size() == 1 ? "" : ",";
      json += detail::quote(key);
      json += ':';
      json += value.json();
    }
    json += '}';
    return json;
  }
  operator Value() const { return Value::from_json(json()); }

private:
  std::vector<std::pair<std::string, Value>> members_;
};

inline Value::Value(std::initializer_list<Member> members) : json_(Object(members).json()) {}

} // namespace tidegate

#endif
