// Work of which either half can be done by itself.
#pragma once

#include <thread>

namespace pgflame {

// part(0) and part(1), side by side where it is worth a thread.
template <typename Part>
void in_two_parts(bool two_threads, const Part& part) {
  if (!two_threads) {
    part(0);
    part(1);
    return;
  }
  const std::jthread helper([&] { part(1); });
  part(0);
}

}  // namespace pgflame
