// The binding covers the whole C interface.

#include <filesystem>
#include <regex>
#include <set>
#include <sstream>

#include "support.hpp"

namespace {

/// C functions that the binding does not call, with the reason.
const std::map<std::string, std::string> left_out = {};

std::set<std::string> exported() {
  std::set<std::string> names;
  std::istringstream lines(tests::read_file("include/exports.txt"));
  for (std::string line; std::getline(lines, line);) {
    names.insert(line);
  }
  return names;
}

std::set<std::string> called() {
  std::set<std::string> names;
  const std::regex name("tidegate_[a-z0-9_]+");
  for (const auto &file :
       std::filesystem::directory_iterator(TIDEGATE_ROOT "/bindings/cpp/tidegate")) {
    const auto text = tests::read_file("bindings/cpp/tidegate/" + file.path().filename().string());
    for (std::sregex_iterator at(text.begin(), text.end(), name), end; at != end; ++at) {
      names.insert(at->str());
    }
  }
  return names;
}

} // namespace

TEST(Surface, every_function_is_called_or_left_out_for_a_reason) {
  const auto names = exported();
  const auto used = called();
  EXPECT_GE(names.size(), 80U);
  for (const auto &name : names) {
    EXPECT_NE(used.count(name), left_out.count(name)) << name;
  }
  for (const auto &[name, reason] : left_out) {
    EXPECT_TRUE(names.count(name) == 1 && !reason.empty()) << name;
  }
}
