#include "src/diagnose/rule_book.h"

#include <algorithm>
#include <cassert>
#include <cctype>

#include <fmt/format.h>

#include "src/base/embedded_file.h"
#include "src/diagnose/rule_reader.h"

namespace pgflame::diagnose {

std::span<const EmbeddedFile> rule_files();  // made by cmake/Embed.cmake

std::string Advice::majors() const {
  if (since != 0 && until != 0) return fmt::format("{} to {}", since, until);
  if (since != 0) return fmt::format("since {}", since);
  return until != 0 ? fmt::format("up to {}", until) : std::string();
}

Status RuleBook::resolve() {
  for (const Rule& rule : rules_) {
    for (const NamedRule& named : rule.named) {
      if (find(named.id) == kNoRule)
        return fail(ErrorKind::kUsage,
                    fmt::format("{}: there is no rule '{}'", named.place, named.id),
                    "pgflame rules list names the built-in ones");
    }
  }
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
    rule.yields = resolve_set(rule.yields_ids);
    for (Match& match : rule.matches)
      match.takes = resolve_set(match.takes_ids);
  }
  return {};
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
  if (Status done = book.resolve(); !done) return fail(std::move(done).error());
  return book;
}

RuleIndex RuleBook::find(std::string_view id) const {
  const auto found = std::ranges::find(rules_, id, &Rule::id);
  return found == rules_.end() ? kNoRule : static_cast<RuleIndex>(found - rules_.begin());
}

// 17 respelled many events: WALSync became WalSync, BufFileRead BuffileRead.
bool covers(std::string_view pattern, std::string_view event) {
  const bool whole = !pattern.ends_with('*');
  if (!whole) pattern.remove_suffix(1);
  if (whole ? event.size() != pattern.size() : event.size() < pattern.size()) return false;
  return std::ranges::equal(pattern, event.substr(0, pattern.size()), [](char a, char b) {
    return std::tolower(static_cast<unsigned char>(a)) ==
           std::tolower(static_cast<unsigned char>(b));
  });
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
