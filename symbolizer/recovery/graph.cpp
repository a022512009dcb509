#include "symbolizer/recovery/graph.h"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <utility>

#include "symbolizer/recovery/sorted.h"

namespace pgflame::symbolizer {
namespace {

constexpr uint32_t kMaxHolders = 64;
constexpr int kInlineDepth = 3;
constexpr size_t kMaxInlined = 64;

TokenKind other_side(FactKind kind) {
  switch (kind) {
    case FactKind::kCall:
      return TokenKind::kCalledBy;
    case FactKind::kTake:
      return TokenKind::kTakenBy;
    default:
      return TokenKind::kHeldBy;
  }
}

bool is_edge(FactKind kind) {
  return kind == FactKind::kCall || kind == FactKind::kTake || kind == FactKind::kVia;
}

float bits_of(TokenKind kind, size_t functions, uint32_t holders) {
  const float rarity = std::log2(static_cast<float>(functions + 1) / static_cast<float>(holders));
  switch (kind) {
    case TokenKind::kField:
      return rarity * 0.3F;
    case TokenKind::kConstant:
      return rarity * 0.6F;
    default:
      return rarity;
  }
}

}  // namespace

IncomingFacts::IncomingFacts(const Program& program) : first_(program.functions.size() + 1) {
  for (const Fact& fact : program.facts) {
    if (is_edge(fact.kind)) ++first_[fact.value + 1];
  }
  for (size_t i = 1; i < first_.size(); ++i)
    first_[i] += first_[i - 1];
  facts_.resize(first_.back());
  std::vector<uint32_t> next(first_.begin(), first_.end() - 1);
  for (uint32_t from = 0; from < program.functions.size(); ++from) {
    for (const Fact& fact : program.facts_of(from)) {
      if (!is_edge(fact.kind)) continue;
      const auto row = static_cast<uint32_t>(&fact - program.facts.data());
      facts_[next[fact.value]++] = {other_side(fact.kind), from, fact.extra, row};
    }
  }
}

ReferenceGraph::ReferenceGraph(Program program)
    : program_(std::move(program)),
      incoming_(program_),
      names_(program_.functions.size(), kNoFunction),
      next_same_(program_.functions.size(), kNoFunction),
      first_(1),
      closures_(program_.functions.size()) {
  number_names();
  number_tokens();
  index_holders();
  index_names();
}

uint32_t ReferenceGraph::first_of_name(std::string_view name, uint64_t hash) const {
  static_assert(HashIndex::kAbsent == kNoFunction);
  return by_name_.find(hash,
                       [&](uint32_t other) { return program_.functions[other].name == name; });
}

void ReferenceGraph::number_names() {
  std::vector<uint32_t> last(program_.functions.size());  // by the first of a name
  for (uint32_t i = 0; i < program_.functions.size(); ++i) {
    const std::string& name = program_.functions[i].name;
    if (name.empty()) continue;
    const uint64_t hash = hash_bytes(name);
    names_[i] = first_of_name(name, hash);
    if (names_[i] == kNoFunction) {
      names_[i] = i;
      by_name_.insert(hash, i);
    } else {
      next_same_[last[names_[i]]] = i;
    }
    last[names_[i]] = i;
  }
}

void ReferenceGraph::read_tokens(uint32_t function, std::vector<Token>& tokens) const {
  tokens.clear();
  for (const Fact& fact : program_.facts_of(function)) {
    const auto kind = static_cast<TokenKind>(fact.kind);
    const uint32_t value = is_edge(fact.kind) ? names_[fact.value] : fact.value;
    if (!is_edge(fact.kind) || value != kNoFunction) {
      tokens.push_back(make_token(kind, value, fact.extra));
    }
  }
  for (const IncomingFact& fact : incoming_.of(function)) {
    if (names_[fact.from] == kNoFunction) continue;
    tokens.push_back(make_token(fact.kind, names_[fact.from], fact.extra));
  }
  sort_unique(tokens);
}

// Numbers the tokens in the order of their meaning.
void ReferenceGraph::number_tokens() {
  std::vector<Token> seen;  // in the order of their first use
  HashIndex rows;
  std::vector<Token> tokens;
  for (uint32_t i = 0; i < program_.functions.size(); ++i) {
    read_tokens(i, tokens);
    for (const Token token : tokens) {
      const uint64_t hash = hash_mix(0, token);
      uint32_t row = rows.find(hash, [&](uint32_t other) { return seen[other] == token; });
      if (row == HashIndex::kAbsent) {
        row = static_cast<uint32_t>(seen.size());
        rows.insert(hash, row);
        seen.push_back(token);
      }
      tokens_.push_back(row);
    }
    first_.push_back(static_cast<uint32_t>(tokens_.size()));
  }
  std::vector<std::pair<Token, uint32_t>> order;
  order.reserve(seen.size());
  for (const Token token : seen)
    order.emplace_back(token, static_cast<uint32_t>(order.size()));
  std::sort(order.begin(), order.end());
  words_.reserve(seen.size());
  std::vector<uint32_t> numbers(seen.size());
  for (const auto& [token, row] : order) {
    numbers[row] = static_cast<uint32_t>(words_.size());
    index_.insert(hash_mix(0, token), numbers[row]);
    words_.push_back({token, 0});
  }
  for (uint32_t& token : tokens_)
    token = numbers[token];
  const auto incoming =
      std::ranges::lower_bound(words_, make_token(TokenKind::kCalledBy, 0), {}, &Word::meaning);
  first_incoming_ = static_cast<uint32_t>(incoming - words_.begin());
}

void ReferenceGraph::index_holders() {
  std::vector<uint32_t> counts(words_.size());
  for (const uint32_t token : tokens_)
    ++counts[token];
  first_holder_.assign(words_.size() + 1, 0);
  for (size_t i = 0; i < words_.size(); ++i) {
    words_[i].bits = bits_of(kind_of(words_[i].meaning), program_.functions.size(), counts[i]);
    first_holder_[i + 1] = first_holder_[i] + (counts[i] <= kMaxHolders ? counts[i] : 0);
  }
  holders_.resize(first_holder_.back());
  std::vector<uint32_t> next = first_holder_;
  last_closure_.assign(words_.size(), kNoFunction);
  first_common_.assign(1, 0);
  for (uint32_t i = 0; i < program_.functions.size(); ++i) {
    for (const uint32_t token : tokens(i)) {
      if (counts[token] <= kMaxHolders) {
        holders_[next[token]++] = i;
      } else {
        common_.push_back(token);
      }
    }
    first_common_.push_back(static_cast<uint32_t>(common_.size()));
  }
}

void ReferenceGraph::index_names() {
  first_about_.assign(names_.size() + 1, 0);
  for (const Word& word : words_) {
    if (is_about_function(kind_of(word.meaning))) ++first_about_[value_of(word.meaning) + 1];
  }
  for (size_t i = 1; i < first_about_.size(); ++i)
    first_about_[i] += first_about_[i - 1];
  about_.resize(first_about_.back());
  std::vector<uint32_t> next(first_about_.begin(), first_about_.end() - 1);
  for (uint32_t i = 0; i < words_.size(); ++i) {
    const Token token = words_[i].meaning;
    if (is_about_function(kind_of(token))) about_[next[value_of(token)]++] = i;
  }
}

float ReferenceGraph::foreign_bits() const {
  return std::log2(static_cast<float>(program_.functions.size() + 1));
}

uint32_t ReferenceGraph::find(std::string_view name) const {
  const uint32_t first = first_of_name(name, hash_bytes(name));
  if (first == kNoFunction || next_same_[first] == kNoFunction) return first;
  uint32_t best = kNoFunction;
  for (uint32_t function = first; function != kNoFunction; function = next_same_[function]) {
    if (!program_.functions[function].exported) continue;
    if (best != kNoFunction) return kNoFunction;
    best = function;
  }
  return best;
}

// Compilers inline within a file, and functions of headers anywhere.
bool ReferenceGraph::may_merge(uint32_t function, uint32_t other) const {
  return program_.functions[other].file == program_.functions[function].file ||
         !program_.functions[other].exported;
}

// The callees or callers of a function that may be one with it in another build.
template <typename Visit>
void ReferenceGraph::for_each_mergeable(uint32_t function,
                                        uint32_t of,
                                        bool callers,
                                        Visit&& visit) const {
  if (callers) {
    for (const IncomingFact& fact : incoming_.of(of)) {
      if (fact.kind == TokenKind::kCalledBy && may_merge(function, fact.from)) visit(fact.from);
    }
    return;
  }
  for (const Fact& fact : program_.facts_of(of)) {
    if (fact.kind == FactKind::kCall && may_merge(function, fact.value)) visit(fact.value);
  }
}

void ReferenceGraph::add_merged(uint32_t function, bool callers) const {
  std::vector<uint32_t> merged{function};
  auto add = [&](uint32_t other) {
    if (merged.size() < kMaxInlined && std::ranges::find(merged, other) == merged.end()) {
      merged.push_back(other);
    }
  };
  size_t next = 0;
  for (int depth = 0; depth < kInlineDepth; ++depth) {
    for (const size_t end = merged.size(); next < end; ++next)
      for_each_mergeable(function, merged[next], callers, add);
  }
  for (const uint32_t other : merged) {
    const std::span<const uint32_t> all = tokens(other);
    const auto incoming = std::ranges::lower_bound(all, first_incoming_);
    std::copy_if(
        callers ? incoming : all.begin(),
        callers ? all.end() : incoming,
        std::back_inserter(in_closures_),
        [&](uint32_t token) { return std::exchange(last_closure_[token], function) != function; });
  }
}

std::span<const uint32_t> ReferenceGraph::closure(uint32_t function) const {
  Closure& closure = closures_[function];
  if (closure.count == 0) {
    closure.first = in_closures_.size();
    add_merged(function, false);
    add_merged(function, true);
    in_closures_.push_back(kForeign);  // never empty once made
    closure.count = in_closures_.size() - closure.first;
    std::sort(in_closures_.end() - static_cast<ptrdiff_t>(closure.count), in_closures_.end());
  }
  return std::span(in_closures_).subspan(closure.first, closure.count);
}

void ReferenceGraph::forget_closures() {
  closures_.assign(closures_.size(), {});
  in_closures_ = {};
  last_closure_.assign(last_closure_.size(), kNoFunction);
}

}  // namespace pgflame::symbolizer
