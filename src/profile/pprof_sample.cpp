#include "src/profile/pprof_sample.h"

#include <algorithm>
#include <array>
#include <string_view>

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

// Names as pprof's own collectors and converters of perf.data give them.
bool is_cpu_time(std::string_view type) {
  constexpr std::array<std::string_view, 5> kClocks{
      "cpu-clock", "task-clock", "cycles", "cpu-cycles", "cpu_clk"};
  return type == "cpu" || std::ranges::any_of(kClocks, [type](std::string_view clock) {
           return type.starts_with(clock);
         });
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

Columns choose_columns(const std::vector<ValueType>& types) {
  Columns columns;
  for (size_t i = 0; i < types.size(); ++i) {
    const auto [type, unit] = types[i];
    const auto number = static_cast<int>(i);
    if (type == "intervals") {
      columns.off_count = number;
    } else if (type == "offcpu") {
      columns.off_weight = number;
    } else if (type == "samples" && unit == "count") {
      columns.count = number;
    } else if (columns.weight < 0 || type == "cpu") {
      columns.event.is_cpu_time = is_cpu_time(type);
      columns.weight = number;
      const bool is_time = unit == "nanoseconds";
      columns.event.name = type == "cpu" ? "cpu-clock" : std::string(type);
      columns.event.unit = is_time            ? WeightUnit::kNanoseconds
                           : unit == "cycles" ? WeightUnit::kCycles
                                              : WeightUnit::kOther;
    }
  }
  if (columns.weight < 0) {
    columns.weight = columns.count;
    columns.event = Event{"samples", WeightUnit::kOther, 0};
  }
  // Their names are missing when a file is cut.
  if (columns.event.name.empty())
    columns.event = Event{"unnamed events", WeightUnit::kOther, 0, false};
  return columns;
}

}  // namespace pgflame::pprof
