// The programs that people copy from: the README's and the example, run as they are.

#include <algorithm>
#include <array>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <sys/wait.h>
#include <unistd.h>

#include "support.hpp"

namespace {

/// What a shell command prints; throws unless it ends well.
std::string run(const std::string &command) {
  std::string output;
  std::FILE *pipe = popen(command.c_str(), "r");
  std::array<char, 4096> buffer;
  for (std::size_t got = 0; (got = std::fread(buffer.data(), 1, buffer.size(), pipe)) > 0;) {
    output.append(buffer.data(), got);
  }
  if (pclose(pipe) != 0) {
    throw std::runtime_error(command + "\n" + output);
  }
  return output;
}

/// A running worker, with its input and output.
struct Worker {
  explicit Worker(const std::string &api) {
    int in[2];
    int out[2];
    if (pipe(in) != 0 || pipe(out) != 0 || (pid = fork()) < 0) {
      throw std::runtime_error("no process");
    }
    if (pid == 0) {
      dup2(in[0], 0);
      dup2(out[1], 1);
      for (const int fd : {in[0], in[1], out[0], out[1]}) {
        close(fd);
      }
      execl(TIDEGATE_EXAMPLE, "order_worker", api.c_str(), nullptr);
      _exit(127);
    }
    close(in[0]);
    close(out[1]);
    input = fdopen(in[1], "w");
    output = fdopen(out[0], "r");
  }
  void order(const std::string &user) {
    std::fputs((user + "\n").c_str(), input);
    std::fflush(input);
  }
  std::string answer() {
    std::array<char, 4096> line = {};
    return std::fgets(line.data(), line.size(), output) == nullptr ? "" : line.data();
  }
  int end() {
    std::fclose(input);
    std::fclose(output);
    int status = 0;
    waitpid(pid, &status, 0);
    return status;
  }

  pid_t pid = 0;
  std::FILE *input = nullptr;
  std::FILE *output = nullptr;
};

} // namespace

TEST(Programs, the_readme_runs_as_written) {
  const auto readme = tests::read_file("bindings/cpp/README.md");
  const std::string fence = "```cpp\n";
  const auto start = readme.find(fence) + fence.size();
  const auto code = readme.substr(start, readme.find("```", start) - start);
  const std::string folder = testing::TempDir() + "tidegate-readme-" + std::to_string(getpid());
  run("mkdir -p " + folder);
  std::ofstream(folder + "/main.cpp") << code;
  const std::string library = TIDEGATE_LIBRARY_DIR;
  run(std::string(TIDEGATE_CXX) +
      " -std=c++17 -Wall -Wextra -Werror -I " TIDEGATE_ROOT "/include -I " TIDEGATE_ROOT
      "/bindings/cpp " +
      folder + "/main.cpp -L " + library + " -ltidegate -Wl,-rpath," + library + " -o " + folder +
      "/main");
  const auto output = run(folder + "/main " + tests::server().api());
  EXPECT_EQ(output, "employees_only is on for ada\n"
                    "Good to see you again (JeOcMkMXRUkH9VOLOWgTQj)\n"
                    "Buy now\n"
                    "events delivered: all\n");
  const auto events = tests::server().events("secret-key");
  const auto named = [&](const char *name) {
    return std::count_if(events.begin(), events.end(),
                         [&](const auto &event) { return event.at("eventName") == name; });
  };
  EXPECT_EQ(named("purchase"), 1);
  EXPECT_EQ(named("statsig::layer_exposure"), 1);
  run("rm -r " + folder);
}

TEST(Programs, the_example_serves_until_it_is_told_to_stop) {
  Worker worker(tests::server().api());
  worker.order(R"({"userID": "alice", "email": "alice@shop.example"})");
  EXPECT_EQ(worker.answer(), "new checkout, button \"Buy now\", free shipping from 35\n");
  worker.order(R"({"userID": "erin"})");
  EXPECT_NE(worker.answer().find("free shipping from 50"), std::string::npos);
  worker.order("{}");
  EXPECT_EQ(worker.answer().find("refused: "), 0U);
  kill(worker.pid, SIGTERM);
  EXPECT_EQ(worker.end(), 0);
  int served = 0;
  for (const auto &event : tests::server().events("secret-order-worker")) {
    served += event.at("eventName") == "order_served" ? 1 : 0;
  }
  EXPECT_EQ(served, 2);
}
