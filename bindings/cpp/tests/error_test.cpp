#include <memory>

#include "support.hpp"

using tidegate::Error;
using tidegate::Exception;
using tidegate::Expected;
using tidegate::Status;

TEST(ErrorTest, a_value_is_a_value) {
  Expected<int> seven = 7;
  ASSERT_TRUE(seven);
  EXPECT_EQ(*seven, 7);
  EXPECT_EQ(seven.value(), 7);
  EXPECT_EQ(seven.value_or(1), 7);
  EXPECT_EQ(seven.error().status(), Status::ok);
  *seven = 8;
  EXPECT_EQ(seven.value(), 8);
}

TEST(ErrorTest, an_error_is_thrown_by_value_only) {
  const Expected<int> failed = Error(Status::timeout, "too late");
  EXPECT_FALSE(failed.has_value());
  EXPECT_EQ(failed.value_or(1), 1);
  EXPECT_EQ(failed.error().message(), "too late");
  try {
    static_cast<void>(failed.value());
    FAIL();
  } catch (const Exception &error) {
    EXPECT_EQ(error.status(), Status::timeout);
    EXPECT_STREQ(error.what(), "too late");
    EXPECT_EQ(error.error().message(), "too late");
  }
  EXPECT_THROW(static_cast<void>(*failed), Exception);
  EXPECT_THROW(static_cast<void>(Expected<void>(Error(Status::io, "disk")).value()), Exception);
  EXPECT_NO_THROW(Expected<void>().value());
}

TEST(ErrorTest, holds_what_can_only_be_moved) {
  Expected<std::unique_ptr<int>> made = std::make_unique<int>(3);
  EXPECT_EQ(**made, 3);
  const std::unique_ptr<int> taken = std::move(made).value();
  EXPECT_EQ(*taken, 3);
  EXPECT_EQ(Expected<std::unique_ptr<int>>(Error(Status::io, "")).value_or(nullptr), nullptr);
}

TEST(ErrorTest, statuses_have_the_names_of_c) {
  EXPECT_STREQ(tidegate::name(Status::handle), "TIDEGATE_E_HANDLE");
  EXPECT_STREQ(tidegate::name(Status::ok), "TIDEGATE_OK");
}

TEST(ErrorTest, long_messages_arrive_whole) {
  // The header's buffer for a first try is smaller, the library's bound is larger.
  const std::string key(600, 'k');
  const auto client = tidegate::Client::create("secret-x", {{key, 1}});
  EXPECT_EQ(client.error().status(), Status::argument);
  EXPECT_NE(client.error().message().find(key), std::string::npos) << client.error().message();
}

TEST(ErrorTest, fork_hooks_do_no_harm) {
  tidegate::before_fork().value();
  tidegate::after_fork_parent().value();
  tidegate::after_fork_child().value();
}

TEST(ErrorTest, the_library_tells_its_version) {
  EXPECT_STREQ(tidegate::library_version(), tidegate::header_version);
  EXPECT_EQ(nlohmann::json::parse(tidegate::build_info()).at("version"),
            tidegate::library_version());
  EXPECT_NE(tests::read_file("Cargo.toml")
                .find(std::string("version = \"") + tidegate::header_version + "\""),
            std::string::npos);
}
