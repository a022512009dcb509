// Every sample of a selection, classified: what findings, tables and differences are made from.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <future>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "src/diagnose/classifier.h"
#include "src/diagnose/plan_frames.h"
#include "src/diagnose/rule_book.h"
#include "src/profile/cluster_index.h"
#include "src/profile/profile.h"
#include "src/profile/series.h"

namespace pgflame::diagnose {

// Which samples to speak of; empty fields select everything.
struct Selection {
  std::optional<uint64_t> query_id;
  std::string backend_type;
  std::string database;
  std::string user;
  std::string application;

  bool everything() const;
  bool contains(const Profile& profile, const Sample& sample) const;
  std::string describe() const;  // "query 42, database app"; empty for everything
};

// One distinct on-CPU stack.
struct StackUse {
  // Its path is Analysis::path(use).
  uint32_t part = 0;
  uint32_t first = 0;
  uint32_t length = 0;
  uint64_t weight = 0;
  uint64_t samples = 0;
  Classification classification;
};

class Analysis {
 public:
  // Keeps references to both.
  Analysis(const Profile& profile, const RuleBook& book, const Selection& selection);

  const Profile& profile() const { return profile_; }
  const RuleBook& book() const { return book_; }
  const Classifier& classifier() const { return classifier_; }
  const ClusterIndex& clusters() const { return clusters_; }

  const std::vector<StackUse>& uses() const { return uses_; }
  // Leaf first.
  std::span<const FunctionId> path(const StackUse& use) const {
    return {paths_[use.part].functions.data() + use.first, use.length};
  }
  // The plan node that each frame of the path runs.
  std::span<const postgres::PlanNode> nodes(const StackUse& use) const {
    return {paths_[use.part].nodes.data() + use.first, use.length};
  }
  // All of the profile.
  const std::vector<Series>& series() const { return series_; }
  // The use of each of them; kNotRunning for those in other states or not selected.
  const std::vector<uint32_t>& use_of_series() const { return use_of_series_; }
  static constexpr uint32_t kNotRunning = 0xffffffff;
  bool selected(size_t series) const { return selected_[series]; }
  // stacks_from_root of the profile.
  const std::vector<bool>& from_root() const { return from_root_; }

  uint64_t weight() const { return weight_; }    // on CPU, selected
  uint64_t samples() const { return samples_; }  // likewise

  // What a rule's finding counts: its own samples and those it includes.
  struct Sum {
    uint64_t weight = 0;
    uint64_t samples = 0;
  };
  const Sum& own(RuleIndex rule) const { return own_[rule]; }
  const Sum& with_included(RuleIndex rule) const { return included_[rule]; }
  const Sum& unclassified() const { return unclassified_; }

  // The frame that stands for the rule in this stack, if the rule counts it.
  static std::optional<uint16_t> claim_of(const StackUse& use, RuleIndex rule);

  // Sum over stacks that both rules count.
  Sum included_part(RuleIndex rule, RuleIndex other) const;

 private:
  // Of a part of the uses.
  struct Paths {
    std::vector<FunctionId> functions;
    std::vector<postgres::PlanNode> nodes;  // of the functions
  };

  Analysis(const Profile& profile,
           const RuleBook& book,
           const Selection& selection,
           std::future<std::vector<Series>> series);
  void collect(const Selection& selection);
  void classify(std::span<const uint32_t> firsts);
  void classify(std::span<const uint32_t> firsts, size_t begin, size_t end, uint32_t part);
  void sum_up();

  const Profile& profile_;
  const RuleBook& book_;
  Classifier classifier_;
  ClusterIndex clusters_;
  PlanFrames frames_;
  std::array<Paths, 2> paths_;
  std::vector<StackUse> uses_;
  std::vector<bool> from_root_;
  std::vector<Series> series_;
  std::vector<uint32_t> use_of_series_;
  std::vector<bool> selected_;
  uint64_t weight_ = 0;
  uint64_t samples_ = 0;
  std::vector<Sum> own_;
  std::vector<Sum> included_;
  Sum unclassified_;
};

// On-CPU samples by the function they are in: by FunctionId. Those without a stack are in none.
std::vector<uint64_t> samples_by_leaf(const Analysis& analysis);

}  // namespace pgflame::diagnose
