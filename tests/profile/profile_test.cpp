#include "src/profile/profile.h"

#include <string_view>
#include <utility>

#include <doctest/doctest.h>

#include "tests/support/profile_text.h"

using namespace pgflame;

namespace {

uint64_t not_whole(std::string_view folded) {
  Profile profile = testing::profile_from_folded(folded);
  for (Sample& sample : profile.samples)
    sample.end = StackEnd::kUnknown;
  return account(profile).truncated;
}

}  // namespace

TEST_SUITE("profile") {
  TEST_CASE("a stack is whole when one of its three outermost frames is an entry point") {
    CHECK(not_whole("main;PostmasterMain;PostgresMain 1") == 0);
    CHECK(not_whole("postgres;[unknown];_start;main 1") == 0);
    CHECK(not_whole("postgres;a;b;main 1") == 1);
    CHECK(not_whole("__restore_rt;procsignal_sigusr1_handler 1") == 1);
    CHECK(not_whole("exec_simple_query;PortalRun 1") == 1);
  }

  TEST_CASE("a stack that begins in a file nobody has is not called cut") {
    Profile profile = testing::profile_from_folded("[unnamed] postgres+0x10;ExecSeqScan 1");
    for (Sample& sample : profile.samples)
      sample.end = StackEnd::kUnknown;
    Function& outermost = profile.functions[FunctionId{0}];
    for (const auto& [reason, cut] : {std::pair(Unnamed::kModuleGone, 0U),
                                      std::pair(Unnamed::kBuildIdMismatch, 0U),
                                      std::pair(Unnamed::kModuleCorrupt, 0U),
                                      std::pair(Unnamed::kNoSymbols, 1U),
                                      std::pair(Unnamed::kNoMapping, 1U)}) {
      outermost.unnamed = reason;
      CHECK(account(profile).truncated == cut);
    }
  }

  TEST_CASE("a process that was forked in a signal handler is whole from its own main on") {
    CHECK(not_whole("postgres;[unknown];__restore_rt;sigusr1_handler;maybe_start_bgworkers;"
                    "StartBackgroundWorker;ParallelWorkerMain;ExecSeqScan 1") == 0);
    CHECK(not_whole("__restore_rt;reaper;StartChildProcess;AuxiliaryProcessMain;"
                    "CheckpointerMain 1") == 0);
    CHECK(not_whole("__restore_rt;sigusr1_handler;maybe_start_bgworkers 1") == 1);
  }
}
