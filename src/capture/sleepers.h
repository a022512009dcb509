// What backends that sleep for long sleep in, when nobody looked at the moment they fell asleep,
// and what statements they execute: their memory says so until they wake up.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <unordered_map>

#include "src/capture/tag_layout.h"
#include "src/capture/waits.h"

namespace pgflame::capture {

class Sleepers {
 public:
  // Tells the reasons of the bare open waits that are long, and the statements of these and of
  // others. Each wait is asked about once. `targets`: the map, whose rows name a layout of
  // `layouts`.
  void tell(WaitTimes& times, int targets, std::span<const TagLayout> layouts);

 private:
  struct Told {
    uint64_t since_ns = 0;
    std::optional<WaitKey> key;
  };

  std::unordered_map<int32_t, Told> told_;  // of the waits that were open at the last call
};

}  // namespace pgflame::capture
