#include "src/capture/applications.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <string>

#include <fmt/format.h>

#include "bpf/application_name.h"

namespace pgflame::capture {

uint32_t application_hash(std::string_view name) {
  if (name.empty()) return UNKNOWN_APPLICATION;
  std::array<__u64, MAX_APPLICATION_NAME / 8> words{};
  std::memcpy(words.data(), name.data(), std::min<size_t>(name.size(), MAX_APPLICATION_NAME - 1));
  return hash_of_name(words.data());
}

ApplicationId Applications::row_of(uint32_t hash) {
  if (hash == UNKNOWN_APPLICATION) return {};
  const auto [at, is_new] = rows_.try_emplace(hash);
  if (is_new) {
    at->second = builder_.profile().applications.add({});
    known_.push_back(false);
  }
  return at->second;
}

void Applications::learn(uint32_t hash, std::string_view name) {
  const ApplicationId row = row_of(hash);
  if (!row.valid()) return;
  builder_.profile().applications[row] = name;
  known_[row.value] = true;
}

void Applications::settle() {
  Profile& profile = builder_.profile();
  if (rows_.contains(OTHER_APPLICATION)) {
    learn(OTHER_APPLICATION, "(others)");
    profile.recording.notes.push_back(fmt::format(
        "More than {} application names were seen; what came after them goes by \"(others)\".",
        static_cast<int>(MAX_APPLICATIONS)));
  }
  for (Sample& sample : profile.samples) {
    if (!sample.application.valid()) continue;
    const bool known = known_[sample.application.value];
    if (!known || application_name(profile, sample) == profile.backends[sample.backend].application)
      sample.application = {};
  }
}

}  // namespace pgflame::capture
