#include <cstring>
#include <vector>

#include <doctest/doctest.h>

#include "symbolizer/unwind/step.h"

using namespace pgflame;
using namespace pgflame::unwind;

namespace {

constexpr uint64_t kSp = 0x7000;
constexpr Rule kCallee{PGF_CFA_SP, PGF_FP_SAME, PGF_RA_AT_CFA, 0, 8, 0, -8};
constexpr Rule kSavesBase{PGF_CFA_SP, PGF_FP_SAME, PGF_RA_AT_CFA, 2, 24, 0, -8};
constexpr Rule kLosesBase{PGF_CFA_SP, PGF_FP_SAME, PGF_RA_AT_CFA, PGF_BASE_LOST, 24, 0, -8};
constexpr Rule kByBase{PGF_CFA_REGISTER, PGF_FP_SAME, PGF_RA_AT_CFA, PGF_BASE_REGISTER, 32, 0, -8};

// A stack of words from kSp upwards and the registers of its innermost frame.
struct Walked {
  explicit Walked(std::vector<uint64_t> memory) : words(std::move(memory)) {
    dump.memory.stack_start = kSp;
    dump.memory.stack = {reinterpret_cast<const uint8_t*>(words.data()), words.size() * 8};
    dump.memory.registers[PGF_BASE_REGISTER] = kSp + 8;
    dump.memory.known_registers = 1 << PGF_BASE_REGISTER;
    dump.frame = {.pc = 1,
                  .sp = kSp,
                  .fp = 0,
                  .lr = 0,
                  .base_at = 0,
                  .machine = PGF_X86_64,
                  .exact = PGF_INNERMOST,
                  .fp_known = 1,
                  .by_chain = 0};
  }
  int step(const Rule& rule) { return pgf_step(&dump.frame, &rule, &dump.memory); }

  std::vector<uint64_t> words;
  Dump dump;
};

}  // namespace

TEST_SUITE("symbolizer") {
  TEST_CASE("a caller whose CFA is in the base register is left through what its callees saved") {
    // The dynamic linker's trampoline, called back from a function that saved rbx below its CFA.
    Walked saved({0, kSp + 40, 0x100, 0, 0, 0, 0, 0, 0x200});
    REQUIRE(saved.step(kSavesBase) == PGF_GO_ON);
    CHECK(saved.dump.frame.pc == 0x100);
    REQUIRE(saved.step(kByBase) == PGF_GO_ON);
    CHECK(saved.dump.frame.pc == 0x200);
    CHECK(saved.dump.frame.sp == kSp + 72);
  }

  TEST_CASE("... through the register itself when none of them saved it") {
    Walked kept({0x100, 0, 0, 0, 0x200});
    REQUIRE(kept.step(kCallee) == PGF_GO_ON);
    REQUIRE(kept.step(kByBase) == PGF_GO_ON);
    CHECK(kept.dump.frame.pc == 0x200);
  }

  TEST_CASE("... and not at all when it was saved in a way that is not followed") {
    Walked lost({0, kSp + 40, 0x100, 0, 0, 0, 0, 0, 0x200});
    REQUIRE(lost.step(kLosesBase) == PGF_GO_ON);
    CHECK(lost.step(kByBase) == PGF_END_BAD_RULE);

    Walked twice({0x100, 0, 0, 0, 0x200, 0, 0, 0, 0, 0});
    REQUIRE(twice.step(kCallee) == PGF_GO_ON);
    REQUIRE(twice.step(kByBase) == PGF_GO_ON);
    CHECK(twice.step(kByBase) == PGF_END_BAD_RULE);
  }

  TEST_CASE("a signal's frame says where the interrupted function's base register is") {
    constexpr Rule kSignal{PGF_CFA_SIGNAL, PGF_FP_SAME, PGF_RA_AT_CFA, 0, 0, 0, 0};
    std::vector<uint64_t> words(40);
    words[PGF_X86_SIGNAL_BASE / 8] = kSp + 200;
    words[PGF_X86_SIGNAL_SP / 8] = kSp + 184;
    words[PGF_X86_SIGNAL_PC / 8] = 0x100;
    words[(200 + 32 - 8) / 8] = 0x200;
    Walked signalled(std::move(words));
    REQUIRE(signalled.step(kSignal) == PGF_GO_ON);
    REQUIRE(signalled.step(kByBase) == PGF_GO_ON);
    CHECK(signalled.dump.frame.pc == 0x200);
  }
}
