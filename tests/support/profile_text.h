// Profiles as text, so that tests read as examples.
#pragma once

#include <string>
#include <string_view>

#include "src/profile/profile.h"

namespace pgflame::testing {

// One line per stack, outermost first: "postgres;main;ExecSeqScan 3". Weight is count * 1 000 000
// (a nanosecond weight of 1 ms per sample), one backend with pid 1, functions of tier kGiven.
Profile profile_from_folded(std::string_view folded);

// Two clusters, PostgreSQL 17.2 on port 5432 and 15.18 on port 5433. Each has one backend with the
// same type, database, user, query and stack as the other's; the first has 300 samples and the
// second 100, and the second waited for 1 s as well.
Profile profile_of_two_clusters();

// The reverse, lines sorted: "a;b;c 3".
std::string to_text(const Profile& profile);

}  // namespace pgflame::testing
