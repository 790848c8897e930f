// Nanoseconds a call, with the shop's rules and without network:
//
//     cmake -S bindings/cpp -B target/cpp/bench -DTIDEGATE_CPP_TESTS=ON
//     cmake --build target/cpp/bench --target evaluate_bench
//     target/cpp/bench/bench/evaluate_bench

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <functional>
#include <sstream>
#include <vector>

#include <tidegate.hpp>

namespace {

using Clock = std::chrono::steady_clock;

double once(long times, const std::function<void()> &call) {
  const auto start = Clock::now();
  for (long i = 0; i < times; ++i) {
    call();
  }
  return std::chrono::duration<double, std::nano>(Clock::now() - start).count() /
         static_cast<double>(times);
}

/// The median of nine runs.
void measure(const char *name, long times, const std::function<void()> &call) {
  std::vector<double> runs;
  for (int run = 0; run < 9; ++run) {
    runs.push_back(once(times, call));
  }
  std::sort(runs.begin(), runs.end());
  std::printf("%-28s %9.1f ns\n", name, runs[4]);
}

} // namespace

int main(int argc, char **argv) {
  const long times = argc > 1 ? std::atol(argv[1]) : 100'000;
  std::ostringstream rules;
  rules << std::ifstream(TIDEGATE_ROOT "/examples/rules/shop.json").rdbuf();
  auto client = tidegate::Client::create("secret-bench",
                                         {{"local_mode", true}, {"bootstrap_values", rules.str()}})
                    .value();
  client.initialize().value();
  const char *json = R"({"userID": "alice", "email": "alice@shop.example"})";
  const auto user = tidegate::User::parse(json).value();
  volatile bool keep = false;

  measure("check_gate", times,
          [&] { keep = client.check_gate(user, "employees_only", tidegate::Exposure::none); });
  measure("check_gate, exposure", times, [&] { keep = client.check_gate(user, "employees_only"); });
  measure("check_gate_json", times,
          [&] { keep = client.check_gate_json(json, "employees_only").value(); });
  measure("get_feature_gate", times,
          [&] { keep = client.get_feature_gate(user, "employees_only").value().value(); });
  measure("get_config, one parameter", times, [&] {
    keep = client.get_config(user, "shop_banner").value().get_string("title").empty();
  });
  measure("get_layer, one parameter", times, [&] {
    keep = client.get_layer(user, "checkout_layer").value().get_string("button_text").empty();
  });
  measure("User::parse", times, [&] { keep = tidegate::User::parse(json).has_value(); });
}
