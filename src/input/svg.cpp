#include "src/input/svg.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>

#include "src/base/text.h"

namespace pgflame::input {
namespace {

// The start of the element, as written today and by the first versions. A "<" in other text of a
// report is always escaped.
constexpr std::array kMarkers{std::string_view{"<metadata class=\"profile\""},
                              std::string_view{"<metadata id=\"pgflame-profile\""}};
constexpr std::string_view kReportMarker = "class=\"pgflame\"";
constexpr std::string_view kDiffMarker = "class=\"pgflame diff\"";

int base64_value(char c) {
  if (c >= 'A' && c <= 'Z') return c - 'A';
  if (c >= 'a' && c <= 'z') return c - 'a' + 26;
  if (c >= '0' && c <= '9') return c - '0' + 52;
  if (c == '+') return 62;
  return c == '/' ? 63 : -1;
}

std::optional<std::string> decode_base64(std::string_view text) {
  std::string bytes;
  bytes.reserve(text.size() / 4 * 3);
  uint32_t bits = 0;
  int count = 0;
  for (const char c : text) {
    if (c == '=' || c == '\n' || c == '\r' || c == ' ' || c == '\t') continue;
    const int value = base64_value(c);
    if (value < 0) return std::nullopt;
    bits = bits << 6 | static_cast<uint32_t>(value);
    count += 6;
    if (count < 8) continue;
    count -= 8;
    bytes += static_cast<char>(bits >> count & 0xff);
  }
  return bytes;
}

}  // namespace

bool looks_like_svg(std::string_view start) {
  constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";
  if (start.starts_with(kByteOrderMark)) start.remove_prefix(kByteOrderMark.size());
  start = trim(start);
  return start.starts_with("<svg") || start.starts_with("<?xml") || start.starts_with("<!");
}

Result<std::string> profile_inside_svg(std::string_view svg) {
  auto marker = std::string_view::npos;
  for (const std::string_view start : kMarkers)
    marker = std::min(marker, svg.find(start));
  if (marker == std::string_view::npos && svg.find(kDiffMarker) != std::string_view::npos) {
    return fail(ErrorKind::kUnsupported,
                "this SVG compares two captures and carries neither of them",
                "open the captures that it was made from");
  }
  const bool is_report = svg.find(kReportMarker) != std::string_view::npos;
  if (marker == std::string_view::npos && is_report && trim(svg).ends_with("</svg>")) {
    return fail(ErrorKind::kUnsupported,
                "there is no profile inside this report: it was written with --no-embed",
                "open the capture that it was made from");
  }
  if (marker == std::string_view::npos && is_report) {
    return fail(ErrorKind::kCorrupt,
                "the report is cut: it ends before the profile inside it",
                "copy it again, or open the capture that it was made from");
  }
  if (marker == std::string_view::npos) {
    return fail(ErrorKind::kUnsupported,
                "this SVG is not a report of pgflame: there is no profile inside",
                "open the capture that the picture was made from");
  }
  const auto start = svg.find('>', marker);
  const auto end = start == std::string_view::npos ? start : svg.find('<', start);
  const auto cut = [] {
    return fail(ErrorKind::kCorrupt,
                "the profile inside the SVG is damaged or cut short",
                "it is one compressed piece, its names last: copy the report again, or open the "
                "capture that it was made from");
  };
  if (end == std::string_view::npos) return cut();
  auto bytes = decode_base64(svg.substr(start + 1, end - start - 1));
  if (!bytes) return cut();
  return std::move(*bytes);
}

}  // namespace pgflame::input
