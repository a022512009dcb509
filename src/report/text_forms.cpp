// Markdown for tickets and the lines printed on a terminal.
#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "src/base/text.h"
#include "src/base/utf8.h"
#include "src/diagnose/measure.h"
#include "src/profile/event_choice.h"
#include "src/report/describe.h"
#include "src/report/report.h"

namespace pgflame::report {
namespace {

using diagnose::Diagnosis;
using diagnose::Finding;
using diagnose::TableRow;

// Text from outside as one line that Markdown and terminals show as it is: no markup, no control
// characters.
std::string plain(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    const char32_t c = take_code_point(text);
    if (c < 0x20 || (c >= 0x7f && c < 0xa0)) {
      out += ' ';
    } else {
      append_utf8(out, c);
    }
  }
  return out;
}

std::string escaped(std::string_view text) {
  std::string out;
  for (const char c : plain(text)) {
    if (std::string_view("\\`*_{}[]<>#|!~").find(c) != std::string_view::npos) out += '\\';
    out += c;
  }
  return out;
}

// A code span or block with a fence longer than any run of backticks inside.
size_t longest_backtick_run(std::string_view text) {
  size_t longest = 0;
  size_t run = 0;
  for (const char c : text) {
    run = c == '`' ? run + 1 : 0;
    longest = std::max(longest, run);
  }
  return longest;
}

std::string code_span(std::string_view text) {
  std::string one_line = plain(text);
  std::ranges::replace(one_line, '|', '/');  // would end a table cell
  const std::string fence(longest_backtick_run(one_line) + 1, '`');
  const std::string_view pad = fence.size() > 1 ? " " : "";
  return fmt::format("{}{}{}{}{}", fence, pad, one_line, pad, fence);
}

std::string code_block(std::string_view text) {
  const std::string fence(std::max<size_t>(3, longest_backtick_run(text) + 1), '`');
  std::string block = fence + "sql\n";
  for (const std::string_view line : split(text, '\n'))
    block += plain(line) + '\n';
  return block + fence + '\n';
}

std::string headline_of(const Finding& finding) {
  return finding.headline.empty()
             ? fmt::format("{}: {}", finding.title, format_percent(finding.share.share))
             : finding.headline;
}

std::string finding_markdown(const Finding& finding, size_t number) {
  std::string text = fmt::format("### {}. {}\n\n", number, escaped(headline_of(finding)));
  const auto part = [&](std::string_view label, std::string_view body) {
    if (!body.empty()) text += fmt::format("- **{}**: {}\n", label, escaped(body));
  };
  part("Seen", finding.seen);
  part("Means", finding.means);
  if (!finding.actions.empty()) {
    text += "- **Do**:\n";
    for (size_t i = 0; i < finding.actions.size(); ++i)
      text += fmt::format("  {}. {}\n", i + 1, escaped(finding.actions[i]));
  }
  part("Wrong if", finding.refute);
  if (!finding.confirm.empty()) text += "\nConfirm:\n\n" + code_block(finding.confirm);
  return text + '\n';
}

// Notes about a recording that is not what was asked for (src/capture/capture.cpp), or not all of
// what the file holds (src/input).
bool speaks_of_less(std::string_view note) {
  constexpr std::array<std::string_view, 7> kBegins{"The recording ended early",
                                                    "The sampling rate was lowered",
                                                    "All targets ended",
                                                    "this report is of a part",
                                                    "--time was moved",
                                                    "Kernel functions have no names",
                                                    "Warning:"};
  if (note.find(kLeftInCapture) != std::string_view::npos) return true;
  return std::ranges::any_of(kBegins,
                             [&](std::string_view begin) { return note.starts_with(begin); });
}

// What tells one of several clusters, in a column of its own.
std::string cluster_cell(bool has_clusters, std::string_view cluster) {
  return has_clusters ? fmt::format(" {} |", escaped(cluster)) : std::string();
}

// Of functions when there is no name for the column of shares.
std::string table_markdown(std::string_view caption,
                           const std::vector<TableRow>& rows,
                           std::string_view share,
                           bool has_waits) {
  if (rows.empty()) return {};
  const bool has_clusters =
      std::ranges::any_of(rows, [](const TableRow& row) { return !row.cluster.empty(); });
  const bool is_functions = share.empty();
  std::string text = fmt::format("### {}\n\n", caption);
  text += is_functions ? "| function |" : "| |";
  text += cluster_cell(has_clusters, "cluster");
  const bool has_second = is_functions || has_waits;
  text += is_functions ? " self | with callees | module |\n"
                       : fmt::format(" {} |{} |\n", share, has_waits ? " of waits |" : "");
  text += has_clusters ? "|---|---|---:|" : "|---|---:|";
  text += has_second ? "---:|---|\n" : "---|\n";
  for (const TableRow& row : rows) {
    const double second = is_functions ? row.total_share : row.waiting_share;
    text += fmt::format("| {} |{} {} |{} {} |\n",
                        row.key.empty() ? "(none)" : code_span(row.key),
                        cluster_cell(has_clusters, row.cluster),
                        format_percent(row.share),
                        has_second ? fmt::format(" {} |", format_percent(second)) : "",
                        row.detail.empty() ? "" : code_span(row.detail));
  }
  return text + '\n';
}

std::string backends_markdown(const Profile& profile, const Diagnosis& diagnosis) {
  if (diagnosis.backends.empty()) return {};
  std::string text =
      "### By backend\n\n| pid | | lifetime | on CPU | runnable | waiting | idle | rest |\n"
      "|---:|---|---:|---:|---:|---:|---:|---:|\n";
  for (const diagnose::BackendRow& row : diagnosis.backends) {
    const Backend& backend = profile.backends[row.backend];
    const auto part = [&](uint64_t nanoseconds) {
      return format_percent(static_cast<double>(nanoseconds) / static_cast<double>(row.lifetime));
    };
    text += fmt::format("| {} | {} | {:.1f} s | {} | {} | {} | {} | {} |\n",
                        backend.pid,
                        escaped(who_is(row, profile)),
                        static_cast<double>(row.lifetime) / 1e9,
                        part(row.running),
                        part(row.runnable),
                        part(row.waiting),
                        part(row.idle),
                        rest_of(row));
  }
  return text + '\n';
}

std::string clusters_markdown(const std::vector<diagnose::ClusterRow>& rows) {
  if (rows.empty()) return {};
  std::string text =
      "### By cluster\n\n| cluster | version | backends | of CPU | of waits | data directory |\n"
      "|---|---|---:|---:|---:|---|\n";
  for (const diagnose::ClusterRow& row : rows) {
    const Cluster& cluster = row.cluster;
    text += fmt::format("| {} | {} | {} | {} | {} | {} |\n",
                        escaped(title_of(row)),
                        escaped(short_version(cluster)),
                        format_count(row.backends),
                        format_percent(row.share),
                        format_percent(row.waiting_share),
                        cluster.data_directory.empty() ? "" : code_span(cluster.data_directory));
  }
  return text + '\n';
}

std::string time_markdown(const Profile& profile, const Diagnosis& diagnosis) {
  const std::string host = host_line(profile);
  if (diagnosis.time.empty() && host.empty()) return {};
  std::string text = "## Where the time went\n\n";
  if (!diagnosis.time.empty()) text += "| | share | seconds |\n|---|---:|---:|\n";
  for (const diagnose::TimeSegment& segment : diagnosis.time) {
    text += fmt::format("| {} | {} | {:.1f} |\n",
                        escaped(segment.id),
                        format_percent(segment.share),
                        static_cast<double>(segment.nanoseconds) / 1e9);
  }
  if (!diagnosis.time.empty()) text += '\n';
  return host.empty() ? text : text + "Host: " + escaped(host) + "\n\n";
}

std::string clusters_on_terminal(const std::vector<diagnose::ClusterRow>& rows) {
  std::string text;
  for (const diagnose::ClusterRow& row : rows) {
    const std::string version = short_version(row.cluster);
    text += fmt::format("  cluster {}{}: {}, {} of CPU, {} of waits\n",
                        plain(title_of(row)),
                        version.empty() ? "" : ", PostgreSQL " + plain(version),
                        counted(row.backends, "backend"),
                        format_percent(row.share),
                        format_percent(row.waiting_share));
  }
  return text;
}

std::string database_markdown(const diagnose::DatabaseView& view) {
  std::string text = "## What the database says\n\n";
  if (!view.title.empty()) text += escaped(view.title) + "\n\n";
  for (const std::string& sentence : view.sentences)
    text += "- " + escaped(sentence) + '\n';
  if (!view.sentences.empty()) text += '\n';
  if (!view.sql.empty()) text += "Not asked (--dsn). To ask by hand:\n\n" + code_block(view.sql);
  if (view.statements.empty()) return text + '\n';
  text +=
      "| query | calls/s | CPU µs/call | executing µs/call | rows/call | reads/s | hits | temp "
      "blocks/s | |\n|---|---:|---:|---:|---:|---:|---:|---:|---|\n";
  for (const diagnose::StatementRow& row : view.statements) {
    text += fmt::format(
        "| {} | {:.1f} | {} | {:.1f} | {:.1f} | {:.1f} | {} | {:.1f} | {} |\n",
        row.query_id,
        row.calls_per_second,
        row.cpu_us_per_call < 0 ? std::string("–") : fmt::format("{:.1f}", row.cpu_us_per_call),
        row.exec_us_per_call,
        row.rows_per_call,
        row.reads_per_second,
        row.hit_ratio < 0 ? "–" : format_percent(row.hit_ratio),
        row.temp_blocks_per_second,
        row.text.empty() ? "" : code_span(row.text));
  }
  return text + '\n';
}

std::string activities_markdown(const std::vector<diagnose::Activity>& activities,
                                const diagnose::Measure& measure) {
  constexpr size_t kMost = 12;
  if (activities.empty()) return {};
  std::string text =
      fmt::format("### {} by activity\n\n| activity | | samples | {} |\n|---|---|---:|---:|\n",
                  escaped(measure.whole),
                  escaped(measure.part));
  for (size_t i = 0; i < std::min(kMost, activities.size()); ++i) {
    text += fmt::format("| {} | {} | {} | {} |\n",
                        activities[i].id,
                        escaped(activities[i].title),
                        format_count(activities[i].samples),
                        format_percent(activities[i].share));
  }
  return text + '\n';
}

}  // namespace

std::string to_markdown(const Profile& profile, const Diagnosis& diagnosis) {
  std::string text = fmt::format("# {}\n\n", escaped(subject_of(profile)));
  text += fmt::format("{} · {} · capture quality **{}**\n\n",
                      escaped(period_of(profile)),
                      escaped(method_of(profile)),
                      diagnosis.quality.grade);
  const std::vector<std::string> reasons = reasons_beside_verdict(diagnosis);
  for (const std::string& reason : reasons)
    text += "- " + escaped(reason) + '\n';
  if (!reasons.empty()) text += '\n';
  text += fmt::format("**Verdict**: {}\n\n", escaped(diagnosis.verdict.text));
  text += time_markdown(profile, diagnosis);
  if (!diagnosis.findings.empty()) text += "## Findings\n\n";
  for (size_t i = 0; i < diagnosis.findings.size(); ++i)
    text += finding_markdown(diagnosis.findings[i], i + 1);
  const diagnose::Measure measure = diagnose::measure_of(profile.recording.event);
  text += "## Who and what\n\n" + activities_markdown(diagnosis.activities, measure);
  text += clusters_markdown(diagnosis.clusters);
  const auto add_table = [&](std::string_view caption, const std::vector<TableRow>& rows) {
    text += table_markdown(caption, rows, measure.column, diagnosis.has_waits);
  };
  add_table("By query", diagnosis.queries);
  add_table("By wait event", diagnosis.waits);
  add_table("By backend type", diagnosis.backend_types);
  add_table("By database", diagnosis.databases);
  add_table("By user", diagnosis.users);
  add_table("By application", diagnosis.applications);
  text += backends_markdown(profile, diagnosis);
  text += table_markdown(
      "Top functions by their own " + escaped(measure.own), diagnosis.functions, {}, false);
  text += database_markdown(diagnosis.database);
  text += "---\n" + escaped(diagnosis.totals.line) + "\n";
  for (const auto& notes : {diagnosis.notes, notes_of(profile)}) {
    for (const std::string& note : notes)
      text += "\n" + escaped(note) + "\n";
  }
  if (const std::string cost = cost_line(profile); !cost.empty())
    text += "\n" + escaped(cost) + "\n";
  return text;
}

std::string to_terminal(const Profile& profile, const Diagnosis& diagnosis) {
  std::string text =
      fmt::format("{} · quality {}\n", plain(subject_of(profile)), diagnosis.quality.grade);
  if (!diagnosis.verdict.text.empty()) text += plain(diagnosis.verdict.text) + '\n';
  text += clusters_on_terminal(diagnosis.clusters);
  size_t number = 0;
  for (const Finding& finding : diagnosis.findings)
    text += fmt::format("  {}. {}\n", ++number, plain(headline_of(finding)));
  for (const std::string& reason : reasons_beside_verdict(diagnosis))
    text += "  quality: " + plain(reason) + '\n';
  for (const std::string& note : profile.recording.notes) {
    if (speaks_of_less(note)) text += "  note: " + plain(note) + '\n';
  }
  return text + plain(diagnosis.totals.line) + '\n';
}

}  // namespace pgflame::report
