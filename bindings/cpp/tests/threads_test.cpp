// Many threads, changing rules, forks.

#include <atomic>
#include <chrono>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

#include "support.hpp"

using namespace std::chrono_literals;
using tidegate::Client;
using tidegate::Exposure;
using tidegate::Status;
using tidegate::User;

namespace {

class ThreadsTest : public tests::WithServer {};

/// Runs `body(number)` on so many threads at once.
template <class Body> void on_threads(int count, Body body) {
  std::vector<std::thread> threads;
  for (int number = 0; number < count; ++number) {
    threads.emplace_back(body, number);
  }
  for (auto &thread : threads) {
    thread.join();
  }
}

} // namespace

TEST_F(ThreadsTest, a_client_serves_all_threads_while_rules_change) {
  auto client = ready();
  const auto shared = alice();
  std::atomic<int> wrong{0};
  on_threads(8, [&](int number) {
    const auto own = User::create({{"userID", "user" + std::to_string(number)}}).value();
    const std::string name = "config " + std::to_string(number);
    for (int round = 0; round < 300; ++round) {
      wrong += client.check_gate(shared, "employees_only") ? 0 : 1;
      client.override_config(name, {{"round", round}}).value();
      const auto config = client.get_config(own, name).value();
      wrong += config.name() == name && config.get_int("round") == round ? 0 : 1;
      const auto layer = client.get_layer(shared, "checkout_layer").value();
      wrong += layer.get_string("button_text").empty() ? 1 : 0;
      client.log_event(own, "round", round).value();
    }
  });
  EXPECT_EQ(wrong, 0);
  std::size_t rounds = 0;
  client.shutdown(30s).value();
  for (const auto &event : events()) {
    rounds += event.at("eventName") == "round" ? 1 : 0;
  }
  EXPECT_EQ(rounds, 8U * 300U);
}

TEST_F(ThreadsTest, shutting_down_under_load_refuses_what_comes_after) {
  auto client = ready();
  const auto user = alice();
  std::atomic<int> refused{0};
  std::atomic<int> started{0};
  on_threads(4, [&](int number) {
    ++started;
    if (number == 0) {
      while (started < 4) {
        std::this_thread::yield();
      }
      client.shutdown(30s).value();
      return;
    }
    for (;;) {
      const auto gate = client.get_feature_gate(user, "employees_only");
      if (!gate) {
        refused += gate.error().status() == Status::state ? 1 : 0;
        return;
      }
      EXPECT_TRUE(gate.value().value());
    }
  });
  EXPECT_EQ(refused, 3);
}

TEST_F(ThreadsTest, a_user_may_end_on_another_thread) {
  auto client = ready();
  for (int round = 0; round < 50; ++round) {
    auto user = std::make_shared<User>(alice());
    on_threads(2, [&client, user](int) {
      static_cast<void>(client.check_gate(*user, "employees_only", Exposure::none));
    });
    EXPECT_EQ(user.use_count(), 1);
  }
}

TEST_F(ThreadsTest, a_forked_child_evaluates_and_delivers) {
  auto client = ready();
  client.log_event(alice(), "parent").value();
  const pid_t child = fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    const bool on = client.check_gate(alice(), "employees_only", Exposure::none);
    const bool logged = client.log_event(bob(), "child").has_value();
    const bool sent = client.shutdown(20s).value_or(tidegate::FlushReport{}).sent == 1;
    _exit(on && logged && sent ? 0 : 1);
  }
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
  client.shutdown(30s).value();
  std::multiset<std::string> names;
  for (const auto &event : events()) {
    names.insert(event.at("eventName"));
  }
  EXPECT_EQ(names, (std::multiset<std::string>{"child", "parent"}));
}
