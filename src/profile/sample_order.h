// The order in which samples are saved, and read again without looking each of them up.
#pragma once

#include <tuple>

#include "src/profile/profile.h"

namespace pgflame {

// What tells series of samples apart.
inline auto tags_of(const Sample& sample) {
  return std::tuple(sample.stack.value,
                    sample.backend.value,
                    sample.state,
                    sample.end,
                    sample.wait_event,
                    sample.query_id,
                    sample.application.value);
}

// Series one after the other, each by time.
inline auto place_of(const Sample& sample) {
  return std::tuple_cat(tags_of(sample), std::tuple(sample.second, sample.microsecond));
}

}  // namespace pgflame
