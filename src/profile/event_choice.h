// Which of a capture's events is meant by a name, and what is said of the others.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "src/base/error.h"

namespace pgflame {

// "cycles" of "cycles:u"; "sched:sched_switch" has none.
std::string_view without_modifiers(std::string_view name);

// The number of the event in `names` that is called `wanted`, else of one that differs in nothing
// but modifiers.
std::optional<size_t> find_event(const std::vector<std::string>& names, std::string_view wanted);

// A usage error that lists the events that are there.
Error no_such_event(std::string_view wanted, const std::vector<std::string>& known);

// In every note on samples or values that a report leaves out because of their event. The capture
// is what --event needs: what it was converted to has one event only.
inline constexpr std::string_view kLeftInCapture = " in the capture and not in this report";
inline constexpr std::string_view kEventShows = "; report the capture with --event to see ";

}  // namespace pgflame
