// Profiles as text, so that tests read as examples.
#pragma once

#include <string>
#include <string_view>

#include "src/profile/profile.h"

namespace pgflame::testing {

// One line per stack, outermost first: "postgres;main;ExecSeqScan 3". Weight is count * 1 000 000
// (a nanosecond weight of 1 ms per sample), one backend with pid 1, functions of tier kGiven.
Profile profile_from_folded(std::string_view folded);

// The reverse, lines sorted: "a;b;c 3".
std::string to_text(const Profile& profile);

}  // namespace pgflame::testing
