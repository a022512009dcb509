// SQL text without its literals, so that it can be stored and shown.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace pgflame::capture {

// Literals become $1, $2, ... (a parameter of the text itself stays as it is), lists of nothing but
// literals behind IN become one, comments go, blanks become one blank. Keywords, identifiers and
// quoted identifiers stay. Text may be cut off anywhere; a literal that has no end goes too.
//
// Lexical rules: PostgreSQL's documentation, "Lexical Structure". Where a plain string ends that
// has a backslash before a quote depends on standard_conforming_strings, which is not known here:
// such a string swallows the rest of the text, so that nothing of a literal can slip through.
std::string without_literals(std::string_view sql);

// Stands in for a query id when the server computes none. Never 0.
uint64_t query_id_of_text(std::string_view normalized);

}  // namespace pgflame::capture
