#include "src/diagnose/name_sets.h"

#include <algorithm>

namespace pgflame::diagnose {

NameSetId NameSets::add(const std::vector<std::string>& patterns) {
  if (patterns.empty()) return kNoNames;
  const NameSetId set = count_++;
  for (const std::string& pattern : patterns) {
    const bool open_start = pattern.starts_with('*');
    const bool open_end = pattern.size() > 1 && pattern.ends_with('*');
    const std::string text = pattern.substr(open_start, pattern.size() - open_start - open_end);
    if (open_start) {
      loose_.push_back(Loose{text, !open_end, set});
    } else if (open_end) {
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
    const auto found = table.find(std::string(text));
    if (found != table.end()) sets.insert(sets.end(), found->second.begin(), found->second.end());
  };
  append(exact_, name);
  for (const size_t length : prefix_lengths_) {
    if (length > name.size()) break;
    append(prefixes_, name.substr(0, length));
  }
  for (const Loose& loose : loose_) {
    const bool hit =
        loose.at_end ? name.ends_with(loose.text) : name.find(loose.text) != std::string_view::npos;
    if (hit) sets.push_back(loose.set);
  }
}

}  // namespace pgflame::diagnose
