#include <algorithm>

#include <doctest/doctest.h>

#include "src/diagnose/diagnose.h"
#include "src/profile/builder.h"
#include "tests/support/profile_text.h"

namespace pgflame::diagnose {
namespace {

constexpr uint32_t kTransactionId = 0x03000005;
constexpr uint32_t kDataFileRead15 = 0x0a000010;  // any event of class IO does
constexpr uint32_t kWalSync17 = 0x0a00004a;
constexpr uint32_t kBufferExclusive19 = 0x04000001;
constexpr uint32_t kClientRead = 0x06000000;
constexpr uint32_t kProcArray = 0x01000004;

// A client backend: 1000 on-CPU samples of 1 ms, and what `waits` adds.
struct Wait {
  State state;
  uint32_t event;
  uint64_t milliseconds;
  uint64_t query_id = 0;
  uint64_t intervals = 100;
};
Diagnosis diagnose_with(uint64_t running, std::initializer_list<Wait> waits, int major = 15) {
  Profile base =
      testing::profile_from_folded("_start;main;standard_planner " + std::to_string(running));
  base.recording.has_waits = true;
  base.recording.duration_ns = 10'000'000'000;
  base.recording.cpus = 2;
  Cluster cluster;
  cluster.major = major;
  base.clusters.push_back(cluster);
  for (const Wait& wait : waits) {
    Sample sample;
    sample.backend = BackendId{0};
    sample.state = wait.state;
    sample.wait_event = wait.event;
    sample.count = wait.intervals;
    sample.query_id = wait.query_id;
    sample.weight = wait.milliseconds * 1'000'000;
    base.samples.push_back(sample);
  }
  return diagnose(base);
}

std::string verdict_of(uint64_t running, std::initializer_list<Wait> waits) {
  return std::string(name_of(diagnose_with(running, waits).verdict.kind));
}

}  // namespace

TEST_SUITE("diagnose") {
  TEST_CASE("the verdict follows the share of active backend time") {
    CHECK(verdict_of(1000, {{State::kIdle, 0, 90000}}) == "cpu-bound");
    CHECK(verdict_of(1000, {{State::kRunnable, 0, 1000}}) == "cpu-starved");
    CHECK(verdict_of(1000, {{State::kWaiting, kDataFileRead15, 1000}}) == "disk-bound");
    CHECK(verdict_of(1000, {{State::kWaiting, kTransactionId, 1000}}) == "contention-bound");
    CHECK(verdict_of(
              1000, {{State::kWaiting, kProcArray, 400}, {State::kWaiting, kTransactionId, 400}}) ==
          "contention-bound");
    CHECK(verdict_of(1000,
                     {{State::kWaiting, kDataFileRead15, 300},
                      {State::kWaiting, kProcArray, 300},
                      {State::kRunnable, 0, 200}}) == "mixed");
    // The sampler says which waits for the client are idle: the others are a command's (COPY).
    CHECK(verdict_of(1000, {{State::kIdle, kClientRead, 90000}}) == "cpu-bound");
    CHECK(verdict_of(1000, {{State::kWaiting, kClientRead, 90000}}) == "client-bound");
    CHECK(verdict_of(5, {{State::kIdle, 0, 90000}}) == "idle");
  }

  TEST_CASE("waits are written up by class with their events, and rank by time") {
    const Diagnosis diagnosis = diagnose_with(
        1000, {{State::kWaiting, kTransactionId, 4000}, {State::kWaiting, kProcArray, 300}});
    REQUIRE(diagnosis.findings.size() >= 2);
    const Finding& first = diagnosis.findings[0];
    CHECK(first.id == "WAIT-LOCK");
    CHECK(first.seen.find("transactionid (100 %)") != std::string::npos);
    CHECK(first.share.share == doctest::Approx(4000.0 / 5300));
    CHECK(first.headline.find("0.4 sessions") != std::string::npos);
    CHECK(std::ranges::find(diagnosis.findings, "WAIT-LWLOCK", &Finding::id) !=
          diagnosis.findings.end());
    double sum = 0;
    for (const TimeSegment& segment : diagnosis.time)
      sum += segment.share;
    CHECK(sum == doctest::Approx(1));
    CHECK(diagnosis.waits.at(0).key == "Lock:transactionid");
  }

  TEST_CASE("an event is known however the server's major spells and groups it") {
    const Diagnosis sync = diagnose_with(1000, {{State::kWaiting, kWalSync17, 4000}}, 17);
    REQUIRE(!sync.findings.empty());
    CHECK(sync.waits.at(0).key == "IO:WalSync");
    CHECK(sync.findings[0].means.find("commits wait for the flush of WAL") != std::string::npos);
    const Diagnosis page = diagnose_with(1000, {{State::kWaiting, kBufferExclusive19, 4000}}, 19);
    CHECK(page.verdict.kind == VerdictClass::kContentionBound);
    REQUIRE(!page.findings.empty());
    CHECK(page.findings[0].id == "WAIT-BUFFER");
    CHECK(page.findings[0].means.find("the same page") != std::string::npos);
  }

  TEST_CASE("time spent asleep carries a verdict though almost nothing ran") {
    const Diagnosis diagnosis = diagnose_with(3, {{State::kWaiting, kTransactionId, 30000}});
    CHECK(diagnosis.quality.grade <= 'C');
    CHECK(diagnosis.verdict.kind == VerdictClass::kContentionBound);
    REQUIRE(diagnosis.findings.size() == 1);
    CHECK(diagnosis.findings[0].id == "WAIT-LOCK");
  }

  TEST_CASE("a finding about waits rests on samples at 100 Hz or on intervals, and says which") {
    const Diagnosis few = diagnose_with(1000, {{State::kWaiting, kTransactionId, 1500, 0, 5}});
    CHECK(few.findings.at(0).id == "WAIT-LOCK");
    CHECK(few.findings.at(0).samples == 150);
    const Share& share = few.findings.at(0).share;
    CHECK(share.share == doctest::Approx(0.6));
    CHECK(share.low < 0.55);
    CHECK(share.high > 0.65);
    const Diagnosis queue = diagnose_with(1000, {{State::kRunnable, 0, 400, 0, 12}});
    CHECK(queue.findings.at(1).id == "RUNQ");
    CHECK(queue.findings.at(1).samples == 40);
  }

  TEST_CASE("a finding about waits names the query that owns four fifths of them") {
    const Diagnosis one = diagnose_with(1000,
                                        {{State::kWaiting, kTransactionId, 4000, 11},
                                         {State::kWaiting, kTransactionId, 500, 22},
                                         {State::kRunnable, 0, 900, 22}});
    CHECK(one.findings.at(0).query_id == 11);
    const auto queue = std::ranges::find(one.findings, "RUNQ", &Finding::id);
    REQUIRE(queue != one.findings.end());
    CHECK(queue->query_id == 22);
    const Diagnosis shared = diagnose_with(1000,
                                           {{State::kWaiting, kTransactionId, 2000, 11},
                                            {State::kWaiting, kTransactionId, 1000, 22},
                                            {State::kWaiting, kTransactionId, 1000}});
    CHECK(!shared.findings.at(0).query_id);
  }

  TEST_CASE("lightweight locks that nobody waits for are no contention") {
    const auto ids = [](bool waits) {
      Profile profile = testing::profile_from_folded(R"(
        _start;main;LockRelationOid;LockAcquireExtended;LWLockAcquire 600
        _start;main;standard_planner 400
      )");
      profile.recording.has_waits = waits;
      std::string found;
      for (const Finding& finding : diagnose(profile).findings)
        found += finding.id + " ";
      return found;
    };
    CHECK(ids(true) == "LOCKMGR PLAN ");
    CHECK(ids(false) == "LWLOCK LOCKMGR PLAN ");
  }

  TEST_CASE("a queue for CPUs stands behind the pattern that fills them") {
    const Diagnosis one = diagnose_with(1000, {{State::kRunnable, 0, 9000}});
    REQUIRE(one.findings.size() == 2);
    CHECK(one.findings[0].id == "PLAN");
    CHECK(one.findings[1].id == "RUNQ");
    CHECK(one.verdict.kind == VerdictClass::kCpuStarved);
  }

  TEST_CASE("a selection diagnoses its own samples only") {
    Profile profile = testing::profile_from_folded(R"(
      _start;main;standard_planner 300
      _start;main;tts_buffer_heap_getsomeattrs 700
    )");
    profile.samples[0].query_id = 11;
    profile.samples[1].query_id = 22;
    Options options;
    options.selection.query_id = 11;
    const Diagnosis diagnosis = diagnose(profile, options);
    REQUIRE(diagnosis.activities.size() == 1);
    CHECK(diagnosis.activities[0].id == "PLAN");
    CHECK(diagnosis.selection == "query 11");
    CHECK(diagnosis.findings.at(0).query_id == 11);
  }
}

}  // namespace pgflame::diagnose
