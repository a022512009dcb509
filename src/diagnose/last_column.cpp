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

// What the words of a statement are, by their neighbours. Where the grammar would be needed to be
// sure, the answer is doubt.
class Statement {
 public:
  explicit Statement(std::string_view sql) : tokens_(tokens_of(sql)) {}

  enum class Star { kNone, kAll, kDoubt };

  bool names_table(const std::string& name) const { return !mentions(name).empty(); }

  // Named for its rows to be read, not only for rows to be put into it.
  bool reads(const std::string& table) const {
    return std::ranges::any_of(mentions(table), [&](size_t i) { return !is_target(i); });
  }

  // Whether all columns of the table are asked for: "*" as a select list or behind "t.", not a
  // multiplication and not count(*).
  Star star(const std::string& table) const {
    const std::set<std::string> qualifiers = qualifiers_of(table);
    bool doubt = has_set_operation() ||
                 std::ranges::any_of(mentions(table), [&](size_t i) { return is_target(i); });
    bool all = false;
    int depth = 0;
    for (size_t i = 0; i < tokens_.size(); ++i) {
      const std::string_view text = word(i);
      depth += text == "(" ? 1 : text == ")" ? -1 : 0;
      doubt = doubt || begins_derived_table(i);
      if (text != "*" || !is_all(i, qualifiers)) continue;
      all = true;
      // The outer query may use only some of them, EXISTS uses none.
      doubt = doubt || depth > 0;
    }
    return !all ? Star::kNone : doubt ? Star::kDoubt : Star::kAll;
  }

  // Those of `columns` that the text names.
  std::set<std::string> columns(const std::string& table,
                                const std::set<std::string>& columns) const {
    const std::set<std::string> qualifiers = qualifiers_of(table);
    std::set<std::string> named;
    for (size_t i = 0; i < tokens_.size(); ++i) {
      if (!tokens_[i].is_name || !columns.contains(tokens_[i].text) || is_label(i)) continue;
      // A function, a qualifier, the type of a literal.
      if (word(i + 1) == "(" || word(i + 1) == "." || word(i + 1) == "$") continue;
      if (before(i, 1) == "." && !qualifiers.contains(std::string(before(i, 2)))) continue;
      // An alias without AS.
      if (i > 0 && tokens_[i - 1].is_name && columns.contains(tokens_[i - 1].text)) continue;
      named.insert(tokens_[i].text);
    }
    return named;
  }

 private:
  std::string_view word(size_t i) const {
    return i < tokens_.size() ? std::string_view(tokens_[i].text) : std::string_view();
  }
  std::string_view before(size_t i, size_t steps) const {
    return i >= steps ? word(i - steps) : std::string_view();
  }

  // Behind AS stand aliases and types, behind :: types.
  bool is_label(size_t i) const {
    return before(i, 1) == "as" || (before(i, 1) == ":" && before(i, 2) == ":");
  }

  // What stands before the table at `i` and its schema.
  std::string_view before_table(size_t i) const {
    return before(i, 1) == "." ? before(i, 3) : before(i, 1);
  }
  bool is_target(size_t i) const { return before_table(i) == "into"; }

  std::vector<size_t> mentions(const std::string& table) const {
    std::vector<size_t> found;
    for (size_t i = 0; i < tokens_.size(); ++i) {
      if (!tokens_[i].is_name || tokens_[i].text != table || is_label(i)) continue;
      const std::string_view earlier = before_table(i);
      const bool with_columns = earlier == "into" || earlier == "on" || earlier == "copy";
      if (word(i + 1) != "." && (word(i + 1) != "(" || with_columns)) found.push_back(i);
    }
    return found;
  }

  // The table's name and its aliases.
  std::set<std::string> qualifiers_of(const std::string& table) const {
    std::set<std::string> names{table};
    for (size_t i : mentions(table)) {
      if (word(++i) == "as") ++i;
      if (i < tokens_.size() && tokens_[i].is_name) names.insert(tokens_[i].text);
    }
    return names;
  }

  bool has_set_operation() const {
    return std::ranges::any_of(tokens_, [](const Token& token) {
      return token.text == "union" || token.text == "intersect" || token.text == "except";
    });
  }

  bool begins_derived_table(size_t i) const {
    if (word(i) != "(" || (word(i + 1) != "select" && word(i + 1) != "with")) return false;
    const std::string_view earlier = before(i, 1);
    return earlier == "from" || earlier == "join" || earlier == "lateral" || earlier == "," ||
           earlier == "as" || earlier == "materialized";
  }

  // Of the "*" at `i`.
  bool is_all(size_t i, const std::set<std::string>& qualifiers) const {
    const std::string_view earlier = before(i, 1);
    if (earlier == ".") return qualifiers.contains(std::string(before(i, 2)));
    // DISTINCT ON (a) * FROM
    if (earlier == ")") return word(i + 1) == "from" || word(i + 1) == ",";
    return earlier == "," || earlier == "select" || earlier == "distinct" || earlier == "all" ||
           earlier == "returning";
  }

  std::vector<Token> tokens_;
};

const std::string& shown_name(const TableUse& table) {
  return table.parent.empty() ? table.name : table.parent;
}

}  // namespace

std::optional<LastColumn> last_column(std::string_view sql, const DatabaseContext& context) {
  const Statement statement(sql);
  std::vector<const TableUse*> tables;  // one per name; partitions share their parent's
  for (const TableUse& table : context.tables) {
    const bool known = std::ranges::any_of(tables, [&](const TableUse* other) {
      return shown_name(*other) == shown_name(table) && other->parent_schema == table.parent_schema;
    });
    if (!known && !table.columns.empty() && statement.names_table(shown_name(table)))
      tables.push_back(&table);
  }
  // With several tables a bare name could be any one's.
  if (tables.size() != 1 || !statement.reads(shown_name(*tables[0]))) return std::nullopt;
  const std::string& name = shown_name(*tables[0]);
  const Statement::Star star = statement.star(name);
  if (star == Statement::Star::kDoubt) return std::nullopt;
  LastColumn last;
  last.table = tables[0];
  last.all = star == Statement::Star::kAll;
  std::set<std::string> names;
  for (const TableColumn& column : last.table->columns)
    names.insert(column.name);
  names = statement.columns(name, names);
  for (const TableColumn& column : last.table->columns) {
    if (!last.all && !names.contains(column.name)) continue;
    if (last.column == nullptr || column.ordinal > last.column->ordinal) last.column = &column;
  }
  if (last.column == nullptr) return std::nullopt;
  return last;
}

}  // namespace pgflame::diagnose
