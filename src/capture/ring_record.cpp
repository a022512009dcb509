#include <algorithm>
#include <cstring>

#include "bpf/sample_event.h"
#include "src/capture/event.h"

namespace pgflame::capture {
namespace {

static_assert(sizeof(backend_tags) == 24);
static_assert(sizeof(sample_event) == 64);
static_assert(sizeof(process_event) == 56);
static_assert(sizeof(layout) == 56);
static_assert(sizeof(target) == 152);
static_assert(sizeof(application_event) == 72);
static_assert(sizeof(interval_key) == 24);
static_assert(sizeof(interval_sum) == 48);
static_assert(static_cast<int>(State::kRunning) == STATE_RUNNING);
static_assert(static_cast<int>(State::kRunnable) == STATE_RUNNABLE);
static_assert(static_cast<int>(State::kWaiting) == STATE_WAITING);
static_assert(static_cast<int>(StackEnd::kRoot) == STACK_ROOT);
static_assert(static_cast<int>(StackEnd::kTruncated) == STACK_TRUNCATED);
static_assert(static_cast<int>(StackEnd::kNoUnwindInfo) == STACK_NO_UNWIND);
static_assert(static_cast<int>(StackEnd::kUnreadable) == STACK_UNREADABLE);
static_assert(static_cast<int>(StackEnd::kNoStack) == STACK_NONE);
static_assert(static_cast<int>(StackEnd::kNoModule) == STACK_NO_MODULE);
static_assert(static_cast<int>(StackEnd::kBadUnwindInfo) == STACK_BAD_UNWIND);
static_assert(static_cast<int>(StackEnd::kRunTimeCode) == STACK_RUN_TIME_CODE);
static_assert(static_cast<int>(StackEnd::kNoRoom) == STACK_NO_ROOM);

template <typename T>
T read_head(std::span<const std::byte> bytes) {
  T value{};
  std::memcpy(&value, bytes.data(), sizeof(T));
  return value;
}

std::optional<Event> decode_sample(std::span<const std::byte> bytes, EventKind kind) {
  if (bytes.size() < sizeof(sample_event)) return std::nullopt;
  const auto head = read_head<sample_event>(bytes);
  const size_t frames = size_t{head.kernel_count} + head.user_count;
  const size_t text_at = sizeof(head) + frames * sizeof(uint64_t);
  if (bytes.size() < text_at || bytes.size() - text_at < head.text_size) return std::nullopt;
  if (head.state > STATE_WAITING || head.stack_end > STACK_NO_ROOM) return std::nullopt;

  Event event;
  event.kind = kind;
  event.state = static_cast<State>(head.state);
  event.end = static_cast<StackEnd>(head.stack_end);
  event.time_ns = head.time_ns;
  event.pid = static_cast<int32_t>(head.pid);
  event.tid = static_cast<int32_t>(head.tid);
  event.weight = head.weight;
  event.tags.wait_event = head.tags.wait_event;
  event.tags.has_backend = (head.tags.flags & TAG_BACKEND) != 0;
  event.tags.unreadable = (head.tags.flags & TAG_UNREADABLE) != 0;
  event.tags.query_id = head.tags.query_id;
  event.tags.database = head.tags.database;
  event.tags.user = head.tags.user;
  event.tags.session_state = head.tags.session_state;
  event.tags.backend_type = head.tags.backend_type;
  event.tags.application = head.application;
  const std::span<const uint64_t> addresses(
      reinterpret_cast<const uint64_t*>(bytes.data() + sizeof(head)), frames);
  event.kernel = addresses.first(head.kernel_count);
  event.user = addresses.subspan(head.kernel_count);
  const std::string_view text(reinterpret_cast<const char*>(bytes.data() + text_at),
                              head.text_size);
  event.text = text.substr(0, text.find('\0'));
  return event;
}

std::optional<Event> decode_application(std::span<const std::byte> bytes) {
  if (bytes.size() < sizeof(application_event)) return std::nullopt;
  Event event;
  event.kind = EventKind::kApplication;
  event.tags.application = read_head<application_event>(bytes).application;
  const std::string_view name(
      reinterpret_cast<const char*>(bytes.data() + offsetof(application_event, name)),
      MAX_APPLICATION_NAME);
  event.text = name.substr(0, name.find('\0'));
  return event;
}

std::optional<Event> decode_process(std::span<const std::byte> bytes, EventKind kind) {
  if (bytes.size() < sizeof(process_event)) return std::nullopt;
  const auto head = read_head<process_event>(bytes);
  Event event;
  event.kind = kind;
  event.time_ns = head.time_ns;
  event.pid = static_cast<int32_t>(head.pid);
  event.tid = event.pid;
  event.parent = static_cast<int32_t>(head.parent);
  event.running_ns = head.running_ns;
  event.waiting_ns = head.waiting_ns;
  event.runnable_ns = head.runnable_ns;
  event.stands_for = std::max<uint32_t>(1, head.stands_for);
  return event;
}

}  // namespace

std::optional<Event> decode_ring_record(std::span<const std::byte> bytes) {
  if (bytes.empty()) return std::nullopt;
  switch (static_cast<uint8_t>(bytes[0])) {
    case EVENT_SAMPLE:
      return decode_sample(bytes, EventKind::kSample);
    case EVENT_OFF_CPU:
      return decode_sample(bytes, EventKind::kOffCpu);
    case EVENT_INTERVAL:
      return decode_process(bytes, EventKind::kInterval);
    case EVENT_FORK:
      return decode_process(bytes, EventKind::kFork);
    case EVENT_EXEC:
      return decode_process(bytes, EventKind::kExec);
    case EVENT_EXIT:
      return decode_process(bytes, EventKind::kExit);
    case EVENT_APPLICATION:
      return decode_application(bytes);
    default:
      return std::nullopt;
  }
}

}  // namespace pgflame::capture
