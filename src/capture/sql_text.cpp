#include "src/capture/sql_text.h"

#include <algorithm>

#include "src/base/hash_index.h"

namespace pgflame::capture {
namespace {

bool is_blank(char c) {
  return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f' || c == '\v';
}
bool is_digit(char c) {
  return c >= '0' && c <= '9';
}
bool is_name_start(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' ||
         static_cast<unsigned char>(c) >= 0x80;
}
bool is_name(char c) {
  return is_name_start(c) || is_digit(c) || c == '$';
}
char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

enum class TokenKind { kEnd, kBlank, kLiteral, kWord, kOther };

struct Token {
  TokenKind kind = TokenKind::kEnd;
  std::string_view text;
};

class Lexer {
 public:
  explicit Lexer(std::string_view sql) : left_(sql) {}

  // Comments count as blanks; neighbouring blanks come as several tokens.
  Token next() {
    if (left_.empty()) return {};
    const char c = left_[0];
    if (is_blank(c)) return take(TokenKind::kBlank, 1);
    if (left_.starts_with("--")) return take(TokenKind::kBlank, left_.find('\n'));
    if (left_.starts_with("/*")) return take(TokenKind::kBlank, comment_size());
    if (c == '\'') return take(TokenKind::kLiteral, string_size(0, Escapes::kUnknown));
    if (c == '"') return take(TokenKind::kWord, quoted_name_size());
    if (c == '$') return dollar();
    if (is_digit(c) || (c == '.' && left_.size() > 1 && is_digit(left_[1]))) {
      return take(TokenKind::kLiteral, number_size());
    }
    if (is_name_start(c)) return word();
    return take(TokenKind::kOther, 1);
  }

 private:
  Token take(TokenKind kind, size_t size) {
    const Token token{kind, left_.substr(0, size)};
    left_.remove_prefix(token.text.size());
    return token;
  }

  size_t comment_size() const {
    int depth = 0;
    for (size_t at = 0; at + 1 < left_.size();) {
      const auto two = left_.substr(at, 2);
      depth += two == "/*" ? 1 : two == "*/" ? -1 : 0;
      at += two == "/*" || two == "*/" ? 2 : 1;
      if (depth == 0) return at;
    }
    return left_.size();
  }

  enum class Escapes { kYes, kUnknown };

  // Of the string whose opening quote is at `quote`.
  size_t string_size(size_t quote, Escapes escapes) const {
    for (size_t at = quote + 1; at < left_.size(); ++at) {
      if (left_[at] == '\\') {
        const bool before_quote = at + 1 >= left_.size() || left_[at + 1] == '\'';
        if (escapes == Escapes::kUnknown && before_quote) return left_.size();
        if (escapes == Escapes::kYes) ++at;
      } else if (left_[at] == '\'') {
        if (at + 1 >= left_.size() || left_[at + 1] != '\'') return at + 1;
        ++at;
      }
    }
    return left_.size();
  }

  size_t quoted_name_size() const {
    const auto end = left_.find('"', 1);
    return end == std::string_view::npos ? left_.size() : end + 1;
  }

  // $1, $$text$$, $tag$text$tag$
  Token dollar() {
    size_t at = 1;
    if (at < left_.size() && is_digit(left_[at])) {
      while (at < left_.size() && is_digit(left_[at]))
        ++at;
      return take(TokenKind::kWord, at);
    }
    while (at < left_.size() && is_name(left_[at]) && left_[at] != '$')
      ++at;
    if (at >= left_.size()) return take(TokenKind::kLiteral, left_.size());
    if (left_[at] != '$') return take(TokenKind::kOther, 1);
    const auto tag = left_.substr(0, at + 1);
    const auto end = left_.find(tag, at + 1);
    return take(TokenKind::kLiteral,
                end == std::string_view::npos ? left_.size() : end + tag.size());
  }

  size_t number_size() const {
    size_t at = 0;
    while (at < left_.size()) {
      const char c = left_[at];
      const bool sign = (c == '+' || c == '-') && at > 0 && lower(left_[at - 1]) == 'e' &&
                        !left_.starts_with("0x") && !left_.starts_with("0X");
      if (!is_digit(c) && !is_name_start(c) && c != '.' && !sign) break;
      ++at;
    }
    return at;
  }

  // A name, or a letter that belongs to the string behind it: E'..', B'..', X'..', N'..', U&'..'.
  Token word() {
    const char first = lower(left_[0]);
    const size_t prefix = first == 'u' && left_.size() > 2 && left_[1] == '&' ? 2 : 1;
    const bool can_prefix =
        prefix == 2 || first == 'e' || first == 'b' || first == 'x' || first == 'n';
    if (can_prefix && left_.size() > prefix && left_[prefix] == '\'') {
      const auto escapes = first == 'e' ? Escapes::kYes : Escapes::kUnknown;
      return take(TokenKind::kLiteral, string_size(prefix, escapes));
    }
    size_t at = 1;
    while (at < left_.size() && is_name(left_[at]))
      ++at;
    return take(TokenKind::kWord, at);
  }

  std::string_view left_;
};

bool same_word(std::string_view text, std::string_view wanted) {
  return std::ranges::equal(text, wanted, {}, lower);
}

// Writes tokens, and takes lists of literals behind IN together.
class Writer {
 public:
  void write(const Token& token) {
    if (token.kind == TokenKind::kBlank) {
      blank_ = !text_.empty();
      return;
    }
    if (in_list_ != InList::kNo && skip_in_list(token)) return;
    if (token.kind == TokenKind::kLiteral) {
      append("$" + std::to_string(++literals_));
    } else {
      append(token.text);
    }
    follow_in_list(token);
  }
  std::string take() && { return std::move(text_); }

 private:
  enum class InList { kNo, kExpected, kOpen, kAfterFirst };

  void append(std::string_view part) {
    if (blank_) text_ += ' ';
    blank_ = false;
    text_ += part;
  }

  // Behind the first literal of a list: further literals and their commas are left out.
  bool skip_in_list(const Token& token) {
    if (in_list_ != InList::kAfterFirst) return false;
    const bool comma = token.text == ",";
    if (comma || token.kind == TokenKind::kLiteral) {
      if (comma && !dots_) text_ += ", ...";
      dots_ = dots_ || comma;
      blank_ = false;
      return true;
    }
    return false;
  }

  void follow_in_list(const Token& token) {
    if (token.kind == TokenKind::kWord && same_word(token.text, "in")) {
      in_list_ = InList::kExpected;
    } else if (in_list_ == InList::kExpected && token.text == "(") {
      in_list_ = InList::kOpen;
      dots_ = false;
    } else if (in_list_ == InList::kOpen && token.kind == TokenKind::kLiteral) {
      in_list_ = InList::kAfterFirst;
    } else {
      in_list_ = InList::kNo;
    }
  }

  std::string text_;
  bool blank_ = false;
  bool dots_ = false;
  int literals_ = 0;
  InList in_list_ = InList::kNo;
};

}  // namespace

std::string without_literals(std::string_view sql) {
  Lexer lexer(sql);
  Writer writer;
  for (Token token = lexer.next(); token.kind != TokenKind::kEnd; token = lexer.next())
    writer.write(token);
  return std::move(writer).take();
}

uint64_t query_id_of_text(std::string_view normalized) {
  const uint64_t hash = hash_bytes(normalized, 0x9061);
  return hash == 0 ? 1 : hash;
}

}  // namespace pgflame::capture
