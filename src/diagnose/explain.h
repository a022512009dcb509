// The page about one pattern, wait event or function.
#pragma once

#include <string>
#include <string_view>

#include "src/base/error.h"
#include "src/diagnose/rule_book.h"

namespace pgflame::diagnose {

// `topic`: a rule's id ("DEFORM"), a wait event ("WALWrite", "LWLock:WALWrite"), a function's name
// or a plan node's ("ExecHashJoin"). Letter case of ids does not matter. kNotFound otherwise.
// `major` 0: what holds for any version, with the versions named.
Result<std::string> explain_topic(std::string_view topic, const RuleBook& book, int major = 0);

// One line per rule: id, title, area.
std::string list_rules(const RuleBook& book);

}  // namespace pgflame::diagnose
