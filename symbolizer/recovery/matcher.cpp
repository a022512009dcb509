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
  known_names_[names_[function]] = true;
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

void Matcher::collect_candidates(uint32_t function, std::span<const uint32_t> tokens) {
  candidates_.clear();
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

bool Matcher::is_known(Token token) const {
  return !is_about_function(kind_of(token)) || known_names_[value_of(token)];
}

void Matcher::add_tokens(uint32_t function,
                         bool outgoing,
                         bool incoming,
                         Features& into,
                         bool own) const {
  auto add = [&](TokenKind kind, uint32_t value, uint32_t extra) {
    const uint32_t number = reference_.number_of(make_token(kind, value, extra));
    if (number != kForeign) {
      (own ? into.tokens : into.closure).push_back(number);
    } else if (own && !is_weak(kind)) {
      into.foreign += reference_.foreign_bits();
    }
  };
  for (const Fact& fact : outgoing ? target_.facts_of(function) : std::span<const Fact>{}) {
    const auto kind = static_cast<TokenKind>(fact.kind);
    if (!is_edge(fact.kind)) add(kind, fact.value, fact.extra);
    if (is_edge(fact.kind) && names_[fact.value] != kNoFunction) {
      add(kind, names_[fact.value], fact.extra);
    }
  }
  for (const IncomingFact& fact :
       incoming ? incoming_.of(function) : std::span<const IncomingFact>{}) {
    if (names_[fact.from] != kNoFunction) add(fact.kind, names_[fact.from], fact.extra);
  }
}

Features Matcher::features_of(uint32_t function) const {
  Features features;
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
  return features;
}

// How the tokens of two functions compare, summed up while both sorted lists are walked.
class Matcher::Comparison {
 public:
  Comparison(const Matcher& matcher, const Features& features, uint32_t reference)
      : matcher_(matcher),
        features_(features),
        inlined_(matcher.reference_.closure(reference).begin()),
        against_(features.foreign * kAbsentInReference) {}

  void add(uint32_t token, bool ours, bool theirs) {
    const Token meaning = matcher_.reference_.token(token);
    const TokenKind kind = kind_of(meaning);
    const float bits = matcher_.reference_.bits(token);
    const bool is_caller = kind >= TokenKind::kCalledBy && matcher_.is_known(meaning);
    callers_known_ = callers_known_ || is_caller;
    callers_agree_ = callers_agree_ || (is_caller && ours && theirs);
    if (ours && theirs) {
      for_ += bits;
      if (!is_weak(kind)) ++facts_;
    } else if (ours) {
      add_ours(token, bits, is_weak(kind));
    } else if (!is_weak(kind) && matcher_.is_known(meaning) &&
               !std::ranges::binary_search(features_.closure, token)) {
      against_ += bits * kAbsentInTarget;
    }
  }

  // The most that the sum can become when tokens of so many bits are left.
  float bound(float left) const { return 2 * (for_ + left) - against_; }

  Score sum() const {
    const float bits = for_ + std::min(through_inlining_, for_) - against_;
    return {.bits = bits,
            .content = bits,
            .facts = facts_,
            .contradicted = callers_known_ && !callers_agree_};
  }

 private:
  // Tokens come in order, so the closure, which ends in kForeign, is walked along.
  void add_ours(uint32_t token, float bits, bool weak) {
    while (*inlined_ < token)
      ++inlined_;
    if (*inlined_ == token) {
      through_inlining_ += bits * kThroughInlining;
    } else if (!weak) {
      against_ += bits * kAbsentInReference;
    }
  }

  const Matcher& matcher_;
  const Features& features_;
  std::vector<uint32_t>::const_iterator inlined_;
  float for_ = 0;
  float through_inlining_ = 0;
  float against_;
  uint16_t facts_ = 0;
  bool callers_known_ = false;
  bool callers_agree_ = false;
};

// What the sizes say: within a factor of 1.4 nothing, unless they are exactly equal.
float Matcher::size_bits(uint32_t function, uint32_t reference) const {
  const auto size = static_cast<float>(target_.functions[function].size + 16);
  const auto other = static_cast<float>(reference_.program().functions[reference].size + 16);
  if (size == other) return std::min(kSameSize, std::log2(size / 16));
  const float ratio = std::abs(std::log2(size / other));
  return -std::min(12.0F, 3.0F * std::max(0.0F, ratio - 0.5F));
}

Score Matcher::score(uint32_t function,
                     const Features& features,
                     uint32_t reference,
                     float least) const {
  const std::span<const uint32_t> ours = features.tokens;
  const std::span<const uint32_t> theirs = reference_.tokens(reference);
  const float aside = closeness(function, reference) + size_bits(function, reference);
  Comparison comparison(*this, features, reference);
  size_t a = 0;
  size_t b = 0;
  while (a < ours.size() || b < theirs.size()) {
    if (comparison.bound(features.left[a]) + aside < least) break;
    const uint32_t our = a < ours.size() ? ours[a] : kForeign;
    const uint32_t their = b < theirs.size() ? theirs[b] : kForeign;
    const uint32_t token = std::min(our, their);
    comparison.add(token, our == token, their == token);
    if (our == token) ++a;
    if (their == token) ++b;
  }
  Score score = comparison.sum();
  score.bits += aside;
  return score;
}

void Matcher::find_best(uint32_t function) {
  const Features features = features_of(function);
  collect_candidates(function, features.tokens);
  best_[function] = {};
  float common = 0;
  for (const uint32_t token : features.tokens)
    common += reference_.holders(token).empty() ? reference_.bits(token) : 0;
  Best& best = best_[function];
  uint32_t last = kNoFunction;
  for (const auto& [candidate, shared] : candidates_) {
    const float least = std::max(best.second, kLeast);
    // A neighbour that also shares something rare is listed twice.
    if (candidate == last || 2 * (shared + common) + kMostAside < least) continue;
    last = candidate;
    const Score found = score(function, features, candidate, least);
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

std::vector<Match> match_programs(const Program& target, const Program& reference) {
  return Matcher(target, reference).run();
}

}  // namespace pgflame::symbolizer
