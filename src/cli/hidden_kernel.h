// Why this host's kernel does not tell where its functions are.
#pragma once

#include <string>
#include <string_view>

#include "src/profile/profile.h"

namespace pgflame::cli {

// `kptr_restrict`: the sysctl's text, `sees_log`: this process has CAP_SYSLOG. Empty when these do
// not explain it (kallsyms_show_value in kernel/ksyms_common.c, Linux 6.4 and later; before that
// kernel/kallsyms.c).
std::string why_kernel_is_hidden(std::string_view kptr_restrict, bool sees_log);

// A note on a profile that was recorded here and now, when frames of the kernel went unnamed for
// that reason; else empty.
std::string hidden_kernel_note(const Profile& named);

}  // namespace pgflame::cli
