// The shared cases of tests/cases, through this binding.

#include <algorithm>
#include <chrono>
#include <filesystem>

#include "support.hpp"

using nlohmann::json;
using tidegate::Exposure;
using tidegate::Kind;

namespace {

/// The end of the JSON value that starts at `at`.
std::size_t end_of_value(const std::string &text, std::size_t at) {
  int depth = 0;
  bool quoted = false;
  for (std::size_t i = at; i < text.size(); ++i) {
    const char c = text[i];
    if (quoted) {
      i += c == '\\' ? 1 : 0;
      quoted = c != '"';
    } else if (c == '"') {
      quoted = true;
    } else if (c == '{' || c == '[') {
      ++depth;
    } else if (c == '}' || c == ']') {
      --depth;
    }
    if (depth == 0 && !quoted && (c == '}' || c == ']')) {
      return i + 1;
    }
  }
  throw std::runtime_error("no end of a value");
}

/// The object that is the member `key` of a line, as it stands there, or "": a parser would change
/// numbers and the order of members. Each case is one line of its file.
std::string raw_member(const std::string &line, const std::string &key) {
  const std::string start = "\"" + key + "\": {";
  const auto at = line.find(start);
  return at == std::string::npos
             ? ""
             : line.substr(at + start.size() - 1,
                           end_of_value(line, at + start.size() - 1) - at - start.size() + 1);
}

Kind kind_of(const std::string &name) {
  static const std::map<std::string, Kind> kinds = {{"gate", Kind::gate},
                                                    {"config", Kind::config},
                                                    {"experiment", Kind::experiment},
                                                    {"layer", Kind::layer}};
  return kinds.at(name);
}

/// The result as JSON, through the class of its kind.
std::string by_class(const tidegate::Client &client, const std::string &user_json, Kind kind,
                     const std::string &name) {
  const auto user = tidegate::User::parse(user_json).value();
  switch (kind) {
  case Kind::gate:
    return client.get_feature_gate(user, name, Exposure::none).value().to_json().value();
  case Kind::config:
    return client.get_config(user, name, Exposure::none).value().to_json().value();
  case Kind::experiment:
    return client.get_experiment(user, name, Exposure::none).value().to_json().value();
  case Kind::layer:
    return client.get_layer(user, name, Exposure::none).value().to_json().value();
  }
  throw std::runtime_error("no such kind");
}

/// Members of `expected` that differ in `actual`.
std::vector<std::string> differences(const json &expected, const json &actual) {
  std::vector<std::string> found;
  for (const auto &[key, value] : expected.items()) {
    if (!actual.contains(key)) {
      found.push_back(key + ": missing");
    } else if (key == "details") {
      for (auto &difference : differences(value, actual.at(key))) {
        found.push_back(std::move(difference));
      }
    } else if (value != actual.at(key)) {
      found.push_back(key + ": expected " + value.dump() + ", got " + actual.at(key).dump());
    }
  }
  return found;
}

} // namespace

TEST(Conformance, every_case_evaluates_as_expected) {
  const std::string root = TIDEGATE_ROOT;
  tests::LocalServer server({"--dir", root + "/tests/specs"});
  std::vector<std::filesystem::path> files;
  for (const auto &entry : std::filesystem::directory_iterator(root + "/tests/cases")) {
    if (entry.path().extension() == ".json") {
      files.push_back(entry.path());
    }
  }
  std::sort(files.begin(), files.end());

  std::size_t count = 0;
  for (const auto &file : files) {
    const std::string text = tests::read_file("tests/cases/" + file.filename().string());
    const json document = json::parse(text);
    // The options of a file stand in its head, before the cases.
    tidegate::Object options{
        {"api", server.api()}, {"disable_all_logging", true}, {"disable_diagnostics", true}};
    if (document.contains("options")) {
      const json given = document.at("options");
      for (const auto &[key, value] : given.items()) {
        options.set(key, tidegate::value(value));
      }
    }
    const std::string specs = document.at("specs");
    auto client = tidegate::Client::create("secret-" + specs, tidegate::Options(options)).value();
    client.initialize(std::chrono::seconds(60)).value();
    ASSERT_EQ(tidegate::parse(client.init_details()).value().at("source"), "Network") << file;

    std::istringstream lines(text);
    std::size_t in_file = 0;
    for (std::string line; std::getline(lines, line);) {
      if (line.rfind("    {\"id\"", 0) != 0) {
        continue;
      }
      const json item = document.at("cases").at(in_file++);
      const std::string user = raw_member(line, "user");
      ASSERT_EQ(json::parse(user), item.at("user")) << item;
      const std::string overrides = raw_member(line, "overrides");
      if (item.contains("overrides")) {
        ASSERT_EQ(json::parse(overrides), item.at("overrides")) << item;
        client.load_overrides(overrides).value();
      }
      const Kind kind = kind_of(item.at("kind"));
      const std::string name = item.at("name");
      for (const std::string &result : {client.evaluate(kind, user, name, Exposure::none).value(),
                                        by_class(client, user, kind, name)}) {
        for (const auto &difference : differences(item.at("expect"), json::parse(result))) {
          ADD_FAILURE() << file.filename() << " " << item.at("id") << ": " << difference;
        }
      }
      client.remove_all_overrides().value();
    }
    ASSERT_EQ(in_file, document.at("cases").size()) << file;
    count += in_file;
  }
  EXPECT_EQ(count, std::stoul(tests::read_file("tests/cases/COUNT")));
}
