// Memory stays flat, whatever is called how often.

#include <fstream>
#include <functional>

#include <malloc.h>
#include <unistd.h>

#include "support.hpp"

using tidegate::Client;
using tidegate::Exposure;
using tidegate::Kind;
using tidegate::Options;
using tidegate::User;

namespace {

/// Memory in use, in bytes.
long resident() {
  malloc_trim(0);
  long pages = 0;
  long in_use = 0;
  std::ifstream("/proc/self/statm") >> pages >> in_use;
  return in_use * sysconf(_SC_PAGESIZE);
}

} // namespace

TEST(Memory, stays_flat) {
  const auto rules = tests::read_file("examples/rules/shop.json");
  auto client =
      Client::create("secret-x", {{"local_mode", true}, {"bootstrap_values", rules}}).value();
  client.initialize().value();
  const char *json = R"({"userID": "alice", "email": "alice@shop.example"})";
  const auto user = User::parse(json).value();
  const Options options{{"local_mode", true}};
  const auto quiet = Exposure::none;

  const std::map<std::string, std::function<void()>> calls = {
      {"check_gate", [&] { static_cast<void>(client.check_gate(user, "new_checkout")); }},
      {"user", [&] { User::parse(json).value().to_json().value(); }},
      {"refused user", [&] { static_cast<void>(User::parse("{")); }},
      {"gate", [&] { client.get_feature_gate(user, "new_checkout").value().to_json().value(); }},
      {"config", [&] { client.get_config(user, "shop_banner").value().get_json("title").value(); }},
      {"layer",
       [&] { client.get_layer(user, "checkout_layer").value().get_json("button_text").value(); }},
      {"evaluate", [&] { client.evaluate(Kind::gate, json, "new_checkout", quiet).value(); }},
      {"evaluate_all", [&] { client.evaluate_all(user).value(); }},
      {"explain", [&] { client.explain(user, Kind::gate, "new_checkout").value(); }},
      {"client_init_response", [&] { client.client_init_response(user).value(); }},
      {"stats", [&] { client.stats().value(); }},
      {"override",
       [&] {
         client.override_gate("new_checkout", true, "alice").value();
         client.remove_all_overrides().value();
       }},
      {"options", [&] {
         Options{{"local_mode", true}}
             .on_evaluation([text = std::string(100, 'x')](std::string_view) {})
             .describe()
             .value();
       }}};
  for (const auto &[name, call] : calls) {
    const auto repeat = [&call = call](int times) {
      for (int i = 0; i < times; ++i) {
        call();
      }
      return resident();
    };
    const long before = repeat(1'000);
    const long after = repeat(4'000);
    // A leak of 100 bytes a call would be 400,000.
    EXPECT_LT(after - before, 300'000) << name;
  }
}
