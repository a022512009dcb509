#include "symbolizer/recovery/citation.h"

#include <algorithm>
#include <array>
#include <string_view>
#include <unordered_map>
#include <utility>

#include <fmt/format.h>

#include "symbolizer/recovery/graph.h"

namespace pgflame::symbolizer {
namespace {

constexpr size_t kMaxQuoted = 48;

bool has_fact(const Program& program, uint32_t function, const Fact& fact) {
  const auto facts = program.facts_of(function);
  return std::binary_search(facts.begin(), facts.end(), fact);
}

std::string quoted(std::string_view text) {
  std::string plain(text.substr(0, kMaxQuoted));
  std::ranges::replace_if(
      plain, [](char c) { return c < ' ' || c > '~' || c == '"'; }, '.');
  return fmt::format("\"{}\"{}", plain, text.size() > kMaxQuoted ? "..." : "");
}

class Citations {
 public:
  Citations(const Program& program,
            const IncomingFacts& incoming,
            const std::vector<Testimony>& testimonies,
            const std::vector<Verdict>& verdicts)
      : program_(program), testimonies_(testimonies), verdicts_(verdicts), incoming_(incoming) {
    for (const Fact& fact : program.facts) {
      if (fact.kind == FactKind::kText) ++uses_[fact.value];
    }
  }

  // Empty when none of the facts can be said in a few words.
  std::string best_for(uint32_t function) const {
    const Testimony* witness = witness_of(function);
    if (witness == nullptr) return {};
    std::string text = own_fact(function, *witness);
    if (text.empty()) text = caller(function, *witness);
    if (text.empty()) text = callee(function, *witness);
    return text;
  }

 private:
  std::string_view name_of(uint32_t function) const {
    const std::string& known = program_.functions[function].name;
    if (!known.empty()) return known;
    const Verdict& verdict = verdicts_[function];
    return verdict.tier == NameTier::kRecovered ? std::string_view(verdict.name)
                                                : std::string_view();
  }

  const Testimony* witness_of(uint32_t function) const {
    for (const Testimony& testimony : testimonies_) {
      const Match& match = testimony.matches[function];
      if (match.reference == kNoFunction || match.is_part) continue;
      if (testimony.graph.program().functions[match.reference].name == verdicts_[function].name) {
        return &testimony;
      }
    }
    return nullptr;
  }

  // The string that the fewest functions refer to, else a slot of a table.
  std::string own_fact(uint32_t function, const Testimony& witness) const {
    const uint32_t reference = witness.matches[function].reference;
    const Fact* best = nullptr;
    for (const Fact& fact : program_.facts_of(function)) {
      const bool text = fact.kind == FactKind::kText;
      if ((!text && fact.kind != FactKind::kSlot) || !program_.wordings.contains(key_of(fact)))
        continue;
      if (!has_fact(witness.graph.program(), reference, fact)) continue;
      if (!text && best == nullptr) best = &fact;
      if (!text) continue;
      const bool rarer = best == nullptr || best->kind != FactKind::kText ||
                         uses_.at(fact.value) < uses_.at(best->value);
      if (rarer) best = &fact;
    }
    if (best == nullptr) return {};
    const Wording& word = program_.wordings.at(key_of(*best));
    if (best->kind == FactKind::kSlot) return fmt::format("in {}+{:#x}", word.text, word.offset);
    const uint32_t uses = uses_.at(best->value);
    return fmt::format("{}string {}", uses == 1 ? "the only one with " : "", quoted(word.text));
  }

  std::string caller(uint32_t function, const Testimony& witness) const {
    const uint32_t reference = witness.matches[function].reference;
    for (const IncomingFact& fact : incoming_.of(function)) {
      const std::string_view name = name_of(fact.from);
      const uint32_t theirs = witness.matches[fact.from].reference;
      const auto kind = edge_of(fact.kind);
      if (name.empty() || theirs == kNoFunction) continue;
      if (witness.graph.program().functions[theirs].name != name) continue;
      if (!has_fact(witness.graph.program(), theirs, {kind, reference, fact.extra})) continue;
      if (is_doubtful(fact.from, {kind, function, fact.extra})) continue;
      constexpr std::array<std::string_view, 3> kSaid{
          "called by {}", "its address is taken by {}", "in a table of {}"};
      return fmt::format(fmt::runtime(kSaid[static_cast<size_t>(kind)]), name);
    }
    return {};
  }

  std::string callee(uint32_t function, const Testimony& witness) const {
    const uint32_t reference = witness.matches[function].reference;
    for (const Fact& fact : program_.facts_of(function)) {
      if (fact.kind != FactKind::kCall && fact.kind != FactKind::kTake) continue;
      const std::string_view name = name_of(fact.value);
      const uint32_t theirs = witness.matches[fact.value].reference;
      if (name.empty() || theirs == kNoFunction) continue;
      if (!has_fact(witness.graph.program(), reference, {fact.kind, theirs, fact.extra})) continue;
      return fmt::format("{} {}", fact.kind == FactKind::kCall ? "calls" : "takes", name);
    }
    return {};
  }

  bool is_doubtful(uint32_t from, const Fact& fact) const {
    return std::ranges::binary_search(program_.doubtful, std::pair(from, fact));
  }

  static FactKind edge_of(TokenKind kind) {
    if (kind == TokenKind::kCalledBy) return FactKind::kCall;
    return kind == TokenKind::kTakenBy ? FactKind::kTake : FactKind::kVia;
  }

  const Program& program_;
  const std::vector<Testimony>& testimonies_;
  const std::vector<Verdict>& verdicts_;
  const IncomingFacts& incoming_;
  std::unordered_map<uint32_t, uint32_t> uses_;  // functions with a string, by its hash
};

}  // namespace

void cite_facts(const Program& program,
                const IncomingFacts& incoming,
                const std::vector<Testimony>& testimonies,
                std::vector<Verdict>& verdicts) {
  const Citations citations(program, incoming, testimonies, verdicts);
  for (uint32_t i = 0; i < verdicts.size(); ++i) {
    Verdict& verdict = verdicts[i];
    if (verdict.tier != NameTier::kRecovered || !program.functions[i].name.empty()) continue;
    const std::string fact = citations.best_for(i);
    if (!fact.empty()) verdict.evidence = fact + ", " + verdict.evidence;
  }
}

}  // namespace pgflame::symbolizer
