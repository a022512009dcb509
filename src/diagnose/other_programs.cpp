#include "src/diagnose/other_programs.h"

#include <algorithm>
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "src/diagnose/evidence.h"
#include "src/diagnose/figures.h"
#include "src/diagnose/measure.h"
#include "src/postgres/server_major.h"

namespace pgflame::diagnose {
namespace {

using Program = std::pair<std::string_view, uint64_t>;  // short name and weight

constexpr double kWorthTelling = 0.01;
constexpr size_t kMostNamed = 4;

bool is_other(const Backend& process) {
  return !process.comm.empty() && process.type.empty() && !postgres::is_server(process.comm);
}

struct Programs {
  std::vector<Program> others;  // largest first
  std::set<std::string_view> servers;
};

Programs programs_of(const Analysis& analysis) {
  const auto& processes = analysis.profile().backends;
  std::vector<uint64_t> weights(processes.size());
  for (size_t i = 0; i < analysis.series().size(); ++i) {
    const Sample& sample = analysis.series()[i].sum;
    if (analysis.use_of_series()[i] != Analysis::kNotRunning && processes.contains(sample.backend))
      weights[sample.backend.value] += sample.weight;
  }
  Programs programs;
  std::map<std::string_view, uint64_t> by_name;
  for (uint32_t i = 0; i < weights.size(); ++i) {
    const Backend& process = processes[BackendId{i}];
    if (weights[i] == 0) continue;
    if (is_other(process)) {
      by_name[process.comm] += weights[i];
    } else if (!process.comm.empty()) {
      programs.servers.insert(process.comm);
    }
  }
  programs.others.assign(by_name.begin(), by_name.end());
  std::ranges::stable_sort(programs.others, std::greater{}, &Program::second);
  return programs;
}

}  // namespace

std::string note_on_other_programs(const Analysis& analysis) {
  const Programs all = programs_of(analysis);
  const std::vector<Program>& programs = all.others;
  uint64_t others = 0;
  for (const auto& [name, weight] : programs)
    others += weight;
  const double share = ratio(others, analysis.weight());
  if (share < kWorthTelling) return {};
  std::string names;
  for (size_t i = 0; i < std::min(programs.size(), kMostNamed); ++i)
    names += fmt::format("{}{} {}",
                         i == 0 ? "" : ", ",
                         programs[i].first == "swapper" ? "swapper (idle)" : programs[i].first,
                         short_percent(ratio(programs[i].second, analysis.weight())));
  if (programs.size() > kMostNamed)
    names += fmt::format(" and {} more", programs.size() - kMostNamed);
  const std::string advice =
      all.servers.empty() ? std::string()
                          : fmt::format(" --comm {} leaves them out.", fmt::join(all.servers, ","));
  return fmt::format(
      "{} of the {} is of programs other than a PostgreSQL server, and counts in all figures here: "
      "{}.{}",
      short_percent(share),
      measure_of(analysis.profile().recording.event).whole,
      names,
      advice);
}

}  // namespace pgflame::diagnose
