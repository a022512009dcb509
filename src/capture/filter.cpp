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

bool matches(std::string_view wanted, std::string_view seen) {
  return wanted.empty() || wanted == seen;
}

// By everything that a session keeps.
bool has_a_wanted_part(const Filter& filter,
                       const std::vector<int32_t>& pids,
                       const Backend& backend) {
  return is_one_of(pids, backend) && matches(filter.backend_type, backend.type) &&
         matches(filter.database, backend.database) && matches(filter.user, backend.user);
}

}  // namespace

bool may_be_wanted(const Filter& filter, const std::vector<int32_t>& pids, const Backend& backend) {
  if (backend.type.empty()) return true;  // its title is not there yet
  // A session may still change its application_name, and never the rest.
  return is_one_of(pids, backend) && !is_other(filter.backend_type, backend.type) &&
         !is_other(filter.database, backend.database) && !is_other(filter.user, backend.user);
}

bool is_wanted(const Filter& filter, const std::vector<int32_t>& pids, const Backend& backend) {
  return has_a_wanted_part(filter, pids, backend) &&
         matches(filter.application, backend.application);
}

bool drop_unwanted(const Filter& filter, const std::vector<int32_t>& pids, Profile& profile) {
  if (!filter.active() && pids.empty()) return true;
  bool whole = !filter.query_id;
  uint64_t& dropped = profile.recording.losses[static_cast<size_t>(Loss::kFiltered)];
  std::erase_if(profile.samples, [&](const Sample& sample) {
    const Backend& backend = profile.backends[sample.backend];
    const bool possible = has_a_wanted_part(filter, pids, backend);
    const bool named = matches(filter.application, application_name(profile, sample));
    if (possible && named != matches(filter.application, backend.application)) whole = false;
    const bool wanted =
        possible && named && (!filter.query_id || *filter.query_id == sample.query_id);
    if (!wanted) dropped += sample.count;
    return !wanted;
  });
  return whole;
}

}  // namespace pgflame::capture
