#include "src/diagnose/analysis.h"

#include <future>
#include <thread>
#include <unordered_map>

#include "src/base/large_memory.h"

namespace pgflame::diagnose {
namespace {

const Backend& backend_of(const Profile& profile, const Sample& sample) {
  static const Backend nobody{};
  return profile.backends.contains(sample.backend) ? profile.backends[sample.backend] : nobody;
}

bool matches(std::string_view wanted, std::string_view value) {
  return wanted.empty() || wanted == value;
}

// By BackendId; backends of one type have one number.
std::vector<uint32_t> number_types(const Profile& profile) {
  std::unordered_map<std::string_view, uint32_t> numbers;
  std::vector<uint32_t> types;
  for (const Backend& backend : profile.backends) {
    const auto next = static_cast<uint32_t>(numbers.size());
    types.push_back(numbers.try_emplace(backend.type, next).first->second);
  }
  return types;
}

}  // namespace

bool Selection::everything() const {
  return !query_id && backend_type.empty() && database.empty() && user.empty() &&
         application.empty();
}

bool Selection::contains(const Profile& profile, const Sample& sample) const {
  if (everything()) return true;
  const Backend& backend = backend_of(profile, sample);
  return (!query_id || *query_id == sample.query_id) && matches(backend_type, backend.type) &&
         matches(database, backend.database) && matches(user, backend.user) &&
         matches(application, application_name(profile, sample));
}

std::string Selection::describe() const {
  std::string text;
  const auto append = [&text](std::string_view what, const std::string& value) {
    if (value.empty()) return;
    if (!text.empty()) text += ", ";
    text.append(what).append(" ").append(value);
  };
  append("query", query_id ? std::to_string(static_cast<int64_t>(*query_id)) : "");
  append("backend type", backend_type);
  append("database", database);
  append("user", user);
  append("application", application);
  return text;
}

Analysis::Analysis(const Profile& profile, const RuleBook& book, const Selection& selection)
    : Analysis(profile,
               book,
               selection,
               std::async(std::launch::async, series_of, std::cref(profile))) {}

Analysis::Analysis(const Profile& profile,
                   const RuleBook& book,
                   const Selection& selection,
                   std::future<std::vector<Series>> series)
    : profile_(profile),
      book_(book),
      classifier_(profile, book),
      clusters_(profile),
      frames_(profile),
      from_root_(stacks_from_root(profile)),
      series_(series.get()) {
  collect(selection);
  sum_up();
}

void Analysis::collect(const Selection& selection) {
  use_of_series_.assign(series_.size(), kNotRunning);
  selected_.assign(series_.size(), false);
  std::unordered_map<uint64_t, uint32_t> seen;  // by stack and backend type
  const std::vector<uint32_t> types = number_types(profile_);
  uint64_t last_key = UINT64_MAX;
  uint32_t last_use = 0;
  const bool everything = selection.everything();
  std::vector<uint32_t> firsts;  // by use: its first series
  for (size_t i = 0; i < series_.size(); ++i) {
    const Sample& sample = series_[i].sum;
    if (!everything && !selection.contains(profile_, sample)) continue;
    selected_[i] = true;
    if (sample.state != State::kRunning) continue;
    const uint32_t type =
        profile_.backends.contains(sample.backend) ? types[sample.backend.value] : kNotRunning;
    const uint64_t key = static_cast<uint64_t>(type) << 32 | sample.stack.value;
    if (key != last_key) {  // samples of one stack mostly stand together
      const auto [at, is_new] = seen.try_emplace(key, static_cast<uint32_t>(uses_.size()));
      if (is_new) {
        uses_.emplace_back();
        firsts.push_back(static_cast<uint32_t>(i));
      }
      last_use = at->second;
      last_key = key;
    }
    uses_[last_use].weight += sample.weight;
    uses_[last_use].samples += sample.count;
    use_of_series_[i] = last_use;
  }
  classify(firsts);
}

// Halves of the uses are independent of each other.
void Analysis::classify(std::span<const uint32_t> firsts) {
  const size_t middle = firsts.size() / 2;
  const std::jthread helper([&] { classify(firsts, middle, firsts.size(), 1); });
  classify(firsts, 0, middle, 0);
}

void Analysis::classify(std::span<const uint32_t> firsts, size_t begin, size_t end, uint32_t part) {
  constexpr size_t kUsualDepth = 32;
  auto& [functions, nodes] = paths_[part];
  reserve_large(functions, (end - begin) * kUsualDepth);
  reserve_large(nodes, (end - begin) * kUsualDepth);
  for (size_t i = begin; i < end; ++i) {
    const Sample& sample = series_[firsts[i]].sum;
    StackUse& use = uses_[i];
    use.part = part;
    use.first = static_cast<uint32_t>(functions.size());
    frames_.append(sample.stack, functions, nodes);
    use.length = static_cast<uint32_t>(functions.size()) - use.first;
    use.classification = classifier_.classify(std::span(functions).subspan(use.first),
                                              std::span(nodes).subspan(use.first),
                                              backend_of(profile_, sample).type);
  }
}

void Analysis::sum_up() {
  own_.resize(book_.rules().size());
  included_.resize(book_.rules().size());
  const auto add = [](Sum& sum, const StackUse& use) {
    sum.weight += use.weight;
    sum.samples += use.samples;
  };
  for (const StackUse& use : uses_) {
    weight_ += use.weight;
    samples_ += use.samples;
    const RuleIndex primary = use.classification.primary.rule;
    if (primary == kNoRule) {
      add(unclassified_, use);
      continue;
    }
    add(own_[primary], use);
    add(included_[primary], use);
    for (const Claim& claim : use.classification.counts)
      add(included_[claim.rule], use);
  }
}

std::optional<uint16_t> Analysis::claim_of(const StackUse& use, RuleIndex rule) {
  if (use.classification.primary.rule == rule) return use.classification.primary.frame;
  for (const Claim& claim : use.classification.counts) {
    if (claim.rule == rule) return claim.frame;
  }
  return std::nullopt;
}

Analysis::Sum Analysis::included_part(RuleIndex rule, RuleIndex other) const {
  Sum sum;
  for (const StackUse& use : uses_) {
    if (!claim_of(use, rule) || !claim_of(use, other)) continue;
    sum.weight += use.weight;
    sum.samples += use.samples;
  }
  return sum;
}

std::vector<uint64_t> samples_by_leaf(const Analysis& analysis) {
  std::vector<uint64_t> samples(analysis.profile().functions.size());
  for (const StackUse& use : analysis.uses()) {
    if (use.length > 0) samples[analysis.path(use).front().value] += use.samples;
  }
  return samples;
}

}  // namespace pgflame::diagnose
