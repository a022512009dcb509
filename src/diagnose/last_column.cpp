#include <algorithm>
#include <cctype>
#include <set>

#include "src/diagnose/database_facts.h"

namespace pgflame::diagnose {
namespace {

struct Token {
  std::string text;  // identifiers folded as the server folds them
  bool is_name = false;
};

bool starts_name(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return byte >= 0x80 || std::isalpha(byte) != 0 || c == '_';
}
bool continues_name(char c) {
  return starts_name(c) || std::isdigit(static_cast<unsigned char>(c)) != 0 || c == '$';
}

// Takes a quoted name off the front of `sql`, which begins with its quote.
std::string take_quoted(std::string_view& sql) {
  std::string name;
  sql.remove_prefix(1);
  while (!sql.empty()) {
    const char c = sql[0];
    const bool doubled = c == '"' && sql.size() > 1 && sql[1] == '"';
    sql.remove_prefix(doubled ? 2 : 1);
    if (c == '"' && !doubled) break;
    name += c;
  }
  return name;
}

std::string take_name(std::string_view& sql) {
  std::string name;
  for (; !sql.empty() && continues_name(sql[0]); sql.remove_prefix(1))
    name += static_cast<char>(std::tolower(static_cast<unsigned char>(sql[0])));
  return name;
}

// Names and single characters of a text whose literals are already gone. Lexical rules: the
// documentation's "Lexical Structure".
std::vector<Token> tokens_of(std::string_view sql) {
  std::vector<Token> tokens;
  while (!sql.empty()) {
    if (sql[0] == '"') {
      tokens.push_back({take_quoted(sql), true});
    } else if (starts_name(sql[0])) {
      tokens.push_back({take_name(sql), true});
    } else {
      if (std::isspace(static_cast<unsigned char>(sql[0])) == 0)
        tokens.push_back({std::string(1, sql[0]), false});
      sql.remove_prefix(1);
    }
  }
  return tokens;
}

// "*" as a select list or behind "t.", not multiplication and not count(*).
bool asks_for_all(const std::vector<Token>& tokens) {
  for (size_t i = 1; i < tokens.size(); ++i) {
    if (tokens[i].is_name || tokens[i].text != "*") continue;
    const std::string& before = tokens[i - 1].text;
    if (before == "." || before == "select" || before == "distinct" || before == "returning")
      return true;
  }
  return false;
}

const std::string& shown_name(const TableUse& table) {
  return table.parent.empty() ? table.name : table.parent;
}

}  // namespace

std::optional<LastColumn> last_column(std::string_view sql, const DatabaseContext& context) {
  const std::vector<Token> tokens = tokens_of(sql);
  std::set<std::string> names;
  for (const Token& token : tokens) {
    if (token.is_name) names.insert(token.text);
  }
  std::vector<const TableUse*> tables;  // one per name; partitions share their parent's
  for (const TableUse& table : context.tables) {
    const bool known = std::ranges::any_of(tables, [&](const TableUse* other) {
      return shown_name(*other) == shown_name(table) && other->parent_schema == table.parent_schema;
    });
    if (!known && !table.columns.empty() && names.contains(shown_name(table)))
      tables.push_back(&table);
  }
  // With several tables a bare name could be any one's.
  if (tables.size() != 1) return std::nullopt;
  LastColumn last;
  last.table = tables[0];
  last.all = asks_for_all(tokens);
  for (const TableColumn& column : last.table->columns) {
    if (!last.all && !names.contains(column.name)) continue;
    if (last.column == nullptr || column.ordinal > last.column->ordinal) last.column = &column;
  }
  if (last.column == nullptr) return std::nullopt;
  return last;
}

}  // namespace pgflame::diagnose
