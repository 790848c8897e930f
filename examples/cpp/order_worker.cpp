// A worker: reads orders, one JSON user a line, decides what each customer
// gets, and prints it.
//
//     order_worker API < users
//
// Several threads share one client. SIGINT and SIGTERM end it in order: what is
// queued is handled, and the events are delivered.

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <csignal>
#include <deque>
#include <iostream>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include <unistd.h>

#include <tidegate.hpp>

namespace {

using namespace std::chrono_literals;

/// Orders on their way from the reader to the workers.
class Orders {
public:
  void put(std::string order) {
    const std::lock_guard<std::mutex> lock(mutex_);
    waiting_.push_back(std::move(order));
    changed_.notify_one();
  }
  void close() {
    const std::lock_guard<std::mutex> lock(mutex_);
    closed_ = true;
    changed_.notify_all();
  }
  /// The next order; nothing when there are no more.
  std::optional<std::string> take() {
    std::unique_lock<std::mutex> lock(mutex_);
    changed_.wait(lock, [&] { return closed_ || !waiting_.empty(); });
    if (waiting_.empty()) {
      return std::nullopt;
    }
    std::string order = std::move(waiting_.front());
    waiting_.pop_front();
    return order;
  }

private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::string> waiting_;
  bool closed_ = false;
};

/// What to tell a customer. Bad input is an answer, not the end of the worker.
std::string serve(const tidegate::Client &client, const std::string &order) {
  const auto user = tidegate::User::parse(order);
  if (!user) {
    return "refused: " + user.error().message();
  }
  const bool new_checkout = client.check_gate(*user, "new_checkout");
  const auto layer = client.get_layer(*user, "checkout_layer");
  const auto shipping = client.get_experiment(*user, "free_shipping_threshold");
  if (!layer) {
    return "later: " + layer.error().message();
  }
  if (!shipping) {
    return "later: " + shipping.error().message();
  }
  std::string answer = new_checkout ? "new checkout" : "old checkout";
  answer += ", button \"";
  answer += layer->get_string("button_text", "Pay");
  answer += "\", free shipping from ";
  answer += std::to_string(shipping->get_int("threshold", 50));
  const auto logged =
      client.log_event(*user, "order_served", {}, {{"checkout", new_checkout}});
  return logged ? answer
                : answer + " (not logged: " + logged.error().message() + ")";
}

} // namespace

int main(int argc, char **argv) {
  if (argc != 2) {
    std::cerr << "usage: order_worker API < users\n";
    return 2;
  }
  // Without SA_RESTART a signal ends the wait for the next line, and a closed
  // input the waits after.
  struct sigaction on_signal = {};
  on_signal.sa_handler = [](int) { close(STDIN_FILENO); };
  sigaction(SIGINT, &on_signal, nullptr);
  sigaction(SIGTERM, &on_signal, nullptr);

  tidegate::Options options{{"api", argv[1]}, {"service_name", "order_worker"}};
  options.on_error(
      [](std::string_view, std::string_view, std::string_view message) {
        std::cerr << "tidegate: " << message << "\n";
      });
  auto client = tidegate::Client::create("secret-order-worker", options);
  if (!client) {
    std::cerr << client.error().message() << "\n";
    return 1;
  }
  // A slow start is no reason not to serve: until the rules are there,
  // everybody gets defaults.
  if (const auto ready = client->initialize(3s); !ready) {
    std::cerr << ready.error().message() << "\n";
  }

  Orders orders;
  std::mutex printing;
  std::vector<std::thread> workers;
  for (unsigned i = 0; i < 4; ++i) {
    workers.emplace_back([&] {
      while (const auto order = orders.take()) {
        const std::string answer = serve(*client, *order);
        const std::lock_guard<std::mutex> lock(printing);
        std::cout << answer << std::endl;
      }
    });
  }
  for (std::string line; std::getline(std::cin, line);) {
    orders.put(std::move(line));
  }
  orders.close();
  for (auto &worker : workers) {
    worker.join();
  }

  const auto report = client->shutdown(5s);
  if (!report || report->queued + report->dropped > 0) {
    std::cerr << "not all events were delivered\n";
    return 1;
  }
  std::cerr << "events delivered: " << report->sent << "\n";
  return 0;
}
