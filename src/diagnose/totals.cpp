#include "src/diagnose/totals.h"

#include <algorithm>
#include <array>
#include <cmath>

#include <fmt/format.h>

#include "src/base/text.h"
#include "src/diagnose/figures.h"
#include "src/diagnose/time_split.h"

namespace pgflame::diagnose {
namespace {

// How much of the backends' lifetimes samples in any state stand for; -1 unknown.
double explained_wall(const Analysis& analysis) {
  const Recording& recording = analysis.profile().recording;
  if (!recording.has_waits || recording.lifetime_ns == 0) return -1;
  uint64_t seen = 0;
  for (const Series& series : analysis.series()) {
    const Sample& sample = series.sum;
    seen += sample.state == State::kRunning
                ? cpu_nanoseconds(recording, sample.weight, sample.count)
                : sample.weight;
  }
  // CPU time is an estimate and may come out a little above what there was.
  return std::min(1.0, ratio(seen, recording.lifetime_ns));
}

bool is_sample_loss(Loss loss) {
  return std::ranges::find(kLostSamples, loss) != kLostSamples.end();
}

// "12 lost (ring buffer full 10, skipped by the kernel 2)", and what else went wrong.
std::string losses_text(const Recording& recording) {
  std::string causes;
  std::string others;
  for (size_t i = 0; i < kLossCount; ++i) {
    const auto loss = static_cast<Loss>(i);
    if (recording.losses[i] == 0 || loss == Loss::kFiltered) continue;
    const std::string text = fmt::format("{} {}", name_of(loss), format_count(recording.losses[i]));
    if (is_sample_loss(loss)) {
      causes += (causes.empty() ? " (" : ", ") + text;
    } else {
      others += " · " + text;
    }
  }
  if (!causes.empty()) causes += ")";
  return fmt::format(" · {} lost{}{}", format_count(lost_samples(recording)), causes, others);
}

// " · 99.9 % of the backends' time accounted for, largest rest 12 ms of 4.0 s (pid 4711)"
std::string conservation_text(const Profile& profile,
                              double explained,
                              const std::vector<BackendRow>& backends) {
  if (explained < 0) return {};
  std::string text =
      fmt::format(" · {} of the backends' time accounted for", format_percent(explained));
  const auto worst = std::ranges::max_element(
      backends, {}, [](const BackendRow& row) { return std::abs(row.rest); });
  if (worst == backends.end()) return text;
  return text + fmt::format(", largest rest {:.1f} ms of {:.1f} s (pid {})",
                            static_cast<double>(worst->rest) / 1e6,
                            static_cast<double>(worst->lifetime) / 1e9,
                            profile.backends[worst->backend].pid);
}

}  // namespace

Totals total_up(const Analysis& analysis, const std::vector<BackendRow>& backends) {
  const Profile& profile = analysis.profile();
  const Recording& recording = profile.recording;
  const Accounting accounting = account(profile, analysis.series(), analysis.from_root());
  Totals totals;
  totals.captured = accounting.captured;
  totals.running = accounting.running;
  totals.lost = accounting.lost;
  totals.unnamed = accounting.unnamed;
  totals.truncated = accounting.truncated;
  totals.unclassified = analysis.unclassified().samples;
  totals.explained_wall = explained_wall(analysis);
  const uint64_t running = totals.running;
  const uint64_t left_out = recording.losses[static_cast<size_t>(Loss::kFiltered)];
  totals.line = counted(running, "sample");
  if (recording.has_waits)
    totals.line += " on CPU and " + counted(accounting.captured - running, "interval") + " off CPU";
  if (left_out > 0) totals.line += " · " + format_count(left_out) + " left out";
  totals.line += losses_text(recording);
  totals.line += fmt::format(" · {} unnamed · {} truncated · {} unclassified",
                             format_percent(ratio(totals.unnamed, running)),
                             format_percent(ratio(totals.truncated, running)),
                             format_percent(ratio(totals.unclassified, analysis.samples())));
  totals.line += conservation_text(profile, totals.explained_wall, backends);
  return totals;
}

}  // namespace pgflame::diagnose
