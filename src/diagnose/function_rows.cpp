#include "src/diagnose/function_rows.h"

#include <algorithm>
#include <functional>
#include <map>

#include "src/diagnose/figures.h"
#include "src/postgres/areas.h"
#include "src/postgres/function_names.h"

namespace pgflame::diagnose {
namespace {

// A stack as one cluster used it.
struct Part {
  uint32_t use = 0;  // row of Analysis::uses
  Analysis::Sum sum;
};

using PartsOfClusters = std::map<uint32_t, std::vector<Part>>;  // by row of the index

PartsOfClusters parts_of(const Analysis& analysis) {
  const ClusterIndex& clusters = analysis.clusters();
  PartsOfClusters parts;
  if (!clusters.several()) {
    std::vector<Part>& all = parts[ClusterIndex::kNone];
    for (const StackUse& use : analysis.uses())
      all.push_back({static_cast<uint32_t>(all.size()), {use.weight, use.samples}});
    return parts;
  }
  std::map<std::pair<uint32_t, uint32_t>, Analysis::Sum> sums;
  for (size_t i = 0; i < analysis.series().size(); ++i) {
    const uint32_t use = analysis.use_of_series()[i];
    if (use == Analysis::kNotRunning) continue;
    const Sample& sample = analysis.series()[i].sum;
    Analysis::Sum& sum = sums[{clusters.row_of(sample.backend), use}];
    sum.weight += sample.weight;
    sum.samples += sample.count;
  }
  for (const auto& [key, sum] : sums)
    parts[key.first].push_back({key.second, sum});
  return parts;
}

std::string module_file(const Profile& profile, const Function& function) {
  if (!function.module.valid() || !profile.modules.contains(function.module)) return {};
  const std::string& path = profile.modules[function.module].path;
  return path.substr(path.find_last_of('/') + 1);
}

// What the functions sum up to over some stacks.
struct Times {
  std::vector<Analysis::Sum> self;  // by FunctionId, both
  std::vector<uint64_t> with_callees;
};

Times add_up(const Analysis& analysis, const std::vector<Part>& parts) {
  const size_t functions = analysis.profile().functions.size();
  Times times{std::vector<Analysis::Sum>(functions), std::vector<uint64_t>(functions)};
  std::vector<uint32_t> last_use(functions, Analysis::kNotRunning);
  for (const auto& [number, sum] : parts) {
    const auto path = analysis.path(analysis.uses()[number]);
    if (path.empty()) continue;
    times.self[path[0].value].weight += sum.weight;
    times.self[path[0].value].samples += sum.samples;
    for (const FunctionId function : path) {
      if (last_use[function.value] == number) continue;  // recursion counts once
      last_use[function.value] = number;
      times.with_callees[function.value] += sum.weight;
    }
  }
  return times;
}

// A row before it is written out: there are thousands of them, and few are shown.
struct Use {
  FunctionId function;
  uint32_t cluster = ClusterIndex::kNone;
  Analysis::Sum self;
  uint64_t with_callees = 0;
};

std::vector<Use> uses_of_functions(const Analysis& analysis) {
  std::vector<Use> uses;
  for (const auto& [cluster, parts] : parts_of(analysis)) {
    const Times times = add_up(analysis, parts);
    for (uint32_t i = 0; i < times.self.size(); ++i) {
      if (times.self[i].weight == 0) continue;
      uses.push_back({FunctionId{i}, cluster, times.self[i], times.with_callees[i]});
    }
  }
  return uses;
}

TableRow write_out(const Use& use, const Analysis& analysis) {
  const Profile& profile = analysis.profile();
  const Function& function = profile.functions[use.function];
  TableRow row;
  row.key = postgres::base_name(function.name);
  row.detail = module_file(profile, function);
  row.area = postgres::id_of(analysis.classifier().area(use.function));
  row.samples = use.self.samples;
  row.share = ratio(use.self.weight, analysis.weight());
  row.total_share = ratio(use.with_callees, analysis.weight());
  row.cluster = analysis.clusters().name_of(use.cluster);
  return row;
}

}  // namespace

std::vector<TableRow> function_rows(const Analysis& analysis, size_t most) {
  std::vector<Use> uses = uses_of_functions(analysis);
  std::ranges::stable_sort(uses, std::greater{}, [](const Use& use) { return use.self.weight; });
  if (uses.size() > most) uses.resize(most);
  std::vector<TableRow> rows;
  rows.reserve(uses.size());
  for (const Use& use : uses)
    rows.push_back(write_out(use, analysis));
  return rows;
}

}  // namespace pgflame::diagnose
