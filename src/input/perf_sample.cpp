#include "src/input/perf_sample.h"

#include <bit>

namespace pgflame::input {
namespace {

constexpr uint64_t kBranchHardwareIndex = 1ULL << 17;  // branch_sample_type
constexpr uint64_t kBranchCounters = 1ULL << 19;

bool take_fixed(const SampleLayout& layout, Cursor& cursor, PerfSample& sample) {
  const auto words = cursor.take_words(layout.size);
  if (!words) return false;
  const auto word = [&](uint8_t at) {
    return at == SampleLayout::kAbsent ? 0 : word_at(*words, at, cursor.swapped());
  };
  sample.ip = word(layout.ip);
  sample.time = word(layout.time);
  sample.period = word(layout.period);
  if (layout.tid != SampleLayout::kAbsent) {
    Cursor task(words->subspan(size_t{layout.tid} * 8), cursor.swapped());
    sample.pid = static_cast<int32_t>(task.u32().value_or(0));
    sample.tid = static_cast<int32_t>(task.u32().value_or(0));
  }
  return true;
}

std::optional<Bytes> take_read(const PerfEvent& event, Cursor& cursor) {
  const Bytes start = cursor.rest();
  const uint64_t format = event.read_format;
  const auto times = static_cast<uint64_t>(std::popcount(format & (kReadEnabled | kReadRunning)));
  const uint64_t per_value =
      1 + static_cast<uint64_t>(std::popcount(format & (kReadId | kReadLost)));
  uint64_t words = times + per_value;
  if ((format & kReadGroup) != 0) {
    const auto count = cursor.u64();
    if (!count || *count > cursor.remaining() / 8) return std::nullopt;
    words = times + *count * per_value;
  }
  if (!cursor.take_words(words)) return std::nullopt;
  return start.first(start.size() - cursor.remaining());
}

bool skip_raw(Cursor& cursor) {
  const auto size = cursor.u32();
  if (!size) return false;
  // The size field and the bytes together fill whole words.
  const uint64_t padded = (uint64_t{*size} + 4 + 7) / 8 * 8 - 4;
  return cursor.skip(padded);
}

bool skip_branches(const PerfEvent& event, Cursor& cursor) {
  const auto count = cursor.u64();
  if (!count || *count > cursor.remaining() / 24) return false;
  if ((event.branch_type & kBranchHardwareIndex) != 0 && !cursor.skip(8)) return false;
  if (!cursor.take_words(*count * 3)) return false;
  return (event.branch_type & kBranchCounters) == 0 || cursor.take_words(*count).has_value();
}

bool take_registers(const PerfEvent& event, Cursor& cursor, PerfSample& sample) {
  const auto abi = cursor.u64();
  if (!abi) return false;
  sample.register_abi = *abi;
  if (*abi == 0) return true;
  const auto registers =
      cursor.take_words(static_cast<uint64_t>(std::popcount(event.user_registers)));
  if (registers) sample.registers = *registers;
  return registers.has_value();
}

bool take_stack(Cursor& cursor, PerfSample& sample) {
  const auto size = cursor.u64();
  if (!size) return false;
  if (*size == 0) return true;
  const auto memory = cursor.take_bytes(*size);
  const auto used = cursor.u64();
  if (!memory || !used) return false;
  sample.stack = memory->first(std::min<uint64_t>(*used, memory->size()));
  return true;
}

// Fields of variable size up to the user stack; what comes behind is not needed.
bool take_variable(const PerfEvent& event, Cursor& cursor, PerfSample& sample) {
  if (event.has(kFieldRead)) {
    const auto values = take_read(event, cursor);
    if (!values) return false;
    sample.read_values = *values;
  }
  if (event.has(kFieldCallchain)) {
    const auto count = cursor.u64();
    const auto chain = count ? cursor.take_words(*count) : std::nullopt;
    if (!chain) return false;
    sample.chain = *chain;
  }
  if (!event.has(kFieldUserRegisters)) return true;
  if (event.has(kFieldRaw) && !skip_raw(cursor)) return false;
  if (event.has(kFieldBranchStack) && !skip_branches(event, cursor)) return false;
  if (!take_registers(event, cursor, sample)) return false;
  sample.has_user_dump = event.has(kFieldUserStack);
  return !sample.has_user_dump || take_stack(cursor, sample);
}

}  // namespace

std::optional<PerfSample> parse_sample(const PerfEvent& event, Cursor body) {
  std::optional<PerfSample> sample(std::in_place);
  if (!take_fixed(event.layout, body, *sample) || !take_variable(event, body, *sample)) {
    sample.reset();
  }
  return sample;
}

std::optional<uint64_t> sample_event_id(const PerfEvent& any, Bytes body, bool swapped) {
  const size_t at = any.layout.event_id;
  if (at == SampleLayout::kAbsent || body.size() / 8 <= at) return std::nullopt;
  return word_at(body, at, swapped);
}

std::optional<RecordTrailer> parse_trailer(const PerfEvent& event, Bytes body, bool swapped) {
  if (!event.sample_id_all) return RecordTrailer{};
  const uint64_t type = event.sample_type;
  const uint64_t fields =
      type & (kFieldTid | kFieldTime | kFieldId | kFieldStreamId | kFieldCpu | kFieldIdentifier);
  RecordTrailer trailer;
  trailer.size = static_cast<size_t>(std::popcount(fields)) * 8;
  if (trailer.size > body.size()) return std::nullopt;
  Cursor cursor(body.last(trailer.size), swapped);
  if ((type & kFieldTid) != 0) {
    cursor.skip(4);  // pid
    trailer.tid = static_cast<int32_t>(cursor.u32().value_or(0));
  }
  if ((type & kFieldTime) != 0) trailer.time = cursor.u64().value_or(0);
  return trailer;
}

}  // namespace pgflame::input
