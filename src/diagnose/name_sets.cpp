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

void append(const std::vector<NameSetId>& more, std::vector<NameSetId>& sets) {
  sets.insert(sets.end(), more.begin(), more.end());
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
    } else {
      exact_[text].push_back(set);
    }
  }
  return set;
}

void NameSets::find(std::string_view name, std::vector<NameSetId>& sets) const {
  const auto found = exact_.find(name);
  if (found != exact_.end()) append(found->second, sets);
  find_prefixes(name, sets);
  for (const Loose& loose : loose_) {
    if (matches(loose.pattern, name)) sets.push_back(loose.set);
  }
}

// The last text that does not stand behind `name` begins with all the others that `name` begins
// with: one search for each of them and a few more.
void NameSets::find_prefixes(std::string_view name, std::vector<NameSetId>& sets) const {
  for (;;) {
    auto at = prefixes_.upper_bound(name);
    if (at == prefixes_.begin()) return;
    const std::string_view prefix = (--at)->first;
    const auto shorter = std::min(prefix.size(), name.size());
    const auto differ = std::mismatch(prefix.begin(), prefix.begin() + shorter, name.begin());
    const auto common = static_cast<size_t>(differ.first - prefix.begin());
    if (common == prefix.size()) append(at->second, sets);
    if (prefix.empty()) return;
    name = name.substr(0, std::min(common, prefix.size() - 1));
  }
}

}  // namespace pgflame::diagnose
