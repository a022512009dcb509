#include "src/capture/unwind_check.h"

#include <algorithm>
#include <span>

#include <fmt/format.h>

#include "src/base/file.h"
#include "src/base/text.h"
#include "src/capture/proc.h"
#include "symbolizer/unwind/offline.h"

namespace pgflame::capture {
namespace {

constexpr uint64_t kAbi64 = 2;
constexpr uint64_t kRegisterMask = 0xff01ff;  // AX ... IP and R8 ... R15
constexpr size_t kMaxMapsBytes = size_t{64} << 20;

using Addresses = std::span<const uint64_t>;

bool begins_with(Addresses longer, Addresses shorter) {
  return shorter.size() <= longer.size() &&
         std::ranges::equal(longer.first(shorter.size()), shorter);
}

std::string to_text(Addresses addresses) {
  std::string text;
  for (const uint64_t address : addresses)
    text += (text.empty() ? "" : " ") + format_hex(address);
  return text;
}

bool lacks_information(int32_t end) {
  return end == PGF_END_NO_ROW || end == PGF_END_NO_MODULE || end == PGF_END_JIT ||
         end == PGF_END_BAD_RULE || end == PGF_END_NO_ROOM;
}

}  // namespace

UnwindCheck::UnwindCheck()
    : inodes_(std::make_shared<ModuleFiles>()),
      libdwfl_(unwind::dwfl_unwinder({"", {}, "", inodes_})),
      files_(builder_) {
  builder_.profile().recording.architecture = "x86_64";
}

void UnwindCheck::read_maps(int32_t pid) {
  auto text = read_file(proc_path(pid, "maps"), kMaxMapsBytes);
  if (!text || text->empty() || *text == maps_) return;
  maps_ = std::move(*text);
  space_.clear();
  for (const MapsLine& line : parse_maps(maps_)) {
    if (!line.executable) continue;
    const ModuleId module = module_of(pid, line);
    space_.add(
        line.start, line.end, builder_.mapping({line.start, line.end, line.file_offset, module}));
  }
}

ModuleId UnwindCheck::module_of(int32_t pid, const MapsLine& line) {
  const ModuleKind kind = kind_of_mapping(line.path);
  if (kind != ModuleKind::kFile) return builder_.module({kind, std::string(line.path), ""});
  const ModuleId module = files_.module_of(pid, line);
  inodes_->add(module, {line.inode, {}});
  return module;
}

void UnwindCheck::compare(const pgf_verify_record& record) {
  read_maps(static_cast<int32_t>(record.head.pid));
  const size_t stack_size = std::min<size_t>(record.stack_size, sizeof record.stack);
  const size_t count = std::min<size_t>(record.count, PGF_MAX_USER_FRAMES);
  const UserDump dump{kAbi64,
                      kRegisterMask,
                      {reinterpret_cast<const uint64_t*>(record.registers), PGF_VERIFY_REGISTERS},
                      {record.stack, stack_size}};
  const UserStack theirs = libdwfl_(builder_.profile(), space_, dump);
  const Addresses ours(reinterpret_cast<const uint64_t*>(record.addresses), count);
  ++compared_;
  if (std::ranges::equal(ours, theirs.addresses)) {
    ++equal_;
  } else if (lacks_information(record.end) && begins_with(theirs.addresses, ours)) {
    ++no_information_;
  } else if (begins_with(ours, theirs.addresses)) {
    ++cut_;
  } else if (difference_.empty()) {
    difference_ = fmt::format("{} instead of {}", to_text(ours), to_text(theirs.addresses));
  }
}

std::string UnwindCheck::summary() const {
  if (compared_ == 0) return {};
  const uint64_t different = compared_ - equal_ - no_information_ - cut_;
  return fmt::format(
      "Of {} stacks of user code walked a second time with libdwfl {} are equal, {} end in code "
      "without unwind "
      "information, {} go further than libdwfl could (the copied stack ends, or code made at run "
      "time begins), {} differ{}{}.",
      compared_,
      equal_,
      no_information_,
      cut_,
      different,
      different > 0 ? "; the first: " : "",
      difference_);
}

}  // namespace pgflame::capture
