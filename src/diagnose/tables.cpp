#include "src/diagnose/tables.h"

#include <algorithm>
#include <map>
#include <optional>
#include <unordered_map>

#include "src/diagnose/figures.h"
#include "src/postgres/areas.h"
#include "src/postgres/function_names.h"

namespace pgflame::diagnose {
namespace {

struct Sums {
  uint64_t weight = 0;
  uint64_t samples = 0;
  uint64_t waited = 0;
};

void sort_and_cut(std::vector<TableRow>& rows, size_t most) {
  std::ranges::stable_sort(rows, [](const TableRow& a, const TableRow& b) {
    return a.share + a.waiting_share > b.share + b.waiting_share;
  });
  if (rows.size() > most) rows.resize(most);
}

// Sums by what `number_of` says of a sample, named by `name_of`; numbers with one name are one row,
// those without are the row `nameless`, so that the shares add up. No rows when none has a name.
template <typename NumberOf, typename NameOf>
std::vector<TableRow> by_tag(const Analysis& analysis,
                             size_t most,
                             const char* nameless,
                             NumberOf&& number_of,
                             NameOf&& name_of) {
  const Profile& profile = analysis.profile();
  std::unordered_map<uint64_t, Sums> sums;
  std::optional<uint64_t> last;  // samples with one number mostly stand together
  Sums* sum_of_last = nullptr;
  const auto sum_for = [&](uint64_t number) -> Sums& {
    if (number != last) sum_of_last = &sums[number];
    last = number;
    return *sum_of_last;
  };
  uint64_t waited = 0;
  for (size_t i = 0; i < profile.samples.size(); ++i) {
    const Sample& sample = profile.samples[i];
    if (!analysis.selected(i)) continue;
    if (sample.state == State::kRunning) {
      Sums& sum = sum_for(number_of(sample));
      sum.weight += sample.weight;
      sum.samples += sample.count;
    } else if (sample.state == State::kWaiting && !is_idle(wait_of(profile, sample))) {
      sum_for(number_of(sample)).waited += sample.weight;
      waited += sample.weight;
    }
  }
  std::map<std::string, Sums> named;
  for (const auto& [number, sum] : sums) {
    Sums& whole = named[name_of(number)];
    whole.weight += sum.weight;
    whole.samples += sum.samples;
    whole.waited += sum.waited;
  }
  std::vector<TableRow> rows;
  for (const auto& [key, sum] : named) {
    if (sum.weight == 0 && sum.waited == 0) continue;
    TableRow row;
    row.key = key.empty() ? nameless : key;
    row.samples = sum.samples;
    row.share = ratio(sum.weight, analysis.weight());
    row.waiting_share = ratio(sum.waited, waited);
    rows.push_back(std::move(row));
  }
  if (named.size() == 1 && named.begin()->first.empty()) return {};
  sort_and_cut(rows, most);
  return rows;
}

std::vector<TableRow> by_backend(const Analysis& analysis,
                                 size_t most,
                                 const char* nameless,
                                 std::string Backend::*field) {
  const auto& backends = analysis.profile().backends;
  return by_tag(
      analysis,
      most,
      nameless,
      [](const Sample& sample) { return sample.backend.value; },
      [&](uint64_t number) {
        const BackendId id{static_cast<uint32_t>(number)};
        return backends.contains(id) ? backends[id].*field : std::string();
      });
}

std::vector<TableRow> queries(const Analysis& analysis, size_t most) {
  std::vector<TableRow> rows = by_tag(
      analysis,
      most,
      "(no query)",
      [](const Sample& sample) { return sample.query_id; },
      [](uint64_t id) {
        return id == 0 ? std::string() : std::to_string(static_cast<int64_t>(id));
      });
  for (TableRow& row : rows) {
    for (const Query& query : analysis.profile().queries) {
      if (std::to_string(static_cast<int64_t>(query.id)) == row.key) row.detail = query.text;
    }
  }
  return rows;
}

std::string module_file(const Profile& profile, const Function& function) {
  if (!function.module.valid() || !profile.modules.contains(function.module)) return {};
  const std::string& path = profile.modules[function.module].path;
  return path.substr(path.find_last_of('/') + 1);
}

std::vector<TableRow> functions(const Analysis& analysis, size_t most) {
  const Profile& profile = analysis.profile();
  std::vector<Sums> self(profile.functions.size());
  std::vector<uint64_t> total(profile.functions.size());
  std::vector<uint32_t> last_use(profile.functions.size(), Analysis::kNotRunning);
  for (uint32_t u = 0; u < analysis.uses().size(); ++u) {
    const StackUse& use = analysis.uses()[u];
    const auto path = analysis.path(use);
    if (path.empty()) continue;
    self[path[0].value].weight += use.weight;
    self[path[0].value].samples += use.samples;
    for (const FunctionId function : path) {
      if (last_use[function.value] == u) continue;  // recursion counts once
      last_use[function.value] = u;
      total[function.value] += use.weight;
    }
  }
  std::vector<TableRow> rows;
  for (uint32_t i = 0; i < self.size(); ++i) {
    if (self[i].weight == 0) continue;
    const FunctionId id{i};
    TableRow row;
    row.key = postgres::base_name(profile.functions[id].name);
    row.detail = module_file(profile, profile.functions[id]);
    row.area = postgres::id_of(analysis.classifier().area(id));
    row.samples = self[i].samples;
    row.share = ratio(self[i].weight, analysis.weight());
    row.total_share = ratio(total[i], analysis.weight());
    rows.push_back(std::move(row));
  }
  sort_and_cut(rows, most);
  return rows;
}

std::vector<TableRow> waits(const TimeSplit& split, size_t most) {
  std::vector<TableRow> rows;
  const uint64_t total = split.waiting();
  for (const WaitUse& wait : split.waits) {
    if (rows.size() == most) break;
    TableRow row;
    row.key = wait.name.empty() ? wait.kind : wait.kind + ":" + wait.name;
    row.samples = wait.intervals;
    row.waiting_share = ratio(wait.nanoseconds, total);
    rows.push_back(std::move(row));
  }
  return rows;
}

}  // namespace

void fill_tables(const Analysis& analysis,
                 const TimeSplit& split,
                 size_t rows,
                 Diagnosis& diagnosis) {
  diagnosis.queries = queries(analysis, rows);
  diagnosis.backend_types = by_backend(analysis, rows, "(unknown)", &Backend::type);
  diagnosis.databases = by_backend(analysis, rows, "(none)", &Backend::database);
  diagnosis.users = by_backend(analysis, rows, "(none)", &Backend::user);
  diagnosis.applications = by_backend(analysis, rows, "(none)", &Backend::application);
  diagnosis.functions = functions(analysis, rows);
  diagnosis.waits = waits(split, rows);
}

}  // namespace pgflame::diagnose
