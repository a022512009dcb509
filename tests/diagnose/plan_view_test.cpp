#include "src/diagnose/plan_view.h"

#include <doctest/doctest.h>

#include "src/diagnose/diagnose.h"
#include "tests/support/profile_text.h"

namespace pgflame::diagnose {
namespace {

using testing::profile_from_folded;

}  // namespace

TEST_SUITE("diagnose") {
  TEST_CASE("the plan view folds frames into plan nodes and keeps every sample") {
    const Profile view = plan_view(profile_from_folded(R"(
      _start;main;ExecHashJoin;ExecProcNode;ExecSeqScan;ExecInterpExpr;tts_buffer_heap_getsomeattrs 5
      _start;main;ExecHashJoin;MultiExecHash;ExecSeqScan;heap_getnextslot 4
      _start;main;ExecHashJoin;ExecScanHashBucket 3
      _start;main;standard_planner 2
      what;ever 1
    )"));
    CHECK(testing::to_text(view) == R"(Hash Join;Hash;Seq Scan;sequential scan 4
Hash Join;Seq Scan;tuple deforming 5
Hash Join;hash join build and probe 3
not recognised 1
planning 2
)");
  }

  TEST_CASE("a scan is a node of its own where its function ends with a jump to the shared loop") {
    const Profile view = plan_view(profile_from_folded(R"(
      _start;main;ExecModifyTable;ExecScan;SeqNext;heap_getnextslot;HeapTupleSatisfiesVisibility 5
      _start;main;ExecModifyTable;ExecScan;ExecInterpExpr;int4eq 4
      _start;main;ExecModifyTable;heap_update;HeapTupleSatisfiesUpdate 3
      _start;main;ExecNestLoop;IndexOnlyNext;_bt_first 2
      _start;main;ExecNestLoop;ExecSeqScan;ExecScan;SeqNext;heap_getnextslot 6
      _start;main;ExecAppend;ExecScan;SeqNext;heap_getnextslot 1
      _start;main;ExecAppend;ExecScan;IndexNext;_bt_first 1
      _start;main;ExecAppend;ExecScan;ExecInterpExpr;int4eq 1
      _start;main;ExecSort;ExecScan;ExecInterpExpr;int4eq 1
      _start;main;ExecLimit;ExecScan;ExecScan;SeqNext;heap_getnextslot 2
    )"));
    CHECK(testing::to_text(view) == R"(Append;Index Scan;index descent 1
Append;Scan;expression evaluation 1
Append;Seq Scan;sequential scan 1
Limit;Scan;Seq Scan;sequential scan 2
ModifyTable;Seq Scan;expression evaluation 4
ModifyTable;Seq Scan;visibility checks 5
ModifyTable;visibility checks 3
Nested Loop;Index Only Scan;index descent 2
Nested Loop;Seq Scan;sequential scan 6
Sort;Scan;expression evaluation 1
)");
  }

  TEST_CASE("a row that a scan looks at is not counted as written") {
    const Diagnosis diagnosis = diagnose(profile_from_folded(
        "_start;main;ExecModifyTable;ExecScan;SeqNext;HeapTupleSatisfiesVisibility 400\n"
        "_start;main;ExecModifyTable;ExecScan;SeqNext;heap_getnextslot 600"));
    for (const Finding& finding : diagnosis.findings)
      CHECK(finding.id != "MODIFY");
  }

  TEST_CASE("the plan view has one sample per series of on-CPU samples, in the same order") {
    Profile profile = profile_from_folded("_start;main;ExecSeqScan 5\n_start;main;planner 2");
    Sample waiting = profile.samples.front();
    waiting.state = State::kWaiting;
    profile.samples.insert(profile.samples.begin(), waiting);
    Sample later = profile.samples.back();
    later.second = 3;
    later.count = 7;
    profile.samples.push_back(later);
    const Profile view = plan_view(profile);
    REQUIRE(view.samples.size() == 2);
    CHECK(view.samples[0].count == profile.samples[1].count);
    CHECK(view.samples[1].count == profile.samples[2].count + 7);
    CHECK(view.samples[1].weight == 2 * profile.samples[2].weight);
  }
}

}  // namespace pgflame::diagnose
