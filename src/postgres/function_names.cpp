#include "src/postgres/function_names.h"

#include <algorithm>
#include <array>

namespace pgflame::postgres {
namespace {

// What gcc, clang and the linker append to a function's name after a dot.
constexpr std::array<std::string_view, 8> kCloneMarks{".constprop",
                                                      ".isra",
                                                      ".part",
                                                      ".cold",
                                                      ".lto_priv",
                                                      ".llvm",
                                                      ".localalias",
                                                      ".warm"};

bool is_numbered(std::string_view rest) {
  return rest.size() > 1 && rest.find_first_not_of("0123456789", 1) == std::string_view::npos;
}

}  // namespace

std::string_view base_name(std::string_view name) {
  // Most names have nothing to take off.
  const auto may_mark = [](char c) { return c == '.' || c == '@' || c == '+' || c == ']'; };
  if (std::ranges::none_of(name, may_mark)) return name;
  // stackcollapse marks kernel, jitted and inlined frames this way.
  for (const std::string_view mark : {"_[k]", "_[j]", "_[i]"}) {
    if (name.ends_with(mark)) name.remove_suffix(mark.size());
  }
  if (const auto at = name.find('@'); at != std::string_view::npos && at > 0) {
    name = name.substr(0, at);
  }
  if (const auto plus = name.rfind("+0x"); plus != std::string_view::npos && plus > 0) {
    name = name.substr(0, plus);
  }
  for (const std::string_view mark : kCloneMarks) {
    const auto at = name.find(mark);
    if (at != std::string_view::npos && at > 0) name = name.substr(0, at);
  }
  const auto dot = name.rfind('.');
  if (dot != std::string_view::npos && dot > 0 && is_numbered(name.substr(dot)))
    name = name.substr(0, dot);
  return name;
}

}  // namespace pgflame::postgres
