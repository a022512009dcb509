// What the surest matches leave over: runs of twins, split parts, and second thoughts.
#include "symbolizer/recovery/matcher_state.h"

namespace pgflame::symbolizer {

// Whether the functions fit the references one by one, and no other order fits better.
bool Matcher::run_fits(std::span<const uint32_t> run, std::span<const uint32_t> references) const {
  std::vector<Score> straight;
  std::vector<Features> features;
  for (size_t i = 0; i < run.size(); ++i) {
    read_features(run[i], features.emplace_back());
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

// The reference's functions without a match between two neighbours; empty when they are far apart.
std::vector<uint32_t> Matcher::open_references(uint32_t before, uint32_t after) const {
  std::vector<uint32_t> open;
  if (before >= after || after == kNoFunction || after - before > kMaxGap) return open;
  for (uint32_t i = before + 1; i < after; ++i) {
    if (taken_[i] == kNoFunction && reference_.program().functions[i].size != 0) open.push_back(i);
  }
  return open;
}

// Between two neighbours that are known in both programs lie equally many unknown functions: they
// are the same ones when they also look alike. This tells apart what was made from one template.
size_t Matcher::match_runs() {
  find_neighbours();
  size_t accepted = 0;
  uint32_t end = 0;
  for (uint32_t begin = 0; begin < target_.functions.size(); begin = end + 1) {
    std::vector<uint32_t> run;
    for (end = begin; end < matches_.size() && matches_[end].reference == kNoFunction; ++end) {
      if (is_open(end)) run.push_back(end);
    }
    if (run.empty() || run.size() > kMaxRun) continue;
    const std::vector<uint32_t> references = open_references(before_[begin], after_[begin]);
    if (run.size() != references.size() || !run_fits(run, references)) continue;
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
  sort_unique(features.tokens);
  const std::span<const uint32_t> whole = reference_.tokens(reference);
  const std::span<const uint32_t> closure = reference_.closure(reference);
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
void Matcher::judge_again() {
  find_neighbours();
  for (uint32_t i = 0; i < target_.functions.size(); ++i) {
    Match& match = matches_[i];
    if (match.by_name || match.is_part || match.reference == kNoFunction) continue;
    read_features(i, features_);
    const Score again = score(i, features_, match.reference);
    if (again.contradicted || again.bits < kRunBits) {
      match = {};
    } else {
      match.has_twin = has_twin(i, features_, again.content);
    }
  }
}

// Also looks at functions that are taken: in another major version they may have been taken
// wrongly, because what was added or removed shifts the order. `own`: what the contents say for the
// function's match.
bool Matcher::has_twin(uint32_t function, const Features& features, float own) const {
  const uint32_t match = matches_[function].reference;
  const auto& rows = reference_.program().functions;
  const float least = own - kTwinMargin;
  const uint32_t from = match - std::min(match, kTwinDistance);
  const auto to = std::min<size_t>(match + kTwinDistance + 1, rows.size());
  for (uint32_t i = from; i < to; ++i) {
    if (rows[i].exported || rows[i].size == 0) continue;
    if (reference_.name_of(i) == reference_.name_of(match)) continue;
    const Score other = score(features, i, features.left[0], 0, least);
    if (!other.contradicted && other.content > least) return true;
  }
  return false;
}

}  // namespace pgflame::symbolizer
