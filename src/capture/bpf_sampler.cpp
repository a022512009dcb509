// The BPF programs of bpf/, loaded, attached and read.
#include <algorithm>
#include <array>
#include <cerrno>
#include <map>
#include <numeric>
#include <optional>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <linux/capability.h>
#include <linux/perf_event.h>
#include <sys/ioctl.h>

#include <fmt/format.h>
#include <poll.h>

#include "bpf/sample_event.h"
#include "sampler.skel.h"
#include "src/base/file.h"
#include "src/capture/bcc_programs.h"
#include "src/capture/bpf_load_error.h"
#include "src/capture/bpf_rows.h"
#include "src/capture/host.h"
#include "src/capture/perf_event.h"
#include "src/capture/privileges.h"
#include "src/capture/proc.h"
#include "src/capture/sampler.h"
#include "src/capture/unwind_feed.h"

namespace pgflame::capture {
namespace {

struct DestroySkeleton {
  void operator()(sampler* skeleton) const { sampler::destroy(skeleton); }
};
struct FreeRing {
  void operator()(ring_buffer* ring) const { ring_buffer__free(ring); }
};

struct DestroyLink {
  void operator()(bpf_link* link) const { bpf_link__destroy(link); }
};
using LinkHandle = std::unique_ptr<bpf_link, DestroyLink>;

// Why the walker in the kernel cannot be used; empty when it can.
std::string obstacle_to_tables() {
  return PGFLAME_KERNEL_TABLES == 0 ? "this build leaves the tables in the kernel out" : "";
}

class BpfSampler : public Sampler {
 public:
  BpfSampler(const SamplerSettings& settings, bool compiled_here)
      : compiled_here_(compiled_here),
        event_(choose_sampling_event(settings.rate_hz)),
        waits_(settings.waits),
        unwind_(settings.unwind),
        verify_unwind_(settings.verify_unwind),
        filters_(settings.filters),
        only_query_(settings.only_query),
        cache_dir_(settings.cache_dir) {}

  // Without tables, for the reason given, stacks are walked by frame pointers.
  Status open(std::string obstacle_to_tables);
  Status add(const std::vector<int32_t>& pids, const std::optional<TagLayout>& layout) override;
  Status start() override;
  void poll(std::chrono::milliseconds timeout, const EventSink& sink) override;
  void stop() override;
  void describe(Recording& recording) const override;
  uint64_t lost() const override { return counter(COUNT_RING_FULL); }
  std::vector<int> later_privileges() const override;
  uint64_t programs_ns() const override { return cost().bpf_ns; }
  uint64_t preparation_ns() const override { return feed_ ? feed_->compile_ns() : 0; }
  bool lower_rate() override;
  bool measures_waits() const override { return waits_; }
  WaitTimes wait_times() const override;
  void ignore(const std::vector<int32_t>& pids) override;
  void forget(const std::vector<int32_t>& pids) override;

 private:
  static int receive(void* self, void* bytes, size_t size);
  void attach_jit_probes(const std::string& path);
  static int receive_unwind(void* self, void* bytes, size_t size);
  Status load();
  Status attach();
  Status open_feed();
  int program(const char* name) const;
  std::vector<int> programs() const;
  void describe_unwinder(Recording& recording) const;
  uint32_t layout_row(const std::optional<TagLayout>& tags);
  std::vector<uint64_t> counter_by_cpu(uint32_t row) const;
  uint64_t counter(uint32_t row) const;
  uint64_t skipped() const;
  Cost cost() const;
  bool switches_dominate() const;

  std::string obstacle_to_tables_;
  bool compiled_here_;  // by libbpfcc; else ahead of time
  pgflame::Event event_;
  bool waits_;
  std::vector<TagLayout> layouts_;  // rows of the map of that name
  FileHandle statistics_;           // while open the kernel counts what BPF programs cost
  std::unique_ptr<sampler, DestroySkeleton> skeleton_;
  std::optional<BccPrograms> bcc_;
  std::unique_ptr<ring_buffer, FreeRing> ring_;
  std::vector<FileHandle> events_;  // one per CPU
  UnwindChoice unwind_;
  uint32_t verify_unwind_;
  bool filters_;
  uint64_t only_query_;
  std::string cache_dir_;
  std::vector<LinkHandle> jit_probes_;
  std::unique_ptr<UnwindFeed> feed_;  // none: stacks are walked by frame pointers
  const EventSink* sink_ = nullptr;
  uint64_t bad_records_ = 0;
  uint64_t started_ns_ = 0;
  uint64_t stopped_ns_ = 0;
  std::map<uint32_t, double> busy_before_;  // by CPU
  std::map<uint32_t, double> busy_after_;
  bool rate_changed_ = false;
};

Status BpfSampler::open(std::string obstacle_to_tables) {
  obstacle_to_tables_ = std::move(obstacle_to_tables);
  keep_libbpf_messages();
  statistics_ = FileHandle(bpf_enable_stats(BPF_STATS_RUN_TIME));
  skeleton_.reset(sampler::open());
  if (!skeleton_) return fail(load_error(errno));
  const bool by_table = obstacle_to_tables_.empty();
  if (!by_table && unwind_ == UnwindChoice::kTable) {
    return fail(ErrorKind::kUnsupported,
                "stacks cannot be walked by table: " + obstacle_to_tables_,
                "use --unwind auto, or --sampler perf, which walks them outside the kernel");
  }
  skeleton_->rodata->unwind_by_table = by_table ? 1 : 0;
  if (!by_table) bpf_map__set_max_entries(skeleton_->maps.unwind_rows, 1);
  skeleton_->rodata->verify_samples = verify_unwind_;
  skeleton_->rodata->only_first_by_table = unwind_ == UnwindChoice::kFramePointers ? 1 : 0;
  skeleton_->rodata->filters = filters_ ? 1 : 0;
  skeleton_->rodata->only_query = only_query_;
  if (auto loaded = load(); !loaded) return loaded;
  ring_.reset(ring_buffer__new(bpf_map__fd(skeleton_->maps.ring), receive, this, nullptr));
  if (!ring_) return fail(system_error("cannot map the BPF ring buffer", errno));
  if (by_table) {
    if (auto opened = open_feed(); !opened) return opened;
  }
  return attach();
}

Status BpfSampler::load() {
  if (compiled_here_) {
    auto loaded = BccPrograms::load(skeleton_->obj,
                                    {waits_, skeleton_->rodata->unwind_by_table != 0},
                                    skeleton_->rodata->headers_hold);
    if (!loaded) return fail(std::move(loaded).error());
    bcc_ = std::move(*loaded);
    return {};
  }
  bpf_program__set_autoload(skeleton_->progs.on_switch, waits_);
  bpf_program__set_autoload(skeleton_->progs.on_wakeup, waits_);
  if (const int failed = sampler::load(skeleton_.get()); failed != 0)
    return fail(load_error(-failed));
  return {};
}

Status BpfSampler::attach() {
  if (bcc_) return bcc_->attach();
  if (const int failed = sampler::attach(skeleton_.get()); failed != 0) {
    return fail(load_error(-failed));
  }
  return {};
}

int BpfSampler::program(const char* name) const {
  if (bcc_) return bcc_->descriptor(name);
  return bpf_program__fd(bpf_object__find_program_by_name(skeleton_->obj, name));
}

std::vector<int> BpfSampler::programs() const {
  if (bcc_) return bcc_->descriptors();
  std::vector<int> all;
  bpf_program* one = nullptr;
  bpf_object__for_each_program(one, skeleton_->obj) {
    all.push_back(bpf_program__fd(one));
  }
  return all;
}

Status BpfSampler::open_feed() {
  const auto& maps = skeleton_->maps;
  auto feed = UnwindFeed::open({bpf_map__fd(maps.unwind_rows),
                                bpf_map__fd(maps.unwind_rules),
                                bpf_map__fd(maps.unwind_spaces),
                                bpf_map__fd(maps.unwind_processes),
                                bpf_map__max_entries(maps.unwind_rows)},
                               cache_dir_,
                               [this](const std::string& path) { attach_jit_probes(path); });
  if (!feed) return fail(std::move(feed).error());
  feed_ = std::move(*feed);
  if (ring_buffer__add(ring_.get(), bpf_map__fd(maps.unwind_ring), receive_unwind, this) != 0) {
    return fail(system_error("cannot map the BPF ring buffer", errno));
  }
  return {};
}

uint32_t BpfSampler::layout_row(const std::optional<TagLayout>& tags) {
  if (!tags) return NO_LAYOUT;
  const auto known = std::ranges::find(layouts_, *tags);
  const auto row = static_cast<uint32_t>(known - layouts_.begin());
  if (known != layouts_.end()) return row;
  if (row >= MAX_LAYOUTS) return NO_LAYOUT;
  layout value{};
  value.my_wait_event_info = tags->my_wait_event_info;
  value.my_be_entry = tags->my_be_entry;
  value.my_proc = tags->my_proc;
  value.proc_wait_event = tags->proc_wait_event;
  value.debug_query_string = tags->debug_query_string;
  value.entry_state = kEntryState;
  value.entry_activity = kEntryActivity;
  value.active_state = active_state(tags->major);
  value.entry_query_id = tags->entry_query_id;
  if (bpf_map__update_elem(
          skeleton_->maps.layouts, &row, sizeof(row), &value, sizeof(value), BPF_ANY) != 0) {
    return NO_LAYOUT;
  }
  layouts_.push_back(*tags);
  return row;
}

Status BpfSampler::add(const std::vector<int32_t>& pids, const std::optional<TagLayout>& layout) {
  const uint32_t row = layout_row(layout);
  for (const int32_t pid : pids) {
    if (feed_) feed_->add(pid);
    const target value = first_state(pid, row, layout);
    const auto key = static_cast<uint32_t>(pid);
    const int failed = bpf_map__update_elem(
        skeleton_->maps.targets, &key, sizeof(key), &value, sizeof(value), BPF_NOEXIST);
    if (failed != 0 && failed != -EEXIST) {
      return fail(system_error(fmt::format("cannot add process {} to the targets", pid), -failed));
    }
  }
  return {};
}

Status BpfSampler::start() {
  const perf_event_attr attributes = sampling_attributes(event_);
  const int program = this->program("sample_stack");
  for (const int cpu : online_cpus()) {
    auto handle = open_on_cpu(attributes, cpu);
    if (!handle) return fail(std::move(handle).error());
    if (::ioctl(handle->get(), PERF_EVENT_IOC_SET_BPF, program) != 0) {
      return fail(system_error("cannot attach the BPF program to the sampling event", errno));
    }
    events_.push_back(std::move(*handle));
  }
  for (const FileHandle& handle : events_)
    ::ioctl(handle.get(), PERF_EVENT_IOC_ENABLE, 0);
  started_ns_ = monotonic_now();
  busy_before_ = busy_seconds_by_cpu();
  return {};
}

int BpfSampler::receive(void* self, void* bytes, size_t size) {
  auto* receiver = static_cast<BpfSampler*>(self);
  const auto event = decode_ring_record({static_cast<const std::byte*>(bytes), size});
  if (!event) {
    ++receiver->bad_records_;
  } else {
    (*receiver->sink_)(*event);
  }
  return 0;
}

int BpfSampler::receive_unwind(void* self, void* bytes, size_t size) {
  static_cast<BpfSampler*>(self)->feed_->receive({static_cast<const std::byte*>(bytes), size});
  return 0;
}

// Without the probes stacks end at code made at run time, by name; nothing else is lost.
void BpfSampler::attach_jit_probes(const std::string& path) {
  if (bcc_) return;
  const auto attach = [&](const bpf_program* program, const char* function) {
    LIBBPF_OPTS(bpf_uprobe_opts, options);
    options.func_name = function;
    LinkHandle link(bpf_program__attach_uprobe_opts(program, -1, path.c_str(), 0, &options));
    if (link) jit_probes_.push_back(std::move(link));
  };
  attach(skeleton_->progs.on_register_frame, "__register_frame");
  attach(skeleton_->progs.on_deregister_frame, "__deregister_frame");
}

void BpfSampler::poll(std::chrono::milliseconds timeout, const EventSink& sink) {
  sink_ = &sink;
  // Waiting and reading are two steps: samples do not wake us up, and are read all the same.
  pollfd waiting{ring_buffer__epoll_fd(ring_.get()), POLLIN, 0};
  skeleton_->bss->watching_closely = timeout <= std::chrono::milliseconds(20) ? 1 : 0;
  ::poll(&waiting, 1, static_cast<int>(timeout.count()));
  ring_buffer__consume(ring_.get());
  sink_ = nullptr;
}

void BpfSampler::stop() {
  for (const FileHandle& handle : events_)
    ::ioctl(handle.get(), PERF_EVENT_IOC_DISABLE, 0);
  stopped_ns_ = monotonic_now();
  busy_after_ = busy_seconds_by_cpu();
}

// Whether following the tasks on and off the CPUs costs so much that a lower sampling rate would
// take samples and save nothing.
bool BpfSampler::switches_dominate() const {
  const auto spent = [this](const char* name) { return cost_of(program(name)).bpf_ns; };
  return waits_ && spent("on_switch") + spent("on_wakeup") > 4 * spent("sample_stack");
}

bool BpfSampler::lower_rate() {
  constexpr double kLowestRate = 20;
  constexpr uint32_t kFewestLooks = 6;
  bool lowered = false;
  if (waits_ && skeleton_->data->stacks_per_window > 1) {
    skeleton_->data->stacks_per_window /= 2;
    lowered = true;
  }
  const uint32_t looks = skeleton_->data->looks_per_window;
  if (waits_ && looks / 4 >= kFewestLooks) {
    skeleton_->data->looks_per_window = looks / 4;
    lowered = true;
  }
  if (switches_dominate()) return lowered;
  if (event_.unit != WeightUnit::kNanoseconds || event_.rate_hz < 2 * kLowestRate) return lowered;
  event_.rate_hz /= 2;
  rate_changed_ = true;
  auto period = static_cast<uint64_t>(1e9 / event_.rate_hz);
  for (const FileHandle& handle : events_)
    ::ioctl(handle.get(), PERF_EVENT_IOC_PERIOD, &period);
  skeleton_->bss->changed_period = period;
  return true;
}

WaitTimes BpfSampler::wait_times() const {
  if (!waits_) return Sampler::wait_times();
  return read_wait_times(bpf_map__fd(skeleton_->maps.intervals),
                         bpf_map__fd(skeleton_->maps.targets));
}

void BpfSampler::forget(const std::vector<int32_t>& pids) {
  if (waits_) forget_intervals(bpf_map__fd(skeleton_->maps.intervals), pids);
}

void BpfSampler::ignore(const std::vector<int32_t>& pids) {
  constexpr uint8_t kYes = 1;
  for (const int32_t pid : pids) {
    const auto key = static_cast<uint32_t>(pid);
    // A full map costs time, not truth: user space leaves them out as well.
    bpf_map__update_elem(skeleton_->maps.unwanted, &key, sizeof(key), &kYes, sizeof(kYes), BPF_ANY);
  }
}

std::vector<uint64_t> BpfSampler::counter_by_cpu(uint32_t row) const {
  const int cpus = libbpf_num_possible_cpus();
  std::vector<uint64_t> values(cpus > 0 ? static_cast<size_t>(cpus) : 1);
  const size_t size = values.size() * sizeof(uint64_t);
  const int failed =
      bpf_map__lookup_elem(skeleton_->maps.counters, &row, sizeof(row), values.data(), size, 0);
  return failed == 0 ? values : std::vector<uint64_t>(values.size());
}

// Before Linux 5.19 even reading a map that is open takes CAP_BPF when unprivileged BPF is
// disabled.
std::vector<int> BpfSampler::later_privileges() const {
  const auto reads_a_map = [this] {
    const uint32_t row = 0;
    layout value{};
    return bpf_map__lookup_elem(
               skeleton_->maps.layouts, &row, sizeof(row), &value, sizeof(value), 0) == 0;
  };
  constexpr std::array<int, 2> kAllowing{CAP_BPF, CAP_SYS_ADMIN};
  return works_without(kAllowing, reads_a_map) ? std::vector<int>{} : std::vector<int>{CAP_BPF};
}

uint64_t BpfSampler::counter(uint32_t row) const {
  const auto values = counter_by_cpu(row);
  return std::accumulate(values.begin(), values.end(), uint64_t{0});
}

// The kernel leaves out a perf_event program while another BPF program runs on the CPU, silently.
// Only a clock says how often it should have run.
uint64_t BpfSampler::skipped() const {
  if (event_.unit != WeightUnit::kNanoseconds || rate_changed_) return 0;
  const auto seen = counter_by_cpu(COUNT_FIRINGS);
  const auto of_targets = counter_by_cpu(COUNT_TARGET_FIRINGS);
  Firings firings;
  firings.rate_hz = event_.rate_hz;
  firings.seconds = static_cast<double>(stopped_ns_ - started_ns_) * 1e-9;
  uint64_t sum = 0;
  for (const auto& [cpu, busy] : busy_after_) {
    const auto before = busy_before_.find(cpu);
    if (cpu >= seen.size() || before == busy_before_.end()) continue;
    firings.busy_seconds = busy - before->second;
    firings.seen = seen[cpu];
    firings.of_targets = of_targets[cpu];
    sum += skipped_samples(firings);
  }
  return sum;
}

Cost BpfSampler::cost() const {
  Cost cost;
  for (const int program : programs()) {
    const Cost part = cost_of(program);
    cost.bpf_ns += part.bpf_ns;
    cost.bpf_runs += part.bpf_runs;
  }
  return cost;
}

void BpfSampler::describe(Recording& recording) const {
  recording.sampler = bcc_ ? "bcc" : "bpf";
  recording.event = event_;
  describe_unwinder(recording);
  if (bcc_) std::ranges::move(bcc_->notes(), std::back_inserter(recording.notes));
  const auto add = [&](Loss loss, uint64_t count) {
    recording.losses[static_cast<size_t>(loss)] += count;
  };
  add(Loss::kRingFull, counter(COUNT_RING_FULL));
  add(Loss::kMapFull, counter(COUNT_TARGETS_FULL) + counter(COUNT_INTERVALS_FULL));
  add(Loss::kBadRecord, bad_records_);
  add(Loss::kFiltered, counter(COUNT_FILTERED));
  add(Loss::kSkipped, skipped());
  const Cost programs = cost();
  recording.cost.bpf_ns = programs.bpf_ns;
  recording.cost.bpf_runs = programs.bpf_runs;
  if (!statistics_.valid()) {
    recording.notes.emplace_back(
        "What the BPF programs cost is not known: measuring it needs CAP_SYS_ADMIN.");
  }
  if (const uint64_t missed = counter(COUNT_LIFECYCLE_LOST); missed > 0) {
    recording.notes.push_back(
        fmt::format("{} births and deaths of processes found no room in the ring buffer.", missed));
  }
}

void BpfSampler::describe_unwinder(Recording& recording) const {
  recording.unwinder =
      feed_ && unwind_ != UnwindChoice::kFramePointers ? "table" : "frame pointers";
  if (!feed_) {
    recording.notes.push_back(
        fmt::format("Stacks were walked by frame pointers because {}; callers may be missing.",
                    obstacle_to_tables_));
    return;
  }
  if (feed_->full()) {
    recording.notes.emplace_back("The tables for walking stacks were full; some stacks end early.");
  }
  if (std::string note = feed_->verification(); !note.empty()) {
    const auto frames = static_cast<double>(skeleton_->bss->walk_frames);
    recording.notes.push_back(
        fmt::format("{} In the kernel walks took {:.0f} ns per 20 frames.",
                    note,
                    static_cast<double>(skeleton_->bss->walk_ns) * 20 / std::max(frames, 1.0)));
  }
}

Result<std::unique_ptr<Sampler>> open_sampler(const SamplerSettings& settings,
                                              bool compiled_here,
                                              std::string obstacle) {
  auto made = std::make_unique<BpfSampler>(settings, compiled_here);
  if (auto done = made->open(std::move(obstacle)); !done) return fail(std::move(done).error());
  return made;
}

// Kernels before 5.12 refuse functions that are verified on their own and take pointers: the
// walker.
Result<std::unique_ptr<Sampler>> open_with_or_without_tables(const SamplerSettings& settings,
                                                             bool compiled_here) {
  const std::string obstacle = obstacle_to_tables();
  auto made = open_sampler(settings, compiled_here, obstacle);
  if (made || !obstacle.empty() || settings.unwind == UnwindChoice::kTable) return made;
  auto simpler =
      open_sampler(settings, compiled_here, "the kernel refused the programs that use tables");
  return simpler ? std::move(simpler) : std::move(made);
}

}  // namespace

Result<std::unique_ptr<Sampler>> make_bpf_sampler(const SamplerSettings& settings) {
  return open_with_or_without_tables(settings, false);
}

Result<std::unique_ptr<Sampler>> make_bcc_sampler(const SamplerSettings& settings) {
  return open_with_or_without_tables(settings, true);
}

}  // namespace pgflame::capture
