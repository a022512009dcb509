#include "src/base/utf8.h"

namespace pgflame {
namespace {

struct Lead {
  size_t length = 1;
  char32_t bits = kReplacement;
  char32_t smallest = 0;
};

Lead lead_of(unsigned char byte) {
  if ((byte & 0xe0U) == 0xc0U) return {2, byte & 0x1fU, 0x80};
  if ((byte & 0xf0U) == 0xe0U) return {3, byte & 0x0fU, 0x800};
  if ((byte & 0xf8U) == 0xf0U) return {4, byte & 0x07U, 0x10000};
  return {};
}

}  // namespace

char32_t take_code_point(std::string_view& text) {
  const auto first = static_cast<unsigned char>(text.front());
  if (first < 0x80) {
    text.remove_prefix(1);
    return first;
  }
  const Lead lead = lead_of(first);
  char32_t code_point = lead.bits;
  bool valid = lead.length > 1 && lead.length <= text.size();
  for (size_t i = 1; valid && i < lead.length; ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    valid = (byte & 0xc0U) == 0x80U;
    code_point = (code_point << 6U) | (byte & 0x3fU);
  }
  valid = valid && code_point >= lead.smallest && code_point <= 0x10ffff &&
          (code_point < 0xd800 || code_point > 0xdfff);
  text.remove_prefix(valid ? lead.length : 1);
  return valid ? code_point : kReplacement;
}

void append_utf8(std::string& out, char32_t code_point) {
  const auto tail = [&](unsigned shift) {
    out += static_cast<char>(0x80U | ((code_point >> shift) & 0x3fU));
  };
  if (code_point < 0x80) {
    out += static_cast<char>(code_point);
  } else if (code_point < 0x800) {
    out += static_cast<char>(0xc0U | (code_point >> 6U));
    tail(0);
  } else if (code_point < 0x10000) {
    out += static_cast<char>(0xe0U | (code_point >> 12U));
    tail(6);
    tail(0);
  } else {
    out += static_cast<char>(0xf0U | (code_point >> 18U));
    tail(12);
    tail(6);
    tail(0);
  }
}

std::string valid_utf8(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  while (!text.empty())
    append_utf8(out, take_code_point(text));
  return out;
}

}  // namespace pgflame
