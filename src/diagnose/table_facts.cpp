// The parts of DatabaseFacts that speak of tables.
#include <algorithm>

#include <fmt/format.h>

#include "src/base/text.h"
#include "src/diagnose/database_facts.h"
#include "src/diagnose/evidence.h"
#include "src/diagnose/figures.h"

namespace pgflame::diagnose {

// "never" is all that pg_stat_user_tables can say after its counters were reset.
std::string DatabaseFacts::last_done(std::string_view what, int64_t unix_seconds) const {
  const Recording& recording = profile_.recording;
  if (unix_seconds <= 0) return fmt::format("never {} that the statistics know of", what);
  if (recording.start_unix_ns == 0)
    return fmt::format("last {} {}", what, format_utc(unix_seconds * 1'000'000'000));
  const int64_t end_us = (recording.start_unix_ns + recording.duration_ns) / 1000;
  // The second look comes after the end.
  const int64_t ago_us = end_us - unix_seconds * 1'000'000;
  if (ago_us <= 0) return fmt::format("last {} as the recording ended", what);
  return fmt::format("last {} {} before the recording ended", what, age(ago_us));
}

std::string DatabaseFacts::scanned_tables() const {
  std::vector<const TableUse*> tables;
  for (const TableUse& table : context_->tables) {
    if (table.seq_rows > 0) tables.push_back(&table);
  }
  if (tables.empty() || seconds() <= 0) return {};
  std::ranges::stable_sort(tables, std::greater{}, &TableUse::seq_rows);
  std::string names;
  for (size_t i = 0; i < std::min<size_t>(3, tables.size()); ++i) {
    names += fmt::format("{}{} ({} rows/s in {} scans; {})",
                         i == 0 ? "" : ", ",
                         tables[i]->name,
                         figure(static_cast<double>(tables[i]->seq_rows) / seconds()),
                         format_count(tables[i]->seq_scans),
                         last_done("analyzed", tables[i]->last_analyze));
  }
  return fmt::format(
      "Read sequentially, by pg_stat_user_tables of database {}: {}.", context_->database, names);
}

std::string DatabaseFacts::written_tables() const {
  const auto writes = [](const TableUse& table) {
    return table.inserted + table.updated + table.deleted;
  };
  const auto most = std::ranges::max_element(context_->tables, {}, writes);
  if (most == context_->tables.end() || writes(*most) == 0 || seconds() <= 0) return {};
  std::string text = fmt::format("Written most: table {}, {} rows/s",
                                 most->name,
                                 figure(static_cast<double>(writes(*most)) / seconds()));
  if (most->updated > 0)
    text += fmt::format(" ({} of its updates were HOT)",
                        short_percent(ratio(most->hot_updated, most->updated)));
  return text + ".";
}

std::string DatabaseFacts::dead_rows() const {
  const auto most = std::ranges::max_element(context_->tables, {}, &TableUse::dead);
  if (most == context_->tables.end() || most->dead < 1000) return {};
  return fmt::format("Of the tables in use {} has most dead rows: {} beside {} live ones; {}, {}.",
                     most->name,
                     format_count(most->dead),
                     format_count(most->live),
                     last_done("vacuumed", most->last_vacuum),
                     last_done("analyzed", most->last_analyze));
}

}  // namespace pgflame::diagnose
