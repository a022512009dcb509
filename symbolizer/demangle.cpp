#include "symbolizer/demangle.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <cstdlib>
#include <memory>
#include <optional>
#include <utility>

#include <cxxabi.h>

namespace pgflame::symbolizer {
namespace {

constexpr size_t kMaxName = 4096;
constexpr int kMaxDepth = 64;

std::optional<std::string> demangle_cxx(const std::string& name) {
  int status = 0;
  const std::unique_ptr<char, decltype(&std::free)> text(
      abi::__cxa_demangle(name.c_str(), nullptr, nullptr, &status), &std::free);
  if (status != 0 || text == nullptr) return std::nullopt;
  return std::string(text.get());
}

void replace_all(std::string& text, std::string_view from, std::string_view to) {
  for (size_t at = text.find(from); at != std::string::npos; at = text.find(from, at)) {
    text.replace(at, from.size(), to);
    at += to.size();
  }
}

// Legacy Rust names are C++ names whose last part is "h" and 16 hex digits.
void tidy_legacy_rust(std::string& name) {
  constexpr size_t kHash = 19;  // "::h0123456789abcdef"
  if (name.size() < kHash || name.compare(name.size() - kHash, 3, "::h") != 0) return;
  const std::string_view digits = std::string_view(name).substr(name.size() - 16);
  if (digits.find_first_not_of("0123456789abcdef") != std::string_view::npos) return;
  name.resize(name.size() - kHash);
  constexpr std::array<std::pair<std::string_view, std::string_view>, 10> kEscapes{{{"$LT$", "<"},
                                                                                    {"$GT$", ">"},
                                                                                    {"$RF$", "&"},
                                                                                    {"$BP$", "*"},
                                                                                    {"$LP$", "("},
                                                                                    {"$RP$", ")"},
                                                                                    {"$C$", ","},
                                                                                    {"$u20$", " "},
                                                                                    {"$u27$", "'"},
                                                                                    {"..", "::"}}};
  for (const auto& [from, to] : kEscapes)
    replace_all(name, from, to);
  if (name.starts_with("_<")) name.erase(0, 1);
}

// The paths of Rust's v0 mangling (RFC 2603). Generic arguments and the types that methods belong
// to are left out: "alloc::vec::push" names a frame well enough.
class RustPath {
 public:
  explicit RustPath(std::string_view mangled) : text_(mangled) {}

  std::optional<std::string> read() {
    const std::string path = read_path(0);
    if (!ok_ || path.empty()) return std::nullopt;
    return path;
  }

 private:
  char next() {
    if (at_ >= text_.size()) {
      ok_ = false;
      return 0;
    }
    return text_[at_++];
  }
  bool accept(char letter) {
    if (at_ >= text_.size() || text_[at_] != letter) return false;
    ++at_;
    return true;
  }
  // Base 62 up to "_"; only its end matters here, except for references back.
  size_t read_number() {
    if (accept('_')) return 0;
    size_t value = 0;
    for (char c = next(); ok_ && c != '_'; c = next()) {
      const auto digit =
          std::string_view("0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")
              .find(c);
      if (digit == std::string_view::npos) ok_ = false;
      value = value * 62 + digit;
    }
    return value + 1;
  }
  std::string read_identifier() {
    if (accept('s')) read_number();
    accept('u');  // punycode: shown as it is
    if (at_ == text_.size()) ok_ = false;
    size_t length = 0;
    while (at_ < text_.size() && std::isdigit(static_cast<unsigned char>(text_[at_])) != 0) {
      length = length * 10 + static_cast<size_t>(text_[at_++] - '0');
      if (length > text_.size()) ok_ = false;
      if (!ok_) return {};
    }
    accept('_');
    if (length > text_.size() - at_) ok_ = false;
    if (!ok_) return {};
    at_ += length;
    return std::string(text_.substr(at_ - length, length));
  }
  std::string read_nested(int depth) {
    const bool closure = next() == 'C';
    std::string path = read_path(depth + 1);
    std::string name = read_identifier();
    if (closure && name.empty()) name = "{closure}";
    if (!name.empty()) path += (path.empty() ? "" : "::") + name;
    return path;
  }
  std::string read_path(int depth) {
    if (depth > kMaxDepth) ok_ = false;
    if (!ok_) return {};
    switch (next()) {
      case 'C':
        return read_identifier();
      case 'N':
        return read_nested(depth);
      case 'I':
        return read_path(depth + 1);  // its arguments follow and end the name here
      case 'M':
      case 'X':
        if (accept('s')) read_number();
        return read_path(depth + 1);
      case 'B': {
        const size_t target = read_number();
        if (target >= at_) ok_ = false;
        const size_t back = std::exchange(at_, target);
        std::string path = read_path(depth + 1);
        at_ = back;
        return path;
      }
      default:
        ok_ = false;
        return {};
    }
  }

  std::string_view text_;
  size_t at_ = 0;
  bool ok_ = true;
};

}  // namespace

std::string demangle(std::string_view name) {
  std::string plain(name);
  if (name.size() > kMaxName) return plain;
  if (name.starts_with("_R")) return RustPath(name.substr(2)).read().value_or(plain);
  if (!name.starts_with("_Z")) return plain;
  auto readable = demangle_cxx(plain);
  if (!readable) return plain;
  tidy_legacy_rust(*readable);
  return *readable;
}

}  // namespace pgflame::symbolizer
