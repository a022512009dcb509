#include "src/profile/event_choice.h"

#include <algorithm>

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace pgflame {

std::string_view without_modifiers(std::string_view name) {
  const auto colon = name.rfind(':');
  // "sched:sched_switch" is a name with a colon; modifiers are a few letters.
  if (colon == std::string_view::npos || name.size() - colon > 5) return name;
  const bool letters = name.find_first_not_of("ukhpPGHISDWe", colon + 1) == std::string_view::npos;
  return letters ? name.substr(0, colon) : name;
}

std::optional<size_t> find_event(const std::vector<std::string>& names, std::string_view wanted) {
  auto found = std::ranges::find(names, wanted);
  if (found == names.end())
    found = std::ranges::find(names, without_modifiers(wanted), without_modifiers);
  if (found == names.end()) return std::nullopt;
  return static_cast<size_t>(found - names.begin());
}

Error no_such_event(std::string_view wanted, const std::vector<std::string>& known) {
  constexpr size_t kLongestHint = 2000;
  const std::string names = fmt::format("{}", fmt::join(known, ", "));
  return Error{ErrorKind::kUsage,
               fmt::format("the capture has no event '{}'", wanted),
               "its events are: " + names.substr(0, kLongestHint)};
}

}  // namespace pgflame
