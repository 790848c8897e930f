// What the library calls: in time, with the right arguments, destroyed once, and contained.

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <map>
#include <mutex>

#include "support.hpp"

using namespace std::chrono_literals;
using nlohmann::json;
using tidegate::Client;
using tidegate::LogLevel;
using tidegate::Options;
using tidegate::Status;

namespace {

/// Things that arrive from other threads.
template <class T> class Inbox {
public:
  void put(T item) {
    const std::lock_guard<std::mutex> lock(mutex_);
    items_.push_back(std::move(item));
    arrived_.notify_all();
  }
  /// Waits for the first thing that fits.
  template <class Fits> T wait(Fits fits) {
    std::unique_lock<std::mutex> lock(mutex_);
    std::size_t seen = 0;
    const bool found = arrived_.wait_for(lock, 30s, [&] {
      while (seen < items_.size() && !fits(items_[seen])) {
        ++seen;
      }
      return seen < items_.size();
    });
    return found ? items_[seen] : throw std::runtime_error("nothing arrived");
  }
  T wait() {
    return wait([](const T &) { return true; });
  }

private:
  std::mutex mutex_;
  std::condition_variable arrived_;
  std::vector<T> items_;
};

/// Counts how many of it there are, to see that each is destroyed.
struct Counted {
  explicit Counted(std::atomic<int> &count) : alive(&count) { ++count; }
  Counted(Counted &&other) noexcept : alive(other.alive) { ++*alive; }
  Counted &operator=(Counted &&) = delete;
  ~Counted() { --*alive; }
  std::atomic<int> *alive;
};

class MapStore : public tidegate::DataStore {
public:
  std::optional<std::string> get(std::string_view key) override {
    const std::lock_guard<std::mutex> lock(mutex);
    if (broken) {
      throw std::runtime_error("the store is broken");
    }
    const auto found = values.find(std::string(key));
    return found == values.end() ? std::nullopt : std::optional<std::string>(found->second);
  }
  bool set(std::string_view key, std::string_view value, std::int64_t) override {
    const std::lock_guard<std::mutex> lock(mutex);
    values[std::string(key)] = value;
    written.put(std::string(key));
    return true;
  }
  void shutdown() override { ++shutdowns; }

  std::mutex mutex;
  std::map<std::string, std::string> values;
  Inbox<std::string> written;
  std::atomic<int> shutdowns{0};
  bool broken = false;
};

class Recorder : public tidegate::Metrics {
public:
  void increment(std::string_view name, double, std::string_view tags) override { put(name, tags); }
  void gauge(std::string_view name, double, std::string_view tags) override { put(name, tags); }
  void distribution(std::string_view name, double, std::string_view tags) override {
    put(name, tags);
  }

  Inbox<std::string> names;

private:
  void put(std::string_view name, std::string_view tags) {
    EXPECT_TRUE(json::parse(tags).is_object());
    names.put(std::string(name));
  }
};

class CallbacksTest : public tests::WithServer {};

} // namespace

TEST_F(CallbacksTest, every_callback_is_called) {
  Inbox<json> evaluations;
  Inbox<json> deliveries;
  Inbox<std::int64_t> updates;
  auto given = options();
  given.on_evaluation([&](std::string_view result) { evaluations.put(json::parse(result)); })
      .on_rules_updated([&](std::int64_t time, std::string_view specs) {
        EXPECT_EQ(json::parse(specs).at("time"), time);
        updates.put(time);
      })
      .on_flushed([&](std::string_view delivery) { deliveries.put(json::parse(delivery)); });
  auto client = ready(given);
  EXPECT_EQ(updates.wait(), 1'768'471'200'000);
  EXPECT_TRUE(client.check_gate(alice(), "employees_only"));
  EXPECT_EQ(evaluations.wait().at("name"), "employees_only");
  client.flush(30s).value();
  const auto delivery = deliveries.wait();
  EXPECT_EQ(delivery.at("success"), true);
  EXPECT_EQ(delivery.at("status"), 202);
}

TEST_F(CallbacksTest, errors_inside_the_library_are_told) {
  tests::server().control("POST", "faults",
                          R"([{"endpoint": "specs", "key": ")" + key +
                              R"(", "garbage": true, "times": -1}])");
  Inbox<std::string> errors;
  auto given = options();
  given.on_error([&](std::string_view tag, std::string_view, std::string_view message) {
    errors.put(std::string(tag) + ": " + std::string(message));
  });
  auto client = Client::create(key, given).value();
  client.initialize(30s).value();
  EXPECT_FALSE(errors.wait().empty());
}

TEST_F(CallbacksTest, initialization_in_the_background_tells_when_it_is_done) {
  Inbox<json> done;
  auto client = Client::create(key, options()).value();
  client.initialize_async([&](std::string_view details) { done.put(json::parse(details)); })
      .value();
  EXPECT_EQ(done.wait().at("init_success"), true);
  auto second = Client::create(key, options()).value();
  second.initialize_async().value();
  second.wait_initialized(30s).value();
}

TEST_F(CallbacksTest, functions_are_destroyed_once_and_may_be_move_only) {
  std::atomic<int> alive{0};
  {
    auto given = options();
    given.on_evaluation([counted = Counted(alive)](std::string_view) {})
        .on_evaluation([counted = Counted(alive)](std::string_view) {})
        .on_flushed([counted = Counted(alive)](std::string_view) {})
        .on_error(
            [counted = Counted(alive)](std::string_view, std::string_view, std::string_view) {});
    EXPECT_EQ(alive, 3);
    auto client = ready(given);
    client.initialize_async([counted = Counted(alive)](std::string_view) {}).value();
    const auto refused =
        Options{{"tier", 7}}.on_evaluation([counted = Counted(alive)](std::string_view) {}).error();
    EXPECT_EQ(refused.status(), Status::argument);
    Client none = std::move(client);
    EXPECT_EQ(
        client.initialize_async([counted = Counted(alive)](std::string_view) {}).error().status(),
        Status::handle);
  }
  EXPECT_TRUE(tests::eventually([&] { return alive == 0; }));
}

TEST_F(CallbacksTest, exceptions_end_at_the_callback) {
  static Inbox<std::string> failures;
  tidegate::on_callback_failure([](const char *what) noexcept { failures.put(what); });
  auto given = options();
  given.on_evaluation([](std::string_view) { throw std::runtime_error("evaluation"); })
      .on_rules_updated([](std::int64_t, std::string_view) { throw std::runtime_error("rules"); })
      .on_flushed([](std::string_view) { throw 7; });
  auto client = ready(given);
  EXPECT_TRUE(client.check_gate(alice(), "employees_only"));
  client.flush(30s).value();
  for (const std::string what : {"evaluation", "rules", "not a std::exception"}) {
    EXPECT_EQ(failures.wait([&](const std::string &found) { return found == what; }), what);
  }
  tidegate::on_callback_failure(nullptr);
  EXPECT_TRUE(client.check_gate(alice(), "employees_only"));
}

TEST_F(CallbacksTest, a_data_store_keeps_rules_for_the_next_start) {
  auto store = std::make_shared<MapStore>();
  {
    auto client = ready(options().data_store(store));
    store->written.wait();
  }
  EXPECT_EQ(store->shutdowns, 1);
  EXPECT_TRUE(tests::eventually([&] { return store.use_count() == 1; }));

  auto offline =
      Client::create(key, options({{"api", "http://127.0.0.1:1/v1"},
                                   {"initialize_sources", tidegate::Array{"data_store"}}})
                              .data_store(store));
  offline.value().initialize(30s).value();
  EXPECT_EQ(tidegate::parse(offline.value().init_details()).value().at("source"), "DataAdapter");
  EXPECT_TRUE(offline.value().check_gate(alice(), "employees_only"));
}

TEST_F(CallbacksTest, a_data_store_that_throws_counts_as_failed) {
  auto store = std::make_shared<MapStore>();
  store->broken = true;
  auto client = ready(options().data_store(store));
  EXPECT_TRUE(client.check_gate(alice(), "employees_only"));
}

TEST_F(CallbacksTest, metrics_are_counted) {
  auto recorder = std::make_shared<Recorder>();
  {
    auto client = ready(options().metrics(recorder));
    EXPECT_EQ(recorder->names.wait().rfind("statsig.sdk.", 0), 0U);
  }
  EXPECT_TRUE(tests::eventually([&] { return recorder.use_count() == 1; }));
}

TEST_F(CallbacksTest, null_objects_are_refused) {
  auto given = options();
  EXPECT_EQ(given.data_store(nullptr).error().status(), Status::null);
  EXPECT_EQ(options().metrics(nullptr).error().status(), Status::null);
  EXPECT_EQ(Client::create(key, given).error().status(), Status::null);
}

TEST_F(CallbacksTest, the_log_comes_to_the_program) {
  Inbox<std::string> lines;
  std::atomic<int> alive{0};
  tidegate::set_log_sink(LogLevel::debug, [&, counted = Counted(alive)](LogLevel level,
                                                                        std::string_view tag,
                                                                        std::string_view message) {
    EXPECT_GE(level, LogLevel::error);
    lines.put(std::string(tag) + ": " + std::string(message));
  }).value();
  auto client = ready(options({{"output_logger_level", "debug"}}));
  EXPECT_FALSE(lines.wait().empty());
  client.shutdown().value();
  tidegate::remove_log_sink().value();
  EXPECT_TRUE(tests::eventually([&] { return alive == 0; }));
}

TEST_F(CallbacksTest, closed_callbacks_are_not_called) {
  std::atomic<int> calls{0};
  auto given = options();
  given.on_evaluation([&](std::string_view) { ++calls; });
  auto client = ready(given);
  EXPECT_TRUE(client.check_gate(alice(), "employees_only"));
  const int before = calls;
  EXPECT_GE(before, 1);
  client.close_callbacks(30s).value();
  EXPECT_TRUE(client.check_gate(alice(), "employees_only"));
  EXPECT_EQ(calls, before);
}

TEST_F(CallbacksTest, callbacks_may_use_the_client) {
  Client *inner = nullptr;
  std::atomic<int> logged{0};
  auto given = options();
  given.on_evaluation([&](std::string_view result) {
    if (json::parse(result).at("kind") == "gate") {
      logged += inner->log_event(alice(), "evaluated").has_value() ? 1 : 0;
      EXPECT_EQ(inner->initialize().error().status(), Status::state);
    }
  });
  auto client = ready(given);
  inner = &client;
  EXPECT_TRUE(client.check_gate(alice(), "employees_only"));
  EXPECT_EQ(logged, 1);
}

TEST(OptionsTest, describes_the_effective_values) {
  const auto shown = tidegate::parse(Options{{"tier", "staging"}}.describe()).value();
  EXPECT_EQ(shown.at("tier"), "staging");
  EXPECT_EQ(shown.at("event_queue_size"), 500);
  EXPECT_EQ(shown.at("wrapper").at("name"), "cpp");
  const auto parsed = tidegate::parse(Options::parse(R"({"tier": "qa"})").describe()).value();
  EXPECT_EQ(parsed.at("tier"), "qa");
  const auto own =
      tidegate::parse(Options{{"wrapper", {{"name", "ours"}, {"version", "7"}}}}.describe());
  EXPECT_EQ(own.value().at("wrapper").at("name"), "ours");
}

TEST(OptionsTest, the_first_error_is_kept_and_told) {
  Options wrong{{"teir", "staging"}};
  EXPECT_EQ(wrong.error().status(), Status::argument);
  EXPECT_NE(wrong.error().message().find("teir"), std::string::npos);
  wrong.on_flushed([](std::string_view) {});
  EXPECT_NE(wrong.error().message().find("teir"), std::string::npos);
  EXPECT_EQ(wrong.describe().error().status(), Status::argument);
  EXPECT_EQ(Client::create("secret-x", wrong).error().message(), wrong.error().message());
  EXPECT_EQ(Options::parse("{").error().status(), Status::json);
}

TEST(OptionsTest, one_set_makes_many_clients) {
  const Options options{{"local_mode", true}};
  auto first = Client::create("secret-a", options).value();
  auto second = Client::create("secret-b", options).value();
  EXPECT_NE(first.id(), second.id());
  first.initialize().value();
  second.initialize().value();
}
