#include "src/report/base64.h"

#include <array>
#include <cstdint>

namespace pgflame::report {
namespace {

constexpr std::string_view kDigits =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

}  // namespace

std::string base64(std::string_view bytes) {
  std::string text((bytes.size() + 2) / 3 * 4, '=');
  size_t to = 0;
  const auto byte = [&](size_t at) -> uint32_t {
    return at < bytes.size() ? static_cast<unsigned char>(bytes[at]) : 0U;
  };
  for (size_t i = 0; i < bytes.size(); i += 3) {
    const uint32_t group = byte(i) << 16U | byte(i + 1) << 8U | byte(i + 2);
    for (size_t k = 0; k < 4 && i + k <= bytes.size(); ++k)
      text[to + k] = kDigits[group >> (18 - 6 * k) & 0x3fU];
    to += 4;
  }
  return text;
}

}  // namespace pgflame::report
