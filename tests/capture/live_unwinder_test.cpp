#include "src/capture/live_unwinder.h"

#include <array>
#include <cstdlib>
#include <optional>

#include <doctest/doctest.h>
#include <unistd.h>

#include "tests/support/own_stack.h"

using namespace pgflame;
using namespace pgflame::capture;
using pgflame::testing::OwnStack;

namespace {

std::optional<OwnStack> captured;

int compare_and_capture(const void* a, const void* b) {
  captured = pgflame::testing::capture_own_stack();
  return *static_cast<const int*>(a) - *static_cast<const int*>(b);
}

OwnStack under_qsort() {
  std::array<int, 2> numbers{2, 1};
  std::qsort(numbers.data(), numbers.size(), sizeof(int), compare_and_capture);
  return *captured;
}

}  // namespace

TEST_SUITE("capture") {
  TEST_CASE("a running process' dump is walked through its libraries to the root") {
    const OwnStack own = under_qsort();
    const int32_t pid = ::getpid();
    const int32_t child = pid + 1;
    LiveUnwinder unwinder;
    CHECK(unwinder.walk(pid, own.dump(), 1).end == StackEnd::kNoStack);  // nobody's business yet
    unwinder.add(pid);
    const UserStack stack = unwinder.walk(pid, own.dump(), 1);
    CHECK(stack.end == StackEnd::kRoot);
    CHECK(std::vector(stack.addresses.begin() + 1, stack.addresses.end()) == own.callers);

    // A child needs no maps of its own.
    unwinder.fork(pid, child);
    CHECK(unwinder.walk(child, own.dump(), 1).addresses == stack.addresses);
    unwinder.forget(child);
    CHECK_FALSE(unwinder.follows(child));
    unwinder.fork(child, child + 1);
    CHECK_FALSE(unwinder.follows(child + 1));
  }

  TEST_CASE("where a walk stops the frame-pointer chain goes on, from the same frame") {
    using Addresses = std::vector<uint64_t>;
    struct Case {
      const char* what;
      UserStack walked;
      Addresses chain;
      Addresses expected;
      StackEnd end;
    };
    const std::vector<Case> cases = {
        {"whole", {{1, 2}, StackEnd::kRoot}, {1, 2, 3}, {1, 2}, StackEnd::kRoot},
        {"truncated", {{1, 2}, StackEnd::kTruncated}, {1, 2, 3}, {1, 2}, StackEnd::kTruncated},
        {"no dump", {{}, StackEnd::kNoStack}, {1, 2}, {1, 2}, StackEnd::kUnknown},
        {"nothing at all", {{}, StackEnd::kNoStack}, {}, {}, StackEnd::kNoStack},
        {"dump too small",
         {{1, 2}, StackEnd::kUnreadable},
         {1, 2, 3, 4},
         {1, 2, 3, 4},
         StackEnd::kUnknown},
        {"chain skipped a caller",
         {{1, 2, 3}, StackEnd::kUnreadable},
         {1, 3, 4},
         {1, 2, 3, 4},
         StackEnd::kUnknown},
        {"chain knows no more",
         {{1, 2}, StackEnd::kNoUnwindInfo},
         {1, 2},
         {1, 2},
         StackEnd::kNoUnwindInfo},
        {"chain is another one",
         {{1, 2}, StackEnd::kNoUnwindInfo},
         {1, 7, 8},
         {1, 2},
         StackEnd::kNoUnwindInfo},
        {"recursion",
         {{1, 5, 5}, StackEnd::kUnreadable},
         {1, 5, 5, 5, 6},
         {1, 5, 5, 5, 6},
         StackEnd::kUnknown},
    };
    for (const Case& row : cases) {
      CAPTURE(row.what);
      const UserStack joined = continue_by_chain(row.walked, row.chain);
      CHECK(joined.addresses == row.expected);
      CHECK(joined.end == row.end);
    }
  }
}
