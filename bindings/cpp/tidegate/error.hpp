/// \file
/// What can go wrong: `Status`, `Error`, and `Expected`, which is a value or an error.

#ifndef TIDEGATE_ERROR_HPP
#define TIDEGATE_ERROR_HPP

#include <cstdint>
#include <cstdlib>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include <tidegate.h>

#if defined(__cpp_exceptions) || defined(_CPPUNWIND)
#define TIDEGATE_HAS_EXCEPTIONS 1
#else
#define TIDEGATE_HAS_EXCEPTIONS 0
#endif

namespace tidegate {

/// The outcome of a call. The numbers are those of `TIDEGATE_OK` and `TIDEGATE_E_*`.
enum class Status : std::int32_t {
  ok = TIDEGATE_OK,
  /// A pointer that must not be null was null.
  null = TIDEGATE_E_NULL,
  /// An object that was moved from, or that is not there any more.
  handle = TIDEGATE_E_HANDLE,
  /// Text that is not UTF-8.
  utf8 = TIDEGATE_E_UTF8,
  /// Text that is not JSON.
  json = TIDEGATE_E_JSON,
  /// A value that is not accepted; the message names it.
  argument = TIDEGATE_E_ARG,
  /// Not possible now: before initialize, after shutdown, or inside this callback.
  state = TIDEGATE_E_STATE,
  /// The time-out was reached.
  timeout = TIDEGATE_E_TIMEOUT,
  /// The network or a server failed.
  network = TIDEGATE_E_NETWORK,
  /// A file or folder failed.
  io = TIDEGATE_E_IO,
  /// Out of memory.
  no_memory = TIDEGATE_E_NOMEM,
  /// This build or this version of the library does not do that.
  unsupported = TIDEGATE_E_UNSUPPORTED,
  /// Not possible in this forked child, by the option `on_fork`.
  fork = TIDEGATE_E_FORK,
  /// A defect of the library was contained; please report it with the message.
  panic = TIDEGATE_E_PANIC,
  /// The library does not fit the header that this program was built with.
  abi = TIDEGATE_E_ABI,
  /// Too many of something that is bounded.
  busy = TIDEGATE_E_BUSY,
};

/// The C name of a status, for example `TIDEGATE_E_HANDLE`.
[[nodiscard]] inline const char *name(Status status) noexcept {
  return tidegate_status_name(static_cast<tidegate_status>(status));
}

/// Why a call failed.
class Error {
public:
  /// No failure.
  Error() = default;
  Error(Status status, std::string message) : status_(status), message_(std::move(message)) {}

  [[nodiscard]] Status status() const noexcept { return status_; }
  /// What happened, for people.
  [[nodiscard]] const std::string &message() const noexcept { return message_; }

private:
  Status status_ = Status::ok;
  std::string message_;
};

#if TIDEGATE_HAS_EXCEPTIONS
/// What `Expected::value()` throws for a failure.
class Exception : public std::runtime_error {
public:
  explicit Exception(Error error) : std::runtime_error(error.message()), error_(std::move(error)) {}

  [[nodiscard]] const Error &error() const noexcept { return error_; }
  [[nodiscard]] Status status() const noexcept { return error_.status(); }

private:
  Error error_;
};
#endif

namespace detail {
[[noreturn]] inline void fail([[maybe_unused]] const Error &error) {
#if TIDEGATE_HAS_EXCEPTIONS
  throw Exception(error);
#else
  std::abort();
#endif
}
} // namespace detail

/// A value, or the error that kept it from being made.
///
/// Test it before use, or use `value_or`. `value()`, `*` and `->` throw `Exception` for an error;
/// without exceptions they abort.
template <class T> class [[nodiscard]] Expected {
public:
  using value_type = T;

  Expected(T value) : value_(std::move(value)) {}
  Expected(Error error) : error_(std::move(error)) {}

  [[nodiscard]] bool has_value() const noexcept { return value_.has_value(); }
  /// Whether there is a value. Not offered for `Expected<bool>`, where it would read as the value.
  [[nodiscard]] explicit operator bool() const noexcept {
    static_assert(!std::is_same_v<T, bool>, "ambiguous: use has_value() or value_or(false)");
    return has_value();
  }

  T &value() & { return checked(*this); }
  const T &value() const & { return checked(*this); }
  T &&value() && { return std::move(checked(*this)); }

  [[nodiscard]] T &operator*() & { return checked(*this); }
  [[nodiscard]] const T &operator*() const & { return checked(*this); }
  [[nodiscard]] T &&operator*() && { return std::move(checked(*this)); }
  [[nodiscard]] T *operator->() & { return &checked(*this); }
  [[nodiscard]] const T *operator->() const & { return &checked(*this); }
  /// Views into a temporary would outlive it: use `value()`, from which they come as copies.
  const T *operator->() const && = delete;

  template <class U> [[nodiscard]] T value_or(U &&other) const & {
    return value_ ? *value_ : static_cast<T>(std::forward<U>(other));
  }
  template <class U> [[nodiscard]] T value_or(U &&other) && {
    return value_ ? std::move(*value_) : static_cast<T>(std::forward<U>(other));
  }

  /// The error; `Status::ok` and no message if there is a value.
  [[nodiscard]] const Error &error() const & noexcept { return error_; }
  [[nodiscard]] Error error() && noexcept { return std::move(error_); }

private:
  template <class Self> static auto &checked(Self &self) {
    if (!self.value_) {
      detail::fail(self.error_);
    }
    return *self.value_;
  }

  std::optional<T> value_;
  Error error_;
};

/// Success, or the error of a call that has no value to return.
template <> class [[nodiscard]] Expected<void> {
public:
  using value_type = void;

  Expected() = default;
  Expected(Error error) : error_(std::move(error)) {}

  [[nodiscard]] bool has_value() const noexcept { return error_.status() == Status::ok; }
  [[nodiscard]] explicit operator bool() const noexcept { return has_value(); }

  /// Throws the error, if there is one; without exceptions aborts.
  void value() const {
    if (!has_value()) {
      detail::fail(error_);
    }
  }
  /// The error; `Status::ok` and no message if there is none.
  [[nodiscard]] const Error &error() const & noexcept { return error_; }
  [[nodiscard]] Error error() && noexcept { return std::move(error_); }

private:
  Error error_;
};

} // namespace tidegate

#endif
