#include "flamegraph/xml.h"

#include <array>
#include <cassert>
#include <cmath>

#include <fmt/format.h>

#include "src/base/utf8.h"

namespace pgflame::flamegraph {
namespace {

// Characters that XML 1.0 forbids, and those that reorder or hide the text around them: a name must
// not be able to make the rest of its line read differently.
bool is_unwelcome(char32_t c) {
  if (c < 0x20) return c != '\n' && c != '\t';
  if (c >= 0x7f && c < 0xa0) return true;
  if (c >= 0x202a && c <= 0x202e) return true;
  if (c >= 0x2066 && c <= 0x2069) return true;
  return c == 0xfffe || c == 0xffff || c == 0x2028 || c == 0x2029;
}

void append_escaped(std::string& out, char32_t c) {
  switch (c) {
    case '&':
      out += "&amp;";
      break;
    case '<':
      out += "&lt;";
      break;
    case '>':
      out += "&gt;";
      break;
    case '"':
      out += "&quot;";
      break;
    case '\'':
      out += "&#39;";
      break;
    case '\n':
      out += "&#10;";  // a bare one in an attribute would be read back as a blank
      break;
    case '\t':
      out += "&#9;";
      break;
    default:
      append_utf8(out, is_unwelcome(c) ? kReplacement : c);
  }
}

bool is_plain(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return byte >= 0x20 && byte < 0x7f && c != '&' && c != '<' && c != '>' && c != '"' && c != '\'';
}

void escape(std::string& out, std::string_view text) {
  while (!text.empty()) {
    size_t plain = 0;
    while (plain < text.size() && is_plain(text[plain]))
      ++plain;
    out += text.substr(0, plain);
    text.remove_prefix(plain);
    if (!text.empty()) append_escaped(out, take_code_point(text));
  }
}

}  // namespace

std::string short_number(double value) {
  if (!std::isfinite(value)) return "0";
  std::array<char, 64> buffer{};
  const auto end = fmt::format_to_n(buffer.data(), buffer.size(), "{:.2f}", value);
  std::string_view digits{buffer.data(), std::min(end.size, buffer.size())};
  while (digits.back() == '0')
    digits.remove_suffix(1);
  if (digits.back() == '.') digits.remove_suffix(1);
  return digits == "-0" ? "0" : std::string(digits);
}

void XmlWriter::end_start_tag() {
  if (in_start_tag_) out_ += '>';
  in_start_tag_ = false;
}

XmlWriter& XmlWriter::open(std::string_view name) {
  end_start_tag();
  out_ += '<';
  out_ += name;
  open_.push_back(name);
  in_start_tag_ = true;
  return *this;
}

XmlWriter& XmlWriter::attr(std::string_view name, std::string_view value) {
  assert(in_start_tag_);
  out_ += ' ';
  out_ += name;
  out_ += "=\"";
  escape(out_, value);
  out_ += '"';
  return *this;
}

XmlWriter& XmlWriter::number(std::string_view name, double value) {
  return attr(name, short_number(value));
}

XmlWriter& XmlWriter::text(std::string_view text) {
  end_start_tag();
  escape(out_, text);
  return *this;
}

XmlWriter& XmlWriter::close() {
  assert(!open_.empty());
  if (in_start_tag_) {
    out_ += "/>";
    in_start_tag_ = false;
  } else {
    out_ += "</";
    out_ += open_.back();
    out_ += '>';
  }
  open_.pop_back();
  return *this;
}

XmlWriter& XmlWriter::leaf(std::string_view name, std::string_view text) {
  return open(name).text(text).close();
}

XmlWriter& XmlWriter::code(std::string_view trusted) {
  end_start_tag();
  assert(trusted.find("]]>") == std::string_view::npos);
  out_ += "<![CDATA[\n";
  out_ += trusted;
  out_ += "]]>";
  return *this;
}

XmlWriter& XmlWriter::append(const XmlWriter& part) {
  assert(part.open_.empty());
  end_start_tag();
  out_ += part.out_;
  return *this;
}

}  // namespace pgflame::flamegraph
