#include <array>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <optional>

#include <sys/stat.h>

#include <dlfcn.h>
#include <doctest/doctest.h>

#include "src/base/text.h"
#include "symbolizer/unwind/offline.h"
#include "symbolizer/unwind/step.h"
#include "tests/support/own_stack.h"

using namespace pgflame;
using namespace pgflame::unwind;
using pgflame::testing::OwnStack;

namespace {

std::optional<OwnStack> captured;

int compare_and_capture(const void* a, const void* b) {
  captured = pgflame::testing::capture_own_stack();
  return *static_cast<const int*>(a) - *static_cast<const int*>(b);
}

void handle_signal(int /*number*/) {
  captured = pgflame::testing::capture_own_stack();
}

// Below a library function that keeps no frame pointer.
OwnStack under_qsort() {
  std::array<int, 2> numbers{2, 1};
  std::qsort(numbers.data(), numbers.size(), sizeof(int), compare_and_capture);
  return *captured;
}

OwnStack in_signal_handler() {
  const auto previous = std::signal(SIGUSR1, handle_signal);
  std::raise(SIGUSR1);
  std::signal(SIGUSR1, previous);
  return *captured;
}

// As interrupted at the first instruction of a function of the vDSO that was called here.
OwnStack in_vdso() {
  OwnStack own = under_qsort();
  uint64_t& stack_pointer = own.registers[7];  // in perf's order
  uint64_t& pc = own.registers[8];
  std::array<uint8_t, sizeof(pc)> return_address{};
  std::memcpy(return_address.data(), &pc, sizeof(pc));
  own.memory.insert(own.memory.begin(), return_address.begin(), return_address.end());
  stack_pointer -= sizeof(pc);
  own.callers.insert(own.callers.begin(), pc);
  void* vdso = ::dlopen("linux-vdso.so.1", RTLD_NOLOAD | RTLD_NOW);
  REQUIRE(vdso != nullptr);
  pc = reinterpret_cast<uint64_t>(::dlsym(vdso, "__vdso_clock_gettime"));
  REQUIRE(pc != 0);
  return own;
}

std::string to_text(const std::vector<uint64_t>& addresses) {
  std::string text;
  for (const uint64_t address : addresses)
    text += format_hex(address) + ' ';
  return text;
}

UserStack walk(const Unwinder& unwinder, const OwnStack& own) {
  return unwinder(own.profile, own.space, own.dump());
}

std::vector<uint64_t> callers_of(const UserStack& stack) {
  return {stack.addresses.begin() + 1, stack.addresses.end()};
}

}  // namespace

TEST_SUITE("symbolizer") {
  TEST_CASE("a dumped stack walks to the root through libraries, signal handlers and the vDSO") {
    for (const OwnStack& own : {under_qsort(), in_signal_handler(), in_vdso()}) {
      const UserStack by_table = walk(table_unwinder({}), own);
      CHECK(by_table.end == StackEnd::kRoot);
      CHECK(by_table.addresses.size() > 6);
      CHECK(to_text(callers_of(by_table)) == to_text(own.callers));
      CHECK(walk(dwfl_unwinder({}), own).addresses == by_table.addresses);
    }
  }

  TEST_CASE("a dump that ends early gives the frames it holds and says so") {
    const OwnStack own = under_qsort();
    const Unwinder unwinder = table_unwinder({});
    const UserStack whole = walk(unwinder, own);
    for (size_t size = 0; size < own.memory.size(); size += 64) {
      UserDump cut = own.dump();
      cut.stack = cut.stack.first(size);
      const UserStack part = unwinder(own.profile, own.space, cut);
      REQUIRE(part.addresses.size() <= whole.addresses.size());
      CHECK(std::equal(part.addresses.begin(), part.addresses.end(), whole.addresses.begin()));
      if (part.addresses.size() < whole.addresses.size()) CHECK(part.end == StackEnd::kUnreadable);
      if (part.addresses.size() == whole.addresses.size()) break;
    }
  }

  TEST_CASE("without the module's file the walk stops by name and invents nothing") {
    OwnStack own = under_qsort();
    for (Module& module : own.profile.modules)
      module.build_id = "0123";  // another build than the file on disk
    const UserStack stack = walk(table_unwinder({}), own);
    CHECK(stack.addresses.size() == 1);
    CHECK(stack.end == StackEnd::kNoUnwindInfo);
  }

  TEST_CASE("a walk that stops for want of a table says in what") {
    OwnStack own = under_qsort();
    for (Module& module : own.profile.modules)
      module = {ModuleKind::kJit, "", ""};
    CHECK(walk(table_unwinder({}), own).end == StackEnd::kRunTimeCode);
    own.space.clear();
    CHECK(walk(table_unwinder({}), own).end == StackEnd::kNoModule);
  }

  TEST_CASE("without build-ids the files that were mapped on this host walk the stack, no others") {
    OwnStack own = under_qsort();
    FileOptions options;
    const auto files = std::make_shared<ModuleFiles>();
    for (size_t i = 0; i < own.profile.modules.size(); ++i) {
      const ModuleId id = own.profile.modules.id_at(i);
      own.profile.modules[id].build_id.clear();
      struct stat status = {};
      if (::stat(own.profile.modules[id].path.c_str(), &status) == 0)
        files->add_number(id, status.st_dev, status.st_ino);
    }
    CHECK(walk(table_unwinder(options), own).end == StackEnd::kNoUnwindInfo);
    options.files = files;
    CHECK(walk(table_unwinder(options), own).end == StackEnd::kRoot);
    own.profile.recording.host = "db1";
    CHECK(walk(table_unwinder(options), own).end == StackEnd::kNoUnwindInfo);
  }

  TEST_CASE("a dump that goes beyond the last address is no stack") {
    OwnStack own = under_qsort();
    own.registers[7] = ~uint64_t{0} - 64;  // the stack pointer, in perf's order
    CHECK(walk(table_unwinder({}), own).end == StackEnd::kNoStack);
    CHECK(walk(dwfl_unwinder({}), own).end == StackEnd::kNoStack);
  }

  TEST_CASE("whose registers a dump has follows from the capture, else from which there are") {
    constexpr uint64_t kX86 = 0xff01ff;
    constexpr uint64_t kAarch64 = 0x1ffffffff;
    const std::vector<uint64_t> registers(33, 0x1000);
    UserDump dump{2, kX86, registers, {}};
    REQUIRE(read_dump(dump));
    CHECK(read_dump(dump)->frame.machine == PGF_X86_64);
    dump.register_mask = kAarch64;
    REQUIRE(read_dump(dump));
    CHECK(read_dump(dump)->frame.machine == PGF_AARCH64);
    dump.machine = dump_machine_of("s390x");
    CHECK_FALSE(read_dump(dump));
    dump.machine = dump_machine_of("aarch64");
    CHECK(read_dump(dump)->frame.machine == PGF_AARCH64);
    dump.abi = 1;
    CHECK_FALSE(read_dump(dump));
    dump.machine = dump_machine_of("i686");
    CHECK(read_dump(dump)->frame.machine == PGF_I386);
    dump.machine = dump_machine_of("armv7l");
    CHECK_FALSE(read_dump(dump));
  }

  TEST_CASE("a dump without registers is no stack") {
    OwnStack own = under_qsort();
    own.register_mask = 1;
    CHECK(walk(table_unwinder({}), own).end == StackEnd::kNoStack);
    CHECK(walk(dwfl_unwinder({}), own).end == StackEnd::kNoStack);
  }
}
