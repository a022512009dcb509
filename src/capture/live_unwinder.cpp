#include "src/capture/live_unwinder.h"

#include <algorithm>

#include "src/base/file.h"
#include "src/capture/mapped_image.h"
#include "src/capture/proc.h"
#include "symbolizer/unwind/table_cache.h"

namespace pgflame::capture {
namespace {

constexpr uint64_t kMaxMapsBytes = uint64_t{64} << 20;
// Bogus addresses of broken stacks must not make us read maps all the time.
constexpr uint64_t kMapsPause = 500'000'000;

// Whether the frame pointer points to the caller's, with the return address above it.
bool keeps_frame_pointer(const unwind::Rule& rule) {
  if (rule.cfa == PGF_CFA_CHAIN) return true;
  const int64_t cfa = rule.cfa_offset;
  return rule.cfa == PGF_CFA_FP && rule.fp == PGF_FP_AT_CFA && cfa + rule.fp_offset == 0 &&
         rule.ra == PGF_RA_AT_CFA && cfa + rule.ra_offset == sizeof(uint64_t);
}

}  // namespace

LiveUnwinder::LiveUnwinder(std::string cache_dir, unwind::ByTable by_table)
    : cache_dir_(std::move(cache_dir)), by_table_(by_table) {}

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

UserStack LiveUnwinder::walk(int32_t pid,
                             const UserDump& captured,
                             std::span<const uint64_t> chain,
                             uint64_t now_ns) {
  const auto process = processes_.find(pid);
  UserStack walked{{}, StackEnd::kNoStack};
  if (process == processes_.end() || !process->second.space) return walked;
  uint64_t last = 0;
  const auto rule = [&](uint64_t pc) {
    last = pc;
    return rule_at(pid, process->second, pc, now_ns);
  };
  if (auto dump = unwind::read_dump(captured)) walked = unwind::walk_dump(*dump, rule, by_table_);
  const Space& space = *process->second.space;
  const MappingId ended_in = space.ranges.find(last);
  if (walked.end == StackEnd::kNoUnwindInfo && ended_in.valid() &&
      !space.places[ended_in.value].has_file)
    walked.end = StackEnd::kRunTimeCode;
  return continue_by_chain(std::move(walked), chain, by_table_, rule);
}

UserStack continue_by_chain(UserStack walked,
                            std::span<const uint64_t> chain,
                            unwind::ByTable by_table,
                            const std::function<const unwind::Rule*(uint64_t)>& rule_at) {
  auto& frames = walked.addresses;
  if (walked.end != StackEnd::kUnreadable && walked.end != StackEnd::kNoStack) return walked;
  auto next = chain.begin();
  if (!frames.empty()) {
    // Functions that call themselves return to the same address again and again: the n-th of the
    // walk is the n-th of the chain.
    auto left = std::ranges::count(frames, frames.back());
    next = std::ranges::find_if(
        chain, [&](uint64_t address) { return address == frames.back() && --left == 0; });
    if (next == chain.end()) return walked;
    ++next;
  }
  const auto rule_of_last = [&] { return rule_at(frames.back() - (frames.size() > 1 ? 1 : 0)); };
  const auto leads_on = [&](const unwind::Rule& rule) {
    const bool believed = by_table == unwind::ByTable::kInnermost && frames.size() > 1;
    return believed || keeps_frame_pointer(rule);
  };
  const unwind::Rule* rule = frames.empty() ? nullptr : rule_of_last();
  for (; next != chain.end(); ++next) {
    if (!frames.empty() && (rule == nullptr || !leads_on(*rule))) break;
    frames.push_back(*next);
    rule = rule_of_last();
    if (rule == nullptr) {
      frames.pop_back();
      break;
    }
    walked.end = StackEnd::kUnknown;
  }
  return walked;
}

}  // namespace pgflame::capture
