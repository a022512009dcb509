// pgflame_names_speed STRIPPED_SERVER DEBUG_BUILD
// Prints how long naming takes, wall clock and CPU, each the median of nine, with the limits on the
// wall clock; exits with 1 when one is missed. To be run on an idle machine:
//   cd build/release && ninja pgflame_names_speed && tests/pgflame_names_speed
//     /usr/lib/postgresql/15/bin/postgres /path/to/a/postgres/built/with/-g
//   recovery     names for a stripped PostgreSQL server, without a cache and from it
//   lookup       a million addresses of that server
//   debug build  every function of a binary with DWARF, inlined frames included, opened anew
//                (symbolizer/reference/generate.sh -c gcc12 leaves one below build/reference)
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <ctime>
#include <filesystem>
#include <functional>
#include <random>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <unistd.h>

#include "symbolizer/module_symbols.h"
#include "symbolizer/symbolizer.h"

namespace pgflame::symbolizer {
namespace {

constexpr int kRounds = 9;

double cpu_seconds() {
  timespec time{};
  ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) * 1e-9;
}

double median(std::vector<double> values) {
  std::ranges::nth_element(values, values.begin() + kRounds / 2);
  return values[kRounds / 2];
}

// Whether the limit was kept.
bool measure(const char* what, double limit, const std::function<void()>& work) {
  std::vector<double> walls;
  std::vector<double> cpus;
  for (int i = 0; i < kRounds; ++i) {
    const double cpu = cpu_seconds();
    const auto start = std::chrono::steady_clock::now();
    work();
    const std::chrono::duration<double> wall = std::chrono::steady_clock::now() - start;
    walls.push_back(wall.count());
    cpus.push_back(cpu_seconds() - cpu);
  }
  const double wall = median(walls);
  fmt::print("{:22} {:8.1f} ms wall {:8.1f} ms CPU   limit {:6.0f} ms wall{}\n",
             what,
             wall * 1e3,
             median(cpus) * 1e3,
             limit * 1e3,
             wall > limit ? "   OVER" : "");
  return wall <= limit;
}

// One location in the middle of every function.
Profile profile_of(const std::string& path, const ModuleSymbols& symbols) {
  Profile profile;
  profile.stacks.add({});
  const ModuleId module = profile.modules.add({ModuleKind::kFile, path, ""});
  for (const ElfSection& section : symbols.image->sections()) {
    if (!section.executable()) continue;
    const auto offset = static_cast<uint64_t>(section.bytes.data() - symbols.image->file().data());
    const MappingId mapping =
        profile.mappings.add({section.address, section.address + section.size, offset, module});
    for (const FunctionRange& range : symbols.functions.ranges()) {
      if (!section.contains(range.start)) continue;
      Location location;
      location.mapping = mapping;
      location.address = range.start + (range.end - range.start) / 2;
      Sample sample;
      sample.stack = profile.stacks.add({profile.locations.add(location), kEmptyStack});
      sample.count = 1;
      profile.samples.push_back(sample);
    }
  }
  return profile;
}

size_t look_up(const FunctionTable& functions, size_t count) {
  std::mt19937_64 random(1);
  const auto& ranges = functions.ranges();
  std::uniform_int_distribution<uint64_t> anywhere(ranges.front().start, ranges.back().end);
  size_t found = 0;
  for (size_t i = 0; i < count; ++i)
    found += functions.find(anywhere(random)) != nullptr ? 1 : 0;
  return found;
}

int run(const std::string& server, const std::string& debug_build) {
  Options options;
  Result<std::unique_ptr<ModuleSymbols>> symbols;
  const auto open = [&] { symbols = open_module_file(server, options); };
  bool kept = measure("recovery, cold", 0.5, open);
  options.cache_dir = "/tmp/pgflame-names-speed-" + std::to_string(::getpid());
  open();
  kept = measure("recovery, cached", 0.01, open) && kept;
  std::error_code error;
  std::filesystem::remove_all(options.cache_dir, error);
  options.cache_dir.clear();
  auto debug = open_module_file(debug_build, options);
  if (!symbols || !debug) {
    fmt::print(stderr, "{}\n", (symbols ? debug : symbols).error().what);
    return 1;
  }
  if ((*debug)->inlined == nullptr) {
    fmt::print(stderr, "{}: no DWARF in it\n", debug_build);
    return 1;
  }
  size_t found = 0;
  const auto look_up_many = [&] { found = look_up((*symbols)->functions, 1'000'000); };
  kept = measure("a million lookups", 0.2, look_up_many) && kept;
  const Profile profile = profile_of(debug_build, **debug);
  debug->reset();
  Named named;
  kept = measure("debug build, cold", 2.0, [&] { named = name(profile, options); }) && kept;
  fmt::print("{} of 1000000 addresses are in functions; {} places, {} functions and inlined ones\n",
             found,
             profile.locations.size(),
             named.profile.functions.size());
  return kept ? 0 : 1;
}

}  // namespace
}  // namespace pgflame::symbolizer

int main(int argc, char** argv) {
  if (argc != 3) {
    std::fputs("usage: pgflame_names_speed STRIPPED_SERVER DEBUG_BUILD\n", stderr);
    return 2;
  }
  return pgflame::symbolizer::run(argv[1], argv[2]);
}
