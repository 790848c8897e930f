#include "memory.hpp"

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <limits>

#include <malloc.h>
#include <unistd.h>

namespace tests {

namespace {

/// Less than the smallest leak there could be, which is 32 bytes of the heap.
constexpr long bytes_per_call_max = 1;
/// The same for pages, which may be partly in use.
constexpr long resident_per_call_max = 8;
/// What the library and the allocator may take for themselves meanwhile.
constexpr long slack_bytes = 64 << 10;
constexpr long resident_slack_bytes = 512 << 10;

constexpr int rounds_max = 3;

/// Bytes in use.
struct Memory {
  long heap;
  long resident;

  static Memory now() {
    malloc_trim(0);
    const auto info = mallinfo2();
    long pages = 0;
    long in_use = 0;
    std::ifstream("/proc/self/statm") >> pages >> in_use;
    return {static_cast<long>(info.uordblks + info.hblkhd), in_use * sysconf(_SC_PAGESIZE)};
  }
};

} // namespace

long leak_calls() {
  const char *text = std::getenv("TIDEGATE_LEAK_CALLS");
  return text == nullptr ? 4'000 : std::stol(text);
}

Growth growth(const Repeated &repeated) {
  const long calls =
      repeated.every == 1 ? leak_calls() : std::max(leak_calls() / repeated.every, 20L);
  const long heap_max = slack_bytes + repeated.slack_bytes + calls * bytes_per_call_max;
  const long resident_max =
      resident_slack_bytes + repeated.slack_bytes + calls * resident_per_call_max;
  long number = 0;
  const auto repeat = [&](long times) {
    for (; times > 0; --times) {
      repeated.call(number++);
    }
    repeated.settle();
    return Memory::now();
  };
  constexpr long most = std::numeric_limits<long>::max();
  Growth least{most, most, false};
  auto before = repeat(calls / 4 + 1);
  for (int round = 0; round < rounds_max && !least.is_flat; ++round) {
    const auto after = repeat(calls);
    least.heap = std::min(least.heap, after.heap - before.heap);
    least.resident = std::min(least.resident, after.resident - before.resident);
    least.is_flat = least.heap < heap_max && least.resident < resident_max;
    before = after;
  }
  std::cout << repeated.name << ": " << calls << " calls, " << std::showpos << least.heap
            << " bytes of the heap, " << least.resident << " resident" << std::noshowpos
            << std::endl;
  return least;
}

} // namespace tests
