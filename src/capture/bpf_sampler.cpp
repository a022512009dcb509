// A sampler made of the BPF programs of bpf/.
#include <algorithm>
#include <array>
#include <cerrno>
#include <optional>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <linux/capability.h>

#include <fmt/format.h>
#include <poll.h>

#include "bpf/sample_event.h"
#include "sampler.skel.h"
#include "src/base/file.h"
#include "src/capture/bpf_programs.h"
#include "src/capture/bpf_rows.h"
#include "src/capture/look_pace.h"
#include "src/capture/privileges.h"
#include "src/capture/sampler.h"
#include "src/capture/sampling_events.h"
#include "src/capture/sleepers.h"
#include "src/capture/stack_pace.h"
#include "src/capture/unwind_feed.h"

namespace pgflame::capture {
namespace {

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
      : settings_(settings), compiled_here_(compiled_here), events_(settings.rate_hz) {}

  // Without tables, for the reason given, stacks are walked by frame pointers.
  Status open(std::string obstacle_to_tables);
  Status add(const std::vector<int32_t>& pids, const std::optional<TagLayout>& layout) override;
  Status start() override;
  void poll(std::chrono::milliseconds timeout, const EventSink& sink) override;
  void stop() override;
  void describe(Recording& recording) const override;
  uint64_t lost() const override { return programs_.counter(COUNT_RING_FULL); }
  std::vector<int> later_privileges() const override;
  uint64_t programs_ns() const override { return programs_.cost().bpf_ns; }
  uint64_t preparation_ns() const override { return feed_ ? feed_->compile_ns() : 0; }
  bool lower_rate() override;
  bool measures_waits() const override { return settings_.waits; }
  WaitTimes wait_times() override;
  void ignore(const std::vector<int32_t>& pids) override;
  void forget(const std::vector<int32_t>& pids) override;

 private:
  static int receive(void* self, void* bytes, size_t size);
  void attach_jit_probes(const std::string& path);
  static int receive_unwind(void* self, void* bytes, size_t size);
  Status open_feed();
  void note_lost(Recording& recording) const;
  void describe_unwinder(Recording& recording) const;
  uint32_t layout_row(const std::optional<TagLayout>& tags);
  bool switches_dominate() const;
  void set_pace(uint64_t now_ns);

  SamplerSettings settings_;
  bool compiled_here_;  // by libbpfcc; else ahead of time
  std::string obstacle_to_tables_;
  std::vector<TagLayout> layouts_;  // rows of the map of that name
  FileHandle statistics_;           // while open the kernel counts what BPF programs cost
  BpfPrograms programs_;
  std::unique_ptr<ring_buffer, FreeRing> ring_;
  SamplingEvents events_;
  std::vector<LinkHandle> jit_probes_;
  std::unique_ptr<UnwindFeed> feed_;  // none: stacks are walked by frame pointers
  StackPace stack_pace_;
  LookPace look_pace_;
  Sleepers sleepers_;
  const EventSink* sink_ = nullptr;
  uint64_t bad_records_ = 0;
};

Status BpfSampler::open(std::string obstacle_to_tables) {
  obstacle_to_tables_ = std::move(obstacle_to_tables);
  const bool by_table = obstacle_to_tables_.empty();
  if (!by_table && settings_.unwind == UnwindChoice::kTable) {
    return fail(ErrorKind::kUnsupported,
                "stacks cannot be walked by table: " + obstacle_to_tables_,
                "use --unwind auto, or --sampler perf, which walks them outside the kernel");
  }
  statistics_ = FileHandle(bpf_enable_stats(BPF_STATS_RUN_TIME));
  auto programs = BpfPrograms::load(settings_, compiled_here_, by_table);
  if (!programs) return fail(std::move(programs).error());
  programs_ = std::move(*programs);
  ring_.reset(ring_buffer__new(bpf_map__fd(programs_->maps.ring), receive, this, nullptr));
  if (!ring_) return fail(system_error("cannot map the BPF ring buffer", errno));
  if (by_table) {
    if (auto opened = open_feed(); !opened) return opened;
  }
  return programs_.attach();
}

Status BpfSampler::open_feed() {
  const auto& maps = programs_->maps;
  auto feed = UnwindFeed::open({bpf_map__fd(maps.unwind_rows),
                                bpf_map__fd(maps.unwind_rules),
                                bpf_map__fd(maps.unwind_spaces),
                                bpf_map__fd(maps.unwind_processes),
                                bpf_map__max_entries(maps.unwind_rows)},
                               settings_.cache_dir,
                               [this](const std::string& path) { attach_jit_probes(path); });
  if (!feed) return fail(std::move(feed).error());
  feed_ = std::move(*feed);
  for (const int32_t postmaster : settings_.postmasters)
    feed_->prepare(postmaster);
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
  value.entry_application = kEntryApplication;
  if (bpf_map__update_elem(
          programs_->maps.layouts, &row, sizeof(row), &value, sizeof(value), BPF_ANY) != 0) {
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
        programs_->maps.targets, &key, sizeof(key), &value, sizeof(value), BPF_NOEXIST);
    if (failed != 0 && failed != -EEXIST) {
      return fail(system_error(fmt::format("cannot add process {} to the targets", pid), -failed));
    }
  }
  return {};
}

Status BpfSampler::start() {
  return events_.start(programs_.descriptor("sample_stack"));
}

int BpfSampler::receive(void* self, void* bytes, size_t size) {
  auto* receiver = static_cast<BpfSampler*>(self);
  const auto event = decode_ring_record({static_cast<const std::byte*>(bytes), size});
  if (!event) {
    ++receiver->bad_records_;
  } else {
    if (event->kind == EventKind::kOffCpu) receiver->stack_pace_.count_stack();
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
  if (compiled_here_) return;
  const auto attach = [&](const bpf_program* program, const char* function) {
    LIBBPF_OPTS(bpf_uprobe_opts, options);
    options.func_name = function;
    LinkHandle link(bpf_program__attach_uprobe_opts(program, -1, path.c_str(), 0, &options));
    if (link) jit_probes_.push_back(std::move(link));
  };
  attach(programs_->progs.on_register_frame, "__register_frame");
  attach(programs_->progs.on_deregister_frame, "__deregister_frame");
}

void BpfSampler::poll(std::chrono::milliseconds timeout, const EventSink& sink) {
  sink_ = &sink;
  // Waiting and reading are two steps: samples do not wake us up, and are read all the same.
  pollfd waiting{ring_buffer__epoll_fd(ring_.get()), POLLIN, 0};
  programs_->bss->watching_closely = timeout <= std::chrono::milliseconds(20) ? 1 : 0;
  ::poll(&waiting, 1, static_cast<int>(timeout.count()));
  ring_buffer__consume(ring_.get());
  set_pace(monotonic_now());
  sink_ = nullptr;
}

// Of what many backends do while they wait as much is looked at as of what a few do.
void BpfSampler::set_pace(uint64_t now_ns) {
  programs_->data->stack_window_ns = stack_pace_.window_ns(now_ns);
  programs_->data->looks_per_window = look_pace_.per_window(programs_.counter(COUNT_LOOKS), now_ns);
}

void BpfSampler::stop() {
  events_.stop();
}

// Whether following the tasks on and off the CPUs costs so much that a lower sampling rate would
// take samples and save nothing.
bool BpfSampler::switches_dominate() const {
  const auto spent = [this](const char* name) {
    return cost_of(programs_.descriptor(name)).bpf_ns;
  };
  return settings_.waits && spent("on_switch") + spent("on_wakeup") > 4 * spent("sample_stack");
}

bool BpfSampler::lower_rate() {
  bool lowered = false;
  if (settings_.waits && programs_->data->stacks_per_window > 1) {
    programs_->data->stacks_per_window /= 2;
    stack_pace_.lower();
    lowered = true;
  }
  if (settings_.waits && look_pace_.lower()) lowered = true;
  if (switches_dominate()) return lowered;
  const uint64_t period = events_.halve_rate();
  if (period == 0) return lowered;
  programs_->bss->changed_period = period;
  return true;
}

WaitTimes BpfSampler::wait_times() {
  if (!settings_.waits) return Sampler::wait_times();
  const int targets = bpf_map__fd(programs_->maps.targets);
  WaitTimes times = read_wait_times(bpf_map__fd(programs_->maps.intervals), targets);
  sleepers_.tell(times, targets, layouts_);
  return times;
}

void BpfSampler::forget(const std::vector<int32_t>& pids) {
  if (settings_.waits) forget_intervals(bpf_map__fd(programs_->maps.intervals), pids);
}

void BpfSampler::ignore(const std::vector<int32_t>& pids) {
  constexpr uint8_t kYes = 1;
  for (const int32_t pid : pids) {
    const auto key = static_cast<uint32_t>(pid);
    // A full map costs time, not truth: user space leaves them out as well.
    bpf_map__update_elem(programs_->maps.unwanted, &key, sizeof(key), &kYes, sizeof(kYes), BPF_ANY);
  }
}

// Before Linux 5.19 even reading a map that is open takes CAP_BPF when unprivileged BPF is
// disabled.
std::vector<int> BpfSampler::later_privileges() const {
  const auto reads_a_map = [this] {
    const uint32_t row = 0;
    layout value{};
    return bpf_map__lookup_elem(
               programs_->maps.layouts, &row, sizeof(row), &value, sizeof(value), 0) == 0;
  };
  constexpr std::array<int, 2> kAllowing{CAP_BPF, CAP_SYS_ADMIN};
  return works_without(kAllowing, reads_a_map) ? std::vector<int>{} : std::vector<int>{CAP_BPF};
}

void BpfSampler::describe(Recording& recording) const {
  recording.sampler = compiled_here_ ? "bcc" : "bpf";
  recording.event = events_.event();
  describe_unwinder(recording);
  std::ranges::move(programs_.notes(), std::back_inserter(recording.notes));
  const auto add = [&](Loss loss, uint64_t count) {
    recording.losses[static_cast<size_t>(loss)] += count;
  };
  add(Loss::kRingFull, programs_.counter(COUNT_RING_FULL));
  add(Loss::kMapFull,
      programs_.counter(COUNT_TARGETS_FULL) + programs_.counter(COUNT_INTERVALS_FULL));
  add(Loss::kBadRecord, bad_records_);
  add(Loss::kFiltered, programs_.counter(COUNT_FILTERED));
  add(Loss::kProcessMissed, programs_.counter(COUNT_LIFECYCLE_LOST));
  add(Loss::kWaitEndMissed, programs_.counter(COUNT_INTERVAL_LOST));
  const auto skipped = events_.skipped(programs_.counter_by_cpu(COUNT_FIRINGS),
                                       programs_.counter_by_cpu(COUNT_TARGET_FIRINGS));
  add(Loss::kSkipped, skipped.value_or(0));
  if (!skipped) {
    recording.notes.push_back(fmt::format(
        "How many samples the kernel left out, as it does while another BPF program runs on a CPU, "
        "is not known: {} are no clock that says how many to expect.",
        recording.event.name));
  }
  const Cost programs = programs_.cost();
  recording.cost.bpf_ns = programs.bpf_ns;
  recording.cost.bpf_runs = programs.bpf_runs;
  if (!statistics_.valid()) {
    recording.notes.emplace_back(
        "What the BPF programs cost is not known: measuring it needs CAP_SYS_ADMIN.");
  }
  note_lost(recording);
}

void BpfSampler::note_lost(Recording& recording) const {
  const auto note = [&](uint64_t missed, std::string_view what) {
    if (missed > 0) recording.notes.push_back(fmt::format("{} {}", missed, what));
  };
  note(programs_.counter(COUNT_LIFECYCLE_LOST),
       "births and deaths of processes found no room in the ring buffer.");
  note(
      programs_.counter(COUNT_INTERVAL_LOST),
      "ends of waits found no room in the ring buffer: their time is counted, on other stacks with "
      "the same wait event.");
}

void BpfSampler::describe_unwinder(Recording& recording) const {
  recording.unwinder =
      feed_ && settings_.unwind != UnwindChoice::kFramePointers ? "table" : "frame pointers";
  if (!feed_) {
    recording.notes.push_back(
        fmt::format("Stacks were walked by frame pointers because {}; callers may be missing.",
                    obstacle_to_tables_));
    return;
  }
  recording.run_time_code = feed_->run_time_code();
  std::ranges::move(feed_->notes(), std::back_inserter(recording.notes));
  if (std::string note = feed_->verification(); !note.empty()) {
    const auto frames = static_cast<double>(programs_->bss->walk_frames);
    recording.notes.push_back(
        fmt::format("{} In the kernel walks took {:.0f} ns per 20 frames.",
                    note,
                    static_cast<double>(programs_->bss->walk_ns) * 20 / std::max(frames, 1.0)));
  } else if (settings_.verify_unwind > 0) {
    recording.notes.emplace_back(
        "No stack was walked a second time: --verify-unwind compares samples that interrupted user "
        "code on x86-64, and there were none.");
  }
}

Result<std::unique_ptr<Sampler>> open_sampler(const SamplerSettings& settings,
                                              bool compiled_here,
                                              std::string obstacle) {
  auto made = std::make_unique<BpfSampler>(settings, compiled_here);
  if (auto done = made->open(std::move(obstacle)); !done) return fail(std::move(done).error());
  return made;
}

// The walker needs bpf_task_pt_regs (Linux 5.15); that of the bcc sampler does without, but kernels
// before 5.12 refuse functions that are verified on their own and take pointers.
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
