// What the tests share: one server, a key for each test, clients of both.

#ifndef TIDEGATE_TESTS_SUPPORT_HPP
#define TIDEGATE_TESTS_SUPPORT_HPP

#include <functional>
#include <string>

#include <gtest/gtest.h>
#include <tidegate_json.hpp>

#include "local_server.hpp"

namespace tests {

/// The text of a file of the repository.
std::string read_file(const std::string &path);

/// The server that serves the shop's rules to every key.
LocalServer &server();

/// Waits until something holds. The library's threads let go of things shortly after a client ends.
bool eventually(const std::function<bool()> &condition);

/// A test that has a secret key of its own: the server keeps the tests apart by it.
class WithServer : public testing::Test {
protected:
  std::string key = next_key();

  /// Options for the server, with more of them where given.
  tidegate::Options options(std::initializer_list<tidegate::Member> more = {}) const;

  /// A client that has its rules from the server.
  tidegate::Client ready(const tidegate::Options &options) const;
  tidegate::Client ready() const { return ready(options()); }

  /// Events of this test's key, without the client's diagnostics.
  std::vector<nlohmann::json> events() const;

  static tidegate::User alice() {
    return tidegate::User::create({{"userID", "alice"}, {"email", "alice@shop.example"}}).value();
  }
  static tidegate::User bob() {
    return tidegate::User::create({{"userID", "bob"}, {"custom", {{"orders", 23}}}}).value();
  }

private:
  static std::string next_key();
};

} // namespace tests

#endif
