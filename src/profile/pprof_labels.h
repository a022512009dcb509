// The labels of a pprof sample that mean something to us. Private to the pprof reader.
#pragma once

#include <array>
#include <string_view>
#include <vector>

#include "src/profile/pprof_sample.h"
#include "src/profile/pprof_tables.h"

namespace pgflame::pprof {

struct Label {
  bool given = false;
  std::string_view text;
  int64_t number = 0;
};
enum LabelKey : uint8_t {
  kBackend,
  kPid,
  kComm,
  kBackendType,
  kDatabase,
  kUser,
  kApplication,
  kState,
  kStackEnd,
  kWaitEvent,
  kQueryId,
  kSecond,
  kLabelCount
};
using Labels = std::array<Label, kLabelCount>;

// Finds a sample's labels. `tables` has to outlive it.
class LabelReader {
 public:
  explicit LabelReader(const Tables& tables);

  // The first of each kind counts.
  Labels labels_of(const RawSample& raw) const;

 private:
  const Tables* tables_;
  std::vector<uint8_t> keys_;  // LabelKey, by string; kLabelCount: none
};

}  // namespace pgflame::pprof
