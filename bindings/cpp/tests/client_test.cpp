// Every method of the client, against the local server.

#include <chrono>
#include <cmath>

#include "support.hpp"

using namespace std::chrono_literals;
using nlohmann::json;
using tidegate::Client;
using tidegate::Exposure;
using tidegate::Kind;
using tidegate::Object;
using tidegate::Options;
using tidegate::Status;
using tidegate::User;

namespace {

class ClientTest : public tests::WithServer {
protected:
  /// What was logged under a name, once everything is delivered.
  std::vector<json> logged(Client &client, const std::string &name) {
    const auto report = client.flush(30s).value();
    EXPECT_EQ(report.dropped + report.queued, 0U);
    std::vector<json> found;
    for (const auto &event : events()) {
      if (event.at("eventName") == name) {
        found.push_back(event);
      }
    }
    return found;
  }
};

} // namespace

TEST_F(ClientTest, check_gate_answers_and_logs_an_exposure) {
  auto client = ready();
  EXPECT_TRUE(client.check_gate(alice(), "employees_only"));
  EXPECT_FALSE(client.check_gate(bob(), "employees_only"));
  EXPECT_TRUE(client.try_check_gate(alice(), "employees_only", Exposure::none).value());
  EXPECT_FALSE(client.try_check_gate(bob(), "no such gate", Exposure::none).value());

  const auto exposures = logged(client, "statsig::gate_exposure");
  ASSERT_EQ(exposures.size(), 2U);
  EXPECT_EQ(exposures[0].at("user").at("userID"), "alice");
  EXPECT_EQ(exposures[0].at("metadata").at("gateValue"), "true");
  EXPECT_EQ(exposures[1].at("metadata").at("gateValue"), "false");
}

TEST_F(ClientTest, check_gate_takes_users_in_json) {
  auto client = ready();
  const std::string user = alice().to_json().value();
  EXPECT_TRUE(client.check_gate_json(user, "employees_only").value());
  EXPECT_EQ(client.check_gate_json("{", "employees_only").error().status(), Status::json);
  EXPECT_EQ(logged(client, "statsig::gate_exposure").size(), 1U);
}

TEST_F(ClientTest, a_gate_has_its_rule_and_details) {
  auto client = ready();
  const auto gate = client.get_feature_gate(alice(), "employees_only").value();
  EXPECT_TRUE(gate.value());
  EXPECT_EQ(gate.kind(), Kind::gate);
  EXPECT_EQ(gate.name(), "employees_only");
  EXPECT_EQ(gate.rule_id(), "wy0F6cP4khTeP3cJb7PpBq");
  EXPECT_EQ(gate.group_name(), "by email");
  EXPECT_EQ(gate.id_type(), "userID");
  EXPECT_EQ(gate.reason(), "Network");
  EXPECT_EQ(gate.times().value().config_sync, 1'768'471'200'000);
  EXPECT_EQ(gate.times().value().init, 1'768'471'200'000);
  EXPECT_GT(gate.times().value().server, 1'600'000'000'000);
  const auto all = json::parse(gate.to_json().value());
  EXPECT_EQ(all.at("kind"), "gate");
  EXPECT_EQ(all.at("details").at("source"), "Network");
  EXPECT_EQ(logged(client, "statsig::gate_exposure").size(), 1U);
}

TEST_F(ClientTest, an_unknown_name_is_no_error) {
  auto client = ready();
  const auto gate = client.get_feature_gate(alice(), "no such gate").value();
  EXPECT_FALSE(gate.value());
  EXPECT_EQ(gate.reason(), "Network:Unrecognized");
  EXPECT_EQ(gate.rule_id(), "");
  EXPECT_EQ(gate.group_name(), std::nullopt);
  const auto config = client.get_config(alice(), "").value();
  EXPECT_EQ(config.value_json().value(), "{}");
  EXPECT_FALSE(config.passed());
}

TEST_F(ClientTest, configs_and_experiments_have_typed_parameters) {
  auto client = ready();
  const auto banner = client.get_config(bob(), "shop_banner").value();
  EXPECT_EQ(banner.kind(), Kind::config);
  EXPECT_TRUE(banner.passed());
  EXPECT_EQ(banner.get_string("title"), "Good to see you again");
  const auto experiment = client.get_experiment(alice(), "free_shipping_threshold").value();
  EXPECT_EQ(experiment.kind(), Kind::experiment);
  EXPECT_EQ(experiment.group_name(), "Test");
  EXPECT_EQ(logged(client, "statsig::config_exposure").size(), 2U);
}

TEST_F(ClientTest, a_layer_logs_the_parameters_that_are_read) {
  auto client = ready();
  const auto layer = client.get_layer(bob(), "checkout_layer").value();
  EXPECT_EQ(layer.kind(), Kind::layer);
  EXPECT_TRUE(layer.contains("button_text"));
  EXPECT_TRUE(layer.value_json().has_value());
  EXPECT_TRUE(logged(client, "statsig::layer_exposure").empty());
  EXPECT_EQ(layer.get_string("button_text"), "Place order");
  const auto exposures = logged(client, "statsig::layer_exposure");
  ASSERT_EQ(exposures.size(), 1U);
  EXPECT_EQ(exposures[0].at("metadata").at("parameterName"), "button_text");

  const auto silent = client.get_layer(alice(), "checkout_layer", Exposure::none).value();
  EXPECT_EQ(silent.get_string("button_text"), "Buy now");
  EXPECT_EQ(logged(client, "statsig::layer_exposure").size(), 1U);
}

TEST_F(ClientTest, evaluates_in_json) {
  auto client = ready();
  const std::string user = bob().to_json().value();
  const auto result = tidegate::parse(client.evaluate(Kind::config, user, "shop_banner")).value();
  EXPECT_EQ(result.at("value").at("title"), "Good to see you again");
  const auto batch = tidegate::parse(client.evaluate_batch(
      R"({"users": [{"userID": "alice", "email": "alice@shop.example"}, {"userID": "bob"}],
          "entities": [{"kind": "gate", "name": "employees_only"}]})"));
  EXPECT_EQ(batch.value().at("results").at(0).at(0).at("value"), true);
  EXPECT_EQ(batch.value().at("results").at(1).at(0).at("value"), false);
  EXPECT_EQ(client.evaluate_batch("[]").error().status(), Status::argument);
}

TEST_F(ClientTest, evaluates_everything_and_explains) {
  auto client = ready();
  const auto all = tidegate::parse(client.evaluate_all(alice())).value();
  EXPECT_EQ(all.at("feature_gates").at("employees_only").at("value"), true);
  const auto why = tidegate::parse(client.explain(alice(), Kind::gate, "employees_only")).value();
  EXPECT_EQ(why.at("value"), true);
  EXPECT_FALSE(why.at("steps").empty());
  EXPECT_TRUE(logged(client, "statsig::gate_exposure").empty());
}

TEST_F(ClientTest, answers_for_client_sdks) {
  auto client = ready();
  const auto hashed = tidegate::parse(client.client_init_response(alice())).value();
  EXPECT_FALSE(hashed.at("feature_gates").contains("employees_only"));
  const auto plain =
      tidegate::parse(client.client_init_response(alice(), {{"hash", "none"}})).value();
  EXPECT_EQ(plain.at("feature_gates").at("employees_only").at("value"), true);
  const auto wrong = client.client_init_response(alice(), {{"hash", "md5"}});
  EXPECT_EQ(wrong.error().status(), Status::argument);
  EXPECT_NE(wrong.error().message().find("hash"), std::string::npos) << wrong.error().message();
}

TEST_F(ClientTest, events_have_values_and_metadata) {
  auto client = ready();
  client.log_event(alice(), "plain").value();
  client.log_event(alice(), "number", 12.5, {{"sku", "hat"}}).value();
  client.log_event(alice(), "whole", 3).value();
  client.log_event(alice(), "text", "blue").value();
  client.log_event(alice(), "empty", "").value();
  client.log_event(alice(), "only metadata", {}, {{"a", 1}}).value();
  client
      .log_events(R"([{"user": {"userID": "bob"}, "event_name": "many", "value": "x"},
                        {"user": {"userID": "bob"}, "event_name": "many"}])")
      .value();
  client.flush(30s).value();
  std::map<std::string, json> found;
  for (const auto &event : events()) {
    found[event.at("eventName")] = event;
  }
  EXPECT_TRUE(found.at("plain").value("value", json()).is_null());
  EXPECT_EQ(found.at("number").at("value"), 12.5);
  EXPECT_EQ(found.at("number").at("metadata").at("sku"), "hat");
  EXPECT_EQ(found.at("whole").at("value"), 3);
  EXPECT_EQ(found.at("text").at("value"), "blue");
  EXPECT_EQ(found.at("empty").at("value"), "");
  EXPECT_EQ(found.at("only metadata").at("metadata").at("a"), 1);
  EXPECT_EQ(found.at("many").at("user").at("userID"), "bob");
  EXPECT_EQ(client.log_event(alice(), "").error().status(), Status::argument);
  EXPECT_EQ(client.log_events("nonsense").error().status(), Status::json);
}

TEST_F(ClientTest, manual_exposures_are_marked) {
  auto client = ready();
  client.log_exposure(alice(), Kind::gate, "employees_only").value();
  client.log_exposure(alice(), Kind::layer, "checkout_layer", "button_text").value();
  const auto config = client.get_config(bob(), "shop_banner", Exposure::none).value();
  client.log_exposure_for(config).value();
  const auto layer = client.get_layer(bob(), "checkout_layer", Exposure::none).value();
  client.log_exposure_for(layer, "show_reviews").value();

  const auto gates = logged(client, "statsig::gate_exposure");
  ASSERT_EQ(gates.size(), 1U);
  EXPECT_EQ(gates[0].at("metadata").at("isManualExposure"), "true");
  EXPECT_EQ(logged(client, "statsig::config_exposure").size(), 1U);
  EXPECT_EQ(logged(client, "statsig::layer_exposure").size(), 2U);
}

TEST_F(ClientTest, overrides_win_until_removed) {
  auto client = ready();
  const auto on = [&](const User &user) {
    return client.check_gate(user, "employees_only", Exposure::none);
  };
  client.override_gate("employees_only", true).value();
  client.override_gate("employees_only", false, "alice").value();
  EXPECT_TRUE(on(bob()));
  EXPECT_FALSE(on(alice()));
  client.remove_override(Kind::gate, "employees_only", "alice").value();
  EXPECT_TRUE(on(alice()));
  client.remove_override(Kind::gate, "employees_only").value();
  EXPECT_FALSE(on(bob()));

  client.override_config("shop_banner", {{"title", "Hello"}}).value();
  client.override_experiment("free_shipping_threshold", {{"threshold", 5}}).value();
  client.override_layer("checkout_layer", {{"button_text", "Go"}}, "bob").value();
  client.override_json(Kind::gate, "gift_wrapping", "true").value();
  EXPECT_EQ(client.get_config(bob(), "shop_banner").value().get_string("title"), "Hello");
  const auto experiment = client.get_experiment(bob(), "free_shipping_threshold").value();
  EXPECT_EQ(experiment.get_int("threshold"), 5);
  EXPECT_EQ(client.get_layer(bob(), "checkout_layer").value().get_string("button_text"), "Go");
  EXPECT_TRUE(client.check_gate(bob(), "gift_wrapping"));

  const std::string dump = client.dump_overrides().value();
  EXPECT_EQ(json::parse(dump).at("configs").at("shop_banner").at("").at("title"), "Hello");
  client.remove_all_overrides().value();
  EXPECT_FALSE(client.check_gate(bob(), "gift_wrapping"));
  client.load_overrides(dump).value();
  EXPECT_TRUE(client.check_gate(bob(), "gift_wrapping"));
  const auto refused = client.override_json(Kind::gate, "employees_only", "{}");
  EXPECT_EQ(refused.error().status(), Status::argument) << refused.error().message();
}

TEST_F(ClientTest, rules_can_be_fetched_pushed_and_listed) {
  auto client = ready();
  auto rules = json::parse(client.specs().value().value());
  EXPECT_EQ(rules, json::parse(tests::read_file("examples/rules/shop.json")));

  rules["time"] = 1'800'000'000'000;
  rules["feature_gates"] = json::array();
  client.update_specs(rules.dump()).value();
  EXPECT_FALSE(client.check_gate(alice(), "employees_only"));
  EXPECT_EQ(client.update_specs("{").error().status(), Status::json);
  EXPECT_EQ(tidegate::parse(client.list_entities(Kind::gate)).value(), json::array());
  EXPECT_TRUE(tidegate::parse(client.list_entities()).value().is_object());

  client.set_polling(false).value();
  client.set_polling(true).value();
  rules["time"] = 1'900'000'000'000;
  rules["dynamic_configs"] = json::array();
  tests::server().control("PUT", "rules?key=" + key, rules.dump());
  client.sync_now(30s).value();
  EXPECT_EQ(tidegate::parse(client.list_entities(Kind::config)).value(), json::array());
  EXPECT_EQ(tidegate::parse(client.stats()).value().at("specs").at("time"), 1'900'000'000'000);
}

TEST_F(ClientTest, the_environment_can_change) {
  auto client = ready(options({{"tier", "production"}}));
  EXPECT_FALSE(client.check_gate(bob(), "debug_panel"));
  client.set_environment({{"tier", "staging"}}).value();
  EXPECT_TRUE(client.check_gate(bob(), "debug_panel"));
  client.set_environment({}).value();
  EXPECT_FALSE(client.check_gate(bob(), "debug_panel"));
}

TEST_F(ClientTest, a_server_that_hangs_costs_no_more_than_the_bound) {
  tests::server().control("POST", "faults",
                          R"([{"endpoint": "specs", "key": ")" + key + R"(", "hold": ")" + key +
                              R"("}])");
  auto client = Client::create(key, options()).value();
  EXPECT_EQ(client.initialize(1ms).error().status(), Status::timeout);
  EXPECT_FALSE(client.is_initialized());
  EXPECT_EQ(client.wait_initialized(1ms).error().status(), Status::timeout);
  EXPECT_EQ(client.get_feature_gate(alice(), "employees_only").error().status(), Status::state);
  EXPECT_FALSE(client.check_gate(alice(), "employees_only"));
  tests::server().control("POST", "release?name=" + key);
  client.wait_initialized(30s).value();
  EXPECT_TRUE(client.is_initialized());
  EXPECT_TRUE(client.check_gate(alice(), "employees_only"));
}

TEST_F(ClientTest, shutdown_delivers_and_ends) {
  auto client = ready();
  client.log_event(alice(), "last words").value();
  const auto report = client.shutdown(30s).value();
  EXPECT_GE(report.sent, 1U);
  EXPECT_EQ(report.queued + report.dropped + report.spooled, 0U);
  EXPECT_EQ(events().back().at("eventName"), "last words");
  EXPECT_EQ(client.shutdown().value().sent, 0U);
  EXPECT_EQ(client.log_event(alice(), "too late").error().status(), Status::state);
  EXPECT_FALSE(client.is_initialized());
}

TEST_F(ClientTest, the_destructor_delivers) {
  { ready().log_event(alice(), "on the way out").value(); }
  ASSERT_EQ(events().size(), 1U);
}

TEST_F(ClientTest, a_client_can_be_moved_and_replaced) {
  auto first = ready();
  Client second = std::move(first);
  EXPECT_TRUE(second.is_initialized());
  EXPECT_EQ(first.id(), 0U); // NOLINT: what a moved-from client does is the point
  EXPECT_EQ(first.flush().error().status(), Status::handle);
  EXPECT_FALSE(first.check_gate(alice(), "employees_only"));
  second.log_event(alice(), "before it is replaced").value();
  second = ready();
  EXPECT_EQ(events().size(), 1U);
  EXPECT_TRUE(second.check_gate(alice(), "employees_only"));
}

TEST_F(ClientTest, clients_live_side_by_side) {
  auto ours = ready();
  auto other = Client::create(key + "other", options()).value();
  other.initialize(30s).value();
  ours.override_gate("gift_wrapping", true).value();
  EXPECT_TRUE(ours.check_gate(bob(), "gift_wrapping"));
  EXPECT_FALSE(other.check_gate(bob(), "gift_wrapping"));
  ours.shutdown().value();
  EXPECT_TRUE(other.check_gate(alice(), "employees_only"));
}

TEST_F(ClientTest, works_without_threads) {
  auto client = ready(options({{"threads", "none"}}));
  client.log_event(alice(), "ticked").value();
  EXPECT_GT(client.tick(100ms).value().count(), 0);
  bool updated = false;
  while (const auto note = client.poll_event().value()) {
    updated = updated || json::parse(*note).contains("type");
  }
  EXPECT_TRUE(updated);
  client.flush(30s).value();
  EXPECT_EQ(events().size(), 1U) << json(events());
  auto threaded = ready();
  EXPECT_EQ(threaded.tick(1ms).error().status(), Status::state);
}

TEST(Local, needs_no_server) {
  const auto rules = tests::read_file("examples/rules/shop.json");
  auto client =
      Client::create("secret-local", {{"local_mode", true}, {"bootstrap_values", rules}}).value();
  client.initialize().value();
  const auto user = User::create({{"userID", "alice"}, {"email", "a@shop.example"}}).value();
  EXPECT_TRUE(client.check_gate(user, "employees_only"));
  EXPECT_EQ(client.get_feature_gate(user, "employees_only").value().reason(), "Bootstrap");
}

TEST(Default, key_and_options_are_checked) {
  const auto client = Client::create("secret-x", {{"local_mode", "yes"}});
  EXPECT_EQ(client.error().status(), Status::argument);
  EXPECT_NE(client.error().message().find("local_mode"), std::string::npos);
}
