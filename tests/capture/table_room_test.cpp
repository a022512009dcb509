#include "src/capture/table_room.h"

#include <array>

#include <doctest/doctest.h>
#include <unistd.h>

using namespace pgflame::capture;

TEST_SUITE("capture") {
  TEST_CASE("the array of rows grows with the unwind information that is mapped, within limits") {
    constexpr uint64_t kLlvm = 5'034'332;  // Debian 12's libLLVM-14: 859 620 rows
    constexpr uint64_t kServer = 2'000'000;
    RowEstimate estimate;
    CHECK(estimate.rows() == kFewestRows);
    estimate.add(kServer, false);
    CHECK(estimate.rows() == kFewestRows);  // an LLVM may still be loaded
    estimate.add(kLlvm, true);
    CHECK(estimate.rows() == kFewestRows);
    for (int i = 0; i < 5; ++i)
      estimate.add(kServer, false);
    CHECK(estimate.rows() > kFewestRows);
    CHECK(estimate.rows() > (6 * kServer + kLlvm) / 58 * 10);
    CHECK(estimate.rows() < kMostRows);
    for (int i = 0; i < 20; ++i)
      estimate.add(kLlvm, true);
    CHECK(estimate.rows() == kMostRows);
  }

  TEST_CASE("processes that are gone, and small ones, get the usual array") {
    CHECK(rows_for(std::array<int32_t, 2>{::getpid(), 0x7fffffff}) == kFewestRows);
  }
}
