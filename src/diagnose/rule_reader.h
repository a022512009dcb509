// Rule books from TOML. Private to rule_book.cpp.
#pragma once

#include <string_view>

#include "src/base/error.h"
#include "src/diagnose/rule_book.h"

namespace pgflame::diagnose {

// Adds the rules and wait events of `text` to the book, replacing those with the same id. Errors
// name `file` and the line.
Status read_book(std::string_view file, std::string_view text, RuleBook& book);

}  // namespace pgflame::diagnose
