// What is wrong with rules that parse. Private to rule_reader.cpp.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "src/diagnose/rule_book.h"

namespace pgflame::diagnose {

struct Problem {
  std::string_view key;  // the key to blame; empty: the table as a whole
  size_t element = 0;    // of the key's list
  std::string what;
  std::string hint;  // empty: see the format
};

std::optional<Problem> problem_of(const Match& match);
// Of everything but its matches, and the rules it names.
std::optional<Problem> problem_of(const Rule& rule);
std::optional<Problem> problem_of(const WaitAdvice& wait);

// Of a pattern for wait events, "LWLock:*": a sentence, or nothing.
std::optional<Problem> problem_of_event(std::string_view pattern);

}  // namespace pgflame::diagnose
