// Memory stays flat, whatever is called how often.

#include <chrono>
#include <cstdlib>

#include "memory.hpp"
#include "support.hpp"

using namespace std::chrono_literals;
using tests::growth;
using tests::Repeated;
using tidegate::Client;
using tidegate::Config;
using tidegate::Exposure;
using tidegate::Kind;
using tidegate::Object;
using tidegate::Options;
using tidegate::Status;
using tidegate::User;

namespace {

constexpr const char *json = R"({"userID": "alice", "email": "alice@shop.example"})";
constexpr const char *batch =
    R"({"users": [{"userID": "alice"}, {"userID": "bob"}],
        "entities": [{"kind": "gate", "name": "new_checkout"},
                     {"kind": "layer", "name": "checkout_layer"}]})";

std::string rules() { return tests::read_file("examples/rules/shop.json"); }

/// A client with the shop's rules and without network.
Client local(const Options &options = {{"local_mode", true}, {"bootstrap_values", rules()}}) {
  auto client = Client::create("secret-x", options).value();
  client.initialize().value();
  return client;
}

void expect_flat(std::initializer_list<Repeated> all) {
  for (const auto &repeated : all) {
    const auto grown = growth(repeated);
    EXPECT_TRUE(grown.is_flat) << repeated.name << ": " << grown.heap << " bytes of the heap, "
                               << grown.resident << " resident, each time";
  }
}

/// What all results have.
template <class T> void read(const T &result) {
  static_cast<void>(result.kind());
  static_cast<void>(result.name());
  static_cast<void>(result.rule_id());
  static_cast<void>(result.group_name());
  static_cast<void>(result.id_type());
  static_cast<void>(result.reason());
  result.times().value();
  result.to_json().value();
}

/// One parameter of each type, there or not.
void read_parameters(const Config &config) {
  read(config);
  static_cast<void>(config.passed());
  for (const char *key : {"title", "button_text", "absent"}) {
    static_cast<void>(config.get_string(key));
    static_cast<void>(config.get_int(key));
    static_cast<void>(config.get_double(key));
    static_cast<void>(config.get_bool(key));
    static_cast<void>(config.contains(key));
    config.get_json(key).value();
  }
  config.value_json().value();
}

template <class T> void expect_refused(const tidegate::Expected<T> &outcome) {
  if (outcome.has_value()) {
    throw std::runtime_error("accepted");
  }
}

} // namespace

// What is measured shows the smallest leak.
TEST(Memory, a_leak_is_seen) {
  void *volatile leaked = nullptr;
  const auto grown = growth({"a leak of 16 bytes", [&](long) { leaked = std::malloc(16); }});
  EXPECT_NE(leaked, nullptr);
  EXPECT_FALSE(grown.is_flat);
  EXPECT_GE(grown.heap, 16 * tests::leak_calls());
}

TEST(Memory, stays_flat_over_evaluations) {
  auto client = local();
  const auto user = User::parse(json).value();
  long seen = 0;
  Options options{{"local_mode", true}, {"bootstrap_values", rules()}};
  const auto told = local(options.on_evaluation([&seen](std::string_view) { ++seen; }));
  expect_flat({
      {"check_gate", [&](long) { static_cast<void>(client.check_gate(user, "new_checkout")); }},
      {"check_gate_json", [&](long) { client.check_gate_json(json, "new_checkout").value(); }},
      {"gates that are not known",
       [&](long number) { client.try_check_gate(user, "gate " + std::to_string(number)).value(); },
       1, 1 << 20},
      {"get_feature_gate",
       [&](long) {
         const auto gate = client.get_feature_gate(user, "new_checkout").value();
         static_cast<void>(gate.value());
         read(gate);
       }},
      {"get_config",
       [&](long) { read_parameters(client.get_config(user, "shop_banner").value()); }},
      {"get_experiment",
       [&](long) { read_parameters(client.get_experiment(user, "checkout_button").value()); }},
      {"get_layer",
       [&](long) { read_parameters(client.get_layer(user, "checkout_layer").value()); }},
      {"evaluate",
       [&](long) { client.evaluate(Kind::config, json, "shop_banner", Exposure::none).value(); }},
      {"evaluate_batch", [&](long) { client.evaluate_batch(batch).value(); }},
      {"evaluate_all", [&](long) { client.evaluate_all(user).value(); }, 10},
      {"explain", [&](long) { client.explain(user, Kind::gate, "new_checkout").value(); }},
      {"client_init_response", [&](long) { client.client_init_response(user).value(); }, 10},
      {"on_evaluation",
       [&](long) {
         const long before = seen;
         static_cast<void>(told.check_gate(user, "new_checkout"));
         if (seen != before + 1) {
           throw std::runtime_error("not told");
         }
       }},
  });
}

TEST(Memory, stays_flat_over_everything_else) {
  auto client = local();
  const auto user = User::parse(json).value();
  const Object value{{"title", "x"}};
  auto specs = nlohmann::json::parse(rules());
  expect_flat({
      {"user", [](long) { User::parse(json).value().to_json(tidegate::Attributes::all).value(); }},
      {"errors",
       [&](long) {
         expect_refused(User::parse("{"));
         expect_refused(User::create({}));
         expect_refused(client.check_gate_json("{}", "new_checkout"));
         expect_refused(client.try_check_gate(user, "\xff"));
         expect_refused(client.evaluate(static_cast<Kind>(9), json, "new_checkout"));
         expect_refused(client.log_events("["));
         expect_refused(client.override_json(Kind::config, "shop_banner", "[1]"));
         expect_refused(client.update_specs("["));
       }},
      {"overrides",
       [&](long) {
         client.override_gate("new_checkout", true, "alice").value();
         client.override_config("shop_banner", value, "alice").value();
         client.override_experiment("checkout_button", value, "alice").value();
         client.override_layer("checkout_layer", value).value();
         client.remove_override(Kind::gate, "new_checkout", "alice").value();
         client.load_overrides(client.dump_overrides().value()).value();
         client.remove_all_overrides().value();
       }},
      {"stats", [&](long) { client.stats().value(); }},
      {"specs", [&](long) { client.specs().value(); }},
      {"list_entities", [&](long) { client.list_entities().value(); }},
      {"init_details", [&](long) { client.init_details().value(); }},
      {"set_environment",
       [&](long) {
         client.set_environment({{"tier", "staging"}}).value();
       }},
      {"options",
       [](long) {
         Options{{"local_mode", true}}
             .on_evaluation([text = std::string(100, 'x')](std::string_view) {})
             .describe()
             .value();
       }},
      {"update_specs",
       [&](long number) {
         specs["time"] = 1'900'000'000'000 + number;
         client.update_specs(specs.dump()).value();
       },
       100},
      {"client", [](long) { local().shutdown().value(); }, 100},
  });
}

class MemoryWithServer : public tests::WithServer {};

// Logs more than the server takes: the queue is full, and stays as it is.
TEST_F(MemoryWithServer, stays_flat_over_events_and_exposures) {
  // With a batch that is being sent.
  constexpr long queue_bytes = 1 << 20;
  auto client = ready(options({{"event_queue_size", 100},
                               {"retry_queue_size", 2},
                               {"output_logger_level", "none"},
                               {"disable_error_reporting", true}}));
  tests::server().control("POST", "faults",
                          R"([{"endpoint": "log_event", "key": ")" + key +
                              R"(", "status": 503, "times": -1}])");
  const auto user = alice();
  // Until only those wait that are sent again.
  const auto settle = [&] { static_cast<void>(client.flush(5s)); };
  expect_flat({
      {"log_event",
       [&](long) {
         client.log_event(user, "purchase", 9.99, {{"sku", "a-17"}}).value();
       },
       1, queue_bytes, settle},
      {"log_events",
       [&](long) {
         client.log_events(R"({"user": {"userID": "alice"}, "event_name": "view", "value": "x"})")
             .value();
       },
       1, queue_bytes, settle},
      // The exposures that are remembered have a bound too.
      {"fresh exposure",
       [&](long number) {
         const auto other = User::create({{"userID", "u" + std::to_string(number)}}).value();
         client.try_check_gate(other, "new_checkout").value();
       },
       1, queue_bytes, settle},
      {"manual exposures",
       [&](long) {
         client.log_exposure(user, Kind::gate, "new_checkout").value();
         const auto layer = client.get_layer(user, "checkout_layer", Exposure::none).value();
         client.log_exposure_for(layer, "button_text").value();
       },
       1, queue_bytes, settle},
  });
  static_cast<void>(client.shutdown(100ms));
}
