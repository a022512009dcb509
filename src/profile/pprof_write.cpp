#include <span>

#include <protozero/pbf_builder.hpp>

#include "src/base/large_memory.h"
#include "src/base/utf8.h"
#include "src/profile/gzip.h"
#include "src/profile/pprof.h"
#include "src/profile/pprof_fields.h"
#include "src/profile/pprof_sample_write.h"
#include "src/profile/recording_json.h"

namespace pgflame {
namespace {

using namespace pprof;
using protozero::pbf_builder;

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
  Writer(const Profile& profile, PprofForm form) : profile_(profile), form_(form), message_(out_) {}

  // Empty when it gets too large. The samples stand last, behind all that they speak of: what is
  // left of a file that is cut still has its names.
  std::string write(PackedSize size) && {
    SampleWriter samples(profile_, form_, strings_);
    write_sample_types();
    write_mappings();
    write_locations();
    write_functions();
    message_.add_int64(ProfileField::kTimeNanos, profile_.recording.start_unix_ns);
    message_.add_int64(ProfileField::kDurationNanos, profile_.recording.duration_ns);
    message_.add_string(ProfileField::kMetadata, metadata_to_json(profile_));
    if (const std::string& version = profile_.recording.version; !version.empty()) {
      message_.add_int64(ProfileField::kComment, strings_.number("recorded by pgflame " + version));
    }
    for (const std::string& text : strings_.strings()) {
      message_.add_string(ProfileField::kStringTable, valid_utf8(text));  // as proto3 demands
    }
    make_room_for_samples();
    const bool whole = samples.write([&](std::string_view row) {
      message_.add_message(ProfileField::kSample, row.data(), row.size());
      return !size.too_large(out_);
    });
    return whole ? std::move(out_) : std::string();
  }

 private:
  // What there is too much of is never touched.
  void make_room_for_samples() {
    constexpr size_t kBytesOfSample = 24;
    out_.reserve(out_.size() + profile_.samples.size() * kBytesOfSample);
    prefer_large_pages(out_.data(), out_.capacity());
  }

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
  PprofForm form_;
  std::string out_;
  pbf_builder<ProfileField> message_;
  StringTable strings_;
};

}  // namespace

std::string write_pprof(const Profile& profile, PprofForm form, size_t most) {
  // Inside a report the profile is packed while somebody waits; a capture is kept for long.
  constexpr int kFast = 3;
  constexpr int kDense = 6;
  const int level = form == PprofForm::kEmbedded ? kFast : kDense;
  const std::string bytes = Writer(profile, form).write(PackedSize(most, level));
  return bytes.empty() ? bytes : gzip(bytes, level);
}

}  // namespace pgflame
