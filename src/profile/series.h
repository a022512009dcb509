// Samples with their moments left out: most of what is made of a profile does not ask when.
#pragma once

#include <cstdint>
#include <vector>

#include "src/profile/profile.h"

namespace pgflame {

// Neighbouring samples that differ in nothing but their second, as one.
struct Series {
  Sample sum;          // of their counts and weights; `second` is that of the first
  uint32_t first = 0;  // row of Profile::samples
  uint32_t end = 0;    // exclusive
};

std::vector<Series> series_of(const Profile& profile);

// As account(profile), of series_of(profile) and stacks_from_root(profile).
Accounting account(const Profile& profile,
                   const std::vector<Series>& series,
                   const std::vector<bool>& from_root);

}  // namespace pgflame
