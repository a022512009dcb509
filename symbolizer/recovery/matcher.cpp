#include "symbolizer/recovery/matcher.h"

#include "symbolizer/recovery/matcher_state.h"

namespace pgflame::symbolizer {

bool Matcher::is_open(uint32_t function) const {
  const ProgramFunction& row = target_.functions[function];
  return matches_[function].reference == kNoFunction && row.name.empty() && row.size != 0;
}

void Matcher::accept(uint32_t function, uint32_t reference) {
  matches_[function].reference = reference;
  names_[function] = reference_.name_of(reference);
  taken_[reference] = function;
  for (const uint32_t token : reference_.about(names_[function]))
    words_[token].known = true;
  number_edges(function);
}

// What refers to a function, and what it refers to, is told by its name.
void Matcher::number_edges(uint32_t function) {
  const uint32_t name = names_[function];
  for (const IncomingFact& fact : incoming_.of(function)) {
    const auto kind = static_cast<TokenKind>(target_.facts[fact.fact].kind);
    fact_numbers_[fact.fact] = reference_.number_of(make_token(kind, name, fact.extra));
  }
  const ProgramFunction& row = target_.functions[function];
  for (uint32_t i = row.first_fact; i < row.first_fact + row.fact_count; ++i) {
    if (!is_edge(target_.facts[i].kind)) continue;
    const uint32_t end = incoming_rows_[i];
    const IncomingFact& fact = incoming_.all()[end];
    incoming_numbers_[end] = reference_.number_of(make_token(fact.kind, name, fact.extra));
  }
}

// A new name tells more about the function's neighbours, by calls and by place.
void Matcher::disturb(uint32_t function) {
  for (const Fact& fact : target_.facts_of(function)) {
    if (is_edge(fact.kind)) stale_[fact.value] = true;
  }
  for (const IncomingFact& fact : incoming_.of(function))
    stale_[fact.from] = true;
  for (uint32_t i = function; i-- > 0 && matches_[i].reference == kNoFunction;)
    stale_[i] = true;
  for (uint32_t i = function + 1; i < stale_.size() && matches_[i].reference == kNoFunction; ++i)
    stale_[i] = true;
}

void Matcher::match_names() {
  for (uint32_t i = 0; i < target_.functions.size(); ++i) {
    const std::string& name = target_.functions[i].name;
    if (name.empty()) continue;
    const uint32_t found = reference_.find(name);
    if (found == kNoFunction || taken_[found] != kNoFunction) continue;
    accept(i, found);
    matches_[i].by_name = true;
  }
}

void Matcher::find_neighbours() {
  const size_t count = target_.functions.size();
  before_.assign(count, kNoFunction);
  after_.assign(count, kNoFunction);
  uint32_t last = kNoFunction;
  for (size_t i = 0; i < count; ++i) {
    before_[i] = last;
    if (matches_[i].reference != kNoFunction) last = matches_[i].reference;
  }
  last = kNoFunction;
  for (size_t i = count; i-- > 0;) {
    after_[i] = last;
    if (matches_[i].reference != kNoFunction) last = matches_[i].reference;
  }
}

void Matcher::collect_candidates(uint32_t function, const Features& features) {
  candidates_.clear();
  const std::span<const uint32_t> tokens = features.tokens;
  auto add = [&](uint32_t reference) {
    if (taken_[reference] == kNoFunction && !reference_.program().functions[reference].exported) {
      candidates_.push_back({reference, 0});
    }
  };
  const uint32_t before = before_[function];
  const uint32_t after = after_[function];
  if (before < after && after != kNoFunction && after - before <= kMaxGap) {
    for (uint32_t i = before + 1; i < after; ++i)
      add(i);
  }
  for (const uint32_t token : tokens) {
    for (const uint32_t holder : reference_.holders(token)) {
      if (shared_[holder] == 0) add(holder);
      shared_[holder] += reference_.bits(token);
    }
  }
  for (Candidate& candidate : candidates_)
    candidate.shared = shared_[candidate.reference];
  for (const uint32_t token : tokens) {
    for (const uint32_t holder : reference_.holders(token))
      shared_[holder] = 0;
  }
  std::erase_if(candidates_, [&](const Candidate& candidate) {
    return most_bits(features, candidate.shared + features.common_bits) + kMostAside < least_;
  });
  // The likeliest first, so that the others can be given up early.
  std::ranges::sort(candidates_, [](const Candidate& a, const Candidate& b) {
    return a.shared != b.shared ? a.shared > b.shared : a.reference < b.reference;
  });
}

// The linker keeps files together and the compiler mostly the order within them.
float Matcher::closeness(uint32_t function, uint32_t reference) const {
  const uint32_t before = before_[function];
  const uint32_t after = after_[function];
  if (before < reference && reference < after && after != kNoFunction &&
      after - before <= kMaxGap) {
    return kMostClose - std::log2(static_cast<float>(after - before));
  }
  const uint32_t file = reference_.program().functions[reference].file;
  auto same_file = [&](uint32_t other) {
    return other != kNoFunction && file != 0 && reference_.program().functions[other].file == file;
  };
  if (same_file(before) && same_file(after)) return 3.0F;
  if (same_file(before) || same_file(after)) return 1.0F;
  return -6.0F;
}

void Matcher::read_vocabulary() {
  words_.resize(reference_.vocabulary_size());
  for (uint32_t i = 0; i < words_.size(); ++i) {
    const TokenKind kind = kind_of(reference_.token(i));
    words_[i] = {.bits = reference_.bits(i),
                 .weak = is_weak(kind),
                 .caller = kind >= TokenKind::kCalledBy,
                 .known = !is_about_function(kind)};
  }
  fact_numbers_.assign(target_.facts.size(), kNameless);
  incoming_numbers_.assign(incoming_.all().size(), kNameless);
  incoming_rows_.resize(target_.facts.size());
  for (uint32_t i = 0; i < incoming_.all().size(); ++i)
    incoming_rows_[incoming_.all()[i].fact] = i;
  for (size_t i = 0; i < target_.facts.size(); ++i) {
    const Fact& fact = target_.facts[i];
    if (is_edge(fact.kind)) continue;
    fact_numbers_[i] =
        reference_.number_of(make_token(static_cast<TokenKind>(fact.kind), fact.value, fact.extra));
  }
}

void Matcher::add_tokens(uint32_t function,
                         bool outgoing,
                         bool incoming,
                         Features& into,
                         bool own) const {
  std::vector<uint32_t>& numbers = own ? into.tokens : into.closure;
  auto add = [&](TokenKind kind, uint32_t number) {
    if (number < kNameless) {
      numbers.push_back(number);
    } else if (number == kForeign && own && !is_weak(kind)) {
      into.foreign += reference_.foreign_bits();
    }
  };
  const ProgramFunction& row = target_.functions[function];
  for (uint32_t i = 0; outgoing && i < row.fact_count; ++i) {
    const uint32_t fact = row.first_fact + i;
    add(static_cast<TokenKind>(target_.facts[fact].kind), fact_numbers_[fact]);
  }
  if (!incoming) return;
  for (const IncomingFact& fact : incoming_.of(function))
    add(fact.kind, incoming_numbers_[incoming_rows_[fact.fact]]);
}

void Matcher::read_features(uint32_t function, Features& features) const {
  features.tokens.clear();
  features.closure.clear();
  features.common.clear();
  features.foreign = 0;
  features.common_bits = 0;
  add_tokens(function, true, true, features, true);
  for (const Fact& fact : target_.facts_of(function)) {
    if (fact.kind == FactKind::kCall && target_.functions[fact.value].name.empty()) {
      add_tokens(fact.value, true, false, features, false);
    }
  }
  for (const IncomingFact& fact : incoming_.of(function)) {
    if (fact.kind == TokenKind::kCalledBy && target_.functions[fact.from].name.empty()) {
      add_tokens(fact.from, false, true, features, false);
    }
  }
  sort_unique(features.tokens);
  std::ranges::sort(features.closure);
  features.left.assign(features.tokens.size() + 1, 0);
  for (size_t i = features.tokens.size(); i-- > 0;)
    features.left[i] = features.left[i + 1] + reference_.bits(features.tokens[i]);
  for (const uint32_t token : features.tokens) {
    if (!reference_.holders(token).empty()) continue;
    features.common.push_back(token);
    features.common_bits += reference_.bits(token);
  }
}

void Matcher::find_best(uint32_t function) {
  read_features(function, features_);
  const Features& features = features_;
  collect_candidates(function, features);
  best_[function] = {};
  Best& best = best_[function];
  uint32_t last = kNoFunction;
  for (const auto& [candidate, rare] : candidates_) {
    const float least = std::max({best.second, least_, best.score.bits - margin_});
    // A neighbour that also shares something rare is listed twice.
    if (candidate == last) continue;
    last = candidate;
    if (most_bits(features, rare + features.common_bits) + kMostAside < least) break;
    const float shared = rare + common_bits(features, candidate);
    const float most = most_bits(features, shared);
    if (most + kMostAside < least) continue;
    const float aside = aside_bits(function, candidate);
    if (most + aside < least) continue;
    const Score found = score(features, candidate, shared, aside, least);
    if (found.bits >= least) best.offer(candidate, reference_.name_of(candidate), found);
  }
}

// Finds the best candidates again where something changed; returns, by reference function, which
// functions want it.
std::vector<Best> Matcher::find_all_best() {
  find_neighbours();
  std::vector<Best> wanted(reference_.program().functions.size());
  for (uint32_t i = 0; i < target_.functions.size(); ++i) {
    if (!is_open(i)) continue;
    const bool lost = best_[i].function != kNoFunction && taken_[best_[i].function] != kNoFunction;
    if (stale_[i] || lost) find_best(i);
    stale_[i] = false;
    const Best& found = best_[i];
    if (found.function != kNoFunction) wanted[found.function].offer(i, i, found.score);
  }
  return wanted;
}

size_t Matcher::match_round(const Rule& rule) {
  const std::vector<Best> wanted = find_all_best();
  std::vector<uint32_t> accepted;
  auto is_clear = [&](const Best& best) {
    return best.score.bits >= rule.bits && best.score.bits - best.second >= rule.margin;
  };
  for (uint32_t i = 0; i < best_.size(); ++i) {
    const Best& found = best_[i];
    if (!is_open(i) || found.function == kNoFunction || found.score.contradicted) continue;
    const Best& back = wanted[found.function];
    if (back.function == i && is_clear(found) && is_clear(back)) accepted.push_back(i);
  }
  for (const uint32_t i : accepted) {
    matches_[i].bits = best_[i].score.bits;
    matches_[i].facts = best_[i].score.facts;
    accept(i, best_[i].function);
  }
  for (const uint32_t i : accepted)
    disturb(i);
  return accepted.size();
}

std::vector<Match> match_programs(const Program& target,
                                  const IncomingFacts& incoming,
                                  const ReferenceGraph& reference) {
  return Matcher(target, incoming, reference).run();
}

}  // namespace pgflame::symbolizer
