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

// Samples by a number, and what all of them waited.
struct Tagged {
  std::unordered_map<uint64_t, Sums> sums;
  uint64_t waited = 0;
};

template <typename NumberOf>
Tagged sum_up(const Analysis& analysis, NumberOf&& number_of) {
  const Profile& profile = analysis.profile();
  Tagged tagged;
  std::optional<uint64_t> last;  // samples with one number mostly stand together
  Sums* sum_of_last = nullptr;
  const auto sum_for = [&](uint64_t number) -> Sums& {
    if (number != last) sum_of_last = &tagged.sums[number];
    last = number;
    return *sum_of_last;
  };
  for (size_t i = 0; i < analysis.series().size(); ++i) {
    const Sample& sample = analysis.series()[i].sum;
    if (!analysis.selected(i)) continue;
    if (sample.state == State::kRunning) {
      Sums& sum = sum_for(number_of(sample));
      sum.weight += sample.weight;
      sum.samples += sample.count;
    } else if (sample.state == State::kWaiting && !is_idle(wait_of(profile, sample))) {
      sum_for(number_of(sample)).waited += sample.weight;
      tagged.waited += sample.weight;
    }
  }
  return tagged;
}

// One row per name that `name_of` gives; numbers with one name are one row, those without are the
// row `nameless`, so that the shares add up. No rows when none has a name.
template <typename NameOf>
std::vector<TableRow> rows_by_name(const Analysis& analysis,
                                   const Tagged& tagged,
                                   size_t most,
                                   const char* nameless,
                                   NameOf&& name_of) {
  std::map<std::string, Sums> named;
  for (const auto& [number, sum] : tagged.sums) {
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
    row.waiting_share = ratio(sum.waited, tagged.waited);
    rows.push_back(std::move(row));
  }
  if (named.size() == 1 && named.begin()->first.empty()) return {};
  sort_and_cut(rows, most);
  return rows;
}

void fill_backend_tables(const Analysis& analysis, size_t most, Diagnosis& diagnosis) {
  const auto& backends = analysis.profile().backends;
  const Tagged tagged = sum_up(analysis, [](const Sample& sample) { return sample.backend.value; });
  const auto rows_by = [&](const char* nameless, std::string Backend::*field) {
    return rows_by_name(analysis, tagged, most, nameless, [&](uint64_t number) {
      const BackendId id{static_cast<uint32_t>(number)};
      return backends.contains(id) ? backends[id].*field : std::string();
    });
  };
  diagnosis.backend_types = rows_by("(unknown)", &Backend::type);
  diagnosis.databases = rows_by("(none)", &Backend::database);
  diagnosis.users = rows_by("(none)", &Backend::user);
}

// A session may change its name: only some samples go by another one than their backend.
std::vector<TableRow> applications(const Analysis& analysis, size_t most) {
  const Profile& profile = analysis.profile();
  constexpr uint64_t kOfSample = uint64_t{1} << 32;
  const Tagged tagged = sum_up(analysis, [](const Sample& sample) {
    return sample.application.valid() ? kOfSample | sample.application.value : sample.backend.value;
  });
  return rows_by_name(analysis, tagged, most, "(none)", [&](uint64_t number) {
    Sample sample;
    const auto row = static_cast<uint32_t>(number);
    (number & kOfSample ? sample.application.value : sample.backend.value) = row;
    return std::string(application_name(profile, sample));
  });
}

std::vector<TableRow> queries(const Analysis& analysis, size_t most) {
  const Tagged tagged = sum_up(analysis, [](const Sample& sample) { return sample.query_id; });
  std::vector<TableRow> rows = rows_by_name(analysis, tagged, most, "(no query)", [](uint64_t id) {
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
  fill_backend_tables(analysis, rows, diagnosis);
  diagnosis.applications = applications(analysis, rows);
  diagnosis.functions = functions(analysis, rows);
  diagnosis.waits = waits(split, rows);
}

}  // namespace pgflame::diagnose
