#include "src/diagnose/name_sets.h"

#include <algorithm>

namespace pgflame::diagnose {
namespace {

// Whether `name` is `pattern`, in which '*' stands for any characters, also none. There is one.
bool matches(std::string_view pattern, std::string_view name) {
  size_t star = pattern.find('*');
  if (!name.starts_with(pattern.substr(0, star))) return false;
  name.remove_prefix(star);
  pattern.remove_prefix(star + 1);
  while ((star = pattern.find('*')) != std::string_view::npos) {
    const size_t at = name.find(pattern.substr(0, star));
    if (at == std::string_view::npos) return false;
    name.remove_prefix(at + star);
    pattern.remove_prefix(star + 1);
  }
  return name.ends_with(pattern);
}

}  // namespace

NameSetId NameSets::add(const std::vector<std::string>& patterns) {
  if (patterns.empty()) return kNoNames;
  const NameSetId set = count_++;
  for (const std::string& pattern : patterns) {
    const size_t first_star = pattern.find('*');
    const std::string text = pattern.substr(0, first_star);
    if (first_star != std::string::npos && first_star + 1 != pattern.size()) {
      loose_.push_back(Loose{pattern, set});
    } else if (first_star != std::string::npos) {
      prefixes_[text].push_back(set);
      const auto at = std::ranges::lower_bound(prefix_lengths_, text.size());
      if (at == prefix_lengths_.end() || *at != text.size())
        prefix_lengths_.insert(at, text.size());
    } else {
      exact_[text].push_back(set);
    }
  }
  return set;
}

void NameSets::find(std::string_view name, std::vector<NameSetId>& sets) const {
  const auto append = [&sets](const ByText& table, std::string_view text) {
    const auto found = table.find(text);
    if (found != table.end()) sets.insert(sets.end(), found->second.begin(), found->second.end());
  };
  append(exact_, name);
  for (const size_t length : prefix_lengths_) {
    if (length > name.size()) break;
    append(prefixes_, name.substr(0, length));
  }
  for (const Loose& loose : loose_) {
    if (matches(loose.pattern, name)) sets.push_back(loose.set);
  }
}

}  // namespace pgflame::diagnose
