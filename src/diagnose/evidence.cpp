#include "src/diagnose/evidence.h"

#include <algorithm>
#include <array>
#include <cmath>

#include <fmt/format.h>

#include "src/base/text.h"

namespace pgflame::diagnose {
double entropy_of(const Ranking& parts) {
  double whole = 0;
  for (const Counted& one : parts)
    whole += static_cast<double>(one.weight);
  double entropy = 0;
  for (const Counted& one : parts) {
    const double share = whole <= 0 ? 0 : static_cast<double>(one.weight) / whole;
    if (share > 0) entropy -= share * std::log(share);
  }
  return parts.size() > 1 ? entropy / std::log(static_cast<double>(parts.size())) : 0;
}

bool has_shape(const ShapeCondition& condition, const Evidence& evidence, uint64_t total_weight) {
  if (!condition.kind) return true;
  if (total_weight == 0 || evidence.weight == 0) return false;
  const auto wide = [&](uint64_t weight) {
    return static_cast<double>(weight) >= condition.least_share * static_cast<double>(total_weight);
  };
  switch (*condition.kind) {
    case Shape::kPlateau:
      return !evidence.functions.empty() && wide(evidence.functions[0].weight);
    case Shape::kTower:
      return wide(evidence.weight) && owner(evidence.callees, evidence.weight, 0.8) != nullptr;
    case Shape::kJagged:
      return wide(evidence.weight) && evidence.callees.size() >= condition.least_children &&
             entropy_of(evidence.callees) >= condition.least_entropy;
  }
  return false;
}

std::string short_percent(double share) {
  if (share >= 0.0995) return fmt::format("{:.0f} %", share * 100);
  return format_percent(share);
}

std::string list(const Ranking& ranking, uint64_t whole, size_t most) {
  std::string text;
  if (whole == 0) return text;
  for (size_t i = 0; i < std::min(most, ranking.size()); ++i) {
    const double share = static_cast<double>(ranking[i].weight) / static_cast<double>(whole);
    if (share < 0.02) break;
    if (ranking[i].name.empty()) continue;
    if (!text.empty()) text += ", ";
    text += fmt::format("{} ({})", ranking[i].name, short_percent(share));
  }
  return text;
}

const Counted* owner(const Ranking& ranking, uint64_t whole, double share) {
  if (ranking.empty() || whole == 0 || ranking[0].name.empty()) return nullptr;
  const bool owns = static_cast<double>(ranking[0].weight) >= share * static_cast<double>(whole);
  return owns ? ranking.data() : nullptr;
}

std::string fill(std::string_view text, const Evidence& evidence) {
  const std::array<std::pair<std::string_view, const Ranking*>, 6> slots{{
      {"{functions}", &evidence.functions},
      {"{claimers}", &evidence.claimers},
      {"{callees}", &evidence.callees},
      {"{callers}", &evidence.callers},
      {"{nodes}", &evidence.nodes},
      {"{parts}", &evidence.parts},
  }};
  std::string filled(text);
  for (const auto& [slot, ranking] : slots) {
    const auto at = filled.find(slot);
    if (at == std::string::npos) continue;
    const std::string content = list(*ranking, evidence.weight, 5);
    filled.replace(at, slot.size(), content.empty() ? "unknown" : content);
  }
  return filled;
}

}  // namespace pgflame::diagnose
