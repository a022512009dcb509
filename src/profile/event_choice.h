// What is said when the event that the user asks for is not in a capture.
#pragma once

#include <string_view>
#include <vector>

#include "src/base/error.h"

namespace pgflame {

// A usage error that lists the events that are there.
Error no_such_event(std::string_view wanted, const std::vector<std::string>& known);

}  // namespace pgflame
