#include "src/diagnose/diagnose.h"

#include <algorithm>
#include <numeric>

#include <doctest/doctest.h>

#include "src/profile/builder.h"
#include "tests/support/profile_text.h"

namespace pgflame::diagnose {
namespace {

using testing::profile_from_folded;

std::string findings_of(const Diagnosis& diagnosis) {
  std::string ids;
  for (const Finding& finding : diagnosis.findings)
    ids += (ids.empty() ? "" : " ") + finding.id;
  return ids;
}

const Finding& finding(const Diagnosis& diagnosis, std::string_view id) {
  const auto found = std::ranges::find(diagnosis.findings, id, &Finding::id);
  REQUIRE(found != diagnosis.findings.end());
  return *found;
}

bool contains(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

}  // namespace

TEST_SUITE("diagnose") {
  TEST_CASE("what a session did under each of its names is told apart") {
    Profile profile = profile_from_folded("_start;main;ExecSeqScan 30\n_start;main 10");
    profile.backends[BackendId{0}].application = "omega";
    profile.samples[0].application = profile.applications.add("alpha");
    Options options;
    const auto applications = diagnose(profile, options).applications;
    REQUIRE(applications.size() == 2);
    CHECK(applications[0].key == "alpha");
    CHECK(applications[0].samples == profile.samples[0].count);
    CHECK(applications[1].key == "omega");
    CHECK(applications[1].samples == profile.samples[1].count);
    options.selection.application = "omega";
    CHECK(diagnose(profile, options).applications.at(0).samples == profile.samples[1].count);
    CHECK(diagnose(profile, options).applications.size() == 1);
  }

  TEST_CASE("what holds for some majors says for which when the server's is not known") {
    const auto said = [](int major, const char* server = "/srv/pg/bin/postgres") {
      Profile profile =
          profile_from_folded("_start;main;pgstat_report_stat 90\n_start;main;GetSnapshotData 90");
      for (size_t i = 0; i < profile.modules.size(); ++i)
        profile.modules[profile.modules.id_at(i)].path = server;
      if (major != 0) {
        Cluster cluster;
        cluster.major = major;
        profile.clusters.push_back(cluster);
      }
      return diagnose(profile);
    };
    CHECK(contains(finding(said(0), "STATS").means, "(PostgreSQL up to 14) Backends send"));
    CHECK(contains(finding(said(0), "STATS").means, "(PostgreSQL since 15) Backends add"));
    CHECK(finding(said(15), "STATS").means.starts_with("Backends add"));
    CHECK(finding(said(14), "STATS").means.starts_with("Backends send"));
    // Other tools' captures know no clusters; the server's path may tell.
    CHECK(finding(said(0, "/usr/lib/postgresql/15/bin/postgres"), "STATS")
              .means.starts_with("Backends add"));
  }

  TEST_CASE("activities sum to the whole, whatever the stacks are") {
    const Diagnosis diagnosis = diagnose(profile_from_folded(R"(
      _start;main;ExecSeqScan;tts_buffer_heap_getsomeattrs 46
      _start;main;ExecSeqScan;ExecInterpExpr 20
      _start;main;nobody 7
      x 3
    )"));
    double sum = 0;
    uint64_t samples = 0;
    for (const Activity& activity : diagnosis.activities) {
      sum += activity.share;
      samples += activity.samples;
    }
    CHECK(sum == doctest::Approx(1));
    CHECK(samples == 76);
    CHECK(diagnosis.totals.captured == 76);
    CHECK(diagnosis.totals.unclassified == 10);
    CHECK(diagnosis.activities[0].id == "DEFORM");
  }

  TEST_CASE("a finding says share, interval, functions and callers of what was seen") {
    const Diagnosis diagnosis = diagnose(profile_from_folded(R"(
      _start;main;ExecAgg;ExecSeqScan;ExecInterpExpr;slot_getsomeattrs_int;tts_buffer_heap_getsomeattrs 460
      _start;main;ExecAgg;ExecSeqScan;heap_getnextslot 540
    )"));
    const Finding& deform = finding(diagnosis, "DEFORM");
    CHECK(deform.share.share == doctest::Approx(0.46));
    CHECK(deform.share.low == doctest::Approx(0.4293).epsilon(0.001));
    CHECK(deform.samples == 460);
    CHECK(contains(deform.headline, "Tuple deforming: 46 % of CPU (43–49)"));
    CHECK(contains(deform.seen, "tts_buffer_heap_getsomeattrs (46 %)"));
    CHECK(contains(deform.seen, "the Seq Scan below the Aggregate"));
    CHECK(deform.frames.at(0) == "tts_buffer_heap_getsomeattrs");
    CHECK(contains(diagnosis.verdict.text, "not captured"));
    CHECK(diagnosis.verdict.kind == VerdictClass::kOnCpuOnly);
  }

  TEST_CASE("a pattern below 5 % or 30 samples is not a finding") {
    CHECK(findings_of(diagnose(profile_from_folded(R"(
      _start;main;slot_deform_heap_tuple 49
      _start;main;nobody 951
    )"))) == "");
    CHECK(findings_of(diagnose(profile_from_folded(R"(
      _start;main;slot_deform_heap_tuple 29
      _start;main;nobody 171
    )"))) == "");
    CHECK(findings_of(diagnose(profile_from_folded(R"(
      _start;main;slot_deform_heap_tuple 51
      _start;main;nobody 949
    )"))) == "DEFORM");
  }

  TEST_CASE("round trips are a finding where backends sleep in between") {
    CHECK(findings_of(diagnose(profile_from_folded(R"(
      _start;main;PostgresMain;pq_getbyte;pq_recvbuf;secure_read;WaitEventSetWait;epoll_wait 300
      _start;main;PostgresMain;pq_getbyte;pq_recvbuf;secure_read;recv 100
      _start;main;nobody 600
    )"))) == "ROUND-TRIP");
    CHECK(findings_of(diagnose(profile_from_folded(R"(
      _start;main;PostgresMain;pq_getbyte;pq_recvbuf;secure_read;recv 400
      _start;main;nobody 600
    )"))) == "");
  }

  TEST_CASE("expressions stand first unless one kind of function makes them up") {
    const Diagnosis mixed = diagnose(profile_from_folded(R"(
      _start;main;ExecSeqScan;ExecInterpExpr 200
      _start;main;ExecSeqScan;ExecInterpExpr;int4lt 200
      _start;main;ExecSeqScan;tts_buffer_heap_getsomeattrs 300
      _start;main;nobody 300
    )"));
    CHECK(findings_of(mixed) == "QUAL DEFORM");
    CHECK(contains(finding(mixed, "QUAL").seen, "int4lt"));
  }

  TEST_CASE("lightweight locks without a sign of contention are not a finding") {
    CHECK(findings_of(diagnose(profile_from_folded(R"(
      _start;main;ReadBuffer_common;LWLockAcquire 80
      _start;main;nobody 920
    )"))) == "");
    CHECK(findings_of(diagnose(profile_from_folded(R"(
      _start;main;GetSnapshotData;LWLockAcquire 60
      _start;main;GetSnapshotData;LWLockAcquire;PGSemaphoreLock;do_futex 20
      _start;main;nobody 920
    )"))) == "LWLOCK SNAPSHOT");
  }

  TEST_CASE("where nothing is a finding the largest part is told") {
    const Diagnosis diagnosis = diagnose(
        profile_from_folded("_start;main;WaitLatch 1180\n_start;main;standard_planner 20"));
    CHECK(diagnosis.findings.empty());
    CHECK(contains(diagnosis.verdict.text,
                   "No pattern in the CPU time is a finding; its largest part (98 %) is going to "
                   "sleep and waking up."));
  }

  TEST_CASE("below grade C the findings are withheld and the remedy is named") {
    // No stack reaches its root.
    Profile profile = profile_from_folded("ExecSeqScan;slot_deform_heap_tuple 1000");
    for (Sample& sample : profile.samples)
      sample.end = StackEnd::kTruncated;
    const Diagnosis diagnosis = diagnose(profile);
    CHECK(diagnosis.quality.grade == 'F');
    CHECK(diagnosis.findings.empty());
    CHECK(diagnosis.verdict.kind == VerdictClass::kWithheld);
    CHECK_FALSE(diagnosis.quality.remedy.empty());
    CHECK(contains(diagnosis.quality.reasons.at(0), "100 % of the stacks do not reach their root"));
  }

  // 1000 stacks, of which some end in those ways, in the library.
  Profile with_ends(const std::vector<std::pair<StackEnd, uint64_t>>& ends) {
    ProfileBuilder builder;
    builder.profile().recording.sampler = "bpf";
    builder.profile().recording.unwinder = "table";
    const ModuleId module = builder.module({ModuleKind::kFile, "/lib/libcrypto.so.3", ""});
    const MappingId mapping = builder.mapping({0x1000, 0x2000, 0, module});
    Sample sample;
    sample.stack = builder.push(kEmptyStack, builder.location(mapping, 0x1100));
    const auto add = [&](StackEnd end, uint64_t count) {
      sample.end = end;
      sample.count = sample.weight = count;
      builder.add(sample);
    };
    uint64_t whole = 1000;
    for (const auto& [end, count] : ends) {
      add(end, count);
      whole -= count;
    }
    add(StackEnd::kRoot, whole);
    return std::move(builder).take();
  }

  TEST_CASE("stacks that stop early are counted by reason, each with its own remedy") {
    Profile profile = with_ends(
        {{StackEnd::kRunTimeCode, 3}, {StackEnd::kUnreadable, 6}, {StackEnd::kNoUnwindInfo, 31}});
    const std::string reasons =
        "4.0 % of the stacks do not reach their root: 3.1 % code without "
        "unwind information (libcrypto.so.3), 0.6 % memory not mapped when "
        "the walk read it, 0.3 % code made at run time";
    const Diagnosis diagnosis = diagnose(profile);
    CHECK(diagnosis.quality.cut_stacks.starts_with(reasons));
    const char* const remedy = "code of /lib/libcrypto.so.3 without unwind information";
    CHECK(contains(diagnosis.quality.cut_stacks, remedy));
    CHECK(contains(diagnosis.quality.remedy, remedy));
    CHECK(std::ranges::count(diagnosis.quality.reasons, reasons) == 1);
    CHECK(std::ranges::count(diagnosis.notes, diagnosis.quality.cut_stacks) == 1);
    CHECK(diagnose(with_ends({})).quality.cut_stacks.empty());
  }

  TEST_CASE("the remedy for code made at run time says why its tables were missing") {
    Profile profile = with_ends({{StackEnd::kRunTimeCode, 300}});
    CHECK(contains(diagnose(profile).quality.remedy, "compiled (JIT) moments before"));
    CHECK_FALSE(contains(diagnose(profile).quality.remedy, "before these sessions connect"));
    profile.recording.run_time_code = {0, 2, 0};
    const std::string cut = diagnose(profile).quality.remedy;
    CHECK(contains(cut, "2 modules had more unwind information than is copied"));
    CHECK_FALSE(contains(cut, "before these sessions connect"));
    profile.recording.run_time_code = {1, 0, 3};
    const std::string both = diagnose(profile).quality.remedy;
    CHECK(contains(both, "1 backend had compiled code when first seen, 3 modules found no room"));
    CHECK(contains(both, "record from before these sessions connect"));
  }

  TEST_CASE("where a module's table found no room it is not said to have none") {
    const std::string text = diagnose(with_ends({{StackEnd::kNoRoom, 300}})).quality.cut_stacks;
    CHECK(contains(text, "unwind information found no room (libcrypto.so.3)"));
    CHECK_FALSE(contains(text, "without unwind information"));
  }

  TEST_CASE("lost samples withhold the findings, those the clock missed cost a grade") {
    Profile profile = profile_from_folded(
        "_start;main;PostmasterMain;PostgresMain;ExecSeqScan;slot_deform_heap_tuple 1000");
    CHECK(diagnose(profile).quality.grade == 'A');
    profile.recording.losses[static_cast<size_t>(Loss::kSkipped)] = 400;
    const Diagnosis missed = diagnose(profile);
    CHECK(missed.quality.grade == 'C');
    CHECK(contains(missed.quality.reasons.at(0), "29 % of the samples that the clock should have"));
    CHECK_FALSE(missed.findings.empty());
    profile.recording.losses[static_cast<size_t>(Loss::kSkipped)] = 0;
    profile.recording.losses[static_cast<size_t>(Loss::kRingFull)] = 400;
    const Diagnosis lost = diagnose(profile);
    CHECK(lost.quality.grade == 'D');
    CHECK(lost.findings.empty());
    CHECK(contains(lost.quality.reasons.at(0), "29 % of the samples were lost"));
  }

  TEST_CASE("samples of a timer that fell due while interrupts were off cost a grade") {
    Profile profile = profile_from_folded(
        "_start;main;PostgresMain;ExecSeqScan;slot_deform_heap_tuple 700\n"
        "_start;main;PostgresMain;pq_flush;finish_task_switch.isra.0 300");
    profile.recording.event.name = "cpu-clock";
    const Diagnosis blurred = diagnose(profile);
    CHECK(blurred.quality.grade == 'B');
    CHECK(contains(blurred.quality.reasons.at(0), "30 % of the samples end where"));
    profile.recording.event.name = "cycles";
    CHECK(diagnose(profile).quality.grade == 'A');
  }

  Diagnosis with_unnamed_leaves(const std::string& module) {
    ProfileBuilder builder;
    Function function;
    function.name = "[unnamed] postgres+0x1000";
    function.module = builder.module(Module{ModuleKind::kFile, module, ""});
    function.unnamed = Unnamed::kNoSymbols;
    const std::array<Line, 1> lines{Line{builder.function(function), 0}};
    Sample sample;
    sample.stack = builder.push(kEmptyStack, builder.named_location({}, 0, lines));
    sample.end = StackEnd::kRoot;
    sample.count = 1000;
    sample.weight = 1000;
    builder.add(sample);
    return diagnose(builder.profile());
  }

  TEST_CASE("unnamed leaves in Debian's server ask for its debug package") {
    const Diagnosis diagnosis = with_unnamed_leaves("/usr/lib/postgresql/15/bin/postgres");
    CHECK(diagnosis.quality.grade == 'F');
    CHECK(contains(diagnosis.quality.remedy, "postgresql-15-dbgsym"));
    CHECK(diagnosis.findings.empty());
  }

  TEST_CASE("unnamed leaves in somebody's extension ask for its own symbols") {
    const Diagnosis diagnosis = with_unnamed_leaves("/usr/lib/postgresql/15/lib/pg_cron.so");
    CHECK(diagnosis.quality.remedy == "install the debug symbols of pg_cron.so");
  }

  TEST_CASE("an empty profile is idle, not a crash") {
    const Diagnosis diagnosis = diagnose(Profile{});
    CHECK(diagnosis.verdict.kind == VerdictClass::kIdle);
    CHECK(diagnosis.activities.empty());
    CHECK(diagnosis.findings.empty());
  }
}

}  // namespace pgflame::diagnose
