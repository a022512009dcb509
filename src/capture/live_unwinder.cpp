#include "src/capture/live_unwinder.h"

#include <algorithm>

#include "src/base/file.h"
#include "src/capture/mapped_image.h"
#include "src/capture/proc.h"
#include "symbolizer/unwind/table_cache.h"
#include "symbolizer/unwind/walk.h"

namespace pgflame::capture {
namespace {

constexpr uint64_t kMaxMapsBytes = uint64_t{64} << 20;
// Bogus addresses of broken stacks must not make us read maps all the time.
constexpr uint64_t kMapsPause = 500'000'000;

}  // namespace

LiveUnwinder::LiveUnwinder(std::string cache_dir) : cache_dir_(std::move(cache_dir)) {}

void LiveUnwinder::add(int32_t pid) {
  const auto text = read_file(proc_path(pid, "maps"), kMaxMapsBytes);
  if (!text || text->empty()) return;  // gone: what its parent had still holds
  auto space = std::make_shared<Space>();
  for (const MapsLine& line : parse_maps(*text)) {
    if (!line.executable) continue;
    Place place{module_of(pid, line), 0, !is_memory(kind_of_mapping(line.path))};
    if (place.module != nullptr) {
      const auto address = place.module->segments.address_of(line.file_offset);
      if (address) place.bias = line.start - *address;
      if (!address) place.module = nullptr;
    }
    space->ranges.add(line.start, line.end, MappingId{static_cast<uint32_t>(space->places.size())});
    space->places.push_back(place);
  }
  processes_[pid].space = std::move(space);
}

void LiveUnwinder::fork(int32_t parent, int32_t child) {
  const auto known = processes_.find(parent);
  if (known == processes_.end()) return;
  auto space = known->second.space;
  processes_[child] = {std::move(space), 0};
}

void LiveUnwinder::forget(int32_t pid) {
  processes_.erase(pid);
}

const LiveUnwinder::Module* LiveUnwinder::module_of(int32_t pid, const MapsLine& line) {
  if (is_memory(kind_of_mapping(line.path))) return nullptr;
  const auto [known, fresh] = modules_.try_emplace(identity_of_mapped_file(line));
  if (fresh) {
    const uint64_t before = thread_cpu_ns();
    if (const auto image = open_mapped_image(pid, line)) {
      known->second = std::make_unique<Module>(
          Module{unwind::cached_table(*image, cache_dir_), image->segments()});
    }
    compile_ns_ += thread_cpu_ns() - before;
  }
  return known->second.get();
}

const unwind::Rule* LiveUnwinder::rule_at(int32_t pid,
                                          Process& process,
                                          uint64_t pc,
                                          uint64_t now_ns) {
  MappingId mapping = process.space->ranges.find(pc);
  if (!mapping.valid() && now_ns > process.read_ns + kMapsPause) {
    process.read_ns = now_ns;
    add(pid);
    mapping = process.space->ranges.find(pc);
  }
  if (!mapping.valid()) return nullptr;
  static constexpr unwind::Rule kNone{};
  const Place& place = process.space->places[mapping.value];
  return place.module == nullptr ? &kNone : &place.module->table.at(pc - place.bias);
}

UserStack LiveUnwinder::walk(int32_t pid, const UserDump& captured, uint64_t now_ns) {
  const auto process = processes_.find(pid);
  auto dump = unwind::read_dump(captured);
  if (process == processes_.end() || !process->second.space || !dump) {
    return {{}, StackEnd::kNoStack};
  }
  uint64_t last = 0;
  UserStack stack = unwind::walk_dump(*dump, [&](uint64_t pc) {
    last = pc;
    return rule_at(pid, process->second, pc, now_ns);
  });
  const Space& space = *process->second.space;
  if (stack.end == StackEnd::kNoUnwindInfo && !space.places[space.ranges.find(last).value].has_file)
    stack.end = StackEnd::kRunTimeCode;
  return stack;
}

UserStack continue_by_chain(UserStack walked, std::span<const uint64_t> chain) {
  auto& frames = walked.addresses;
  if (walked.end == StackEnd::kRoot || walked.end == StackEnd::kTruncated) return walked;
  if (frames.empty()) {
    frames.assign(chain.begin(), chain.end());
    if (!chain.empty()) walked.end = StackEnd::kUnknown;
    return walked;
  }
  // Functions that call themselves return to the same address again and again: the n-th of the
  // walk is the n-th of the chain.
  const uint64_t last = frames.back();
  auto left = std::ranges::count(frames, last);
  const auto same =
      std::ranges::find_if(chain, [&](uint64_t address) { return address == last && --left == 0; });
  if (same == chain.end() || same + 1 == chain.end()) return walked;
  frames.insert(frames.end(), same + 1, chain.end());
  walked.end = StackEnd::kUnknown;
  return walked;
}

}  // namespace pgflame::capture
