// Which part of a load is recorded (--database, --user, --application, --backend-type, --query-id,
// and single backends by pid).
//
// What the kernel side is told early costs next to nothing there; what is only known at the end
// (names that show up late, hashes that stand in for query ids) is sorted out then. Either way it
// is counted.
#pragma once

#include <cstdint>
#include <vector>

#include "src/capture/capture.h"
#include "src/profile/profile.h"

namespace pgflame::capture {

// Whether a backend can still turn out to be wanted, as far as it is known now. `pids`: only these
// backends with their parallel workers, and whatever has one of them as postmaster; empty: any.
bool may_be_wanted(const Filter& filter, const std::vector<int32_t>& pids, const Backend& backend);

// Whether it is wanted, once everything is known about it.
bool is_wanted(const Filter& filter, const std::vector<int32_t>& pids, const Backend& backend);

// Drops what is not wanted and counts it in Loss::kFiltered. False: of some backends only a part is
// wanted, some of their queries or what they did under one of their application_names.
bool drop_unwanted(const Filter& filter, const std::vector<int32_t>& pids, Profile& profile);

}  // namespace pgflame::capture
