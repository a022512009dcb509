// The work of match_programs. Private to recovery/matcher*.cpp.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <vector>

#include "symbolizer/recovery/matcher.h"
#include "symbolizer/recovery/sorted.h"

namespace pgflame::symbolizer {

struct Rule {
  float bits;    // at least so much must speak for a match
  float margin;  // and so much more than for any other function
};
// The surest matches first: each one adds facts about its callers and callees.
inline constexpr std::array<Rule, 4> kRules{{{40, 16}, {25, 10}, {16, 6}, {12, 4}}};
inline constexpr int kRepeats = 6;
// What a fact counts that only one of both functions has, and one that both would have if functions
// of their file had been inlined.
inline constexpr float kAbsentInTarget = 0.5F;
inline constexpr float kAbsentInReference = 0.8F;
inline constexpr float kThroughInlining = 0.6F;
// Of code of exactly the same size: the same compiler was at work, which tells twins apart.
inline constexpr float kSameSize = 6;
inline constexpr float kMostClose = 9;
inline constexpr float kMostAside = kMostClose + kSameSize;  // that place and size can say
inline constexpr uint32_t kMaxGap = 200;
inline constexpr size_t kMaxRun = 12;
inline constexpr float kRunBits = 6;
inline constexpr float kPartBits = 25;
inline constexpr uint32_t kMaxHead = 256;  // bytes
// A function is told from one nearby by its contents when they say so much more.
inline constexpr float kTwinMargin = 6;
inline constexpr uint32_t kTwinDistance = 12;

struct Score {
  float bits = 0;
  float content = 0;  // of it, what does not come from place and size
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

inline bool is_weak(TokenKind kind) {
  return kind == TokenKind::kConstant || kind == TokenKind::kField || kind == TokenKind::kImport;
}

inline bool is_edge(FactKind kind) {
  return kind == FactKind::kCall || kind == FactKind::kTake || kind == FactKind::kVia;
}

inline constexpr uint32_t kNameless = kForeign - 1;

// What is known of an unnamed function at some moment.
struct Features {
  std::vector<uint32_t> tokens;   // numbers in the reference's vocabulary, sorted
  std::vector<uint32_t> closure;  // more that its unnamed callers and callees have, sorted
  float foreign = 0;              // bits of facts that no function of the reference has
  std::vector<uint32_t> common;   // tokens too common to look candidates up by, sorted
  float common_bits = 0;
  std::vector<float> left;  // bits of the tokens from here to the last, and a zero
};

class Matcher {
 public:
  Matcher(const Program& target, const IncomingFacts& incoming, const ReferenceGraph& reference)
      : target_(target),
        incoming_(incoming),
        reference_(reference),
        matches_(target.functions.size()),
        names_(target.functions.size(), kNoFunction),
        taken_(reference.program().functions.size(), kNoFunction),
        best_(target.functions.size()),
        stale_(target.functions.size(), true),
        shared_(reference.program().functions.size()) {
    read_vocabulary();
  }

  std::vector<Match> run() && {
    match_names();
    for (const Rule& rule : kRules) {
      stale_.assign(stale_.size(), true);
      margin_ = rule.margin;
      least_ = rule.bits - rule.margin;
      for (int i = 0; i < kRepeats; ++i) {
        if (match_round(rule) == 0) break;
      }
    }
    while (match_runs() != 0) {
    }
    match_parts();
    judge_again();
    return std::move(matches_);
  }

 private:
  void read_vocabulary();
  void match_names();
  void accept(uint32_t function, uint32_t reference);
  void number_edges(uint32_t function);
  void disturb(uint32_t function);
  bool is_open(uint32_t function) const;
  std::vector<Best> find_all_best();
  size_t match_round(const Rule& rule);
  std::vector<uint32_t> open_references(uint32_t before, uint32_t after) const;
  size_t match_runs();
  bool run_fits(std::span<const uint32_t> run, std::span<const uint32_t> references) const;
  void match_parts();
  uint32_t only_caller(uint32_t function) const;
  bool is_part_of(uint32_t function, uint32_t reference) const;
  void judge_again();
  bool has_twin(uint32_t function, const Features& features, float own) const;
  void find_neighbours();
  void find_best(uint32_t function);
  void add_tokens(uint32_t function, bool outgoing, bool incoming, Features& into, bool own) const;
  void read_features(uint32_t function, Features& features) const;
  void collect_candidates(uint32_t function, const Features& features);
  float common_bits(const Features& features, uint32_t reference) const;
  float closeness(uint32_t function, uint32_t reference) const;
  class Comparison;
  Score score(uint32_t function, const Features& features, uint32_t reference) const;
  // `shared`: the most that the tokens both have can say. What is certain to score below `least`
  // may come back with any score below it.
  Score score(const Features& features,
              uint32_t reference,
              float shared,
              float aside,
              float least) const;
  float aside_bits(uint32_t function, uint32_t reference) const;
  float most_bits(const Features& features, float shared) const;
  float size_bits(uint32_t function, uint32_t reference) const;

  const Program& target_;
  const IncomingFacts& incoming_;
  const ReferenceGraph& reference_;
  std::vector<Match> matches_;
  std::vector<uint32_t> names_;  // by target function: number of its name in the reference
  std::vector<uint32_t> taken_;  // by reference function: target function
  struct Word {
    float bits = 0;
    bool weak = false;
    bool caller = false;
    bool known = false;  // about no function, or about one that has a name in the target
  };
  std::vector<Word> words_;  // by number in the reference's vocabulary
  // The numbers of the target's facts there, and of the same seen from their ends; kNameless as
  // long as the other function has no name.
  std::vector<uint32_t> fact_numbers_;
  std::vector<uint32_t> incoming_numbers_;
  std::vector<uint32_t> incoming_rows_;  // by fact: row of incoming_
  std::vector<Best> best_;               // by target function
  std::vector<bool> stale_;              // best_ has to be found again
  // What scores less, or so much less than the best, neither is a match nor makes one unclear.
  float least_ = 0;
  float margin_ = 0;
  std::vector<uint32_t> before_;  // by target function: reference row of the nearest match before
  std::vector<uint32_t> after_;
  Features features_;  // of the function in work
  struct Candidate {
    uint32_t reference = 0;
    float shared = 0;  // bits of the rare tokens that it shares
  };
  std::vector<Candidate> candidates_;
  std::vector<float> shared_;  // by reference function; zero between uses
};

}  // namespace pgflame::symbolizer
