#include "src/profile/series.h"

#include "src/base/large_memory.h"
#include "src/profile/sample_order.h"

namespace pgflame {
namespace {

bool is_unnamed_leaf(const Profile& profile, StackId stack) {
  const LocationId leaf = profile.stacks[stack].location;
  if (!leaf.valid()) return true;
  const Location& location = profile.locations[leaf];
  if (location.line_count == 0) return true;
  const NameTier tier = profile.functions[profile.lines[location.first_line].function].tier;
  return tier == NameTier::kNone || tier == NameTier::kPlaced;
}

}  // namespace

std::vector<Series> series_of(const Profile& profile) {
  std::vector<Series> all;
  reserve_large(all, profile.samples.size());  // memory that is not needed is never touched
  for (uint32_t row = 0; row < profile.samples.size(); ++row) {
    const Sample& sample = profile.samples[row];
    if (all.empty() || tags_of(all.back().sum) != tags_of(sample)) {
      all.push_back({sample, row, row + 1});
      continue;
    }
    Series& series = all.back();
    series.sum.count += sample.count;
    series.sum.weight += sample.weight;
    series.end = row + 1;
  }
  return all;
}

Accounting account(const Profile& profile,
                   const std::vector<Series>& series,
                   const std::vector<bool>& from_root) {
  Accounting total;
  for (const auto& [sample, first, end] : series) {
    total.captured += sample.count;
    if (sample.state != State::kRunning) continue;
    total.running += sample.count;
    total.weight += sample.weight;
    if (is_unnamed_leaf(profile, sample.stack)) total.unnamed += sample.count;
    if (!reaches_root(sample, from_root)) total.truncated += sample.count;
  }
  total.lost = lost_samples(profile.recording);
  return total;
}

}  // namespace pgflame
