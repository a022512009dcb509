#include "src/profile/pprof_sample.h"

#include <algorithm>
#include <array>
#include <string_view>
#include <unordered_set>

#include "src/profile/event_choice.h"
#include "src/profile/pprof_fields.h"
#include "src/profile/pprof_wire.h"

namespace pgflame::pprof {
namespace {

using protozero::pbf_message;

RawLabel decode_label(protozero::data_view bytes) {
  RawLabel label;
  for (pbf_message<LabelField> message(bytes); message.next();) {
    switch (message.tag()) {
      case LabelField::kKey:
        label.key = message.get_int64();
        break;
      case LabelField::kStr:
        label.text = message.get_int64();
        break;
      case LabelField::kNum:
        label.number = message.get_int64();
        break;
      default:
        message.skip();
    }
  }
  return label;
}

// Repeated numbers may be packed or not.
void take_locations(pbf_message<SampleField>& message, std::vector<uint64_t>& locations) {
  if (message.wire_type() != protozero::pbf_wire_type::length_delimited) {
    locations.push_back(message.get_uint64());
    return;
  }
  for (const uint64_t id : message.get_packed_uint64())
    locations.push_back(id);
}

void take_values(pbf_message<SampleField>& message, std::vector<int64_t>& values) {
  if (message.wire_type() != protozero::pbf_wire_type::length_delimited) {
    values.push_back(message.get_int64());
    return;
  }
  for (const int64_t value : message.get_packed_int64())
    values.push_back(value);
}

template <typename Numbers>
void take_moments(const Numbers& numbers, std::vector<RawMoment>& moments) {
  constexpr uint64_t kLastSecond = 1U << 30;
  uint64_t second = 0;
  for (auto at = numbers.begin(); at != numbers.end(); ++at) {
    second = std::min(second + std::min(*at, kLastSecond), kLastSecond);
    RawMoment moment{static_cast<uint32_t>(second), 0, 0};
    if (++at == numbers.end()) return;
    moment.count = *at;
    if (++at == numbers.end()) return;
    moment.weight = *at;
    moments.push_back(moment);
  }
}

constexpr std::string_view kSamples = "samples";
constexpr std::string_view kIntervals = "intervals";
constexpr std::string_view kOffCpu = "offcpu";
constexpr std::string_view kCpu = "cpu";
constexpr std::string_view kNameless = "unnamed events";

// Names as pprof's own collectors and converters of perf.data give them.
bool is_cpu_time(const ValueType& value) {
  constexpr std::array<std::string_view, 5> kClocks{
      "cpu-clock", "task-clock", "cycles", "cpu-cycles", "cpu_clk"};
  return value.type == kCpu || std::ranges::any_of(kClocks, [&](std::string_view clock) {
           return value.type.starts_with(clock);
         });
}

// How many samples a row stands for, unless another type did so before.
bool is_count(const ValueType& value) {
  return value.type == kSamples && value.unit == "count";
}

// The numbers of the types that a report can be of.
std::vector<size_t> events_of(const std::vector<ValueType>& types) {
  std::vector<size_t> events;
  bool counted = false;
  for (size_t i = 0; i < types.size(); ++i) {
    const bool is_first_count = !counted && is_count(types[i]);
    counted = counted || is_first_count;
    if (types[i].type != kIntervals && types[i].type != kOffCpu && !is_first_count)
      events.push_back(i);
  }
  return events;
}

Event event_of(const ValueType& value) {
  WeightUnit unit = WeightUnit::kOther;
  if (value.unit == "nanoseconds") unit = WeightUnit::kNanoseconds;
  if (value.unit == "cycles") unit = WeightUnit::kCycles;
  return Event{event_name(value.type), unit, 0, is_cpu_time(value)};
}

int event_column(const std::vector<ValueType>& types, std::string_view wanted) {
  const std::vector<size_t> events = events_of(types);
  // -1: there is none.
  const auto first = [&](auto&& is) {
    const auto found = std::ranges::find_if(events, [&](size_t event) { return is(types[event]); });
    return found == events.end() ? -1 : static_cast<int>(*found);
  };
  const auto named = [&](const std::string& name) {
    return first([&](const ValueType& value) { return event_name(value.type) == name; });
  };
  int column = -1;
  if (!wanted.empty()) {
    const std::vector<std::string> names = event_names(types);
    if (const auto found = find_event(names, event_name(wanted))) column = named(names[*found]);
  }
  if (column < 0) column = named(event_name(kCpu));
  if (column < 0) column = first(is_cpu_time);
  if (column < 0 && !events.empty()) column = static_cast<int>(events.front());
  return column;
}

}  // namespace

void decode_sample(std::string_view bytes, RawSample& sample) {
  sample.locations.clear();
  sample.values.clear();
  sample.labels.clear();
  sample.moments.clear();
  for (pbf_message<SampleField> message(bytes.data(), bytes.size()); message.next();) {
    switch (message.tag()) {
      case SampleField::kLocationId:
        take_locations(message, sample.locations);
        break;
      case SampleField::kValue:
        take_values(message, sample.values);
        break;
      case SampleField::kLabel:
        sample.labels.push_back(decode_label(message.get_view()));
        break;
      case SampleField::kMoments:
        take_moments(message.get_packed_uint64(), sample.moments);
        break;
      default:
        message.skip();
    }
  }
}

std::string event_name(std::string_view type) {
  constexpr size_t kLongest = 200;  // it stands in sentences
  if (type.empty()) return std::string(kNameless);
  if (type.size() > kLongest) {
    size_t end = kLongest;
    while (end > 0 && (static_cast<unsigned char>(type[end]) & 0xc0U) == 0x80)
      --end;
    type = type.substr(0, end);
  }
  return std::string(type == kCpu ? "cpu-clock" : type);
}

std::vector<std::string> event_names(const std::vector<ValueType>& types) {
  std::vector<std::string> names;
  std::unordered_set<std::string> known;
  for (const size_t event : events_of(types)) {
    std::string name = event_name(types[event].type);
    if (known.insert(name).second) names.push_back(std::move(name));
  }
  if (names.empty()) names.emplace_back(kSamples);
  return names;
}

Columns choose_columns(const std::vector<ValueType>& types, std::string_view wanted) {
  Columns columns;
  for (size_t i = 0; i < types.size(); ++i) {
    const auto number = static_cast<int>(i);
    if (types[i].type == kIntervals) columns.off_count = number;
    if (types[i].type == kOffCpu) columns.off_weight = number;
    if (columns.count < 0 && is_count(types[i])) columns.count = number;
  }
  columns.weight = event_column(types, wanted);
  if (columns.weight < 0) {
    columns.weight = columns.count;
    columns.event = Event{std::string(kSamples), WeightUnit::kOther, 0};
  } else {
    columns.event = event_of(types[static_cast<size_t>(columns.weight)]);
  }
  return columns;
}

}  // namespace pgflame::pprof
