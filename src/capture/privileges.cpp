#include "src/capture/privileges.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <vector>

#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include <fmt/format.h>
#include <unistd.h>

// Newer than the headers of some distributions.
#ifndef CAP_PERFMON
#define CAP_PERFMON 38
#endif
#ifndef CAP_BPF
#define CAP_BPF 39
#endif
#ifndef CAP_CHECKPOINT_RESTORE
#define CAP_CHECKPOINT_RESTORE 40
#endif

namespace pgflame::capture {
namespace {

struct Needed {
  int capability;
  std::string_view name;
};
constexpr std::array<Needed, 3> kNeeded{{
    {CAP_BPF, "CAP_BPF"},
    {CAP_PERFMON, "CAP_PERFMON"},
    {CAP_SYS_PTRACE, "CAP_SYS_PTRACE"},
}};
constexpr std::array<int, 5> kKept{CAP_SYS_PTRACE,
                                   CAP_DAC_READ_SEARCH,
                                   CAP_SYSLOG,
                                   CAP_CHECKPOINT_RESTORE,
                                   CAP_PERFMON};

// Sets of capabilities as bits by number.
struct Sets {
  uint64_t effective = 0;
  uint64_t permitted = 0;
};

uint64_t bit(int capability) {
  return uint64_t{1} << static_cast<unsigned>(capability);
}

uint64_t bits(std::span<const int> capabilities) {
  uint64_t set = 0;
  for (const int capability : capabilities)
    set |= bit(capability);
  return set;
}

bool read_sets(Sets& sets) {
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  std::array<__user_cap_data_struct, 2> data{};
  if (::syscall(SYS_capget, &header, data.data()) != 0) return false;
  sets.effective = data[0].effective | uint64_t{data[1].effective} << 32;
  sets.permitted = data[0].permitted | uint64_t{data[1].permitted} << 32;
  return true;
}

bool write_sets(const Sets& sets) {
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  std::array<__user_cap_data_struct, 2> data{};
  data[0].effective = static_cast<uint32_t>(sets.effective);
  data[1].effective = static_cast<uint32_t>(sets.effective >> 32);
  data[0].permitted = static_cast<uint32_t>(sets.permitted);
  data[1].permitted = static_cast<uint32_t>(sets.permitted >> 32);
  return ::syscall(SYS_capset, &header, data.data()) == 0;
}

}  // namespace

bool has_privilege(int capability) {
  Sets sets;
  return read_sets(sets) && (sets.effective & bit(capability)) != 0;
}

std::string missing_privileges() {
  // CAP_SYS_ADMIN implies the two that were split off it.
  const bool admin = has_privilege(CAP_SYS_ADMIN);
  std::vector<std::string_view> missing;
  for (const Needed& needed : kNeeded) {
    if (admin && needed.capability != CAP_SYS_PTRACE) continue;
    if (!has_privilege(needed.capability)) missing.push_back(needed.name);
  }
  if (missing.size() < 2) return std::string(missing.empty() ? "" : missing[0]);
  const std::string_view last = missing.back();
  missing.pop_back();
  return fmt::format("{} and {}", fmt::join(missing, ", "), last);
}

Error permission_error(const std::string& refused) {
  const std::string missing = missing_privileges();
  const std::string cause =
      missing.empty() ? "although no capability is missing (a container's seccomp profile or a "
                        "security module may forbid it)"
                      : fmt::format("because this process lacks {}", missing);
  return Error{ErrorKind::kPermission,
               fmt::format("{} {}", refused, cause),
               "run it as root, or grant the binary once: sudo setcap "
               "cap_bpf,cap_perfmon,cap_sys_ptrace,cap_dac_read_search,cap_syslog+ep pgflame"};
}

bool works_without(std::span<const int> capabilities, const std::function<bool()>& action) {
  Sets sets;
  if (!read_sets(sets)) return false;
  Sets fewer = sets;
  fewer.effective &= ~bits(capabilities);
  if (!write_sets(fewer)) return false;
  const bool works = action();
  write_sets(sets);
  return works;
}

Status drop_privileges(std::span<const int> also) {
  Sets sets;
  if (!read_sets(sets)) return fail(system_error("cannot read the capabilities", errno));
  const uint64_t keep = bits(kKept) | bits(also);
  ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
  ::prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
  if ((sets.effective & bit(CAP_SETPCAP)) != 0) {
    for (int capability = 0; ::prctl(PR_CAPBSET_READ, capability, 0, 0, 0) >= 0; ++capability) {
      if ((keep & bit(capability)) == 0) ::prctl(PR_CAPBSET_DROP, capability, 0, 0, 0);
    }
  }
  const uint64_t left = sets.permitted & keep;
  if (!write_sets({left, left})) {
    return fail(system_error("cannot give up capabilities", errno));
  }
  return {};
}

}  // namespace pgflame::capture
