#include <span>
#include <unordered_map>

#include <protozero/pbf_builder.hpp>

#include "src/profile/gzip.h"
#include "src/profile/pprof.h"
#include "src/profile/pprof_fields.h"
#include "src/profile/recording_json.h"

namespace pgflame {
namespace {

using namespace pprof;
using protozero::pbf_builder;

class StringTable {
 public:
  StringTable() { number(""); }
  int64_t number(std::string_view text) {
    const auto [at, is_new] = numbers_.try_emplace(std::string(text), strings_.size());
    if (is_new) strings_.push_back(at->first);
    return static_cast<int64_t>(at->second);
  }
  const std::vector<std::string>& strings() const { return strings_; }

 private:
  std::unordered_map<std::string, size_t> numbers_;
  std::vector<std::string> strings_;
};

std::string_view unit_name(WeightUnit unit) {
  switch (unit) {
    case WeightUnit::kNanoseconds:
      return "nanoseconds";
    case WeightUnit::kCycles:
      return "cycles";
    case WeightUnit::kOther:
      break;
  }
  return "count";
}

class Writer {
 public:
  explicit Writer(const Profile& profile) : profile_(profile), message_(out_) {}

  std::string write() && {
    write_sample_types();
    for (const Sample& sample : profile_.samples)
      write_sample(sample);
    write_mappings();
    write_locations();
    write_functions();
    message_.add_int64(ProfileField::kTimeNanos, profile_.recording.start_unix_ns);
    message_.add_int64(ProfileField::kDurationNanos, profile_.recording.duration_ns);
    message_.add_int64(ProfileField::kComment,
                       strings_.number(std::string(kCommentPrefix) + metadata_to_json(profile_)));
    for (const std::string& text : strings_.strings()) {
      message_.add_string(ProfileField::kStringTable, text);
    }
    return std::move(out_);
  }

 private:
  void write_value_type(ProfileField field, std::string_view type, std::string_view unit) {
    pbf_builder<ValueTypeField> value(message_, field);
    value.add_int64(ValueTypeField::kType, strings_.number(type));
    value.add_int64(ValueTypeField::kUnit, strings_.number(unit));
  }

  void write_sample_types() {
    const Event& event = profile_.recording.event;
    const bool is_time = event.unit == WeightUnit::kNanoseconds;
    const std::string weight = is_time ? "cpu" : event.name;
    write_value_type(ProfileField::kSampleType, "samples", "count");
    write_value_type(ProfileField::kSampleType, weight, unit_name(event.unit));
    if (profile_.recording.has_waits) {
      write_value_type(ProfileField::kSampleType, "intervals", "count");
      write_value_type(ProfileField::kSampleType, "offcpu", "nanoseconds");
    }
    write_value_type(ProfileField::kPeriodType, weight, unit_name(event.unit));
    const double period = event.rate_hz > 0 && is_time ? 1e9 / event.rate_hz : 0;
    message_.add_int64(ProfileField::kPeriod, static_cast<int64_t>(period));
    message_.add_int64(ProfileField::kDefaultSampleType, strings_.number(weight));
  }

  void write_sample(const Sample& sample) {
    pbf_builder<SampleField> row(message_, ProfileField::kSample);
    std::vector<uint64_t> locations;
    for (StackId at = sample.stack; at != kEmptyStack; at = profile_.stacks[at].caller) {
      locations.push_back(profile_.stacks[at].location.value + 1);
    }
    row.add_packed_uint64(SampleField::kLocationId, locations.begin(), locations.end());
    const auto count = static_cast<int64_t>(sample.count);
    const auto weight = static_cast<int64_t>(sample.weight);
    const bool running = sample.state == State::kRunning;
    const std::array<int64_t, 4> values{
        running ? count : 0, running ? weight : 0, running ? 0 : count, running ? 0 : weight};
    const size_t used = profile_.recording.has_waits ? 4 : 2;
    row.add_packed_int64(SampleField::kValue, values.begin(), values.begin() + used);
    write_labels(row, sample);
  }

  void write_labels(pbf_builder<SampleField>& row, const Sample& sample) {
    if (sample.backend.valid()) {
      const Backend& backend = profile_.backends[sample.backend];
      number_label(row, "backend", sample.backend.value);
      number_label(row, "pid", backend.pid);
      text_label(row, "comm", backend.comm);
      text_label(row, "backend_type", backend.type);
      text_label(row, "database", backend.database);
      text_label(row, "user", backend.user);
      text_label(row, "application", backend.application);
    }
    text_label(row, "state", name_of(sample.state));
    text_label(row, "stack_end", name_of(sample.end));
    if (sample.wait_event != kUnknownWait) number_label(row, "wait_event", sample.wait_event);
    // Signed, as pg_stat_statements shows it.
    if (sample.query_id != 0) number_label(row, "query_id", static_cast<int64_t>(sample.query_id));
    number_label(row, "second", sample.second);
  }

  void text_label(pbf_builder<SampleField>& row, std::string_view key, std::string_view text) {
    if (text.empty()) return;
    pbf_builder<LabelField> label(row, SampleField::kLabel);
    label.add_int64(LabelField::kKey, strings_.number(key));
    label.add_int64(LabelField::kStr, strings_.number(text));
  }

  void number_label(pbf_builder<SampleField>& row, std::string_view key, int64_t number) {
    pbf_builder<LabelField> label(row, SampleField::kLabel);
    label.add_int64(LabelField::kKey, strings_.number(key));
    label.add_int64(LabelField::kNum, number);
  }

  void write_mappings() {
    uint64_t id = 0;
    for (const Mapping& mapping : profile_.mappings) {
      pbf_builder<MappingField> row(message_, ProfileField::kMapping);
      row.add_uint64(MappingField::kId, ++id);
      row.add_uint64(MappingField::kMemoryStart, mapping.start);
      row.add_uint64(MappingField::kMemoryLimit, mapping.end);
      row.add_uint64(MappingField::kFileOffset, mapping.file_offset);
      if (mapping.module.valid()) {
        const Module& module = profile_.modules[mapping.module];
        row.add_int64(MappingField::kFilename, strings_.number(module.path));
        row.add_int64(MappingField::kBuildId, strings_.number(module.build_id));
      }
      // Keeps other tools from looking for symbols on their own.
      row.add_bool(MappingField::kHasFunctions, !profile_.functions.empty());
    }
  }

  void write_locations() {
    uint64_t id = 0;
    for (const Location& location : profile_.locations) {
      pbf_builder<LocationField> row(message_, ProfileField::kLocation);
      row.add_uint64(LocationField::kId, ++id);
      if (location.mapping.valid()) {
        row.add_uint64(LocationField::kMappingId, uint64_t{location.mapping.value} + 1);
      }
      row.add_uint64(LocationField::kAddress, location.address);
      for (const Line& line :
           std::span(profile_.lines).subspan(location.first_line, location.line_count)) {
        pbf_builder<LineField> part(row, LocationField::kLine);
        part.add_uint64(LineField::kFunctionId, uint64_t{line.function.value} + 1);
        part.add_int64(LineField::kLine, line.line);
      }
    }
  }

  void write_functions() {
    uint64_t id = 0;
    for (const Function& function : profile_.functions) {
      pbf_builder<FunctionField> row(message_, ProfileField::kFunction);
      row.add_uint64(FunctionField::kId, ++id);
      row.add_int64(FunctionField::kName, strings_.number(function.name));
      row.add_int64(FunctionField::kSystemName, strings_.number(function.name));
      row.add_int64(FunctionField::kFilename, strings_.number(function.file));
    }
  }

  const Profile& profile_;
  std::string out_;
  pbf_builder<ProfileField> message_;
  StringTable strings_;
};

}  // namespace

std::string write_pprof(const Profile& profile) {
  return gzip(Writer(profile).write());
}

}  // namespace pgflame
