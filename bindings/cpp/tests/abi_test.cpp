// A program whose header is of a later ABI than the library: it is told so, and nothing is called.

#include <cstdio>
#include <string>

#include <tidegate.h>
#if defined(TIDEGATE_TEST_MAJOR)
#undef TIDEGATE_ABI_MAJOR
#define TIDEGATE_ABI_MAJOR TIDEGATE_TEST_MAJOR
#else
#undef TIDEGATE_ABI_MINOR
#define TIDEGATE_ABI_MINOR 9
#endif
#include <tidegate.hpp>

int main() {
  const std::string needed =
      std::to_string(TIDEGATE_ABI_MAJOR) + "." + std::to_string(TIDEGATE_ABI_MINOR);
  const auto refused = [&](const tidegate::Error &error) {
    std::printf("%s\n", error.message().c_str());
    return error.status() == tidegate::Status::abi &&
           error.message().find("needs " + needed) != std::string::npos &&
           error.message().find(tidegate::library_version()) != std::string::npos;
  };
  const bool all = refused(tidegate::Client::create("secret-x").error()) &&
                   refused(tidegate::User::parse(R"({"userID": "ada"})").error()) &&
                   refused(tidegate::Options().error()) &&
                   refused(tidegate::set_log_sink(tidegate::LogLevel::info, [](tidegate::LogLevel,
                                                                               std::string_view,
                                                                               std::string_view) {
                           }).error());
  return all ? 0 : 1;
}
