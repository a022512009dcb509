#include "src/base/text.h"

#include <array>
#include <charconv>
#include <ctime>

#include <fmt/format.h>

namespace pgflame {
namespace {

using std::chrono::nanoseconds;

struct Unit {
  std::string_view name;
  double ns;
};
constexpr std::array<Unit, 4> kUnits{{{"ms", 1e6}, {"s", 1e9}, {"m", 60e9}, {"h", 3600e9}}};

std::optional<double> unit_ns(std::string_view name) {
  for (const Unit& unit : kUnits) {
    if (unit.name == name) return unit.ns;
  }
  return std::nullopt;
}

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

// Takes one "30s" off the front of `text` and returns its length in nanoseconds.
std::optional<double> take_part(std::string_view& text) {
  size_t digits = 0;
  while (digits < text.size() && (is_digit(text[digits]) || text[digits] == '.'))
    ++digits;
  double number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + digits, number);
  if (error != std::errc{} || end != text.data() + digits) return std::nullopt;
  size_t unit_end = digits;
  while (unit_end < text.size() && !is_digit(text[unit_end]))
    ++unit_end;
  const auto ns = unit_ns(text.substr(digits, unit_end - digits));
  if (!ns) return std::nullopt;
  text.remove_prefix(unit_end);
  return number * *ns;
}

// The library's find_first_of and its like call a function for each character.
bool is_blank(char c) {
  return c == ' ' || c == '\t';
}

std::tm utc(int64_t unix_ns) {
  const auto seconds = static_cast<std::time_t>(unix_ns / 1'000'000'000);
  std::tm parts{};
  ::gmtime_r(&seconds, &parts);
  return parts;
}

std::string format_tm(const char* pattern, const std::tm& parts) {
  std::array<char, 64> buffer{};
  return {buffer.data(), std::strftime(buffer.data(), buffer.size(), pattern, &parts)};
}

}  // namespace

std::string_view trim(std::string_view text) {
  const auto is_space = [](char c) { return is_blank(c) || c == '\r' || c == '\n'; };
  while (!text.empty() && is_space(text.front()))
    text.remove_prefix(1);
  while (!text.empty() && is_space(text.back()))
    text.remove_suffix(1);
  return text;
}

std::string_view take_word(std::string_view& text) {
  while (!text.empty() && is_blank(text.front()))
    text.remove_prefix(1);
  size_t length = 0;
  while (length < text.size() && !is_blank(text[length]))
    ++length;
  const std::string_view word = text.substr(0, length);
  text.remove_prefix(length);
  return word;
}

LastWord split_last_word(std::string_view text) {
  while (!text.empty() && is_blank(text.back()))
    text.remove_suffix(1);
  size_t start = text.size();
  while (start > 0 && !is_blank(text[start - 1]))
    --start;
  return {text.substr(0, start), text.substr(start)};
}

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  for (;;) {
    const auto at = text.find(separator);
    parts.push_back(text.substr(0, at));
    if (at == std::string_view::npos) return parts;
    text.remove_prefix(at + 1);
  }
}

std::optional<uint64_t> parse_u64(std::string_view text, int base) {
  uint64_t value = 0;
  const char* last = text.data() + text.size();
  const auto [end, error] = std::from_chars(text.data(), last, value, base);
  if (text.empty() || error != std::errc{} || end != last) return std::nullopt;
  return value;
}

Result<nanoseconds> parse_duration(std::string_view text) {
  const std::string shown{text};
  constexpr const char* kHint = "write it like 500ms, 60s, 5m or 1m30s";
  double total = 0;
  std::string_view rest = trim(text);
  std::string with_unit;
  if (!rest.empty() && is_digit(rest.back())) {
    // A bare number means seconds; "1m30" is refused below, its last part has no unit.
    with_unit = rest.find_first_not_of("0123456789.") == std::string_view::npos
                    ? std::string(rest) + "s"
                    : std::string();
    rest = with_unit;
  }
  do {
    const auto part = take_part(rest);
    if (!part) return fail(ErrorKind::kUsage, "'" + shown + "' is not a duration", kHint);
    total += *part;
  } while (!rest.empty());
  if (total < 1e6 || total > 24 * 3600e9) {
    return fail(
        ErrorKind::kUsage, "the duration '" + shown + "' is not between 1ms and 24h", kHint);
  }
  return nanoseconds{static_cast<int64_t>(total)};
}

std::string format_duration(nanoseconds duration) {
  const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(duration).count();
  if (ms < 1000) return fmt::format("{}ms", ms);
  if (ms < 60'000)
    return ms % 1000 == 0 ? fmt::format("{}s", ms / 1000)
                          : fmt::format("{:.1f}s", static_cast<double>(ms) / 1000.0);
  const auto seconds = (ms + 500) / 1000;
  if (seconds % 60 == 0) return fmt::format("{}m", seconds / 60);
  return fmt::format("{}m{}s", seconds / 60, seconds % 60);
}

std::string format_count(uint64_t count) {
  std::string digits = std::to_string(count);
  for (size_t at = digits.size(); at > 3; at -= 3)
    digits.insert(at - 3, " ");
  return digits;
}

std::string counted(uint64_t count, std::string_view noun) {
  return fmt::format("{} {}{}", format_count(count), noun, count == 1 ? "" : "s");
}

std::string format_percent(double share) {
  const double percent = share * 100.0;
  if (percent > 0 && percent < 0.05) return "<0.1 %";
  if (percent >= 99.95 || percent == 0) return fmt::format("{:.0f} %", percent);
  return fmt::format("{:.1f} %", percent);
}

std::string to_hex(const uint8_t* bytes, size_t count) {
  std::string text;
  for (size_t i = 0; i < count; ++i)
    text += fmt::format("{:02x}", bytes[i]);
  return text;
}

std::string format_hex(uint64_t value) {
  return fmt::format("{:#x}", value);
}

std::string format_utc(int64_t unix_ns) {
  return format_tm("%Y-%m-%d %H:%M:%S UTC", utc(unix_ns));
}

std::string format_utc_compact(int64_t unix_ns) {
  return format_tm("%Y%m%dT%H%M%SZ", utc(unix_ns));
}

}  // namespace pgflame
