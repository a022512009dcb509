#include "src/diagnose/check.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>

#include <fmt/format.h>

#include "src/base/text.h"
#include "src/diagnose/evidence.h"
#include "src/diagnose/quality.h"
#include "src/diagnose/wait_findings.h"

namespace pgflame::diagnose {
namespace {

constexpr std::array<std::string_view, 4> kTotals{"unclassified", "lost", "unnamed", "truncated"};

constexpr std::string_view kHint = "write it like 'PLAN>20%' or 'unnamed>=10%'";

std::optional<double> parse_share(std::string_view text) {
  const bool percent = text.ends_with('%');
  if (percent) text = trim(text.substr(0, text.size() - 1));
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  const double share = percent ? value / 100 : value;
  if (!(share >= 0 && share <= 1)) return std::nullopt;
  return share;
}

bool is_known(std::string_view id, const RuleBook& book) {
  return id == "RUNQ" || id == "UNCLASSIFIED" || is_wait_finding(id) ||
         std::ranges::find(kTotals, id) != kTotals.end() || book.find(id) != kNoRule;
}

double of_running(const Diagnosis& diagnosis, uint64_t samples) {
  uint64_t running = 0;
  for (const Activity& activity : diagnosis.activities)
    running += activity.samples;
  return running == 0 ? 0 : static_cast<double>(samples) / static_cast<double>(running);
}

double share_of(const Diagnosis& diagnosis, std::string_view id) {
  const Totals& totals = diagnosis.totals;
  if (id == "unclassified") return of_running(diagnosis, totals.unclassified);
  if (id == "unnamed") return of_running(diagnosis, totals.unnamed);
  if (id == "truncated") return of_running(diagnosis, totals.truncated);
  if (id == "lost") {
    const auto all = static_cast<double>(totals.lost + totals.captured);
    return all == 0 ? 0 : static_cast<double>(totals.lost) / all;
  }
  const auto finding = std::ranges::find(diagnosis.findings, id, &Finding::id);
  if (finding != diagnosis.findings.end()) return finding->share.share;
  const auto activity = std::ranges::find(diagnosis.activities, id, &Activity::id);
  return activity == diagnosis.activities.end() ? 0 : activity->share;
}

bool compare(double share, Comparison comparison, double limit) {
  switch (comparison) {
    case Comparison::kAbove:
      return share > limit;
    case Comparison::kAtLeast:
      return share >= limit;
    case Comparison::kBelow:
      return share < limit;
    case Comparison::kAtMost:
      return share <= limit;
  }
  return false;
}

// Why nothing can be said about a pattern; empty when something can.
std::string why_untold(const Diagnosis& diagnosis, bool off_cpu) {
  if (diagnosis.verdict.kind == VerdictClass::kEventsOnly)
    return "the samples count an event that tells no time";
  if (off_cpu && !diagnosis.has_waits) return "only time on a CPU was captured";
  if (carries_findings(diagnosis.quality)) return {};
  const auto& reasons = diagnosis.quality.reasons;
  return reasons.empty() ? "quality is too low" : reasons.front();
}

}  // namespace

Result<Condition> parse_condition(std::string_view text, const RuleBook& book) {
  const auto at = text.find_first_of("<>");
  if (at == std::string_view::npos)
    return fail(
        ErrorKind::kUsage, fmt::format("'{}' is not a condition", text), std::string(kHint));
  Condition condition;
  condition.text = text;
  condition.id = trim(text.substr(0, at));
  const bool above = text[at] == '>';
  std::string_view rest = text.substr(at + 1);
  const bool equal = rest.starts_with('=');
  if (equal) rest.remove_prefix(1);
  condition.comparison = above ? (equal ? Comparison::kAtLeast : Comparison::kAbove)
                               : (equal ? Comparison::kAtMost : Comparison::kBelow);
  const auto share = parse_share(trim(rest));
  if (!share)
    return fail(ErrorKind::kUsage,
                fmt::format("'{}' is not a share in '{}'", trim(rest), text),
                std::string(kHint));
  condition.limit = *share;
  if (!is_known(condition.id, book))
    return fail(
        ErrorKind::kUsage,
        fmt::format("there is no pattern '{}'", condition.id),
        "pgflame rules list names them; time off CPU is RUNQ, or WAIT- and the class of the "
        "wait event, as in WAIT-LWLOCK, WAIT-LOCK and WAIT-IO");
  const RuleIndex rule = book.find(condition.id);
  condition.off_cpu = condition.id == "RUNQ" || is_wait_finding(condition.id) ||
                      (rule != kNoRule && !book.rules()[rule].speaks_of(State::kRunning));
  return condition;
}

Checked check(const Condition& condition, const Diagnosis& diagnosis) {
  Checked result;
  result.share = share_of(diagnosis, condition.id);
  const bool is_total = std::ranges::find(kTotals, condition.id) != kTotals.end();
  const std::string untold = is_total ? std::string() : why_untold(diagnosis, condition.off_cpu);
  result.told = untold.empty();
  if (!result.told) {
    result.sentence = fmt::format("{} cannot be told: {}", condition.id, untold);
    return result;
  }
  result.holds = compare(result.share, condition.comparison, condition.limit);
  result.sentence = fmt::format("{} is {}, {} '{}'",
                                condition.id,
                                short_percent(result.share),
                                result.holds ? "which meets" : "which does not meet",
                                condition.text);
  return result;
}

}  // namespace pgflame::diagnose
