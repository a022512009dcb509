#include "src/profile/pprof_labels.h"

#include <algorithm>

namespace pgflame::pprof {
namespace {

constexpr std::array<std::string_view, kLabelCount> kLabelNames{"backend",
                                                                "pid",
                                                                "comm",
                                                                "backend_type",
                                                                "database",
                                                                "user",
                                                                "application",
                                                                "state",
                                                                "stack_end",
                                                                "wait_event",
                                                                "query_id",
                                                                "second"};

}  // namespace

LabelReader::LabelReader(const Tables& tables)
    : tables_(&tables), keys_(tables.strings().size(), kLabelCount) {
  for (size_t i = 0; i < keys_.size(); ++i) {
    const auto* known = std::ranges::find(kLabelNames, tables.strings()[i]);
    keys_[i] = static_cast<uint8_t>(known - kLabelNames.begin());
  }
}

Labels LabelReader::labels_of(const RawSample& raw) const {
  Labels labels;
  for (const RawLabel& label : raw.labels) {
    if (label.key < 0 || static_cast<size_t>(label.key) >= keys_.size()) continue;
    const uint8_t kind = keys_[static_cast<size_t>(label.key)];
    if (kind == kLabelCount || labels[kind].given) continue;
    labels[kind] = Label{true, tables_->string(label.text), label.number};
  }
  return labels;
}

}  // namespace pgflame::pprof
