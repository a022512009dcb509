#include "symbolizer/recovery/matcher.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "symbolizer/recovery/graph.h"

namespace pgflame::symbolizer {
namespace {

struct Rule {
  float bits;    // at least so much must speak for a match
  float margin;  // and so much more than for any other function
};
// The surest matches first: each one adds facts about its callers and callees.
constexpr std::array<Rule, 4> kRules{{{40, 16}, {25, 10}, {16, 6}, {12, 4}}};
constexpr int kRepeats = 6;

// What a fact counts that only one of both functions has, and one that both would have if functions
// of their file had been inlined.
constexpr float kAbsentInTarget = 0.5F;
constexpr float kAbsentInReference = 0.8F;
constexpr float kThroughInlining = 0.6F;
// Of code of exactly the same size: the same compiler was at work, which tells twins apart.
constexpr float kSameSize = 6;
constexpr uint32_t kMaxGap = 200;
constexpr size_t kMaxRun = 12;
constexpr float kRunBits = 6;
constexpr float kPartBits = 25;
constexpr uint32_t kMaxHead = 256;  // bytes

struct Score {
  float bits = 0;
  uint16_t facts = 0;
  bool contradicted = false;  // by every known caller
};

struct Best {
  uint32_t function = kNoFunction;
  uint32_t name = kNoFunction;
  Score score{};
  float second = 0;  // of the best candidate with another name

  void offer(uint32_t candidate, uint32_t candidate_name, Score candidate_score) {
    if (function == kNoFunction || candidate_score.bits > score.bits) {
      if (function != kNoFunction && name != candidate_name) second = std::max(second, score.bits);
      function = candidate;
      name = candidate_name;
      score = candidate_score;
    } else if (candidate_name != name) {
      second = std::max(second, candidate_score.bits);
    }
  }
};

bool is_weak(TokenKind kind) {
  return kind == TokenKind::kConstant || kind == TokenKind::kField || kind == TokenKind::kImport;
}

bool is_edge(FactKind kind) {
  return kind == FactKind::kCall || kind == FactKind::kTake || kind == FactKind::kVia;
}

// What is known of an unnamed function at some moment.
struct Features {
  std::vector<uint32_t> tokens;   // numbers in the reference's vocabulary, sorted
  std::vector<uint32_t> closure;  // more that its unnamed callers and callees have, sorted
  float foreign = 0;              // bits of facts that no function of the reference has
};

class Matcher {
 public:
  Matcher(const Program& target, const Program& reference)
      : target_(target),
        incoming_(target),
        reference_(reference),
        matches_(target.functions.size()),
        names_(target.functions.size(), kNoFunction),
        taken_(reference.functions.size(), kNoFunction),
        known_names_(reference.functions.size(), false),
        best_(target.functions.size()),
        stale_(target.functions.size(), true) {}

  std::vector<Match> run() && {
    match_names();
    for (const Rule& rule : kRules) {
      stale_.assign(stale_.size(), true);
      for (int i = 0; i < kRepeats; ++i) {
        if (match_round(rule) == 0) break;
      }
    }
    while (match_runs() != 0) {
    }
    match_parts();
    drop_contradicted();
    return std::move(matches_);
  }

 private:
  void match_names();
  void accept(uint32_t function, uint32_t reference);
  void disturb(uint32_t function);
  bool is_open(uint32_t function) const;
  size_t match_round(const Rule& rule);
  size_t match_runs();
  bool run_fits(std::span<const uint32_t> run, std::span<const uint32_t> references) const;
  void match_parts();
  uint32_t only_caller(uint32_t function) const;
  bool is_part_of(uint32_t function, uint32_t reference) const;
  void drop_contradicted();
  void find_neighbours();
  void find_best(uint32_t function);
  void add_tokens(uint32_t function, bool outgoing, bool incoming, Features& into, bool own) const;
  Features features_of(uint32_t function) const;
  void collect_candidates(uint32_t function, std::span<const uint32_t> tokens);
  float closeness(uint32_t function, uint32_t reference) const;
  Score score(uint32_t function, const Features& features, uint32_t reference) const;
  bool is_known(Token token) const;

  const Program& target_;
  IncomingFacts incoming_;
  ReferenceGraph reference_;
  std::vector<Match> matches_;
  std::vector<uint32_t> names_;  // by target function: number of its name in the reference
  std::vector<uint32_t> taken_;  // by reference function: target function
  std::vector<bool> known_names_;
  std::vector<Best> best_;        // by target function
  std::vector<bool> stale_;       // best_ has to be found again
  std::vector<uint32_t> before_;  // by target function: reference row of the nearest match before
  std::vector<uint32_t> after_;
  std::vector<uint32_t> candidates_;
};

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
      candidates_.push_back(reference);
    }
  };
  const uint32_t before = before_[function];
  const uint32_t after = after_[function];
  if (before < after && after != kNoFunction && after - before <= kMaxGap) {
    for (uint32_t i = before + 1; i < after; ++i)
      add(i);
  }
  for (const uint32_t token : tokens) {
    for (const uint32_t holder : reference_.holders(token))
      add(holder);
  }
  std::ranges::sort(candidates_);
  const auto repeated = std::ranges::unique(candidates_);
  candidates_.erase(repeated.begin(), repeated.end());
}

// The linker keeps files together and the compiler mostly the order within them.
float Matcher::closeness(uint32_t function, uint32_t reference) const {
  const uint32_t before = before_[function];
  const uint32_t after = after_[function];
  if (before < reference && reference < after && after != kNoFunction &&
      after - before <= kMaxGap) {
    return 9.0F - std::log2(static_cast<float>(after - before));
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
  std::ranges::sort(features.tokens);
  const auto repeated = std::ranges::unique(features.tokens);
  features.tokens.erase(repeated.begin(), repeated.end());
  std::ranges::sort(features.closure);
  return features;
}

Score Matcher::score(uint32_t function, const Features& features, uint32_t reference) const {
  Score score;
  const std::span<const uint32_t> ours = features.tokens;
  const std::span<const uint32_t> theirs = reference_.tokens(reference);
  const std::vector<uint32_t>& closure = reference_.closure(reference);
  float against = features.foreign * kAbsentInReference;
  float inlined_bits = 0;
  bool callers_agree = false;
  bool callers_known = false;
  size_t a = 0;
  size_t b = 0;
  auto inlined = closure.begin();
  while (a < ours.size() || b < theirs.size()) {
    const uint32_t our = a < ours.size() ? ours[a] : kForeign;
    const uint32_t their = b < theirs.size() ? theirs[b] : kForeign;
    const uint32_t token = std::min(our, their);
    const float bits = reference_.bits(token);
    const TokenKind kind = kind_of(reference_.token(token));
    if (kind >= TokenKind::kCalledBy && is_known(reference_.token(token))) {
      callers_known = true;
      callers_agree = callers_agree || our == their;
    }
    if (our == their) {
      score.bits += bits;
      if (!is_weak(kind)) ++score.facts;
    } else if (our < their) {
      while (*inlined < token)
        ++inlined;
      if (*inlined == token) {
        inlined_bits += bits * kThroughInlining;
      } else if (!is_weak(kind)) {
        against += bits * kAbsentInReference;
      }
    } else if (!is_weak(kind) && is_known(reference_.token(token)) &&
               !std::ranges::binary_search(features.closure, token)) {
      against += bits * kAbsentInTarget;
    }
    if (our == token) ++a;
    if (their == token) ++b;
  }
  const auto size = static_cast<float>(target_.functions[function].size + 16);
  const auto other = static_cast<float>(reference_.program().functions[reference].size + 16);
  const float ratio = std::abs(std::log2(size / other));
  against += std::min(12.0F, 3.0F * std::max(0.0F, ratio - 0.5F));
  if (size == other) score.bits += std::min(kSameSize, std::log2(size / 16));
  score.contradicted = callers_known && !callers_agree;
  score.bits += std::min(inlined_bits, score.bits) + closeness(function, reference) - against;
  return score;
}

void Matcher::find_best(uint32_t function) {
  const Features features = features_of(function);
  collect_candidates(function, features.tokens);
  best_[function] = {};
  for (const uint32_t candidate : candidates_) {
    best_[function].offer(
        candidate, reference_.name_of(candidate), score(function, features, candidate));
  }
}

size_t Matcher::match_round(const Rule& rule) {
  find_neighbours();
  std::vector<Best> best_of_reference(reference_.program().functions.size());
  for (uint32_t i = 0; i < target_.functions.size(); ++i) {
    if (!is_open(i)) continue;
    const bool lost = best_[i].function != kNoFunction && taken_[best_[i].function] != kNoFunction;
    if (stale_[i] || lost) find_best(i);
    stale_[i] = false;
    const Best& found = best_[i];
    if (found.function != kNoFunction) best_of_reference[found.function].offer(i, i, found.score);
  }
  std::vector<uint32_t> accepted;
  for (uint32_t i = 0; i < best_.size(); ++i) {
    const Best& found = best_[i];
    if (!is_open(i) || found.function == kNoFunction || found.score.bits < rule.bits) continue;
    if (found.score.contradicted) continue;
    if (found.score.bits - found.second < rule.margin) continue;
    const Best& back = best_of_reference[found.function];
    if (back.function != i || back.score.bits - back.second < rule.margin) continue;
    accepted.push_back(i);
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

// Whether the functions fit the references one by one, and no other order fits better.
bool Matcher::run_fits(std::span<const uint32_t> run, std::span<const uint32_t> references) const {
  std::vector<Score> straight;
  std::vector<Features> features;
  for (size_t i = 0; i < run.size(); ++i) {
    features.push_back(features_of(run[i]));
    straight.push_back(score(run[i], features[i], references[i]));
    if (straight[i].contradicted || straight[i].bits < kRunBits || straight[i].facts == 0) {
      return false;
    }
  }
  for (size_t i = 0; i < run.size(); ++i) {
    for (size_t j = 0; j < run.size(); ++j) {
      const Score crossed = score(run[i], features[i], references[j]);
      if (crossed.bits > straight[i].bits + 1) return false;
    }
  }
  return true;
}

// Between two neighbours that are known in both programs lie equally many unknown functions: they
// are the same ones when they also look alike. This tells apart what was made from one template.
size_t Matcher::match_runs() {
  find_neighbours();
  size_t accepted = 0;
  for (uint32_t begin = 0; begin < target_.functions.size(); ++begin) {
    if (!is_open(begin)) continue;
    std::vector<uint32_t> run;
    uint32_t end = begin;
    for (; end < target_.functions.size() && matches_[end].reference == kNoFunction; ++end) {
      if (is_open(end)) run.push_back(end);
    }
    const uint32_t before = before_[begin];
    const uint32_t after = after_[begin];
    begin = end;
    if (before >= after || after == kNoFunction || after - before > kMaxGap) continue;
    std::vector<uint32_t> references;
    for (uint32_t i = before + 1; i < after; ++i) {
      const ProgramFunction& row = reference_.program().functions[i];
      if (taken_[i] == kNoFunction && row.size != 0) references.push_back(i);
    }
    if (run.size() != references.size() || run.size() > kMaxRun || !run_fits(run, references)) {
      continue;
    }
    for (size_t i = 0; i < run.size(); ++i) {
      matches_[run[i]].bits = kRunBits;
      accept(run[i], references[i]);
    }
    accepted += run.size();
  }
  return accepted;
}

uint32_t Matcher::only_caller(uint32_t function) const {
  uint32_t caller = kNoFunction;
  for (const IncomingFact& fact : incoming_.of(function)) {
    if (fact.kind != TokenKind::kCalledBy) return kNoFunction;
    if (caller != kNoFunction && caller != fact.from) return kNoFunction;
    caller = fact.from;
  }
  return caller;
}

// Whether all that the function refers to is what the reference's function refers to.
bool Matcher::is_part_of(uint32_t function, uint32_t reference) const {
  Features features;
  add_tokens(function, true, false, features, true);
  std::ranges::sort(features.tokens);
  const auto repeated = std::ranges::unique(features.tokens);
  features.tokens.erase(repeated.begin(), repeated.end());
  const std::span<const uint32_t> whole = reference_.tokens(reference);
  const std::vector<uint32_t>& closure = reference_.closure(reference);
  float inside = 0;
  float outside = features.foreign;
  for (const uint32_t token : features.tokens) {
    if (is_weak(kind_of(reference_.token(token)))) continue;
    if (std::ranges::binary_search(whole, token)) {
      inside += reference_.bits(token);
    } else if (!std::ranges::binary_search(closure, token)) {
      outside += reference_.bits(token);
    }
  }
  return inside >= kPartBits && outside * 4 <= inside;
}

// A compiler may leave a function's first test in place and put the rest elsewhere (.part): the
// rest has one caller and refers to what the whole function refers to.
void Matcher::match_parts() {
  for (uint32_t i = 0; i < target_.functions.size(); ++i) {
    if (!is_open(i)) continue;
    const uint32_t caller = only_caller(i);
    if (caller == kNoFunction || matches_[caller].reference == kNoFunction) continue;
    const uint32_t whole = matches_[caller].reference;
    const uint32_t head = target_.functions[caller].size;
    if (head > kMaxHead || head * 2 > target_.functions[i].size) continue;
    const bool other = best_[i].function != kNoFunction && best_[i].score.bits > 0;
    if (other || !is_part_of(i, whole)) continue;
    matches_[i].reference = whole;
    matches_[i].bits = kPartBits;
    matches_[i].is_part = true;
  }
}

// Early matches are judged again now that their neighbours are known.
void Matcher::drop_contradicted() {
  find_neighbours();
  for (uint32_t i = 0; i < target_.functions.size(); ++i) {
    Match& match = matches_[i];
    if (match.by_name || match.is_part || match.reference == kNoFunction) continue;
    const Score again = score(i, features_of(i), match.reference);
    if (!again.contradicted && again.bits >= kRunBits) continue;
    match = {};
  }
}

}  // namespace

std::vector<Match> match_programs(const Program& target, const Program& reference) {
  return Matcher(target, reference).run();
}

}  // namespace pgflame::symbolizer
