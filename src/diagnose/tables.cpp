#include "src/diagnose/tables.h"

#include <algorithm>
#include <map>
#include <optional>
#include <unordered_map>

#include "src/base/hash_index.h"
#include "src/diagnose/figures.h"
#include "src/diagnose/function_rows.h"

namespace pgflame::diagnose {
namespace {

struct Sums {
  uint64_t weight = 0;
  uint64_t samples = 0;
  uint64_t waited = 0;
};

template <typename Row>
void sort(std::vector<Row>& rows) {
  std::ranges::stable_sort(rows, [](const Row& a, const Row& b) {
    return a.share + a.waiting_share > b.share + b.waiting_share;
  });
}

void sort_and_cut(std::vector<TableRow>& rows, size_t most) {
  sort(rows);
  if (rows.size() > most) rows.resize(most);
}

// A backend or a query by its number, and the cluster that it belongs to.
struct Tag {
  uint64_t number = 0;
  uint32_t cluster = ClusterIndex::kNone;
  friend bool operator==(const Tag&, const Tag&) = default;
};
struct TagHash {
  size_t operator()(const Tag& tag) const { return hash_mix(tag.cluster, tag.number); }
};

// Samples by tag, and what all of them waited.
struct Tagged {
  std::unordered_map<Tag, Sums, TagHash> sums;
  uint64_t waited = 0;
};

class Tables {
 public:
  Tables(const Analysis& analysis, size_t most)
      : analysis_(analysis), clusters_(analysis.clusters()), most_(most) {}

  std::vector<TableRow> queries() const;
  Tagged backends() const;
  void fill_by_backend(const Tagged& tagged, Diagnosis& diagnosis) const;
  std::vector<TableRow> applications(const Tagged& by_backend) const;
  std::vector<ClusterRow> clusters() const;

 private:
  std::vector<uint64_t> sampled_backends() const;

  template <typename NumberOf>
  Tagged sum_up(NumberOf&& number_of) const;

  template <typename NameOf>
  std::vector<TableRow> rows_by_name(const Tagged& tagged,
                                     const char* nameless,
                                     NameOf&& name_of) const;

  const Analysis& analysis_;
  const ClusterIndex& clusters_;
  size_t most_;
};

template <typename NumberOf>
Tagged Tables::sum_up(NumberOf&& number_of) const {
  const Profile& profile = analysis_.profile();
  Tagged tagged;
  std::optional<Tag> last;  // samples with one tag mostly stand together
  Sums* sum_of_last = nullptr;
  const auto sum_for = [&](const Sample& sample) -> Sums& {
    const Tag tag{number_of(sample), clusters_.row_of(sample.backend)};
    if (tag != last) sum_of_last = &tagged.sums[tag];
    last = tag;
    return *sum_of_last;
  };
  for (size_t i = 0; i < analysis_.series().size(); ++i) {
    const Sample& sample = analysis_.series()[i].sum;
    if (!analysis_.selected(i)) continue;
    if (sample.state == State::kRunning) {
      Sums& sum = sum_for(sample);
      sum.weight += sample.weight;
      sum.samples += sample.count;
    } else if (sample.state == State::kWaiting && !is_idle(wait_of(profile, sample))) {
      sum_for(sample).waited += sample.weight;
      tagged.waited += sample.weight;
    }
  }
  return tagged;
}

// One row per cluster and name that `name_of` gives; numbers with one name are one row, those
// without are the row `nameless`, so that the shares add up. No rows when none has a name.
template <typename NameOf>
std::vector<TableRow> Tables::rows_by_name(const Tagged& tagged,
                                           const char* nameless,
                                           NameOf&& name_of) const {
  std::map<std::pair<std::string, uint32_t>, Sums> named;
  bool any_name = false;
  for (const auto& [tag, sum] : tagged.sums) {
    std::string name = name_of(tag.number);
    any_name = any_name || !name.empty();
    Sums& whole = named[{std::move(name), tag.cluster}];
    whole.weight += sum.weight;
    whole.samples += sum.samples;
    whole.waited += sum.waited;
  }
  if (!any_name) return {};
  std::vector<TableRow> rows;
  for (const auto& [key, sum] : named) {
    if (sum.weight == 0 && sum.waited == 0) continue;
    TableRow row;
    row.key = key.first.empty() ? nameless : key.first;
    row.cluster = clusters_.name_of(key.second);
    row.samples = sum.samples;
    row.share = ratio(sum.weight, analysis_.weight());
    row.waiting_share = ratio(sum.waited, tagged.waited);
    rows.push_back(std::move(row));
  }
  sort_and_cut(rows, most_);
  return rows;
}

Tagged Tables::backends() const {
  return sum_up([](const Sample& sample) { return sample.backend.value; });
}

void Tables::fill_by_backend(const Tagged& tagged, Diagnosis& diagnosis) const {
  const auto& backends = analysis_.profile().backends;
  const auto rows_by = [&](const char* nameless, std::string Backend::*field) {
    return rows_by_name(tagged, nameless, [&](uint64_t number) {
      const BackendId id{static_cast<uint32_t>(number)};
      return backends.contains(id) ? backends[id].*field : std::string();
    });
  };
  diagnosis.backend_types = rows_by("(unknown)", &Backend::type);
  diagnosis.databases = rows_by("(none)", &Backend::database);
  diagnosis.users = rows_by("(none)", &Backend::user);
}

// A session may change its name: only some samples go by another one than their backend.
std::vector<TableRow> Tables::applications(const Tagged& by_backend) const {
  const Profile& profile = analysis_.profile();
  constexpr uint64_t kOfSample = uint64_t{1} << 32;
  const auto number_of = [](const Sample& sample) {
    return sample.application.valid() ? kOfSample | sample.application.value : sample.backend.value;
  };
  const bool all_as_backend = profile.applications.empty();
  const Tagged tagged = all_as_backend ? by_backend : sum_up(number_of);
  return rows_by_name(tagged, "(none)", [&](uint64_t number) {
    Sample sample;
    const auto row = static_cast<uint32_t>(number);
    (number & kOfSample ? sample.application.value : sample.backend.value) = row;
    return std::string(application_name(profile, sample));
  });
}

std::vector<TableRow> Tables::queries() const {
  const Tagged tagged = sum_up([](const Sample& sample) { return sample.query_id; });
  std::vector<TableRow> rows = rows_by_name(tagged, "(no query)", [](uint64_t id) {
    return id == 0 ? std::string() : std::to_string(static_cast<int64_t>(id));
  });
  for (TableRow& row : rows) {
    for (const Query& query : analysis_.profile().queries) {
      if (std::to_string(static_cast<int64_t>(query.id)) == row.key) row.detail = query.text;
    }
  }
  return rows;
}

// Of each cluster, and behind them those of none that is known.
std::vector<uint64_t> Tables::sampled_backends() const {
  const auto& backends = analysis_.profile().backends;
  std::vector<bool> seen(backends.size());
  for (size_t i = 0; i < analysis_.series().size(); ++i) {
    const BackendId backend = analysis_.series()[i].sum.backend;
    if (analysis_.selected(i) && backends.contains(backend)) seen[backend.value] = true;
  }
  std::vector<uint64_t> counts(clusters_.rows().size() + 1);
  for (uint32_t i = 0; i < seen.size(); ++i) {
    if (seen[i]) ++counts[std::min<size_t>(clusters_.row_of(BackendId{i}), counts.size() - 1)];
  }
  return counts;
}

// Those of which nothing was sampled too: they were recorded and did nothing.
std::vector<ClusterRow> Tables::clusters() const {
  if (!clusters_.several()) return {};
  const Tagged tagged = sum_up([](const Sample&) { return uint64_t{0}; });
  const std::vector<uint64_t> backends = sampled_backends();
  std::vector<ClusterRow> rows;
  const auto add = [&](std::string_view name, const Cluster& cluster, const Sums& sum) {
    ClusterRow& row = rows.emplace_back();
    row.name = name;
    row.cluster = cluster;
    row.backends = backends[rows.size() - 1];
    row.samples = sum.samples;
    row.share = ratio(sum.weight, analysis_.weight());
    row.waiting_share = ratio(sum.waited, tagged.waited);
  };
  const auto sum_of = [&](uint32_t row) {
    const auto sum = tagged.sums.find(Tag{0, row});
    return sum == tagged.sums.end() ? Sums{} : sum->second;
  };
  for (const ClusterIndex::Row& row : clusters_.rows())
    add(row.name, row.cluster, sum_of(static_cast<uint32_t>(rows.size())));
  if (backends.back() > 0 || tagged.sums.contains(Tag{})) add({}, {}, sum_of(ClusterIndex::kNone));
  sort(rows);
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
  const Tables tables(analysis, rows);
  diagnosis.clusters = tables.clusters();
  diagnosis.queries = tables.queries();
  const Tagged by_backend = tables.backends();
  tables.fill_by_backend(by_backend, diagnosis);
  diagnosis.applications = tables.applications(by_backend);
  diagnosis.functions = function_rows(analysis, rows);
  diagnosis.waits = waits(split, rows);
}

}  // namespace pgflame::diagnose
