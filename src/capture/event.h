// What a sampler reports: samples, and the births and deaths of the processes they come from.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string_view>

#include "src/profile/profile.h"

namespace pgflame::capture {

enum class EventKind : uint8_t {
  kSample,    // on a CPU
  kOffCpu,    // left its CPU, with this stack
  kInterval,  // the interval that the last kOffCpu opened has ended
  kFork,
  kExec,
  kExit,
  kApplication,  // `text` is the name that tags.application stands for
};

// What the backend itself says it is doing; see bpf/tags.h for how it is read and checked.
struct Tags {
  uint32_t wait_event = kUnknownWait;
  bool has_backend = false;  // the fields below are valid
  bool unreadable = false;   // there were tags, but they could not be read
  uint64_t query_id = 0;
  uint32_t database = 0;
  uint32_t user = 0;
  uint8_t session_state = 0;
  uint8_t backend_type = 0;
  uint32_t application = 0;  // hash of the session's application_name; 0 unknown
};

struct Event {
  EventKind kind = EventKind::kSample;
  State state = State::kRunning;
  StackEnd end = StackEnd::kUnknown;
  uint64_t time_ns = 0;      // CLOCK_MONOTONIC
  int32_t pid = 0;           // process
  int32_t tid = 0;           // thread
  int32_t parent = 0;        // kFork
  uint64_t weight = 0;       // kSample: in the sampling event's unit
  uint64_t running_ns = 0;   // kExit: time on a CPU since it became a target; 0 unknown
  uint64_t waiting_ns = 0;   // kInterval: until it was woken up; kExit: see ShortIntervals
  uint64_t runnable_ns = 0;  // kInterval: from then on until it got a CPU; kExit: the same
  uint64_t stands_for = 1;   // kInterval: for how many like it, whose stacks were not taken
  Tags tags;
  std::span<const uint64_t> kernel;  // innermost first; valid until the callback returns
  std::span<const uint64_t> user;
  std::string_view text;  // of the statement; only sent when it is needed
};

using EventSink = std::function<void(const Event&)>;

// A record of the BPF programs' ring (bpf/sample_event.h). Nothing when it is malformed. `bytes`
// must be aligned to 8.
std::optional<Event> decode_ring_record(std::span<const std::byte> bytes);

}  // namespace pgflame::capture
