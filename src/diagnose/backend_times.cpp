#include "src/diagnose/backend_times.h"

#include <algorithm>

namespace pgflame::diagnose {
namespace {

void add(const Sample& sample, BackendRow& row) {
  switch (sample.state) {
    case State::kRunning:
      break;  // the scheduler knows better
    case State::kRunnable:
      row.runnable += sample.weight;
      break;
    case State::kWaiting:
      row.waiting += sample.weight;
      break;
    case State::kIdle:
      row.idle += sample.weight;
      break;
  }
}

uint64_t busy(const BackendRow& row) {
  return row.running + row.runnable + row.waiting;
}

int64_t difference(uint64_t a, uint64_t b) {
  const uint64_t amount = std::min<uint64_t>(a > b ? a - b : b - a, INT64_MAX);
  return a > b ? static_cast<int64_t>(amount) : -static_cast<int64_t>(amount);
}

}  // namespace

std::vector<BackendRow> times_by_backend(const Analysis& analysis) {
  const auto& backends = analysis.profile().backends;
  const ClusterIndex& clusters = analysis.clusters();
  std::vector<BackendRow> rows(backends.size());
  for (size_t i = 0; i < rows.size(); ++i) {
    rows[i].backend = backends.id_at(i);
    rows[i].lifetime = backends[rows[i].backend].lifetime_ns;
    rows[i].running = backends[rows[i].backend].on_cpu_ns;
    rows[i].cluster = clusters.name_of(clusters.row_of(rows[i].backend));
  }
  for (const Series& series : analysis.series()) {
    if (backends.contains(series.sum.backend)) add(series.sum, rows[series.sum.backend.value]);
  }
  std::erase_if(rows, [](const BackendRow& row) { return row.lifetime == 0; });
  for (BackendRow& row : rows)
    row.rest = difference(row.lifetime, busy(row) + row.idle);
  std::ranges::stable_sort(
      rows, [](const BackendRow& a, const BackendRow& b) { return busy(a) > busy(b); });
  return rows;
}

}  // namespace pgflame::diagnose
