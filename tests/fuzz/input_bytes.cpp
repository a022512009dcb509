#include "tests/fuzz/input_bytes.h"

#include <string>

#include <sys/mman.h>

#include <unistd.h>

namespace pgflame::fuzz {
namespace {

void require(bool holds) {
  if (!holds) __builtin_trap();
}

void check_locations(const Profile& profile) {
  for (const Location& location : profile.locations) {
    require(!location.mapping.valid() || profile.mappings.contains(location.mapping));
    require(uint64_t{location.first_line} + location.line_count <= profile.lines.size());
  }
  for (const Line& line : profile.lines)
    require(profile.functions.contains(line.function));
  for (const Mapping& mapping : profile.mappings)
    require(!mapping.module.valid() || profile.modules.contains(mapping.module));
}

}  // namespace

Result<input::Opened> open_bytes(const uint8_t* data, size_t size, const input::Options& options) {
  // One file in memory for the whole run.
  static const int fd = ::memfd_create("capture", 0);
  require(fd >= 0 && ::ftruncate(fd, 0) == 0);
  require(::pwrite(fd, data, size, 0) == static_cast<ssize_t>(size));
  return input::open("/proc/self/fd/" + std::to_string(fd), options);
}

void check(const Profile& profile) {
  check_locations(profile);
  for (size_t i = 1; i < profile.stacks.size(); ++i) {
    const StackNode& node = profile.stacks[profile.stacks.id_at(i)];
    require(profile.locations.contains(node.location) && node.caller.value < i);
  }
  uint64_t counted = 0;
  for (const Sample& sample : profile.samples) {
    require(profile.stacks.contains(sample.stack) && profile.backends.contains(sample.backend));
    require(sample.count > 0);
    counted += sample.count;
  }
  require(account(profile).captured == counted);
}

}  // namespace pgflame::fuzz
