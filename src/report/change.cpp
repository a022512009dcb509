#include "src/report/change.h"

#include <cmath>

#include <fmt/format.h>

#include "src/base/text.h"

namespace pgflame::report {
namespace {

constexpr double kErrors = 3;
constexpr double kLeastDelta = 0.005;

bool can_be_noise(const Portion& a, const Portion& b) {
  if (a.of == 0 || b.of == 0) return true;
  const double delta = std::abs(a.share() - b.share());
  if (delta < kLeastDelta) return true;
  const double pooled =
      static_cast<double>(a.samples + b.samples) / static_cast<double>(a.of + b.of);
  const double error = std::sqrt(pooled * (1 - pooled) *
                                 (1 / static_cast<double>(a.of) + 1 / static_cast<double>(b.of)));
  return delta < kErrors * error;
}

}  // namespace

Change change_of(Portion before, Portion after) {
  Change change{before, after, Trend::kSame};
  if (can_be_noise(before, after)) return change;
  if (before.samples == 0) {
    change.trend = Trend::kNew;
  } else if (after.samples == 0) {
    change.trend = Trend::kGone;
  } else {
    change.trend = after.share() > before.share() ? Trend::kGrew : Trend::kShrank;
  }
  return change;
}

std::string describe(const Change& change) {
  const std::string text = fmt::format("before {}, after {}",
                                       format_percent(change.before.share()),
                                       format_percent(change.after.share()));
  switch (change.trend) {
    case Trend::kSame:
      return text + ": within noise";
    case Trend::kNew:
      return text + ": new";
    case Trend::kGone:
      return text + ": gone";
    default:
      return text + fmt::format(": {}{:.1f} points",
                                change.delta() > 0 ? "+" : "−",
                                std::abs(change.delta()) * 100);
  }
}

std::string_view fill_of(const Change& change) {
  if (change.trend == Trend::kSame) return "#d9dce0";
  const double size = std::abs(change.delta());
  if (change.delta() > 0) return size > 0.05 ? "#ec7046" : size > 0.015 ? "#f6a37e" : "#fbcdb5";
  return size > 0.05 ? "#5c97da" : size > 0.015 ? "#90bbea" : "#c3dbf5";
}

}  // namespace pgflame::report
