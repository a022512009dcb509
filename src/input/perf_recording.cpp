#include "src/input/perf_recording.h"

#include <algorithm>

#include <fmt/format.h>

#include "src/base/text.h"
#include "src/profile/bounded_sum.h"

namespace pgflame::input {
namespace {

void fill_event(const PerfDecoder& decoder, Recording& recording) {
  recording.event.name = decoder.chosen_event();
  const auto& events = decoder.meta().events;
  const auto event = std::ranges::find(events, decoder.chosen_event(), &PerfEvent::name);
  if (event == events.end()) return;
  recording.event.unit = weight_unit(cpu_time_rank(*event));
  recording.event.is_cpu_time = is_cpu_time(cpu_time_rank(*event));
  if (event->frequency) {
    recording.event.rate_hz = static_cast<double>(event->period);
  } else if (recording.event.unit == WeightUnit::kNanoseconds && event->period > 0) {
    recording.event.rate_hz = 1e9 / static_cast<double>(event->period);
  }
  if (decoder.has_dumps()) {
    recording.unwinder = "dwarf";
  } else if (event->has(kFieldCallchain)) {
    recording.unwinder = "frame pointers";
  } else {
    recording.unwinder = "none";
  }
}

// Newer kernels count what is lost in two places: in the ring and in the event.
uint64_t lost_samples(const PerfDecoder& decoder, uint64_t in_ring, uint64_t in_event) {
  const bool counted_twice = std::ranges::any_of(decoder.meta().events, [](const PerfEvent& event) {
    return (event.read_format & kReadLost) != 0;
  });
  // The ring's part is of all events.
  if (counted_twice && decoder.meta().events.size() > 1 && in_event > 0) return in_event;
  return counted_twice ? std::max(in_ring, in_event)
                       : in_ring + std::min(in_event, UINT64_MAX - in_ring);
}

// Nothing, with a note, where a capture claims more than its CPUs can have had: to take or to drop
// a sample takes a kernel more than 10 ns.
uint64_t believable(uint64_t claimed, std::string_view what, Recording& recording) {
  constexpr double kMostPerSecond = 1e8;
  constexpr uint32_t kMostCpus = 8192;  // that Linux is built for
  constexpr double kMost = 0x1p60;
  const uint32_t cpus = recording.cpus > 0 ? std::min(recording.cpus, kMostCpus) : kMostCpus;
  const double seconds = 1 + static_cast<double>(recording.duration_ns) / 1e9;
  if (static_cast<double>(claimed) <= std::min(kMost, cpus * seconds * kMostPerSecond))
    return claimed;
  recording.notes.push_back(
      fmt::format("the capture claims {} {}, more than its CPUs can have had in its time: that "
                  "number is not believed",
                  counted(claimed, "sample"),
                  what));
  return 0;
}

void fill_losses(const PerfDecoder& decoder, const PerfAssembler& assembler, Recording& recording) {
  const PerfDecoder::Counts& counts = decoder.counts();
  const auto loss = [&](Loss cause) -> uint64_t& {
    return recording.losses[static_cast<size_t>(cause)];
  };
  using Kind = LossRecords::Kind;
  const auto told = [&](Kind kind) {
    return decoder.losses().sum(kind, [&](uint64_t time) { return assembler.is_in_range(time); });
  };
  loss(Loss::kRingFull) = believable(
      lost_samples(decoder, told(Kind::kInRing), told(Kind::kInEvent)), "lost", recording);
  loss(Loss::kThrottled) = told(Kind::kThrottled);
  loss(Loss::kFiltered) =
      assembler.counts().filtered + counts.other_events +
      believable(told(Kind::kByFilter), "rejected by the recorder's filter", recording);
  loss(Loss::kStackUnreadable) = assembler.counts().stacks_lost;
  loss(Loss::kBadRecord) = counts.bad_records + assembler.counts().bad_records;
}

}  // namespace

int64_t wall_offset(const PerfMeta& meta) {
  return meta.clock_wall == 0 ? 0 : static_cast<int64_t>(meta.clock_wall - meta.clock_time);
}

void fill_recording(const PerfDecoder& decoder,
                    const PerfAssembler& assembler,
                    Recording& recording) {
  const PerfMeta& meta = decoder.meta();
  recording.host = meta.host;
  recording.kernel = meta.kernel;
  recording.architecture = meta.architecture;
  recording.cpus = meta.cpus;
  recording.command_line = meta.command_line;
  recording.sampler = "perf.data";
  recording.sampler_reason =
      "recorded by perf" + (meta.perf_version.empty() ? "" : " " + meta.perf_version);
  const uint64_t first = assembler.first_time();
  const uint64_t last = std::max(meta.last_time, assembler.last_time());
  if (meta.clock_wall != 0) {
    recording.start_unix_ns =
        static_cast<int64_t>(first + static_cast<uint64_t>(wall_offset(meta)));
  }
  recording.start_clock_ns = assembler.start_time();
  recording.duration_ns = last > first ? static_cast<int64_t>(last - first) : 0;
  forget_impossible_times(recording);
  recording.whole_host = assembler.other_processes();
  fill_event(decoder, recording);
  fill_losses(decoder, assembler, recording);
  if (std::string note = note_on_others(decoder.other_events()); !note.empty()) {
    recording.notes.push_back(std::move(note));
  }
  if (assembler.resolution() > 1) {
    recording.notes.push_back("times in this report are rounded down to " +
                              std::to_string(assembler.resolution()) + " seconds");
  }
  if (const uint64_t unknown = decoder.counts().of_unknown_event; unknown > 0) {
    recording.notes.push_back(counted(unknown, "sample") +
                              " of events that the capture does not describe: not in this report");
  }
  if (assembler.counts_cut()) recording.notes.emplace_back(kNoteOnCutSums);
  if (decoder.chains_overflowed()) {
    recording.notes.emplace_back(
        "the capture has more than 1 GiB of different stacks; the rest is counted without stacks");
  }
}

}  // namespace pgflame::input
