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
    CHECK(unwinder.walk(pid, own.dump(), {}, 1).end ==
          StackEnd::kNoStack);  // nobody's business yet
    unwinder.add(pid);
    const UserStack stack = unwinder.walk(pid, own.dump(), {}, 1);
    CHECK(stack.end == StackEnd::kRoot);
    CHECK(std::vector(stack.addresses.begin() + 1, stack.addresses.end()) == own.callers);

    // A child needs no maps of its own.
    unwinder.fork(pid, child);
    CHECK(unwinder.walk(child, own.dump(), {}, 1).addresses == stack.addresses);
    unwinder.forget(child);
    CHECK_FALSE(unwinder.follows(child));
    unwinder.fork(child, child + 1);
    CHECK_FALSE(unwinder.follows(child + 1));
  }

  TEST_CASE("the innermost frame's caller is found by table when only that is asked for") {
    const OwnStack own = under_qsort();
    const int32_t pid = ::getpid();
    LiveUnwinder unwinder({}, unwind::ByTable::kInnermost);
    unwinder.add(pid);
    const UserStack stack = unwinder.walk(pid, own.dump(), {}, 1);
    REQUIRE(stack.addresses.size() >= 2);
    CHECK(stack.addresses[1] == own.callers[0]);
    CHECK(stack.end != StackEnd::kRoot);
  }

  TEST_CASE(
      "where the copy of a stack ends the frame-pointer chain goes on, as far as it is sound") {
    using unwind::ByTable;
    using Addresses = std::vector<uint64_t>;
    struct Case {
      const char* what;
      UserStack walked;
      Addresses chain;
      Addresses expected;
      StackEnd end;
      ByTable by_table = ByTable::kAll;
    };
    // 10 ... 19 keep their frame pointer, 20 ... 29 do not, 30 ... 39 have no tables at all;
    // nothing else is code. Return addresses are one more than what is looked up.
    static constexpr unwind::Rule kKeeps{PGF_CFA_FP, PGF_FP_AT_CFA, PGF_RA_AT_CFA, 0, 16, -16, -8};
    static constexpr unwind::Rule kOmits{PGF_CFA_SP, PGF_FP_SAME, PGF_RA_AT_CFA, 0, 8, 0, -8};
    static constexpr unwind::Rule kChain{PGF_CFA_CHAIN, 0, 0, 0, 0, 0, 0};
    constexpr std::array<const unwind::Rule*, 4> kRules{nullptr, &kKeeps, &kOmits, &kChain};
    const auto rule_at = [&](uint64_t pc) { return pc < 40 ? kRules[pc / 10] : nullptr; };
    constexpr StackEnd kCut = StackEnd::kUnreadable;
    constexpr StackEnd kJoined = StackEnd::kUnknown;
    const std::vector<Case> cases = {
        {"whole", {{11, 12}, StackEnd::kRoot}, {11, 12, 13}, {11, 12}, StackEnd::kRoot},
        {"deep", {{11, 12}, StackEnd::kTruncated}, {11, 12, 13}, {11, 12}, StackEnd::kTruncated},
        {"no unwind information is a stop",
         {{11, 12}, StackEnd::kNoUnwindInfo},
         {11, 12, 13},
         {11, 12},
         StackEnd::kNoUnwindInfo},
        {"no dump", {{}, StackEnd::kNoStack}, {11, 12}, {11, 12}, kJoined},
        {"no dump, no code", {{}, StackEnd::kNoStack}, {90, 12}, {}, StackEnd::kNoStack},
        {"nothing at all", {{}, StackEnd::kNoStack}, {}, {}, StackEnd::kNoStack},
        {"dump too small", {{11, 12}, kCut}, {11, 12, 13, 14}, {11, 12, 13, 14}, kJoined},
        {"without tables", {{31, 32}, kCut}, {31, 32, 33}, {31, 32, 33}, kJoined},
        {"chain skipped a caller", {{11, 22, 13}, kCut}, {11, 13, 14}, {11, 22, 13, 14}, kJoined},
        {"chain knows no more", {{11, 12}, kCut}, {11, 12}, {11, 12}, kCut},
        {"chain is another one", {{11, 12}, kCut}, {11, 17, 18}, {11, 12}, kCut},
        {"recursion", {{11, 15, 15}, kCut}, {11, 15, 15, 15, 16}, {11, 15, 15, 15, 16}, kJoined},
        {"code without frame pointer", {{11, 22}, kCut}, {11, 22, 13}, {11, 22}, kCut},
        {"the same, further out", {{11, 12}, kCut}, {11, 12, 22, 13}, {11, 12, 22}, kJoined},
        {"no code", {{11, 12}, kCut}, {11, 12, 13, 90, 14}, {11, 12, 13}, kJoined},
        {"innermost at its start", {{20}, kCut}, {20, 12}, {20}, kCut},
        {"chain believed",
         {{21, 22}, kCut},
         {21, 22, 23},
         {21, 22, 23},
         kJoined,
         ByTable::kInnermost},
        {"but not of the innermost", {{20}, kCut}, {20, 12}, {20}, kCut, ByTable::kInnermost},
        {"nor where no code is",
         {{21, 22}, kCut},
         {21, 22, 90},
         {21, 22},
         kCut,
         ByTable::kInnermost},
    };
    for (const Case& row : cases) {
      CAPTURE(row.what);
      const UserStack joined = continue_by_chain(row.walked, row.chain, row.by_table, rule_at);
      CHECK(joined.addresses == row.expected);
      CHECK(joined.end == row.end);
    }
  }
}
