#include <tuple>

#include <sys/stat.h>

#include <doctest/doctest.h>

#include "src/base/build_id.h"
#include "src/base/file.h"
#include "src/profile/address_space.h"
#include "src/profile/this_boot.h"
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
      profile.mappings.add({0x10000000, 0x10001000, file_offset & ~uint64_t{0xfff}, module});
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
  const std::string build_id = build_id_of_file("/proc/self/exe");
  const Profile profile = name(one_place(build_id, offset), {}).profile;
  const Location& location = profile.locations[LocationId{0}];
  REQUIRE(location.line_count >= 2);
  const Line& line = profile.lines[location.first_line];
  CHECK(profile.functions[line.function].name.find("inlined_place") != std::string::npos);
  CHECK(profile.functions[line.function].file == "naming_test.cpp");
  CHECK(line.line > 0);
  CHECK(outermost(profile).name.find("inlined_place") == std::string::npos);
  Options without;
  without.inlines = false;
  CHECK(name(one_place(build_id, offset), without).profile.locations[LocationId{0}].line_count ==
        1);
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

// What the capture says of its file: the numbers of this program's, the host where it was made.
Named name_without_build_id(uint64_t file_offset, const std::string& host, Options options = {}) {
  struct stat status = {};
  REQUIRE(::stat("/proc/self/exe", &status) == 0);
  const auto files = std::make_shared<ModuleFiles>();
  files->add_number(ModuleId{0}, status.st_dev, status.st_ino);
  options.files = files;
  Profile profile = one_place("", file_offset);
  profile.recording.host = host;
  profile.recording.kernel = this_host().kernel;
  return name(std::move(profile), options);
}

TEST_CASE("without a build-id the very file that was mapped names its code, and no other") {
  const uint64_t offset = offset_of(reinterpret_cast<const void*>(&offset_of));
  const Named here = name_without_build_id(offset, this_host().name);
  CHECK(outermost(here.profile).tier == NameTier::kFull);
  CHECK(here.notes.empty());
  const Named elsewhere = name_without_build_id(offset, "db1");
  CHECK(outermost(elsewhere.profile).unnamed == Unnamed::kBuildIdMismatch);
  REQUIRE(elsewhere.missing.size() == 1);
  REQUIRE(elsewhere.missing[0].rejected.size() == 1);
  CHECK(elsewhere.missing[0].rejected[0] ==
        "/proc/self/exe is not known to be the file that was mapped");
  CHECK(outermost(name(one_place("", offset), {}).profile).tier == NameTier::kNone);
}

TEST_CASE("the user's word for a file is used, noted, and refused where its code lies elsewhere") {
  const uint64_t offset = offset_of(reinterpret_cast<const void*>(&offset_of));
  Options given;
  given.binaries = {"/proc/self/exe"};
  const Named named = name_without_build_id(offset, "db1", given);
  CHECK(outermost(named.profile).tier == NameTier::kFull);
  REQUIRE(named.notes.size() == 1);
  CHECK(named.notes[0].find("which the capture cannot confirm") != std::string::npos);
  CHECK(name_without_build_id(offset, this_host().name, given).notes.empty());
  const Named refused = name_without_build_id(0, "db1", given);  // the ELF header is no code
  CHECK(outermost(refused.profile).unnamed == Unnamed::kBuildIdMismatch);
  CHECK(refused.notes.empty());
  CHECK(refused.missing.at(0).rejected.at(0) == "/proc/self/exe has other code");
}

TEST_CASE("a file that the user gives for nothing is named") {
  const uint64_t offset = offset_of(reinterpret_cast<const void*>(&offset_of));
  Options given;
  given.binaries = {"/proc/self/exe", "/proc/self/maps"};
  const Named named = name(one_place(build_id_of_file("/proc/self/exe"), offset), given);
  REQUIRE(named.notes.size() == 1);
  CHECK(named.notes[0].starts_with("/proc/self/maps was not used"));
}

TEST_CASE("a file that the user gives is named with its build-id when it is of another build") {
  const std::string program = "/proc/self/exe";
  Profile profile = one_place("0123456789", 0x1000);
  profile.modules[ModuleId{0}].path = "/nowhere/exe";
  Options given;
  given.binaries = {program};
  const Named named = name(std::move(profile), given);
  CHECK(named.missing.at(0).reason == Unnamed::kBuildIdMismatch);
  CHECK(named.missing.at(0).rejected.at(0) ==
        program + " has build-id " + build_id_of_file(program));
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
