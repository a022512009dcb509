#include "src/input/perf_assembler.h"

#include <algorithm>
#include <bit>

#include "src/base/hash_index.h"

namespace pgflame::input {
namespace {

// A stream without rounds must not make us hold all of it.
constexpr size_t kMaxWaitingSamples = size_t{256} << 10;
constexpr size_t kMaxWaitingProcesses = size_t{64} << 10;
constexpr size_t kMostKnownGroups = size_t{1} << 19;
constexpr size_t kMaxWaitingDumps = size_t{64} << 20;

// What a chain entry says about the entries behind it.
struct Context {
  bool kernel = false;
  bool known = true;
};

Context context_of(uint64_t marker) {
  switch (marker) {
    case kMarkerKernel:
    case kMarkerHypervisor:
    case kMarkerGuestKernel:
      return {true, true};
    case kMarkerUser:
    case kMarkerUserDeferred:
    case kMarkerGuest:
    case kMarkerGuestUser:
      return {false, true};
    default:
      return {false, false};
  }
}

template <typename Record>
bool comes_before(const Record& a, const Record& b) {
  return a.time != b.time ? a.time < b.time : a.order < b.order;
}

// Moves the records up to `until` out of `waiting`.
template <typename Record>
void take_until(std::vector<Record>& waiting, uint64_t until, std::vector<Record>& taken) {
  taken.clear();
  size_t kept = 0;
  for (Record& record : waiting) {
    if (record.time <= until) {
      taken.push_back(std::move(record));
    } else {
      if (&waiting[kept] != &record) waiting[kept] = std::move(record);
      ++kept;
    }
  }
  waiting.erase(waiting.begin() + static_cast<std::ptrdiff_t>(kept), waiting.end());
}

// What its group is follows from its chain and its thread.
bool is_plain(const SampleRecord& sample) {
  return !sample.dump && !sample.user_part_lost && !sample.chain_only_ip &&
         sample.chain != ChainTable::kOverflow;
}

bool is_untimed(uint64_t time) {
  return time == 0 || time == UINT64_MAX;
}

}  // namespace

PerfAssembler::PerfAssembler(const Options& options)
    : options_(options),
      filter_(*options.wanted),
      processes_(builder_, options.build_ids),
      known_groups_(1),
      known_locations_(kKnownLocations),
      first_time_(options.first_time) {
  kernel_.end = UINT64_MAX;
}

// Records without a time count from where they stand; the others wait until nothing older can come.
void PerfAssembler::accept(Batch batch) {
  for (const Chain& chain : batch.new_chains)
    chains_.push_back(ChainRow{chain, UINT32_MAX, {}});
  // Groups that share a place drive each other out.
  if (chains_.size() * 2 > known_groups_.size() && known_groups_.size() < kMostKnownGroups)
    known_groups_.assign(std::min(std::bit_ceil(chains_.size() * 8), kMostKnownGroups), {});
  auto process = batch.processes.begin();
  const auto apply_processes_before = [&](uint64_t order) {
    for (; process != batch.processes.end() && process->order < order; ++process) {
      if (is_untimed(process->time)) {
        apply(*process);
      } else {
        waiting_processes_.push_back(std::move(*process));
      }
    }
  };
  for (SampleRecord& sample : batch.samples) {
    apply_processes_before(sample.order);
    if (is_untimed(sample.time)) {
      add(sample);
    } else {
      waiting_samples_.push_back(std::move(sample));
    }
  }
  apply_processes_before(UINT64_MAX);
  waiting_dump_bytes_ += batch.dump_bytes;
  if (waiting_samples_.size() > kMaxWaitingSamples ||
      waiting_processes_.size() > kMaxWaitingProcesses || waiting_dump_bytes_ > kMaxWaitingDumps) {
    flush(UINT64_MAX);
  } else if (batch.safe_time > 0) {
    flush(batch.safe_time);
  }
}

void PerfAssembler::finish() {
  flush(UINT64_MAX);
}

// Samples only need an order relative to changes of processes.
void PerfAssembler::flush(uint64_t until) {
  take_until(waiting_samples_, until, due_samples_);
  take_until(waiting_processes_, until, due_processes_);
  std::vector<SampleRecord>& samples = due_samples_;
  std::vector<ProcessRecord>& processes = due_processes_;
  if (waiting_samples_.empty()) waiting_dump_bytes_ = 0;
  if (first_time_ == 0 && !samples.empty()) {
    first_time_ = std::ranges::min_element(samples, {}, &SampleRecord::time)->time;
  }
  if (!processes.empty()) {
    std::ranges::stable_sort(samples, comes_before<SampleRecord>);
    std::ranges::stable_sort(processes, comes_before<ProcessRecord>);
  }
  auto process = processes.begin();
  for (size_t i = 0; i < samples.size(); ++i) {
    prefetch(i);
    const SampleRecord& sample = samples[i];
    for (; process != processes.end() &&
           (process->time < sample.time ||
            (process->time == sample.time && process->order < sample.order));
         ++process) {
      apply(*process);
    }
    add(sample);
  }
  for (; process != processes.end(); ++process)
    apply(*process);
}

size_t PerfAssembler::place_of(const SampleRecord& sample) const {
  const uint64_t thread =
      uint64_t{static_cast<uint32_t>(sample.pid)} << 32 | static_cast<uint32_t>(sample.tid);
  return hash_mix(thread, sample.chain) & (known_groups_.size() - 1);
}

// What the samples behind this one need is anywhere in tables larger than the caches.
void PerfAssembler::prefetch(size_t sample) const {
  constexpr size_t kAhead = 8;
  if (sample + 2 * kAhead < due_samples_.size())
    __builtin_prefetch(&known_groups_[place_of(due_samples_[sample + 2 * kAhead])]);
  if (sample + kAhead < due_samples_.size())
    samples_.prefetch(known_groups_[place_of(due_samples_[sample + kAhead])].group);
}

void PerfAssembler::apply(const ProcessRecord& record) {
  if (record.kind == ProcessRecord::Kind::kMap && record.kernel) {
    if (record.name.starts_with("[kernel.kallsyms]") && kernel_.start == 0) {
      kernel_.start = record.start;
      kernel_.file_offset = record.file_offset;
    }
    return;
  }
  if (!processes_.apply(record)) ++counts_.bad_records;
}

bool PerfAssembler::is_wanted(const SampleRecord& sample) {
  if (!filter_.accepts_all() &&
      !filter_.accepts(sample.pid, processes_.comm(sample.pid, sample.tid), State::kRunning)) {
    return false;
  }
  if (!options_.range) return true;
  const uint64_t since =
      options_.range->wall_clock ? static_cast<uint64_t>(options_.wall_offset) : 0 - first_time_;
  const auto shown = static_cast<int64_t>(sample.time + since);
  return shown >= options_.range->from && shown < options_.range->to;
}

uint64_t PerfAssembler::start_time() const {
  if (!options_.range) return first_time_;
  const auto first =
      static_cast<int64_t>(first_time_ + static_cast<uint64_t>(options_.wall_offset));
  const int64_t from = since_first(*options_.range, first).from;
  return first_time_ + static_cast<uint64_t>(std::max<int64_t>(from, 0));
}

uint32_t PerfAssembler::second_of(uint64_t time) const {
  const uint64_t start = start_time();
  if (time < start) return 0;
  return static_cast<uint32_t>(std::min<uint64_t>((time - start) / 1'000'000'000, UINT32_MAX));
}

// Where nothing is left, the user wants to know what there was.
void PerfAssembler::leave_out(const SampleRecord& record) {
  constexpr size_t kEnough = 20;
  ++counts_.filtered;
  if (left_out_.size() >= kEnough ||
      std::ranges::find(left_out_, record.pid, &Backend::pid) != left_out_.end())
    return;
  Backend backend;
  backend.pid = record.pid;
  backend.comm = processes_.comm(record.pid, record.tid);
  left_out_.push_back(std::move(backend));
}

void PerfAssembler::add(const SampleRecord& record) {
  last_time_ = std::max(last_time_, record.time);
  if (!is_wanted(record)) {
    leave_out(record);
    return;
  }
  const uint32_t second = second_of(record.time);
  const ProcessTable::Task task = processes_.task(record.pid, record.tid, record.in_user_code);
  if (!is_plain(record)) {
    add_to_group(record, task, second);
    return;
  }
  KnownGroup& known = known_groups_[place_of(record)];
  if (known.chain == record.chain && known.backend == task.backend && known.space == task.space) {
    samples_.add_to(known.group, second, 1, record.weight);
  } else {
    known = {record.chain, task.backend, task.space, add_to_group(record, task, second)};
  }
}

// Returns the group's number.
uint32_t PerfAssembler::add_to_group(const SampleRecord& record,
                                     ProcessTable::Task task,
                                     uint32_t second) {
  ResolvedStack resolved;
  if (record.chain == ChainTable::kOverflow) {
    ++counts_.stacks_lost;
    resolved.end = StackEnd::kUnreadable;
  } else if (record.dump) {
    resolved = unwind(record, task.space);
  } else {
    resolved = resolve(record, task.space);
  }
  if (record.user_part_lost || (record.chain_only_ip && !record.dump)) {
    resolved.end = StackEnd::kNoStack;
  }
  Sample sample;
  sample.stack = resolved.stack;
  sample.backend = task.backend;
  sample.end = resolved.end;
  sample.second = second;
  sample.count = 1;
  sample.weight = record.weight;
  return samples_.add(sample);
}

PerfAssembler::ResolvedStack PerfAssembler::resolve(const SampleRecord& sample, SpaceId space) {
  ChainRow& row = chains_[sample.chain];
  if (row.space == space) return row.resolved;
  if (row.space == UINT32_MAX) {
    row.space = space;
    row.resolved = build(row.chain, addresses_of(sample), space);
    return row.resolved;
  }
  const auto [entry, is_new] =
      resolved_elsewhere_.try_emplace(uint64_t{sample.chain} << 32U | space);
  if (is_new) entry->second = build(row.chain, addresses_of(sample), space);
  return entry->second;
}

LocationId PerfAssembler::locate(uint64_t address, Place place) {
  // A return address lies behind its call, perhaps already in the next function.
  // The first page holds no code and a call takes two bytes: below there are no return addresses.
  constexpr uint64_t kLowestReturn = 4096 + 2;
  const uint64_t looked_up = place.innermost || address < kLowestReturn ? address : address - 1;
  const SpaceId space = place.kernel ? kKernelSpace : place.space;
  KnownLocation& known = known_locations_[hash_mix(space, looked_up) % kKnownLocations];
  if (known.address == looked_up && known.space == space && known.location.valid())
    return known.location;
  const MappingId mapping = place.kernel ? mapping_of_kernel() : place.addresses->find(looked_up);
  known = {looked_up, space, builder_.location(mapping, looked_up)};
  return known.location;
}

MappingId PerfAssembler::mapping_of_kernel() {
  if (!kernel_mapping_.valid()) {
    Mapping row;
    row.end = UINT64_MAX;
    row.module = builder_.module(Module{ModuleKind::kKernel, "[kernel]", ""});
    kernel_mapping_ = builder_.mapping(row);
  }
  return kernel_mapping_;
}

PerfAssembler::ResolvedStack PerfAssembler::build(Chain chain,
                                                  const AddressSpace& addresses,
                                                  SpaceId space) {
  path_.clear();
  ResolvedStack resolved;
  Context context;
  Place place{&addresses, space};
  for (const uint64_t word : chain) {
    if (word >= kLowestMarker) {
      context = context_of(word);
      place.kernel = context.kernel;
      place.innermost = true;
      continue;
    }
    if (!context.known) continue;
    path_.push_back(locate(word, place));
    place.innermost = false;
  }
  if (path_.size() >= options_.max_stack) resolved.end = StackEnd::kTruncated;
  resolved.stack = push_path();
  return resolved;
}

StackId PerfAssembler::push_path() {
  std::ranges::reverse(path_);
  const auto differs = std::ranges::mismatch(path_, last_path_).in1 - path_.begin();
  last_stacks_.resize(static_cast<size_t>(differs));
  StackId stack = last_stacks_.empty() ? kEmptyStack : last_stacks_.back();
  for (auto at = path_.begin() + differs; at != path_.end(); ++at) {
    stack = builder_.push(stack, *at);
    last_stacks_.push_back(stack);
  }
  last_path_.swap(path_);
  return stack;
}

// The kernel's part comes from the chain, the user's from registers and copied memory.
PerfAssembler::ResolvedStack PerfAssembler::unwind(const SampleRecord& sample, SpaceId space) {
  const AddressSpace& addresses = addresses_of(sample);
  const Dump& captured = *sample.dump;
  registers_.clear();
  for (size_t i = 0; i < captured.registers.size() / 8; ++i)
    registers_.push_back(word_at(captured.registers, i, captured.swapped));
  const UserDump dump{
      captured.abi, captured.register_mask, registers_, captured.stack, captured.machine};
  const UserStack user = options_.wanted->unwind(builder_.profile(), addresses, dump);
  if (user.addresses.empty()) {
    ResolvedStack resolved = build(chains_[sample.chain].chain, addresses, space);
    resolved.end = user.end;
    return resolved;
  }
  unwound_.clear();
  bool kernel = false;
  for (const uint64_t word : chains_[sample.chain].chain) {
    if (word >= kLowestMarker) kernel = context_of(word).kernel;
    if (kernel) unwound_.push_back(word);
  }
  unwound_.push_back(kMarkerUser);
  unwound_.insert(unwound_.end(), user.addresses.begin(), user.addresses.end());
  ResolvedStack resolved = build(unwound_, addresses, space);
  resolved.end = user.end;
  return resolved;
}

Profile PerfAssembler::take() {
  std::vector<Sample> samples = std::move(samples_).take();
  if (samples.empty()) {
    for (const Backend& backend : left_out_)
      builder_.backend(backend);
  }
  Profile profile = std::move(builder_).take();
  profile.samples = std::move(samples);
  if (kernel_mapping_.valid()) {
    profile.mappings[kernel_mapping_].start = kernel_.start;
    profile.mappings[kernel_mapping_].file_offset = kernel_.file_offset;
  }
  for (const Backend& backend : profile.backends) {
    if (backend.comm != "postgres" && backend.comm != "postmaster") other_processes_ = true;
  }
  return profile;
}

}  // namespace pgflame::input
