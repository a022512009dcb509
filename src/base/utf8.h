// Text from outside, one code point at a time. Whatever the bytes are, decoding ends.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace pgflame {

inline constexpr char32_t kReplacement = 0xfffd;

// Takes one code point off the front of `text` (which must not be empty). Invalid UTF-8 (overlong
// forms, surrogates, cut sequences) yields kReplacement and consumes one byte.
char32_t take_code_point(std::string_view& text);

void append_utf8(std::string& out, char32_t code_point);

// `text` with kReplacement for every byte that is no UTF-8.
std::string valid_utf8(std::string_view text);

}  // namespace pgflame
