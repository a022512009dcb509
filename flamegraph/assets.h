// The script and the style sheet that a report carries. `pgflame-root` in the scripts and `&` in
// the style sheet stand for the report's own id, so that two reports on one page don't touch each
// other.
#pragma once

#include <string>
#include <string_view>

namespace pgflame::flamegraph {

std::string style_sheet(std::string_view root_id);
std::string script(std::string_view root_id);

}  // namespace pgflame::flamegraph
