// Small text helpers that more than one folder needs.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "src/base/error.h"

namespace pgflame {

std::string_view trim(std::string_view text);
// Takes the first word off `text` and the blanks and tabs before it; empty when there is none.
std::string_view take_word(std::string_view& text);
// The last word and what stands before it, blanks and all.
struct LastWord {
  std::string_view before;
  std::string_view word;
};
LastWord split_last_word(std::string_view text);
std::vector<std::string_view> split(std::string_view text, char separator);

// A whole number that fills all of `text`; nothing on sign, blank, overflow or trailing characters.
std::optional<uint64_t> parse_u64(std::string_view text, int base = 10);

// "500ms", "60s", "5m", "1h", "1m30s", "90" (seconds). Must be positive and at most 24 hours.
Result<std::chrono::nanoseconds> parse_duration(std::string_view text);

// "1m30s", "10s", "500ms".
std::string format_duration(std::chrono::nanoseconds duration);

// 59640 -> "59 640", with a narrow group separator that survives every font.
std::string format_count(uint64_t count);

// (1, "sample") -> "1 sample", (59640, "sample") -> "59 640 samples".
std::string counted(uint64_t count, std::string_view noun);

// 0.0837 -> "8.4 %"; below 0.05 % but not zero -> "<0.1 %".
std::string format_percent(double share);

std::string to_hex(const uint8_t* bytes, size_t count);
std::string format_hex(uint64_t value);  // "0x1f"

// Unix time in nanoseconds -> "2026-11-21 05:35:37 UTC" and "20261121T053537Z".
std::string format_utc(int64_t unix_ns);
std::string format_utc_compact(int64_t unix_ns);

}  // namespace pgflame
