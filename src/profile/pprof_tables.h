// The tables of a pprof file: strings, sample types, functions, mappings and locations. Private to
// the pprof reader.
#pragma once

#include <string_view>
#include <unordered_map>
#include <vector>

#include "src/profile/builder.h"
#include "src/profile/pprof_fields.h"
#include "src/profile/pprof_sample.h"
#include "src/profile/pprof_wire.h"

namespace pgflame::pprof {

// Reads them into the builder's profile; samples speak of their rows by the file's ids. Throws
// protozero::exception on broken bytes. `bytes` and `builder` have to outlive it.
class Tables {
 public:
  Tables(std::string_view bytes, ProfileBuilder& builder);

  // Empty when the file has no such string.
  std::string_view string(int64_t number) const;
  // Invalid when the file has no such location.
  LocationId location(uint64_t id) const;

  const std::vector<std::string_view>& strings() const { return strings_; }
  const std::vector<ValueType>& types() const { return types_; }
  // JSON text of pgflame's own; empty in files of other programs.
  std::string_view metadata() const { return metadata_; }

 private:
  void read_strings_and_types(std::string_view bytes);
  void find_metadata(const std::vector<int64_t>& comments);
  void read_function(protozero::data_view bytes);
  void read_mapping(protozero::data_view bytes);
  void read_location(protozero::data_view bytes);
  void read_line(protozero::data_view bytes);
  Profile& profile() { return builder_->profile(); }

  ProfileBuilder* builder_;
  std::vector<std::string_view> strings_;
  std::vector<ValueType> types_;
  std::string_view metadata_;
  std::unordered_map<uint64_t, FunctionId> functions_;
  std::unordered_map<uint64_t, MappingId> mappings_;
  std::unordered_map<uint64_t, LocationId> locations_;
};

// Calls `take` with every message of the kind.
template <typename Take>
void for_each_message(std::string_view bytes, ProfileField kind, Take&& take) {
  for (protozero::pbf_message<ProfileField> message(bytes.data(), bytes.size()); message.next();) {
    if (message.tag() == kind) {
      take(message.get_view());
    } else {
      message.skip();
    }
  }
}

}  // namespace pgflame::pprof
