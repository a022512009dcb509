#include <tuple>

#include <doctest/doctest.h>

#include "src/base/build_id.h"
#include "src/base/file.h"
#include "src/profile/address_space.h"
#include "symbolizer/inlined_frames.h"
#include "symbolizer/jit_files.h"
#include "symbolizer/jit_symbols.h"
#include "symbolizer/kernel_symbols.h"
#include "symbolizer/symbolizer.h"

namespace pgflame::symbolizer {
namespace {

TEST_SUITE_BEGIN("symbolizer");

// A profile with one place in this very program, as if it were loaded at 0x10000000.
Profile one_place(const std::string& build_id, uint64_t file_offset) {
  Profile profile;
  const ModuleId module = profile.modules.add({ModuleKind::kFile, "/proc/self/exe", build_id});
  const MappingId mapping =
      profile.mappings.add({0x10000000, 0x20000000, file_offset & ~uint64_t{0xfff}, module});
  Location location;
  location.mapping = mapping;
  location.address = 0x10000000 + (file_offset & 0xfff);
  const LocationId id = profile.locations.add(location);
  profile.stacks.add({});
  Sample sample;
  sample.stack = profile.stacks.add({id, kEmptyStack});
  sample.count = 1;
  profile.samples.push_back(sample);
  return profile;
}

// Where this program's code of an address is in its file.
uint64_t offset_of(const void* code) {
  const auto maps = read_file("/proc/self/maps", size_t{1} << 20);
  REQUIRE(maps);
  for (const MapsLine& line : parse_maps(*maps)) {
    const auto address = reinterpret_cast<uint64_t>(code);
    if (address >= line.start && address < line.end) {
      return address - line.start + line.file_offset;
    }
  }
  FAIL("not mapped");
  return 0;
}

const Function& outermost(const Profile& profile) {
  const Location& location = profile.locations[profile.locations.id_at(0)];
  REQUIRE(location.line_count > 0);
  return profile.functions[profile.lines[location.first_line + location.line_count - 1].function];
}

TEST_CASE("an address becomes a function by way of its mapping and the file's segments") {
  const uint64_t offset = offset_of(reinterpret_cast<const void*>(&offset_of));
  const Named named = name(one_place(build_id_of_file("/proc/self/exe"), offset), {});
  const Function& function = outermost(named.profile);
  CHECK(function.tier == NameTier::kFull);
  CHECK(function.name.find("offset_of") != std::string::npos);
  CHECK(named.missing.empty());
}

#ifdef __x86_64__
__attribute__((always_inline)) inline uint64_t inlined_place() {
  uint64_t place = 0;
  asm volatile("lea 0(%%rip), %0" : "=r"(place));
  return place - 1;
}

TEST_CASE("inlined functions come before the function they were inlined into") {
  const uint64_t offset = offset_of(reinterpret_cast<const void*>(inlined_place()));
  const Profile profile = name(one_place("", offset), {}).profile;
  const Location& location = profile.locations[LocationId{0}];
  REQUIRE(location.line_count >= 2);
  const Line& line = profile.lines[location.first_line];
  CHECK(profile.functions[line.function].name.find("inlined_place") != std::string::npos);
  CHECK(profile.functions[line.function].file == "naming_test.cpp");
  CHECK(line.line > 0);
  CHECK(outermost(profile).name.find("inlined_place") == std::string::npos);
  Options without;
  without.inlines = false;
  CHECK(name(one_place("", offset), without).profile.locations[LocationId{0}].line_count == 1);
}
#endif

TEST_CASE("another build's names are not used, and the report hears of it") {
  const uint64_t offset = offset_of(reinterpret_cast<const void*>(&offset_of));
  const Named named = name(one_place("0123456789", offset), {});
  const Function& function = outermost(named.profile);
  CHECK(function.unnamed == Unnamed::kBuildIdMismatch);
  CHECK(function.tier == NameTier::kNone);
  REQUIRE(named.missing.size() == 1);
  CHECK(named.missing[0].reason == Unnamed::kBuildIdMismatch);
  CHECK(named.missing[0].samples == 1);
}

TEST_CASE("places without a mapping or a readable file say why they have no name") {
  Profile profile = one_place("", 0x1000);
  profile.modules[ModuleId{0}].path = "/nowhere/postgres";
  CHECK(outermost(name(profile, {}).profile).unnamed == Unnamed::kModuleGone);
  profile.modules[ModuleId{0}].path = "/proc/self/maps";
  CHECK(outermost(name(profile, {}).profile).tier == NameTier::kNone);
  profile.locations[LocationId{0}].mapping = {};
  CHECK(outermost(name(profile, {}).profile).unnamed == Unnamed::kNoMapping);
}

// The first function of a kernel whose code begins at the address, as it is called here and now.
Function first_of_kernel(uint64_t text_start, const std::string& build_id) {
  Profile profile = one_place(build_id, 0);
  profile.modules[ModuleId{0}] = {ModuleKind::kKernel, "[kernel]", build_id};
  profile.mappings[MappingId{0}] = {text_start, UINT64_MAX, text_start, ModuleId{0}};
  profile.locations[LocationId{0}].address = text_start + 1;
  return outermost(name(std::move(profile), {}).profile);
}

TEST_CASE("a kernel of another boot or build stays one frame without a name") {
  const auto notes = read_file("/sys/kernel/notes", size_t{1} << 20);
  const auto symbols = read_file("/proc/kallsyms", size_t{64} << 20);
  REQUIRE((notes && symbols));
  const std::string build_id =
      build_id_of_notes({reinterpret_cast<const uint8_t*>(notes->data()), notes->size()});
  const KernelSymbols kernel = parse_kallsyms(*symbols);
  if (!kernel.hidden) {
    CHECK(first_of_kernel(kernel.text_start, build_id).tier == NameTier::kFull);
  }
  constexpr uint64_t kStep = uint64_t{2} << 20;  // by which kernels are moved
  for (const Function& function : {first_of_kernel(kernel.text_start + kStep, build_id),
                                   first_of_kernel(kernel.text_start, "0123456789"),
                                   first_of_kernel(kernel.text_start, "")}) {
    CHECK(function.name == "[unnamed] [kernel]");
    CHECK(function.unnamed == Unnamed::kKernelHidden);
    CHECK(function.start == 0);
  }
}

TEST_CASE("code in no file is [jit] only where something makes code") {
  Profile profile = one_place("", 0x1000);
  for (const auto& [kind, path, name_of_it] :
       {std::tuple(ModuleKind::kJit, "", "[jit]"),
        std::tuple(ModuleKind::kJit, "[uprobes]", "[uprobes]"),
        std::tuple(ModuleKind::kAnonymous, "", "[anonymous]"),
        std::tuple(ModuleKind::kAnonymous, "/memfd:x", "[anonymous]")}) {
    profile.modules[ModuleId{0}] = {kind, path, ""};
    const Function function = outermost(name(profile, {}).profile);
    CHECK(function.name == name_of_it);
    CHECK(function.tier == NameTier::kNone);
    CHECK(function.start == 0);
  }
}

TEST_CASE("a process in a container knows itself by the last of its numbers") {
  CHECK(own_pid_of_status("Name:\tpostgres\nPid:\t4711\nNSpid:\t4711\t88\t7\nThreads:\t1\n") == 7);
  CHECK(own_pid_of_status("Name:\tpostgres\nNSpid:\t4711\n") == 4711);
  CHECK(own_pid_of_status("Name:\tNSpid:\t3\n") == 0);
  CHECK(own_pid_of_status("\nNSpid:\tabc\n") == 0);
}

TEST_CASE("a perf map's later lines replace earlier ones") {
  const FunctionTable table = parse_perf_map(
      "1000 100 evalexpr_0_0\n"
      "1100 100 deform_0_1\n"
      "broken\n"
      "1080 20 evalexpr_1_0 with blanks\n");
  CHECK(table.find(0x1000)->name == "evalexpr_0_0");
  CHECK(table.find(0x1090)->name == "evalexpr_1_0 with blanks");
  CHECK(table.find(0x10b0) == nullptr);
  CHECK(table.find(0x1100)->name == "deform_0_1");
  CHECK(table.find(0x1200) == nullptr);
}

TEST_CASE("a jitdump gives its functions, and a cut or broken one what is whole") {
  std::string dump;
  auto u32 = [&](uint32_t value) { dump.append(reinterpret_cast<const char*>(&value), 4); };
  auto u64 = [&](uint64_t value) { dump.append(reinterpret_cast<const char*>(&value), 8); };
  for (const uint32_t word : {0x4A695444U, 1U, 40U, 62U, 0U, 4242U})
    u32(word);
  u64(0);
  u64(0);
  const std::string text("evalexpr_0_1", 13);  // with its NUL
  u32(0);
  u32(static_cast<uint32_t>(16 + 40 + text.size() + 2));
  u64(0);
  u32(4242);
  u32(4242);
  u64(0x7000);
  u64(0x7000);
  u64(2);
  u64(1);
  dump += text + "\x90\xc3";
  auto parse = [](const std::string& bytes) {
    return parse_jitdump({reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size()});
  };
  const JitDump whole = parse(dump);
  CHECK(whole.pid == 4242);
  REQUIRE(whole.functions.find(0x7001) != nullptr);
  CHECK(whole.functions.find(0x7001)->name == "evalexpr_0_1");
  for (size_t size = 0; size < dump.size(); ++size)
    CHECK(parse(dump.substr(0, size)).functions.ranges().empty());
}

TEST_SUITE_END();

}  // namespace
}  // namespace pgflame::symbolizer
