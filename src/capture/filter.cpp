#include "src/capture/filter.h"

#include <algorithm>
#include <string_view>

namespace pgflame::capture {
namespace {

bool is_one_of(const std::vector<int32_t>& pids, const Backend& backend) {
  const auto contains = [&pids](int32_t pid) { return std::ranges::find(pids, pid) != pids.end(); };
  return pids.empty() || contains(backend.pid) || contains(backend.postmaster) ||
         (backend.leader != 0 && contains(backend.leader));
}

bool is_other(const std::string& wanted, const std::string& seen) {
  return !wanted.empty() && !seen.empty() && wanted != seen;
}

bool matches(const std::string& wanted, const std::string& seen) {
  return wanted.empty() || wanted == seen;
}

}  // namespace

bool may_be_wanted(const Filter& filter, const std::vector<int32_t>& pids, const Backend& backend) {
  if (backend.type.empty()) return true;  // its title is not there yet
  // A session may still change its application_name, and never the rest.
  return is_one_of(pids, backend) && !is_other(filter.backend_type, backend.type) &&
         !is_other(filter.database, backend.database) && !is_other(filter.user, backend.user);
}

bool is_wanted(const Filter& filter, const std::vector<int32_t>& pids, const Backend& backend) {
  return is_one_of(pids, backend) && matches(filter.backend_type, backend.type) &&
         matches(filter.database, backend.database) && matches(filter.user, backend.user) &&
         matches(filter.application, backend.application);
}

void drop_unwanted(const Filter& filter, const std::vector<int32_t>& pids, Profile& profile) {
  if (!filter.active() && pids.empty()) return;
  uint64_t& dropped = profile.recording.losses[static_cast<size_t>(Loss::kFiltered)];
  std::erase_if(profile.samples, [&](const Sample& sample) {
    const bool wanted = is_wanted(filter, pids, profile.backends[sample.backend]) &&
                        (!filter.query_id || *filter.query_id == sample.query_id);
    if (!wanted) dropped += sample.count;
    return !wanted;
  });
}

}  // namespace pgflame::capture
