#include <algorithm>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "src/base/text.h"
#include "src/diagnose/difference.h"

namespace pgflame::diagnose {
namespace {

std::string_view name_of(DeltaKind kind) {
  switch (kind) {
    case DeltaKind::kActivity:
      return "activity";
    case DeltaKind::kSelf:
      return "self";
    case DeltaKind::kTotal:
      return "total";
  }
  return "";
}

std::string_view name_of(Presence presence) {
  switch (presence) {
    case Presence::kBoth:
      return "both";
    case Presence::kGone:
      return "gone";
    case Presence::kNew:
      return "new";
  }
  return "";
}

// What a row of the table is called.
std::string_view mark_of(const Difference& difference, const Delta& delta) {
  if (!difference.carries_claims()) return "not tested";
  if (!delta.significant) return "noise";
  return delta.presence == Presence::kBoth ? "changed" : name_of(delta.presence);
}

void append_table(std::string& text, const Difference& difference, DeltaKind kind) {
  constexpr size_t kMostRows = 25;
  size_t rows = 0;
  for (const Delta& delta : difference.deltas) {
    if (delta.kind != kind || rows == kMostRows) continue;
    ++rows;
    text += fmt::format("| {}`{}` | {} | {} | {:+.1f} ±{:.1f} | {} |\n",
                        kind == DeltaKind::kActivity ? delta.title + " " : std::string(),
                        delta.id,
                        format_percent(delta.before.share),
                        format_percent(delta.after.share),
                        delta.change * 100,
                        delta.change_error * 100,
                        mark_of(difference, delta));
  }
}

nlohmann::ordered_json quality_json(const Quality& quality) {
  return {{"grade", std::string(1, quality.grade)},
          {"reasons", quality.reasons},
          {"remedy", quality.remedy}};
}

nlohmann::ordered_json known_or_null(double value) {
  return value < 0 ? nlohmann::ordered_json(nullptr) : nlohmann::ordered_json(value);
}

}  // namespace

std::string difference_to_markdown(const Difference& difference) {
  std::string text = "# Difference\n\n";
  for (const std::string& caveat : difference.caveats)
    text += caveat + "\n\n";
  text += fmt::format("{}\n\n{} before, {} after.\n",
                      difference.verdict,
                      counted(difference.samples_before, "sample"),
                      format_count(difference.samples_after));
  if (!difference.sentences.empty()) text += "\n## What changed\n\n";
  for (const std::string& sentence : difference.sentences)
    text += "- " + sentence + "\n";
  constexpr std::string_view kHead =
      "| | before | after | change in points | |\n|---|---:|---:|---:|---|\n";
  const std::string own = "Functions, own " + difference.measure.own;
  for (const auto& [kind, title] :
       {std::pair{DeltaKind::kActivity, std::string_view("Activities")},
        std::pair{DeltaKind::kSelf, std::string_view(own)},
        std::pair{DeltaKind::kTotal, std::string_view("Functions, with callees")}}) {
    text += fmt::format("\n## {}\n\n{}", title, kHead);
    append_table(text, difference, kind);
  }
  return text;
}

std::string difference_to_json(const Difference& difference) {
  nlohmann::ordered_json json;
  json["schema"] = "pgflame-diff-1";
  json["verdict"] = difference.verdict;
  json["caveats"] = difference.caveats;
  json["quality"] = {{"before", quality_json(difference.quality_before)},
                     {"after", quality_json(difference.quality_after)}};
  json["sentences"] = difference.sentences;
  json["samples"] = {{"before", difference.samples_before}, {"after", difference.samples_after}};
  json["cores"] = {{"before", difference.cores_before}, {"after", difference.cores_after}};
  json["active_sessions"] = {{"before", difference.active_before},
                             {"after", difference.active_after}};
  json["transactions_per_second"] = {{"before", difference.transactions_before},
                                     {"after", difference.transactions_after}};
  json["deltas"] = nlohmann::ordered_json::array();
  for (const Delta& delta : difference.deltas) {
    json["deltas"].push_back(
        {{"kind", name_of(delta.kind)},
         {"id", delta.id},
         {"title", delta.title},
         {"area", delta.area},
         {"presence", name_of(delta.presence)},
         {"before", delta.before.share},
         {"after", delta.after.share},
         {"change", delta.change},
         {"change_error", delta.change_error},
         {"cores_before", delta.cores_before},
         {"cores_after", delta.cores_after},
         {"ms_per_backend_second_before", known_or_null(delta.per_backend_second_before)},
         {"ms_per_backend_second_after", known_or_null(delta.per_backend_second_after)},
         {"us_per_transaction_before", known_or_null(delta.per_transaction_before)},
         {"us_per_transaction_after", known_or_null(delta.per_transaction_after)},
         {"p", delta.p},
         {"significant", delta.significant},
         {"query_id",
          delta.query_id == 0 ? "" : std::to_string(static_cast<int64_t>(delta.query_id))}});
  }
  return json.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n";
}

}  // namespace pgflame::diagnose
