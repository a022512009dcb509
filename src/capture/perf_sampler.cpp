// Sampling with perf_event rings, one per CPU, without any BPF. The kernel reports every process of
// the host; whoever receives the events keeps those of the targets.
//
// Each CPU has two events that share a ring: one that tells of births and deaths from the moment
// the sampler is opened, and the one that takes the samples. A sample carries the kernel's
// frame-pointer chain, registers and a copy of the user stack, which is walked by unwind tables
// here. The copies are why rings are large.
#include <algorithm>
#include <atomic>
#include <bit>
#include <cerrno>
#include <utility>

#include <linux/perf_event.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#include <fmt/format.h>
#include <poll.h>
#include <unistd.h>

#include "src/capture/live_unwinder.h"
#include "src/capture/perf_event.h"
#include "src/capture/perf_record.h"
#include "src/capture/proc.h"
#include "src/capture/sampler.h"

namespace pgflame::capture {
namespace {

// Whole stacks of backends are 2 to 8 KiB.
constexpr uint32_t kStackBytes = 16 << 10;
// Holds the innermost frame, its caller's and mostly some more, from where the kernel's chain goes
// on. varstrfastcmp_locale(), which calls memcmp(), has 2 KiB of local variables.
constexpr uint32_t kInnermostBytes = 4 << 10;
constexpr size_t kRecordBytes = 1024;  // the rest of a sample
// 512 KiB per CPU may be locked without privileges (kernel.perf_event_mlock_kb) and hold seconds of
// samples without stacks.
constexpr size_t kSmallRing = 512 << 10;
constexpr size_t kLargestRing = 8 << 20;
constexpr size_t kAllRings = 32 << 20;

#if defined(__aarch64__)
constexpr uint64_t kRegisters = 0x1ffffffff;  // X0 ... X30, SP, PC
#else
constexpr uint64_t kRegisters = 0xff01ff;  // AX ... IP and R8 ... R15
#endif

// Room for a second of samples with stacks, within limits: we look every 10 ms, but a host under
// load may keep us waiting.
size_t ring_bytes(double rate_hz, size_t cpus, uint32_t stack_bytes) {
  const auto second = static_cast<size_t>(rate_hz) * (stack_bytes + kRecordBytes);
  const size_t share = std::bit_floor(kAllRings / std::max<size_t>(cpus, 1));
  return std::clamp(std::bit_ceil(second), kSmallRing, std::clamp(share, kSmallRing, kLargestRing));
}

// The memory that the kernel and we share for one event: a page of pointers, then the ring.
class Ring {
 public:
  // `size`: a power of two; what is not granted is halved, down to the small ring.
  static Result<Ring> map(FileHandle event, size_t size) {
    const auto page = static_cast<size_t>(::sysconf(_SC_PAGESIZE));
    void* memory = MAP_FAILED;
    for (; size >= kSmallRing; size /= 2) {
      memory = ::mmap(nullptr, page + size, PROT_READ | PROT_WRITE, MAP_SHARED, event.get(), 0);
      if (memory != MAP_FAILED) break;
    }
    if (memory == MAP_FAILED) {
      auto error = system_error("cannot map a perf_event ring", errno);
      error.hint = "raise kernel.perf_event_mlock_kb, or run as root";
      return fail(std::move(error));
    }
    Ring ring;
    ring.event_ = std::move(event);
    ring.memory_ = static_cast<std::byte*>(memory);
    ring.page_ = page;
    ring.size_ = size;
    return ring;
  }
  Ring() = default;
  Ring(Ring&& other) noexcept
      : event_(std::move(other.event_)),
        memory_(std::exchange(other.memory_, nullptr)),
        page_(other.page_),
        size_(other.size_) {}
  Ring& operator=(Ring&&) = delete;
  Ring(const Ring&) = delete;
  Ring& operator=(const Ring&) = delete;
  ~Ring() {
    if (memory_ != nullptr) ::munmap(memory_, page_ + size_);
  }

  int fd() const { return event_.get(); }

  template <typename Receive>
  void drain(Receive&& receive) {
    auto* control = reinterpret_cast<perf_event_mmap_page*>(memory_);
    const uint64_t head = std::atomic_ref(control->data_head).load(std::memory_order_acquire);
    uint64_t tail = control->data_tail;
    std::vector<std::byte> record;
    while (head - tail >= sizeof(perf_event_header)) {
      perf_event_header header{};
      copy_out(tail, &header, sizeof(header));
      if (header.size < sizeof(header) || header.size > head - tail) break;
      record.resize(header.size);
      copy_out(tail, record.data(), record.size());
      receive(std::span<const std::byte>(record));
      tail += header.size;
    }
    // Whatever could not be understood is skipped rather than read again for ever.
    std::atomic_ref(control->data_tail).store(head, std::memory_order_release);
  }

 private:
  void copy_out(uint64_t at, void* to, size_t count) const {
    const auto start = static_cast<size_t>(at % size_);
    const size_t first = std::min(count, size_ - start);
    const std::byte* ring = memory_ + page_;
    std::copy_n(ring + start, first, static_cast<std::byte*>(to));
    std::copy_n(ring, count - first, static_cast<std::byte*>(to) + first);
  }

  FileHandle event_;
  std::byte* memory_ = nullptr;
  size_t page_ = 0;
  size_t size_ = 0;  // without the page of pointers
};

class PerfSampler : public Sampler {
 public:
  explicit PerfSampler(const SamplerSettings& settings)
      : event_(choose_sampling_event(settings.rate_hz)),
        by_table_(settings.unwind == UnwindChoice::kFramePointers ? unwind::ByTable::kInnermost
                                                                  : unwind::ByTable::kAll),
        unwinder_(settings.cache_dir, by_table_) {}

  Status open();
  Status add(const std::vector<int32_t>& pids, const std::optional<TagLayout>& layout) override;
  Status start() override;
  void poll(std::chrono::milliseconds timeout, const EventSink& sink) override;
  // Nothing wakes us up for a birth.
  std::chrono::milliseconds longest_pause() const override { return std::chrono::milliseconds(10); }
  void stop() override;
  void describe(Recording& recording) const override;
  uint64_t lost() const override { return losses_.lost; }
  uint64_t preparation_ns() const override { return unwinder_.compile_ns(); }

 private:
  uint32_t stack_bytes() const {
    return by_table_ == unwind::ByTable::kAll ? kStackBytes : kInnermostBytes;
  }
  perf_event_attr sample_attributes() const;
  Status open_on(int cpu, size_t ring_size);
  void deliver(uint64_t until_ns, const EventSink& sink);
  void deliver_sample(const PerfRecord& record, const EventSink& sink);
  void follow(const Event& event);

  pgflame::Event event_;
  unwind::ByTable by_table_;
  std::vector<Ring> rings_;         // with the events that tell of processes
  std::vector<FileHandle> events_;  // that take the samples, one for each ring
  std::vector<PerfRecord> waiting_;
  LiveUnwinder unwinder_;
  PerfLosses losses_;
  bool stopped_ = false;
};

// Of the event that tells of processes. The other one has to agree on the clock and on what is
// appended to records that are no samples: the ring is theirs both.
perf_event_attr process_attributes(size_t ring_size) {
  perf_event_attr attributes{};
  attributes.size = sizeof(attributes);
  attributes.type = PERF_TYPE_SOFTWARE;
  attributes.config = PERF_COUNT_SW_DUMMY;
  attributes.sample_type = PERF_SAMPLE_TID | PERF_SAMPLE_TIME | PERF_SAMPLE_CPU;
  attributes.sample_id_all = 1;
  attributes.task = 1;  // births and deaths
  attributes.comm = 1;
  attributes.comm_exec = 1;
  attributes.use_clockid = 1;
  attributes.clockid = CLOCK_MONOTONIC;
  attributes.watermark = 1;
  attributes.wakeup_watermark = static_cast<uint32_t>(ring_size / 4);
  return attributes;
}

perf_event_attr PerfSampler::sample_attributes() const {
  perf_event_attr attributes = sampling_attributes(event_);
  attributes.sample_type = PERF_SAMPLE_TID | PERF_SAMPLE_TIME | PERF_SAMPLE_CPU |
                           PERF_SAMPLE_PERIOD | PERF_SAMPLE_CALLCHAIN | PERF_SAMPLE_REGS_USER |
                           PERF_SAMPLE_STACK_USER;
  attributes.sample_id_all = 1;
  attributes.exclude_idle = 1;
  attributes.use_clockid = 1;
  attributes.clockid = CLOCK_MONOTONIC;
  attributes.sample_regs_user = kRegisters;
  attributes.sample_stack_user = stack_bytes();
  return attributes;
}

Status PerfSampler::open() {
  const std::vector<int> cpus = online_cpus();
  const size_t ring_size = ring_bytes(event_.rate_hz, cpus.size(), stack_bytes());
  for (const int cpu : cpus) {
    if (auto done = open_on(cpu, ring_size); !done) return done;
  }
  // Births and deaths are reported only while the event counts; samples wait for start().
  for (const Ring& ring : rings_) {
    if (::ioctl(ring.fd(), PERF_EVENT_IOC_ENABLE, 0) != 0) {
      return fail(system_error("cannot follow births and deaths of processes", errno));
    }
  }
  return {};
}

Status PerfSampler::open_on(int cpu, size_t ring_size) {
  perf_event_attr attributes = process_attributes(ring_size);
  attributes.disabled = 1;
  auto processes = open_on_cpu(attributes, cpu);
  if (!processes) return fail(std::move(processes).error());
  auto ring = Ring::map(std::move(*processes), ring_size);
  if (!ring) return fail(std::move(ring).error());
  auto samples = open_on_cpu(sample_attributes(), cpu);
  if (!samples) return fail(std::move(samples).error());
  if (::ioctl(samples->get(), PERF_EVENT_IOC_SET_OUTPUT, ring->fd()) != 0) {
    return fail(system_error("cannot send samples to the perf_event ring", errno));
  }
  rings_.push_back(std::move(*ring));
  events_.push_back(std::move(*samples));
  return {};
}

Status PerfSampler::add(const std::vector<int32_t>& pids,
                        const std::optional<TagLayout>& /*layout*/) {
  for (const int32_t pid : pids)
    unwinder_.add(pid);
  return {};
}

Status PerfSampler::start() {
  for (const FileHandle& event : events_) {
    if (::ioctl(event.get(), PERF_EVENT_IOC_ENABLE, 0) != 0) {
      return fail(system_error("cannot enable the sampling event", errno));
    }
  }
  return {};
}

void PerfSampler::poll(std::chrono::milliseconds timeout, const EventSink& sink) {
  std::vector<pollfd> handles;
  handles.reserve(rings_.size());
  for (const Ring& ring : rings_)
    handles.push_back({ring.fd(), POLLIN, 0});
  ::poll(handles.data(), handles.size(), static_cast<int>(timeout.count()));
  // Rings are read one after the other. What is older than the start of this round has arrived in
  // all of them by now and can be put in order; the margin is for records being written.
  constexpr uint64_t kMarginNs = 1'000'000;
  const uint64_t round_start = monotonic_now();
  for (Ring& ring : rings_) {
    ring.drain([&](std::span<const std::byte> bytes) {
      if (auto record = decode_perf_record(bytes, losses_, kRegisters)) {
        waiting_.push_back(std::move(*record));
      }
    });
  }
  deliver(stopped_ ? UINT64_MAX : round_start - kMarginNs, sink);
}

void PerfSampler::deliver(uint64_t until_ns, const EventSink& sink) {
  const auto time_of = [](const PerfRecord& record) { return record.event.time_ns; };
  std::ranges::stable_sort(waiting_, {}, time_of);
  const auto end = std::ranges::upper_bound(waiting_, until_ns, {}, time_of);
  for (auto it = waiting_.begin(); it != end; ++it) {
    if (it->event.kind == EventKind::kSample) {
      deliver_sample(*it, sink);
    } else {
      follow(it->event);
      sink(it->event);
    }
  }
  waiting_.erase(waiting_.begin(), end);
}

void PerfSampler::deliver_sample(const PerfRecord& record, const EventSink& sink) {
  Event event = record.event;
  const std::span<const uint64_t> addresses(record.addresses);
  event.kernel = addresses.first(record.kernel_count);
  event.user = addresses.subspan(record.kernel_count);
  UserStack stack;
  if (unwinder_.follows(event.pid)) {
    const UserDump dump{record.abi, kRegisters, record.registers, record.stack};
    stack = unwinder_.walk(event.pid, dump, event.user, event.time_ns);
    event.user = stack.addresses;
    event.end = stack.end;
  }
  sink(event);
}

void PerfSampler::follow(const Event& event) {
  if (event.kind == EventKind::kFork) unwinder_.fork(event.parent, event.pid);
  if (event.kind == EventKind::kExit) unwinder_.forget(event.pid);
  if (event.kind != EventKind::kExec || !unwinder_.follows(event.pid)) return;
  unwinder_.forget(event.pid);
  unwinder_.add(event.pid);
}

void PerfSampler::stop() {
  stopped_ = true;
  for (const FileHandle& event : events_)
    ::ioctl(event.get(), PERF_EVENT_IOC_DISABLE, 0);
}

void PerfSampler::describe(Recording& recording) const {
  recording.sampler = "perf";
  recording.event = event_;
  recording.unwinder = by_table_ == unwind::ByTable::kAll ? "table" : "frame pointers";
  recording.losses[static_cast<size_t>(Loss::kRingFull)] += losses_.lost;
  recording.losses[static_cast<size_t>(Loss::kThrottled)] += losses_.throttled;
  recording.losses[static_cast<size_t>(Loss::kBadRecord)] += losses_.bad;
}

}  // namespace

Result<std::unique_ptr<Sampler>> make_perf_sampler(const SamplerSettings& settings) {
  auto made = std::make_unique<PerfSampler>(settings);
  if (auto done = made->open(); !done) return fail(std::move(done).error());
  return made;
}

}  // namespace pgflame::capture
