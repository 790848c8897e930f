#include "support.hpp"

using nlohmann::json;
using tidegate::Status;
using tidegate::User;

TEST(UserTest, has_the_attributes_that_it_was_given) {
  const auto user = User::create({{"userID", "ada"},
                                  {"email", "ada@shop.example"},
                                  {"custom", {{"orders", 12}, {"vip", true}, {"none", nullptr}}},
                                  {"customIDs", {{"companyID", "initech"}}},
                                  {"privateAttributes", {{"salary", 1e5}}}})
                        .value();
  const auto logged = json::parse(user.to_json().value());
  EXPECT_EQ(logged.at("userID"), "ada");
  EXPECT_EQ(logged.at("custom").at("orders"), 12);
  EXPECT_EQ(logged.at("custom").at("vip"), true);
  EXPECT_FALSE(logged.contains("privateAttributes"));
  const auto all = json::parse(user.to_json(tidegate::Attributes::all).value());
  EXPECT_EQ(all.at("privateAttributes").at("salary"), 1e5);
}

TEST(UserTest, needs_an_id) {
  const auto nobody = User::create({{"email", "ada@shop.example"}});
  EXPECT_EQ(nobody.error().status(), Status::argument);
  EXPECT_FALSE(nobody.error().message().empty());
  EXPECT_TRUE(User::create({{"customIDs", {{"companyID", 7}}}}).has_value());
}

TEST(UserTest, refuses_what_is_no_user) {
  EXPECT_EQ(User::parse("").error().status(), Status::json);
  EXPECT_EQ(User::parse({}).error().status(), User::parse("").error().status());
  EXPECT_EQ(User::parse("{\"userID\": \"\xff\"}").error().status(), Status::utf8);
}

TEST(UserTest, can_be_moved) {
  auto first = User::parse(R"({"userID": "ada"})").value();
  const User second = std::move(first);
  EXPECT_TRUE(second.to_json().has_value());
  EXPECT_EQ(first.to_json().error().status(), Status::handle);
  static_assert(!std::is_copy_constructible_v<User> && !std::is_copy_assignable_v<User>);
}
