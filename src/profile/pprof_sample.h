// One pprof sample as it stands in the file, and what its values mean. Private to the pprof reader.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "src/profile/profile.h"

namespace pgflame::pprof {

struct RawLabel {
  int64_t key = 0;  // string numbers
  int64_t text = 0;
  int64_t number = 0;
};

struct RawMoment {
  uint32_t second = 0;
  uint64_t count = 0;
  uint64_t weight = 0;
};

struct RawSample {
  std::vector<uint64_t> locations;  // ids, leaf first
  std::vector<int64_t> values;
  std::vector<RawLabel> labels;
  std::vector<RawMoment> moments;
};

// Into `sample`, which keeps its memory. Throws protozero::exception on broken bytes.
void decode_sample(std::string_view bytes, RawSample& sample);

struct ValueType {
  std::string_view type;
  std::string_view unit;
};

// Which of a sample's values are what; -1 for "not there".
struct Columns {
  int count = -1;
  int weight = -1;
  int off_count = -1;
  int off_weight = -1;
  Event event;
};

// What a report calls it; types have no names when a file is cut.
std::string event_name(std::string_view type);
// The sample types that a report can be of, as it names them, each once.
std::vector<std::string> event_names(const std::vector<ValueType>& types);

// Ours by name; of other tools' sample types the wanted one, else the one that means CPU time, else
// the first. `wanted` may be empty.
Columns choose_columns(const std::vector<ValueType>& types, std::string_view wanted);

}  // namespace pgflame::pprof
