#include "src/input/perf_assembler.h"

#include <algorithm>
#include <iterator>
#include <utility>

namespace pgflame::input {
namespace {

// A stream without rounds must not make us hold all of it.
constexpr size_t kMaxWaitingSamples = size_t{256} << 10;
constexpr size_t kMaxWaitingProcesses = size_t{64} << 10;
constexpr size_t kMaxWaitingDumps = size_t{64} << 20;

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

// Its stack follows from its chain and its address space.
bool is_plain(const SampleRecord& sample) {
  return !sample.dump && !sample.user_part_lost && !sample.chain_only_ip &&
         sample.chain != ChainTable::kOverflow;
}

}  // namespace

PerfAssembler::PerfAssembler(const Options& options)
    : options_(options),
      filter_(*options.wanted),
      processes_(builder_, options.build_ids, options.wanted->files.get()),
      stacks_(builder_, options.max_stack),
      samples_(rows_for(*options.wanted)),
      first_time_(options.first_time) {
  kernel_.end = UINT64_MAX;
  if (first_time_ != 0) fix_range();
  Recording& recording = builder_.profile().recording;
  recording.host = options.host;
  recording.kernel = options.kernel;
}

// Records without a time count from where they stand; the others wait until nothing older can come.
void PerfAssembler::accept(Batch& batch) {
  chains_.insert(chains_.end(), batch.new_chains.begin(), batch.new_chains.end());
  known_stacks_.resize(chains_.size());
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
  const auto add_untimed = [&](const SampleRecord& sample) {
    if (!is_untimed(sample.time)) return false;
    apply_processes_before(sample.order);
    add(sample);
    return true;
  };
  if (batch.any_untimed) std::erase_if(batch.samples, add_untimed);
  apply_processes_before(UINT64_MAX);
  waiting_dump_bytes_ += batch.dump_bytes;
  const bool too_many = waiting_samples_.size() + batch.samples.size() > kMaxWaitingSamples ||
                        waiting_processes_.size() > kMaxWaitingProcesses ||
                        waiting_dump_bytes_ > kMaxWaitingDumps;
  if (too_many || batch.safe_time > 0) {
    flush(batch.samples, too_many ? UINT64_MAX : batch.safe_time);
  } else {
    std::ranges::move(batch.samples, std::back_inserter(waiting_samples_));
  }
}

void PerfAssembler::finish() {
  std::vector<SampleRecord> none;
  flush(none, UINT64_MAX);
  tell_files_the_time();
}

// A capture that does not say when it was made is taken to be of this boot: of any other the files'
// numbers mean nothing.
void PerfAssembler::tell_files_the_time() {
  if (options_.wanted->files == nullptr || is_untimed(last_time_)) return;
  const int64_t offset = options_.wall_offset != 0 ? options_.wall_offset : boot_unix_ns_;
  options_.wanted->files->set_end(static_cast<int64_t>(last_time_ + static_cast<uint64_t>(offset)));
}

// Samples only need an order relative to changes of processes. What of `latest` is not due waits.
void PerfAssembler::flush(std::vector<SampleRecord>& latest, uint64_t until) {
  due_samples_.clear();
  for (const auto* samples : {&waiting_samples_, &latest}) {
    for (const SampleRecord& sample : *samples) {
      if (sample.time <= until) due_samples_.push_back({sample.time, &sample});
    }
  }
  take_until(waiting_processes_, until, due_processes_);
  if (first_time_ == 0 && !due_samples_.empty()) {
    first_time_ = std::ranges::min_element(due_samples_, {}, &DueSample::time)->time;
    fix_range();
  }
  if (!due_processes_.empty()) {
    std::ranges::stable_sort(due_samples_, [](const DueSample& a, const DueSample& b) {
      return a.time != b.time ? a.time < b.time : a.sample->order < b.sample->order;
    });
    std::ranges::stable_sort(due_processes_, comes_before<ProcessRecord>);
  }
  add_due();
  std::erase_if(waiting_samples_, [&](const SampleRecord& sample) { return sample.time <= until; });
  for (SampleRecord& sample : latest) {
    if (sample.time > until) waiting_samples_.push_back(std::move(sample));
  }
  if (waiting_samples_.empty()) waiting_dump_bytes_ = 0;
}

// What is known of the chains, their stacks and the rows of those are in tables larger than the
// caches, and each tells where to look in the next.
void PerfAssembler::fetch_ahead(size_t i) const {
  constexpr size_t kChain = 8;
  constexpr size_t kLatest = 4;
  constexpr size_t kRow = 2;
  const auto known = [&](size_t ahead) -> const KnownStack* {
    if (i + ahead >= due_samples_.size()) return nullptr;
    return &known_stacks_[due_samples_[i + ahead].sample->chain];
  };
  if (const KnownStack* later = known(kChain)) __builtin_prefetch(later);
  if (const KnownStack* next = known(kLatest)) samples_.fetch_latest(next->stack.id);
  if (const KnownStack* next = known(kRow)) samples_.fetch_row(next->stack.id);
}

void PerfAssembler::add_due() {
  auto process = due_processes_.begin();
  for (size_t i = 0; i < due_samples_.size(); ++i) {
    fetch_ahead(i);
    const SampleRecord& sample = *due_samples_[i].sample;
    for (; process != due_processes_.end() &&
           (process->time < sample.time ||
            (process->time == sample.time && process->order < sample.order));
         ++process) {
      apply(*process);
    }
    add(sample);
  }
  for (; process != due_processes_.end(); ++process)
    apply(*process);
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
  return is_in_range(sample.time);
}

bool PerfAssembler::is_in_range(uint64_t time) const {
  if (!options_.range) return true;
  const uint64_t since =
      options_.range->wall_clock ? static_cast<uint64_t>(options_.wall_offset) : 0 - first_time_;
  const auto shown = static_cast<int64_t>(time + since);
  return shown >= options_.range->from && shown < options_.range->to;
}

void PerfAssembler::fix_range() {
  const uint64_t start = first_time_ + static_cast<uint64_t>(options_.wall_offset);
  if (options_.range) options_.range = on_day(*options_.range, static_cast<int64_t>(start));
}

uint64_t PerfAssembler::start_time() const {
  if (!options_.range) return first_time_;
  const auto first =
      static_cast<int64_t>(first_time_ + static_cast<uint64_t>(options_.wall_offset));
  const int64_t from = since_first(*options_.range, first).from;
  return first_time_ + static_cast<uint64_t>(std::max<int64_t>(from, 0));
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
  const ProcessTable::Task task = processes_.task(record.pid, record.tid, record.in_user_code);
  const StackBuilder::Stack stack =
      is_plain(record) ? resolve(record, task.space) : stack_of(record, task.space);
  Sample sample;
  sample.stack = stack.id;
  sample.backend = task.backend;
  sample.end = stack.end;
  set_moment(sample, start_time(), record.time, *options_.wanted);
  sample.count = 1;
  sample.weight = record.weight;
  samples_.add(sample);
}

StackBuilder::Stack PerfAssembler::stack_of(const SampleRecord& sample, SpaceId space) {
  StackBuilder::Stack stack;
  if (sample.chain == ChainTable::kOverflow) {
    ++counts_.stacks_lost;
    stack.end = StackEnd::kUnreadable;
  } else {
    stack = sample.dump ? unwind(sample, space) : resolve(sample, space);
  }
  if (sample.user_part_lost || (sample.chain_only_ip && !sample.dump)) {
    stack.end = StackEnd::kNoStack;
  }
  return stack;
}

StackBuilder::Stack PerfAssembler::resolve(const SampleRecord& sample, SpaceId space) {
  KnownStack& known = known_stacks_[sample.chain];
  if (known.space == space) return known.stack;
  if (known.space == UINT32_MAX) {
    known.space = space;
    known.stack = stacks_.build(chains_[sample.chain], addresses_of(sample), space);
    return known.stack;
  }
  const auto [entry, is_new] =
      resolved_elsewhere_.try_emplace(uint64_t{sample.chain} << 32U | space);
  if (is_new) entry->second = stacks_.build(chains_[sample.chain], addresses_of(sample), space);
  return entry->second;
}

// The kernel's part comes from the chain, the user's from registers and copied memory.
StackBuilder::Stack PerfAssembler::unwind(const SampleRecord& sample, SpaceId space) {
  tell_files_the_time();
  const AddressSpace& addresses = addresses_of(sample);
  const Dump& captured = *sample.dump;
  registers_.clear();
  for (size_t i = 0; i < captured.registers.size() / 8; ++i)
    registers_.push_back(word_at(captured.registers, i, captured.swapped));
  const UserDump dump{
      captured.abi, captured.register_mask, registers_, captured.stack, captured.machine};
  const UserStack user = options_.wanted->unwind(builder_.profile(), addresses, dump);
  const Chain chain = chains_[sample.chain];
  if (user.addresses.empty()) {
    StackBuilder::Stack stack = stacks_.build(chain, addresses, space);
    stack.end = user.end;
    return stack;
  }
  unwound_.clear();
  bool kernel = false;
  for (const uint64_t word : chain) {
    if (word >= kLowestMarker) kernel = is_kernel_marker(word);
    if (kernel) unwound_.push_back(word);
  }
  unwound_.push_back(kMarkerUser);
  unwound_.insert(unwound_.end(), user.addresses.begin(), user.addresses.end());
  StackBuilder::Stack stack = stacks_.build(unwound_, addresses, space);
  stack.end = user.end;
  return stack;
}

Profile PerfAssembler::take() {
  // Makes room for the samples in order.
  chains_ = {};
  known_stacks_ = {};
  std::vector<Sample> samples = std::move(samples_).take();
  if (samples.empty()) {
    for (const Backend& backend : left_out_)
      builder_.backend(backend);
  }
  Profile profile = std::move(builder_).take();
  profile.samples = std::move(samples);
  if (kernel_mapping().valid()) {
    profile.mappings[kernel_mapping()].start = kernel_.start;
    profile.mappings[kernel_mapping()].file_offset = kernel_.file_offset;
  }
  for (const Backend& backend : profile.backends) {
    if (backend.comm != "postgres" && backend.comm != "postmaster") other_processes_ = true;
  }
  return profile;
}

}  // namespace pgflame::input
