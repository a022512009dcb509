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
  Walked& on(pgf_machine machine) {
    dump.frame.machine = machine;
    dump.memory.word_size = machine == PGF_I386 ? 4 : 8;
    return *this;
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

  // Signed as pointer authentication does it, above the bits of an address.
  constexpr uint64_t kSigned = uint64_t{0x2d} << 48U;
  constexpr Rule kInLinkRegister{PGF_CFA_SP, PGF_FP_SAME, PGF_RA_LINK_REGISTER, 0, 0, 0, 0};

  TEST_CASE("on aarch64 only an innermost function may return through the link register") {
    Walked leaf({0, 0});
    leaf.on(PGF_AARCH64).dump.frame.lr = kSigned | 0x100;
    REQUIRE(leaf.step(kInLinkRegister) == PGF_GO_ON);
    CHECK(leaf.dump.frame.pc == 0x100);
    CHECK(leaf.dump.frame.sp == kSp);
    CHECK(leaf.step(kInLinkRegister) == PGF_END_BAD_RULE);
  }

  TEST_CASE(
      "on aarch64 a frame record has the caller's frame pointer and a signed return address") {
    constexpr Rule kRecord{PGF_CFA_SP, PGF_FP_AT_CFA, PGF_RA_AT_CFA, 0, 32, -32, -24};
    Walked caller({kSp + 48, kSigned | 0x100, 0, 0, 0});
    REQUIRE(caller.on(PGF_AARCH64).step(kRecord) == PGF_GO_ON);
    CHECK(caller.dump.frame.pc == 0x100);
    CHECK(caller.dump.frame.fp == kSp + 48);
    CHECK(caller.dump.frame.sp == kSp + 32);
  }

  TEST_CASE("on aarch64 a signal's frame has all registers of the function that it interrupted") {
    constexpr Rule kSignal{PGF_CFA_SIGNAL, PGF_FP_SAME, PGF_RA_AT_CFA, 0, 0, 0, 0};
    std::vector<uint64_t> words(PGF_ARM64_SIGNAL_PC / 8 + 1);
    words[PGF_ARM64_SIGNAL_REGISTERS / 8 + 29] = kSp + 600;
    words[PGF_ARM64_SIGNAL_REGISTERS / 8 + 30] = 0x200;
    words[PGF_ARM64_SIGNAL_SP / 8] = kSp + 584;
    words[PGF_ARM64_SIGNAL_PC / 8] = 0x100;
    Walked signalled(std::move(words));
    REQUIRE(signalled.on(PGF_AARCH64).step(kSignal) == PGF_GO_ON);
    CHECK(signalled.dump.frame.pc == 0x100);
    CHECK(signalled.dump.frame.sp == kSp + 584);
    CHECK(signalled.dump.frame.fp == kSp + 600);
    CHECK(pgf_lookup_pc(&signalled.dump.frame) == 0x100);
    REQUIRE(signalled.step(kInLinkRegister) == PGF_GO_ON);
    CHECK(signalled.dump.frame.pc == 0x200);
  }

  TEST_CASE("32-bit stacks have words of four bytes") {
    constexpr Rule kSavesFp{PGF_CFA_SP, PGF_FP_AT_CFA, PGF_RA_AT_CFA, 0, 8, -8, -4};
    const auto words = [](uint64_t first, uint64_t second) { return first | second << 32U; };
    Walked walked({words(kSp + 40, 0x100), words(0x200, 0x300), 0});
    REQUIRE(walked.on(PGF_I386).step(kSavesFp) == PGF_GO_ON);
    CHECK(walked.dump.frame.pc == 0x100);
    CHECK(walked.dump.frame.fp == kSp + 40);
    CHECK(walked.dump.frame.sp == kSp + 8);
  }

  TEST_CASE("a PLT entry has pushed a word more from some instruction on") {
    constexpr Rule kPlt{PGF_CFA_PLT, PGF_FP_SAME, PGF_RA_AT_CFA, 0, 11, 0, -8};
    constexpr Rule kPlt32{PGF_CFA_PLT, PGF_FP_SAME, PGF_RA_AT_CFA, 0, 11, 0, -4};
    for (const uint64_t pc : {uint64_t{0x10a}, uint64_t{0x10b}}) {
      const uint64_t pushed = pc == 0x10b ? 1 : 0;
      Walked wide({0x100, 0x101});
      wide.dump.frame.pc = pc;
      REQUIRE(wide.step(kPlt) == PGF_GO_ON);
      CHECK(wide.dump.frame.pc == 0x100 + pushed);
      CHECK(wide.dump.frame.sp == kSp + 8 * (1 + pushed));
      Walked narrow({uint64_t{0x101} << 32U | 0x100});
      narrow.on(PGF_I386).dump.frame.pc = pc;
      REQUIRE(narrow.step(kPlt32) == PGF_GO_ON);
      CHECK(narrow.dump.frame.pc == 0x100 + pushed);
      CHECK(narrow.dump.frame.sp == kSp + 4 * (1 + pushed));
    }
  }
}
