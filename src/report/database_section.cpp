#include <cmath>

#include <fmt/format.h>

#include "flamegraph/text_metrics.h"
#include "src/base/text.h"
#include "src/report/describe.h"
#include "src/report/sections.h"

namespace pgflame::report {
namespace {

using diagnose::DatabaseView;
using diagnose::StatementRow;

struct Cell {
  std::string_view title;
  double x;      // left edge, or right edge of numbers
  double width;  // room
  Anchor anchor = Anchor::kEnd;
};

std::string number(double value) {
  if (value < 0) return "–";
  if (value >= 100) return format_count(static_cast<uint64_t>(std::llround(value)));
  return fmt::format("{:.1f}", value);
}

std::vector<std::string> cells_of(const StatementRow& row) {
  return {row.query_id,
          number(row.calls_per_second),
          number(row.cpu_us_per_call),
          number(row.exec_us_per_call),
          number(row.rows_per_call),
          number(row.reads_per_second),
          row.hit_ratio < 0 ? "–" : format_percent(row.hit_ratio),
          number(row.temp_blocks_per_second),
          (row.repeated ? "repeated: " : "") + row.text};
}

void draw_statements(Page& page, const std::vector<StatementRow>& rows) {
  if (rows.empty()) return;
  const double x = page.left;
  const std::vector<Cell> columns{{"query id", x, 165, Anchor::kStart},
                                  {"calls/s", x + 230, 60},
                                  {"CPU µs/call", x + 310, 75},
                                  {"exec µs", x + 380, 65},
                                  {"rows/call", x + 450, 65},
                                  {"reads/s", x + 520, 65},
                                  {"found", x + 585, 60},
                                  {"temp/s", x + 650, 60},
                                  {"statement", x + 670, page.right() - x - 670, Anchor::kStart}};
  page.y += 20;
  for (const Cell& cell : columns)
    page.line(cell.x, page.y, cell.width, style::kLabel, cell.title, cell.anchor);
  page.y += 6;
  page.box(x, page.y, page.width, 1, kLine);
  for (const StatementRow& row : rows) {
    const std::vector<std::string> cells = cells_of(row);
    for (size_t i = 0; i < cells.size(); ++i) {
      const bool mono = i == 0 || i + 1 == cells.size();
      page.line(columns[i].x,
                page.y + 15.5,
                columns[i].width,
                mono ? style::kMono : style::kBody,
                cells[i],
                columns[i].anchor);
    }
    page.y += 22;
    page.box(x, page.y, page.width, 0.5, kLine);
  }
  page.y += 6;
  page.paragraph(x,
                 page.width,
                 style::kSmall,
                 "From pg_stat_statements, which counts a statement when it ends; CPU is sampled. "
                 "Reads are blocks of 8 kB that were not in shared buffers, found those that were; "
                 "temp are blocks written to temporary files.");
}

void draw_questions(Page& page, const std::string& sql) {
  const double room = page.width - 24;
  const auto lines = flamegraph::wrap(sql, room, style::kMono.font, 60);
  page.y += 8;
  page.box(page.left,
           page.y,
           page.width,
           static_cast<double>(lines.size()) * line_height(style::kMono) + 12,
           kCode,
           5);
  page.y += 5;
  page.paragraph(page.left + 12, room, style::kMono, sql);
  page.y += 9;
}

}  // namespace

void draw_database(Page& page, const Subject& subject) {
  const DatabaseView& view = subject.diagnosis.database;
  page.heading("What the database says", view.asked ? view.title : "not asked");
  page.y += 4;
  for (const std::string& sentence : view.sentences)
    page.paragraph(page.left, page.width, style::kBody, sentence);
  if (!view.asked && view.sentences.empty()) {
    page.paragraph(
        page.left,
        page.width,
        style::kBody,
        "Recorded without --dsn: calls, rows, blocks and blockers are not known. Ask for "
        "them while the load is on:");
  }
  if (!view.sql.empty()) draw_questions(page, view.sql);
  draw_statements(page, view.statements);
  if (!view.settings.empty()) {
    page.y += 6;
    page.paragraph(page.left,
                   page.width,
                   style::kSmall,
                   fmt::format("Settings of a new session: {}.", fmt::join(view.settings, ", ")));
  }
  page.y += 10;
}

}  // namespace pgflame::report
