#include "src/profile/event_choice.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace pgflame {

Error no_such_event(std::string_view wanted, const std::vector<std::string>& known) {
  constexpr size_t kLongestHint = 2000;
  const std::string names = fmt::format("{}", fmt::join(known, ", "));
  return Error{ErrorKind::kUsage,
               fmt::format("the capture has no event '{}'", wanted),
               "its events are: " + names.substr(0, kLongestHint)};
}

}  // namespace pgflame
