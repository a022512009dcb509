#include "src/report/change.h"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "src/base/text.h"
#include "src/diagnose/statistics.h"

namespace pgflame::report {
namespace {

using flamegraph::kRoot;
using flamegraph::NodeId;
using flamegraph::Side;

double samples_of(const Side& side, NodeId node) {
  return node.valid() ? static_cast<double>(side.tree.nodes[node].samples) : 0;
}

double share_of(const Side& side, NodeId node) {
  const double all = samples_of(side, kRoot);
  return all > 0 ? samples_of(side, node) / all : 0;
}

Trend direction(double before, double after) {
  if (before == 0) return Trend::kNew;
  if (after == 0) return Trend::kGone;
  return after > before ? Trend::kGrew : Trend::kShrank;
}

// Every pair of frames once, those without a counterpart too.
class Pairs {
 public:
  Pairs(const Side& before, const Side& after) : before_(before), after_(after) {}

  void add(NodeId before, NodeId after, const diagnose::DifferenceOptions& options) {
    const Change change{share_of(before_, before), share_of(after_, after), Trend::kSame};
    if (std::max(change.before, change.after) < options.least_share) return;
    rows_.push_back({before, after, change});
    p_values_.push_back(diagnose::two_proportion_p(samples_of(before_, before),
                                                   samples_of(before_, kRoot),
                                                   samples_of(after_, after),
                                                   samples_of(after_, kRoot)));
  }

  void mark(FrameChanges& changes, double false_discovery_rate) {
    const std::vector<bool> found = diagnose::discoveries(p_values_, false_discovery_rate);
    for (size_t i = 0; i < rows_.size(); ++i) {
      Row& row = rows_[i];
      if (found[i]) row.change.trend = direction(row.change.before, row.change.after);
      if (row.before.valid()) changes.before[row.before.value] = row.change;
      if (row.after.valid()) changes.after[row.after.value] = row.change;
    }
  }

 private:
  struct Row {
    NodeId before;
    NodeId after;
    Change change;
  };

  const Side& before_;
  const Side& after_;
  std::vector<Row> rows_;
  std::vector<double> p_values_;
};

// What a frame shows that is too small to be tested.
std::vector<Change> untested(const Side& side, const Side& other, bool is_before, Trend trend) {
  const auto pairs = counterparts(side, other);
  std::vector<Change> changes(pairs.size());
  for (uint32_t i = 0; i < pairs.size(); ++i) {
    const double here = share_of(side, NodeId{i});
    const double there = share_of(other, pairs[i]);
    changes[i] = is_before ? Change{here, there, trend} : Change{there, here, trend};
  }
  return changes;
}

}  // namespace

Change change_of(const diagnose::Delta& delta) {
  Change change{delta.before.share, delta.after.share, Trend::kSame};
  if (delta.significant) change.trend = direction(change.before, change.after);
  return change;
}

FrameChanges compare_frames(const Side& before,
                            const Side& after,
                            const diagnose::DifferenceOptions& options) {
  FrameChanges changes{untested(before, after, true, Trend::kSame),
                       untested(after, before, false, Trend::kSame)};
  Pairs pairs(before, after);
  const auto of_after = counterparts(after, before);
  for (uint32_t i = 1; i < of_after.size(); ++i)
    pairs.add(of_after[i], NodeId{i}, options);
  const auto of_before = counterparts(before, after);
  for (uint32_t i = 1; i < of_before.size(); ++i) {
    if (!of_before[i].valid()) pairs.add(NodeId{i}, NodeId{}, options);
  }
  pairs.mark(changes, options.false_discovery_rate);
  return changes;
}

FrameChanges untested_frames(const Side& before, const Side& after) {
  return {untested(before, after, true, Trend::kUntested),
          untested(after, before, false, Trend::kUntested)};
}

std::string describe(const Change& change) {
  std::string text = fmt::format(
      "before {}, after {}", format_percent(change.before), format_percent(change.after));
  switch (change.trend) {
    case Trend::kUntested:
      return text;
    case Trend::kSame:
      return text + ": within noise";
    case Trend::kNew:
      return text + ": new";
    case Trend::kGone:
      return text + ": gone";
    default:
      return text + fmt::format(": {}{:.1f} points",
                                change.points() > 0 ? "+" : "−",
                                std::abs(change.points()));
  }
}

std::string_view fill_of(const Change& change) {
  if (change.trend == Trend::kSame || change.trend == Trend::kUntested) return "#e4e4e1";
  const double size = std::abs(change.points());
  if (change.points() > 0) return size > 5 ? "#ec7046" : size > 1.5 ? "#f6a37e" : "#fcc9ad";
  return size > 5 ? "#4f92de" : size > 1.5 ? "#82b4ee" : "#b3d3f8";
}

}  // namespace pgflame::report
