// Reading parameters of every type, present, absent and of another type.

#include <limits>

#include "support.hpp"

using nlohmann::json;
using tidegate::Client;
using tidegate::Exposure;
using tidegate::JsonType;
using tidegate::Status;
using tidegate::User;

namespace {

class ResultTest : public testing::Test {
protected:
  ResultTest() {
    client.initialize().value();
    client
        .override_config("all", {{"yes", true},
                                 {"whole", 9'007'199'254'740'993},
                                 {"half", 0.5},
                                 {"text", std::string("a\0b", 3)},
                                 {"empty", ""},
                                 {"list", tidegate::Array{1, "two"}},
                                 {"object", {{"a", 1}}},
                                 {"nothing", nullptr}})
        .value();
  }

  tidegate::Config config() const { return client.get_config(user, "all", Exposure::none).value(); }

  Client client = Client::create("secret-result", {{"local_mode", true}}).value();
  User user = User::parse(R"({"userID": "ada"})").value();
};

} // namespace

TEST_F(ResultTest, reads_each_type) {
  const auto config = this->config();
  EXPECT_TRUE(config.get_bool("yes"));
  EXPECT_EQ(config.get_int("whole"), 9'007'199'254'740'993);
  EXPECT_EQ(config.get_double("half"), 0.5);
  EXPECT_EQ(config.get_double("whole"), 9'007'199'254'740'992.0);
  EXPECT_EQ(config.get_string("text"), std::string_view("a\0b", 3));
  EXPECT_EQ(config.get_string("empty", "other"), "");
  EXPECT_EQ(config.get_json("list").value(), R"([1,"two"])");
  EXPECT_EQ(config.get_json("nothing").value(), "null");
  EXPECT_EQ(json::parse(config.value_json().value()).at("object").at("a"), 1);
}

TEST_F(ResultTest, gives_the_default_for_what_is_absent_or_of_another_type) {
  const auto config = this->config();
  EXPECT_TRUE(config.get_bool("absent", true));
  EXPECT_TRUE(config.get_bool("text", true));
  EXPECT_EQ(config.get_int("absent", -7), -7);
  EXPECT_EQ(config.get_int("half", -7), -7);
  EXPECT_EQ(config.get_double("text", 1.5), 1.5);
  EXPECT_EQ(config.get_string("absent"), "");
  EXPECT_EQ(config.get_string("yes", "other"), "other");
  EXPECT_EQ(config.get_json("absent").value(), std::nullopt);
  EXPECT_EQ(config.get_string({}, "other"), "other");
}

TEST_F(ResultTest, knows_types_without_an_exposure) {
  const auto config = this->config();
  EXPECT_EQ(config.type("absent"), JsonType::absent);
  EXPECT_EQ(config.type("nothing"), JsonType::null);
  EXPECT_EQ(config.type("yes"), JsonType::boolean);
  EXPECT_EQ(config.type("half"), JsonType::number);
  EXPECT_EQ(config.type("text"), JsonType::string);
  EXPECT_EQ(config.type("list"), JsonType::array);
  EXPECT_EQ(config.type("object"), JsonType::object);
  EXPECT_TRUE(config.contains("nothing"));
  EXPECT_FALSE(config.contains("absent"));
}

TEST_F(ResultTest, a_temporary_gives_out_copies) {
  const auto text = config().get_string("text");
  static_assert(std::is_same_v<decltype(text), const std::string>);
  EXPECT_EQ(text.size(), 3U);
  static_assert(std::is_same_v<decltype(config().name()), std::string>);
  EXPECT_EQ(config().name(), "all");
  EXPECT_EQ(config().rule_id(), "override");
  EXPECT_EQ(config().group_name(), std::nullopt);
  EXPECT_EQ(config().reason(), "Uninitialized:LocalOverride");
  EXPECT_EQ(config().id_type(), "");
}

TEST_F(ResultTest, outlives_its_client_and_its_rules) {
  auto other = Client::create("secret-other", {{"local_mode", true}}).value();
  other.initialize().value();
  other.override_config("all", {{"a", 1}}).value();
  const auto config = other.get_config(user, "all").value();
  other = Client::create("secret-third", {{"local_mode", true}}).value();
  EXPECT_EQ(config.get_int("a"), 1);
}

TEST_F(ResultTest, moved_from_gives_defaults) {
  auto first = config();
  const auto second = std::move(first);
  EXPECT_TRUE(second.get_bool("yes"));
  EXPECT_FALSE(first.get_bool("yes"));
  EXPECT_EQ(first.name(), "");
  EXPECT_EQ(first.to_json().error().status(), Status::handle);
  EXPECT_EQ(first.times().error().status(), Status::handle);
}

TEST_F(ResultTest, nlohmann_reads_any_type) {
  client.override_config("sizes", {{"list", tidegate::Array{1, 2, 3}}, {"text", "x"}}).value();
  const auto config = client.get_config(user, "sizes").value();
  using List = std::vector<int>;
  EXPECT_EQ(tidegate::get<List>(config, "list", {}), (List{1, 2, 3}));
  EXPECT_EQ(tidegate::get<List>(config, "text", {7}), List{7});
  EXPECT_EQ(tidegate::get<List>(config, "absent", {8}), List{8});
  EXPECT_EQ(tidegate::value(config).value().at("text"), "x");
  const json given = {{"a", {1, nullptr, "x"}}};
  client.override_config("given", tidegate::object(given).value()).value();
  EXPECT_EQ(tidegate::value(client.get_config(user, "given").value()).value(), given);
  EXPECT_EQ(tidegate::object(json::array()).error().status(), Status::argument);
  EXPECT_EQ(tidegate::parse(std::string("{")).error().status(), Status::json);
}
