#include "src/diagnose/explain.h"

#include <algorithm>
#include <cctype>

#include <fmt/format.h>

#include "src/base/text.h"
#include "src/diagnose/classifier.h"
#include "src/diagnose/findings.h"
#include "src/diagnose/skid.h"
#include "src/diagnose/wait_findings.h"
#include "src/postgres/function_names.h"
#include "src/postgres/plan_nodes.h"
#include "src/profile/builder.h"

namespace pgflame::diagnose {
namespace {

std::string upper(std::string_view text) {
  std::string result(text);
  for (char& c : result)
    c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  return result;
}

// Slots are filled from samples; a page has none.
std::string without_slots(std::string text) {
  for (const char* slot :
       {"{functions}", "{claimers}", "{callees}", "{callers}", "{nodes}", "{parts}"}) {
    for (auto at = text.find(slot); at != std::string::npos; at = text.find(slot))
      text.replace(at, std::string_view(slot).size(), "(from the samples)");
  }
  return text;
}

void append_section(std::string& page,
                    std::string_view title,
                    const std::vector<Advice>& texts,
                    int major,
                    std::string_view bullet) {
  bool first = true;
  for (const Advice& advice : texts) {
    if (!advice.holds_for(major)) continue;
    if (first) page += fmt::format("\n{}\n", title);
    first = false;
    page +=
        fmt::format("  {}{}{}\n",
                    bullet,
                    major == 0 && !advice.majors().empty() ? fmt::format("({}) ", advice.majors())
                                                           : std::string(),
                    without_slots(advice.text));
  }
}

std::string join(const std::vector<std::string>& parts) {
  std::string text;
  for (const std::string& part : parts)
    text += (text.empty() ? "" : ", ") + part;
  return text;
}

std::string rule_page(const Rule& rule, int major) {
  std::string page = fmt::format("{}: {}\narea {}", rule.id, rule.title, rule.area);
  if (!rule.source.empty()) page += fmt::format("; PostgreSQL source: {}", join(rule.source));
  page += '\n';
  if (!rule.finding)
    page += "\nPart of the split of CPU time; never written up as a finding of its own.\n";
  append_section(page, "Means", rule.means, major, "");
  append_section(page, "Do", rule.actions, major, "- ");
  append_section(page, "Confirm", rule.confirm, major, "");
  if (!rule.refute.empty())
    page += fmt::format("\nWould be wrong if\n  {}\n", without_slots(rule.refute));
  if (!rule.includes_ids.empty() && rule.includes_ids.front() != "*")
    page += fmt::format("\nIts finding also counts, where called from it: {}\n",
                        join(rule.includes_ids));
  return page;
}

std::string wait_page(const WaitAdvice& wait, int major) {
  std::string page = fmt::format("Wait event {}\n", wait.event);
  if (!wait.source.empty()) page += fmt::format("PostgreSQL source: {}\n", join(wait.source));
  append_section(page, "Means", wait.means, major, "");
  append_section(page, "Do", wait.actions, major, "- ");
  append_section(page, "Confirm", wait.confirm, major, "");
  if (!wait.refute.empty()) page += fmt::format("\nWould be wrong if\n  {}\n", wait.refute);
  return page;
}

// The finding about time in run queues is no rule.
std::string run_queue_page() {
  const Finding finding = run_queue_texts();
  std::string page = fmt::format("{}: {}\narea {}\n\nMeans\n  {}\n\nDo\n",
                                 finding.id,
                                 finding.title,
                                 finding.area,
                                 finding.means);
  for (const std::string& action : finding.actions)
    page += fmt::format("  - {}\n", action);
  page += "\nConfirm\n";
  for (const std::string_view line : split(finding.confirm, '\n'))
    page += fmt::format("  {}\n", line);
  return page + fmt::format("\nWould be wrong if\n  {}\n", finding.refute);
}

const WaitAdvice* find_event(std::string_view topic, const RuleBook& book) {
  const std::string wanted = upper(topic);
  for (const WaitAdvice& wait : book.waits()) {
    const std::string event = upper(wait.event);
    const auto colon = event.find(':');
    // "WAIT-LOCK" is the finding about all events of "Lock:*".
    if (event == wanted || event.substr(colon + 1) == wanted ||
        (event.ends_with(":*") && wanted == "WAIT-" + event.substr(0, colon)))
      return &wait;
  }
  return topic.find(':') == std::string_view::npos ? nullptr : book.find_wait(topic);
}

// What is known about a function by its name alone; empty when nothing is.
std::string function_page(std::string_view topic, const RuleBook& book) {
  ProfileBuilder builder;
  Function function;
  function.name = topic;
  function.tier = NameTier::kGiven;
  const FunctionId id = builder.function(function);
  const Classifier classifier(builder.profile(), book);
  std::string patterns;
  for (RuleIndex rule = 0; rule < book.rules().size(); ++rule) {
    if (!classifier.stands_for(id, rule)) continue;
    patterns += fmt::format("  {:<14} {}\n", book.rules()[rule].id, book.rules()[rule].title);
  }
  const postgres::Area area = classifier.area(id);
  if (patterns.empty() && area == postgres::Area::kOther) return {};
  std::string page = fmt::format("{}\narea: {}\n", topic, postgres::title_of(area));
  if (const std::string_view node = postgres::name_of(postgres::plan_node(topic)); !node.empty())
    page += fmt::format("plan node: {}\n", node);
  if (!patterns.empty())
    page += fmt::format("\nPatterns it can stand for (some depend on its callers):\n{}", patterns);
  return page;
}

}  // namespace

Result<std::string> explain_topic(std::string_view topic, const RuleBook& book, int major) {
  if (const RuleIndex rule = book.find(upper(topic)); rule != kNoRule)
    return rule_page(book.rules()[rule], major);
  if (upper(topic) == "RUNQ") return run_queue_page();
  if (upper(topic) == "VMSKID") return skid_page();
  if (const WaitAdvice* wait = find_event(topic, book); wait != nullptr)
    return wait_page(*wait, major);
  std::string page = function_page(postgres::base_name(topic), book);
  if (!page.empty()) return page;
  return fail(ErrorKind::kNotFound,
              fmt::format("nothing is known about '{}'", topic),
              "pgflame rules list names the patterns; functions are spelled as in the source");
}

std::string list_rules(const RuleBook& book) {
  std::string text;
  for (const Rule& rule : book.rules())
    text += fmt::format("{:<14} {:<40} {}\n", rule.id, rule.title, rule.area);
  return text;
}

}  // namespace pgflame::diagnose
