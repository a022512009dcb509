#include "src/cli/hidden_kernel.h"

#include <algorithm>

#include <linux/capability.h>

#include "src/base/file.h"
#include "src/base/text.h"
#include "src/capture/privileges.h"

namespace pgflame::cli {

std::string why_kernel_is_hidden(std::string_view kptr_restrict, bool sees_log) {
  const auto value = parse_u64(trim(kptr_restrict));
  if (!value) return {};
  if (*value >= 2) {
    return "sysctl kernel.kptr_restrict is 2, which hides their addresses from everybody; with 1 "
           "root "
           "and processes with CAP_SYSLOG see them";
  }
  if (sees_log) return {};
  if (*value == 1) return "sysctl kernel.kptr_restrict is 1 and this process lacks CAP_SYSLOG";
  return "this process lacks CAP_SYSLOG; sysctl kernel.kptr_restrict is 0, which is enough only "
         "with "
         "kernel.perf_event_paranoid at most 1";
}

std::string hidden_kernel_note(const Profile& named) {
  const bool hidden = std::ranges::any_of(named.functions, [](const Function& function) {
    return function.unnamed == Unnamed::kKernelHidden;
  });
  if (!hidden) return {};
  const auto text = read_file("/proc/sys/kernel/kptr_restrict");
  if (!text) return {};
  const std::string why = why_kernel_is_hidden(*text, capture::has_privilege(CAP_SYSLOG));
  return why.empty() ? "" : "Kernel functions have no names: " + why + ".";
}

}  // namespace pgflame::cli
