// Quantities as the sentences about the server spell them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>

namespace pgflame::diagnose {

// 0 of nothing.
double ratio(uint64_t part, uint64_t whole);
double ratio(double part, double whole);

// "12 300", "12", "1.2", "0.030": enough figures to act on.
std::string figure(double value);
std::string bytes(double value);        // "1.2 GB", "30.0 MB", "8 kB"
std::string age(int64_t microseconds);  // "9 days", "3 h", "12 min", "5 s", "40 ms"

// Sentences one behind the other; empty ones are left out.
void append_sentence(std::string& text, const std::string& sentence);
std::string joined(std::initializer_list<std::string> sentences);

// At most `most` bytes, cut between characters.
std::string quoted(std::string_view text, size_t most = 120);

}  // namespace pgflame::diagnose
