// Sampling with perf_event rings, one per CPU, without any BPF. The kernel reports every process of
// the host; whoever receives the events keeps those of the targets.
#include <algorithm>
#include <atomic>
#include <cerrno>
#include <utility>

#include <linux/perf_event.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#include <fmt/format.h>
#include <poll.h>
#include <unistd.h>

#include "src/capture/perf_event.h"
#include "src/capture/perf_record.h"
#include "src/capture/proc.h"
#include "src/capture/sampler.h"

namespace pgflame::capture {
namespace {

constexpr size_t kRingPages = 128;  // 512 KiB per CPU: seconds of samples at 99 Hz; a power of two

// The memory that the kernel and we share for one event: a page of pointers, then the ring.
class Ring {
 public:
  static Result<Ring> map(FileHandle event) {
    const auto page = static_cast<size_t>(::sysconf(_SC_PAGESIZE));
    const size_t size = (kRingPages + 1) * page;
    void* memory = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED, event.get(), 0);
    if (memory == MAP_FAILED) {
      auto error = system_error("cannot map a perf_event ring", errno);
      error.hint = "raise kernel.perf_event_mlock_kb, or run as root";
      return fail(std::move(error));
    }
    Ring ring;
    ring.event_ = std::move(event);
    ring.memory_ = static_cast<std::byte*>(memory);
    ring.page_ = page;
    return ring;
  }
  Ring() = default;
  Ring(Ring&& other) noexcept
      : event_(std::move(other.event_)),
        memory_(std::exchange(other.memory_, nullptr)),
        page_(other.page_) {}
  Ring& operator=(Ring&&) = delete;
  Ring(const Ring&) = delete;
  Ring& operator=(const Ring&) = delete;
  ~Ring() {
    if (memory_ != nullptr) ::munmap(memory_, (kRingPages + 1) * page_);
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
    const size_t size = kRingPages * page_;
    const auto start = static_cast<size_t>(at % size);
    const size_t first = std::min(count, size - start);
    const std::byte* ring = memory_ + page_;
    std::copy_n(ring + start, first, static_cast<std::byte*>(to));
    std::copy_n(ring, count - first, static_cast<std::byte*>(to) + first);
  }

  FileHandle event_;
  std::byte* memory_ = nullptr;
  size_t page_ = 0;
};

class PerfSampler : public Sampler {
 public:
  explicit PerfSampler(const SamplerSettings& settings)
      : event_(choose_sampling_event(settings.rate_hz)) {}

  Status open();
  Status add(const std::vector<int32_t>& /*pids*/,
             const std::optional<TagLayout>& /*layout*/) override {
    return {};
  }
  Status start() override;
  void poll(std::chrono::milliseconds timeout, const EventSink& sink) override;
  void stop() override;
  void describe(Recording& recording) const override;
  uint64_t lost() const override { return losses_.lost; }

 private:
  void deliver(uint64_t until_ns, const EventSink& sink);

  pgflame::Event event_;
  std::vector<Ring> rings_;
  std::vector<PerfRecord> waiting_;
  PerfLosses losses_;
  uint64_t started_ns_ = UINT64_MAX;
  bool stopped_ = false;
};

Status PerfSampler::open() {
  perf_event_attr attributes = sampling_attributes(event_);
  attributes.sample_type = PERF_SAMPLE_TID | PERF_SAMPLE_TIME | PERF_SAMPLE_CPU |
                           PERF_SAMPLE_PERIOD | PERF_SAMPLE_CALLCHAIN;
  attributes.sample_id_all = 1;
  attributes.task = 1;  // births and deaths
  attributes.comm = 1;
  attributes.comm_exec = 1;
  attributes.exclude_idle = 1;
  attributes.use_clockid = 1;
  attributes.clockid = CLOCK_MONOTONIC;
  attributes.watermark = 1;
  attributes.wakeup_watermark =
      static_cast<uint32_t>(kRingPages * 4096 / 4);  // a quarter of the ring
  for (const int cpu : online_cpus()) {
    auto handle = open_on_cpu(attributes, cpu);
    if (!handle) return fail(std::move(handle).error());
    auto ring = Ring::map(std::move(*handle));
    if (!ring) return fail(std::move(ring).error());
    rings_.push_back(std::move(*ring));
  }
  // Births and deaths are reported only while the event counts; samples wait for start().
  for (const Ring& ring : rings_) {
    if (::ioctl(ring.fd(), PERF_EVENT_IOC_ENABLE, 0) != 0) {
      return fail(system_error("cannot enable the sampling event", errno));
    }
  }
  return {};
}

Status PerfSampler::start() {
  started_ns_ = monotonic_now();
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
      if (auto record = decode_perf_record(bytes, losses_)) waiting_.push_back(std::move(*record));
    });
  }
  deliver(stopped_ ? UINT64_MAX : round_start - kMarginNs, sink);
}

void PerfSampler::deliver(uint64_t until_ns, const EventSink& sink) {
  const auto time_of = [](const PerfRecord& record) { return record.event.time_ns; };
  std::ranges::stable_sort(waiting_, {}, time_of);
  const auto end = std::ranges::upper_bound(waiting_, until_ns, {}, time_of);
  for (auto it = waiting_.begin(); it != end; ++it) {
    Event event = it->event;
    if (event.kind == EventKind::kSample && event.time_ns < started_ns_) continue;
    const std::span<const uint64_t> addresses(it->addresses);
    event.kernel = addresses.first(it->kernel_count);
    event.user = addresses.subspan(it->kernel_count);
    sink(event);
  }
  waiting_.erase(waiting_.begin(), end);
}

void PerfSampler::stop() {
  stopped_ = true;
  for (const Ring& ring : rings_)
    ::ioctl(ring.fd(), PERF_EVENT_IOC_DISABLE, 0);
}

void PerfSampler::describe(Recording& recording) const {
  recording.sampler = "perf";
  recording.event = event_;
  recording.unwinder = "frame pointers";
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
