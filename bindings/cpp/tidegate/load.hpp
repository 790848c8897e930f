/// \file
/// The loaded library: its version, and how every call is made.

#ifndef TIDEGATE_LOAD_HPP
#define TIDEGATE_LOAD_HPP

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include <tidegate.h>

#include "error.hpp"

namespace tidegate {

/// The version of these headers.
inline constexpr const char *header_version = "0.1.0";

/// The release of the loaded library, for example "0.1.0".
[[nodiscard]] inline const char *library_version() noexcept { return tidegate_version(); }

/// How the loaded library was built, as JSON.
[[nodiscard]] inline const char *build_info() noexcept { return tidegate_build_info(); }

namespace detail {

inline std::string last_message() {
  char small[256];
  const std::size_t length = tidegate_last_error(small, sizeof small);
  if (length < sizeof small) {
    return {small, length};
  }
  std::string message(length + 1, '\0');
  tidegate_last_error(message.data(), message.size());
  message.resize(length);
  return message;
}

inline Error failure(tidegate_status status) {
  return {static_cast<Status>(status), last_message()};
}

/// An error for a negative status. Notes (a positive status) are successes.
inline Expected<void> outcome(tidegate_status status) {
  if (status < 0) {
    return failure(status);
  }
  return {};
}

/// Whether the library fits the header, as its author promises: same major, minor not below.
inline Expected<void> check_abi() {
  constexpr std::uint32_t needed_major = TIDEGATE_ABI_MAJOR;
  constexpr std::uint32_t needed_minor = TIDEGATE_ABI_MINOR;
  const std::uint32_t found = tidegate_abi_version();
  const std::uint32_t major = found >> 16U;
  const std::uint32_t minor = found & 0xFFFFU;
  if (major == needed_major && !(minor < needed_minor)) {
    return {};
  }
  const auto text = [](std::uint32_t a, std::uint32_t b) {
    return std::to_string(a) + "." + std::to_string(b);
  };
  return Error(Status::abi, std::string("the loaded Tidegate library ") + tidegate_version() +
                                " has ABI " + text(major, minor) + ", this program needs " +
                                text(needed_major, needed_minor));
}

/// The pointer to pass for a text that has to be there: an empty view may have none.
inline const char *data(std::string_view text) noexcept {
  return text.data() == nullptr ? "" : text.data();
}

/// Runs `call(tidegate_buf **)` and takes what it gives; nothing if it gives nothing.
template <class Call> Expected<std::optional<std::string>> read_optional(Call call) {
  tidegate_buf *buf = nullptr;
  const tidegate_status status = call(&buf);
  const std::unique_ptr<tidegate_buf, decltype(&tidegate_buf_free)> owner(buf, &tidegate_buf_free);
  if (status < 0) {
    return failure(status);
  }
  if (buf == nullptr) {
    return std::optional<std::string>();
  }
  return std::optional<std::string>(std::in_place, tidegate_buf_data(buf), tidegate_buf_len(buf));
}

/// The same for calls that always give something.
template <class Call> Expected<std::string> read(Call call) {
  auto text = read_optional(std::move(call));
  if (!text.has_value()) {
    return std::move(text).error();
  }
  return std::move(*text).value_or(std::string());
}

/// A number of milliseconds as the library takes it; what is negative is 0.
inline std::uint32_t to_ms(std::chrono::milliseconds time) noexcept {
  constexpr std::int64_t most = std::numeric_limits<std::uint32_t>::max();
  const std::int64_t count = time.count();
  return static_cast<std::uint32_t>(count < 0 ? 0 : (count > most ? most : count));
}

/// Owns an id and releases it once.
template <tidegate_status (*Release)(std::uint64_t)> class Handle {
public:
  Handle() = default;
  explicit Handle(std::uint64_t id) noexcept : id_(id) {}
  Handle(const Handle &) = delete;
  Handle &operator=(const Handle &) = delete;
  Handle(Handle &&other) noexcept : id_(std::exchange(other.id_, 0)) {}
  Handle &operator=(Handle &&other) noexcept {
    Handle moved(std::move(other));
    std::swap(id_, moved.id_);
    return *this;
  }
  ~Handle() { Release(id_); }

  [[nodiscard]] std::uint64_t get() const noexcept { return id_; }

private:
  std::uint64_t id_ = 0;
};

} // namespace detail

/// To be called right before `fork` by a program that does not go through the C library's `fork`.
/// Otherwise not needed: the library registers itself with `pthread_atfork`.
inline Expected<void> before_fork() { return detail::outcome(tidegate_before_fork()); }
/// To be called in the parent after `before_fork` and `fork`.
inline Expected<void> after_fork_parent() { return detail::outcome(tidegate_after_fork_parent()); }
/// To be called first thing in the child after `fork`, by the same programs.
inline Expected<void> after_fork_child() { return detail::outcome(tidegate_after_fork_child()); }

} // namespace tidegate

#endif
