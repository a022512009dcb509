// A program prepared for comparison: its facts as sorted tokens in the vocabulary of the reference,
// with the callers' side added.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "src/base/hash_index.h"
#include "symbolizer/recovery/program.h"

namespace pgflame::symbolizer {

// What a token is about: a FactKind, or the other side of one.
enum class TokenKind : uint8_t {
  kCall,
  kTake,
  kVia,
  kSlot,
  kImport,
  kText,
  kData,
  kConstant,
  kField,
  kCalledBy,
  kTakenBy,
  kHeldBy,  // in a table that this function refers to
};

// Kind and identity in one number; tokens of two programs are equal when they mean the same.
using Token = uint64_t;

constexpr Token make_token(TokenKind kind, uint64_t value, uint64_t extra = 0) {
  return static_cast<uint64_t>(kind) << 56 | (extra & 0xffffff) << 32 | (value & 0xffffffff);
}
constexpr TokenKind kind_of(Token token) {
  return static_cast<TokenKind>(token >> 56);
}
constexpr uint32_t value_of(Token token) {
  return static_cast<uint32_t>(token);
}

// Whether the token's value is a name, that is, another function.
constexpr bool is_about_function(TokenKind kind) {
  return kind <= TokenKind::kVia || kind >= TokenKind::kCalledBy;
}

inline constexpr uint32_t kForeign = UINT32_MAX;

// An edge seen from its end.
struct IncomingFact {
  TokenKind kind = TokenKind::kCalledBy;
  uint32_t from = 0;  // function
  uint32_t extra = 0;
  uint32_t fact = 0;  // row of Program::facts
};

class IncomingFacts {
 public:
  explicit IncomingFacts(const Program& program);
  std::span<const IncomingFact> of(uint32_t function) const {
    return std::span(facts_).subspan(first_[function], first_[function + 1] - first_[function]);
  }

  std::span<const IncomingFact> all() const { return facts_; }

 private:
  std::vector<IncomingFact> facts_;
  std::vector<uint32_t> first_;
};

// The reference, with how rare each token is in it.
class ReferenceGraph {
 public:
  explicit ReferenceGraph(Program program);

  const Program& program() const { return program_; }

  // A token's number in the reference's sorted vocabulary; kForeign when it does not occur there.
  uint32_t number_of(Token token) const {
    static_assert(HashIndex::kAbsent == kForeign);
    return index_.find(hash_mix(0, token),
                       [&](uint32_t other) { return words_[other].meaning == token; });
  }
  Token token(uint32_t number) const { return words_[number].meaning; }
  size_t vocabulary_size() const { return words_.size(); }
  // The numbers of the tokens about a function of this name (see name_of).
  std::span<const uint32_t> about(uint32_t name) const {
    return std::span(about_).subspan(first_about_[name],
                                     first_about_[name + 1] - first_about_[name]);
  }
  // Bits of information in the fact that a function has this token.
  float bits(uint32_t number) const { return words_[number].bits; }
  float foreign_bits() const;
  // The functions that have a token, when it is rare enough to be looked up by.
  std::span<const uint32_t> holders(uint32_t number) const {
    return std::span(holders_).subspan(first_holder_[number],
                                       first_holder_[number + 1] - first_holder_[number]);
  }

  // Those of a function's tokens that are too common to be looked up by, sorted.
  std::span<const uint32_t> common(uint32_t function) const {
    return std::span(common_).subspan(first_common_[function],
                                      first_common_[function + 1] - first_common_[function]);
  }

  // The numbers of a function's tokens, sorted.
  std::span<const uint32_t> tokens(uint32_t function) const {
    return std::span(tokens_).subspan(first_[function], first_[function + 1] - first_[function]);
  }
  // Also those it would have if all it calls in its own file were inlined into it, and it into its
  // callers there. Sorted; the last one is kForeign. Valid until the next call. One thread at a
  // time: what was made is kept.
  std::span<const uint32_t> closure(uint32_t function) const;
  void forget_closures();

  uint32_t name_of(uint32_t function) const { return names_[function]; }
  bool has_name(std::string_view name) const {
    return first_of_name(name, hash_bytes(name)) != kNoFunction;
  }
  // The one function of this name, an exported one first; kNoFunction when there are several.
  uint32_t find(std::string_view name) const;

 private:
  uint32_t first_of_name(std::string_view name, uint64_t hash) const;
  void number_names();
  void number_tokens();
  void index_holders();
  void index_names();
  void read_tokens(uint32_t function, std::vector<Token>& tokens) const;
  void add_merged(uint32_t function, bool callers) const;
  template <typename Visit>
  void for_each_mergeable(uint32_t function, uint32_t of, bool callers, Visit&& visit) const;
  bool may_merge(uint32_t function, uint32_t other) const;

  Program program_;
  IncomingFacts incoming_;
  std::vector<uint32_t> names_;      // by function: the first function of the same name
  HashIndex by_name_;                // into functions: the first of each name
  std::vector<uint32_t> next_same_;  // by function: the next of the same name
  struct Word {
    Token meaning = 0;
    float bits = 0;
  };
  std::vector<Word> words_;      // the vocabulary, sorted by meaning
  uint32_t first_incoming_ = 0;  // of the words: they and all after it are about callers
  HashIndex index_;              // into words_, by meaning
  std::vector<uint32_t> tokens_;
  std::vector<uint32_t> first_;
  std::vector<uint32_t> holders_;
  std::vector<uint32_t> first_holder_;
  std::vector<uint32_t> common_;
  std::vector<uint32_t> first_common_;
  std::vector<uint32_t> about_;
  std::vector<uint32_t> first_about_;  // by name
  struct Closure {
    size_t first = 0;
    size_t count = 0;
  };
  mutable std::vector<Closure> closures_;  // by function, made on demand
  mutable std::vector<uint32_t> in_closures_;
  mutable std::vector<uint32_t> last_closure_;  // by word: the last made that has it
};

}  // namespace pgflame::symbolizer
