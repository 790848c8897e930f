// Whether memory stays flat over many calls.

#ifndef TIDEGATE_TESTS_MEMORY_HPP
#define TIDEGATE_TESTS_MEMORY_HPP

#include <functional>
#include <string>

namespace tests {

/// How many calls of each kind are made: TIDEGATE_LEAK_CALLS, a few unless set.
long leak_calls();

/// A call that leaves memory as it was, however often it is made.
struct Repeated {
  const char *name;
  std::function<void(long number)> call;
  /// One call of so many is made: for what no program does all the time.
  long every = 1;
  /// For what has a bound that is not reached at once.
  long slack_bytes = 0;
  /// Ends what the calls have begun, before memory is looked at.
  std::function<void()> settle = [] {};
};

/// By how many bytes memory has grown, in the round of calls in which it has grown least: a leak
/// grows in each, what the library and the allocator need they need once.
struct Growth {
  /// As the allocator counts.
  long heap;
  /// In pages.
  long resident;
  /// Whether both are within their bounds.
  bool is_flat;
};

/// Makes the calls, and prints the growth.
Growth growth(const Repeated &repeated);

} // namespace tests

#endif
