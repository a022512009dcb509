// How a share of CPU samples changed between two profiles, and whether that can be noise.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace pgflame::report {

struct Portion {
  uint64_t samples = 0;
  uint64_t of = 0;
  double share() const {
    return of == 0 ? 0 : static_cast<double>(samples) / static_cast<double>(of);
  }
};

enum class Trend { kSame, kGrew, kShrank, kNew, kGone };

struct Change {
  Portion before;
  Portion after;
  Trend trend = Trend::kSame;  // kSame also when the difference can be noise

  double delta() const { return after.share() - before.share(); }
};

// Two-proportion test at three standard errors (hundreds of frames are compared, one in twenty must
// not be called changed by chance), and at least half a percentage point.
Change change_of(Portion before, Portion after);

// "before 31.7 %, after 19.0 %: −12.7 points"; "noise" when it can be.
std::string describe(const Change& change);

// The fill of a frame: grey for noise, warm for more, blue for less.
std::string_view fill_of(const Change& change);

}  // namespace pgflame::report
