// Opens fuzzed bytes as a capture and checks what must hold for every profile.
#pragma once

#include <cstddef>
#include <cstdint>

#include "src/input/input.h"

namespace pgflame::fuzz {

// The bytes as a file that input::open reads.
Result<input::Opened> open_bytes(const uint8_t* data, size_t size, const input::Options& options);

// All ids point into their tables, callers come before callees, and nothing is counted twice.
void check(const Profile& profile);

}  // namespace pgflame::fuzz
