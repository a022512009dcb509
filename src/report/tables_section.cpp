#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "src/base/text.h"
#include "src/diagnose/measure.h"
#include "src/report/describe.h"
#include "src/report/sections.h"

namespace pgflame::report {
namespace {

using diagnose::TableRow;

constexpr double kRow = 22;

struct Column {
  std::string_view title;
  double x = 0;  // left edge, or right edge when numbers
  double width = 0;
  Anchor anchor = Anchor::kStart;
  TextStyle look = style::kBody;
};

class TableDrawing {
 public:
  TableDrawing(Page& page, double x, double width, std::vector<Column> columns)
      : page_(page), x_(x), width_(width), columns_(std::move(columns)) {}

  void head(std::string_view caption) {
    page_.y += 22;
    page_.line(x_, page_.y, width_, style::kBold, caption);
    page_.y += 20;
    for (const Column& column : columns_) {
      page_.line(column.x, page_.y, column.width, style::kLabel, column.title, column.anchor);
    }
    page_.y += 6;
    page_.box(x_, page_.y, width_, 1, kLine);
  }

  void row(const std::vector<std::string>& cells, std::string_view fill = {}) {
    const double baseline = page_.y + 15.5;
    if (!fill.empty()) page_.swatch(x_, page_.y + 6, 11, fill);
    for (size_t i = 0; i < cells.size(); ++i) {
      const Column& column = columns_[i];
      page_.line(column.x, baseline, column.width, column.look, cells[i], column.anchor);
    }
    page_.y += kRow;
    page_.box(x_, page_.y, width_, 0.5, kLine);
  }

 private:
  Page& page_;
  double x_;
  double width_;
  std::vector<Column> columns_;
};

std::string percent_or_dash(double share) {
  return share > 0 ? format_percent(share) : "–";
}

bool any_waiting(const std::vector<TableRow>& rows) {
  return std::ranges::any_of(rows, [](const TableRow& row) { return row.waiting_share > 0; });
}

bool any_cluster(const std::vector<TableRow>& rows) {
  return std::ranges::any_of(rows, [](const TableRow& row) { return !row.cluster.empty(); });
}

// Room for the name of a cluster.
constexpr double kCluster = 120;

void draw_clusters(Page& page, const std::vector<diagnose::ClusterRow>& rows) {
  if (rows.empty()) return;
  const double x = page.left;
  TableDrawing table(page,
                     x,
                     page.width,
                     {{"cluster", x, 290},
                      {"version", x + 300, 110},
                      {"backends", x + 480, 80, Anchor::kEnd},
                      {"of CPU", x + 560, 70, Anchor::kEnd},
                      {"of waits", x + 640, 70, Anchor::kEnd},
                      {"data directory", x + 680, page.width - 680, Anchor::kStart, style::kMono}});
  table.head("By cluster");
  for (const diagnose::ClusterRow& row : rows) {
    table.row({title_of(row),
               short_version(row.cluster),
               format_count(row.backends),
               percent_or_dash(row.share),
               percent_or_dash(row.waiting_share),
               row.cluster.data_directory});
  }
  page.y += 10;
}

void draw_queries(Page& page, const std::vector<TableRow>& rows, std::string_view share) {
  if (rows.empty()) return;
  const bool waits = any_waiting(rows);
  const double room = any_cluster(rows) ? kCluster : 0;
  const double x = page.left + room;
  const double text_x = x + (waits ? 330 : 260);
  std::vector<Column> columns{
      {"query id", page.left, 165, Anchor::kStart, style::kMono},
      {"cluster", page.left + 175, room},
      {share, x + 240, 70, Anchor::kEnd},
      {"of waits", x + 310, waits ? 70.0 : 0.0, Anchor::kEnd},
      {"query", text_x, page.right() - text_x, Anchor::kStart, style::kMono}};
  TableDrawing table(page, page.left, page.width, columns);
  table.head("By query");
  for (const TableRow& row : rows) {
    table.row({row.key,
               row.cluster,
               percent_or_dash(row.share),
               waits ? percent_or_dash(row.waiting_share) : "",
               row.detail.empty() ? "(text not captured)" : row.detail});
  }
  page.y += 10;
}

void draw_group(Page& page,
                double x,
                double width,
                std::string_view caption,
                std::string_view share,
                const std::vector<TableRow>& rows) {
  const bool waits = any_waiting(rows);
  const double room = any_cluster(rows) ? kCluster : 0;
  const double name_room = width - (waits ? 160 : 85) - room;
  TableDrawing table(page,
                     x,
                     width,
                     {{"", x, name_room},
                      {"cluster", x + name_room, room},
                      {share, x + width - (waits ? 75 : 0), 75, Anchor::kEnd},
                      {"of waits", x + width, waits ? 70.0 : 0.0, Anchor::kEnd}});
  table.head(caption);
  for (const TableRow& row : rows) {
    table.row({row.key.empty() ? "(none)" : row.key,
               row.cluster,
               percent_or_dash(row.share),
               waits ? percent_or_dash(row.waiting_share) : ""});
  }
}

// The small tables stand two by two.
void draw_groups(Page& page, const diagnose::Diagnosis& diagnosis, std::string_view share) {
  const std::array<std::pair<std::string_view, const std::vector<TableRow>*>, 5> groups{
      {{"By wait event", &diagnosis.waits},
       {"By backend type", &diagnosis.backend_types},
       {"By database", &diagnosis.databases},
       {"By user", &diagnosis.users},
       {"By application", &diagnosis.applications}}};
  constexpr double kGap = 48;
  const double width = (page.width - kGap) / 2;
  size_t drawn = 0;
  double top = page.y;
  double bottom = page.y;
  for (const auto& [caption, rows] : groups) {
    if (rows->empty()) continue;
    if (drawn % 2 == 0) top = bottom;
    page.y = top;
    const double x = page.left + (drawn % 2 == 0 ? 0 : width + kGap);
    draw_group(page, x, width, caption, share, *rows);
    bottom = std::max(bottom, page.y + 10);
    ++drawn;
  }
  page.y = bottom;
}

// How each of the busiest backends spent its life.
void draw_backends(Page& page, const Subject& subject) {
  const auto& rows = subject.diagnosis.backends;
  if (rows.empty()) return;
  constexpr double kNumber = 92;
  constexpr std::array<std::string_view, 6> kNumbers{
      "lifetime", "on CPU", "runnable", "waiting", "idle", "rest"};
  const double x = page.left;
  const double who_x = x + 80;
  const double numbers_x = page.right() - kNumber * kNumbers.size();
  std::vector<Column> columns{{"pid", x, 75, Anchor::kStart, style::kMono},
                              {"backend", who_x, numbers_x - who_x}};
  for (size_t i = 0; i < kNumbers.size(); ++i)
    columns.push_back(
        {kNumbers[i], numbers_x + kNumber * static_cast<double>(i + 1), kNumber - 8, Anchor::kEnd});
  TableDrawing table(page, x, page.width, columns);
  table.head("By backend");
  for (const diagnose::BackendRow& row : rows) {
    const Backend& backend = subject.profile.backends[row.backend];
    const auto part = [&](uint64_t nanoseconds) {
      return percent_or_dash(static_cast<double>(nanoseconds) / static_cast<double>(row.lifetime));
    };
    table.row({std::to_string(backend.pid),
               who_is(row, subject.profile),
               fmt::format("{:.1f} s", static_cast<double>(row.lifetime) / 1e9),
               part(row.running),
               part(row.runnable),
               part(row.waiting),
               part(row.idle),
               rest_of(row)});
  }
  page.y += 10;
}

void draw_functions(Page& page, const std::vector<TableRow>& rows, std::string_view caption) {
  if (rows.empty()) return;
  const double x = page.left;
  const double room = any_cluster(rows) ? kCluster : 0;
  TableDrawing table(
      page,
      x,
      page.width,
      {{"function", x + 20, 470, Anchor::kStart, style::kMono},
       {"self", x + 570, 70, Anchor::kEnd},
       {"with callees", x + 675, 100, Anchor::kEnd},
       {"area", x + 710, 200, Anchor::kStart, style::kBodyMuted},
       {"module", x + 920, page.width - 920 - room, Anchor::kStart, style::kBodyMuted},
       {"cluster", page.right() - room, room}});
  table.head(caption);
  for (const TableRow& row : rows) {
    const auto area = postgres::area_by_id(row.area).value_or(postgres::Area::kOther);
    table.row({row.key,
               format_percent(row.share),
               percent_or_dash(row.total_share),
               std::string(title_of(area)),
               row.detail.substr(row.detail.rfind('/') + 1),
               row.cluster},
              fill_of(area));
  }
  page.y += 10;
}

}  // namespace

void draw_tables(Page& page, const Subject& subject) {
  const diagnose::Diagnosis& diagnosis = subject.diagnosis;
  const diagnose::Measure measure = diagnose::measure_of(subject.profile.recording.event);
  page.heading("Who and what", "shares of " + measure.whole);
  draw_clusters(page, diagnosis.clusters);
  draw_queries(page, diagnosis.queries, measure.column);
  draw_groups(page, diagnosis, measure.column);
  draw_backends(page, subject);
  draw_functions(page, diagnosis.functions, "Top functions by their own " + measure.own);
}

}  // namespace pgflame::report
