// A way to take samples of a set of processes. Two kinds: BPF programs and perf_event rings.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "src/base/error.h"
#include "src/capture/capture.h"
#include "src/capture/event.h"
#include "src/capture/proc.h"
#include "src/capture/table_room.h"
#include "src/capture/tag_layout.h"
#include "src/capture/waits.h"

namespace pgflame::capture {

struct SamplerSettings {
  double rate_hz = 99;
  bool waits = false;  // off-CPU and run queue too
  UnwindChoice unwind = UnwindChoice::kAuto;
  uint32_t verify_unwind = 0;
  bool filters = false;               // ignore() may be called
  uint64_t only_query = 0;            // leave out samples that certainly belong to another; 0: none
  std::string cache_dir;              // of unwinding tables; empty: none
  uint32_t table_rows = kFewestRows;  // of the kernel's unwinding tables
  std::vector<int32_t> postmasters;   // what they have mapped comes into the tables first
};

class Sampler {
 public:
  Sampler() = default;
  Sampler(const Sampler&) = delete;
  Sampler& operator=(const Sampler&) = delete;
  virtual ~Sampler() = default;

  // Adds processes of one cluster; children they fork from now on are followed without being
  // added. Without a layout their samples carry no tags.
  virtual Status add(const std::vector<int32_t>& pids, const std::optional<TagLayout>& layout) = 0;
  // From here on samples are taken. Until then only births and deaths are followed.
  virtual Status start() = 0;
  // Waits for events at most this long and hands those over that have come, in order of time.
  virtual void poll(std::chrono::milliseconds timeout, const EventSink& sink) = 0;
  // How long a poll() may wait without missing too many births. They are looked at within
  // milliseconds so that backends that live no longer have a type and a user.
  virtual std::chrono::milliseconds longest_pause() const { return std::chrono::milliseconds(50); }
  // Takes no more samples; the next poll() hands over the rest.
  virtual void stop() = 0;
  // Fills in event, losses, unwinder and what the programs cost.
  virtual void describe(Recording& recording) const = 0;
  virtual uint64_t lost() const = 0;

  // The capabilities that it needs even while it runs, besides those of drop_privileges().
  virtual std::vector<int> later_privileges() const { return {}; }

  // CPU time that went into what is done once for each module that is mapped. A lower rate would
  // not make it less.
  virtual uint64_t preparation_ns() const { return 0; }
  // What its programs in the kernel have cost so far.
  virtual uint64_t programs_ns() const { return 0; }
  // Halves the rate; false when it is as low as it makes sense, or cannot be changed.
  virtual bool lower_rate() { return false; }

  // Time off the CPU, in total since each process was added. Only its moment when it is not
  // measured.
  virtual bool measures_waits() const { return false; }
  virtual WaitTimes wait_times() {
    WaitTimes times;
    times.at_ns = monotonic_now();
    return times;
  }
  // Leaves these processes out from now on, children of theirs not.
  virtual void ignore(const std::vector<int32_t>& /*pids*/) {}

  // Frees what is kept about processes that are gone.
  virtual void forget(const std::vector<int32_t>& /*pids*/) {}
};

Result<std::unique_ptr<Sampler>> make_bpf_sampler(const SamplerSettings& settings);
// The same programs, compiled on this host: for kernels without BTF.
Result<std::unique_ptr<Sampler>> make_bcc_sampler(const SamplerSettings& settings);
Result<std::unique_ptr<Sampler>> make_perf_sampler(const SamplerSettings& settings);

}  // namespace pgflame::capture
