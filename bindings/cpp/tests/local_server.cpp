#include "local_server.hpp"

#include <arpa/inet.h>
#include <csignal>
#include <cstdio>
#include <netinet/in.h>
#include <spawn.h>
#include <stdexcept>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

namespace tests {
namespace {

void require(bool done, const char *what) {
  if (!done) {
    throw std::runtime_error(std::string("the local server: ") + what);
  }
}

std::string first_line(int fd) {
  std::string line;
  for (char c = 0; read(fd, &c, 1) == 1 && c != '\n';) {
    line += c;
  }
  return line;
}

} // namespace

LocalServer::LocalServer(std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), {TIDEGATE_LIBRARY_DIR "/examples/local_server", "--quiet",
                                       "--exit-with-parent"});
  std::vector<char *> argv;
  for (auto &argument : arguments) {
    argv.push_back(argument.data());
  }
  argv.push_back(nullptr);

  int in[2];
  int out[2];
  require(pipe(in) == 0 && pipe(out) == 0, "no pipe");
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, in[0], 0);
  posix_spawn_file_actions_adddup2(&actions, out[1], 1);
  posix_spawn_file_actions_addclose(&actions, in[1]);
  posix_spawn_file_actions_addclose(&actions, out[0]);
  pid_t pid = 0;
  const int failed = posix_spawn(&pid, argv[0], &actions, nullptr, argv.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  close(in[0]);
  close(out[1]);
  input_ = in[1];
  pid_ = failed == 0 ? pid : 0;
  const std::string line = first_line(out[0]);
  close(out[0]);
  require(!line.empty(), "did not start");
  const auto ready = nlohmann::json::parse(line);
  api_ = ready.at("api");
  port_ = ready.at("port");
}

LocalServer::~LocalServer() {
  close(input_);
  if (pid_ != 0) {
    waitpid(pid_, nullptr, 0);
  }
}

nlohmann::json LocalServer::control(const std::string &method, const std::string &command,
                                    const std::string &body) {
  const int fd = socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(port_));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  require(connect(fd, reinterpret_cast<sockaddr *>(&address), sizeof address) == 0, "no answer");
  const std::string request = method + " /control/" + command +
                              " HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n"
                              "Content-Length: " +
                              std::to_string(body.size()) + "\r\n\r\n" + body;
  require(send(fd, request.data(), request.size(), MSG_NOSIGNAL) ==
              static_cast<ssize_t>(request.size()),
          "refused a request");
  std::string answer;
  char buffer[65536];
  for (ssize_t got = 0; (got = recv(fd, buffer, sizeof buffer, 0)) > 0;) {
    answer.append(buffer, static_cast<std::size_t>(got));
  }
  close(fd);
  const auto head = answer.find("\r\n\r\n");
  require(answer.find(" 200 ") == 8 && head != std::string::npos, answer.c_str());
  return nlohmann::json::parse(answer.substr(head + 4), nullptr, false);
}

std::vector<nlohmann::json> LocalServer::events(const std::string &key) {
  std::vector<nlohmann::json> found;
  for (const auto &entry : control("GET", "events?key=" + key)) {
    found.push_back(entry.at("event"));
  }
  return found;
}

void LocalServer::wait(const std::string &endpoint, int count, const std::string &key) {
  control("GET", "wait?endpoint=" + endpoint + "&count=" + std::to_string(count) +
                     "&timeout_ms=30000&key=" + key);
}

} // namespace tests
