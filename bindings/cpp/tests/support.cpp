#include "support.hpp"

#include <atomic>
#include <chrono>
#include <fstream>
#include <sstream>
#include <thread>

namespace tests {

std::string read_file(const std::string &path) {
  std::ifstream in(TIDEGATE_ROOT "/" + path, std::ios::binary);
  std::ostringstream text;
  text << in.rdbuf();
  if (!in) {
    throw std::runtime_error("cannot read " + path);
  }
  return text.str();
}

LocalServer &server() {
  static LocalServer server;
  return server;
}

std::string WithServer::next_key() {
  static std::atomic<int> number{0};
  return "secret-cpp" + std::to_string(++number);
}

tidegate::Options WithServer::options(std::initializer_list<tidegate::Member> more) const {
  tidegate::Object all{{"api", server().api()}, {"disable_diagnostics", true}};
  for (const auto &member : more) {
    all.set(member.key, member.value);
  }
  return tidegate::Options(all);
}

tidegate::Client WithServer::ready(const tidegate::Options &options) const {
  auto client = tidegate::Client::create(key, options).value();
  client.initialize(std::chrono::seconds(30)).value();
  const auto details = tidegate::parse(client.init_details()).value();
  if (details.at("init_success") != true) {
    throw std::runtime_error("no rules: " + details.dump());
  }
  return client;
}

std::vector<nlohmann::json> WithServer::events() const {
  std::vector<nlohmann::json> found;
  for (const auto &event : server().events(key)) {
    if (event.at("eventName") != "statsig::diagnostics") {
      found.push_back(event);
    }
  }
  return found;
}

bool eventually(const std::function<bool()> &condition) {
  const auto bound = std::chrono::steady_clock::now() + std::chrono::seconds(30);
  while (!condition()) {
    if (std::chrono::steady_clock::now() > bound) {
      return false;
    }
    std::this_thread::yield();
  }
  return true;
}

} // namespace tests
