/// \file
/// Who is asking.

#ifndef TIDEGATE_USER_HPP
#define TIDEGATE_USER_HPP

#include <cstdint>
#include <string>
#include <string_view>

#include "load.hpp"
#include "object.hpp"

namespace tidegate {

/// Which of a user's attributes to show.
enum class Attributes : std::int32_t {
  /// Those that are logged.
  logged = 0,
  /// The private ones too.
  all = 1,
};

/// A user, parsed once and immutable. Make one for each request and use it for everything in the
/// request, with any client and on any thread.
class User {
public:
  /// A user from its attributes: `userID`, `email`, `ip`, `userAgent`, `country`, `locale`,
  /// `appVersion`, `custom`, `privateAttributes`, `customIDs`, `statsigEnvironment`. A user id or
  /// a custom id must be there.
  static Expected<User> create(const Object &attributes) { return parse(attributes.json()); }

  /// A user from JSON text.
  static Expected<User> parse(std::string_view json) {
    if (auto fits = detail::check_abi(); !fits) {
      return std::move(fits).error();
    }
    tidegate_user id = 0;
    const auto status = tidegate_user_new(detail::data(json), json.size(), &id);
    if (status < 0) {
      return detail::failure(status);
    }
    return User(id);
  }

  /// The user as JSON, as it is logged, or with private attributes.
  [[nodiscard]] Expected<std::string> to_json(Attributes attributes = Attributes::logged) const {
    return detail::read([&](tidegate_buf **out) {
      return tidegate_user_to_json(id(), static_cast<std::int32_t>(attributes), out);
    });
  }

  /// The id, for calls to the C interface; 0 if moved from.
  [[nodiscard]] tidegate_user id() const noexcept { return handle_.get(); }

private:
  explicit User(tidegate_user id) noexcept : handle_(id) {}

  detail::Handle<&tidegate_user_release> handle_;
};

} // namespace tidegate

#endif
