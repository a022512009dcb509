// Quantities as the sentences about the server spell them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace pgflame::diagnose {

double ratio(uint64_t part, uint64_t whole);  // 0 of nothing

// "12 300", "12", "1.2", "0.030": enough figures to act on.
std::string figure(double value);
std::string bytes(double value);        // "1.2 GB", "30.0 MB", "8 kB"
std::string age(int64_t microseconds);  // "3 h", "12 min", "5 s", "40 ms"

// At most `most` bytes, cut between characters.
std::string quoted(std::string_view text, size_t most = 120);

}  // namespace pgflame::diagnose
