#include "src/capture/cpu_time.h"

#include <doctest/doctest.h>

using namespace pgflame;
using namespace pgflame::capture;

namespace {

constexpr uint64_t kPeriod = 10'000'000;

// A backend with so much time on a CPU, and so many samples.
BackendId add_backend(Profile& profile, uint64_t on_cpu_ns, uint64_t samples) {
  Backend backend;
  backend.on_cpu_ns = on_cpu_ns;
  const BackendId id = profile.backends.add(backend);
  for (uint64_t i = 0; i < samples; ++i) {
    Sample sample;
    sample.backend = id;
    sample.count = 1;
    sample.weight = kPeriod;
    profile.samples.push_back(sample);
  }
  return id;
}

Profile at_100_hz() {
  Profile profile;
  profile.recording.event.rate_hz = 100;
  return profile;
}

uint64_t weight_of(const Profile& profile, BackendId backend) {
  uint64_t sum = 0;
  for (const Sample& sample : profile.samples)
    sum += sample.backend == backend && sample.state == State::kRunning ? sample.weight : 0;
  return sum;
}

doctest::Approx about(uint64_t nanoseconds) {
  return doctest::Approx(static_cast<double>(nanoseconds)).epsilon(1e-6);
}

}  // namespace

TEST_SUITE("capture") {
  TEST_CASE("each backend's samples share the time that the scheduler gave it") {
    Profile profile = at_100_hz();
    const BackendId few = add_backend(profile, 1'000'000'000, 80);
    const BackendId many = add_backend(profile, 500'000'000, 60);
    Sample waiting;
    waiting.backend = few;
    waiting.state = State::kWaiting;
    waiting.weight = 77;
    profile.samples.push_back(waiting);
    divide_cpu_time(profile, {});
    CHECK(weight_of(profile, few) == about(1'000'000'000));
    CHECK(weight_of(profile, many) == about(500'000'000));
    CHECK(profile.samples.back().weight == 77);
  }

  TEST_CASE("short sessions keep their share of the CPU although few of them have a sample") {
    Profile profile = at_100_hz();
    const BackendId long_one = add_backend(profile, 1'000'000'000, 100);
    for (int i = 0; i < 1000; ++i)  // 2 ms each: one in five has a sample
      add_backend(profile, 2'000'000, i % 5 == 0 ? 1 : 0);
    divide_cpu_time(profile, {});
    uint64_t all = 0;
    for (const Sample& sample : profile.samples)
      all += sample.weight;
    CHECK(weight_of(profile, long_one) == about(1'000'000'000));
    CHECK(all == about(3'000'000'000));
  }

  TEST_CASE("time of backends none of which has a sample is not lost") {
    Profile profile = at_100_hz();
    const BackendId seen = add_backend(profile, 1'000'000'000, 99);
    add_backend(profile, 3'000'000, 0);
    divide_cpu_time(profile, {});
    CHECK(weight_of(profile, seen) == about(1'003'000'000));
  }

  TEST_CASE("samples that the scheduler's times don't cover keep their weights") {
    Profile profile = at_100_hz();
    const BackendId threads = add_backend(profile, 100'000'000, 50);
    const BackendId unknown = add_backend(profile, 0, 7);
    const BackendId plain = add_backend(profile, 400'000'000, 50);
    divide_cpu_time(profile, {threads});
    CHECK(weight_of(profile, threads) == 50 * kPeriod);
    CHECK(weight_of(profile, unknown) == 7 * kPeriod);
    CHECK(weight_of(profile, plain) == about(400'000'000));
    profile.recording.event.unit = WeightUnit::kCycles;
    divide_cpu_time(profile, {});
    CHECK(weight_of(profile, threads) == 50 * kPeriod);
  }
}
