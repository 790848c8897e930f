// The local server as a child of the test process, and its control interface.

#ifndef TIDEGATE_TESTS_LOCAL_SERVER_HPP
#define TIDEGATE_TESTS_LOCAL_SERVER_HPP

#include <string>
#include <vector>

#include <nlohmann/json.hpp>

namespace tests {

/// A running local server. Ends with the test process, however that ends.
class LocalServer {
public:
  explicit LocalServer(std::vector<std::string> arguments = {});
  ~LocalServer();
  LocalServer(const LocalServer &) = delete;
  LocalServer &operator=(const LocalServer &) = delete;

  const std::string &api() const { return api_; }

  /// A request to `/control/`; throws unless it has worked.
  nlohmann::json control(const std::string &method, const std::string &command,
                         const std::string &body = "");

  /// The accepted events of a key, in order.
  std::vector<nlohmann::json> events(const std::string &key);

  /// Waits until so many requests or events of a key have arrived.
  void wait(const std::string &endpoint, int count, const std::string &key);

private:
  int pid_ = 0;
  int input_ = -1;
  int port_ = 0;
  std::string api_;
};

} // namespace tests

#endif
