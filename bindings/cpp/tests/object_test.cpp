#include <clocale>
#include <cmath>
#include <limits>
#include <string>

#include "support.hpp"

using nlohmann::json;
using tidegate::Array;
using tidegate::Object;
using tidegate::Value;

TEST(ObjectTest, writes_each_type) {
  EXPECT_EQ(Value().json(), "null");
  EXPECT_EQ(Value(nullptr).json(), "null");
  EXPECT_EQ(Value(true).json(), "true");
  EXPECT_EQ(Value(-12).json(), "-12");
  EXPECT_EQ(Value(std::numeric_limits<std::uint64_t>::max()).json(), "18446744073709551615");
  EXPECT_EQ(Value("a").json(), R"("a")");
  EXPECT_EQ(Value(std::string_view("a")).json(), R"("a")");
  EXPECT_EQ((Array{"a", 1, Array{}}.json()), R"(["a",1,[]])");
  EXPECT_EQ((Object{{"a", 1}, {"b", {{"c", Array{}}, {"d", Object{}}}}}.json()),
            R"({"a":1,"b":{"c":[],"d":{}}})");
  EXPECT_EQ(Object{}.json(), "{}");
  EXPECT_EQ(Value::from_json("[1]").json(), "[1]");
}

TEST(ObjectTest, escapes_so_that_a_parser_reads_the_same) {
  std::string all;
  for (int c = 0; c < 128; ++c) {
    all += static_cast<char>(c);
  }
  all += "\xc3\xa9\xf0\x9f\x8c\x8a";
  EXPECT_EQ(json::parse(Value(all).json()), all);
  EXPECT_EQ(json::parse(Object{{all, all}}.json()).at(all), all);
}

TEST(ObjectTest, numbers_read_back_as_they_were) {
  for (const double number : {0.0, -0.0, 0.1, 1.0 / 3.0, 1e21, 5e-324, 1.7976931348623157e308,
                              123456789.123456789, 9007199254740993.0}) {
    EXPECT_EQ(json::parse(Value(number).json()).get<double>(), number);
  }
  EXPECT_EQ(Value(0.1).json(), "0.1");
  EXPECT_EQ(Value(std::nan("")).json(), "null");
  EXPECT_EQ(Value(std::numeric_limits<double>::infinity()).json(), "null");
}

TEST(ObjectTest, numbers_do_not_follow_the_locale) {
  struct Comma : std::numpunct<char> {
    char do_decimal_point() const override { return ','; }
    std::string do_grouping() const override { return "\3"; }
    char do_thousands_sep() const override { return '.'; }
  };
  const auto before = std::locale::global(std::locale(std::locale::classic(), new Comma));
  EXPECT_EQ(Value(1234.5).json(), "1234.5");
  EXPECT_EQ(Value(1234).json(), "1234");
  std::locale::global(before);
}

TEST(ObjectTest, the_last_of_a_name_counts_and_order_is_kept) {
  Object object{{"b", 1}, {"a", 2}};
  object.set("b", 3).set("c", nullptr);
  EXPECT_EQ(object.json(), R"({"b":3,"a":2,"c":null})");
  EXPECT_TRUE(object.contains("c"));
  EXPECT_FALSE(object.contains("d"));
  EXPECT_FALSE(object.empty());
}

TEST(ObjectTest, only_bools_are_true_or_false) {
  static_assert(!std::is_constructible_v<Value, char>);
  static_assert(!std::is_constructible_v<Value, int *>);
  static_assert(std::is_constructible_v<Value, const char *>);
}
