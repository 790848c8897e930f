// The headers in a program built with -fno-exceptions -fno-rtti.

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <sys/wait.h>
#include <unistd.h>

#include <tidegate.hpp>

static_assert(TIDEGATE_HAS_EXCEPTIONS == 0);

namespace {

int failures = 0;

void expect(bool holds, const char *what) {
  if (!holds) {
    std::printf("failed: %s\n", what);
    ++failures;
  }
}

/// Whether `value()` of an error ends the process.
bool aborts() {
  const pid_t child = fork();
  if (child == 0) {
    tidegate::User::parse("{}").value();
    _exit(0);
  }
  int status = 0;
  waitpid(child, &status, 0);
  return WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT;
}

} // namespace

int main() {
  int evaluations = 0;
  tidegate::Options options{{"local_mode", true}};
  options.on_evaluation([&](std::string_view) { ++evaluations; });
  auto client = tidegate::Client::create("secret-x", options);
  expect(client.has_value(), "a client is made");
  expect(client->initialize().has_value(), "it is initialized");
  expect(client->override_config("banner", {{"title", "Hello"}}).has_value(), "an override is set");

  const auto user = tidegate::User::create({{"userID", "ada"}});
  expect(user.has_value(), "a user is made");
  const auto banner = client->get_config(*user, "banner");
  expect(banner.has_value() && banner->get_string("title") == "Hello", "a parameter is read");
  expect(!client->try_check_gate(*user, "no such gate").value_or(true), "a gate is off");
  expect(evaluations == 2, "the callback is called");

  const auto nobody = tidegate::User::parse("{}");
  expect(!nobody && nobody.error().status() == tidegate::Status::argument, "an error is a value");
  expect(client->stats().value_or("").front() == '{', "value_or gives the value");
  expect(aborts(), "value() of an error aborts");
  return failures == 0 ? 0 : 1;
}
