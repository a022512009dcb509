#include "src/diagnose/rule_book.h"

#include <algorithm>
#include <cassert>

#include "src/base/embedded_file.h"
#include "src/diagnose/rule_reader.h"

namespace pgflame::diagnose {

std::span<const EmbeddedFile> rule_files();  // made by cmake/Embed.cmake

void RuleBook::resolve() {
  const auto resolve_set = [this](const std::vector<std::string>& ids) {
    RuleSet set;
    set.members.resize(rules_.size());
    for (const std::string& id : ids) {
      if (id == "*") set.all = true;
      const RuleIndex rule = find(id);
      if (rule != kNoRule) set.members[rule] = true;
    }
    return set;
  };
  for (Rule& rule : rules_) {
    rule.includes = resolve_set(rule.includes_ids);
    for (Match& match : rule.matches)
      match.takes = resolve_set(match.takes_ids);
  }
}

const RuleBook& RuleBook::builtin() {
  static const RuleBook embedded = [] {
    auto book = with({});
    // The embedded files are checked by the tests; a book that does not parse is our own bug.
    assert(book);
    return book ? *std::move(book) : RuleBook{};
  }();
  return embedded;
}

Result<RuleBook> RuleBook::with(std::span<const RuleText> more) {
  RuleBook book;
  for (const EmbeddedFile& file : rule_files()) {
    if (const Status done = read_book(file.name, file.text, book); !done)
      return fail(Error(done.error()));
  }
  for (const RuleText& file : more) {
    if (const Status done = read_book(file.name, file.text, book); !done)
      return fail(Error(done.error()));
  }
  book.resolve();
  return book;
}

RuleIndex RuleBook::find(std::string_view id) const {
  const auto found = std::ranges::find(rules_, id, &Rule::id);
  return found == rules_.end() ? kNoRule : static_cast<RuleIndex>(found - rules_.begin());
}

bool covers(std::string_view pattern, std::string_view event) {
  if (pattern.ends_with('*')) return event.starts_with(pattern.substr(0, pattern.size() - 1));
  return pattern == event;
}

const WaitAdvice* RuleBook::find_wait(std::string_view event) const {
  const WaitAdvice* best = nullptr;
  for (const WaitAdvice& wait : waits_) {
    if (covers(wait.event, event) && (best == nullptr || wait.event.size() > best->event.size()))
      best = &wait;
  }
  return best;
}

}  // namespace pgflame::diagnose
