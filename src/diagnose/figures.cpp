#include "src/diagnose/figures.h"

#include <cmath>

#include <fmt/format.h>

#include "src/base/text.h"

namespace pgflame::diagnose {

double ratio(uint64_t part, uint64_t whole) {
  return ratio(static_cast<double>(part), static_cast<double>(whole));
}

double ratio(double part, double whole) {
  return whole <= 0 ? 0 : part / whole;
}

std::string figure(double value) {
  if (value >= 10) return format_count(static_cast<uint64_t>(std::llround(value)));
  if (value >= 0.1 || value == 0) return fmt::format("{:.1f}", value);
  return fmt::format("{:.3f}", value);
}

std::string bytes(double value) {
  if (value >= 1e9) return fmt::format("{:.1f} GB", value / 1e9);
  if (value >= 1e6) return fmt::format("{:.1f} MB", value / 1e6);
  return fmt::format("{:.0f} kB", value / 1e3);
}

std::string age(int64_t microseconds) {
  const double seconds = static_cast<double>(microseconds) / 1e6;
  if (seconds >= 2 * 86400) return fmt::format("{:.0f} days", seconds / 86400);
  if (seconds >= 7200) return fmt::format("{:.0f} h", seconds / 3600);
  if (seconds >= 120) return fmt::format("{:.0f} min", seconds / 60);
  return seconds >= 1 ? fmt::format("{:.0f} s", seconds) : fmt::format("{:.0f} ms", seconds * 1e3);
}

void append_sentence(std::string& text, const std::string& sentence) {
  if (sentence.empty()) return;
  if (!text.empty()) text += ' ';
  text += sentence;
}

std::string joined(std::initializer_list<std::string> sentences) {
  std::string text;
  for (const std::string& sentence : sentences)
    append_sentence(text, sentence);
  return text;
}

std::string quoted(std::string_view text, size_t most) {
  if (text.size() <= most) return std::string(text);
  while (most > 0 && (static_cast<unsigned char>(text[most]) & 0xc0U) == 0x80U)
    --most;
  return std::string(text.substr(0, most)) + "…";
}

}  // namespace pgflame::diagnose
