#include "src/capture/cpu_time.h"

#include <cmath>
#include <vector>

namespace pgflame::capture {
namespace {

// With so many samples expected next to no backend is without any.
constexpr double kPeriodsOfItsOwn = 4;

struct Use {
  double exact = 0;    // nanoseconds by the scheduler, 0 unknown
  double sampled = 0;  // ... by samples

  void add(const Use& other) {
    exact += other.exact;
    sampled += other.sampled;
  }
  double factor() const { return sampled > 0 ? exact / sampled : 1; }
};

std::vector<Use> uses_of(const Profile& profile, const std::unordered_set<BackendId>& unknown) {
  std::vector<Use> uses(profile.backends.size());
  for (size_t i = 0; i < uses.size(); ++i) {
    const BackendId id = profile.backends.id_at(i);
    if (!unknown.contains(id)) uses[i].exact = static_cast<double>(profile.backends[id].on_cpu_ns);
  }
  for (const Sample& sample : profile.samples) {
    if (sample.state == State::kRunning)
      uses[sample.backend.value].sampled += static_cast<double>(sample.weight);
  }
  return uses;
}

// What to multiply the weights of each backend's samples by.
std::vector<double> factors_of(const std::vector<Use>& uses, double period_ns) {
  const auto stands_alone = [&](const Use& use) {
    return use.sampled > 0 && use.exact >= kPeriodsOfItsOwn * period_ns;
  };
  Use alone;
  Use together;
  for (const Use& use : uses) {
    if (use.exact > 0) (stands_alone(use) ? alone : together).add(use);
  }
  // Without a sample among them their time, a few periods at most, is on everybody's.
  const double more =
      together.sampled == 0 && alone.exact > 0 ? 1 + together.exact / alone.exact : 1;
  std::vector<double> factors;
  factors.reserve(uses.size());
  for (const Use& use : uses) {
    const double own = stands_alone(use) ? use.factor() * more : together.factor();
    factors.push_back(use.exact > 0 ? own : 1);
  }
  return factors;
}

}  // namespace

void divide_cpu_time(Profile& profile, const std::unordered_set<BackendId>& with_threads) {
  const Event& event = profile.recording.event;
  if (event.unit != WeightUnit::kNanoseconds || event.rate_hz <= 0) return;
  const auto factors = factors_of(uses_of(profile, with_threads), 1e9 / event.rate_hz);
  for (Sample& sample : profile.samples) {
    if (sample.state != State::kRunning) continue;
    const double weight = static_cast<double>(sample.weight) * factors[sample.backend.value];
    sample.weight = static_cast<uint64_t>(std::llround(weight));
  }
}

}  // namespace pgflame::capture
