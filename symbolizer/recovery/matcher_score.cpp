// What speaks for two functions being the same, and what against it.
#include "symbolizer/recovery/matcher_state.h"

namespace pgflame::symbolizer {

// How the tokens of two functions compare, summed up while both sorted lists are walked.
class Matcher::Comparison {
 public:
  Comparison(const Matcher& matcher, const Features& features, uint32_t reference)
      : matcher_(matcher),
        features_(features),
        inlined_(matcher.reference_.closure(reference)),
        against_(features.foreign * kAbsentInReference) {}

  void add(uint32_t token, bool ours, bool theirs) {
    const Word& word = matcher_.words_[token];
    const bool is_caller = word.caller && word.known;
    callers_known_ = callers_known_ || is_caller;
    callers_agree_ = callers_agree_ || (is_caller && ours && theirs);
    if (ours && theirs) {
      for_ += word.bits;
      if (!word.weak) ++facts_;
    } else if (ours) {
      add_ours(token, word.bits, word.weak);
    } else if (!word.weak && word.known && !std::ranges::binary_search(features_.closure, token)) {
      against_ += word.bits * kAbsentInTarget;
    }
  }

  // The most that the sum can become when tokens of so many bits are left, and those that both
  // functions have are worth at most `shared`: the others may have come through inlining.
  float bound(float left, float shared) const {
    const float most = std::min(for_ + left, shared);
    const float through_inlining = through_inlining_ + (for_ + left - most) * kThroughInlining;
    return most + std::min(through_inlining, most) - against_;
  }

  Score sum() const {
    const float bits = for_ + std::min(through_inlining_, for_) - against_;
    return {.bits = bits,
            .content = bits,
            .facts = facts_,
            .contradicted = callers_known_ && !callers_agree_};
  }

 private:
  // Tokens come in order, so the closure, which ends in kForeign, is walked along, in growing
  // steps.
  void add_ours(uint32_t token, float bits, bool weak) {
    size_t step = 1;
    while (step < inlined_.size() && inlined_[step] < token)
      step *= 2;
    const auto from = inlined_.begin() + static_cast<ptrdiff_t>(step / 2);
    const auto to = inlined_.begin() + static_cast<ptrdiff_t>(std::min(step, inlined_.size() - 1));
    inlined_ = {std::lower_bound(from, to, token), inlined_.end()};
    if (inlined_.front() == token) {
      through_inlining_ += bits * kThroughInlining;
    } else if (!weak) {
      against_ += bits * kAbsentInReference;
    }
  }

  const Matcher& matcher_;
  const Features& features_;
  std::span<const uint32_t> inlined_;  // what is left of the closure
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
  const bool comparable = target_.machine == reference_.program().machine;
  if (size == other && comparable) return std::min(kSameSize, std::log2(size / 16));
  const float ratio = std::abs(std::log2(size / other));
  return -std::min(12.0F, 3.0F * std::max(0.0F, ratio - 0.5F));
}

// What does not come from the contents.
float Matcher::aside_bits(uint32_t function, uint32_t reference) const {
  return closeness(function, reference) + size_bits(function, reference);
}

// The most that contents can say for a candidate which shares tokens of at most so many bits; the
// others may all have come through inlining.
float Matcher::most_bits(const Features& features, float shared) const {
  const float through_inlining = (features.left[0] - shared) * kThroughInlining;
  return shared + std::clamp(through_inlining, 0.0F, shared) -
         features.foreign * kAbsentInReference;
}

// What the common tokens of both say.
float Matcher::common_bits(const Features& features, uint32_t reference) const {
  float bits = 0;
  auto ours = features.common.begin();
  for (const uint32_t theirs : reference_.common(reference)) {
    while (ours != features.common.end() && *ours < theirs)
      ++ours;
    if (ours == features.common.end()) break;
    if (*ours == theirs) bits += words_[theirs].bits;
  }
  return bits;
}

Score Matcher::score(const Features& features,
                     uint32_t reference,
                     float shared,
                     float aside,
                     float least) const {
  const std::span<const uint32_t> ours = features.tokens;
  const std::span<const uint32_t> theirs = reference_.tokens(reference);
  Comparison comparison(*this, features, reference);
  size_t a = 0;
  size_t b = 0;
  while (a < ours.size() || b < theirs.size()) {
    if (comparison.bound(features.left[a], shared) + aside < least) break;
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

Score Matcher::score(uint32_t function, const Features& features, uint32_t reference) const {
  return score(features,
               reference,
               features.left[0],
               aside_bits(function, reference),
               -std::numeric_limits<float>::infinity());
}

}  // namespace pgflame::symbolizer
